"""What a request brings is checked before anything is made of it: uploads, data: URLs, addresses, one's own films."""

from __future__ import annotations

import base64
import binascii
import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from hashlib import file_digest
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import numpy as np
from sqlalchemy import insert, select, update

from kinema.backends import find
from kinema.clip import Clip
from kinema.errors import ClipError, RecipeError, RefusedError
from kinema.media import Held
from kinema.recipe import Source
from kinema.serve import jobs
from kinema.serve.address import fetch
from kinema.serve.depot import Depot
from kinema.serve.jobs import new_id
from kinema.serve.keys import Key
from kinema.serve.probe import Probe, probe
from kinema.serve.store import Store
from kinema.serve.tables import files, refusals
from kinema.settings import read_settings
from kinema.wire import Medium, WireError


@dataclass(frozen=True)
class Taken:
    """A checked source: the name by which a recipe knows it, what it holds, and its row where it was uploaded.

    `consent` is what was said of its faces when it was brought or made.
    """

    source: Source
    holds: Probe
    row: dict[str, Any] | None = None
    consent: str = ""

    @property
    def held(self) -> Held:
        """What it holds, as the engine will find it."""
        return Held(self.holds.width, self.holds.height, self.holds.frames, Fraction(self.holds.fps))

    def stand_in(self, model: str, *, marks: bool = False) -> Clip:
        """A clip of that length and shape, at the size that the model would make of it: it takes no memory.

        It is black, or marks its left half in white, as a mask has to mark something and not all.
        """
        backend = find(model)
        width, height = self.holds.width, self.holds.height
        if not backend.home.suits(width, height, backend.grid):
            area, longest = backend.home.width * backend.home.height, read_settings().max_side_px
            width, height = backend.grid.nearest(width / height, area, longest)
        row = np.zeros((width, 1), np.uint8)
        row[: width // 2 if marks else 0] = 255
        return Clip(np.broadcast_to(row, (self.holds.frames, height, width, 3)), Fraction(self.holds.fps))


class Intake:
    """Takes the media of one request in; what it put into the depot is taken out again unless the request is kept.

    `review` says how uploads are looked at (KINEMA_REVIEW).
    """

    def __init__(self, store: Store, depot: Depot, key: Key, review: str) -> None:
        self._store, self._depot, self._key, self._review = store, depot, key, review
        self._names: list[str] = []

    def take(self, media: Sequence[Medium], consent: str = "") -> list[Taken]:
        """All media of a request, checked and reviewed. Raises WireError that names the field."""
        return [self._taken(each, consent) for each in media]

    def _taken(self, medium: Medium, consent: str) -> Taken:
        if medium.id:
            return self._of_own(medium)
        if medium.file:
            return self._of_file(medium)
        try:
            return self._of_stranger(medium, consent)
        except RefusedError as error:
            count_refusal(self._store, error.category)
            raise refusal(error, medium.param) from None
        except (ClipError, RecipeError) as error:
            raise WireError(400, str(error), code="invalid_value", param=medium.param) from None

    def drop(self) -> None:
        """Nothing of the request stays in the depot."""
        for name in self._names:
            self._depot.remove(name)

    def _of_own(self, medium: Medium) -> Taken:
        """A film of the same key, whole or what was left of it."""
        assert medium.id
        try:
            job = jobs.get(self._store, self._key, medium.id)
        except WireError as error:
            raise WireError(404, str(error), code="not_found", param=medium.param) from None
        if not job.film:
            said = f"{job.id} is {job.status} and has no film to start from; wait until it is completed"
            raise WireError(400, said, code="video_not_ready", param=medium.param)
        width, height = map(int, job.size.split("x"))
        fps = Fraction(job.fps or 8)
        holds = Probe(width, height, max(1, round(Fraction(job.seconds) * fps)), str(fps), ".mp4")
        about = json.dumps(job.recipe)
        source = Source(path=f"{job.id}.mp4", sha256=job.film["video"]["sha256"])
        return Taken(source, replace(holds, about=about), consent=job.recipe.get("consent", ""))

    def _of_file(self, medium: Medium) -> Taken:
        """A file of the same key."""
        assert medium.file
        row = file_of(self._store, self._key, medium.file, medium.param)
        holds = Probe(**row.holds)
        return Taken(Source(path=f"{row.id}{holds.suffix}", sha256=row.sha256), holds, consent=row.consent)

    def _of_stranger(self, medium: Medium, consent: str) -> Taken:
        with saved(medium) as path:
            holds = probe(path, review=self._review, consent=consent)
            with path.open("rb") as file:
                digest = file_digest(file, "sha256").hexdigest()
            id = new_id("upload")
            name = f"uploads/{id}{holds.suffix}"
            self._names.append(name)
            self._depot.put(path, name)
        row = {"id": id, "key_id": self._key.id, "name": name, "sha256": digest, "created_at": time.time()}
        return Taken(Source(path=f"{id}{holds.suffix}", sha256=digest), holds, row, consent)


def refusal(error: RefusedError, param: str) -> WireError:
    """What a request is told whose upload, or what it says of itself, may not be taken."""
    said = str(error).replace("(--consent)", "(consent)")  # the terminal's way of saying it
    return WireError(400, f"{said} [{error.category}]", code="moderation_blocked", param=param)


def count_refusal(store: Store, category: str) -> None:
    """One more refusal of that category is counted, without a word of what was asked for."""
    with store.write() as connection:
        more = update(refusals).where(refusals.c.category == category).values(count=refusals.c.count + 1)
        if not connection.execute(more).rowcount:
            connection.execute(insert(refusals), {"category": category, "count": 1})


def file_of(store: Store, key: Key, id: str, param: str = "file_id") -> Any:
    """The row of a file of the key. Raises WireError 404, also where it is another's or has expired."""
    with store.read() as connection:
        mine = (files.c.id == id, files.c.key_id == key.id, files.c.expires_at > time.time())
        row = connection.execute(select(files).where(*mine)).first()
    if row is None:
        raise WireError(404, f"there is no file '{id[:80]}'", code="not_found", param=param)
    return row


@contextmanager
def saved(medium: Medium) -> Iterator[Path]:
    """The medium in a file of a folder of its own, named by what it is to the request; of an id, the file's place."""
    most = int(read_settings().max_upload_mb * 1e6)
    with tempfile.TemporaryDirectory(prefix="kinema-") as folder:
        path = Path(folder) / medium.param
        if medium.upload is not None:
            medium.upload.file.seek(0)
            with path.open("wb") as file:
                shutil.copyfileobj(medium.upload.file, file, 1 << 20)
        elif medium.url and medium.url.startswith("data:"):
            path.write_bytes(of_data_url(medium.url, medium.param))
        elif medium.url:
            fetch(medium.url, path, most)
        yield path


def of_data_url(url: str, param: str) -> bytes:
    """The bytes in a data: URL. Raises RecipeError."""
    head, comma, body = url.partition(",")
    if not comma:
        raise RecipeError(f"{param}: a data: URL looks like data:image/png;base64,iVBOR…")
    if not head.endswith(";base64"):
        return unquote_to_bytes(body)
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error:
        raise RecipeError(f"{param}: what follows base64, is none") from None
