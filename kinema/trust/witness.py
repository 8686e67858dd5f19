"""The learned witness: how probably the embedded model made a film, by its pixels alone. Never a proof.

A decoder leaves traces that are too faint to see: how sharpness falls off from scale to scale, how still surfaces
flicker, how that flicker counts in the decoder's chunks and patches. A logistic regression weighs them, and says yes of
no film that is far from all of the model's own. `python -m kinema.evaluate.witness` trains and measures it for one set
of networks, to whose hash it is tied: beside any other it cannot tell.

    T frames, H W pixels, B blocks, D traces
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from kinema.clip import Clip
from kinema.errors import CheckpointError

FILE = Path(__file__).with_name("witness.safetensors")
FORMAT = "kinema-witness-1"
AREA_PX, LARGER = 128 * 128, 1.5
"""Larger pictures are brought to this area, the model's own, which undoes what upscaling added."""
FEWEST_FRAMES, MOST_FRAMES, SMALLEST_PX = 12, 48, 96
YES, NO = 0.9, 0.1
"""Probabilities from which on it says yes, and down to which no."""
CHUNK, PATCH, BLOCK = 4, 16, 8
FLOOR = 0.02
"""Grey levels that are added before a logarithm is taken."""
Answer = Literal["yes", "no", "cannot tell"]
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_ARRAYS = ("mean", "scale", "weights", "centre", "inverse")


@dataclass(frozen=True)
class Weights:
    """What was learned: `mean` and `scale` (D,) of all, `weights` (D,) and bias; `inverse` (D, D) of the covariance of
    the model's own films round `centre` (D,), and the distance up to which a film is like them.

    `network` is the hash of the networks, `wrong` how often its yes was wrong at most, by `basis`.
    """

    mean: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    centre: np.ndarray
    inverse: np.ndarray
    bias: float
    limit: float
    network: str
    wrong: float
    basis: str

    def probability(self, traced: np.ndarray) -> np.ndarray:
        """How probably each of (N, D) is of the model's own films, (N,)."""
        return 1 / (1 + np.exp(-np.clip((traced - self.mean) / self.scale @ self.weights + self.bias, -60, 60)))

    def distance(self, traced: np.ndarray) -> np.ndarray:
        """How far each of (N, D) is from the middle of the model's own films, in deviations (Mahalanobis), (N,)."""
        apart = (traced - self.centre) / self.scale
        return np.sqrt(np.einsum("nd,de,ne->n", apart, self.inverse, apart))

    def save(self, path: Path) -> None:
        """Writes the file."""
        from safetensors.numpy import save_file

        arrays = {name: np.asarray(getattr(self, name), np.float32) for name in _ARRAYS}
        said = {name: getattr(self, name) for name in ("bias", "limit", "network", "wrong", "basis")}
        save_file(arrays, path, {"format": FORMAT, "said": json.dumps(said)})

    @classmethod
    def load(cls, path: Path = FILE) -> Weights:
        """The weights in a file. Raises CheckpointError where it holds none."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, "numpy") as file:
                metadata: dict[str, str] = file.metadata() or {}
                arrays: dict[str, Any] = {name: file.get_tensor(name) for name in _ARRAYS}
            if metadata.get("format") != FORMAT:
                raise ValueError(f"its format is {metadata.get('format')}")
            return cls(**arrays, **json.loads(metadata["said"]))
        except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
            fix = "train it with 'python -m kinema.evaluate.witness'"
            raise CheckpointError(f"the learned witness {path} cannot be read ({error}); {fix}") from None


def network_hash(folder: Path) -> str:
    """What tells the networks of a folder from all others, in hex, by their card. Raises CheckpointError."""
    try:
        files = json.loads((folder / "networks.json").read_text(encoding="utf-8"))["files"]
        return sha256("".join(sorted(files.values())).encode()).hexdigest()
    except (OSError, ValueError, KeyError) as error:
        raise CheckpointError(f"the card of the networks in {folder} cannot be read: {error}") from None


def verdict(weights: Weights, traced: np.ndarray) -> tuple[Answer, float, float]:
    """What follows from traces (D,): the answer, the probability, and the distance from the model's own films."""
    probability, distance = float(weights.probability(traced[None])[0]), float(weights.distance(traced[None])[0])
    if probability >= YES and distance <= weights.limit:
        return "yes", probability, distance
    return "no" if probability <= NO else "cannot tell", probability, distance


def is_readable(clip: Clip) -> bool:
    """Whether a clip is long and large enough to show traces."""
    return len(clip) >= FEWEST_FRAMES and min(clip.width, clip.height) >= SMALLEST_PX


