"""The registry's file: an SQLite database for its owner alone, made when the first film is remembered.

One that is locked, spoilt or cannot be written is refused with a reason after two seconds at most.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from kinema.errors import TrustError

LOCK_SECONDS = 2.0
"""How long another process may hold the registry."""
AWAY = "move it away, and a new one begins with the next film"
"""The way out where a registry is spoilt."""
_APPLICATION, _VERSION = 0x4B494E45, 1
_TABLES = """
CREATE TABLE films (
    id INTEGER PRIMARY KEY, recipe TEXT NOT NULL, number INTEGER, made TEXT NOT NULL, seconds REAL NOT NULL,
    width INTEGER NOT NULL, height INTEGER NOT NULL, bits BLOB NOT NULL, UNIQUE (recipe, bits)
);
CREATE TABLE files (
    sha256 TEXT PRIMARY KEY, film INTEGER NOT NULL REFERENCES films (id), signer TEXT NOT NULL, made TEXT NOT NULL
);
CREATE INDEX films_by_number ON films (number);
"""
_GIVEN = (
    "TABLE IF NOT EXISTS given (film INTEGER NOT NULL REFERENCES films (id), bits BLOB NOT NULL, UNIQUE (film, bits))"
)
"""Came later: a registry that lacks it gets it when the next film is remembered, and versions without it go on."""


@contextmanager
def opened(path: Path, *, write: bool = False) -> Iterator[sqlite3.Connection | None]:
    """The database, None where there is none to read yet. Raises TrustError for whatever is wrong with it."""
    if not write and not path.exists():
        yield None
        return
    try:
        if write:
            _make(path)
        with closing(sqlite3.connect(path, timeout=LOCK_SECONDS, isolation_level=None)) as database:
            _check(database, write)
            yield database
    except sqlite3.Error as error:
        raise TrustError(
            f"the registry {path} cannot be {'written' if write else 'read'}: {error}; {_way_out(error)}"
        ) from None
    except OSError as error:
        raise TrustError(f"the registry {path} cannot be kept: {error.strerror}; set KINEMA_HOME") from None


def _make(path: Path) -> None:
    """An empty file that its owner alone can read, where there is none."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


def _check(database: sqlite3.Connection, write: bool) -> None:
    """The tables are there. Raises sqlite3.DatabaseError where the file is another program's or of another version."""
    tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master")]  # first: all of it comes at once
    marks = tuple(database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
    if marks == (_APPLICATION, _VERSION):
        if "given" not in tables:
            database.execute(f"CREATE {_GIVEN}" if write else f"CREATE TEMP {_GIVEN}")
        return
    if any(marks) or tables:
        raise sqlite3.DatabaseError(f"it is not a registry of version {_VERSION}")
    if not write:
        raise sqlite3.DatabaseError("it is empty")
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("BEGIN IMMEDIATE")
    if not database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        for statement in f"{_TABLES}; CREATE {_GIVEN}".split(";"):
            database.execute(statement)
        database.execute(f"PRAGMA application_id = {_APPLICATION}")
        database.execute(f"PRAGMA user_version = {_VERSION}")
    database.execute("COMMIT")


def _way_out(error: sqlite3.Error) -> str:
    said = str(error)
    if "locked" in said or "busy" in said:
        return "another program holds it; end that one or try again"
    if "readonly" in said or "unable to open" in said:
        return "make it and its folder yours to write, or set KINEMA_HOME"
    if "full" in said:
        return "free some of the disk"
    return AWAY
