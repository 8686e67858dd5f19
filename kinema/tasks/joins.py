"""Tasks that join: a film's end to its own beginning, and one film to another."""

from dataclasses import replace

import numpy as np

from kinema.canvas import Canvas, Cue, Cut, Start
from kinema.clip import Clip
from kinema.errors import DurationError, RecipeError
from kinema.how import Blend, Loop
from kinema.recipe import Recipe, frames_of
from kinema.tasks.painting import Task, blank, shown


def loop(recipe: Recipe, film: Clip | None = None) -> Task:
    """A film whose end meets its beginning; without one, a first part is made of the prompt and then closed."""
    assert recipe.frames and recipe.fps and isinstance(recipe.how, Loop)
    bridge = frames_of(recipe.how.bridge, recipe.fps)
    if film is None:
        if recipe.frames <= bridge:
            raise DurationError(
                f"a loop of {float(recipe.frames / recipe.fps):g} s has no room for a bridge of"
                f" {float(recipe.how.bridge):g} s; make it longer, or shorten the bridge"
            )
        film = yield replace(blank(recipe, recipe.frames - bridge), cut=Cut())
        return film + (yield from _close(recipe, film, bridge))
    if recipe.how.keep == "all":
        return film + (yield from _close(recipe, film, bridge, before=film))
    half, rest = bridge // 2, bridge - bridge // 2
    if len(film) <= bridge:
        raise DurationError(
            f"a film of {film.seconds:g} s has no middle beside a bridge of {float(recipe.how.bridge):g} s;"
            f" a bridge of at most {float((len(film) - 1) / film.fps):g} s leaves one"
        )
    middle = replace(film[half : len(film) - rest], sound=None)
    canvas, start = between(recipe, middle, middle, bridge)
    made = (yield canvas)[start : start + bridge]
    return Clip.join([made[rest:], middle, made[:rest]] if half else [middle, made])


def _close(recipe: Recipe, film: Clip, bridge: int, before: Clip | None = None) -> Task:
    """The bridge from the film's end to its beginning, seen after what comes before."""
    canvas, start = between(recipe, film, film, bridge)
    made = yield replace(canvas, cut=Cut(start, start + bridge, before))
    return made[start : start + bridge]


def between(recipe: Recipe, first: Clip, second: Clip, frames: int) -> tuple[Canvas, int]:
    """A canvas that knows how the first ends and the second begins, and where on it the frames between them begin."""
    assert recipe.overlap
    left, right = first[-min(recipe.overlap, len(first)) :], second[: recipe.overlap]
    canvas = blank(recipe, len(left) + frames + len(right))
    return canvas.paint(left, at=0).paint(right, at=len(left) + frames), len(left)


def blend(recipe: Recipe, first: Clip, second: Clip) -> Task:
    """One film, then a made bridge, then the other; or, with an influence curve, both running into one another."""
    assert recipe.frames and isinstance(recipe.how, Blend)
    if recipe.how.influence:
        return (yield from _mix(recipe, recipe.how, first, second))
    canvas, start = between(recipe, first, second, recipe.frames)
    canvas = _told(canvas, recipe.how, start + recipe.frames // 2)
    return (yield from shown(canvas, Cut(start, start + recipe.frames, first, second)))


def _mix(recipe: Recipe, how: Blend, first: Clip, second: Clip) -> Task:
    """The first film's end and the second's beginning run together; the curve says how much of each is seen."""
    assert recipe.frames and recipe.overlap
    joint = recipe.frames
    shorter = min(len(first), len(second))
    if joint > shorter:
        raise DurationError(
            f"films of {first.seconds:g} and {second.seconds:g} s cannot run together for"
            f" {float(joint / first.fps):g} s; at most {float(shorter / first.fps):g} s can"
        )
    share = influence(how, joint)
    ending, opening = first[-joint:].frames, second[:joint].frames
    mixed = ending * share[:, None, None, None] + opening * (1 - share)[:, None, None, None]
    left = first.frames[max(0, len(first) - joint - recipe.overlap) : len(first) - joint]
    right = second.frames[joint : joint + recipe.overlap]
    everything = Clip(np.concatenate([left, np.rint(mixed).astype(np.uint8), right]), first.fps)
    sure = np.concatenate([np.ones(len(left), bool), (share <= 0) | (share >= 1), np.ones(len(right), bool)])
    where = np.broadcast_to(sure[:, None, None], everything.frames.shape[:3])
    canvas = blank(recipe, len(everything)).paint(everything, at=0, where=where)
    if not sure.all():
        canvas = replace(canvas, start=Start(everything, how.strength))
    canvas = _told(canvas, how, len(left) + joint // 2)
    before = first[: len(first) - joint] if len(first) > joint else None
    after = second[joint:] if len(second) > joint else None
    return (yield from shown(canvas, Cut(len(left), len(left) + joint, before, after)))


def _told(canvas: Canvas, how: Blend, middle: int) -> Canvas:
    """The canvas with what should be seen from its middle on."""
    then = how.then_rewritten or how.then
    return replace(canvas, captions=(*canvas.captions, Cue(middle, then))) if then else canvas


def influence(how: Blend, frames: int) -> np.ndarray:
    """The first film's influence on each of so many frames, the first and the last of them at the curve's ends."""
    if frames < 2:
        raise RecipeError(f"an influence curve needs at least 2 frames in which both films run, not {frames}")
    when, share = zip(*how.influence, strict=True)
    return np.round(np.interp(np.linspace(0, 1, frames), when, share), 9)  # so that 1 stays 1 beside a point
