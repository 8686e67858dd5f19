"""What all verbs that make films have in common: their options, what they tell, and how they stop.

A verb takes its own options and hands them to `make_task`, which makes a Recipe of them. `deliver` settles it, says how
it was understood, shows progress, writes the film and what goes with it, and says where it is.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from time import monotonic, time
from typing import TYPE_CHECKING, Any

import click

from kinema.cli import pace
from kinema.cli.progress import Progress
from kinema.cli.terminal import echo_json

if TYPE_CHECKING:
    from kinema.backends import Reading
    from kinema.engine import Film
    from kinema.recipe import Recipe

_FILE = click.Path(path_type=Path)
_PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".heic", ".avif", ".pdf", ".svg")


class Stopped(click.Abort):
    """Ctrl-C, with what is left of the work in words."""


@dataclass(frozen=True)
class Show:
    """What a person wants to see beside the film; `sheet` is a path, empty for one beside the film.

    private, max_energy_wh and review are the limits that the film is made under; server is the address of the Kinema
    that makes it, where it is not this one.
    """

    as_json: bool = False
    preview: bool = False
    progress: bool | None = None
    sheet: str | None = None
    private: bool = False
    max_energy_wh: float | None = None
    review: str | None = None
    server: str | None = None
    api_key: str | None = field(default=None, repr=False)

    @classmethod
    def taken(cls, options: dict[str, Any]) -> Show:
        """What SHOW gave, taken out of a verb's options."""
        return cls(**{name: options.pop(name) for name in cls.__dataclass_fields__})

    def __post_init__(self) -> None:
        if self.sheet and Path(self.sheet).suffix.lower() != ".png":
            said = f"'{self.sheet}' does not end in .png; a sheet is written as one, for instance"
            said += f" {Path(self.sheet).with_suffix('.png')}; for one beside the film put --sheet last"
            raise click.BadParameter(said, param_hint="--sheet")
        if self.api_key is not None and self.server is None:
            raise click.UsageError("--api-key is shown to a server; name it with --server, or leave the key out")


class FilmVerb(click.Command):
    """A verb that makes a film; what follows --sheet is its path only where it ends as a picture does."""

    def parse_args(self, context: click.Context, arguments: list[str]) -> list[str]:
        joined = list(arguments)
        for index, word in enumerate(arguments):
            if word == "--":
                break
            after = arguments[index + 1] if index + 1 < len(arguments) else ""
            if word == "--sheet" and not after.lower().endswith(_PICTURES):
                joined[index] = "--sheet="
        return super().parse_args(context, joined)


RECIPE = (
    click.Option(
        ["--size"], help="WIDTHxHEIGHT in pixels, any. Left out, a film keeps its own size; else the model's is made."
    ),
    click.Option(["--shape", "aspect"], help="16:9, 9:16, 1:1, 4:3, 3:4 …: the nearest size that the model makes."),
    click.Option(["--fps"], help="Frames per second, any. Left out, a film keeps its own; else the model's are made."),
    click.Option(["--upscale"], type=int, help="Make it 2 or 4 times as large as it would be, or as --size says."),
    click.Option(["--seed"], type=int, help="The same seed makes the same film; drawn and told where left out."),
    click.Option(["--steps"], type=int, help="Steps of the solver: more take longer and look cleaner."),
    click.Option(["--guidance"], type=float, help="How strictly the prompt is followed; 1 leaves it to the model."),
    click.Option(["-n", "n"], type=int, default=1, show_default=True, help="Films, with seeds counting up."),
    click.Option(["--model"], help="Who makes it: native, or remote, the server in KINEMA_REMOTE; native if left out."),
    click.Option(["--as-is"], is_flag=True, help="Give the prompt to the model unrewritten."),
    click.Option(["--read-as", "rewritten_prompt"], metavar="TEXT", help="Give the model these words instead."),
)
"""Parts of a recipe that all tasks have."""
CONSENT = click.Option(
    ["--consent"],
    metavar="WHO, HOW",
    help="Who agreed to the real faces in the films and pictures, and how; the film's credentials say it.",
)
"""For tasks that may start from pictures of people."""
SHOW = (
    click.Option(["-o", "--output"], type=_FILE, help="Film to write: .mp4 .webm .gif .webp .png."),
    click.Option(["--sheet"], metavar="[PATH]", help="Write a sheet of stills too: beside the film, or to PATH.png."),
    click.Option(["--preview"], is_flag=True, help="Show in the terminal what is being made."),
    click.Option(["--progress/--no-progress"], default=None, help="Tell how far it is; by default in a terminal."),
    click.Option(["--json", "as_json"], is_flag=True, help="Print one JSON object per film instead of a line."),
    click.Option(["--private"], is_flag=True, help="Keep the prompt out of the film; a salted hash goes in."),
    click.Option(["--max-energy-wh"], type=float, help="Stop, keeping what is made, before it takes more watt-hours."),
    click.Option(
        ["--review"], type=click.Choice(["all"]), help="Look at every frame, not at one a second and every cut."
    ),
    click.Option(["--server"], metavar="URL", help="Have another Kinema make it, such as http://localhost:8000."),
    click.Option(["--api-key"], metavar="KEY", help="The key to show to that server; better set KINEMA_API_KEY."),
)
"""All that is no part of the recipe, as Show holds it, and where the film goes."""


