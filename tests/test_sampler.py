"""The sampler, on flows whose end is known."""

import numpy as np
import pytest

from kinema.backends.sampler import Solver, guided, noised, sample, times

NOISE = np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32)


def unwatched(step: int, clean: np.ndarray) -> None:
    """Nobody watches."""


@pytest.mark.parametrize("solver", ["euler", "heun"])
@pytest.mark.parametrize(("steps", "shift"), [(1, 1.0), (3, 1.0), (7, 3.0)])
def test_exact_on_a_straight_line(solver: Solver, steps: int, shift: float):
    """When every noise flows to one clean x, the velocity is constant and any number of steps ends there."""
    clean = np.float32([[1.0, -2.0, 0.5]])
    made = sample(lambda x, t: clean + 0 * x, NOISE, times(steps, shift), solver=solver, watch=unwatched)
    np.testing.assert_allclose(made, np.broadcast_to(clean, made.shape), atol=2e-6)


def curved(x: np.ndarray, t: float) -> np.ndarray:
    """The best guess of x in x_t where x is normal with deviation 1/2: E[x | x_t], a flow with curved paths."""
    s = 0.25
    return x * np.float32((1 - t) * s / ((1 - t) ** 2 * s + t**2))


def end_of_curved(noise: np.ndarray) -> np.ndarray:
    """Where that flow ends exactly: the deviation goes from 1 to 1/2."""
    return noise * 0.5


def error(solver: Solver, steps: int) -> float:
    made = sample(curved, NOISE.astype(np.float64), times(steps), solver=solver, watch=unwatched)
    return float(np.abs(made - end_of_curved(NOISE)).max())


@pytest.mark.parametrize(("solver", "order"), [("euler", 1), ("heun", 2)])
def test_order_of_convergence_on_a_curve(solver: Solver, order: int):
    """Twice the steps leave 1/2 of Euler's error and 1/4 of Heun's."""
    ratio = error(solver, 32) / error(solver, 64)
    assert 2**order * 0.8 < ratio < 2**order * 1.25


def test_times_go_from_noise_to_clean_and_a_shift_keeps_the_ends():
    for shift in (1.0, 3.0):
        stops = times(6, shift)
        assert stops[0] == 1 and stops[-1] == 0 and np.all(np.diff(stops) < 0) and len(stops) == 7
    assert np.all(times(6, 3.0)[1:-1] > times(6)[1:-1])


def test_guidance_one_is_the_prediction_and_zero_ignores_the_text():
    told, untold = NOISE, NOISE[::-1]
    np.testing.assert_allclose(guided(told, untold, 1.0), told, atol=1e-6)
    assert np.array_equal(guided(told, untold, 0.0), untold)


def test_every_step_is_watched_with_what_is_seen():
    seen: list[int] = []
    sample(curved, NOISE, times(4), solver="heun", watch=lambda step, clean: seen.append(step))
    assert seen == [1, 2, 3, 4]


def test_a_later_beginning_has_the_same_end_and_as_many_steps():
    stops = times(5, 3.0, begin=0.6)
    assert len(stops) == 6 and stops[0] == 0.6 and stops[-1] == 0 and (np.diff(stops) < 0).all()


def test_a_noised_latent_lies_on_the_way_and_flows_back():
    """From any time on, the velocity of a straight line leads to its clean end."""
    clean = np.ones_like(NOISE)
    begun = noised(clean, NOISE, 0.6)
    made = sample(lambda x, t: clean, begun, times(4, begin=0.6), solver="euler", watch=unwatched)
    np.testing.assert_allclose(made, clean, atol=1e-6)
    assert np.array_equal(noised(clean, NOISE, 1.0), NOISE)
