"""Upscaling: films of twice or four times the size, frame by frame, by a learnt network that OpenVINO runs.

A frame is upscaled from itself and its two neighbours, one frame at a time, so the result does not depend on how a film
is cut into segments, and memory does not depend on how long it is. Below the network lies a Lanczos resize; the network
adds what that lacks. A size that is no multiple of what the model makes is reached from there by resizing and cropping.
Letters: H W pixels of what is given.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image
from pydantic import BaseModel, ConfigDict

from kinema.backends import Grid, Home, graphs
from kinema.backends.processor import Numerics, numerics, processor_flags
from kinema.clip import Clip
from kinema.errors import RecipeError, SizeError
from kinema.recipe import Recipe
from kinema.settings import read_settings

FACTOR = 2
"""What the network does at once."""
FACTORS = (2, 4)
CARD, GRAPH = "upscaler.json", "upscaler"
EMBEDDED = Path(__file__).parent.parent / "weights" / "upscaler"
PIECE = 32
"""Frames of the longest clip that is handed on at once, however long the segment is."""
_FIX = "install Kinema again"


class UpscalerCard(BaseModel):
    """What the network is, what it was trained on, and the hash of every file."""

    model_config = ConfigDict(frozen=True)

    format: Literal["kinema-upscaler-1"]
    name: str
    licence: str
    trained_on: str
    autoencoder: str
    """The fingerprint of the autoencoder whose frames it was taught to upscale."""
    files: dict[str, str]


@dataclass(frozen=True, eq=False)
class Upscaling:
    """A loaded network: detail (1, 3, 2H, 2W) from neighbouring frames (1, 9, H, W) in [-1, 1], H and W even."""

    detail: Callable[[np.ndarray], np.ndarray]
    maker: str
    """Name, hash, runtime, precision and threads."""

    def doubled(self, before: np.ndarray, frame: np.ndarray, after: np.ndarray) -> np.ndarray:
        """The frame (2H, 2W, 3) uint8 between its neighbours (H, W, 3) uint8."""
        height, width = frame.shape[:2]
        seen = np.concatenate([before, frame, after], -1).astype(np.float32) / 127.5 - 1
        seen = np.pad(seen, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        detail = self.detail(np.ascontiguousarray(seen.transpose(2, 0, 1)[None]))[0].transpose(1, 2, 0)
        base = lanczos(frame, FACTOR * width, FACTOR * height)
        whole = base + np.float32(127.5) * detail[: FACTOR * height, : FACTOR * width]
        return np.clip(np.rint(whole), 0, 255).astype(np.uint8)


def upscale(segments: Iterable[Clip], factor: int, wanted: np.ndarray | None = None) -> Iterator[Clip]:
    """The segments at `factor` times their width and height, the same frames however they are cut.

    The last frame of each is held back until its successor is known. Rates and sound are kept, latents are not. Where
    `wanted` (T,) bool says which frames are, the others come out black, and cost no more than their neighbours need.
    Raises RecipeError at once for a factor that is not 2 or 4, and CheckpointError.
    """
    check_factor(factor)
    network = load()
    for left in range(round(math.log2(factor)) - 1, -1, -1):
        segments = _doubled(segments, network, None if wanted is None else _widened(wanted, left))
    return iter(segments)


def _widened(wanted: np.ndarray, frames: int) -> np.ndarray:
    """The frames that are wanted, and so many on either side of each."""
    padded = np.pad(wanted, frames)
    return np.any([padded[shift : shift + len(wanted)] for shift in range(2 * frames + 1)], 0)


def check_factor(factor: int) -> None:
    """Raises RecipeError where a film cannot be upscaled so many times."""
    if factor not in FACTORS:
        nearest = min(FACTORS, key=lambda known: abs(known - factor))
        raise RecipeError(f"upscale {factor} is not one of 2 and 4; the nearest is {nearest}", part="upscale")


def configuration() -> str:
    """What upscaled frames depend on beside the frames that are upscaled."""
    return load().maker


def _doubled(segments: Iterable[Clip], network: Upscaling, wanted: np.ndarray | None) -> Iterator[Clip]:
    """Every segment at twice its size, in pieces: all its frames but the last, then the last."""
    at = 0
    for clip, before, after in _with_neighbours(segments):
        around = [before, *clip.frames, after]
        frames = np.zeros((len(clip), FACTOR * clip.height, FACTOR * clip.width, 3), np.uint8)
        for index in range(len(clip)):
            if wanted is None or wanted[at + index]:
                frames[index] = network.doubled(*around[index : index + 3])
        at += len(clip)
        yield Clip(frames, clip.fps, clip.sound)


def _with_neighbours(segments: Iterable[Clip]) -> Iterator[tuple[Clip, np.ndarray, np.ndarray]]:
    """The segments in pieces with the frames before and after each; at the ends its own stand there."""
    before: np.ndarray | None = None
    held: Clip | None = None
    for segment in segments:
        for start in range(0, len(segment), PIECE):
            piece = segment[start : start + PIECE]
            if held is not None:
                yield held, held.frames[0] if before is None else before, piece.frames[0]
                before = held.frames[-1]
            if len(piece) > 1:
                yield piece[:-1], piece.frames[0] if before is None else before, piece.frames[-1]
                before = piece.frames[-2]
            held = piece[-1:]
    if held is not None:
        yield held, held.frames[0] if before is None else before, held.frames[0]


def lanczos(frame: np.ndarray, width: int, height: int) -> np.ndarray:
    """The frame (H, W, 3) uint8 resized by Pillow's Lanczos filter."""
    return np.asarray(Image.fromarray(frame).resize((width, height), Image.Resampling.LANCZOS))


