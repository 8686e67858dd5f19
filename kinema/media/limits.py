"""How much of a file is read before it is refused: bytes, pixels, seconds of film, memory and seconds of work.

Every limit is a setting, and every refusal names it. What a header says is checked before anything is decoded, and what
is decoded is checked again, since headers lie.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from kinema.errors import ClipError
from kinema.settings import read_settings

Say = Callable[[str], None]  # takes a plain sentence about what was done to a file's pictures or sound


@dataclass(frozen=True)
class Limits:
    """The most that is read of one file; where it passes one of these, reading stops with a ClipError."""

    file_mb: float
    side_px: int
    seconds: float
    frames: int
    clip_mb: float
    decode_seconds: float

    @classmethod
    def from_settings(cls) -> Limits:
        settings = read_settings()
        return cls(
            file_mb=settings.max_file_mb,
            side_px=settings.max_file_side_px,
            seconds=settings.max_file_seconds,
            frames=settings.max_file_frames,
            clip_mb=settings.max_clip_mb,
            decode_seconds=settings.max_decode_seconds,
        )


class Guard:
    """Holds one file to its limits while it is read; every method raises ClipError naming the setting."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self.path, self.limits = path, limits
        self._until = monotonic() + limits.decode_seconds

    def file(self) -> None:
        size_mb = self.path.stat().st_size / 1e6
        if size_mb > self.limits.file_mb:
            raise self._error(f"has {size_mb:.1f} MB; at most {self.limits.file_mb:g} are read", "MAX_FILE_MB")

    def picture(self, width: int, height: int) -> None:
        if max(width, height) > self.limits.side_px:
            raise self._error(
                f"is {width}x{height}; sides of at most {self.limits.side_px} pixels are read, so scale it down",
                "MAX_FILE_SIDE_PX",
            )

    def length(self, frames: int, seconds: float) -> None:
        if seconds > self.limits.seconds:
            raise self._error(
                f"is longer than {self.limits.seconds:g} seconds, the most that is read; cut out the part you need",
                "MAX_FILE_SECONDS",
            )
        if frames > self.limits.frames:
            raise self._error(
                f"has more than {self.limits.frames} frames, the most that are read; cut out the part you need",
                "MAX_FILE_FRAMES",
            )

    def memory(self, frames: int, width: int, height: int) -> None:
        needed_mb = frames * width * height * 3 / 1e6
        if needed_mb > self.limits.clip_mb:
            raise self._error(
                f"takes {needed_mb:.0f} MB as {frames} frames of {width}x{height}; at most {self.limits.clip_mb:g} are"
                " read, so read it smaller or at a lower rate, or cut out the part you need",
                "MAX_CLIP_MB",
            )

    def clock(self) -> None:
        if monotonic() > self._until:
            raise self._error(
                f"takes longer than {self.limits.decode_seconds:g} seconds to read; make it smaller or shorter",
                "MAX_DECODE_SECONDS",
            )

    def _error(self, said: str, setting: str) -> ClipError:
        return ClipError(f"{self.path} {said} (KINEMA_{setting})")
