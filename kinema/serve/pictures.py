"""A film's pictures, a thumbnail and a sheet of its frames: made of its file when somebody first asks for one.

Most films are never asked for any, and no film waits for them. They are taken from the written file, whose frames are
reviewed and marked. Several processes may make them at once; the first to tell the database is believed.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any

import numpy as np
from PIL import Image
from sqlalchemy import select, update

from kinema.clip import Clip
from kinema.media import Held, Shape, load
from kinema.serve.depot import Depot
from kinema.serve.jobs import Job
from kinema.serve.store import Store
from kinema.serve.tables import jobs

SIDE_PX, SPRITES, COLUMNS, SPRITE_PX = 512, 25, 5, 192
_turn = Lock()


def film_with_pictures(store: Store, depot: Depot, job: Job) -> dict[str, Any]:
    """The files of an ended job's film, its pictures among them. Raises FileNotFoundError where the film is gone."""
    with _turn:  # whoever asks meanwhile waits, and then finds them made
        film = _film(store, job)
        if "thumbnail" in film:
            return film
        with TemporaryDirectory(prefix="kinema-") as folder:
            return _made(store, depot, job, film, Path(folder))


def _made(store: Store, depot: Depot, job: Job, film: dict[str, Any], folder: Path) -> dict[str, Any]:
    depot.fetch(film["video"]["name"], path := folder / "film.mp4")
    clip = load(path, into=_few(job)).clip
    thumbnail, sheet = folder / "thumbnail.webp", folder / "spritesheet.jpg"
    Image.fromarray(clip.frames[len(clip) // 2]).save(thumbnail, quality=85)
    sprites(clip).save(sheet, quality=85)
    place = f"{film['video']['name'].rpartition('/')[0]}/pictures-{secrets.token_hex(8)}"
    is_told = False
    try:
        pictures = {each.stem: asdict(depot.keep(each, f"{place}/{each.name}")) for each in (thumbnail, sheet)}
        film, is_told = _told(store, job, pictures)
    finally:
        if not is_told:
            with suppress(OSError):  # what is not reached keeps nothing
                depot.remove(place)
    return film


def _told(store: Store, job: Job, pictures: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """The film's files, now with these pictures, or with those of whoever was faster; whether it is with these."""
    with store.write() as connection:
        connection.execute(select(jobs.c.id).where(jobs.c.id == job.id).with_for_update())
        film: dict[str, Any] | None = connection.execute(select(jobs.c.film).where(jobs.c.id == job.id)).scalar()
        if not film:
            raise FileNotFoundError(f"{job.id} was deleted meanwhile")
        if "thumbnail" in film:
            return film, False
        connection.execute(update(jobs).where(jobs.c.id == job.id).values(film=film | pictures))
    return film | pictures, True


def _film(store: Store, job: Job) -> dict[str, Any]:
    with store.read() as connection:
        film: dict[str, Any] | None = connection.execute(select(jobs.c.film).where(jobs.c.id == job.id)).scalar()
    if not film:
        raise FileNotFoundError(f"{job.id} has no film any more")
    return film


def _few(job: Job) -> Callable[[Held], Shape]:
    """About as many frames as a sheet has, evenly spread, none larger than a thumbnail."""

    def shape(held: Held) -> Shape:
        scale = min(1.0, SIDE_PX / max(held.width, held.height))
        fps = Fraction(job.fps) * Fraction(SPRITES, held.frames) if job.fps and held.frames > SPRITES else None
        return Shape(max(1, round(held.width * scale)), max(1, round(held.height * scale)), fps)

    return shape


def sprites(clip: Clip) -> Image.Image:
    """Up to 25 frames, evenly spread over the clip, in rows of five."""
    count = min(SPRITES, len(clip))
    chosen = np.linspace(0, len(clip) - 1, count).round().astype(int)
    scale = SPRITE_PX / max(clip.width, clip.height)
    width, height = max(1, round(clip.width * scale)), max(1, round(clip.height * scale))
    columns = min(COLUMNS, count)
    sheet = Image.new("RGB", (width * columns, height * -(-count // columns)))
    for place, index in enumerate(chosen):
        frame = Image.fromarray(clip.frames[index]).resize((width, height), Image.Resampling.LANCZOS)
        sheet.paste(frame, (width * (place % columns), height * (place // columns)))
    return sheet
