"""Any film or picture as a clip, and in plain sentences whatever had to be done to it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from kinema.clip import Clip
from kinema.errors import ClipError
from kinema.media.about import about_of
from kinema.media.fit import Held, Into, Shape
from kinema.media.kinds import kind_of
from kinema.media.limits import Guard, Limits


@dataclass(frozen=True, eq=False)
class Media:
    """A clip from a file or folder; notes say whatever was done to it; about is what it says of its own making.

    held is what there was before the clip was fitted.
    """

    clip: Clip
    held: Held
    notes: tuple[str, ...] = ()
    about: str | None = None

    @classmethod
    def of(cls, clip: Clip) -> Media:
        """A clip that no file holds."""
        return cls(clip, Held(clip.width, clip.height, len(clip), clip.fps))

    @property
    def fps(self) -> Fraction:
        """The rate that it had before it was fitted."""
        assert self.held.fps is not None, "what has been read has a rate"
        return self.held.fps


def load(path: str | Path, limits: Limits | None = None, *, into: Shape | Into | None = None) -> Media:
    """The film or picture in a file, or the frames of a folder, within limits: without any, those of the settings.

    With a shape, or what says one of what there is, frames are fitted while they are decoded: what is held in memory is
    the fitted clip, whatever size the film has. Raises ClipError where there are no pictures, where they cannot be
    decoded, or beyond a limit.
    """
    path = Path(path)
    limits = limits or Limits.from_settings()
    notes: dict[str, None] = {}
    told = (lambda held: into) if isinstance(into, Shape) else into

    def say(note: str) -> None:
        notes.setdefault(note)

    if path.is_dir():
        from kinema.media.read_pictures import read_folder

        return Media(*read_folder(path, limits, told, say), tuple(notes))
    if not path.is_file():
        raise ClipError(f"there is no file {path}")
    guard = Guard(path, limits)
    guard.file()
    kind = kind_of(path, say)
    if kind.demuxer is not None:
        from kinema.media.read_video import read_video

        found = read_video(path, kind.demuxer, guard, told, say)
    else:
        from kinema.media.read_pictures import read_pictures

        found = read_pictures(path, guard, told, say)
    return Media(*found, tuple(notes), about_of(path, kind))


def read(path: str | Path) -> Clip:
    """The film or picture in a file, or the frames of a folder, as a clip. Raises ClipError where there is none."""
    return load(path).clip
