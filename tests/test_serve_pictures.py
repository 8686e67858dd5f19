"""Laws of a film's pictures: made when they are first asked for, once, of what the file shows."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kinema.clip import Clip
from kinema.media import write
from kinema.serve import jobs, leases
from kinema.serve.depot import Depot, Kept, film_folder, open_depot
from kinema.serve.jobs import Job, Promise
from kinema.serve.keys import Key
from kinema.serve.pictures import film_with_pictures
from kinema.serve.routes_videos import wipe
from kinema.serve.store import Store
from kinema.settings import Settings

FRAMES = 60


@pytest.fixture
def depot(tmp_path: Path) -> Depot:
    return open_depot(Settings(films=(tmp_path / "films").as_uri()))


@pytest.fixture
def made(store: Store, key: Key, depot: Depot, tmp_path: Path) -> Job:
    """A job whose film of 640x320 grows steadily brighter."""
    grey = np.linspace(20, 220, FRAMES).round().astype(np.uint8)
    frames = np.broadcast_to(grey[:, None, None, None], (FRAMES, 320, 640, 3))
    write([Clip(np.ascontiguousarray(frames), Fraction(8))], tmp_path / "film.mp4")
    job = Job(jobs.new_id("video"), key.id, "queued", 0, time.time(), time.time_ns(), {}, "native", "a dog", "640x320",
              "7.5", "generate", False, "digest", fps="8")  # fmt: skip
    jobs.add(store, key, [job], Promise("", "digest"), [])
    held = leases.lease(store, "w")
    assert held
    video = depot.keep(tmp_path / "film.mp4", f"{film_folder(job.id)}/1/video.mp4")
    assert leases.finish(store, held, "completed", {"film": {"video": asdict(video)}})
    return jobs.get(store, key, job.id)


def files_in(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "films").rglob("*") if path.is_file())


def test_the_middle_of_the_film_and_a_sheet_from_its_beginning_to_its_end(
    store: Store, depot: Depot, made: Job, tmp_path: Path
):
    film = film_with_pictures(store, depot, made)
    pictures = {}
    for kind in ("thumbnail", "spritesheet"):
        depot.fetch(film[kind]["name"], tmp_path / kind)
        pictures[kind] = np.asarray(Image.open(tmp_path / kind).convert("L"), np.float32)
    assert pictures["thumbnail"].shape == (256, 512) and abs(pictures["thumbnail"].mean() - 120) < 12
    sheet = pictures["spritesheet"]
    assert sheet.shape == (5 * 96, 5 * 192)
    levels = sheet.reshape(5, 96, 5, 192).mean(axis=(1, 3)).ravel()
    steps = np.diff(levels)
    assert levels[0] < 30 and levels[-1] > 200 and (steps > 3).all() and (steps < 18).all()


def test_they_are_made_once_however_many_ask_at_once(store: Store, key: Key, depot: Depot, made: Job, tmp_path: Path):
    assert files_in(tmp_path) == ["video.mp4"]
    with ThreadPoolExecutor(4) as pool:
        films = list(pool.map(lambda _: film_with_pictures(store, depot, made), range(4)))
    assert files_in(tmp_path) == ["spritesheet.jpg", "thumbnail.webp", "video.mp4"]
    assert films == [jobs.get(store, key, made.id).film] * 4


class Busy(Depot):
    """A depot in which something happens to the film before its last picture is kept."""

    def __init__(self, depot: Depot, happens: object) -> None:
        super().__init__(depot._system, depot._root)
        self._happens = happens

    def keep(self, path: Path, name: str) -> Kept:
        if path.name == "spritesheet.jpg":
            self._happens()  # type: ignore[operator]
        return super().keep(path, name)


def test_another_process_that_was_faster_is_believed(store: Store, depot: Depot, made: Job, tmp_path: Path):
    assert made.film
    theirs = made.film | {"thumbnail": {"name": "theirs"}, "spritesheet": {"name": "theirs too"}}

    def faster() -> None:
        with store.write() as connection:
            connection.execute(jobs.update(jobs.jobs).values(film=theirs))

    assert film_with_pictures(store, Busy(depot, faster), made) == theirs
    assert files_in(tmp_path) == ["video.mp4"]


def test_nothing_is_left_of_a_film_that_is_deleted_meanwhile(store: Store, depot: Depot, made: Job, tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        film_with_pictures(store, Busy(depot, lambda: wipe(store, depot, made)), made)
    assert files_in(tmp_path) == []
    with pytest.raises(FileNotFoundError):
        film_with_pictures(store, depot, made)
