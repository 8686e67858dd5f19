"""What is invented, led up to what is known beside it in time, so that nothing jumps where they meet.

What a network gets wrong of something known (its texture, its brightness) it gets wrong of what comes next to it too.
So the error that it makes of the nearest known is taken off what it invents, fading out with distance; what is known
itself is never changed. Latents and frames alike.

A decoder that makes a chunk of frames at once moves too little inside a chunk, and jumps to the next. What is more of
such a jump than the frames beside it change anyway is spread over these.

It stands alone, without networks, so that its laws can be tested. T frames, H W pixels.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise

import numpy as np

LATENTS, FRAMES = 4, 8
"""How far an error reaches."""
_NEAR_PX = 7
"""A jump is compared with usual changes over squares of so many pixels."""


def led(made: np.ndarray, errors: Mapping[int, np.ndarray], reach: int) -> np.ndarray:
    """Latents or frames (T, …) float32 with the errors of the known ones beside them taken off.

    errors are what known ones are more than what was made of them, by their place: 0 is the first of `made`, others
    may lie before or beyond them. What stands at such a place stays as it is.
    """
    moved = made.copy()
    for index in sorted(set(range(len(made))) - set(errors)):
        before = max((place for place in errors if place < index), default=None)
        after = min((place for place in errors if place > index), default=None)
        sides = [(errors[place], share(abs(index - place), reach)) for place in (before, after) if place is not None]
        whole = max(1.0, sum(part for _, part in sides))
        for error, part in sides:
            moved[index] += error * np.float32(part / whole)
    return moved


def share(distance: int, reach: int) -> float:
    """The share of an error that is left so far from it: all of it beside it, and none beyond its reach."""
    return 0.5 + 0.5 * float(np.cos(np.pi * min(1.0, (distance - 1) / reach)))


def evened(
    frames: np.ndarray, chunk: int, before: np.ndarray | None, after: np.ndarray | None, known: Collection[int] = ()
) -> np.ndarray:
    """Frames (T, H, W, 3) float32 of whole chunks without the jumps between these, and to what is known beside them.

    before and after are frames (H, W, 3) that stay as they are on either side, as the known ones of them do, so that
    all that is too much of a jump to one of these is taken off the frames that are not known.
    """
    even = frames.copy()
    for at in range(chunk, len(frames), chunk):
        if at in known or at - 1 in known:
            continue  # met from one side, below
        jump = _excess(frames[at] - frames[at - 1], [frames[at - 1] - frames[at - 2], frames[at + 1] - frames[at]])
        for place, part in ((at - 2, 1 / 8), (at - 1, 3 / 8), (at, -3 / 8), (at + 1, -1 / 8)):
            if place not in known:
                even[place] += jump * np.float32(part)
    beside = {-1: before, len(frames): after} | {at: frames[at] for at in known}
    fixed = sorted({-1, len(frames), *known})
    for left, right in pairwise(fixed):
        run = range(left + 1, right)
        for frame, inwards in ((beside[left], run), (beside[right], run[::-1])):
            if frame is not None and len(run) > 1:
                _meet(even, frame, inwards)
    return even


def _meet(even: np.ndarray, beside: np.ndarray, inwards: Sequence[int]) -> None:
    """Takes off the frames at these places, from the one beside it on, what is too much of the jump to that one."""
    first, second = even[inwards[0]], even[inwards[1]]
    jump, reach = _excess(first - beside, [second - first]), min(FRAMES, len(inwards))
    for distance, place in enumerate(inwards, start=1):
        even[place] -= jump * np.float32(share(distance, reach))


def _excess(jump: np.ndarray, changes: Sequence[np.ndarray]) -> np.ndarray:
    """The part of a jump (H, W, 3) that is more than the mean of these changes, around each pixel."""
    usual = _around(np.mean([np.abs(change) for change in changes], 0))
    return jump * np.maximum(0, 1 - usual / np.maximum(_around(np.abs(jump)), np.float32(1e-3)))


def _around(size: np.ndarray) -> np.ndarray:
    """(H, W, 1): the mean of all channels over the square around each pixel."""
    mean = size.mean(-1, dtype=np.float32)
    for axis in (0, 1):
        pad = [(_NEAR_PX // 2, _NEAR_PX // 2) if each == axis else (0, 0) for each in (0, 1)]
        mean = np.lib.stride_tricks.sliding_window_view(np.pad(mean, pad, mode="edge"), _NEAR_PX, axis).mean(-1)
    return mean[..., None]
