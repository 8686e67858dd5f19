"""Learned opinions on a frame's vector, for what no network that may be shipped can tell: gore, symbols, characters.

An operator trains them on pictures of their own (train.py) and names the file in KINEMA_REVIEW_HEADS; none is shipped.
Each category is one logistic regression; the file holds arrays only, nothing in it is executed, and it names the
network whose vectors it was fitted to.

    N frames, D 1024, C categories
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from kinema.errors import CheckpointError
from kinema.settings import read_settings
from kinema.trust.review.networks import networks
from kinema.trust.review.sexual import WIDTH

FORMAT = "kinema-review-heads-1"


@dataclass(frozen=True)
class Heads:
    """`mean` and `scale` (D,), `weights` (D, C), `bias` (C,), and for every category the score that blocks, (C,)."""

    categories: tuple[str, ...]
    mean: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    bias: np.ndarray
    thresholds: np.ndarray

    def scores(self, vectors: np.ndarray) -> np.ndarray:
        """The probability of every category, (N, C), for vectors (N, D)."""
        logits = (vectors - self.mean) / self.scale @ self.weights + self.bias
        return 1 / (1 + np.exp(-np.clip(logits, -60, 60)))

    def save(self, path: Path, about: Mapping[str, object]) -> None:
        """Writes the file, with what is to be known of how the heads came about."""
        from safetensors.numpy import save_file

        arrays = {name: np.ascontiguousarray(getattr(self, name), np.float32) for name in _SHAPES}
        said = {"format": FORMAT, "network": networks().digest("sexual"), "categories": json.dumps(self.categories)}
        save_file(arrays, path, said | {"about": json.dumps(about)})


_SHAPES = {"mean": (WIDTH,), "scale": (WIDTH,), "weights": (WIDTH, -1), "bias": (-1,), "thresholds": (-1,)}


def own_heads() -> Heads | None:
    """The heads that the settings name, None where they name none. Raises CheckpointError where these are of no use."""
    path = read_settings().review_heads
    return _loaded(path) if path else None


@cache
def _loaded(path: Path) -> Heads:
    from safetensors import SafetensorError, safe_open

    fix = "mend or unset KINEMA_REVIEW_HEADS, or train them again with 'kinema review train'"
    try:
        with safe_open(path, "numpy") as file:
            said, arrays = file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        categories = tuple(map(str, json.loads(said.get("categories", "[]"))))
    except (OSError, SafetensorError, ValueError) as error:
        raise CheckpointError(f"the review's heads {path} cannot be read ({error}); {fix}") from None
    expected = {name: tuple(len(categories) if side < 0 else side for side in shape) for name, shape in _SHAPES.items()}
    if said.get("format") != FORMAT or {name: value.shape for name, value in arrays.items()} != expected:
        raise CheckpointError(f"{path} holds no heads of the review; {fix}")
    if said.get("network") != networks().digest("sexual"):
        raise CheckpointError(f"the review's heads {path} were fitted to the vectors of another network; {fix}")
    return Heads(categories, **arrays)
