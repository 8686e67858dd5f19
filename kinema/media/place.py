"""The place of a film: what is being made stands beside its final name, and takes it only when it is whole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from kinema.errors import OutputError

VIDEO = (".mp4", ".webm")
PICTURES = (".gif", ".webp", ".png")
_STEM_BYTES = 200  # names have at most 255, and ours has to stay distinct

if TYPE_CHECKING:
    from pathlib import Path as _Path
else:
    _Path = type(Path())  # before Python 3.12, only the class of this system can be a parent


class Part(_Path):
    """The path of a film that is being made. It is removed unless the film becomes whole, or keep was called."""

    kept = False

    def keep(self) -> None:
        """What has been written so far stays under this name, if anything has."""
        self.kept = True


def check_suffix(path: Path) -> None:
    """Raises OutputError unless the path's ending names a format that can be written."""
    if path.suffix.lower() not in VIDEO + PICTURES:
        allowed = ", ".join(VIDEO + PICTURES)
        ending = f"'{path.suffix}'" if path.suffix else "no ending"
        raise OutputError(
            f"{path} has {ending}; a film is written as {allowed}, for instance {path.with_suffix('.mp4')}"
        )


def check_place(path: Path, width: int, height: int) -> None:
    """Raises OutputError unless the path's ending names a format that can hold frames of that size."""
    check_suffix(path)
    if path.suffix.lower() == ".mp4" and (width % 2 or height % 2):
        near = f"{max(2, width - width % 2)}x{max(2, height - height % 2)}"
        raise OutputError(
            f"a film of {width}x{height} has an odd side, which .mp4 (H.264) cannot hold; the nearest is {near},"
            " or write .webm, .gif, .webp or .png"
        )


@contextmanager
def whole_file(path: Path) -> Iterator[Part]:
    """Lends film.part.mp4 beside film.mp4, which takes the final name only if the body succeeds.

    Whatever happens inside, an interrupt and a full disk included, nothing half-written bears the final name, and no
    file of another is touched before that: where the part's name is taken, by another run say, it gets a number.
    Raises OutputError when the place is unwritable or fills up.
    """
    check_suffix(path)
    if path.is_dir():
        raise OutputError(f"{path} is a folder; name a file in it, for instance {path / 'film.mp4'}")
    if not path.parent.is_dir():
        raise OutputError(f"the folder {path.parent} does not exist; make it first: mkdir -p '{path.parent}'")
    try:
        part = _claim(path)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}; choose another place with -o") from None
    try:
        yield part
        _carry_sidecar(part, path)
        os.replace(part, path)
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written: {error.strerror or error}; free or choose another place"
        ) from None
    finally:
        if not (part.kept and part.exists() and part.stat().st_size):
            part.unlink(missing_ok=True)
            sidecar_of(part).unlink(missing_ok=True)


def sidecar_of(path: Path) -> Path:
    """Where the credentials of a film lie whose format carries none."""
    return path.with_suffix(".c2pa")


def _carry_sidecar(part: Path, path: Path) -> None:
    """What lies beside the part lies beside the film; what lay there of an older film of that name goes."""
    if sidecar_of(part).exists():
        os.replace(sidecar_of(part), sidecar_of(path))
    elif path.suffix.lower() == ".webm":
        sidecar_of(path).unlink(missing_ok=True)


def _claim(path: Path) -> Part:
    """An empty file beside the path that was not there before, and that nobody else can claim."""
    stem = path.stem.encode()[:_STEM_BYTES].decode(errors="ignore")
    for number in count(1):
        part = Part(path.with_name(f"{stem}.part{'' if number == 1 else f'-{number}'}{path.suffix.lower()}"))
        try:
            os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except FileExistsError:
            continue
        return part
    raise AssertionError("numbers do not end")