def film_verb(name: str, *options: click.Option) -> Callable[[Callable[..., None]], click.Command]:
    """A verb that makes a film, with these options after its own."""

    def made(function: Callable[..., None]) -> click.Command:
        verb = click.command(name, cls=FilmVerb)(function)
        verb.params += [*options, *SHOW]
        return verb

    return made


def make_task(
    task: str, media: Sequence[Path], how: dict[str, Any], options: dict[str, Any], suffix: str = ".mp4"
) -> None:
    """Makes the film of a task on these media; `options` are what RECIPE and SHOW gave, and other parts of a recipe."""
    from kinema.how import HOWS
    from kinema.recipe import Recipe

    wanted, size, output = Show.taken(options), size_parts(options), options.pop("output")
    parts = {name: value for name, value in options.items() if value is not None}
    given = {name: value for name, value in how.items() if value not in (None, ())}
    recipe = Recipe.model_validate(
        {"task": task, "sources": [{"path": str(path)} for path in media]}
        | ({"how": given} if task in HOWS else {})
        | size
        | parts
    )
    deliver(recipe, output, wanted, suffix)


def size_parts(options: dict[str, Any]) -> dict[str, Any]:
    """--size, --shape and --upscale, taken out of the options, as parts of a recipe. Raises SizeError.

    With --upscale, --size is what the model makes before it is upscaled, 1 saying that it is not.
    """
    from kinema.recipe import parse_size

    size, aspect, factor = options.pop("size"), options.pop("aspect"), options.pop("upscale")
    parts = {"shape": aspect, "upscale": None if factor == 1 else factor}
    if size and factor:
        parts |= zip(("width", "height"), parse_size(size), strict=True)
    else:
        parts["size"] = size
    return {name: value for name, value in parts.items() if value is not None}


def deliver(recipe: Recipe, output: Path | None, show: Show, suffix: str = ".mp4") -> None:
    """Makes the recipe's films and says where each is; without a path they are named after prompt and seed."""
    if show.server is not None:
        from kinema.cli.remote import deliver_from_afar

        return deliver_from_afar(recipe, output, show)
    from kinema import engine
    from kinema.media import check_place
    from kinema.ready import Limits, prepare

    begun, limits = monotonic(), Limits(show.max_energy_wh, show.private, show.review == "all")
    with Progress("getting ready", shown=show.progress):
        ready = prepare(recipe, limits=limits)
    settled = ready.recipe
    path = output or Path(f"{slug(settled.prompt or settled.task)}-{settled.seed}{suffix}")
    check_place(path, *settled.film_size)
    tell(settled, ready.reading, heard=recipe.rewritten_prompt is None)
    for note in ready.notes:
        click.echo(f"Note: {note}", err=True)
    expected_s = pace.expected_seconds(settled)
    for index in range(settled.n):
        label = f"film {index + 1} of {settled.n}" if settled.n > 1 else "making"
        one, place = ready.one_of(index), engine.numbered(path, index, settled.n)
        assert place is not None
        started = time()
        with Progress(label, expected_s=expected_s, shown=show.progress, preview=show.preview) as progress:
            try:
                film = engine.make(one, place, on_step=progress.step, limits=limits)
            except KeyboardInterrupt:
                raise Stopped(what_is_left(place, index, started)) from None
            if progress.measured_s:
                pace.remember(one.recipe, progress.measured_s)
        wall_s, begun = monotonic() - begun, monotonic()
        tell_film(film, wall_s, show, index if settled.n > 1 else None, told=ready.notes)


def tell_film(film: Film, wall_s: float, show: Show, index: int | None, told: Sequence[str] = ()) -> None:
    """Says where a film is and what there is to know of it but was not told; index is its place among several."""
    assert film.path is not None
    for note in film.notes:
        if note not in told:
            click.echo(f"Note: {note}", err=True)
    sheet = _write_sheet(film, film.path, show.sheet, index)
    if show.as_json:
        echo_json(summary(film, wall_s) | ({"sheet": str(sheet)} if sheet else {}))
    else:
        click.echo(" · ".join(_last_line(film, wall_s, sheet)))


