"""Jobs as workers see them: leased, kept alive, ended; given on where a worker gives no sign of life.

Whoever ends a job has to hold its lease at that moment, by name and attempt: a worker that was thought dead and comes
back finds its lease gone and ends nothing, so that no job is made twice. Rows are locked (FOR UPDATE) where the
database has such locks; SQLite has one writer at a time.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, func, select, update

from kinema.serve.jobs import ROWS, Job, end, tell
from kinema.serve.store import Store
from kinema.serve.tables import jobs, keys
from kinema.settings import read_settings

MOST_DEATHS = 3


def lease(store: Store, worker: str) -> Job | None:
    """The job whose turn it is, now this worker's; None where none waits.

    Higher priority first; among equals the key with the fewest films being made, then the one served longest ago.
    """
    with store.write() as connection:
        _give_on(connection, jobs.c.lease_until < time.time())
        others = jobs.alias()
        busy = select(func.count()).where(others.c.key_id == jobs.c.key_id, others.c.status == "in_progress")
        order = (jobs.c.priority.desc(), busy.scalar_subquery(), keys.c.leased_at, jobs.c.place)
        query = ROWS.join(keys, keys.c.id == jobs.c.key_id).where(jobs.c.status == "queued")
        query = query.order_by(*order).limit(1).with_for_update(of=jobs, skip_locked=True)
        row = connection.execute(query).first()
        if row is None:
            return None
        job, now = Job(**row._mapping), time.time()
        held: dict[str, Any] = {
            "status": "in_progress",
            "worker": worker,
            "attempt": job.attempt + 1,
            "started_at": now,
            "progress": 0,
        }
        until = now + read_settings().lease_seconds
        connection.execute(update(jobs).where(jobs.c.id == job.id).values(**held, lease_until=until, growing=None))
        connection.execute(update(keys).where(keys.c.id == job.key_id).values(leased_at=now))
        tell(connection, job.id, "in_progress", {})
        return replace(job, **held)


def _held(job: Job) -> Any:
    return (
        jobs.c.id == job.id,
        jobs.c.worker == job.worker,
        jobs.c.attempt == job.attempt,
        jobs.c.status == "in_progress",
    )


@dataclass(frozen=True)
class Heard:
    """What a beat hears of its job: whether it is to stop, and whether somebody listens to it."""

    stop: bool
    is_watched: bool


def beat(store: Store, job: Job, progress: int | None, growing: str | None) -> Heard | None:
    """The lease is longer, and how far the film is, is known; what is heard of it. None where the lease is lost."""
    with store.write() as connection:
        values: dict[str, Any] = {"lease_until": time.time() + read_settings().lease_seconds}
        if progress is not None:
            values["progress"] = progress
        if growing is not None:
            values["growing"] = growing
        held = update(jobs).where(*_held(job)).values(**values)
        row = connection.execute(held.returning(jobs.c.stop, jobs.c.watched_until)).first()
        if row is None:
            return None
        if progress is not None:
            tell(connection, job.id, "progress", {"progress": progress})
        return Heard(bool(row.stop), row.watched_until is not None and row.watched_until > time.time())


def show(store: Store, job: Job, preview: Mapping[str, Any]) -> None:
    """A preview frame goes to whoever listens, as long as the lease holds."""
    with store.write() as connection:
        if connection.execute(select(jobs.c.id).where(*_held(job))).first():
            tell(connection, job.id, "preview", preview)


def finish(store: Store, job: Job, status: str, values: Mapping[str, Any]) -> bool:
    """The job has ended as the worker says; False where the lease was lost, and nothing is changed."""
    with store.write() as connection:
        if connection.execute(select(jobs.c.id).where(*_held(job)).with_for_update()).first() is None:
            return False
        end(connection, job.id, status, values)
        return True


def give_back(store: Store, job: Job) -> None:
    """A job that its worker cannot finish before it stops waits again; that is no death."""
    with store.write() as connection:
        values = {"status": "queued", "worker": None, "lease_until": None, "progress": 0, "growing": None}
        if connection.execute(update(jobs).where(*_held(job)).values(**values)).rowcount:
            tell(connection, job.id, "queued", {"again": "its worker was stopped"})


def bury(store: Store, worker: str) -> int:
    """The jobs of a worker that is known to be dead are given on at once; how many there were."""
    with store.write() as connection:
        return _give_on(connection, jobs.c.worker == worker)


def _give_on(connection: Connection, which: Any) -> int:
    """What dead workers had waits again; what has killed its worker too often, or was to stop, ends. How many."""
    query = ROWS.where(jobs.c.status == "in_progress", which).with_for_update(skip_locked=True)
    found = connection.execute(query).all()
    for row in found:
        job, deaths = Job(**row._mapping), row.deaths + 1
        if job.stop:
            end(connection, job.id, "cancelled", {"deaths": deaths})
        elif deaths >= MOST_DEATHS:
            said = (
                f"its worker died {deaths} times while making it; ask for it smaller or shorter, or tell the operator"
            )
            end(connection, job.id, "failed", {"deaths": deaths, "error_code": "worker_died", "error_message": said})
        else:
            values = {"status": "queued", "worker": None, "lease_until": None, "progress": 0, "growing": None}
            connection.execute(update(jobs).where(jobs.c.id == job.id).values(**values, deaths=deaths))
            tell(connection, job.id, "queued", {"again": "its worker died"})
    return len(found)
