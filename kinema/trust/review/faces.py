"""Where the faces of a frame are: YuNet (Wu, Peng and Yu 2023, doi 10.1007/s11633-023-1423-y), its boxes decoded here.

It was trained on photographs and scores drawn faces lower: FACE lies between the two (`kinema review report`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kinema.trust.review.framing import framed
from kinema.trust.review.networks import networks

FACE = 0.85
"""The score from which on a face is taken for a real one."""
STRIDES = (8, 16, 32)
OVERLAP = 0.3
SIDE, LARGE_SIDE = 320, 640
MARGIN = 0.4
"""Share of the square left black in the second look, which finds faces that fill the picture."""


@dataclass(frozen=True)
class Face:
    """A face by its box in the frame's own pixels, and how sure that is, from 0 to 1."""

    left: float
    top: float
    width: float
    height: float
    score: float


def faces(frame: np.ndarray, *, large: bool = False, least: float = FACE) -> list[Face]:
    """The faces of a frame (H, W, 3), surest first, upright or turned by quarters; `large` finds smaller ones."""
    found: list[Face] = []
    for turns in range(4):
        turned = np.ascontiguousarray(np.rot90(frame, turns))
        for margin in (0.0, MARGIN):
            laid = framed(turned, LARGE_SIDE if large and not margin else SIDE, margin)
            picture = laid.picture[..., ::-1].astype(np.float32).transpose(2, 0, 1)
            results = networks().run("faces", picture[None])
            boxes = decode({name: value[0] for name, value in results.items()}, laid.picture.shape[0], least)
            found += [_unturned(box / laid.scale, score, turns, frame.shape[:2]) for box, score in boxes]
    return _apart(found)


def decode(results: Mapping[str, np.ndarray], side: int, least: float) -> list[tuple[np.ndarray, float]]:
    """Boxes (left, top, width, height) in pixels of the square, and scores, out of the network's results for it.

    For every stride there are cls_, obj_ (cells, 1) and bbox_ (cells, 4): shift and log size in strides of the cell.
    """
    found = []
    for stride in STRIDES:
        across = side // stride
        sure = np.sqrt(np.clip(results[f"cls_{stride}"], 0, 1) * np.clip(results[f"obj_{stride}"], 0, 1))[:, 0]
        for cell in np.flatnonzero(sure >= least):
            down, right = divmod(int(cell), across)
            shift_x, shift_y, wide, high = results[f"bbox_{stride}"][cell]
            size = np.exp(np.array([wide, high], np.float64)) * stride
            middle = np.array([right + shift_x, down + shift_y], np.float64) * stride
            found.append((np.concatenate([middle - size / 2, size]), float(sure[cell])))
    return found


def _unturned(box: np.ndarray, score: float, turns: int, shape: tuple[int, ...]) -> Face:
    """The box in the frame as it was before it was turned so many quarters to the left."""
    left, top, width, height = map(float, box)
    for turn in range(turns, 0, -1):  # the frame's width before the last quarter is its height after it
        across = shape[1] if turn % 2 else shape[0]
        left, top, width, height = across - top - height, left, height, width
    return Face(left, top, width, height, score)


def _apart(found: list[Face]) -> list[Face]:
    """The faces without those that overlap a surer one."""
    kept: list[Face] = []
    for face in sorted(found, key=lambda face: -face.score):
        if all(_shared(face, other) <= OVERLAP for other in kept):
            kept.append(face)
    return kept


def _shared(one: Face, other: Face) -> float:
    """The area in both as a share of that in either."""
    wide = min(one.left + one.width, other.left + other.width) - max(one.left, other.left)
    high = min(one.top + one.height, other.top + other.height) - max(one.top, other.top)
    both = max(0.0, wide) * max(0.0, high)
    return both / (one.width * one.height + other.width * other.height - both)
