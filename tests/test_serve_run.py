"""The command that serves: what it keeps alive, and how it stops."""

import json
import os
import signal
import time
from pathlib import Path

import pytest

from runs.serve_kill import children, postgres
from tests.serving import PROMPT, TINY, Server, running


def test_films_that_wait_are_made_after_a_restart_and_a_stop_gives_none_up(tiny_weights: Path, tmp_path: Path):
    body = json.dumps({"prompt": PROMPT, **TINY, "seconds": "16", "steps": 200}).encode()
    with running(tmp_path, tiny_weights, DRAIN_SECONDS="0") as first:
        ids = [_ask(first, "POST", "/v1/videos", body)["id"] for _ in range(2)]
        while _ask(first, "GET", f"/v1/videos/{ids[0]}")["progress"] < 3:
            time.sleep(0.05)
    assert first.process.returncode == 0
    with running(tmp_path, tiny_weights) as second:
        for id in ids:
            while (video := _ask(second, "GET", f"/v1/videos/{id}"))["status"] in ("queued", "in_progress"):
                time.sleep(0.1)
            assert video["status"] == "completed", video


def test_what_dies_is_started_again_and_nothing_outlives_the_supervisor(tiny_weights: Path, tmp_path: Path):
    with running(tmp_path, tiny_weights) as server:
        api, worker = (children(server.process.pid, kind)[0] for kind in ("api", "worker"))
        for pid in (api, worker):
            os.kill(pid, signal.SIGKILL)
        video = _ask(server, "POST", "/v1/videos", json.dumps({"prompt": PROMPT, **TINY}).encode())
        while video["status"] in ("queued", "in_progress"):
            time.sleep(0.1)
            video = _ask(server, "GET", f"/v1/videos/{video['id']}")
        assert video["status"] == "completed"
        last = [children(server.process.pid, kind)[0] for kind in ("api", "worker")]
        assert not {api, worker} & set(last)
        server.process.kill()
        server.process.wait()
        while any(_lives(pid) for pid in last):
            time.sleep(0.1)


@pytest.mark.skipif(not list(Path("/usr/lib/postgresql").glob("*/bin/initdb")), reason="PostgreSQL is not installed")
def test_a_database_that_goes_and_comes_back_is_waited_for(tiny_weights: Path, tmp_path: Path):
    body = json.dumps({"prompt": PROMPT, **TINY}).encode()
    with postgres() as cluster, running(tmp_path, tiny_weights, DATABASE=cluster.url) as server:
        cluster.stop()
        for method, path in (("GET", "/v1/videos"), ("GET", "/readyz"), ("POST", "/v1/videos")):
            sent = {"body": body, "Content_Type": "application/json"} if method == "POST" else {}
            status, headers, answer = server.ask(method, path, **sent)
            assert (status, json.loads(answer)["error"]["code"]) == (503, "unavailable")
            assert int(headers["retry-after"]) > 0
        cluster.start()
        video = _ask(server, "POST", "/v1/videos", body)
        while video["status"] in ("queued", "in_progress"):
            time.sleep(0.1)
            video = _ask(server, "GET", f"/v1/videos/{video['id']}")
        assert video["status"] == "completed"


def _lives(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def _ask(server: Server, method: str, path: str, body: bytes | None = None) -> dict:
    status, _, answer = server.ask(method, path, body, **({"Content_Type": "application/json"} if body else {}))
    assert status == 200, answer
    return json.loads(answer)
