"""Films and refusals are reported over HTTP by whoever may see them, within bounds; operator and red team read it."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import insert, select

from kinema import cli
from kinema.clip import Clip
from kinema.recipe import MAX_PROMPT_CHARS
from kinema.serve import hooks, jobs, keys, reporting
from kinema.serve.depot import Depot, open_depot
from kinema.serve.jobs import Job, Promise
from kinema.serve.keys import Key
from kinema.serve.store import Store, open_store
from kinema.serve.tables import reports as rows
from kinema.settings import Settings
from kinema.trust import reports
from kinema.trust.redteam import prompts
from kinema.trust.reports import MAX_WHY_CHARS, Report, read_reports
from kinema.wire import Complaint, Medium, WireError
from tests.serving import PROMPT, TINY, Server, running

REFUSED = "Mickey Mouse dances on a table"
ONCE = Promise("", "digest")
Headers = dict[str, Any]


@pytest.fixture(scope="module")
def locked(tiny_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that asks for keys, takes a megabyte at most, and makes nothing."""
    home = tmp_path_factory.mktemp("reported")
    with running(home, tiny_weights, "--keys", "--workers", "0", MAX_UPLOAD_MB="1") as server:
        yield server
        open_store(Settings(home=home)).close()


@pytest.fixture
def operator(locked: Server, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What is done here is done on the server's machine."""
    monkeypatch.setenv("KINEMA_HOME", str(locked.home))
    return locked.home


@pytest.fixture(scope="module")
def film(locked: Server, tmp_path_factory: pytest.TempPathFactory) -> tuple[Headers, str]:
    """A key, and the id of a film of its own, which lies where a worker would have put it."""
    there = Settings(home=locked.home)
    store = open_store(there)
    key, secret = keys.create(store, "our studio")
    job = queued(store, key)
    path = Clip(np.zeros((4, 32, 32, 3), np.uint8), Fraction(8)).write(tmp_path_factory.mktemp("made") / "video.mp4")
    video = asdict(open_depot(there).keep(path, f"films/{job.id}/1/video.mp4"))
    with store.write() as connection:
        jobs.end(connection, job.id, "completed", {"film": {"video": video}})
    return {"Authorization": f"Bearer {secret}"}, job.id


def new_key(server: Server, name: str = "our studio", **limits: object) -> Headers:
    return {"Authorization": f"Bearer {keys.create(open_store(Settings(home=server.home)), name, **limits)[1]}"}


def ask(server: Server, key: Headers, path: str, body: object, **headers: str) -> tuple[int, dict[str, Any]]:
    told = {**key, "Content_Type": "application/json", **headers}
    status, answered, answer = server.ask("POST", path, json.dumps(body).encode(), **told)
    return status, json.loads(answer) | {"_headers": answered}


def report(server: Server, key: Headers, body: object, **headers: str) -> tuple[int, dict[str, Any]]:
    return ask(server, key, "/v1/reports", body, **headers)


def kept(id: str) -> Report:
    """The one report of that id, among whole lines alone."""
    found, broken = read_reports()
    assert broken == 0
    [one] = [each for each in found if each.id == id]
    return one


def test_a_film_is_reported_by_whoever_sees_it(
    locked: Server, operator: Path, film: tuple[Headers, str], capsys: pytest.CaptureFixture[str]
):
    mine, id = film
    status, answer = report(locked, mine, {"video": {"id": id}, "why": "this is my face"})
    assert status == 200, answer
    said = {name: answer[name] for name in ("object", "kind", "subject", "why")}
    assert said == {"object": "report", "kind": "film", "subject": id, "why": "this is my face"}
    one = kept(answer["id"])
    content = locked.ask("GET", f"/v1/videos/{id}/content", **mine)[2]
    assert (one.kind, one.subject, one.why, one.owner) == ("film", id, "this is my face", "our studio")
    assert (one.decided["sha256"], one.decided["bytes"]) == (sha256(content).hexdigest(), len(content))
    secret = mine["Authorization"].removeprefix("Bearer ")
    assert secret not in reports.place().read_text() and one.key.startswith("key_")
    assert cli.run(["report", "--list"]) == 0
    assert f"film (none), by our studio ({one.key}): {id} - this is my face" in capsys.readouterr().out


def test_a_refusal_is_reported_and_the_red_team_tries_it(locked: Server, operator: Path):
    mine = new_key(locked)
    assert ask(locked, mine, "/v1/videos", {"prompt": REFUSED, **TINY})[1]["error"]["code"] == "moderation_blocked"
    status, answer = report(locked, mine, {"prompt": REFUSED, "why": "it is a mouse"})
    one = kept(answer["id"])
    assert (status, one.kind, one.subject, one.decided["category"]) == (200, "prompt", REFUSED, "ip")
    tried = list(prompts.attack_reported(lambda target: None, read_reports()[0]))
    assert {each.subject for each in tried} == {REFUSED}


def test_who_may_not_see_a_film_may_not_report_it(locked: Server, operator: Path, film: tuple[Headers, str]):
    before, about = read_reports(), {"video": {"id": film[1]}}
    assert locked.ask("POST", "/v1/reports", b"{}")[0] == 401
    assert report(locked, new_key(locked, scopes=["provenance"]), about)[0] == 403
    for id in (film[1], "video_gone", "../keys"):
        status, answer = report(locked, new_key(locked), {"video": {"id": id}})
        assert (status, answer["error"]["code"], answer["error"]["param"]) == (404, "not_found", "video")
    assert read_reports() == before


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "video"),
        ({"why": "it is wrong"}, "video"),
        ({"prompt": PROMPT, "video": {"id": "video_1"}}, "video"),
        ({"video": {"file_id": "file_1"}}, "video"),
        ({"video": 7}, "video"),
        ({"video": {"id": "\ud800"}}, "video"),
        ({"video": {"url": "data:video/mp4;base64,!"}}, "video"),
        ({"video": {"url": "http://localhost/film.mp4"}}, "video"),
        ({"prompt": ["a dog"]}, "prompt"),
        ({"prompt": "\ud800"}, "prompt"),
        ({"prompt": " \n"}, "prompt"),
        ({"prompt": "a" * (MAX_PROMPT_CHARS + 1)}, "prompt"),
        ({"prompt": PROMPT, "why": 7}, "why"),
        ({"prompt": PROMPT, "why": "half \udfff"}, "why"),
        ({"prompt": PROMPT, "why": "a" * (MAX_WHY_CHARS + 1)}, "why"),
        ({"prompt": PROMPT, "owner": "somebody else"}, "owner"),
    ],
)
def test_a_wrong_report_names_what_is_wrong(locked: Server, operator: Path, body: object, param: str):
    before = read_reports()
    status, answer = report(locked, new_key(locked), body)
    assert (status, answer["error"]["code"], answer["error"]["param"]) == (400, "invalid_value", param), answer
    assert read_reports() == before


