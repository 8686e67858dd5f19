"""One job into one film: its sources fetched, the film made by the engine, its files kept, the job ended.

The engine is the only one that makes films, so policy, marks, signature and receipt are those of every other door.
"""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from kinema import engine
from kinema.clip import Clip
from kinema.energy import Meter
from kinema.errors import BackendError, ClipError, KinemaError, OutputError, RecipeError, RefusedError, UsageError
from kinema.media import Shape, load
from kinema.ready import Limits, prepare
from kinema.recipe import Recipe
from kinema.serve import leases
from kinema.serve.depot import Depot, film_folder, scratch
from kinema.serve.jobs import Job
from kinema.serve.store import Store
from kinema.serve.tables import files, jobs, uploads
from kinema.serve.watching import Watch
from kinema.settings import read_settings

FILM, PART = "film.mp4", "film.part.mp4"
FINISH_SECONDS = 3600
"""How long a film that is made waits for the database to be told of it."""
_log = logging.getLogger("kinema.worker")


class SourceGoneError(RecipeError):
    """A film that this one was to start from has been deleted meanwhile."""


def make_film(store: Store, depot: Depot, job: Job, watch: Watch, folder: Path) -> None:
    """The leased job has ended, one way or the other, or waits again where its worker is to stop."""
    meter, ready = Meter(read_settings()), None
    try:
        forget_earlier(depot, job)
        with _inside(folder):
            limits = Limits(max_energy_wh=job.max_energy_wh, private=job.private)
            ready = prepare(_with_sources(store, depot, job), limits=limits)
            film = engine.make(ready, Path(FILM), on_step=watch.on_step, limits=limits)
            watch.rest()
            _complete(store, depot, job, film)
    except KeyboardInterrupt:
        watch.rest()
        _stopped(store, depot, job, watch, folder, meter)
    except (KinemaError, OSError) as error:
        watch.rest()
        if watch.why:  # stopped in the middle of writing, which failed for that
            _log.warning("%s was %s: %s", job.id, watch.why, error)
            _stopped(store, depot, job, watch, folder, meter)
            return
        told = _told(error)
        if ready is not None and isinstance(error, RecipeError):  # once all is ready, only the energy can be wrong
            told |= {"error_code": "energy_limit", "receipt": asdict(meter.read())}
            _keep_part(store, depot, job, folder, "failed", told)
        else:
            _log.warning("%s failed: %s", job.id, error)
            _finish(store, job, "failed", told)


def _stopped(store: Store, depot: Depot, job: Job, watch: Watch, folder: Path, meter: Meter) -> None:
    """The job has ended as somebody wished, or waits again where its worker is to stop."""
    if watch.why == "cancelled":
        _keep_part(store, depot, job, folder, "cancelled", {"receipt": asdict(meter.read())})
    elif watch.why == "drained":
        leases.give_back(store, job)


@contextmanager
def _inside(folder: Path) -> Iterator[None]:
    """The working directory is the folder: sources go by their ids there, so that no path of ours gets into a film."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def _with_sources(store: Store, depot: Depot, job: Job) -> Recipe:
    """The job's recipe, the films and pictures that it names being here. Raises SourceGoneError."""
    recipe = Recipe.model_validate(job.recipe)
    for source in recipe.sources:
        name = _name_of(store, job, source.path)
        try:
            depot.fetch(name, Path(source.path))
        except FileNotFoundError:
            raise SourceGoneError(f"{source.path} has been deleted before this film was made; ask again") from None
    return recipe


def _name_of(store: Store, job: Job, source: str) -> str:
    """The depot's name of a film or file of the same key, or of an upload of this job."""
    id = source.partition(".")[0]
    with store.read() as connection:
        if id.startswith("file_"):
            of_key = (files.c.id == id, files.c.key_id == job.key_id)
            name = connection.execute(select(files.c.name).where(*of_key)).scalar()
        elif id.startswith("video_"):
            row = connection.execute(select(jobs.c.film).where(jobs.c.id == id, jobs.c.key_id == job.key_id)).first()
            name = row.film["video"]["name"] if row and row.film else None
        else:
            mine = (uploads.c.id == id, uploads.c.user_id == job.id)
            name = connection.execute(select(uploads.c.name).where(*mine)).scalar()
    if name is None:
        raise SourceGoneError(f"{id} has been deleted before this film was made; ask again")
    return name


