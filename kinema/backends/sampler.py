"""From noise to a latent in numpy: solvers of the rectified flow, and the times they stop at.

x_t = (1 - t) x + t noise, with t from 1 (noise) to 0. The network predicts the clean x, so the velocity is
dx_t/dt = (x_t - x) / t. Rectified flow: Liu et al. 2022 (arXiv 2209.03003). It stands alone, without networks, so that
its exactness and its orders of convergence can be tested.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Literal

import numpy as np

Predict = Callable[[np.ndarray, float], np.ndarray]
"""The clean x that is seen in x_t at time t."""
Watch = Callable[[int, np.ndarray], None]
"""Is told, after each step, how many are done and which clean x is seen so far."""
Solver = Literal["euler", "heun"]


def times(steps: int, shift: float = 1.0, begin: float = 1.0) -> np.ndarray:
    """steps + 1 times from `begin` down to 0; a shift above 1 spends more of them on noise.

    Esser et al. 2024 (arXiv 2403.03206), equation 23.
    """
    t = np.linspace(1.0, 0.0, steps + 1)
    return begin * shift * t / (1 + (shift - 1) * t)


def noised(clean: np.ndarray, noise: np.ndarray, t: float) -> np.ndarray:
    """What the flow carries from the clean latent and the noise at time t."""
    return np.float32(1 - t) * clean + np.float32(t) * noise


def sample(predict: Predict, noise: np.ndarray, stops: np.ndarray, *, solver: Solver, watch: Watch) -> np.ndarray:
    """The latent that the flow carries the noise to, or whatever else is there at the first of the stops.

    Euler asks the network once a step. Heun's second order method asks twice, but for the last step, where the velocity
    at t = 0 is not defined and Euler's step is taken, whose one local error leaves the order at two.
    """
    x = noise
    for done, (t, after) in enumerate(pairwise(stops), start=1):
        clean = predict(x, float(t))
        velocity = (x - clean) / np.float32(t)
        moved = x + np.float32(after - t) * velocity
        if solver == "heun" and after > 0:
            clean = predict(moved, float(after))
            velocity = (velocity + (moved - clean) / np.float32(after)) / 2
            moved = x + np.float32(after - t) * velocity
        x = moved
        watch(done, clean)
    return x


def guided(with_text: np.ndarray, without_text: np.ndarray, guidance: float) -> np.ndarray:
    """The prediction moved on from the one without text; 1 leaves it, 0 ignores the text.

    So a prediction that has learnt to be guided by g already is guided by g' as by g' / g.

    Ho and Salimans 2022 (arXiv 2207.12598); on x, where the velocity is linear, it equals guidance on the velocity.
    """
    return without_text + np.float32(guidance) * (with_text - without_text)
