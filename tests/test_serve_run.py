"""The command that serves: what it keeps alive, and how it stops."""

import base64
import json
import os
import resource
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from runs.serve_kill import children, postgres
from tests.serving import PROMPT, TINY, Server, running

MEGABYTE = 1_000_000
BODY = json.dumps({"prompt": PROMPT, **TINY}).encode()


@dataclass(frozen=True)
class Own(Server):
    """A server that was stopped and started again: the films that were begun before, and how the stop ended."""

    begun: tuple[str, ...]
    first_ended_with: int


@pytest.fixture(scope="module")
def own(tiny_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Own]:
    """A server of this file's own, to do harm to; it was stopped while films were being made, and started again.

    It waits for its database a second at most.
    """
    home = tmp_path_factory.mktemp("own")
    settings = {"DATABASE": f"sqlite:///{home / 'own.db'}?timeout=1", "DRAIN_SECONDS": "0"}
    long = json.dumps({"prompt": PROMPT, **TINY, "seconds": "16", "steps": 200}).encode()
    with running(home, tiny_weights, **settings) as first:
        ids = tuple(_ask(first, "POST", "/v1/videos", body)["id"] for body in (long, BODY))
        while _ask(first, "GET", f"/v1/videos/{ids[0]}")["progress"] < 3:
            time.sleep(0.02)
    with running(home, tiny_weights, **settings) as second:
        yield Own(**vars(second), begun=ids, first_ended_with=first.process.returncode)


def test_films_that_wait_are_made_after_a_restart_and_a_stop_gives_none_up(own: Own):
    assert own.first_ended_with == 0
    for id in own.begun:
        assert (video := _ended(own, id))["status"] == "completed", video
        kinds = [line for line in own.ask("GET", f"/v1/videos/{id}/events")[2].splitlines() if line[:6] == b"event:"]
        assert kinds.count(b"event: in_progress") == (2 if id == own.begun[0] else 1)


def test_a_database_that_another_holds_is_waited_for(own: Own):
    """Requests are answered 503 meanwhile, and a film that becomes whole meanwhile is ended once it may be."""
    body = {"prompt": PROMPT, "seconds": "12", "size": "48x32", "steps": 200}
    video = _ask(own, "POST", "/v1/videos", json.dumps(body).encode())
    while _ask(own, "GET", f"/v1/videos/{video['id']}")["progress"] < 3:
        time.sleep(0.02)
    with closing(sqlite3.connect(own.home / "own.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        status, headers, answer = own.ask("POST", "/v1/videos", BODY, Content_Type="application/json")
        assert (status, json.loads(answer)["error"]["code"]) == (503, "unavailable") and int(headers["retry-after"])
        assert _ask(own, "GET", f"/v1/videos/{video['id']}")["status"] == "in_progress"
        while not list((own.home / "serve" / "films").rglob("video.mp4")):
            time.sleep(0.05)
        time.sleep(1.5)  # the worker has asked and was not heard
        other.execute("ROLLBACK")
    assert _ended(own, video["id"])["status"] == "completed"
    events = own.ask("GET", f"/v1/videos/{video['id']}/events")[2]
    assert events.count(b"event: in_progress") == events.count(b"event: completed") == 1


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="filling the disk of a process takes prlimit")
def test_a_full_disk_keeps_nothing_by_halves_and_is_got_over(own: Own):
    """No file of the server's may grow beyond a megabyte, as if the disk were full there; its database is smaller."""
    noise = np.random.default_rng(0).integers(0, 255, (640, 640, 3), dtype=np.uint8)
    picture = BytesIO()
    Image.fromarray(noise).save(picture, "PNG")
    url = f"data:image/png;base64,{base64.b64encode(picture.getvalue()).decode()}"
    begun = json.dumps({"prompt": PROMPT, **TINY, "input_reference": {"image_url": url}}).encode()
    api, worker = (children(own.process.pid, kind)[0] for kind in ("api", "worker"))
    large = json.dumps({"prompt": PROMPT, "size": "512x512", "seconds": "4"}).encode()
    for id in own.begun:
        _ended(own, id)
    before = _files(own)
    with closing(sqlite3.connect(own.home / "own.db")) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    _limit(MEGABYTE, api)
    status, headers, answer = own.ask("POST", "/v1/videos", begun, Content_Type="application/json")
    assert (status, json.loads(answer)["error"]["code"]) == (503, "no_room") and int(headers["retry-after"]) > 0
    _limit(resource.RLIM_INFINITY, api)
    _limit(MEGABYTE, worker)
    id = _ask(own, "POST", "/v1/videos", large)["id"]
    assert (failed := _ended(own, id))["status"] == "failed" and failed["error"]["code"] == "no_room", failed
    assert _files(own) == before and not list((own.home / "serve" / "making").iterdir())
    _limit(resource.RLIM_INFINITY, worker)
    for body in (begun, large):
        assert _ended(own, _ask(own, "POST", "/v1/videos", body)["id"])["status"] == "completed"


def _files(server: Server) -> set[Path]:
    return {path for path in (server.home / "serve" / "films").rglob("*") if path.is_file()}


def _limit(most_bytes: int, pid: int) -> None:
    """The process writes no file beyond that size."""
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (most_bytes, resource.RLIM_INFINITY))


def _ended(server: Server, id: str) -> dict:
    while (video := _ask(server, "GET", f"/v1/videos/{id}"))["status"] in ("queued", "in_progress"):
        time.sleep(0.05)
    return video


def test_what_dies_is_started_again_and_nothing_outlives_the_supervisor(own: Own):
    """The last of these tests, since it leaves no server."""
    api, worker = (children(own.process.pid, kind)[0] for kind in ("api", "worker"))
    for pid in (api, worker):
        os.kill(pid, signal.SIGKILL)
    assert _ended(own, _ask(own, "POST", "/v1/videos", BODY)["id"])["status"] == "completed"
    last = [children(own.process.pid, kind)[0] for kind in ("api", "worker")]
    assert not {api, worker} & set(last)
    own.process.kill()
    own.process.wait()
    while any(_lives(pid) for pid in last):
        time.sleep(0.1)


@pytest.mark.skipif(not list(Path("/usr/lib/postgresql").glob("*/bin/initdb")), reason="PostgreSQL is not installed")
def test_a_database_that_goes_and_comes_back_is_waited_for(tiny_weights: Path, tmp_path: Path):
    with postgres() as cluster, running(tmp_path, tiny_weights, DATABASE=cluster.url) as server:
        cluster.stop()
        for method, path in (("GET", "/v1/videos"), ("GET", "/readyz"), ("POST", "/v1/videos")):
            sent = {"body": BODY, "Content_Type": "application/json"} if method == "POST" else {}
            status, headers, answer = server.ask(method, path, **sent)
            assert (status, json.loads(answer)["error"]["code"]) == (503, "unavailable")
            assert int(headers["retry-after"]) > 0
        cluster.start()
        assert _ended(server, _ask(server, "POST", "/v1/videos", BODY)["id"])["status"] == "completed"


def _lives(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def _ask(server: Server, method: str, path: str, body: bytes | None = None) -> dict:
    status, _, answer = server.ask(method, path, body, **({"Content_Type": "application/json"} if body else {}))
    assert status == 200, answer
    return json.loads(answer)
