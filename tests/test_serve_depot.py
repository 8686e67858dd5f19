"""Where films lie: kept under a name, given back, really removed; whatever fsspec reaches is as good as a folder."""

import time
from dataclasses import replace
from pathlib import Path

import pytest
from fsspec import AbstractFileSystem
from sqlalchemy import func, insert, select, update

from kinema.errors import KinemaError, OutputError, ServeError
from kinema.serve import files, jobs, keys, leases
from kinema.serve.depot import Depot, film_folder, open_depot
from kinema.serve.intake import file_of
from kinema.serve.jobs import Job, Promise
from kinema.serve.making import forget_earlier
from kinema.serve.routes_videos import wipe
from kinema.serve.store import open_store
from kinema.serve.tables import events, uploads
from kinema.settings import Settings
from kinema.wire import WireError


@pytest.fixture(params=["file", "memory"])
def depot(request: pytest.FixtureRequest, tmp_path: Path) -> Depot:
    url = (tmp_path / "films").as_uri() if request.param == "file" else f"memory://films-{time.time_ns()}"
    return open_depot(Settings(films=url))


def test_what_is_put_is_given_back_until_it_is_removed(depot: Depot, tmp_path: Path):
    (tmp_path / "film").write_bytes(b"0123456789")
    assert depot.put(tmp_path / "film", "films/a/1/video.mp4") == depot.size("films/a/1/video.mp4") == 10
    depot.put(tmp_path / "film", "films/b/1/video.mp4")
    depot.fetch("films/a/1/video.mp4", tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == b"0123456789"
    with depot.opened("films/a/1/video.mp4") as file:
        file.seek(4)
        assert file.read(3) == b"456"
    depot.remove("films/a")
    depot.remove("films/a")
    with pytest.raises(FileNotFoundError):
        depot.size("films/a/1/video.mp4")
    assert depot.size("films/b/1/video.mp4") == 10


def test_what_killed_workers_had_kept_goes_before_the_film_is_made_again(depot: Depot, tmp_path: Path):
    job = Job(
        "video_a", "key", "in_progress", 0, 0, 0, {}, "native", "a dog", "48x32", "4", "generate", False, "digest"
    )
    (tmp_path / "film").write_bytes(b"film")
    for name in ("video_a/1", "video_a/3", "video_b/1"):
        depot.put(tmp_path / "film", f"{film_folder(name)}/video.mp4")
    forget_earlier(depot, replace(job, attempt=3))
    with pytest.raises(FileNotFoundError):
        depot.size(f"{film_folder('video_a/1')}/video.mp4")
    assert (
        depot.size(f"{film_folder('video_a/3')}/video.mp4") == depot.size(f"{film_folder('video_b/1')}/video.mp4") == 4
    )


def test_a_place_that_cannot_be_used_is_named(tmp_path: Path):
    (tmp_path / "file").write_bytes(b"")
    for url in (f"{(tmp_path / 'file').as_uri()}/films", "nowhere://films"):
        with pytest.raises((ServeError, KinemaError), match="films"):
            open_depot(Settings(films=url))


def test_what_has_expired_is_really_gone_but_what_another_film_needs_stays(depot: Depot, tmp_path: Path):
    store = open_store(Settings(database=f"sqlite:///{tmp_path / 'films.db'}"))
    store.migrate()
    key, _ = keys.create(store, "mine")
    (tmp_path / "film").write_bytes(b"film")
    made = [
        Job(jobs.new_id("video"), key.id, "queued", 0, time.time(), time.time_ns() + number, {}, "native", "a dog",
            "48x32", "4", "animate", False, "digest")
        for number in range(2)
    ]  # fmt: skip
    row = {"id": "upload_1", "key_id": key.id, "name": "uploads/upload_1.png", "sha256": "", "created_at": 0.0}
    jobs.add(store, key, made, Promise("", "digest"), [row | {"user_id": job.id} for job in made])
    depot.put(tmp_path / "film", "uploads/upload_1.png")
    for number, job in enumerate(made):
        depot.put(tmp_path / "film", f"{film_folder(job.id)}/1/video.mp4")
        held = leases.lease(store, "w")
        assert held and leases.finish(store, held, "completed", {"film": {}})
        assert not jobs.expired(store)
        with store.write() as connection:
            connection.execute(update(jobs.jobs).where(jobs.jobs.c.id == job.id).values(expires_at=time.time() - 1))
        assert [each.id for each in jobs.expired(store)] == [job.id]
        wipe(store, depot, jobs.get(store, key, job.id))
        with pytest.raises(FileNotFoundError):
            depot.size(f"{film_folder(job.id)}/1/video.mp4")
        with pytest.raises(WireError):
            jobs.get(store, key, job.id)
        if not number:
            assert depot.size("uploads/upload_1.png") == 4
    with pytest.raises(FileNotFoundError):
        depot.size("uploads/upload_1.png")
    with store.read() as connection:
        assert [
            connection.execute(select(func.count()).select_from(table)).scalar() for table in (events, uploads)
        ] == [0, 0]
    store.close()


class Lost(AbstractFileSystem):
    """A place that is not reached, and says so in its own way."""

    def _broken(self, *words: object, **named: object) -> None:
        raise RuntimeError("nobody answers")

    makedirs = put_file = open = info = rm = _broken  # type: ignore[assignment]


def test_a_place_that_is_not_reached_is_an_error_of_the_system(tmp_path: Path):
    (tmp_path / "film").write_bytes(b"film")
    depot = Depot(Lost(), "films")
    with pytest.raises(OutputError, match="nobody answers"):
        depot.put(tmp_path / "film", "a")
    for work in (lambda: depot.size("a"), lambda: depot.remove("a"), lambda: depot.fetch("a", tmp_path / "b")):
        with pytest.raises(OSError, match="nobody answers"):
            work()


def test_a_file_that_has_expired_is_really_gone(depot: Depot, tmp_path: Path):
    store = open_store(Settings(database=f"sqlite:///{tmp_path / 'films.db'}"))
    store.migrate()
    key, _ = keys.create(store, "mine")
    (tmp_path / "picture").write_bytes(b"picture")
    now = time.time()
    for id, expires_at in (("file_over", now - 1), ("file_kept", now + 60)):
        depot.put(tmp_path / "picture", f"uploads/{id}.png")
        row = {"id": id, "key_id": key.id, "filename": "a.png", "purpose": "vision", "consent": "", "bytes": 7}
        row |= {"name": f"uploads/{id}.png", "sha256": "", "holds": {}, "created_at": now, "expires_at": expires_at}
        with store.write() as connection:
            connection.execute(insert(files.files), row)
    with pytest.raises(WireError):
        file_of(store, key, "file_over")
    files.remove_expired(store, depot)
    with pytest.raises(FileNotFoundError):
        depot.size("uploads/file_over.png")
    assert depot.size("uploads/file_kept.png") == 7
    found, more = files.listed(store, key, None, 10, descending=True, purpose=None)
    assert [each["id"] for each in found] == ["file_kept"] and not more
    store.close()