@dataclass(frozen=True)
class SizePlan:
    """How frames of one exact size are made: natively at another, upscaled, then resized and cropped evenly."""

    width: int
    height: int
    native_width: int
    native_height: int
    factor: int
    """1 where the native size is enough."""

    @classmethod
    def of(cls, recipe: Recipe) -> SizePlan:
        """How a settled recipe's film gets its size."""
        assert recipe.width and recipe.height
        return cls(*recipe.film_size, recipe.width, recipe.height, recipe.upscale or 1)

    @property
    def upscale(self) -> int | None:
        """The factor as a recipe has it."""
        return self.factor if self.factor > 1 else None

    @property
    def crop(self) -> tuple[float, float, float, float]:
        """Left, upper, right and lower edge, in upscaled pixels, of the largest part with the asked shape."""
        wide, tall = self.factor * self.native_width, self.factor * self.native_height
        scale = max(self.width / wide, self.height / tall)
        across, down = self.width / scale, self.height / scale
        return (wide - across) / 2, (tall - down) / 2, (wide + across) / 2, (tall + down) / 2

    @property
    def words(self) -> str:
        """What is done, for the person who asked."""
        said = f"{self.width}x{self.height} is made at {self.native_width}x{self.native_height}"
        if self.factor > 1:
            said += f", upscaled {self.factor} times"
        left, upper, right, lower = self.crop
        scale = self.width / (right - left)
        if not math.isclose(scale, 1):
            said += f", resized by {scale:.3g}"
        lost = 1 - (right - left) * (lower - upper) / (self.factor**2 * self.native_width * self.native_height)
        if lost > 1e-9:
            said += f", cropped by {max(0.1, 100 * lost):.2g} %"
        return said


def size_words(recipe: Recipe) -> str | None:
    """How a settled recipe's film gets its size, for the person who asked; None where the model makes that."""
    assert recipe.width and recipe.height
    plan = SizePlan.of(recipe)
    if recipe.film_size == (recipe.width, recipe.height):
        return None
    if not recipe.sources:
        return plan.words
    by = f", upscaled {plan.factor} times" if plan.factor > 1 else ""
    return f"{plan.width}x{plan.height}; what is new is made at {recipe.width}x{recipe.height}{by} and fitted to that"


def plan_size(width: int, height: int, grid: Grid, home: Home) -> SizePlan:
    """How to make frames of exactly this size: as it is, or from the shape nearest in aspect and in home's area.

    No native side is then over twice home's longest. Raises SizeError.
    """
    for name, side in (("width", width), ("height", height)):
        if side < 1:
            raise SizeError(f"{name} {side} makes no film; it must be at least 1")
    if home.suits(width, height, grid):
        return SizePlan(width, height, width, height, 1)
    native = grid.nearest(width / height, home.width * home.height, 2 * max(home.width, home.height))
    scale = max(width / native[0], height / native[1])
    factor = next((factor for factor in (1, *FACTORS) if scale <= factor), FACTORS[-1])
    return SizePlan(width, height, *native, factor)


def fit_to(segments: Iterable[Clip], plan: SizePlan) -> Iterator[Clip]:
    """Segments of the plan's native size at exactly the size that it was made for, however they are cut."""
    large = upscale(segments, plan.factor) if plan.factor > 1 else iter(segments)
    return (_fitted(clip, plan) for clip in large)


def _fitted(clip: Clip, plan: SizePlan) -> Clip:
    found, expected = (clip.width, clip.height), (plan.factor * plan.native_width, plan.factor * plan.native_height)
    if found != expected:
        raise SizeError(f"frames of {found[0]}x{found[1]} are not the {expected[0]}x{expected[1]} of {plan.words}")
    if plan.crop == (0, 0, plan.width, plan.height):
        return clip
    size = (plan.width, plan.height)
    pictures = (Image.fromarray(frame).resize(size, Image.Resampling.LANCZOS, plan.crop) for frame in clip.frames)
    return Clip(np.stack([np.asarray(picture) for picture in pictures]), clip.fps, clip.sound)


@cache
def _loaded(folder: Path, numbers: Numerics) -> Upscaling:
    card = read_card(folder)
    compiled = graphs.Graphs(folder, card.files, numbers, _FIX)
    return Upscaling(compiled.network(GRAPH, "frames"), compiled.maker(card.name))


def load(folder: Path = EMBEDDED) -> Upscaling:
    """The upscaler of a folder, compiled for this processor, once. Raises CheckpointError."""
    return _loaded(folder, numerics(read_settings(), processor_flags()))


def read_card(folder: Path) -> UpscalerCard:
    """The card of a folder that holds an upscaler. Raises CheckpointError where it is missing or foreign."""
    return graphs.read_card(folder / CARD, UpscalerCard, "an upscaler", _FIX)
