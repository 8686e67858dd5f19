"""A worker: a process that leases one job after the other and makes its film, with the model loaded once.

It may be killed at any moment. Asked to stop (SIGTERM), it finishes its film, or gives the job back where that takes
too long; a second time it gives it back at once. Where the process that started it is gone, it stops as if asked.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import signal
import socket
import sys
import traceback
from time import monotonic, sleep, time

from sqlalchemy import bindparam, or_, select
from sqlalchemy.exc import SQLAlchemyError

from kinema.errors import KinemaError
from kinema.ready import settle
from kinema.recipe import Recipe
from kinema.serve import leases
from kinema.serve.depot import Depot, open_depot
from kinema.serve.jobs import Job
from kinema.serve.making import PART, make_film, new_folder, sweep
from kinema.serve.store import Store, open_store
from kinema.serve.tables import jobs
from kinema.serve.watching import Watch
from kinema.settings import read_settings

IDLE_SECONDS = 0.02
_GIVEN_UP = (jobs.c.status == "in_progress") & (jobs.c.lease_until < bindparam("now"))
_WAITING = select(jobs.c.id).where(or_(jobs.c.status == "queued", _GIVEN_UP)).limit(1)
_log = logging.getLogger("kinema.worker")


class Worker:
    """Takes jobs until it is asked to stop."""

    def __init__(self, store: Store, depot: Depot, name: str) -> None:
        self.name, self._store, self._depot = name, store, depot
        self._drain_at: float | None = None
        self._watch: Watch | None = None
        self._parent = os.getppid()

    def drain(self, *_: object) -> None:
        """The film that is being made is the last one; asked again, it is given back."""
        seconds = 0.0 if self._drain_at is not None else read_settings().drain_seconds
        self._drain_at = monotonic() + seconds
        if self._watch:
            self._watch.drain_at = self._drain_at

    def run(self) -> None:
        """Works until it is asked to stop."""
        while self._drain_at is None:
            if os.getppid() != self._parent:
                self.drain()
                continue
            try:
                job = leases.lease(self._store, self.name) if self._waiting() else None
                if job is not None:
                    self._make(job)
                    continue
            except SQLAlchemyError as error:
                _log.warning("the database does not answer: %s", type(error).__name__)
                sleep(1)
            sleep(IDLE_SECONDS)

    def _waiting(self) -> bool:
        """Whether there may be a job to lease: asked by reading alone, so that idle workers lock nothing."""
        with self._store.read() as connection:
            return connection.execute(_WAITING, {"now": time()}).first() is not None

    def _make(self, job: Job) -> None:
        folder = new_folder(job)
        try:
            with Watch(self._store, job, folder / PART) as watch:
                self._watch, watch.drain_at = watch, self._drain_at
                make_film(self._store, self._depot, job, watch, folder)
        except KeyboardInterrupt:
            _log.warning("%s was interrupted after its end", job.id)
        except SQLAlchemyError as error:
            _log.warning("%s waits again, since the database does not answer: %s", job.id, type(error).__name__)
            self._give_back(job)
        except Exception:  # whatever it is, the worker goes on and the job's owner is told
            _log.error("%s broke:\n%s", job.id, traceback.format_exc())
            told = {
                "error_code": "server_error",
                "error_message": "the film could not be made; the operator's log says why",
            }
            leases.finish(self._store, job, "failed", told)
        finally:
            self._watch = None
            shutil.rmtree(folder, ignore_errors=True)

    def _give_back(self, job: Job) -> None:
        """The job waits again as soon as the database is there to be told; that is no death of a worker."""
        while self._drain_at is None:
            try:
                leases.give_back(self._store, job)
                return
            except SQLAlchemyError:
                sleep(1)


def warm_up() -> None:
    """The model and the policy are loaded, so that the first film waits no longer than the others."""
    try:
        settle(Recipe(prompt="a red ball rolls on the beach", seed=0))
    except KinemaError as error:
        _log.warning("the model is not ready: %s", error)


def main(name: str | None = None) -> int:
    """Runs a worker in this process; its exit code."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(name)s %(levelname)s: %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    store = open_store()
    worker = Worker(store, open_depot(), name or f"{socket.gethostname()[:24]}-{os.getpid()}-{secrets.token_hex(4)}")
    signal.signal(signal.SIGTERM, worker.drain)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    warm_up()
    sweep(store)
    worker.run()
    store.close()
    return 0
