"""Which frames are looked at: one a second and every cut, or all of them.

A cut is where a picture is unlike the one before. A frame that flashes up is two cuts, so it is looked at too.

    T frames, H W pixels
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

CUT = 16.0
"""Mean difference in grey levels of two frames from which on there is a cut between them."""
SAMPLES = 48
"""Pixels that are compared across the shorter side."""


class Sampler:
    """Chooses frames as they come, segment by segment; what it chose does not depend on where segments end."""

    def __init__(self, fps: Fraction, *, every: bool = False) -> None:
        self.every = every
        self._step = max(1, int(fps))
        self._due = 0
        self._last: np.ndarray | None = None

    def chosen(self, frames: np.ndarray) -> list[int]:
        """Which of the next frames (T, H, W, 3) are looked at, counted from the first of them."""
        if self.every:
            return list(range(len(frames)))
        stride = max(1, min(frames.shape[1:3]) // SAMPLES)
        picked = []
        for index, frame in enumerate(frames):
            picture = frame[stride // 2 :: stride, stride // 2 :: stride].astype(np.int16)
            is_cut = self._last is not None and np.abs(picture - self._last).mean() >= CUT
            self._last = picture
            if is_cut or self._due == 0:
                picked.append(index)
                self._due = self._step
            self._due -= 1
        return picked
