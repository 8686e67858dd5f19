"""API keys: shown once, kept as hashes, each with scopes, limits and quotas. Films belong to the key that asked."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, fields
from hashlib import sha256
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from kinema.errors import ServeError
from kinema.serve.store import Store
from kinema.serve.tables import keys

SCOPES = ("films", "read", "provenance", "metrics")
"""films: make, change and delete; read: look at one's own, and report; provenance: have a file checked; metrics: read
/metrics."""
LOCAL = "key_local"
"""Whose films they are that are asked for without a key, on the machine itself."""


@dataclass(frozen=True)
class Key:
    """Who asks, and what that key may do; None is no limit. The key itself is not kept."""

    id: str
    name: str
    scopes: list[str]
    created_at: float
    revoked_at: float | None = None
    priority: int = 0
    per_minute: int | None = None
    at_once: int | None = None
    seconds_a_day: float | None = None
    wh_a_day: float | None = None


_ROWS = select(*(keys.c[each.name] for each in fields(Key)))


def _digest(secret: str) -> str:
    """SHA-256: a key has 256 random bits, so nothing slower is needed."""
    return sha256(secret.encode()).hexdigest()


def create(store: Store, name: str, **limits: Any) -> tuple[Key, str]:
    """A new key and its secret, which is shown this once. Raises ServeError for a scope that does not exist."""
    scopes = list(limits.pop("scopes", None) or SCOPES[:3])
    strange = [scope for scope in scopes if scope not in SCOPES]
    if strange:
        raise ServeError(f"there is no scope '{strange[0]}'; there are {', '.join(SCOPES)}")
    if not name.strip() or len(name) > 200:
        raise ServeError("a key's name has 1 to 200 characters, such as whose it is")
    key = Key(f"key_{secrets.token_hex(8)}", name, scopes, time.time(), **limits)
    secret = f"sk-kinema-{secrets.token_urlsafe(32)}"
    with store.write() as connection:
        row = {each.name: getattr(key, each.name) for each in fields(Key)}
        connection.execute(insert(keys), row | {"digest": _digest(secret), "leased_at": 0.0})
    return key, secret


def find(store: Store, secret: str) -> Key | None:
    """The key of that secret, unless it is revoked."""
    with store.read() as connection:
        query = _ROWS.where(keys.c.digest == _digest(secret), keys.c.revoked_at.is_(None))
        row = connection.execute(query).first()
    return Key(**row._mapping) if row else None


def local(store: Store) -> Key:
    """The key of the machine itself, without limits; made when it is first needed."""
    key = Key(LOCAL, "this machine", list(SCOPES), time.time())
    with store.read() as connection:
        row = connection.execute(_ROWS.where(keys.c.id == LOCAL)).first()
    if row:
        return Key(**row._mapping)
    try:
        with store.write() as connection:
            row_of = {each.name: getattr(key, each.name) for each in fields(Key)}
            connection.execute(insert(keys), row_of | {"digest": None, "leased_at": 0.0})
    except IntegrityError:  # another process was first
        return local(store)
    return key


def listed(store: Store) -> list[Key]:
    """All keys, the oldest first, revoked ones too."""
    with store.read() as connection:
        query = _ROWS.where(keys.c.id != LOCAL).order_by(keys.c.created_at)
        return [Key(**row._mapping) for row in connection.execute(query)]


def revoke(store: Store, key_id: str) -> None:
    """The key opens nothing from now on; its films stay until they expire. Raises ServeError for no such key."""
    with store.write() as connection:
        which = (keys.c.id == key_id, keys.c.id != LOCAL, keys.c.revoked_at.is_(None))
        if not connection.execute(update(keys).where(*which).values(revoked_at=time.time())).rowcount:
            raise ServeError(f"there is no key '{key_id}' that is not revoked; 'kinema keys list' names them")
