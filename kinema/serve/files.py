"""Files: films and pictures that are brought once, kept under an id, and started from as often as one likes.

They are what the official client's files.create sends, checked and reviewed like any upload. They are gone when they
expire or are deleted; a film that waits to be made of one fails then, as where a film is deleted.
"""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import PurePath
from typing import Any

from sqlalchemy import and_, delete, func, insert, or_, select

from kinema.serve.depot import Depot
from kinema.serve.intake import Intake, file_of
from kinema.serve.jobs import DAY, new_id
from kinema.serve.keys import Key
from kinema.serve.store import Store
from kinema.serve.tables import files
from kinema.settings import read_settings
from kinema.wire import Medium, Upload, WireError

MOST_FILES, MAX_NAME_CHARS = 100, 255


def keep(store: Store, depot: Depot, key: Key, asked: Upload, intake: Intake) -> dict[str, Any]:
    """The file is kept. Raises WireError and KinemaErrors for what is wrong with it, or where the key has too many."""
    with store.read() as connection:
        many = connection.execute(select(func.count()).where(files.c.key_id == key.id)).scalar_one()
    if many >= MOST_FILES:
        raise WireError(400, f"a key has at most {MOST_FILES} files; delete one", code="too_many_files", param="file")
    taken = intake.take([asked.medium], asked.consent)[0]
    assert taken.row
    now, longest = time.time(), read_settings().keep_days * DAY
    row = {
        "id": new_id("file"),
        "key_id": key.id,
        "filename": name_of(asked.medium, f"file{taken.holds.suffix}"),
        "purpose": asked.purpose,
        "consent": asked.consent,
        "bytes": depot.size(taken.row["name"]),
        "name": taken.row["name"],
        "sha256": taken.row["sha256"],
        "holds": asdict(taken.holds),
        "created_at": now,
        "expires_at": now + min(asked.seconds or longest, longest),
    }
    with store.write() as connection:
        connection.execute(insert(files), row)
    return told(row)


def name_of(medium: Medium, otherwise: str) -> str:
    """What the file was called where it came from, without its folder."""
    name = PurePath((getattr(medium.upload, "filename", None) or "").replace("\\", "/")).name
    plain = "".join(letter for letter in name if letter.isprintable())
    return plain[-MAX_NAME_CHARS:] or otherwise


def told(row: Any) -> dict[str, Any]:
    """The file object."""
    return {
        "id": row["id"],
        "object": "file",
        "bytes": row["bytes"],
        "created_at": int(row["created_at"]),
        "expires_at": int(row["expires_at"]),
        "filename": row["filename"],
        "purpose": row["purpose"],
        "status": "processed",
    }


def listed(
    store: Store, key: Key, after: str | None, limit: int, *, descending: bool, purpose: str | None
) -> tuple[list[dict[str, Any]], bool]:
    """A page of the key's files, and whether there are more. Raises WireError 404 where `after` is not the key's."""
    query = select(files).where(files.c.key_id == key.id, files.c.expires_at > time.time())
    if purpose is not None:
        query = query.where(files.c.purpose == purpose)
    if after is not None:
        last, at = file_of(store, key, after, "after"), files.c.created_at
        same = at == last.created_at
        beyond = or_(at < last.created_at, and_(same, files.c.id < last.id))
        query = query.where(beyond if descending else or_(at > last.created_at, and_(same, files.c.id > last.id)))
    order = (files.c.created_at.desc(), files.c.id.desc()) if descending else (files.c.created_at, files.c.id)
    with store.read() as connection:
        found = [told(row._mapping) for row in connection.execute(query.order_by(*order).limit(limit + 1))]
    return found[:limit], len(found) > limit


def remove(store: Store, depot: Depot, row: Any) -> None:
    """Nothing is left of a file: its bytes first, so that none outlive its row."""
    depot.remove(row.name)
    with store.write() as connection:
        connection.execute(delete(files).where(files.c.id == row.id))


def remove_expired(store: Store, depot: Depot) -> None:
    """Nothing is left of files whose time is over."""
    with store.read() as connection:
        over = connection.execute(select(files).where(files.c.expires_at <= time.time()).limit(100)).all()
    for row in over:
        remove(store, depot, row)
