"""Frames as the networks take them: laid into a square or stretched over it, with the way back to their own pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class Framed:
    """A frame in the upper left of a square (side, side, 3) uint8, black beside it; `scale` times its own size."""

    picture: np.ndarray
    scale: float
    width: int
    height: int


def framed(frame: np.ndarray, side: int, margin: float = 0.0) -> Framed:
    """The frame (H, W, 3) as large as the square lets it be, less a margin as a share of the square."""
    height, width = frame.shape[:2]
    scale = side * (1 - margin) / max(width, height)
    wide, high = max(1, round(width * scale)), max(1, round(height * scale))
    picture = np.zeros((side, side, 3), np.uint8)
    picture[:high, :wide] = resized(frame, wide, high)
    return Framed(picture, scale, wide, high)


def resized(frame: np.ndarray, width: int, height: int) -> np.ndarray:
    """The frame stretched to a size, (height, width, 3) uint8."""
    if frame.shape[:2] == (height, width):
        return frame
    return np.asarray(Image.fromarray(frame).resize((width, height), Image.Resampling.BILINEAR))