def _complete(store: Store, depot: Depot, job: Job, film: engine.Film) -> None:
    values = _kept(depot, job, Path(FILM), film.clip)
    settled = film.recipe
    plan = _size_words(settled)
    values |= {
        "receipt": asdict(film.receipt),
        "notes": [*(job.notes or ()), *plan, *film.notes],
        "progress": 100,
        "seed": settled.seed,
        "fps": str(settled.fps) if settled.fps else None,
    }
    if not _finish(store, job, "completed", values):
        depot.remove(_attempt(job))


def _size_words(settled: Recipe) -> list[str]:
    """How the film got its size, where that is not what the model makes."""
    from kinema.backends.upscale import size_words

    words = size_words(settled)
    return [words] if words else []


def _keep_part(store: Store, depot: Depot, job: Job, folder: Path, status: str, told: dict[str, Any]) -> None:
    """The job ends; what was made of its film until then plays."""
    values = dict(told)
    part = folder / FILM if (folder / FILM).exists() else folder / PART
    if part.exists() and part.stat().st_size:
        try:
            values |= _kept(depot, job, part, None)
            stopped = f"stopped after {values['seconds']} of {job.seconds} seconds; what was made plays"
            values["notes"] = [*(job.notes or ()), stopped]
        except (ClipError, OutputError, OSError) as error:
            _log.warning("what was made of %s cannot be kept: %s", job.id, error)
    if not _finish(store, job, status, values):
        depot.remove(_attempt(job))


def _finish(store: Store, job: Job, status: str, values: dict[str, Any]) -> bool:
    """The job has ended, as soon as the database is there to be told; False where the lease was lost meanwhile."""
    until = time.monotonic() + FINISH_SECONDS
    while True:
        try:
            return leases.finish(store, job, status, values)
        except SQLAlchemyError as error:
            if time.monotonic() > until:
                raise
            _log.warning("%s is %s, and the database does not answer: %s", job.id, status, type(error).__name__)
            time.sleep(1)


def forget_earlier(depot: Depot, job: Job) -> None:
    """Films are gone that workers had kept for the job when they were killed, before the database was told of them."""
    for attempt in range(1, job.attempt):
        try:
            depot.remove(_attempt(replace(job, attempt=attempt)))
        except OSError as error:  # it goes with the job at the latest
            _log.warning("what attempt %d kept of %s stays: %s", attempt, job.id, error)


def _attempt(job: Job) -> str:
    return f"{film_folder(job.id)}/{job.attempt}"


def _kept(depot: Depot, job: Job, path: Path, made: Clip | None) -> dict[str, Any]:
    """The film is in the depot; what of that goes into the job's row. Its pictures are made when they are asked for.

    `made` only says how long it is; where nobody knows, the file does. Raises ClipError where it does not play.
    """
    seconds = (made or load(path, into=Shape(16, 16)).clip).seconds
    kept = depot.keep(path, f"{_attempt(job)}/video{path.suffix}")
    return {"film": {"video": asdict(kept)}, "seconds": f"{seconds:.6g}"}


def _told(error: Exception) -> dict[str, Any]:
    """What the job's owner is told of an error; the server's own troubles stay with its operator."""
    if isinstance(error, RefusedError):
        return {"error_code": "moderation_blocked", "error_message": f"{error} [{error.category}]"}
    if isinstance(error, SourceGoneError):
        return {"error_code": "source_deleted", "error_message": str(error)}
    if isinstance(error, UsageError | ClipError | BackendError):
        return {"error_code": "invalid_value", "error_message": str(error)}
    if isinstance(error, OutputError | OSError):
        return {"error_code": "no_room", "error_message": "the server has no room for the film; try again later"}
    return {"error_code": "server_error", "error_message": "the film could not be made; the operator's log says why"}


def new_folder(job: Job) -> Path:
    """An empty folder for this attempt; what was left of earlier ones is gone."""
    root = scratch()
    root.mkdir(parents=True, exist_ok=True)
    for old in root.glob(f"{job.id}-*"):
        shutil.rmtree(old, ignore_errors=True)
    folder = root / f"{job.id}-{job.attempt}"
    folder.mkdir()
    return folder


def sweep(store: Store) -> None:
    """What killed workers left of jobs that nobody makes any more is gone."""
    root = scratch()
    for folder in root.glob("*-*") if root.is_dir() else ():
        id = folder.name.rpartition("-")[0]
        with store.read() as connection:
            status = connection.execute(select(jobs.c.status).where(jobs.c.id == id)).scalar()
        if status != "in_progress" and time.time() - folder.stat().st_mtime > 60:
            shutil.rmtree(folder, ignore_errors=True)
