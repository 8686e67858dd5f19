"""Clip: frames in time, their rate, their sound. The one value that every layer passes on.

It stands alone because everybody needs it; how files are read and written is media/.
Letters: T frames, H W pixels, K latent frames, C channels, S sound samples.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from kinema.errors import ClipError


@dataclass(frozen=True, eq=False)
class Sound:
    """Sound that runs beside the frames from frame 0 on: samples (S, channels) float32 in [-1, 1]."""

    samples: np.ndarray
    rate: int

    def cut(self, start_seconds: Fraction, stop_seconds: Fraction) -> Sound:
        """The sound between two moments."""
        return replace(self, samples=self.samples[round(start_seconds * self.rate) : round(stop_seconds * self.rate)])


@dataclass(frozen=True, eq=False)
class Latents:
    """What a backend remembers of its own clip, so that joins need no second encoding; opaque to everybody else.

    values (K, C, h, w) float32; latent k covers the frames from k * frames_each to (k + 1) * frames_each.
    maker names the networks that made them: nobody else may read them.
    """

    values: np.ndarray
    frames_each: int
    maker: str

    def cut(self, start: int, stop: int) -> Latents | None:
        """The latents of the frames from start to stop, None where these are not whole latents."""
        if start % self.frames_each or stop % self.frames_each:
            return None
        return replace(self, values=self.values[start // self.frames_each : stop // self.frames_each])


@dataclass(frozen=True, eq=False)
class Clip:
    """One or more frames (T, H, W, 3), uint8 sRGB, shown at fps frames per second."""

    frames: np.ndarray
    fps: Fraction
    sound: Sound | None = None
    latents: Latents | None = None

    def __post_init__(self) -> None:
        if self.frames.ndim != 4 or self.frames.shape[3] != 3 or 0 in self.frames.shape:
            raise ClipError(f"frames of shape {self.frames.shape} make no clip; (T, H, W, 3) with nothing at 0 does")
        if self.frames.dtype != np.uint8:
            raise ClipError(f"frames of type {self.frames.dtype} make no clip; uint8 from 0 to 255 does")
        if self.fps <= 0:
            raise ClipError(f"a rate of {self.fps} frames per second makes no clip; it must be above 0")
        object.__setattr__(self, "fps", Fraction(self.fps))

    def __len__(self) -> int:
        return self.frames.shape[0]

    @property
    def height(self) -> int:
        return self.frames.shape[1]

    @property
    def width(self) -> int:
        return self.frames.shape[2]

    @property
    def shape_words(self) -> str:
        return f"a clip of {self.width}x{self.height} at {self.fps} fps"

    @property
    def seconds(self) -> float:
        return float(len(self) / self.fps)

    def __getitem__(self, part: slice) -> Clip:
        """The frames from start to stop with their share of sound and, where whole, of latents."""
        start, stop, step = part.indices(len(self))
        if step != 1:
            raise ClipError(f"a clip is cut in steps of 1, not {step}")
        if stop <= start:
            raise ClipError(f"nothing lies between frame {start} and frame {stop} of a clip of {len(self)} frames")
        sound = self.sound.cut(start / self.fps, stop / self.fps) if self.sound else None
        latents = self.latents.cut(start, stop) if self.latents else None
        return Clip(self.frames[start:stop], self.fps, sound, latents)

    def __add__(self, other: Clip) -> Clip:
        """This clip followed by the other; rates and sizes must agree."""
        return Clip.join([self, other])

    @staticmethod
    def join(clips: Iterable[Clip]) -> Clip:
        """All clips one after the other, with their sound and, where whole, their latents."""
        parts = list(clips)
        if not parts:
            raise ClipError("no clips make no clip; join at least one")
        for part in parts[1:]:
            if (part.width, part.height, part.fps) != (parts[0].width, parts[0].height, parts[0].fps):
                raise ClipError(f"{parts[0].shape_words} cannot be joined to {part.shape_words}; resample one of them")
        if len(parts) == 1:
            return parts[0]
        frames = np.concatenate([part.frames for part in parts])
        return Clip(frames, parts[0].fps, _join_sound(parts), _join_latents(parts))

    @classmethod
    def read(cls, path: str | Path) -> Clip:
        """The clip in a media file; raises ClipError where there is none."""
        from kinema.media import read

        return read(Path(path))

    def write(self, path: str | Path, *, about: str | None = None) -> Path:
        """Writes mp4, webm, gif, webp or png, by the path's suffix; whole or not at all. Raises OutputError."""
        from kinema.media import whole_file, write

        path = Path(path)
        with whole_file(path) as part:
            write([self], part, about=about)
        return path


def _join_sound(parts: list[Clip]) -> Sound | None:
    """The sounds in order, silence where one is missing; None where all are silent."""
    sounds = [part.sound for part in parts if part.sound]
    if not sounds:
        return None
    kinds = {(sound.rate, sound.samples.shape[1]) for sound in sounds}
    if len(kinds) > 1:
        raise ClipError(f"sounds of unlike (rate, channels) {sorted(kinds)} cannot be joined; resample them first")
    rate, channels = kinds.pop()
    frames = sum(len(part) for part in parts)
    whole = np.zeros((round(frames / parts[0].fps * rate), channels), np.float32)
    begin = 0
    for part in parts:
        if part.sound:
            room = whole[round(begin / part.fps * rate) : round((begin + len(part)) / part.fps * rate)]
            samples = part.sound.samples[: len(room)]
            room[: len(samples)] = samples
        begin += len(part)
    return Sound(whole, rate)


def _join_latents(parts: list[Clip]) -> Latents | None:
    """The latents in order where one maker made them all and they cover their clips whole; else None."""
    latents = [part.latents for part in parts if part.latents]
    if len(latents) < len(parts) or len({(each.maker, each.frames_each) for each in latents}) > 1:
        return None
    if any(len(each.values) * each.frames_each != len(part) for each, part in zip(latents, parts, strict=True)):
        return None
    return replace(latents[0], values=np.concatenate([each.values for each in latents]))
