"""Clips into a file, in the format that its ending names.

mp4 (H.264, AAC) and webm (VP9, Opus) are video; gif, webp and png are pictures that move, and hold no sound.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import av

from kinema.clip import Clip
from kinema.errors import OutputError
from kinema.media.about import check_about
from kinema.media.place import VIDEO, check_suffix
from kinema.media.write_pictures import write_pictures
from kinema.media.write_video import write_video


def write(clips: Iterable[Clip], path: Path, *, about: str | None = None) -> None:
    """Writes the clips, one after the other, as one film in the format that the path's ending names.

    Video is encoded as the clips come, needs no more memory than the longest of them, and can be watched while it
    grows. Whatever stops the clips, an interrupt included, the film of those that came is finished before it goes on
    its way. about, such as the recipe's JSON, goes into the file's metadata. Raises OutputError.
    """
    check_suffix(path)
    check_about(about)
    try:
        if path.suffix.lower() in VIDEO:
            write_video(iter(clips), path, about)
        else:
            write_pictures(iter(clips), path, about)
        with open(path, "rb+") as file:
            os.fsync(file.fileno())
    except av.FFmpegError as error:
        raise OutputError(f"{path} cannot be encoded: {error.strerror}") from None
