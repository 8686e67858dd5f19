"""Webhooks: who is told, by Standard Webhooks' signature, and the herald who tells, again and again with patience."""

from __future__ import annotations

import base64
import hmac
import logging
import secrets
import time
from collections.abc import Mapping
from hashlib import sha256
from threading import Event, Thread
from typing import Any

import urllib3
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from kinema.errors import KinemaError, RecipeError
from kinema.serve.address import judge, send
from kinema.serve.jobs import new_id
from kinema.serve.keys import Key
from kinema.serve.store import Store
from kinema.serve.tables import deliveries, hooks, ledger, promises, reports
from kinema.settings import read_settings
from kinema.wire import WireError

EVENTS = ("video.completed", "video.failed")
PATIENCE_SECONDS = (5, 30, 120, 600, 3600, 4 * 3600, 12 * 3600, 24 * 3600)
"""How long is waited after the first, second, … failure; after the last, nobody is told any more."""
MOST_HOOKS, KEPT_SECONDS, CLAIM_SECONDS = 20, 7 * 86_400, 60
_log = logging.getLogger("kinema.herald")


def create(store: Store, key: Key, fields: Mapping[str, Any]) -> dict[str, Any]:
    """A webhook of the key, its secret shown this once. Raises RecipeError."""
    strange = sorted(set(fields) - {"url", "name", "event_types"})
    if strange:
        raise RecipeError(
            f"a webhook has no part '{strange[0][:40]}'; it has url, name and event_types", part=strange[0][:40]
        )
    url, name, kinds = fields.get("url"), fields.get("name") or "webhook", fields.get("event_types") or list(EVENTS)
    if not isinstance(url, str):
        raise RecipeError("the webhook lacks its url", part="url")
    if not isinstance(name, str) or len(name) > 200 or not name.isprintable():
        raise RecipeError("a webhook's name is a text of at most 200 characters", part="name")
    if not isinstance(kinds, list) or not all(isinstance(kind, str) and kind in EVENTS for kind in kinds):
        raise RecipeError(f"event_types should be a list of {' and '.join(EVENTS)}", part="event_types")
    try:
        judge(url, allow_private=read_settings().private_addresses)
    except RecipeError as error:
        raise RecipeError(str(error), part="url") from None
    if len(listed(store, key)) >= MOST_HOOKS:
        raise RecipeError(f"a key has at most {MOST_HOOKS} webhooks; delete one")
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    row: dict[str, Any] = {
        "id": new_id("we"),
        "key_id": key.id,
        "url": url,
        "name": name,
        "event_types": kinds,
        "secret": secret,
    }
    row["created_at"] = time.time()
    with store.write() as connection:
        connection.execute(insert(hooks), row)
    return _shown(row) | {"signing_secret": secret}


def listed(store: Store, key: Key) -> list[dict[str, Any]]:
    """The key's webhooks, the newest first, without their secrets."""
    with store.read() as connection:
        query = select(hooks).where(hooks.c.key_id == key.id).order_by(hooks.c.created_at.desc())
        return [_shown(dict(row._mapping)) for row in connection.execute(query)]


def get(store: Store, key: Key, hook_id: str) -> dict[str, Any]:
    """One of them. Raises WireError 404."""
    with store.read() as connection:
        row = connection.execute(select(hooks).where(hooks.c.id == hook_id, hooks.c.key_id == key.id)).first()
    if row is None:
        raise WireError(404, f"there is no webhook '{hook_id[:80]}'", code="not_found")
    return _shown(dict(row._mapping))


def remove(store: Store, key: Key, hook_id: str) -> None:
    """It is told nothing more. Raises WireError 404."""
    get(store, key, hook_id)
    with store.write() as connection:
        connection.execute(delete(deliveries).where(deliveries.c.hook_id == hook_id))
        connection.execute(delete(hooks).where(hooks.c.id == hook_id))


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    told = {name: row[name] for name in ("id", "name", "url", "event_types")}
    hint = f"whsec_…{row['secret'][-4:]}"
    return {**told, "object": "webhook_endpoint", "created_at": int(row["created_at"]), "signing_secret_hint": hint}


def signed(secret: str, id: str, body: str, at: int) -> dict[str, str]:
    """The headers of a delivery, by the Standard Webhooks scheme."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mark = base64.b64encode(hmac.new(key, f"{id}.{at}.{body}".encode(), sha256).digest()).decode()
    return {"webhook-id": id, "webhook-timestamp": str(at), "webhook-signature": f"v1,{mark}"}


class Herald:
    """A thread that delivers what is due, each delivery by one process, and clears away what is old."""

    def __init__(self, store: Store, sweep: Any) -> None:
        self._store, self._sweep = store, sweep
        self._over = Event()
        self._thread = Thread(target=self._run, daemon=True)

    def __enter__(self) -> Herald:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(30)

    def _run(self) -> None:
        swept = 0.0
        while not self._over.wait(0.5):
            try:
                while not self._over.is_set() and self.deliver_one():
                    pass
                if time.time() - swept > 60:
                    swept = time.time()
                    self._sweep()
            except (SQLAlchemyError, OSError, KinemaError) as error:
                _log.warning("what is due waits: %s", type(error).__name__)
                self._over.wait(2)

    def deliver_one(self) -> bool:
        """The delivery that is due first is tried; False where none is due."""
        now = time.time()
        with self._store.write() as connection:
            due = select(deliveries, hooks.c.url, hooks.c.secret).join(hooks, hooks.c.id == deliveries.c.hook_id)
            due = due.where(deliveries.c.next_at <= now).order_by(deliveries.c.next_at).limit(1)
            due = due.with_for_update(of=deliveries, skip_locked=True)
            row = connection.execute(due).first()
            if row is None:
                return False
            claim = update(deliveries).where(deliveries.c.id == row.id)
            connection.execute(claim.values(next_at=now + CLAIM_SECONDS, attempts=row.attempts + 1))
        said = _delivered(row.url, row.secret, row.id, row.body)
        values: dict[str, Any] = {"said": said, "next_at": None}
        if said == "":
            values["delivered_at"] = time.time()
        elif row.attempts < len(PATIENCE_SECONDS):
            jitter = 1 + secrets.randbelow(1000) / 5000
            values["next_at"] = time.time() + PATIENCE_SECONDS[row.attempts] * jitter
        with self._store.write() as connection:
            connection.execute(update(deliveries).where(deliveries.c.id == row.id).values(**values))
        return True


def _delivered(url: str, secret: str, id: str, body: str) -> str:
    """Empty where the address took it, else why not."""
    headers = signed(secret, id, body, int(time.time())) | {"Content-Type": "application/json"}
    try:
        allow = read_settings().private_addresses
        answer = send("POST", url, body=body.encode(), headers=headers, allow_private=allow)
        status = answer.status
        answer.close()
    except (KinemaError, urllib3.exceptions.HTTPError, OSError) as error:
        return f"{type(error).__name__}: {error}"[:300]
    return "" if 200 <= status < 300 else f"it answers {status}"


def clear_old(store: Store) -> None:
    """Deliveries and promises that nobody will ask for again are gone."""
    now = time.time()
    with store.write() as connection:
        old = deliveries.c.next_at.is_(None)
        connection.execute(delete(deliveries).where(old, deliveries.c.delivered_at < now - KEPT_SECONDS))
        connection.execute(delete(promises).where(promises.c.at < now - 86_400))
        connection.execute(delete(reports).where(reports.c.at < now - 86_400))
        connection.execute(delete(ledger).where(ledger.c.at < now - 400 * 86_400))
