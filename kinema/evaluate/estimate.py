"""Means and ratios with their uncertainty: the percentile bootstrap (Efron 1979), scenes drawn anew with replacement.

Shares have Wilson intervals (score.py); this is for everything that is no share. Pure arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kinema.errors import EvaluationError

DRAWS = 2000
SEED = 20_240_215
"""The same samples always have the same interval."""


@dataclass(frozen=True)
class Estimate:
    """A number, its 95 % interval, and how many scenes it was drawn from."""

    value: float
    low: float
    high: float
    of: int

    def to_fields(self) -> dict[str, object]:
        """Plain values for JSON; what has no value is null."""
        told = [round(each, 4) if math.isfinite(each) else None for each in (self.value, self.low, self.high)]
        return {"value": told[0], "interval": told[1:], "scenes": self.of}


def mean(samples: Sequence[float]) -> Estimate:
    """The mean of one sample per scene."""
    return _bootstrap(np.asarray(samples, float), np.ones(len(samples)))


def ratio(above: Sequence[float], below: Sequence[float]) -> Estimate:
    """Sum over sum, both of the same scenes, which are drawn in pairs; nan where `below` is nothing."""
    return _bootstrap(np.asarray(above, float), np.asarray(below, float))


def _bootstrap(above: np.ndarray, below: np.ndarray) -> Estimate:
    if not len(above) or len(above) != len(below):
        raise EvaluationError(f"{len(above)} over {len(below)} samples have no mean; measure at least one scene")
    drawn = np.random.default_rng(SEED).integers(0, len(above), (DRAWS, len(above)))
    with np.errstate(divide="ignore", invalid="ignore"):
        values = above[drawn].sum(1) / below[drawn].sum(1)
        value = float(above.sum() / below.sum())
    low, high = np.percentile(values, (2.5, 97.5)) if np.isfinite(values).all() else (np.nan, np.nan)
    return Estimate(value, min(value, float(low)), max(value, float(high)), len(above))