def traces(clip: Clip) -> np.ndarray:
    """What of a film shows its decoder, (D,) float32; of its first frames, brought to the model's own area."""
    pixels = np.stack([_sized(frame) for frame in clip.frames[:MOST_FRAMES]]).astype(np.float32)
    luma = pixels @ LUMA
    change = np.diff(luma, axis=0)
    found = [*_sharpness(luma), *_colour(pixels, luma), *_flicker(change), *_change(luma, change), *_grid(luma)]
    return np.array(found, np.float32)


def _sized(frame: np.ndarray) -> np.ndarray:
    height, width = frame.shape[:2]
    if height * width <= LARGER * AREA_PX:
        return frame
    smaller = (AREA_PX / (height * width)) ** 0.5
    size = max(1, round(width * smaller)), max(1, round(height * smaller))
    return np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.LANCZOS))


def _sharpness(luma: np.ndarray) -> list[float]:
    """How detail falls off from scale to scale, how much of the finest there is, how flat surfaces are."""
    scales = [luma, *(_blurred(luma, side) for side in (3, 5, 9, 17))]
    detail = [_size(fine - coarse) for fine, coarse in pairwise(scales)]
    steps = np.abs(np.diff(luma, axis=2))
    falls = [_ratio(fine, coarse) for fine, coarse in pairwise(detail)]
    return [*falls, float(np.log(detail[0] + FLOOR)), float((steps < 0.5).mean()), float((steps < 1.5).mean())]


def _colour(pixels: np.ndarray, luma: np.ndarray) -> list[float]:
    """How fine the detail of the two colour differences is."""
    found = []
    for channel in (0, 2):
        colour = pixels[..., channel] - luma
        fine, coarse = _blurred(colour, 3), _blurred(colour, 9)
        found.append(_ratio(_size(colour - fine), _size(fine - coarse)))
    return found


def _flicker(change: np.ndarray) -> list[float]:
    """How much blocks change that move least, how evenly in time, and whether every fourth frame is apart."""
    count, rows, columns = (size // BLOCK if axis else size for axis, size in enumerate(change.shape))
    whole = np.abs(change[:, : rows * BLOCK, : columns * BLOCK])
    blocks = whole.reshape(count, rows, BLOCK, columns, BLOCK).mean((2, 4)).reshape(count, -1)
    quiet = np.sort(blocks, axis=1)[:, : max(1, blocks.shape[1] // 2)].mean(axis=1)
    at = np.arange(count) % CHUNK
    apart = max(_ratio(quiet[at == phase].mean(), quiet[at != phase].mean()) for phase in range(CHUNK))
    levels = np.quantile(blocks, [0.1, 0.3, 0.5, 0.8], axis=1).mean(axis=1)
    return [*np.log(levels + FLOOR).tolist(), apart, _ratio(quiet.std(), quiet.mean())]


def _change(luma: np.ndarray, change: np.ndarray) -> list[float]:
    """How jerky change is, and how much the finest detail changes."""
    fine = luma - _blurred(luma, 3)
    return [_ratio(_size(np.diff(change, axis=0)), _size(change)), _ratio(_size(np.diff(fine, axis=0)), _size(fine))]


def _grid(luma: np.ndarray) -> list[float]:
    """Whether edges lie on the grid of the decoder's patches, or of half of them."""
    across, down = np.abs(np.diff(luma, axis=2)).mean((0, 1)), np.abs(np.diff(luma, axis=1)).mean((0, 2))
    found = []
    for pitch in (PATCH // 2, PATCH):
        sums = [np.array([edges[phase::pitch].mean() for phase in range(pitch)]) for edges in (across, down)]
        found.append(max(_ratio(each.max(), np.median(each)) for each in sums))
    return found


def _blurred(luma: np.ndarray, side: int) -> np.ndarray:
    """Means over squares of so many pixels, (T, H, W)."""
    for axis in (1, 2):
        margins = [(side // 2 + 1, side // 2) if each == axis else (0, 0) for each in range(3)]
        sums = np.cumsum(np.pad(luma, margins, mode="edge"), axis=axis, dtype=np.float64)
        size = luma.shape[axis]
        upper, lower = np.take(sums, range(side, side + size), axis), np.take(sums, range(size), axis)
        luma = ((upper - lower) / side).astype(np.float32)
    return luma


def _size(values: np.ndarray) -> float:
    return float(np.abs(values).mean())


def _ratio(upper: float, lower: float) -> float:
    return float(np.log((upper + FLOOR) / (lower + FLOOR)))
