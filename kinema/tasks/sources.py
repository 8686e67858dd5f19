"""What a task starts from: films and pictures read from where a recipe says, known again by their hash, and fitted.

It stands apart from the tasks because they need no codec, and training draws from them without one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from hashlib import file_digest, sha256
from pathlib import Path

import numpy as np

from kinema.clip import Clip
from kinema.errors import ClipError, RecipeError
from kinema.how import Fill
from kinema.media import Held, Media, Shape, fit, load
from kinema.recipe import Recipe, Source


@dataclass(frozen=True, eq=False)
class Loaded:
    """A source with its hash, and what it holds."""

    source: Source
    media: Media
    name: str

    @property
    def clip(self) -> Clip:
        return self.media.clip


Shaped = Callable[[Held, Held], Shape]
"""What a source is decoded to, of what the first source holds and what this one does."""


def load_sources(recipe: Recipe, clips: Sequence[Clip], shaped: Shaped) -> list[Loaded]:
    """The recipe's sources; those without a path are the clips, in their order. Raises RecipeError and ClipError.

    Files are shaped while they are decoded, so that no large film is ever held at its full size.
    """
    handed = [source for source in recipe.sources if not source.path]
    if len(handed) != len(clips):
        raise RecipeError(
            f"{len(handed)} of the recipe's sources were clips in memory, and {len(clips)} clips are handed over;"
            " hand over each of them"
        )
    rest = iter(clips)
    loaded: list[Loaded] = []
    for number, source in enumerate(recipe.sources, start=1):
        name = source.path or f"clip {number}"
        found = _hash_of_file(Path(source.path)) if source.path else _hash_of_clip(clip := next(rest))
        if source.sha256 not in (None, found):
            raise RecipeError(
                f"{name} is not what the recipe was made with (SHA-256 {found[:12]}…, not {str(source.sha256)[:12]}…);"
                " bring that back, or leave out its sha256"
            )
        first = loaded[0].media.held if loaded else None
        media = load(source.path, into=partial(_into, shaped, first)) if source.path else Media.of(clip)
        loaded.append(Loaded(Source(path=source.path, sha256=found), media, name))
    if isinstance(recipe.how, Fill) and len(loaded) == 2:
        _check_mask(*loaded)
    return loaded


def _into(shaped: Shaped, first: Held | None, held: Held) -> Shape:
    return shaped(first or held, held)


def fitted(loaded: Loaded, width: int, height: int, fps: Fraction) -> tuple[Clip, str | None]:
    """The clip in that size and at that rate, and what that changed, in words; a single picture has no rate."""
    clip, held = loaded.clip, loaded.media.held
    rate = loaded.media.fps if held.frames > 1 else fps
    if len(clip) == 1:
        clip = Clip(clip.frames, fps)
    clip = fit(clip, width, height, fps)
    if (held.width, held.height, rate) == (width, height, fps):
        return clip, None
    said = f"{loaded.name}: {_words(loaded.media)} was fitted to {width}x{height} at {float(fps):g} fps"
    lost = abs(np.log(held.width * height / (held.height * width)))
    if lost > 1e-9:
        said += f", and {100 * (1 - np.exp(-lost)):.2g} % of it cut off at the edges"
    return clip, said


def _words(media: Media) -> str:
    held = media.held
    return f"{held.width}x{held.height}" + (f" at {float(media.fps):.4g} fps" if held.frames > 1 else "")


def _check_mask(film: Loaded, mask: Loaded) -> None:
    """Raises RecipeError where the mask is not of the film's shape, before either is fitted."""
    of, to = mask.media.held, film.media.held
    if (of.width, of.height) != (to.width, to.height):
        raise RecipeError(
            f"the mask {mask.name} of {of.width}x{of.height} does not match {film.name} of"
            f" {to.width}x{to.height}; make it that size"
        )
    if of.frames > 1 and (of.frames, mask.media.fps) != (to.frames, film.media.fps):
        raise RecipeError(
            f"the mask {mask.name} of {of.frames} frames at {float(mask.media.fps):.4g} fps does not match"
            f" {film.name} of {to.frames} at {float(film.media.fps):.4g}; give as many, or one picture"
        )


def _hash_of_file(path: Path) -> str:
    """SHA-256 of a file's bytes, or of the names and hashes of a folder's files, in hex."""
    if path.is_dir():
        names = sorted(each for each in path.iterdir() if each.is_file())
        return sha256("".join(f"{each.name} {_hash_of_file(each)}\n" for each in names).encode()).hexdigest()
    if not path.is_file():
        raise ClipError(f"there is no file {path}")
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _hash_of_clip(clip: Clip) -> str:
    """SHA-256 of shape, rate and pixels, in hex."""
    found = sha256(f"{clip.frames.shape} {clip.fps}".encode())
    for frame in clip.frames:
        found.update(np.ascontiguousarray(frame).data)
    return found.hexdigest()
