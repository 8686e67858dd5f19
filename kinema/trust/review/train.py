"""Fits heads (heads.py) to an operator's own labelled pictures, on the frozen network's vectors.

One logistic regression for each category against everything else, ordinary pictures and other categories alike, with
a ridge; each picture is learned as it is and mirrored. Every fourth file of a folder is held out: thresholds are chosen
so that at most FALSE_BLOCKS of the ordinary ones held out are blocked, and both are counted on them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from kinema.errors import TrainingError
from kinema.media import read
from kinema.trust.review.heads import Heads
from kinema.trust.review.report import ORDINARY, labelled_files
from kinema.trust.review.sampling import Sampler
from kinema.trust.review.sexual import judged

HELD_OUT = 4
FEWEST = 8
"""Files that a folder needs, so that six are learned and two are held out."""
FALSE_BLOCKS = 0.02
LEAST_THRESHOLD = 0.5
RIDGE, STEPS, RATE = 1e-2, 400, 0.05


@dataclass(frozen=True)
class Category:
    """How a category did on files that were held out: frames caught of its own, blocked of ordinary ones."""

    category: str
    pictures: int
    held_out: int
    caught: int
    ordinary: int
    false: int
    threshold: float

    def to_fields(self) -> dict[str, object]:
        """The JSON object."""
        return asdict(self)


def train(folder: Path, output: Path, show: Callable[[int, int], None]) -> list[Category]:
    """Writes heads for the categories of the folder; how they did. Raises TrainingError where there is too little."""
    files = labelled_files(folder)
    for name, paths in files.items():
        if len(paths) < FEWEST:
            raise TrainingError(
                f"{folder / name} holds {len(paths)} pictures; at least {FEWEST} are needed to learn from"
            )
    learned, held = _vectors(files, show)
    categories = tuple(name for name in files if name != ORDINARY)
    everything = np.concatenate(list(learned.values()))
    mean, scale = everything.mean(axis=0), everything.std(axis=0) + 1e-3
    fitted = []
    for name in categories:
        is_it = np.concatenate([np.full(len(vectors), kind == name) for kind, vectors in learned.items()])
        fitted.append(fit((everything - mean) / scale, is_it))
    heads = Heads(
        categories,
        mean,
        scale,
        np.stack([weights for weights, _ in fitted], axis=1),
        np.array([bias for _, bias in fitted], np.float32),
        np.zeros(len(categories), np.float32),
    )
    scores = {name: heads.scores(vectors) for name, vectors in held.items()}
    heads = Heads(**(vars(heads) | {"thresholds": _thresholds(scores[ORDINARY])}))
    rows = [_counted(heads, column, scores, len(learned[name])) for column, name in enumerate(categories)]
    heads.save(output, {"categories": [row.to_fields() for row in rows]})
    return rows


def fit(x: np.ndarray, is_it: np.ndarray) -> tuple[np.ndarray, float]:
    """The weights (D,) and bias of a ridge logistic regression of (N, D) on (N,) bool, both classes weighing alike."""
    weights, bias = np.zeros(x.shape[1]), 0.0
    share = np.where(is_it, 0.5 / is_it.sum(), 0.5 / (~is_it).sum())
    for _ in range(STEPS):
        error = (1 / (1 + np.exp(-np.clip(x @ weights + bias, -60, 60))) - is_it) * share
        weights -= RATE * (x.T @ error + RIDGE * weights)
        bias -= RATE * error.sum()
    return weights.astype(np.float32), float(bias)


def _vectors(
    files: dict[str, list[Path]], show: Callable[[int, int], None]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The vectors of every folder's pictures, (N, D): those that are learned, and those held out."""
    learned: dict[str, list[np.ndarray]] = {name: [] for name in files}
    held: dict[str, list[np.ndarray]] = {name: [] for name in files}
    done, total = 0, sum(map(len, files.values()))
    for name, paths in files.items():
        for index, path in enumerate(paths):
            clip = read(path)
            frames = [clip.frames[each] for each in Sampler(clip.fps).chosen(clip.frames)]
            if index % HELD_OUT == HELD_OUT - 1:
                held[name].append(judged(frames)[1])
            else:
                learned[name].append(judged([way for frame in frames for way in (frame, frame[:, ::-1])])[1])
            show(done := done + 1, total)
    return _joined(learned), _joined(held)


def _joined(parts: dict[str, list[np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate(vectors) for name, vectors in parts.items()}


def _thresholds(ordinary: np.ndarray) -> np.ndarray:
    """For every category the score that at most FALSE_BLOCKS of the ordinary frames (N, C) reach, at least a half."""
    found = np.quantile(ordinary, 1 - FALSE_BLOCKS, axis=0, method="higher") + 1e-6
    return np.clip(found, LEAST_THRESHOLD, 1.0).astype(np.float32)


def _counted(heads: Heads, column: int, scores: dict[str, np.ndarray], pictures: int) -> Category:
    least = heads.thresholds[column]
    own, ordinary = scores[heads.categories[column]][:, column], scores[ORDINARY][:, column]
    caught, false = int((own >= least).sum()), int((ordinary >= least).sum())
    return Category(heads.categories[column], pictures, len(own), caught, len(ordinary), false, round(float(least), 4))
