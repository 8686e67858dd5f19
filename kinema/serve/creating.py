"""A request becomes jobs: understood, checked as far as it can be without making anything, and queued."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from hashlib import file_digest, sha256
from pathlib import Path
from threading import Lock
from typing import Any

from kinema.backends import Reading, usable
from kinema.errors import OutputError, RefusedError, SizeError
from kinema.how import Fill, Storyboard
from kinema.media import check_place
from kinema.ready import enforce_all, own_size, prepare, recipe_of, said_in
from kinema.recipe import Recipe, Source
from kinema.serve import jobs
from kinema.serve.characters import played
from kinema.serve.depot import Depot
from kinema.serve.intake import Intake, Taken, count_refusal, refusal
from kinema.serve.jobs import Job, Promise
from kinema.serve.keys import Key
from kinema.serve.store import Store
from kinema.settings import read_settings
from kinema.tasks import film_frames
from kinema.wire import Ask, Medium, WireError, seconds_text

DEFAULT_MODEL = "native"
THINKING = Lock()
"""Networks, the policy's too, serve one thread at a time."""
MOST_OPEN = 10_000
"""Jobs that wait or are made, of all keys together; beyond it the server says that it is busy."""


@dataclass(frozen=True)
class Desk:
    """Where requests of a key are dealt with; `review` says how uploads are looked at."""

    store: Store
    depot: Depot
    key: Key
    review: str

    def create(self, ask: Ask, promise: Promise) -> list[Job]:
        """The jobs of a request, queued, or those that it made before. Raises WireError and KinemaErrors."""
        earlier = jobs.earlier(self.store, self.key, promise)
        if earlier is not None:
            return earlier
        model = resolve(ask.model)
        jobs.check_limits(self.store, self.key, ask.recipe.n, MOST_OPEN)
        intake = Intake(self.store, self.depot, self.key, self.review)
        try:
            taken = intake.take(ask.media, ask.recipe.consent)
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
        consent = asked.consent or next((each.consent for each in taken if each.consent), "")
        _check_mask(asked, taken)
        is_masked = isinstance(asked.how, Fill) and len(taken) == 2
        stand_ins = [
            each.stand_in(asked.model or DEFAULT_MODEL, marks=is_masked and index == 1)
            for index, each in enumerate(taken)
        ]
        with THINKING:
            asked, notes = played(self.store, self.key, asked.changed(consent=consent), ask.characters)
            _check_own_words(asked, ask.media, taken)
            size = own_size(asked, taken[0].held if taken else None, read_settings())  # stand-ins are smaller
            sources = tuple(Source() for _ in taken)
            ready = prepare(asked.changed(sources=sources, size=asked.size or size), clips=stand_ins)
        settled = ready.recipe
        notes += heard(asked.prompt, ready.reading)
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
                fps=str(settled.fps),
                task=asked.task,
                seed=seed,
                remixed_from=ask.remixed_from,
                private=ask.private,
                max_energy_wh=ask.max_energy_wh,
                digest=digest,
                notes=notes or None,
            )
            made.append(job)
        return made


def heard(prompt: str, reading: Reading) -> list[str]:
    """What a person should know of how a prompt was understood: what is unknown, and what the model is told instead."""
    unknown = [f"'{each.word}'" + (f" (nearest: '{each.nearest}')" if each.nearest else "") for each in reading.unknown]
    said = [f"the model does not know {', '.join(unknown)}"] if unknown else []
    told = [f"the model is told: {reading.rewritten}"] if reading.rewritten not in ("", prompt) else []
    return [*said, *reading.notes, *told]


def _check_mask(asked: Recipe, taken: list[Taken]) -> None:
    """Raises WireError where a mask is not of its film's shape: stand-ins do not show it."""
    if not isinstance(asked.how, Fill) or len(taken) != 2:
        return
    film, mask = (each.holds for each in taken)
    if (mask.width, mask.height) != (film.width, film.height):
        said = f"{mask.width}x{mask.height} does not match the film's {film.width}x{film.height}"
    elif mask.frames > 1 and (mask.frames, mask.fps) != (film.frames, film.fps):
        said = f"{mask.frames} frames at {mask.fps} fps do not match the film's {film.frames} at {film.fps}"
    else:
        return
    raise WireError(400, f"the mask of {said}; bring one that does", code="invalid_value", param="mask")


def _check_own_words(asked: Recipe, media: Sequence[Medium], taken: list[Taken]) -> None:
    """Raises WireError where a film lends a prompt that says nothing its own words, and these are not allowed."""
    if asked.prompt or isinstance(asked.how, Storyboard):
        return
    for medium, each in zip(media, taken, strict=True):
        own = recipe_of(each.holds.about)
        try:
            enforce_all(said_in(own) if own else ())
        except RefusedError as error:
            raise refusal(error, medium.param) from None


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
    if found not in usable():
        known = ", ".join(sorted({*usable(), *read_settings().aliases}))
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
