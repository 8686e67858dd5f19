"""How a reader looks at a clip: always four seconds at 8 frames a second, 128 pixels a side, whatever it was given.

It stands alone because readers are trained, exported and run on this one shape, (32, 128, 128, 3) uint8.
"""

from fractions import Fraction
from typing import Final

import numpy as np
from PIL import Image

from kinema.clip import Clip
from kinema.errors import EvaluationError

FPS: Final = Fraction(8)
FRAMES: Final = 32
SIDE_PX: Final = 128


def view(clip: Clip, at_seconds: float = 0.0) -> np.ndarray:
    """Four seconds of the clip from that moment on, (32, 128, 128, 3) uint8; EvaluationError where they are not there.

    Frames are the ones shown at each eighth of a second; squares are scaled, other shapes lose their longer ends.
    """
    wanted = [int((Fraction(at_seconds) + Fraction(index) / FPS) * clip.fps) for index in range(FRAMES)]
    if wanted[-1] >= len(clip) or wanted[0] < 0:
        raise EvaluationError(
            f"a reader looks at {float(FRAMES / FPS):g} s from second {at_seconds:g} on, and the clip has "
            f"{clip.seconds:g} s; give it a longer one"
        )
    frames = _square(clip.frames[wanted])
    if frames.shape[1] == SIDE_PX:
        return np.ascontiguousarray(frames)
    size = (SIDE_PX, SIDE_PX)
    return np.stack([np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.BOX)) for frame in frames])


def windows(clip: Clip) -> int:
    """How many whole views, one after the other, a clip holds."""
    return int(len(clip) / clip.fps * FPS) // FRAMES


def _square(frames: np.ndarray) -> np.ndarray:
    height, width = frames.shape[1:3]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return frames[:, top : top + side, left : left + side]
