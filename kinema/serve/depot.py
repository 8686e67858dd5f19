"""Films and uploads, in a folder or wherever else fsspec reaches (s3://…); a name says where, never what.

A file is put under a name that nothing bore before, so that nothing has to be replaced while it is read.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from hashlib import file_digest
from pathlib import Path
from typing import Any

import fsspec

from kinema.errors import ExtraMissingError, KinemaError, OutputError, ServeError
from kinema.settings import Settings, read_settings


@dataclass(frozen=True)
class Kept:
    """A file in the depot, as rows of the database know it."""

    name: str
    bytes: int
    sha256: str


class Depot:
    """The place of a server's files; every name lies below its root."""

    def __init__(self, system: Any, root: str) -> None:
        self._system, self._root = system, root.rstrip("/")

    def put(self, path: Path, name: str) -> int:
        """The local file is kept under the name; its size in bytes. Raises OutputError where there is no room."""
        target = f"{self._root}/{name}"
        try:
            with _reached():
                self._system.makedirs(target.rpartition("/")[0], exist_ok=True)
                self._system.put_file(str(path), target)
        except OSError as error:
            with suppress(OSError):  # what is not reached keeps nothing
                self.remove(name)
            raise OutputError(f"a film cannot be kept: {error.strerror or error}; make room") from None
        return path.stat().st_size

    def keep(self, path: Path, name: str) -> Kept:
        """As put; all that is to be known of the file."""
        with path.open("rb") as file:
            digest = file_digest(file, "sha256").hexdigest()
        return Kept(name, self.put(path, name), digest)

    def fetch(self, name: str, path: Path) -> None:
        """The local file is what is kept under the name. Raises FileNotFoundError."""
        with self.opened(name) as source, path.open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)

    @contextmanager
    def opened(self, name: str) -> Iterator[Any]:
        """What is kept under the name, to be read and sought in. Raises FileNotFoundError."""
        with _reached(), self._system.open(f"{self._root}/{name}", "rb") as file:
            yield file

    def size(self, name: str) -> int:
        """In bytes. Raises FileNotFoundError."""
        with _reached():
            return int(self._system.size(f"{self._root}/{name}"))

    def remove(self, name: str) -> None:
        """Nothing is kept under the name or below it any more. Raises OSError where it cannot be removed."""
        with suppress(FileNotFoundError), _reached():
            self._system.rm(f"{self._root}/{name}", recursive=True)


@contextmanager
def _reached() -> Iterator[None]:
    """Whatever a system raises of its own where it is not reached is an OSError."""
    try:
        yield
    except (OSError, KinemaError):
        raise
    except Exception as error:
        raise OSError(f"the place of the films is not reached: {type(error).__name__}: {error}") from error


@cache
def _at(url: str) -> Depot:
    try:
        system, root = fsspec.core.url_to_fs(url, use_listings_cache=False)  # other processes put and remove, too
        with _reached():
            system.makedirs(root, exist_ok=True)
    except ImportError as error:
        raise ExtraMissingError("serve", f"keeping films at {url.partition(':')[0]}: ({error})") from None
    except (ValueError, OSError) as error:
        raise ServeError(f"films cannot be kept at {url}: {error}; set KINEMA_FILMS") from None
    return Depot(system, root)


def open_depot(settings: Settings | None = None) -> Depot:
    """The depot of the settings. Raises ServeError."""
    settings = settings or read_settings()
    return _at(settings.films or (settings.home / "serve" / "films").resolve().as_uri())


def film_folder(job_id: str) -> str:
    """The name below which all files of a film lie."""
    return f"films/{job_id}"


def scratch(settings: Settings | None = None) -> Path:
    """Where workers of this machine keep what they are making."""
    return (settings or read_settings()).home.resolve() / "serve" / "making"
