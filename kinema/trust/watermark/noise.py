"""The mark that nothing had to lay: the noise a film was made from can still be felt in its pictures.

A rectified flow carries noise to a film along nearly straight lines, and can be run backwards: the film's latents,
moved from t = 0 towards t = 1 without a caption, end near the noise they came from. Noise follows from the seed alone,
so a film can be held against every seed a registry or a manifest names. Unlike the pattern it changes no pixel and
needs no key; unlike replay it needs no bit to be as it was; but it needs the model, the film's shape and where a crop
lay, and frames that were dropped confuse it.

**How rarely it errs.** Noise drawn from a seed is Gaussian and independent of any clip that was not made from it, so z,
the sum of their products over the recalled numbers' norm, is exactly standard normal whatever the clip: of M seeds held
against it the best reaches z at most M Q(z) of times. M is never taken below 2**53, the number of seeds there are: then
it also holds for whoever chooses a seed to suit a film.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from math import erfc, sqrt

import numpy as np

SEEDS = 2.0**53
BEGIN = 0.05
"""The time at which a film's latents are taken to be: at 0 the velocity is not defined."""


def recalled(predict: Callable[[np.ndarray, float], np.ndarray], latents: np.ndarray, steps: int = 4) -> np.ndarray:
    """The noise that latents came from, as far as so many steps of Euler backwards tell. `predict` sees the clean x."""
    x = latents
    for t, after in pairwise(np.linspace(BEGIN, 1.0, steps + 1)):
        velocity = (x - predict(x, float(t))) / np.float32(t)
        x = x + np.float32(after - t) * velocity
    return x


def resemblance(recalled: np.ndarray, noise: np.ndarray) -> float:
    """z: standard normal where the noise is not that of the film."""
    power = float(np.vdot(recalled, recalled))
    return float(np.vdot(recalled, noise)) / sqrt(power) if power > 0 else 0.0


def coincidence(z: float) -> float:
    """At most this often any of all seeds' noise resembles a film that was not made from it so much."""
    return min(1.0, max(SEEDS * erfc(z / sqrt(2)) / 2, 1e-300))
