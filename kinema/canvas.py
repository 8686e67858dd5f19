"""Canvas: pixels of space and time, which of them are known, and what should be seen in the rest.

Every task is filling in the unknown part of one of these. `known` has one polarity everywhere: True = keep, False =
invent. Letters: T frames, H W pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Flag, auto
from fractions import Fraction

import numpy as np

from kinema.clip import Clip
from kinema.errors import RecipeError


class Asks(Flag):
    """What a canvas needs of a backend; what a backend can fill is the union of these."""

    NOTHING = auto()
    """Nothing is known: everything is invented."""
    FIRST = auto()
    LAST = auto()
    ENDS = auto()
    """The first frame and the last."""
    PREFIX = auto()
    """Several frames from the beginning on."""
    SUFFIX = auto()
    """Several frames up to the end."""
    FRAMES = auto()
    """Any other choice of whole frames."""
    REGIONS = auto()
    """Parts of frames."""
    START = auto()
    """A clip to begin from, noised."""
    CUES = auto()
    """Captions that change in time."""
    REFERENCES = auto()
    """Subjects to resemble."""


@dataclass(frozen=True)
class Cue:
    """From this frame on, this should be seen."""

    frame: int
    text: str


@dataclass(frozen=True, eq=False)
class Start:
    """A clip to begin from: noised that far, then denoised; strength in (0, 1], 1 leaves nothing of it."""

    clip: Clip
    strength: float

    def __post_init__(self) -> None:
        if not 0 < self.strength <= 1:
            raise RecipeError(f"strength {self.strength} is not above 0 and at most 1; 0.5 is in the middle")


@dataclass(frozen=True, eq=False)
class Canvas:
    """Pixels (T, H, W, 3) uint8, zero where unknown, and known (T, H, W) bool."""

    pixels: np.ndarray
    known: np.ndarray
    fps: Fraction
    captions: tuple[Cue, ...] = ()
    start: Start | None = None
    references: tuple[Clip, ...] = ()

    @classmethod
    def blank(cls, frames: int, height: int, width: int, fps: Fraction, caption: str | None = None) -> Canvas:
        """A canvas of which nothing is known, with one caption from its first frame on."""
        cues = (Cue(0, caption),) if caption is not None else ()
        shape = (frames, height, width)
        return cls(np.zeros((*shape, 3), np.uint8), np.zeros(shape, bool), Fraction(fps), cues)

    def __len__(self) -> int:
        return self.pixels.shape[0]

    def paint(self, clip: Clip, at: int, where: np.ndarray | None = None) -> Canvas:
        """The clip is known from frame `at` on: all of it, or its pixels where `where` (T, H, W) bool is True."""
        frames, height, width = self.known.shape
        if (clip.height, clip.width) != (height, width):
            raise RecipeError(f"{clip.shape_words} does not fit a canvas of {width}x{height}; resize it first")
        if at < 0 or at + len(clip) > frames:
            raise RecipeError(f"{len(clip)} frames from frame {at} on do not fit a canvas of {frames} frames")
        where = np.ones((len(clip), height, width), bool) if where is None else where
        if where.shape != (len(clip), height, width):
            raise RecipeError(f"a mask of shape {where.shape} does not match {len(clip)} frames of {width}x{height}")
        pixels, known = self.pixels.copy(), self.known.copy()
        pixels[at : at + len(clip)][where] = clip.frames[where]
        known[at : at + len(clip)] |= where
        return replace(self, pixels=pixels, known=known)

    def restore(self, clip: Clip) -> Clip:
        """The clip with the known pixels put back, bit for bit."""
        if clip.frames.shape != self.pixels.shape:
            raise RecipeError(f"a clip of shape {clip.frames.shape} is no filling of a canvas {self.pixels.shape}")
        if not self.known.any():
            return clip
        return replace(clip, frames=np.where(self.known[..., None], self.pixels, clip.frames))

    @property
    def asks(self) -> Asks:
        """What this canvas needs of a backend."""
        asks = self._asks_of_pixels()
        if self.start:
            asks |= Asks.START
        if len(self.captions) > 1 or any(cue.frame for cue in self.captions):
            asks |= Asks.CUES
        if self.references:
            asks |= Asks.REFERENCES
        return asks

    def _asks_of_pixels(self) -> Asks:
        per_frame = self.known.reshape(len(self), -1)
        whole = per_frame.all(1)
        if not np.array_equal(whole, per_frame.any(1)):
            return Asks.REGIONS
        indices = np.flatnonzero(whole).tolist()
        count, last = len(indices), len(self) - 1
        named = {(): Asks.NOTHING, (0,): Asks.FIRST, (last,): Asks.LAST, (0, last): Asks.ENDS}
        if tuple(indices) in named:
            return named[tuple(indices)]
        if indices == list(range(count)):
            return Asks.PREFIX
        if indices == list(range(last + 1 - count, last + 1)):
            return Asks.SUFFIX
        return Asks.FRAMES
