"""Files that are either whole or not there: written beside the final place and moved to it.

It stands alone because shards, manifests and stores all promise that a kill leaves nothing half-written.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from kinema.errors import DataError


@contextmanager
def writing(place: Path) -> Iterator[None]:
    """Whatever the disk refuses inside is told as a DataError that names the place."""
    try:
        yield
    except OSError as error:
        raise DataError(f"{place} cannot be written: {error.strerror or error}; free or choose another place") from None


def make_folder(folder: Path) -> None:
    """The folder exists. Raises DataError where it cannot."""
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Lends a file that takes its final name only if the body succeeds. Raises DataError for a full or closed place."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with writing(path):
        try:
            with part.open("wb") as file:
                yield file
                flush(file)
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)


def replace_file(path: Path, content: bytes) -> None:
    """The file holds exactly this content; at no moment did it hold anything but the old or the new."""
    with whole_file(path) as file:
        file.write(content)


def flush(file: BinaryIO) -> None:
    """What was written is on the disk, not only in the system's memory."""
    file.flush()
    os.fsync(file.fileno())