def test_any_letters_are_a_line_of_their_own(locked: Server, operator: Path):
    for prompt in ("a\0b", "line\nbreak\u2028\x1b[2J", "\u200d" * 99):
        status, answer = report(locked, new_key(locked), {"prompt": prompt, "why": prompt})
        assert status == 200, answer
        assert kept(answer["id"]).subject == prompt


def test_a_repeated_request_is_one_report(locked: Server, operator: Path):
    mine, body, before = new_key(locked), {"prompt": PROMPT}, len(read_reports()[0])
    first, again = (report(locked, mine, body, Idempotency_Key="once") for _ in range(2))
    assert first[0] == 200 and {**first[1], "_headers": 0} == {**again[1], "_headers": 0}
    retried = report(locked, mine, body, X_Stainless_Retry_Count="1")
    assert retried[1]["id"] == first[1]["id"] and len(read_reports()[0]) == before + 1
    for path, other in (("/v1/reports", body | {"why": "twice"}), ("/v1/videos", body)):
        status, answer = ask(locked, mine, path, other, Idempotency_Key="once")
        assert (status, answer["error"]["code"]) == (409, "idempotency_key_reused"), path
    assert report(locked, mine, body)[1]["id"] != first[1]["id"]
    assert report(locked, new_key(locked), body, Idempotency_Key="once")[1]["id"] != first[1]["id"]


def test_the_terminal_reports_to_a_server(
    locked: Server, operator: Path, film: tuple[Headers, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    mine, id = film
    found = tmp_path / "found.mp4"
    found.write_bytes(locked.ask("GET", f"/v1/videos/{id}/content", **mine)[2])
    depot = sorted((operator / "serve" / "films").rglob("*"))
    there = ["--server", locked.url, "--api-key", mine["Authorization"].removeprefix("Bearer "), "--why", "mine"]
    for subject, kind in ((str(found), "film"), (id, "film"), (PROMPT, "prompt")):
        assert cli.run(["report", subject, *there, "--json"]) == 0
        one = kept(json.loads(capsys.readouterr().out)["id"])
        assert (one.kind, one.subject, one.why) == (kind, subject.rpartition("/")[2], "mine")
        if kind == "film":
            assert one.decided["sha256"] == sha256(found.read_bytes()).hexdigest()
    assert sorted((operator / "serve" / "films").rglob("*")) == depot
    assert cli.run(["report", PROMPT, *there]) == 0 and "127.0.0.1" in capsys.readouterr().out
    assert cli.run(["report", "video_00", *there]) == cli.run(["report", "--list", *there]) == 2
    assert cli.run(["report", str(tmp_path / "gone.mp4"), *there]) == 1
    assert cli.run(["report", PROMPT, "--api-key", "sk"]) == 2
    large = tmp_path / "large.mp4"
    large.write_bytes(bytes(1_100_000))
    assert cli.run(["report", str(large), *there]) == 2
    assert "at most 1 MB" in capsys.readouterr().err


def test_the_address_is_documented_and_names_its_method(locked: Server):
    status, headers, _ = locked.ask("GET", "/v1/reports", **new_key(locked))
    assert (status, headers["allow"]) == (405, "POST")
    operation = json.loads(locked.ask("GET", "/openapi.json")[2])["paths"]["/v1/reports"]["post"]
    assert "example" in operation["requestBody"]["content"]["application/json"]
    assert {"200", "400", "401", "404", "409", "429", "503"} <= set(operation["responses"])


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Store, Depot, Key]]:
    """A database, a depot and a key, without processes."""
    monkeypatch.setenv("KINEMA_HOME", str(tmp_path / "home"))
    store = open_store()
    store.migrate()
    yield store, open_depot(), keys.create(store, "our studio")[0]
    store.close()


