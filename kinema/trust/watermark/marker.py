"""The marker: lays the pattern over frames, no stronger than what they show can hide.

It stands between a film's last change and its encoding. A frame's mark depends on the frame, the key, the id and the
frame's moment in the film alone, so that a film marked in pieces is the film marked whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from math import sqrt

import numpy as np

from kinema.clip import Clip
from kinema.errors import TrustError
from kinema.trust.watermark.keys import Key
from kinema.trust.watermark.pattern import FROM_PLANES, ID_BITS, anchor, detail, payload, spread, variant_at

STRENGTH = np.array([0.9, 1.9, 1.8], np.float32)
"""Levels of Y, Cb and Cr by which a cell of a 256 x 256 film is changed in the mean: the eye forgives colour more."""
CELL_SIGMA = 2.0
"""Cells over which the pattern's own mean is taken away: slow changes would be seen, and are lost to the reader."""
SMALLEST_PX = 64
PSNR_DB = 38.5
"""No frame is changed by more than this, whatever it shows; rounding to whole levels takes up to 0.2 dB more."""
_AT_HOME_PX = 256
_GAIN = (0.85, 1.4)
_BUSY = 25.0


class Marker:
    """Marks the frames of one film with one id under one key. Raises TrustError where the id has too many bits."""

    def __init__(self, key: Key, number: int, strength: float = 1.0) -> None:
        if not 0 <= number < 1 << ID_BITS:
            raise TrustError(f"the id {number} does not fit a watermark; 0 to {(1 << ID_BITS) - 1} do")
        self.key, self.number, self.strength = key, number, strength

    def mark(self, segments: Iterable[Clip]) -> Iterator[Clip]:
        """The segments of one film, in order, marked: frames alone change. Raises TrustError on a frame too small."""
        frame = 0
        for clip in segments:
            marked = np.stack([self.mark_frame(each, frame + at, clip.fps) for at, each in enumerate(clip.frames)])
            frame += len(clip)
            yield replace(clip, frames=marked)

    def mark_frame(self, pixels: np.ndarray, frame: int, fps: Fraction) -> np.ndarray:
        """Frame number `frame` of the film (H, W, 3) uint8, marked."""
        height, width = pixels.shape[:2]
        if min(height, width) < SMALLEST_PX:
            raise TrustError(f"a film of {width}x{height} is too small to mark; from {SMALLEST_PX}x{SMALLEST_PX} on")
        change = _change(self.key, self.number, variant_at(self.number, float(frame / fps)), height, width)
        marked = change * _gain(pixels)[..., None]
        level = sqrt(float(np.vdot(marked, marked)) / marked.size)
        marked *= self.strength * min(1.0, 255 * 10 ** (-PSNR_DB / 20) / level)
        marked += pixels
        np.rint(marked, out=marked)
        return np.clip(marked, 0, 255, out=marked).astype(np.uint8)


@lru_cache(maxsize=4)
def _change(key: Key, number: int, variant: int, height: int, width: int) -> np.ndarray:
    """What is added to red, green and blue (H, W, 3) where the gain is one."""
    cells = detail(anchor(key, variant) + payload(key, variant, number), CELL_SIGMA)
    planes = spread(height) @ cells @ spread(width).T
    planes /= np.sqrt(np.mean(planes**2, axis=(1, 2), keepdims=True))
    size = float(np.clip((_AT_HOME_PX / np.sqrt(height * width)) ** 0.5, 0.5, 1.0))
    return np.einsum("chw,c,rc->hwr", planes, STRENGTH * size, FROM_PLANES).astype(np.float32)


def _gain(pixels: np.ndarray) -> np.ndarray:
    """How strong a mark each pixel hides (H, W): less in flat places, more where neighbours differ."""
    height, width = pixels.shape[:2]
    green = pixels[..., 1].astype(np.float32)
    steps = np.zeros_like(green)
    steps[:, 1:] = np.abs(np.diff(green, axis=1))
    steps[1:] += np.abs(np.diff(green, axis=0))
    rows, columns = _pool(height), _pool(width)
    busy = rows @ steps @ columns.T
    gain = np.clip(_GAIN[0] + busy / _BUSY, *_GAIN)
    return _spread(height) @ gain @ _spread(width).T


@lru_cache(maxsize=8)
def _pool(length_px: int) -> np.ndarray:
    """The mean of the pixels in each of G cells and of half their neighbours': (G, length)."""
    weights = np.maximum(_spread(length_px).T, 0)
    return weights / weights.sum(axis=1, keepdims=True)


@lru_cache(maxsize=8)
def _spread(length_px: int) -> np.ndarray:
    return spread(length_px)
