"""Jobs as whoever asks for films sees them: asked for, looked at, stopped, deleted. Each call is one transaction."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Connection, and_, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from kinema.serve.keys import Key
from kinema.serve.store import Store
from kinema.serve.tables import deliveries, events, hooks, jobs, keys, ledger, promises, uploads
from kinema.settings import read_settings
from kinema.wire import Told, WireError, event

ENDED = ("completed", "failed", "cancelled")
DAY = 86_400.0
RETRY_SECONDS = 120
"""How long after a request one that says that it is tried again is taken for the same."""


@dataclass(frozen=True)
class Job:
    """A row of jobs."""

    id: str
    key_id: str
    status: Any
    priority: int
    created_at: float
    place: int
    recipe: dict[str, Any]
    model: str
    prompt: str | None
    size: str
    seconds: str
    task: str
    private: bool
    digest: str
    progress: int = 0
    attempt: int = 0
    deaths: int = 0
    stop: bool = False
    told: int = 0
    heard: bool = False
    fps: str | None = None
    seed: int | None = None
    remixed_from: str | None = None
    max_energy_wh: float | None = None
    started_at: float | None = None
    completed_at: float | None = None
    expires_at: float | None = None
    worker: str | None = None
    lease_until: float | None = None
    error_code: str | None = None
    error_message: str | None = None
    receipt: dict[str, Any] | None = None
    notes: list[str] | None = None
    film: dict[str, Any] | None = None
    growing: str | None = None

    @property
    def ended(self) -> bool:
        return self.status in ENDED

    def told_as(self) -> Told:
        """What a video object says of it."""
        error = {"code": self.error_code, "message": self.error_message or ""} if self.error_code else None
        receipt = dict(self.receipt or {}) | ({"notes": self.notes} if self.notes else {})
        same = {each.name: getattr(self, each.name) for each in fields(Told) if hasattr(self, each.name)}
        return Told(**same | {"remixed_from_video_id": self.remixed_from, "error": error, "receipt": receipt or None})


ROWS = select(*(jobs.c[each.name] for each in fields(Job)))
"""The beginning of every question for whole jobs; put together once, as is the next, for looks are many."""
_LAST = (
    select(((jobs.c.completed_at - jobs.c.started_at) / 1.0).label("seconds"))
    .where(jobs.c.status == "completed")
    .order_by(jobs.c.completed_at.desc())
    .limit(20)
    .subquery()
)
_USUAL = select(func.avg(_LAST.c.seconds))


@dataclass(frozen=True)
class Promise:
    """An Idempotency-Key (empty where there is none), what is asked, and whether the client says that it asks again."""

    name: str
    digest: str
    is_retry: bool = False


def new_id(kind: str) -> str:
    """An id that nobody can guess: 192 random bits."""
    return f"{kind}_{secrets.token_hex(24)}"


def add(store: Store, key: Key, made: Sequence[Job], promise: Promise, taken: Sequence[Mapping[str, Any]]) -> list[Job]:
    """The jobs are queued, with the uploads that the first brings; those of an earlier like request where there is one.

    Raises WireError: 409 where the Idempotency-Key was used for something else, 429 beyond the key's limits.
    """
    try:
        with store.write() as connection:
            connection.execute(select(keys.c.id).where(keys.c.id == key.id).with_for_update())
            earlier = _earlier(connection, key, promise)
            if earlier is not None:
                return earlier
            _check_limits(connection, key, len(made), sum(float(job.seconds) for job in made))
            connection.execute(
                insert(jobs), [{each.name: getattr(job, each.name) for each in fields(Job)} for job in made]
            )
            lengths = [{"job_id": job.id, "key_id": key.id, "at": job.created_at} | _amount(job) for job in made]
            connection.execute(insert(ledger), lengths)
            if taken:
                connection.execute(insert(uploads), list(taken))
            keep_promise(connection, key, promise, [job.id for job in made])
            for job in made:
                tell(connection, job.id, "queued", {})
    except IntegrityError:  # the same Idempotency-Key came in by another process in this very moment
        with store.write() as connection:
            earlier = _earlier(connection, key, promise)
        if earlier is None:
            raise
        return earlier
    return list(made)


def earlier(store: Store, key: Key, promise: Promise) -> list[Job] | None:
    """What an earlier like request made, None where there is none. Raises WireError."""
    if not promise.name and not promise.is_retry:
        return None
    with store.read() as connection:
        return _earlier(connection, key, promise)


def check_limits(store: Store, key: Key, count: int, most_open: int) -> None:
    """Raises WireError where so many more films are too many, for the key or the server, whatever they are."""
    with store.read() as connection:
        waiting = select(func.count()).where(jobs.c.status == "queued")
        if connection.execute(waiting).scalar_one() + count > most_open:
            raise WireError(503, "too many films wait already; try again later", code="busy", retry_after=60)
        _check_limits(connection, key, count, 0.0)


def _amount(job: Job) -> dict[str, float]:
    return {"film_seconds": float(job.seconds), "energy_wh": 0.0}


def _earlier(connection: Connection, key: Key, promise: Promise) -> list[Job] | None:
    """What an earlier like request made: by its Idempotency-Key, or of a client that tries again, by its content.

    The official client sends no Idempotency-Key of its own, but counts its attempts; what it asked for within the last
    two minutes and never asked after is what it did not hear of.
    """
    if promise.name:
        ids = promised(connection, key, promise)
        if ids is None:
            return None
        found = connection.execute(ROWS.where(jobs.c.id.in_(ids)).order_by(jobs.c.place))
        again = [Job(**each._mapping) for each in found]
        if not again:
            raise WireError(404, "what this Idempotency-Key made is deleted", code="not_found")
        return again
    if not promise.is_retry:
        return None
    since = time.time() - RETRY_SECONDS
    recent = (jobs.c.key_id == key.id, jobs.c.digest == promise.digest, jobs.c.created_at > since)
    query = ROWS.where(*recent, jobs.c.heard.is_(False)).order_by(jobs.c.place.desc()).limit(1)
    last = connection.execute(query).first()
    return [Job(**last._mapping)] if last else None


def promised(connection: Connection, key: Key, promise: Promise) -> list[str] | None:
    """The ids of what this Idempotency-Key made before, None where it is new. Raises WireError 409."""
    mine = (promises.c.key_id == key.id, promises.c.name == promise.name)
    row = connection.execute(select(promises.c.digest, promises.c.job_ids).where(*mine)).first()
    if row is not None and row.digest != promise.digest:
        said = "this Idempotency-Key was used for another request; take a new one for each"
        raise WireError(409, said, code="idempotency_key_reused")
    return list(row.job_ids) if row is not None else None


def keep_promise(connection: Connection, key: Key, promise: Promise, ids: Sequence[str]) -> None:
    """The same request by the same Idempotency-Key, where there is one, is answered with these."""
    if promise.name:
        row = {"key_id": key.id, "name": promise.name, "digest": promise.digest}
        connection.execute(insert(promises), row | {"job_ids": list(ids), "at": time.time()})


def _check_limits(connection: Connection, key: Key, count: int, film_seconds: float) -> None:
    """Raises WireError 429 where the key asks for more than it may."""
    now = time.time()
    if key.at_once is not None:
        busy = connection.execute(
            select(func.count()).where(jobs.c.key_id == key.id, jobs.c.status.in_(("queued", "in_progress")))
        ).scalar_one()
        if busy + count > key.at_once:
            raise too_many(f"{busy} films of this key are not finished, and {key.at_once} may be at once", 10)
    since = select(
        func.count(), func.coalesce(func.sum(ledger.c.film_seconds), 0), func.coalesce(func.sum(ledger.c.energy_wh), 0)
    )
    if key.per_minute is not None:
        lately = connection.execute(since.where(ledger.c.key_id == key.id, ledger.c.at > now - 60)).one()[0]
        if lately + count > key.per_minute:
            raise too_many(f"{key.per_minute} films a minute may be asked for with this key", 60)
    if key.seconds_a_day is None and key.wh_a_day is None:
        return
    _, length, energy = connection.execute(since.where(ledger.c.key_id == key.id, ledger.c.at > now - DAY)).one()
    if key.seconds_a_day is not None and length + film_seconds > key.seconds_a_day:
        said = f"{length:g} of the {key.seconds_a_day:g} seconds of film that this key has a day are used"
        raise too_many(said, 3600, "quota_exceeded")
    if key.wh_a_day is not None and energy >= key.wh_a_day:
        said = f"{energy:.3g} of the {key.wh_a_day:g} watt-hours that this key has a day are used"
        raise too_many(said, 3600, "quota_exceeded")


def too_many(said: str, retry_after: int, code: str = "rate_limit_exceeded") -> WireError:
    """What a key is told that asks for more than it may."""
    return WireError(429, f"{said}; try again later", code=code, retry_after=retry_after)


def tell(connection: Connection, job_id: str, kind: str, data: Mapping[str, Any]) -> None:
    """One more event of the job; of previews, the newest alone is kept."""
    number = connection.execute(
        update(jobs).where(jobs.c.id == job_id).values(told=jobs.c.told + 1).returning(jobs.c.told)
    ).scalar_one()
    if kind == "preview":
        connection.execute(delete(events).where(events.c.job_id == job_id, events.c.kind == "preview"))
    row = {"job_id": job_id, "number": number, "kind": kind, "data": dict(data), "at": time.time()}
    connection.execute(insert(events), row)


def get(store: Store, key: Key, job_id: str) -> Job:
    """The key's own job, of which it has now heard. Raises WireError 404, also where it is another's."""
    with store.read() as connection:
        job = _own(connection, key, job_id)
    if not job.heard:
        with store.write() as connection:
            connection.execute(update(jobs).where(jobs.c.id == job_id).values(heard=True))
    return job


def _own(connection: Connection, key: Key, job_id: str) -> Job:
    row = connection.execute(ROWS.where(jobs.c.id == job_id, jobs.c.key_id == key.id)).first()
    if row is None:
        raise WireError(404, f"there is no video '{job_id[:80]}'", code="not_found", param="video_id")
    return Job(**row._mapping)


def listed(store: Store, key: Key, after: str | None, limit: int, descending: bool) -> tuple[list[Job], bool]:
    """A page of the key's jobs, and whether there are more. Raises WireError 404 where `after` is not the key's."""
    query = ROWS.where(jobs.c.key_id == key.id)
    with store.read() as connection:
        if after is not None:
            last = _own(connection, key, after)
            beyond = (
                or_(jobs.c.place < last.place, and_(jobs.c.place == last.place, jobs.c.id < last.id))
                if descending
                else or_(jobs.c.place > last.place, and_(jobs.c.place == last.place, jobs.c.id > last.id))
            )
            query = query.where(beyond)
        order = (jobs.c.place.desc(), jobs.c.id.desc()) if descending else (jobs.c.place, jobs.c.id)
        found = [Job(**row._mapping) for row in connection.execute(query.order_by(*order).limit(limit + 1))]
    return found[:limit], len(found) > limit


def cancel(store: Store, key: Key, job_id: str) -> Job:
    """The job is stopped, or its worker is told to. An ended one stays as it is."""
    with store.write() as connection:
        connection.execute(select(jobs.c.id).where(jobs.c.id == job_id).with_for_update())
        job = _own(connection, key, job_id)
        if job.status == "queued":
            end(connection, job.id, "cancelled", {})
        elif job.status == "in_progress":
            connection.execute(update(jobs).where(jobs.c.id == job_id).values(stop=True))
        return _own(connection, key, job_id)


def end(connection: Connection, job_id: str, status: str, values: Mapping[str, Any]) -> None:
    """The job has ended: its row, its last event, and what its key's webhooks are to be sent."""
    now = time.time()
    whole = {"status": status, "completed_at": now, "expires_at": now + read_settings().keep_days * DAY, "worker": None}
    connection.execute(
        update(jobs).where(jobs.c.id == job_id).values(**whole, lease_until=None, growing=None, **values)
    )
    row = connection.execute(ROWS.where(jobs.c.id == job_id)).one()
    job = Job(**row._mapping)
    if job.receipt:
        spent = ledger.c.energy_wh + float(job.receipt["energy_wh"])
        connection.execute(update(ledger).where(ledger.c.job_id == job_id).values(energy_wh=spent))
    connection.execute(delete(events).where(events.c.job_id == job_id, events.c.kind == "preview"))
    tell(connection, job_id, status, {"error": job.error_message} if job.error_message else {})
    if status in ("completed", "failed"):
        announce(connection, job.key_id, f"video.{status}", job_id)


