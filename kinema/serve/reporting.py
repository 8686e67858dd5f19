"""Reports over HTTP, of films that should not be and of wrong refusals: kept as the terminal's are, and by which key.

They lie in the file of kinema/trust/reports.py, on the machine that answers. A key may report so much a day, so that
none fills that file for all.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, and_, func, insert, select

from kinema.errors import ClipError, RecipeError, TrustError
from kinema.serve import jobs
from kinema.serve.creating import THINKING
from kinema.serve.depot import Depot
from kinema.serve.files import name_of
from kinema.serve.intake import saved
from kinema.serve.jobs import DAY, RETRY_SECONDS, Promise
from kinema.serve.keys import Key
from kinema.serve.probe import describe
from kinema.serve.store import Store
from kinema.serve.tables import keys, reports
from kinema.trust import policy
from kinema.trust.reports import MAX_BYTES, Report, check_words, drafted, line_of
from kinema.trust.reports import keep as append
from kinema.wire import Complaint, Medium, WireError

MOST_A_DAY, MOST_BYTES_A_DAY = 100, MAX_BYTES // 16
"""How many reports of a key are kept within a day, and how much of the file they may take."""
_log = logging.getLogger("kinema.api")


def keep(store: Store, depot: Depot, key: Key, asked: Complaint, promise: Promise) -> dict[str, Any]:
    """The report object: kept now, or by an earlier like request.

    Raises WireError: 404 for a film that is another's, 409 where the Idempotency-Key was used for something else, 429
    where the key has reported enough today, 503 where no more can be kept.
    """
    kind: Literal["prompt", "film"] = "film" if asked.film else "prompt"
    subject = _subject(asked)
    check_words(subject, asked.why)
    with store.read() as connection:
        told = _earlier(connection, key, promise)
        if told is None:
            _check_limits(connection, key)
    if told is None:
        decided = _of_film(store, depot, key, asked.film) if asked.film else _of_prompt(asked.prompt)
        made = replace(drafted(kind, subject, asked.why, decided=decided), key=key.id, owner=key.name)
        told = _kept(store, key, made, promise)
    return {
        "id": told["id"],
        "object": "report",
        "created_at": int(told["at"]),
        "kind": kind,
        "subject": subject,
        "why": asked.why,
    }


def _subject(asked: Complaint) -> str:
    if asked.film is None:
        return asked.prompt
    return asked.film.id or name_of(asked.film, "a film without a name")


def _of_prompt(prompt: str) -> dict[str, Any]:
    """What the policy says to it today."""
    with THINKING:
        return asdict(policy.check(prompt))


def _of_film(store: Store, depot: Depot, key: Key, film: Medium) -> dict[str, Any]:
    """What is known of a film of the key, or of one that was brought, of which nothing else is kept."""
    job = None
    if film.id:
        try:
            job = jobs.get(store, key, film.id)
        except WireError as error:
            raise WireError(404, str(error), code="not_found", param=film.param) from None
        if not job.ended:
            said = f"{job.id} is {job.status}; cancel it first, or wait until it has ended"
            raise WireError(400, said, code="video_not_finished", param=film.param)
        if not job.film:
            return {"state": job.status, "code": job.error_code, "said": job.error_message}
    try:
        with saved(film) as path:
            if job and job.film:
                depot.fetch(job.film["video"]["name"], path)
            return describe(path)
    except (ClipError, RecipeError) as error:
        raise WireError(400, str(error), code="invalid_value", param=film.param) from None
    except FileNotFoundError:
        raise WireError(404, f"{film.id} has been deleted", code="not_found", param=film.param) from None


def _kept(store: Store, key: Key, made: Report, promise: Promise) -> Mapping[str, Any]:
    """The row of the report, or of what another request with this Idempotency-Key was faster to report."""
    with store.write() as connection:
        connection.execute(select(keys.c.id).where(keys.c.id == key.id).with_for_update())
        earlier = _earlier(connection, key, promise)
        if earlier is not None:
            return earlier
        _check_limits(connection, key)
        jobs.keep_promise(connection, key, promise, [made.id])
        row = {"id": made.id, "key_id": key.id, "digest": promise.digest, "bytes": len(line_of(made))}
        row |= {"at": time.time()}
        connection.execute(insert(reports), row)
        try:
            append(made)  # last, so that a row without its line is undone
        except TrustError as error:
            _log.error("report of %s: %s", key.id, error)
            said = "no report can be kept here just now; tell the operator"
            raise WireError(503, said, code="no_room", retry_after=3600) from None
    return row


def _earlier(connection: Connection, key: Key, promise: Promise) -> Mapping[str, Any] | None:
    """The row of what an earlier like request reported: by its Idempotency-Key, or of a client that tries again."""
    if promise.name:
        ids = jobs.promised(connection, key, promise)
        if ids is None:
            return None
        which: ColumnElement[bool] = reports.c.id.in_(ids)
    elif promise.is_retry:
        which = and_(reports.c.digest == promise.digest, reports.c.at > time.time() - RETRY_SECONDS)
    else:
        return None
    found = select(reports).where(reports.c.key_id == key.id, which).order_by(reports.c.at.desc()).limit(1)
    row = connection.execute(found).first()
    return dict(row._mapping) if row else None


def _check_limits(connection: Connection, key: Key) -> None:
    """Raises WireError 429 where the key has reported enough."""
    lately = (reports.c.key_id == key.id, reports.c.at > time.time() - DAY)
    sums = select(func.count(), func.coalesce(func.sum(reports.c.bytes), 0)).where(*lately)
    many, size = connection.execute(sums).one()
    if many >= MOST_A_DAY:
        raise jobs.too_many(f"a key reports at most {MOST_A_DAY} times a day", 3600)
    if size >= MOST_BYTES_A_DAY:
        raise jobs.too_many(f"a key's reports have at most {MOST_BYTES_A_DAY / 1e6:g} MB a day", 3600)
