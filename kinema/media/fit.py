"""A clip in another size and at another rate: antialiased in space, the frame on screen in time.

Kinema's own models have sizes and rates of their own, so whatever a person brings is fitted before it is painted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal, get_args

import numpy as np
from PIL import Image

from kinema.clip import Clip, Sound
from kinema.errors import ClipError, DurationError, SizeError

Mode = Literal["crop", "pad", "stretch"]


@dataclass(frozen=True)
class Shape:
    """A size in pixels, and a rate where the clip's own is not kept.

    crop fills the size and loses what lies beyond its edges; pad shows all between black bars; stretch distorts.
    """

    width: int
    height: int
    fps: Fraction | None = None
    mode: Mode = "crop"

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise SizeError(f"nothing can be fitted to {self.width}x{self.height}; both sides must be at least 1")
        if self.fps is not None and self.fps <= 0:
            raise DurationError(f"nothing can be fitted to {self.fps} frames per second; it must be above 0")
        if self.mode not in get_args(Mode):
            raise ClipError(f"there is no way of fitting '{self.mode}'; there are {', '.join(get_args(Mode))}")

    def scales(self, width: int, height: int) -> tuple[Fraction, Fraction]:
        """By how much a picture of that size grows, across and down."""
        across, down = Fraction(self.width, width), Fraction(self.height, height)
        if self.mode == "stretch":
            return across, down
        one = max(across, down) if self.mode == "crop" else min(across, down)
        return one, one

    def coarse(self, width: int, height: int) -> tuple[int, int]:
        """A size of at least twice what is needed, to which a decoder may shrink a larger picture at once."""
        across, down = self.scales(width, height)
        return min(width, -int(-width * across * 2 // 1)), min(height, -int(-height * down * 2 // 1))


@dataclass(frozen=True)
class Held:
    """What a file or a clip holds before it is fitted: its upright size in pixels, how many frames, and their rate.

    The rate is None while that is still to be found out.
    """

    width: int
    height: int
    frames: int
    fps: Fraction | None


Into = Callable[[Held], Shape]
"""What frames are fitted to, said when it is known what there is."""


def fit(clip: Clip, width: int, height: int, fps: Fraction, mode: Mode = "crop") -> Clip:
    """The clip in that size and at that rate, of the same length within half a frame, its sound trimmed to it.

    Output frame k shows what was on screen at k / fps seconds. A size or rate that agrees changes nothing there.
    """
    shape = Shape(width, height, Fraction(fps), mode)
    picks = picks_at(len(clip), clip.fps, Fraction(fps))
    if (clip.width, clip.height) == (width, height):
        if clip.fps == fps:
            return clip
        return Clip(clip.frames[picks], fps, sound_of(clip.sound, len(picks), fps))
    frames = np.empty((len(picks), height, width, 3), np.uint8)
    for index, pick in enumerate(picks):
        again = index and pick == picks[index - 1]
        frames[index] = frames[index - 1] if again else place(clip.frames[pick], shape)
    return Clip(frames, fps, sound_of(clip.sound, len(picks), fps))


def picks_at(frames: int, fps: Fraction, wanted: Fraction) -> list[int]:
    """Which of so many frames are on screen at 0, 1 / wanted, 2 / wanted, … seconds; at least one."""
    count = max(1, round(frames / fps * wanted))
    return [min(frames - 1, int(index * fps / wanted)) for index in range(count)]


def place(pixels: np.ndarray, shape: Shape, size: tuple[int, int] | None = None) -> np.ndarray:
    """A picture (H, W, 3) uint8 in the shape's size, (shape.height, shape.width, 3).

    size is the (width, height) that the picture had where it has been shrunk on the way: what is cut and where bars
    lie follows from that, not from its rounding.
    """
    width, height = size or (pixels.shape[1], pixels.shape[0])
    if pixels.shape[:2] == (shape.height, shape.width):
        return pixels
    across, down = shape.scales(width, height)
    if shape.mode == "pad":
        inner = Shape(max(1, round(width * across)), max(1, round(height * down)), mode="stretch")
        page = np.zeros((shape.height, shape.width, 3), np.uint8)
        bar, beam = (shape.width - inner.width) // 2, (shape.height - inner.height) // 2
        page[beam : beam + inner.height, bar : bar + inner.width] = place(pixels, inner)
        return page
    seen_width, seen_height = shape.width / across, shape.height / down
    left, top = (width - seen_width) / 2, (height - seen_height) / 2
    if across == down == 1:
        return pixels[int(top) : int(top) + shape.height, int(left) : int(left) + shape.width]
    by_width, by_height = Fraction(pixels.shape[1], width), Fraction(pixels.shape[0], height)
    box = (
        float(left * by_width),
        float(top * by_height),
        float((left + seen_width) * by_width),
        float((top + seen_height) * by_height),
    )
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    return np.asarray(picture.resize((shape.width, shape.height), Image.Resampling.LANCZOS, box, reducing_gap=3.0))


def sound_of(sound: Sound | None, frames: int, fps: Fraction) -> Sound | None:
    """The sound, cut or filled with silence to the length of so many frames."""
    if sound is None:
        return None
    samples = sound.samples[: round(frames / fps * sound.rate)]
    missing = round(frames / fps * sound.rate) - len(samples)
    return replace(sound, samples=np.pad(samples, ((0, missing), (0, 0)))) if missing else Sound(samples, sound.rate)
