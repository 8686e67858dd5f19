"""A request becomes jobs: understood, checked as far as it can be without making anything, and queued."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from hashlib import file_digest, sha256
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import insert, select, update

from kinema import engine
from kinema.backends import BACKENDS, Asks
from kinema.errors import BackendError, OutputError, RefusedError, SizeError
from kinema.media import check_place
from kinema.recipe import Recipe, Source
from kinema.serve import jobs
from kinema.serve.depot import Depot
from kinema.serve.intake import Intake, Taken
from kinema.serve.jobs import Job, Promise
from kinema.serve.keys import Key
from kinema.serve.store import Store
from kinema.serve.tables import characters, refusals
from kinema.settings import read_settings
from kinema.tasks import film_frames
from kinema.wire import Ask, WireError, seconds_text

DEFAULT_MODEL = "native"
THINKING = Lock()
"""Networks, the policy's too, serve one thread at a time."""
MOST_OPEN = 10_000
"""Jobs that wait or are made, of all keys together; beyond it the server says that it is busy."""


@dataclass(frozen=True)
class Desk:
    """Where requests of a key are dealt with."""

    store: Store
    depot: Depot
    key: Key

    def create(self, ask: Ask, promise: Promise) -> list[Job]:
        """The jobs of a request, queued, or those that it made before. Raises WireError and KinemaErrors."""
        earlier = jobs.earlier(self.store, self.key, promise)
        if earlier is not None:
            return earlier
        model = resolve(ask.model)
        self._check_characters(ask, model)
        jobs.check_limits(self.store, self.key, ask.recipe.n, MOST_OPEN)
        intake = Intake(self.store, self.depot, self.key)
        try:
            taken = intake.take(ask.media)
            made = self._jobs(ask, ask.recipe.changed(model=model), taken, promise.digest)
            rows = [each.row | {"user_id": job.id} for each in taken if each.row for job in made]
            kept = jobs.add(self.store, self.key, made, promise, rows)
        except BaseException as error:
            intake.drop()
            if isinstance(error, RefusedError):
                count_refusal(self.store, error.category)
            raise
        if kept[0].id != made[0].id:  # another request with this Idempotency-Key was faster
            intake.drop()
        return kept

    def _jobs(self, ask: Ask, asked: Recipe, taken: list[Taken], digest: str) -> list[Job]:
        """One job a film: the asked recipe, with its seed drawn, so that a second attempt makes the same film."""
        stand_ins = [each.stand_in(asked.model or DEFAULT_MODEL) for each in taken]
        blank = asked.changed(sources=tuple(Source() for _ in taken))
        with THINKING:
            ready = engine.prepare(blank, clips=stand_ins)
        settled = ready.recipe
        _check_holds(settled)
        assert settled.seed is not None and settled.fps
        recipe = asked.changed(sources=tuple(each.source for each in taken), n=1)
        length = Fraction(film_frames(settled, ready.clips)) / settled.fps
        now, made = time.time(), []
        for index in range(asked.n):
            seed = settled.seed + index
            job = Job(
                id=jobs.new_id("video"),
                key_id=self.key.id,
                status="queued",
                priority=self.key.priority,
                created_at=now,
                place=time.time_ns() + index,
                recipe=json.loads(recipe.changed(seed=seed).canonical()),
                model=ask.model or DEFAULT_MODEL,
                prompt=asked.prompt or None,
                size="{}x{}".format(*settled.film_size),
                seconds=seconds_text(length),
                fps=seconds_text(settled.fps),
                task=asked.task,
                seed=seed,
                remixed_from=ask.remixed_from,
                private=ask.private,
                max_energy_wh=ask.max_energy_wh,
                digest=digest,
            )
            made.append(job)
        return made

    def _check_characters(self, ask: Ask, model: str) -> None:
        """Raises WireError for a character that is not the key's, BackendError where the model can resemble nobody."""
        for id in ask.characters:
            character(self.store, self.key, id)
        if ask.characters and Asks.REFERENCES not in BACKENDS[model][1]:
            able = [name for name, (_, fills) in BACKENDS.items() if Asks.REFERENCES in fills]
            fix = f"{', '.join(able)} can" if able else "no backend here can"
            raise BackendError(f"{model} cannot make a film that resembles a character; {fix}")


def _check_holds(settled: Recipe) -> None:
    """Raises SizeError where an mp4 cannot hold films of that size."""
    try:
        check_place(Path("film.mp4"), *settled.film_size)
    except OutputError as error:
        raise SizeError(str(error)) from None


def resolve(model: str | None) -> str:
    """The backend that a model's name stands for. Raises WireError."""
    name = model or DEFAULT_MODEL
    found = read_settings().aliases.get(name, name)
    if found not in BACKENDS:
        known = ", ".join(sorted({*BACKENDS, *read_settings().aliases}))
        raise WireError(400, f"there is no model '{name}'; there are {known}", code="model_not_found", param="model")
    return found


def digest_of(address: str, fields: Mapping[str, Any]) -> str:
    """SHA-256 of what a request asks for, its uploads by their bytes."""

    def plain(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {str(name): plain(each) for name, each in value.items()}
        if isinstance(value, list):
            return [plain(each) for each in value]
        if hasattr(value, "file"):
            value.file.seek(0)
            return {"sha256": file_digest(value.file, "sha256").hexdigest()}
        return value

    return sha256(json.dumps([address, plain(fields)], sort_keys=True).encode()).hexdigest()


def character(store: Store, key: Key, id: str) -> dict[str, Any]:
    """A character of the key, as it is answered. Raises WireError 404."""
    with store.read() as connection:
        query = select(characters).where(characters.c.id == id, characters.c.key_id == key.id)
        row = connection.execute(query).first()
    if row is None:
        raise WireError(404, f"there is no character '{id[:80]}'", code="not_found", param="characters")
    return {"id": row.id, "created_at": int(row.created_at), "name": row.name}


def count_refusal(store: Store, category: str) -> None:
    """One more refusal of that category is counted, without a word of what was asked for."""
    with store.write() as connection:
        more = update(refusals).where(refusals.c.category == category).values(count=refusals.c.count + 1)
        if not connection.execute(more).rowcount:
            connection.execute(insert(refusals), {"category": category, "count": 1})
