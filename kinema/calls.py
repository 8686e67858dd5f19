"""Python's door: one function per task, each a recipe for the engine.

    film = kinema.generate("a red dog jumps in a snowy forest at night", "dog.mp4", seed=7)
    kinema.extend("dog.mp4", "longer.mp4", seconds=4)

Parts are those of a Recipe (seconds, fps, width, height, seed, steps, …) and the task's own options, and
server="http://gpu.example:8000", which has another Kinema make the film (or a Server, with its api_key). A medium is
a file, a folder of frames, or a clip.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kinema.clip import Clip
from kinema.engine import Film, OnStep, make
from kinema.how import HOWS, Card
from kinema.recipe import Recipe, Source

if TYPE_CHECKING:
    from kinema.remote import Server

Medium = str | Path | Clip


def generate(prompt: str, path: str | Path | None = None, *, on_step: OnStep | None = None, **parts: object) -> Film:
    """A film of what the prompt says; parts are those of a Recipe: seconds, fps, width, height, seed, steps, …

    The same prompt, seed and parts give the same frames as the terminal's `kinema generate`.
    """
    return _ask("generate", [], path, on_step, {"prompt": prompt, **parts})


def still(prompt: str, path: str | Path | None = None, *, on_step: OnStep | None = None, **parts: object) -> Film:
    """A picture of what the prompt says."""
    return _ask("still", [], path, on_step, {"prompt": prompt, **parts})


def animate(
    picture: Medium,
    path: str | Path | None = None,
    *,
    last: Medium | None = None,
    on_step: OnStep | None = None,
    **parts: object,
) -> Film:
    """A film that begins with the picture (at="last": ends with it); with `last`, it leads from one to the other."""
    return _ask("animate", [picture] if last is None else [picture, last], path, on_step, parts)


def extend(film: Medium, path: str | Path | None = None, *, on_step: OnStep | None = None, **parts: object) -> Film:
    """The film with `seconds` more at its end, or (direction="backward") at its beginning."""
    return _ask("extend", [film], path, on_step, parts)


def fill(
    film: Medium,
    path: str | Path | None = None,
    *,
    mask: Medium | None = None,
    on_step: OnStep | None = None,
    **parts: object,
) -> Film:
    """The film with what is lost of it invented: where the mask is white, or by lost=, keep_every= or boxes=."""
    return _ask("fill", [film] if mask is None else [film, mask], path, on_step, parts)


def loop(
    film: Medium | None = None, path: str | Path | None = None, *, on_step: OnStep | None = None, **parts: object
) -> Film:
    """A film that can be shown round and round: of a film, or of prompt="…"."""
    return _ask("loop", [] if film is None else [film], path, on_step, parts)


def blend(
    first: Medium, second: Medium, path: str | Path | None = None, *, on_step: OnStep | None = None, **parts: object
) -> Film:
    """The first film, a made bridge of `seconds`, the second; with influence=[(0, 1), (1, 0)] both run into another."""
    return _ask("blend", [first, second], path, on_step, parts)


def remix(film: Medium, path: str | Path | None = None, *, on_step: OnStep | None = None, **parts: object) -> Film:
    """The film made anew from itself, noised to strength= subtle, mild, strong or a number up to 1."""
    return _ask("remix", [film], path, on_step, parts)


def storyboard(
    cards: Sequence[Card | dict[str, object]],
    media: Sequence[Medium] = (),
    path: str | Path | None = None,
    *,
    on_step: OnStep | None = None,
    **parts: object,
) -> Film:
    """A film of cards on a time line; a card's source is the place of its film or picture in `media`."""
    return _ask("storyboard", media, path, on_step, {"cards": tuple(cards), **parts})


def recut(
    pieces: Sequence[object],
    media: Sequence[Medium],
    path: str | Path | None = None,
    *,
    on_step: OnStep | None = None,
    **parts: object,
) -> Film:
    """Trimmed pieces of the media in order, with gap= seconds invented between them and add= after the last."""
    return _ask("recut", media, path, on_step, {"pieces": tuple(pieces), **parts})


def _ask(
    task: str,
    media: Sequence[Medium],
    path: str | Path | None,
    on_step: OnStep | None,
    parts: dict[str, object],
) -> Film:
    """The film of a task on these media; parts are those of a recipe, the task's own options, and the server."""
    server = parts.pop("server", None)
    options = set(HOWS[task].model_fields) if task in HOWS else set()
    how = {name: value for name, value in parts.items() if name in options}
    rest = {name: value for name, value in parts.items() if name not in options}
    sources = tuple(Source() if isinstance(each, Clip) else Source(path=str(each)) for each in media)
    recipe = Recipe.model_validate({"task": task, "sources": sources, **({"how": how} if how else {}), **rest})
    clips = [each for each in media if isinstance(each, Clip)]
    render = make if server is None else _there(server).make
    return render(recipe, Path(path) if path is not None else None, clips=clips, on_step=on_step)


def _there(server: object) -> Server:
    """The Kinema at an address, or as it was handed over."""
    from kinema.remote import Server

    return server if isinstance(server, Server) else Server(str(server))
