"""One recipe in, one film out: the chain, and the only place where it is.

    recipe ─ settle ─ task ─ canvas ─ fill ─ clip ─ write ─ film + receipt

Whatever door a request comes in by, it goes this way, so what holds for every film is held here.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from time import monotonic

import numpy as np

from kinema.backends import Backend, Reading, Step, check_asks, find
from kinema.clip import Clip
from kinema.energy import Receipt, receipt
from kinema.errors import RecipeError
from kinema.media import check_suffix, whole_file, write
from kinema.recipe import Recipe, check_limits, whole_frames
from kinema.settings import read_settings
from kinema.tasks import begin

OnStep = Callable[[Step], None]


@dataclass(frozen=True, eq=False)
class Film:
    """A clip, the settled recipe that makes it again, where it was written (if it was), and what it took."""

    clip: Clip
    recipe: Recipe
    path: Path | None
    receipt: Receipt


def settle(recipe: Recipe) -> tuple[Recipe, Reading]:
    """The recipe with nothing left open, and how its prompt was understood. Raises what is wrong with it.

    Cheap beside a film, so that a person can be told before it starts. Settling twice changes nothing.
    """
    begin(recipe)
    backend = find(recipe.model or "native")
    settled = _settle_shape(recipe, backend)
    reading = backend.understand(recipe.prompt, as_is=recipe.as_is)
    settled = settled.changed(
        rewritten_prompt=recipe.rewritten_prompt or reading.rewritten,
        seed=secrets.randbelow(2**32) if recipe.seed is None else recipe.seed,
        model=backend.name,
        configuration=backend.configuration,
    )
    return settled, reading


def make(recipe: Recipe, path: Path | None = None, *, on_step: OnStep | None = None) -> Film:
    """One film, written to the path if there is one: whole or not at all. The recipe's n is 1.

    The place is tried before anything is made, so that no work is lost to an unwritable one.
    """
    if recipe.n != 1:
        raise RecipeError(f"make gives one film, not {recipe.n}; make_all gives as many as the recipe says")
    begun = monotonic()
    settled, _ = settle(recipe)
    if path is None:
        clip = _play(settled, on_step)
    else:
        with whole_file(path) as part:
            clip = _play(settled, on_step)
            write([clip], part)
    settings = read_settings()
    took = receipt(monotonic() - begun, watts=settings.watts, grams_per_kwh=settings.grams_per_kwh)
    return Film(clip, settled, path, took)


def make_all(recipe: Recipe, path: Path | None = None, *, on_step: OnStep | None = None) -> Iterator[Film]:
    """The recipe's n films, one after the other; film.mp4 becomes film-1.mp4, film-2.mp4, … where there are several."""
    settled, _ = settle(recipe)
    for index in range(settled.n):
        yield make(settled.one_of(index), numbered(path, index, settled.n), on_step=on_step)


def numbered(path: Path | None, index: int, count: int) -> Path | None:
    """The path of the i-th of so many films; a single one keeps the path."""
    if path is None or count == 1:
        return path
    check_suffix(path)
    return path.with_stem(f"{path.stem}-{index + 1}")


def generate(prompt: str, path: str | Path | None = None, *, on_step: OnStep | None = None, **parts: object) -> Film:
    """A film of what the prompt says; parts are those of a Recipe: seconds, fps, width, height, seed, steps, …

    The same prompt, seed and parts give the same frames as the terminal's `kinema generate`.
    """
    recipe = Recipe.model_validate({"prompt": prompt, **parts})
    return make(recipe, Path(path) if path is not None else None, on_step=on_step)


def _settle_shape(recipe: Recipe, backend: Backend) -> Recipe:
    """The recipe with its size, rate, length, steps and guidance, on the backend's grid."""
    home = backend.home
    fps = recipe.fps or home.fps
    frames = recipe.frames or (whole_frames(recipe.seconds, fps) if recipe.seconds else home.frames)
    shape = recipe.changed(
        fps=fps,
        frames=frames,
        seconds=Fraction(frames) / fps,
        made_frames=backend.grid.made_frames(frames),
        width=recipe.width or home.width,
        height=recipe.height or home.height,
        steps=recipe.steps or home.steps,
        guidance=home.guidance if recipe.guidance is None else recipe.guidance,
    )
    check_limits(shape, read_settings())
    assert shape.width and shape.height and shape.fps
    backend.grid.check(shape.width, shape.height, shape.fps)
    return shape


def _play(recipe: Recipe, on_step: OnStep | None) -> Clip:
    """The clip that the recipe's task makes of the canvases it yields, known pixels bit-equal in each."""
    assert recipe.model and recipe.steps and recipe.guidance is not None
    backend = find(recipe.model)
    rng = np.random.default_rng(recipe.seed)
    task = begin(recipe)
    canvas = next(task)
    while True:
        check_asks(canvas, backend)
        segments = backend.fill(
            canvas, steps=recipe.steps, guidance=recipe.guidance, rng=rng, on_step=on_step or _unwatched
        )
        made = canvas.restore(Clip.join(segments))
        try:
            canvas = task.send(made)
        except StopIteration as end:
            return end.value


def _unwatched(step: Step) -> None:
    """Nobody watches."""
