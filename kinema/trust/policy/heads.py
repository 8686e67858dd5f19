"""Learned opinions on a sentence's vector: how likely each category is. `train.py` writes them.

One softmax over the categories and `ordinary`, linear in the vector after whitening by the training set's own mean and
scale. The file holds arrays of floats only, the first matrix in two bytes each, and nothing in it is executed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from kinema.trust.policy.corpus import LEARNED, ORDINARY

FILE = Path(__file__).with_name("heads.safetensors")
CLASSES = (ORDINARY, *LEARNED)


@dataclass(frozen=True)
class Heads:
    """`weights` (D + 1, hidden) and `last` (hidden + 1, classes); `thresholds` (3,): block, review, likeness."""

    mean: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    last: np.ndarray
    thresholds: np.ndarray

    def scores(self, vectors: np.ndarray) -> np.ndarray:
        """The probability of every class, (N, classes), for vectors (N, D)."""
        hidden = np.tanh(_one((vectors - self.mean) / self.scale) @ self.weights)
        logits = _one(hidden) @ self.last
        grown = np.exp(logits - logits.max(axis=1, keepdims=True))
        return grown / grown.sum(axis=1, keepdims=True)


def of_many(probability: np.ndarray, count: Sequence[int]) -> np.ndarray:
    """What probabilities (N,) weigh, each one of so many (N,): their odds are divided by that (Bonferroni)."""
    return probability / (probability + np.asarray(count) * np.maximum(1 - probability, 1e-9))


@cache
def heads() -> Heads:
    """The heads of this installation."""
    from safetensors.numpy import load_file

    return Heads(**{name: value.astype(np.float32) for name, value in load_file(FILE).items()})


def _one(x: np.ndarray) -> np.ndarray:
    return np.concatenate([x, np.ones((len(x), 1), x.dtype)], axis=1)
