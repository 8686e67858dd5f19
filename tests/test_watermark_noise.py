"""The noise that a film came from: found again where the flow is straight, and nowhere else."""

import numpy as np
import pytest

from kinema.trust.watermark.noise import BEGIN, coincidence, recalled, resemblance


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_a_straight_flow_is_run_backwards_exactly(steps: int):
    rng = np.random.default_rng(0)
    clean, noise = rng.standard_normal((2, 4, 6, 6, 8), dtype=np.float32)
    begun = (1 - BEGIN) * clean + BEGIN * noise
    back = recalled(lambda x, t: clean, begun.astype(np.float32), steps)
    assert np.allclose(back, noise, atol=1e-4)
    assert resemblance(back, noise) == pytest.approx(np.sqrt(noise.size), rel=0.05)


def test_strange_noise_resembles_a_film_like_a_standard_normal_number():
    film = np.linspace(-3, 5, 4096)
    z = np.array([resemblance(film, np.random.default_rng(seed).standard_normal(4096)) for seed in range(2000)])
    assert abs(z.mean()) < 0.1 and 0.93 < z.std() < 1.07 and abs(z).max() < 5
    assert coincidence(5) == 1 and coincidence(10.5) < 1e-9


def test_nothing_resembles_nothing():
    assert resemblance(np.zeros(8), np.ones(8)) == 0
