"""Filling in what is lost of a film: which pixels that is, from stretches, a rhythm, moving boxes or a mask.

Everywhere here True means lost, to be invented; a canvas knows the rest. T frames, H W pixels.
"""

import math
from fractions import Fraction

import numpy as np

from kinema.canvas import Cut
from kinema.clip import Clip
from kinema.errors import RecipeError
from kinema.how import Box, Fill
from kinema.recipe import Recipe
from kinema.tasks.painting import Task, blank, shown

WAYS = "lost stretches of time, a rhythm of frames that are kept, boxes, or a mask"
_WHITE = 128  # of 255: from here on a mask's pixel counts as white


def fill(recipe: Recipe, film: Clip, mask: Clip | None = None) -> Task:
    """What is lost of the film is invented, the rest stays bit for bit."""
    where = lost(recipe, film, mask)
    if where.all():
        raise RecipeError("all of the film would be invented, so nothing of it would be kept; mark less, or remix it")
    if not where.any():
        raise RecipeError("nothing of the film would be invented; mark what is lost of it")
    canvas = blank(recipe, len(film)).paint(film, at=0, where=~where)
    return (yield from shown(canvas, Cut(sound=film.sound)))


def lost(recipe: Recipe, film: Clip, mask: Clip | None) -> np.ndarray:
    """(T, H, W) bool: which pixels of the film are to be invented. Raises RecipeError."""
    how = recipe.how
    assert isinstance(how, Fill)
    ways = [bool(how.lost), how.keep_every is not None, bool(how.boxes), mask is not None]
    if sum(ways) != 1:
        said = f"{sum(ways)} ways of saying what is lost were given" if sum(ways) else "nothing says what is lost"
        raise RecipeError(f"{said}; give one: {WAYS}")
    where = np.zeros(film.frames.shape[:3], bool)
    if how.keep_every is not None:
        where[:] = True
        where[:: how.keep_every] = False
    elif how.lost:
        for start, stop in how.lost:
            where[_stretch(film, start, stop)] = True
    elif mask is not None:
        where[:] = _white(film, mask)
    else:
        where = in_boxes(how.boxes, film)
    return ~where if how.keep and (how.boxes or mask is not None) else where


def _stretch(film: Clip, start: Fraction, stop: Fraction) -> slice:
    """Every frame that the stretch touches."""
    first, last = math.floor(start * film.fps), math.ceil(stop * film.fps)
    if last > len(film):
        raise RecipeError(
            f"a stretch from {float(start):g} to {float(stop):g} s lies beyond the end of a film of {film.seconds:g} s;"
            f" {film.seconds:g} is the latest"
        )
    return slice(first, last)


def _white(film: Clip, mask: Clip) -> np.ndarray:
    """Where the mask is white, (T, H, W) or, of a picture, (1, H, W)."""
    if len(mask) not in (1, len(film)):
        raise RecipeError(
            f"a mask of {len(mask)} frames does not match a film of {len(film)}; give a picture or {len(film)} frames"
        )
    if (mask.width, mask.height) != (film.width, film.height):
        raise RecipeError(f"a mask of {mask.width}x{mask.height} does not match a film of {film.width}x{film.height}")
    return mask.frames.mean(3) >= _WHITE


def in_boxes(boxes: tuple[Box, ...], film: Clip) -> np.ndarray:
    """(T, H, W) bool: what the box covers as it moves from moment to moment; it rests before the first and after."""
    moments = [float(box.at) for box in boxes]
    now = np.arange(len(film)) / float(film.fps)
    left, top, right, bottom = (
        np.interp(now, moments, [getattr(box, edge) for box in boxes]) for edge in ("left", "top", "right", "bottom")
    )
    x, y = np.arange(film.width) + 0.5, np.arange(film.height) + 0.5
    across = (x >= left[:, None] * film.width) & (x < right[:, None] * film.width)
    down = (y >= top[:, None] * film.height) & (y < bottom[:, None] * film.height)
    return down[:, :, None] & across[:, None, :]