def announce(connection: Connection, key_id: str, kind: str, job_id: str) -> None:
    """What every webhook of the key is to be sent, from now on."""
    now = time.time()
    for hook in connection.execute(select(hooks.c.id, hooks.c.event_types).where(hooks.c.key_id == key_id)):
        if kind not in hook.event_types:
            continue
        id = new_id("evt")
        body = json.dumps(event(id, kind, job_id, now), separators=(",", ":"))
        row = {"id": id, "hook_id": hook.id, "body": body, "attempts": 0, "next_at": now}
        connection.execute(insert(deliveries), row)


def forget(store: Store, job: Job) -> None:
    """The rows of an ended job are gone, but for what the ledger keeps; its files have to be gone before."""
    with store.write() as connection:
        connection.execute(delete(events).where(events.c.job_id == job.id))
        connection.execute(delete(uploads).where(uploads.c.user_id == job.id))
        connection.execute(delete(jobs).where(jobs.c.id == job.id, jobs.c.status.in_(ENDED)))


def uploads_of(store: Store, job_id: str) -> list[str]:
    """The names in the depot of what a job brought and no other job needs: films of one request share it."""
    with store.read() as connection:
        others = select(uploads.c.name).where(uploads.c.user_id != job_id)
        query = select(uploads.c.name).where(uploads.c.user_id == job_id, uploads.c.name.not_in(others))
        return list(connection.execute(query).scalars())