def queued(store: Store, key: Key) -> Job:
    job = Job(jobs.new_id("video"), key.id, "queued", 0, time.time(), 1, {}, "native", None, "48x32", "1", "generate",
              private=False, digest="")  # fmt: skip
    return jobs.add(store, key, [job], ONCE, [])[0]


def refused(desk: tuple[Store, Depot, Key], asked: Complaint, promise: Promise = ONCE) -> WireError:
    with pytest.raises(WireError) as caught:
        reporting.keep(*desk, asked, promise)
    return caught.value


def test_a_film_that_the_review_refused_is_reported_without_pixels(desk: tuple[Store, Depot, Key]):
    store, _, key = desk
    job = queued(store, key)
    asked = Complaint(film=Medium(id=job.id, param="video"), why="it is a lamp")
    assert (early := refused(desk, asked)).code == "video_not_finished" and early.param == "video"
    with store.write() as connection:
        told = {"error_code": "moderation_blocked", "error_message": "frame 3 [sexual]"}
        jobs.end(connection, job.id, "failed", told)
    one = kept(reporting.keep(*desk, asked, ONCE)["id"])
    assert one.decided == {"state": "failed", "code": "moderation_blocked", "said": "frame 3 [sexual]"}


def test_one_request_that_comes_many_times_at_once_is_one_report(desk: tuple[Store, Depot, Key]):
    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(lambda _: reporting.keep(*desk, Complaint(PROMPT), Promise("once", "digest")), range(8))
        )
    assert [answer["id"] for answer in answers] == [one.id for one in read_reports()[0]] * 8


def test_the_last_report_of_a_day_is_the_last_however_many_come_at_once(desk: tuple[Store, Depot, Key]):
    store, _, key = desk
    row = {"key_id": key.id, "digest": "", "bytes": 1, "at": time.time()}
    with store.write() as connection:
        many = [row | {"id": f"report_{number}"} for number in range(reporting.MOST_A_DAY - 1)]
        connection.execute(insert(rows), many)

    def status(_: int) -> int:
        try:
            reporting.keep(*desk, Complaint(PROMPT), ONCE)
        except WireError as error:
            return error.status
        return 200

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(status, range(4))) == [200, 429, 429, 429]
    assert len(read_reports()[0]) == 1


@pytest.mark.parametrize(
    ("count", "size"), [(reporting.MOST_A_DAY, 1), (1, reporting.MOST_BYTES_A_DAY)], ids=["many", "large"]
)
def test_a_key_reports_so_much_a_day_and_no_more(desk: tuple[Store, Depot, Key], count: int, size: int):
    store, depot, key = desk
    row = {"key_id": key.id, "digest": "", "bytes": size}

    def filled(at: float) -> None:
        with store.write() as connection:
            connection.execute(
                insert(rows), [row | {"id": f"report_{at}_{number}", "at": at} for number in range(count)]
            )

    filled(time.time() - 86_500)
    assert reporting.keep(*desk, Complaint(PROMPT), Promise("once", "digest"))
    filled(time.time())
    error = refused(desk, Complaint(PROMPT))
    assert (error.status, error.code, error.retry_after) == (429, "rate_limit_exceeded", 3600)
    assert reporting.keep(*desk, Complaint(PROMPT), Promise("once", "digest")), "an earlier one is still answered"
    assert reporting.keep(store, depot, keys.create(store, "another")[0], Complaint(PROMPT), ONCE)
    hooks.clear_old(store)
    with store.read() as connection:
        assert len(connection.execute(select(rows)).all()) == count + 2
    assert len(read_reports()[0]) == 2


def test_where_nothing_more_can_be_kept_nothing_is_promised(
    desk: tuple[Store, Depot, Key], monkeypatch: pytest.MonkeyPatch
):
    asked = Complaint(PROMPT, why="wrong")
    with monkeypatch.context() as full:
        full.setattr(reports, "MAX_BYTES", 10)
        error = refused(desk, asked, Promise("once", "digest"))
    assert (error.status, error.code) == (503, "no_room") and error.retry_after
    assert str(reports.place()) not in str(error)
    answer = reporting.keep(*desk, asked, Promise("once", "digest"))
    assert kept(answer["id"]) == replace(read_reports()[0][0], owner="our studio", key=desk[2].id)
