"""Media files, opened with care: nothing else is opened, and whatever breaks in them is a ClipError.

A file is given to the one reader that its content calls for, may name no other file or address, and its texts need not
be text.
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
from av.container import InputContainer
from PIL import Image

from kinema.errors import ClipError

_BROKEN = (OSError, EOFError, SyntaxError, ValueError, IndexError, KeyError, RuntimeError, OverflowError, struct.error)


@contextmanager
def open_film(path: Path, demuxer: str) -> Iterator[InputContainer]:
    """The container in a film file. Raises ClipError for whatever breaks while it is open."""
    options = {"protocol_whitelist": "file"}
    try:
        with av.open(f"file:{path.resolve()}", format=demuxer, options=options, metadata_errors="replace") as container:
            yield container
    except av.FFmpegError as error:
        raise ClipError(f"{path} cannot be read as a film: {error.strerror}; it may be damaged or cut off") from None


@contextmanager
def open_picture(path: Path) -> Iterator[Image.Image]:
    """The picture in a file, no pixel of it decoded yet. Raises ClipError for whatever breaks while it is open."""
    from pillow_heif import register_heif_opener

    register_heif_opener()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # damaged tags, and sizes that are checked anyway
            with Image.open(path) as image:
                yield image
    except Image.DecompressionBombError:
        raise ClipError(f"{path} has more pixels than any picture that is read; scale it down") from None
    except _BROKEN as error:
        raise ClipError(f"{path} cannot be read as a picture: {error}; it may be damaged or cut off") from None
