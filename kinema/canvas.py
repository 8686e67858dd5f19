"""Canvas: pixels of space and time, which of them are known, and what should be seen in the rest.

Every task is filling in the unknown part of one of these. `known` has one polarity everywhere: True = keep, False =
invent. Letters: T frames, H W pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Flag, auto
from fractions import Fraction

import numpy as np

from kinema.clip import Clip, Sound
from kinema.errors import RecipeError

EASES = (3, 2, 1)
"""Pixels over which invented ones are led up to known ones, about twice that in all: what is coarse first."""


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
class Cut:
    """How the film is cut from a filled canvas: its frames from start to stop, between what comes before and after.

    A canvas that says so can be watched while it is filled. `sound` is that of the whole film, from its first frame on.
    """

    start: int = 0
    stop: int | None = None
    before: Clip | None = None
    after: Clip | None = None
    sound: Sound | None = None

    def shown(self, segment: Clip, at: int) -> Clip | None:
        """What the film shows of a segment that begins at frame `at` of the canvas."""
        stop = at + len(segment) if self.stop is None else min(self.stop, at + len(segment))
        first = max(self.start, at)
        return segment[first - at : stop - at] if first < stop else None

    def film(self, made: Clip) -> Clip:
        """The film, from the whole canvas filled."""
        shown = self.shown(made, 0)
        parts = [part for part in (self.before, shown, self.after) if part]
        return replace(Clip.join([replace(part, sound=None) for part in parts]), sound=self.sound)


@dataclass(frozen=True, eq=False)
class Canvas:
    """Pixels (T, H, W, 3) uint8, zero where unknown, and known (T, H, W) bool."""

    pixels: np.ndarray
    known: np.ndarray
    fps: Fraction
    captions: tuple[Cue, ...] = ()
    start: Start | None = None
    references: tuple[Clip, ...] = ()
    cut: Cut | None = None

    @classmethod
    def blank(cls, frames: int, height: int, width: int, fps: Fraction, caption: str | None = None) -> Canvas:
        """A canvas of which nothing is known, with one caption from its first frame on."""
        cues = (Cue(0, caption),) if caption is not None else ()
        shape = (frames, height, width)
        pixels = np.broadcast_to(np.zeros((), np.uint8), (*shape, 3))  # no memory until something is painted
        return cls(pixels, np.broadcast_to(np.zeros((), bool), shape), Fraction(fps), cues)

    def __len__(self) -> int:
        return self.pixels.shape[0]

    def paint(self, clip: Clip, at: int, where: np.ndarray | None = None) -> Canvas:
        """The clip is known from frame `at` on: all of it, or its pixels where `where` (T, H, W) bool is True."""
        frames, height, width = self.known.shape
        if (clip.height, clip.width) != (height, width):
            raise RecipeError(f"{clip.shape_words} does not fit a canvas of {width}x{height}; resize it first")
        if at < 0 or at + len(clip) > frames:
            raise RecipeError(f"{len(clip)} frames from frame {at} on do not fit a canvas of {frames} frames")
        pixels, known, part = _own(self.pixels), _own(self.known), slice(at, at + len(clip))
        if where is None:
            pixels[part], known[part] = clip.frames, True
        elif where.shape != (len(clip), height, width):
            raise RecipeError(f"a mask of shape {where.shape} does not match {len(clip)} frames of {width}x{height}")
        else:
            np.copyto(pixels[part], clip.frames, where=where[..., None])
            known[part] |= where
        return replace(self, pixels=pixels, known=known)

    def restore(self, clip: Clip) -> Clip:
        """The clip with the known pixels put back, bit for bit."""
        if clip.frames.shape != self.pixels.shape:
            raise RecipeError(f"a clip of shape {clip.frames.shape} is no filling of a canvas {self.pixels.shape}")
        known = self.known[..., None]
        return replace(clip, frames=np.where(known, self.pixels, clip.frames)) if known.any() else clip

    def eased(self, clip: Clip) -> Clip:
        """The clip with what is invented led up to the known pixels beside it, which are still to be restored.

        What a filling gets wrong of known pixels it gets wrong of their neighbours too, so the mean error of the one is
        taken off the other, fading out within a few pixels; then what is left of it, closer by. Only frames that are
        known in part change.
        """
        mixed = np.flatnonzero(self.known.any((1, 2)) & ~self.known.all((1, 2)))
        if not len(mixed):
            return clip
        frames = clip.frames.copy()
        for index in mixed:
            part = _around(~self.known[index])
            known = self.known[index][part][..., None].astype(np.float32)
            led = frames[index][part].astype(np.float32)
            for reach in EASES:
                error, near = _spread((self.pixels[index][part] - led) * known, reach), _spread(known, reach)
                led += error / np.maximum(near, 1e-3) * np.minimum(1, 2 * near)
            frames[index][part] = np.clip(np.rint(led), 0, 255)
        return replace(clip, frames=frames)

    def part(self, start: int, stop: int) -> Canvas:
        """The frames from start to stop with what is known of them; captions and cut are those of the whole."""
        return replace(self, pixels=self.pixels[start:stop], known=self.known[start:stop])

    def padded(self, before: int, after: int) -> Canvas:
        """The canvas with so many unknown frames more at its ends, which its filling has to lose again."""
        if not before and not after:
            return self
        frames, height, width = self.known.shape
        longer = Canvas.blank(before + frames + after, height, width, self.fps)
        pixels, known = longer.pixels, longer.known
        if self.known.any():
            pixels, known = _own(pixels), _own(known)
            pixels[before : before + frames], known[before : before + frames] = self.pixels, self.known
        captions = tuple(replace(cue, frame=cue.frame + before if cue.frame else 0) for cue in self.captions)
        start = self.start and replace(self.start, clip=_held(self.start.clip, before, after))
        return replace(self, pixels=pixels, known=known, captions=captions, start=start)

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
        whole = self.known.all((1, 2))
        if not np.array_equal(whole, self.known.any((1, 2))):
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


def _held(clip: Clip, before: int, after: int) -> Clip:
    """The clip with its first and last frames held for so many frames more."""
    return Clip(np.pad(clip.frames, ((before, after), (0, 0), (0, 0), (0, 0)), mode="edge"), clip.fps)


def _own(values: np.ndarray) -> np.ndarray:
    """A copy to be painted on; of a blank one, zeros that take no memory before they are painted."""
    return values.copy() if any(values.strides) else np.zeros(values.shape, values.dtype)


def _around(lost: np.ndarray) -> tuple[slice, slice]:
    """The rows and columns of (H, W) in which all that is lost lies, and all that it is led up to."""
    reach, sides = 2 * sum(EASES), (np.flatnonzero(lost.any(axis)) for axis in (1, 0))
    rows, columns = (slice(max(0, int(side[0]) - reach), int(side[-1]) + reach + 1) for side in sides)
    return rows, columns


def _spread(values: np.ndarray, reach: int) -> np.ndarray:
    """(H, W, C): the mean over a square of so many pixels each way, of the mean over such a square."""
    side = 2 * reach + 1
    for axis in (0, 1, 0, 1):
        padded = np.pad(values, [(reach, reach) if each == axis else (0, 0) for each in range(3)], mode="edge")
        long = values.shape[axis]
        total = padded[(slice(None),) * axis + (slice(0, long),)].copy()
        for shift in range(1, side):
            total += padded[(slice(None),) * axis + (slice(shift, shift + long),)]
        values = total / np.float32(side)
    return values