def expired(store: Store) -> list[Job]:
    """Jobs whose time is over."""
    with store.read() as connection:
        query = ROWS.where(jobs.c.expires_at < time.time(), jobs.c.status.in_(ENDED)).limit(100)
        return [Job(**row._mapping) for row in connection.execute(query)]


def events_after(store: Store, job_id: str, number: int) -> list[Any]:
    """The job's events with a greater number, in order."""
    with store.read() as connection:
        query = select(events).where(events.c.job_id == job_id, events.c.number > number).order_by(events.c.number)
        return list(connection.execute(query))


def watch(store: Store, job_id: str, seconds: float) -> None:
    """Somebody listens to the job for so long at least, so that previews are worth their while."""
    now = time.time()
    with store.read() as connection:
        until = connection.execute(select(jobs.c.watched_until).where(jobs.c.id == job_id)).scalar()
    if until is None or until < now + seconds / 2:
        with store.write() as connection:
            connection.execute(update(jobs).where(jobs.c.id == job_id).values(watched_until=now + seconds))


def told_counts(store: Store, job_ids: Iterable[str]) -> dict[str, int]:
    """How many events each of the jobs has had; one that is gone is missing."""
    with store.read() as connection:
        query = select(jobs.c.id, jobs.c.told).where(jobs.c.id.in_(list(job_ids)))
        return {row.id: row.told for row in connection.execute(query)}


def expected_seconds(store: Store, job: Job) -> float | None:
    """How long until the job may be done, by the last twenty; None where none was made yet."""
    with store.read() as connection:
        usual = connection.execute(_USUAL).scalar()
        if usual is None:
            return None
        if job.status == "in_progress":
            return max(0.2, usual * (100 - job.progress) / 100)
        before = select(func.count()).where(jobs.c.status == "queued", jobs.c.place < job.place)
        return float(usual) * (connection.execute(before).scalar_one() + 1)