def _last_line(film: Film, wall_s: float, sheet: Path | None) -> Iterator[str]:
    """Where a film is, its size where the model made another, its seed and how long it took."""
    yield str(film.path)
    if resized(film.recipe):
        yield f"{film.clip.width}x{film.clip.height} from {film.recipe.width}x{film.recipe.height}"
    yield f"seed {film.recipe.seed}"
    yield f"{wall_s:.1f} s"
    if sheet:
        yield str(sheet)


def resized(recipe: Recipe) -> str | None:
    """How a settled recipe's film gets its size, in words; None where that is what the model makes, or is not known."""
    if recipe.width is None or recipe.film_size == (recipe.width, recipe.height):
        return None
    from kinema.backends.upscale import size_words

    return size_words(recipe)


def tell(recipe: Recipe, reading: Reading, *, heard: bool = True) -> None:
    """Says, before anything is made, what the model does not know and what it was given instead.

    heard is False where the person said what the model is given: then nothing was read into the prompt.
    """
    if heard:
        for unknown in reading.unknown:
            if unknown.nearest:
                click.echo(f"I do not know '{unknown.word}'; nearest: '{unknown.nearest}'", err=True)
        strange = [f"'{unknown.word}'" for unknown in reading.unknown if not unknown.nearest]
        if strange:
            click.echo(f"I do not know {', '.join(strange)}", err=True)
        for note in reading.notes:
            click.echo(f"Note: {note}", err=True)
    if recipe.rewritten_prompt and recipe.rewritten_prompt != recipe.prompt:
        click.echo(f"I read: {recipe.rewritten_prompt}", err=True)
    for card in getattr(recipe.how, "cards", ()):
        if card.rewritten and card.rewritten != card.text:
            click.echo(f"I read at {float(card.at):g} s: {card.rewritten}", err=True)
    if how := resized(recipe):
        click.echo(f"Size: {how}", err=True)
    if not recipe.made_fps and recipe.made_frames != recipe.frames and recipe.task != "still":
        click.echo(f"I make {recipe.made_frames} frames, and keep the first {recipe.frames}", err=True)


def slug(prompt: str) -> str:
    """The prompt's first words as a file name."""
    words = re.findall(r"\w+", prompt.lower())
    return "-".join(words[:8])[:60] or "film"


def summary(film: Film, wall_s: float) -> dict[str, object]:
    """A film in one JSON object."""
    recipe = film.recipe
    return {
        "path": str(film.path),
        "task": recipe.task,
        "prompt": recipe.prompt,
        "rewritten_prompt": recipe.rewritten_prompt,
        "seed": recipe.seed,
        "frames": len(film.clip),
        "fps": _plain(film.clip.fps),
        "made_fps": _plain(recipe.made_fps or film.clip.fps),
        "size": f"{film.clip.width}x{film.clip.height}",
        "made_at": f"{recipe.width}x{recipe.height}" if recipe.width else None,
        "upscale": recipe.upscale,
        "seconds": film.clip.seconds,
        "wall_s": round(wall_s, 3),
        "energy_wh": round(film.receipt.energy_wh, 6),
        "notes": list(film.notes),
    }


def _plain(fps: Fraction) -> int | float:
    return fps.numerator if fps.denominator == 1 else float(fps)


def said_by(recipe: Recipe) -> list[str]:
    """What a person said should be seen, in order."""
    cards = [card.text for card in getattr(recipe.how, "cards", ())]
    return [text for text in (recipe.prompt, *cards) if text]


def _write_sheet(film: Film, path: Path, wanted: str | None, index: int | None) -> Path | None:
    """The contact sheet's path, if one was wanted; several films have several sheets."""
    if wanted is None:
        return None
    from kinema.cli.sheet import write_sheet

    place = Path(wanted) if wanted else path.with_suffix(".sheet.png")
    if wanted and index is not None:
        place = place.with_stem(f"{place.stem}-{index + 1}")
    write_sheet(film.clip, place, " … ".join(said_by(film.recipe)))
    return place


def what_is_left(path: Path, films: int, since: float) -> str:
    """What Ctrl-C left behind."""
    whole = "" if not films else "one whole film is kept; " if films == 1 else f"{films} whole films are kept; "
    parts = [part for part in path.parent.glob(f"{glob.escape(path.stem)}.part*{path.suffix}") if _age(part) >= since]
    if parts:
        return f"stopped; {whole}what was made so far plays as {max(parts, key=_age)}"
    return f"stopped; {whole}no half-written film was left behind"


def _age(path: Path) -> float:
    return path.stat().st_mtime
