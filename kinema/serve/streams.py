"""Events of a film as they happen (server-sent events), to any number of listeners at the cost of one question.

Each process asks the database once a moment which of the films that somebody listens to have news; a listener wakes
where its own has. What it has heard it says by Last-Event-ID, so that nothing is lost when a connection breaks.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from time import monotonic

from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from kinema.serve import jobs
from kinema.serve.jobs import ENDED
from kinema.serve.keys import Key
from kinema.serve.store import Store
from kinema.wire import WireError, video

PULSE_SECONDS, QUIET_SECONDS, MOST_ASKED = 0.25, 15.0, 500
GONE = -1
_log = logging.getLogger("kinema.api")


class Pulse:
    """Tells listeners when their film has news."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._listeners: dict[str, set[asyncio.Queue[int]]] = {}
        self._counts: dict[str, int] = {}
        self.is_closed = False

    async def run(self) -> None:
        """Asks once a moment, as long as somebody listens; for ever."""
        while True:
            await asyncio.sleep(PULSE_SECONDS)
            ids = list(self._listeners)
            if self.is_closed:
                for id in ids:
                    self._spread(id, GONE)
                return
            for start in range(0, len(ids), MOST_ASKED):
                asked = ids[start : start + MOST_ASKED]
                try:
                    counts = await run_in_threadpool(jobs.told_counts, self._store, asked)
                except SQLAlchemyError as error:
                    _log.warning("the database does not answer: %s", type(error).__name__)
                    continue
                for id in asked:
                    self._spread(id, counts.get(id, GONE))

    def _spread(self, id: str, count: int) -> None:
        if self._counts.get(id) == count or id not in self._listeners:
            return
        self._counts[id] = count
        for queue in self._listeners[id]:
            _put(queue, count)

    def close(self) -> None:
        """All streams end; whoever listens comes again and goes on where it was."""
        self.is_closed = True

    def listen(self, job_id: str) -> asyncio.Queue[int]:
        """A queue of one: how many events the job has had, GONE where it is deleted."""
        queue: asyncio.Queue[int] = asyncio.Queue(1)
        self._listeners.setdefault(job_id, set()).add(queue)
        return queue

    def leave(self, job_id: str, queue: asyncio.Queue[int]) -> None:
        """That queue is told no more."""
        queues = self._listeners.get(job_id, set())
        queues.discard(queue)
        if not queues:
            self._listeners.pop(job_id, None)
            self._counts.pop(job_id, None)


def _put(queue: asyncio.Queue[int], count: int) -> None:
    if queue.full():
        queue.get_nowait()
    queue.put_nowait(count)


async def listen(pulse: Pulse, store: Store, key: Key, job_id: str, heard: int) -> AsyncIterator[str]:
    """The job's events after the one numbered `heard`, until it has ended or is deleted."""
    queue, watched_at = pulse.listen(job_id), 0.0
    try:
        yield "retry: 1000\n\n"
        while True:
            if monotonic() - watched_at > QUIET_SECONDS:
                watched_at = monotonic()
                await run_in_threadpool(jobs.watch, store, job_id, 3 * QUIET_SECONDS)
            for row in await run_in_threadpool(jobs.events_after, store, job_id, heard):
                heard = row.number
                yield await run_in_threadpool(_said, store, key, job_id, row)
                if row.kind in ENDED:
                    return
            count = heard
            while count == heard:
                try:
                    count = await asyncio.wait_for(queue.get(), QUIET_SECONDS)
                except TimeoutError:
                    yield ": still here\n\n"
                    break
            if count == GONE or count < heard:
                return
    finally:
        pulse.leave(job_id, queue)


def _said(store: Store, key: Key, job_id: str, row: jobs.Any) -> str:
    data = {"id": job_id, "at": int(row.at), **row.data}
    if row.kind in ENDED:
        try:
            data["video"] = video(jobs.get(store, key, job_id).told_as())
        except WireError:
            data["deleted"] = True
    return f"id: {row.number}\nevent: {row.kind}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n"
