"""How a clip changes from frame to frame, frame by frame in constant memory: energy, joins, colour, distance.

Numpy alone; every figure of drift, loops and joins is computed here, so that they mean the same everywhere.
Changes are mean absolute differences of all channels, 0 to 255. Letters: T frames, H W pixels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from kinema.clip import Clip
from kinema.errors import EvaluationError

OWN_PERCENTILE = 90
"""A join is smooth where the change at it is not above this percentile of the clip's own changes."""
MOST = 99.0
"""Where a figure would be boundless (a jump in a still, the distance of equals), it is this."""


def change(before: np.ndarray, after: np.ndarray) -> float:
    """Mean absolute difference of two frames (H, W, 3) uint8, 0 to 255."""
    return float(np.abs(after.astype(np.int16) - before.astype(np.int16)).mean())


def changes(clip: Clip) -> np.ndarray:
    """(T - 1,): the change from every frame to the next."""
    frames = clip.frames
    return np.array([change(frames[index], frames[index + 1]) for index in range(len(clip) - 1)])


def loop_change(clip: Clip) -> float:
    """The change from the last frame back to the first: what is seen where a loop begins anew."""
    return change(clip.frames[-1], clip.frames[0])


def seams(clip: Clip, joins: Iterable[int]) -> list[float]:
    """For each join (the frame that comes after it) the change there, over the 90th percentile of all others' changes.

    At most 1 is as smooth as the clip itself. EvaluationError for joins that do not lie inside the clip.
    """
    joins, all_changes = sorted(set(joins)), changes(clip)
    outside = [join for join in joins if not 1 <= join < len(clip)]
    if outside:
        last = len(clip) - 1
        raise EvaluationError(f"frame {outside[0]} of a clip of {last + 1} frames is no join; 1 to {last} are")
    return [against_own(all_changes[join - 1], np.delete(all_changes, [each - 1 for each in joins])) for join in joins]


def against_own(there: float, others: np.ndarray) -> float:
    """A change over the 90th percentile of others, 99 at most; 1 where both are nothing."""
    usual = float(np.percentile(others, OWN_PERCENTILE)) if len(others) else 0.0
    if usual == 0.0:
        return 1.0 if there == 0.0 else MOST
    return min(MOST, float(there / usual))


def energy(clip: Clip) -> float:
    """The mean change from frame to frame, 0 to 255; near 0 where the clip has become a still."""
    return float(changes(clip).mean()) if len(clip) > 1 else 0.0


def mean_colour(clip: Clip) -> list[float]:
    """Mean red, green and blue over all pixels and frames, 0 to 255."""
    return [float(value) for value in np.mean([frame.mean((0, 1)) for frame in clip.frames], 0)]


def colour_shift(before: Sequence[float], after: Sequence[float]) -> float:
    """How far one mean colour is from another: mean absolute difference of the channels, as a share of 255."""
    return float(np.abs(np.subtract(after, before)).mean() / 255)


def border(clip: Clip, known: np.ndarray) -> float:
    """Mean absolute difference, 0 to 255, of neighbouring pixels of which one is in `known` (T, H, W) and one is not.

    EvaluationError where no such two are neighbours in any frame.
    """
    total, count = 0.0, 0
    for frame, inside in zip(clip.frames, known, strict=True):
        for axis in (0, 1):
            meets = np.diff(inside.astype(np.int8), axis=axis) != 0
            steps = np.abs(np.diff(frame.astype(np.int16), axis=axis))[meets]
            total, count = total + float(steps.sum()), count + steps.size
    if count == 0:
        raise EvaluationError("known and invented pixels are nowhere neighbours in a frame, so there is no border")
    return total / count


def psnr(clip: Clip, truth: Clip, where: np.ndarray | None = None) -> float:
    """Peak signal-to-noise ratio in decibels, over all pixels or those where (T, H, W) bool is True; 99 where equal."""
    errors, count = 0.0, 0
    for index, (made, true) in enumerate(zip(clip.frames, truth.frames, strict=True)):
        squares = (made.astype(np.float32) - true.astype(np.float32)) ** 2
        chosen = squares if where is None else squares[where[index]]
        errors, count = errors + float(chosen.sum(dtype=np.float64)), count + chosen.size
    if count == 0:
        raise EvaluationError("a distance over no pixels has no value; compare at least one")
    return min(MOST, 10 * float(np.log10(255**2 / (errors / count)))) if errors else MOST
