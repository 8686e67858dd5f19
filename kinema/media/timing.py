"""When frames are shown: from the times in a file to a constant rate.

Files say their rate in headers that lie, in grains as coarse as 10 ms (gif), or let every frame stay for as long as it
likes. Here the times themselves decide.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor
from typing import TypeVar

import numpy as np

_MOST_FPS = 240  # what a steady film may have
_MOST_UNEVEN_FPS = 60  # what an unsteady one is resampled to
_NTSC = [Fraction(1000 * whole, 1001) for whole in (24, 30, 48, 60, 120)]
_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Timing:
    """A constant rate for frames that begin at some times, in seconds from the first.

    count frames at fps fill their time. on_grid: every frame begins on a whole multiple of 1 / fps. even: and each is
    shown once, so that nothing has to be resampled.
    """

    fps: Fraction
    count: int
    on_grid: bool
    even: bool

    def snap(self, seconds: float) -> Fraction:
        """When a frame of that time begins, free of the file's rounding."""
        if self.on_grid:
            return round(Fraction(seconds) * self.fps) / self.fps
        return Fraction(seconds).limit_denominator(1_000_000)


def timing_of(starts: np.ndarray, end: float, grain: float, declared: Fraction | None = None) -> Timing:
    """The rate that fits frames which begin at starts (N,) seconds and stop at end, known to within a grain of seconds.

    A rate fits where all starts are its multiples, and the end about one; the declared one is tried first, then the
    lowest. Where none fits, the film is uneven and gets the rate of its median frame.
    """
    tolerance = max(grain, 0.001) * 0.75
    for rate in _candidates(declared):
        at, stop, off = starts * float(rate), end * float(rate), tolerance * float(rate)
        if off < 0.3 and _whole(at[:50], off) and _whole(at, off) and _whole(np.array([stop]), max(off, 0.25)):
            steps = np.diff(np.round(np.append(at, stop)).astype(np.int64))
            if (steps > 0).all():
                return Timing(rate, int(steps.sum()), True, bool((steps == 1).all()))
    rate = _median_rate(np.diff(np.append(starts, end)))
    return Timing(rate, max(1, round(end * rate)), False, False)


def on_time(items: Iterable[tuple[Fraction, _Item]], fps: Fraction, count: int) -> Iterator[_Item]:
    """For each of count moments 0, 1 / fps, 2 / fps, … the item on screen then, of items with the times they begin at.

    An item on screen at several moments is yielded as often, the same object each time.
    """
    half_grain = Fraction(1, 1_000_000)
    held: _Item | None = None
    done = 0
    for begins, item in items:
        before = min(count, ceil((begins - half_grain) * fps)) if held is not None else 0
        while done < before and held is not None:
            yield held
            done += 1
        if done >= count:
            return
        held = item
    while done < count and held is not None:
        yield held
        done += 1


def _whole(at: np.ndarray, off: float) -> bool:
    return bool(np.abs(at - np.round(at)).max() <= off)


def _candidates(declared: Fraction | None) -> Iterator[Fraction]:
    if declared and 0 < declared <= _MOST_FPS:
        yield Fraction(declared)
    yield from (Fraction(whole) for whole in range(1, 121))
    yield from _NTSC


def _median_rate(durations: np.ndarray) -> Fraction:
    """The rate of the median frame: a whole or a broadcast rate where one is within 2 %."""
    median = float(np.median(durations[durations > 0])) if (durations > 0).any() else 1.0
    rate = min(max(1 / median, 1.0), _MOST_UNEVEN_FPS)
    near = min([Fraction(max(1, floor(rate + 0.5))), *_NTSC], key=lambda known: abs(float(known) - rate))
    return near if abs(float(near) - rate) < 0.02 * rate else Fraction(rate).limit_denominator(1001)
