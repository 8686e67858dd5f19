"""Bootstrapped means and ratios."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.errors import EvaluationError
from kinema.evaluate.estimate import mean, ratio

SAMPLES = st.lists(st.floats(0.1, 100), min_size=1, max_size=30)


@given(SAMPLES)
def test_an_interval_holds_its_mean_and_is_the_same_again(samples: list[float]) -> None:
    found = mean(samples)
    assert found.low <= found.value <= found.high
    assert found.value == pytest.approx(np.mean(samples))
    assert found == mean(samples)


@given(SAMPLES, st.floats(0.1, 10))
def test_a_constant_ratio_is_certain(below: list[float], factor: float) -> None:
    found = ratio([factor * each for each in below], below)
    assert (found.value, found.low, found.high) == pytest.approx((factor,) * 3)


def test_the_interval_is_that_of_the_normal_law_where_samples_are_many() -> None:
    samples = np.random.default_rng(0).normal(5, 2, 400)
    found = mean(samples.tolist())
    assert found.high - found.low == pytest.approx(2 * 1.96 * samples.std() / 20, rel=0.1)


def test_a_ratio_to_nothing_has_no_value_and_no_samples_have_no_mean() -> None:
    assert math.isnan(ratio([0.0], [0.0]).value)
    with pytest.raises(EvaluationError, match="at least one scene"):
        mean([])


def test_json_holds_nothing_that_is_no_json() -> None:
    assert ratio([0.0], [0.0]).to_fields() == {"value": None, "interval": [None, None], "scenes": 1}
