"""How sexual a frame is, and the vector that it is judged by, which trained heads (heads.py) judge as well.

The network is Yahoo's open_nsfw (Mahadeokar and Pesavento 2016): a thin residual network of 50 layers, trained to tell
pornography in photographs. The whole frame is stretched to its square, so that nothing hides at an edge.

    N frames, D 1024
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kinema.trust.review.framing import resized
from kinema.trust.review.networks import networks

SIDE = 224
WIDTH = 1024
MEAN_BGR = np.array([104, 117, 123], np.float32)


def judged(frames: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The probability that each frame is sexual, (N,), and its vector, (N, D)."""
    pictures = np.stack([resized(frame, SIDE, SIDE)[..., ::-1] for frame in frames]) - MEAN_BGR
    found = networks().run("sexual", pictures)
    return found["outputs"][:, 1], found["features"]
