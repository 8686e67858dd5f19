"""The verbs that start from films and pictures, and the verb that makes any recipe."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kinema.cli.films import CONSENT, RECIPE, Show, deliver, film_verb, make_task

if TYPE_CHECKING:
    from kinema.recipe import Recipe

_FILE = click.Path(path_type=Path)


@film_verb("still", *RECIPE)
@click.argument("prompt")
def still(**options: Any) -> None:
    """Make a picture of what PROMPT says.

    \b
    Examples:
      kinema still "a red dog in a snowy forest at night" -o dog.png
      kinema still "two boats on the ocean at sunset" --shape 16:9 --upscale 2
    """
    make_task("still", [], {}, options, suffix=".png")


@film_verb("animate", *RECIPE, CONSENT)
@click.argument("picture", type=_FILE)
@click.argument("prompt", default="")
@click.option("--last", type=_FILE, help="A second picture, with which the film ends.")
@click.option("--at", type=click.Choice(["first", "last"]), help="Where a single picture stands; first if left out.")
@click.option("--seconds", help="Length, such as 4 or 2.5.")
def animate(picture: Path, last: Path | None, at: str | None, **options: Any) -> None:
    """Make a film that begins with PICTURE.

    The film has the picture's shape, at a size that the model makes; with --size the picture stays as sharp as it is.
    With --last it leads from one picture to the other.

    \b
    Examples:
      kinema animate dog.png "a red dog jumps in the snow"
      kinema animate morning.jpg --last evening.jpg --seconds 4 -o day.mp4
    """
    make_task("animate", [picture, last] if last else [picture], {"at": at}, options)


@film_verb("extend", *RECIPE, CONSENT)
@click.argument("film", type=_FILE)
@click.argument("prompt", default="")
@click.option("--seconds", help="How much is added, such as 4 or 2.5.")
@click.option("--backward", is_flag=True, help="Add what came before instead of what comes after.")
@click.option("--overlap", type=int, help="Frames of the film that the new ones are made from.")
def extend(film: Path, backward: bool, **options: Any) -> None:
    """Go on with FILM, or with --backward begin before it. Its own frames stay as they are.

    The film keeps its size and rate: only what is new is made at the model's, upscaled, and given frames between that
    follow what moves. Without PROMPT, a film that Kinema made keeps its own.

    \b
    Examples:
      kinema extend dog.mp4 --seconds 4 -o longer.mp4
      kinema extend dog.mp4 "a red dog sleeps in the snow" --backward
    """
    make_task("extend", [film], {"direction": "backward" if backward else "forward"}, options)


@film_verb("fill", *RECIPE, CONSENT)
@click.argument("film", type=_FILE)
@click.argument("prompt", default="")
@click.option("--mask", type=_FILE, help="A picture, or a film as long as FILM: what is white in it is invented.")
@click.option(
    "--box", "boxes", multiple=True, metavar="[T:]L,T,R,B", help="What is inside is invented. Edges from 0 to 1."
)
@click.option("--lost", multiple=True, metavar="FROM-TO", help="Seconds that are invented, such as 1-2.5.")
@click.option("--keep-every", type=int, metavar="K", help="Of K frames one is kept; the others are invented.")
@click.option("--keep", is_flag=True, help="Turn --mask and --box round: what is marked is kept, the rest invented.")
def fill(
    film: Path,
    mask: Path | None,
    boxes: tuple[str, ...],
    lost: tuple[str, ...],
    keep_every: int | None,
    keep: bool,
    **options: Any,
) -> None:
    """Invent what is lost of FILM, and keep the rest bit for bit.

    Say what is to be invented in one of four ways: a mask (white is invented, black is kept), boxes, stretches of time,
    or a rhythm. A box with a time stands there at that second; with several it moves evenly from one to the next,
    growing or shrinking on the way. Without PROMPT, a film that Kinema made keeps its own.

    \b
    Examples:
      kinema fill dog.mp4 --lost 1-2 --lost 3-3.5
      kinema fill dog.mp4 "a white rabbit jumps in a snowy forest at night" --mask dog-mask.png
      kinema fill dog.mp4 --box 0:0.1,0.4,0.4,0.9 --box 4:0.6,0.4,0.9,0.9
      kinema fill slow.mp4 --keep-every 4
    """
    how = {
        "boxes": tuple(parse_box(text) for text in boxes),
        "lost": tuple(parse_stretch(text) for text in lost),
        "keep_every": keep_every,
        "keep": keep,
    }
    make_task("fill", [film, mask] if mask else [film], how, options)


@film_verb("loop", *RECIPE, CONSENT)
@click.argument("prompt", default="")
@click.option("--film", type=_FILE, help="The film to be looped; without it, one is made of PROMPT.")
@click.option("--bridge", help="Seconds that are made to lead from the end to the beginning; 2 if left out.")
@click.option(
    "--keep", type=click.Choice(["all", "middle"]), help="Of a film: add the bridge (all), or remake its ends."
)
@click.option("--seconds", help="Length of a loop that is made of PROMPT.")
def loop(film: Path | None, bridge: str | None, keep: str | None, **options: Any) -> None:
    """Make a film that can be shown round and round, of PROMPT or of a film.

    \b
    Examples:
      kinema loop "a ship sails on the ocean at sunset" --seconds 6 -o ship.gif
      kinema loop --film dog.mp4 --bridge 2
      kinema loop --film dog.mp4 --keep middle
    """
    make_task("loop", [film] if film else [], {"bridge": bridge, "keep": keep}, options)


@film_verb("blend", *RECIPE, CONSENT)
@click.argument("first", type=_FILE)
@click.argument("second", type=_FILE)
@click.argument("prompt", default="")
@click.option("--then", help="What should be seen from the middle on.")
@click.option("--seconds", help="Length of the bridge, or with --influence of what both films share.")
@click.option("--influence", metavar="CURVE", help="The first film's influence over time, such as 0:1,0.5:0.5,1:0.")
@click.option("--strength", help="With --influence: how freely the mixture is remade, from 0 to 1.")
def blend(
    first: Path, second: Path, then: str | None, influence: str | None, strength: str | None, **options: Any
) -> None:
    """Join FIRST and SECOND by a made bridge.

    With --influence there is no bridge: the last seconds of FIRST run together with the first of SECOND. Each point
    TIME:SHARE of the curve, both from 0 to 1, says how much is seen of FIRST at that part of them, and straight lines
    run between the points. Where the share is 1 the frames of FIRST stay as they are, where it is 0 those of SECOND;
    between, a mixture of both is noised and made anew. 0:1,1:0 dissolves evenly; 0:1,0.4:1,0.6:0,1:0 changes fast.

    \b
    Examples:
      kinema blend dog.mp4 ship.mp4 --seconds 2 -o both.mp4
      kinema blend dog.mp4 ship.mp4 --seconds 3 --influence 0:1,0.5:0.5,1:0
    """
    curve = parse_curve(influence) if influence is not None else None
    make_task("blend", [first, second], {"influence": curve, "strength": strength, "then": then}, options)


@film_verb("remix", *RECIPE, CONSENT)
@click.argument("film", type=_FILE)
@click.argument("prompt", default="")
@click.option("--strength", help="subtle, mild, strong, or a number above 0 and up to 1, which leaves nothing of FILM.")
def remix(film: Path, strength: str | None, **options: Any) -> None:
    """Make FILM anew from itself: the more strength, the more freely.

    Without PROMPT, a film that Kinema made keeps its own.

    \b
    Examples:
      kinema remix dog.mp4 "a red dog jumps in a city at night" --strength strong
      kinema remix dog.mp4 --strength subtle -n 4
    """
    make_task("remix", [film], {"strength": strength}, options)


@film_verb("storyboard", *RECIPE, CONSENT)
@click.argument("file", required=False, metavar="[FILE.json|-]")
@click.option(
    "--card", "cards", multiple=True, metavar="SECOND:TEXT", help="A card; @FILE or @FILE[FROM-TO] shows media."
)
@click.option("--prompt", help="What should be seen before any card says something.")
@click.option("--seconds", help="Length; by default a film's usual length from the last card on.")
def storyboard(file: str | None, cards: tuple[str, ...], **options: Any) -> None:
    """Make a film of cards on a time line, from a FILE or from --card.

    A card says from its second on what should be seen, or shows a picture or a film, or both; what the cards leave open
    is invented. In a file it is {"at": 4, "text": "…", "source": "photo.png", "start": 1, "stop": 3}, the cards are a
    list by the name of cards, and beside it may stand any other part of a recipe, such as seconds.

    \b
    Examples:
      kinema storyboard --card "0: a red dog walks" --card "4: a red dog jumps in the snow" --seconds 8
      kinema storyboard --card "0: @dog.png a red dog" --card "5: @ship.mp4[1-3]" -o story.mp4
      kinema storyboard board.json
    """
    if (file is None) == (not cards):
        raise click.UsageError("give the cards as one FILE, or each with --card")
    parts = read_board(file) if file is not None else {"cards": [parse_card(text) for text in cards]}
    found, media = _numbered(parts.pop("cards"))
    make_task(
        "storyboard",
        media,
        {"cards": tuple(found)},
        parts | {k: v for k, v in options.items() if v is not None or k not in parts},
    )


@film_verb("recut", *RECIPE, CONSENT)
@click.argument("pieces", nargs=-1, required=True, metavar="FILM[FROM-TO]...")
@click.option("--prompt", default="", help="What should be seen in what is invented.")
@click.option("--gap", help="Seconds that are invented between one piece and the next.")
@click.option("--add", help="Seconds that are invented after the last piece.")
def recut(pieces: tuple[str, ...], gap: str | None, add: str | None, **options: Any) -> None:
    """Trim films to pieces, put these in order, and invent what lies between and after them.

    \b
    Examples:
      kinema recut "dog.mp4[1-3]" --add 4 -o longer.mp4
      kinema recut "dog.mp4[0-2]" "ship.mp4[1.5-3]" "dog.mp4[2-4]" --gap 1
    """
    found, media = _numbered([parse_piece(text) for text in pieces])
    make_task("recut", media, {"pieces": tuple(found), "gap": gap, "add": add}, options)


@film_verb("make")
@click.argument("recipe")
def make(recipe: str, output: Path | None, **options: Any) -> None:
    """Make a RECIPE: a JSON file, - for stdin, or a film that Kinema made, whose own recipe is made again.

    \b
    Examples:
      kinema make dog.mp4 -o again.mp4
      kinema show dog.mp4 --json | jq .recipe | kinema make - -o again.mp4
    """
    made = read_recipe(recipe)
    deliver(made, output, Show(**options), suffix=".png" if made.task == "still" else ".mp4")


def read_recipe(place: str) -> Recipe:
    """The recipe in a JSON file, on stdin or in a film. Raises RecipeError or ClipError."""
    from kinema.errors import ClipError
    from kinema.media import read_about
    from kinema.recipe import Recipe

    if place == "-" or place.endswith(".json"):
        return Recipe.model_validate(_json(place))
    about = read_about(Path(place))
    if about is None:
        raise ClipError(f"{place} carries no recipe: it was not made by Kinema, or another program has rewritten it")
    return Recipe.model_validate_json(about)


def read_board(place: str) -> dict[str, Any]:
    """The parts of a storyboard in a JSON file or on stdin, its media found beside the file."""
    from kinema.errors import RecipeError

    parts = _json(place)
    cards = parts.get("cards")
    if not isinstance(cards, list) or not all(isinstance(card, dict) for card in cards):
        raise RecipeError(f'{place} holds no cards; a storyboard is {{"cards": [{{"at": 0, "text": "a red dog"}}]}}')
    beside = Path() if place == "-" else Path(place).parent
    return parts | {
        "cards": [
            card | ({"source": str(beside / card["source"])} if isinstance(card.get("source"), str) else {})
            for card in cards
        ]
    }


def _json(place: str) -> dict[str, Any]:
    from kinema.errors import RecipeError

    try:
        text = sys.stdin.read() if place == "-" else Path(place).read_text(encoding="utf-8")
    except OSError as error:
        raise RecipeError(f"{place} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise RecipeError(f"{place} is not text; give a JSON file") from None
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise RecipeError(f"{place} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise RecipeError(f"{place} holds {type(found).__name__}, not an object with names")
    return found


def _numbered(parts: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[Path]]:
    """Cards or pieces with the numbers of their media in the place of their paths, and these media, each once."""
    places = list(dict.fromkeys(str(part["source"]) for part in parts if "source" in part))
    numbers = {place: number for number, place in enumerate(places)}
    found = [part | ({"source": numbers[str(part["source"])]} if "source" in part else {}) for part in parts]
    return found, [Path(place) for place in places]


_NUMBER = r"\d+(?:\.\d+|/\d+)?"
_MEDIUM = rf"(?P<source>[^\[\]]+?)(?:\[(?P<start>{_NUMBER})?-(?P<stop>{_NUMBER})?\])?"


def parse_piece(text: str) -> dict[str, Any]:
    """dog.mp4[1-3] as a part of a recipe; either end may be left out. Raises RecipeError."""
    return _parsed(rf"\s*{_MEDIUM}\s*", text, "a piece", "dog.mp4[1-3]")


def parse_card(text: str) -> dict[str, Any]:
    """4: @dog.mp4[1-3] a red dog, as a part of a recipe. Raises RecipeError."""
    medium = _MEDIUM.replace(r"[^\[\]]+?", r"[^\s\[\]]+")
    return _parsed(
        rf"\s*(?P<at>{_NUMBER})\s*:\s*(?:@{medium}(?=\s|$))?\s*(?P<text>\S.*?)?\s*",
        text,
        "a card",
        "4: @dog.png a red dog",
    )


def parse_box(text: str) -> dict[str, Any]:
    """2:0.1,0.2,0.5,0.9 as a part of a recipe. Raises RecipeError."""
    edges = ",".join(rf"\s*(?P<{name}>{_NUMBER})\s*" for name in ("left", "top", "right", "bottom"))
    return _parsed(rf"(?:\s*(?P<at>{_NUMBER})\s*:)?{edges}", text, "a box", "2:0.1,0.2,0.5,0.9")


def parse_stretch(text: str) -> tuple[str, str]:
    """1-2.5 as two moments. Raises RecipeError."""
    found = _parsed(rf"\s*(?P<start>{_NUMBER})\s*-\s*(?P<stop>{_NUMBER})\s*", text, "a stretch of seconds", "1-2.5")
    return found["start"], found["stop"]


def parse_curve(text: str) -> tuple[tuple[float, float], ...]:
    """0:1,0.5:0.5,1:0 as points. Raises RecipeError."""
    points = []
    for point in text.split(","):
        found = _parsed(
            rf"\s*(?P<when>{_NUMBER})\s*:\s*(?P<share>{_NUMBER})\s*", point, "a point of a curve", "0.5:0.5"
        )
        points.append((float(found["when"]), float(found["share"])))
    return tuple(points)


def _parsed(pattern: str, text: str, what: str, example: str) -> dict[str, str]:
    """The named parts that the text has."""
    from kinema.errors import RecipeError

    match = re.fullmatch(pattern, text, re.DOTALL)
    if not match:
        raise RecipeError(f"'{text}' is not {what}; one is written like '{example}'")
    return {name: value for name, value in match.groupdict().items() if value is not None}
