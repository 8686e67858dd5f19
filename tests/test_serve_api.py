"""What the server does beyond the official client: events, partial films, cancelling, webhooks, bad requests."""

import base64
import json
import struct
import threading
import time
import zlib
from collections.abc import Iterator
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import numpy as np
import openai
import pytest
from PIL import Image

from kinema.clip import Clip
from kinema.recipe import Recipe
from tests.serving import PROMPT, TINY, Server

LONG = {"seconds": "16", "size": "48x32", "steps": 200}


def post(server: Server, path: str, body: object, **headers: str) -> tuple[int, dict[str, Any]]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Content_Type": "application/json"} | headers
    status, _, answer = server.ask("POST", f"/v1{path}", data, **headers)
    return status, json.loads(answer)


def get(server: Server, path: str) -> dict[str, Any]:
    return json.loads(server.ask("GET", f"/v1{path}")[2])


def made(server: Server, **parts: object) -> dict[str, Any]:
    """A video object when its film has ended."""
    status, video = post(server, "/videos", {"prompt": PROMPT, **TINY, **parts})
    assert status == 200, video
    return ended(server, video["id"])


def ended(server: Server, id: str) -> dict[str, Any]:
    until = time.monotonic() + 120
    while (video := get(server, f"/videos/{id}"))["status"] in ("queued", "in_progress"):
        assert time.monotonic() < until, video
        time.sleep(0.05)
    return video


def begun(server: Server, **parts: object) -> str:
    """The id of a film that is being made."""
    id = post(server, "/videos", {"prompt": PROMPT, **LONG, **parts})[1]["id"]
    while get(server, f"/videos/{id}")["progress"] < 5:
        time.sleep(0.05)
    return id


def events(server: Server, id: str, after: int = 0) -> Iterator[tuple[int, str, dict[str, Any]]]:
    request = Request(f"{server.url}/v1/videos/{id}/events", headers={"Last-Event-ID": str(after)})
    with urlopen(request, timeout=120) as stream:
        told: dict[str, str] = {}
        for line in stream:
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name:
                told[name] = value
            elif "event" in told:
                yield int(told["id"]), told["event"], json.loads(told["data"])
                told = {}
            else:
                told = {}


def test_json_and_every_part_of_a_recipe(server: Server):
    video = made(server, seed=7, steps=2, guidance=1.5, model="sora-2", private=True, max_energy_wh=100)
    assert (video["status"], video["seed"], video["task"], video["fps"]) == ("completed", 7, "generate", "8")
    assert set(video) >= {"completed_at", "expires_at", "error", "remixed_from_video_id", "receipt"}
    film = server.ask("GET", f"/v1/videos/{video['id']}/content")[2]
    again = made(server, seed=7, steps=2, guidance=1.5, private=True)
    assert server.ask("GET", f"/v1/videos/{again['id']}/content")[2] == film


def test_several_films_of_one_request_have_seeds_that_count_up(server: Server):
    status, first = post(server, "/videos", {"prompt": PROMPT, **TINY, "n": 3, "seed": 5})
    assert status == 200 and first["ids"][0] == first["id"] and len(set(first["ids"])) == 3
    assert [ended(server, id)["seed"] for id in first["ids"]] == [5, 6, 7]


def test_every_task_is_made_from_films_of_ones_own(server: Server):
    film = {"id": made(server)["id"]}
    asks: list[dict[str, object]] = [
        {"task": "still", "prompt": PROMPT},
        {"task": "extend", "prompt": PROMPT, "sources": [film], "seconds": "0.5", "direction": "backward"},
        {"task": "fill", "prompt": PROMPT, "video": film, "how": {"keep_every": 2}},
        {"task": "loop", "prompt": PROMPT, "video": film, "how": {"bridge": "0.5"}},
        {"task": "blend", "prompt": PROMPT, "sources": [film, film], "seconds": "0.5"},
        {"task": "remix", "video": film, "prompt": PROMPT, "strength": "strong"},
        {"task": "storyboard", "sources": [film], "how": {"cards": [{"at": 0, "text": "dog"}, {"at": 1, "source": 0}]}},
        {"task": "recut", "sources": [film], "how": {"pieces": [{"source": 0}, {"source": 0}]}},
    ]  # fmt: skip
    answers = [post(server, "/videos", ask) for ask in asks]
    assert [status for status, _ in answers] == [200] * len(asks), answers
    done = [ended(server, video["id"]) for _, video in answers]
    assert [(video["task"], video["status"]) for video in done] == [(ask["task"], "completed") for ask in asks]
    assert done[1]["seconds"] == "1" and done[4]["seconds"] == "1.5"


def test_no_path_of_the_server_gets_into_a_film(server: Server, tmp_path: Path):
    from kinema.media import read_about

    video = made(server, task="remix", sources=[{"id": made(server)["id"]}])
    path = tmp_path / "film.mp4"
    path.write_bytes(server.ask("GET", f"/v1/videos/{video['id']}/content")[2])
    about = read_about(path)
    assert about and str(server.home) not in about and '"path":"video_' in about


def test_content_in_parts(server: Server):
    id = made(server)["id"]
    path = f"/v1/videos/{id}/content"
    status, headers, whole = server.ask("GET", path)
    assert (status, headers["content-type"], headers["accept-ranges"]) == (200, "video/mp4", "bytes")
    status, part_headers, part = server.ask("GET", path, Range="bytes=10-19")
    assert (status, part, part_headers["content-range"]) == (206, whole[10:20], f"bytes 10-19/{len(whole)}")
    assert server.ask("GET", path, Range="bytes=-5")[2] == whole[-5:]
    assert server.ask("GET", path, Range=f"bytes={len(whole)}-")[0] == 416
    for known in (headers["etag"], f'"other", W/{headers["etag"]}', "*"):
        assert server.ask("GET", path, If_None_Match=known)[0] == 304
    assert server.ask("GET", path, Range="bytes=9-5")[::2] == (200, whole)
    assert server.ask("GET", path, Range="bytes=0-3", If_Range='"another"')[2] == whole
    status, headers, body = server.ask("HEAD", path)
    assert (status, headers["content-length"], body) == (200, str(len(whole)), b"")


def test_events_tell_all_that_happens_and_go_on_where_they_broke(server: Server):
    id = post(server, "/videos", {"prompt": PROMPT, **LONG, "seconds": "8"})[1]["id"]
    told = list(events(server, id))
    kinds = [kind for _, kind, _ in told]
    assert kinds[:2] == ["queued", "in_progress"] and kinds[-1] == "completed" and "progress" in kinds
    assert told[-1][2]["video"]["status"] == "completed"
    numbers = [number for number, _, _ in told]
    assert numbers == sorted(set(numbers))
    assert list(events(server, id, after=numbers[-2])) == told[-1:]


def test_previews_are_pictures(server: Server):
    id = post(server, "/videos", {"prompt": PROMPT, **LONG, "seconds": "60"})[1]["id"]
    preview = next(data for _, kind, data in events(server, id) if kind == "preview")
    post(server, f"/videos/{id}/cancel", {})
    assert base64.b64decode(preview["image_url"].partition(",")[2])[8:12] == b"WEBP"


def test_a_cancelled_film_keeps_what_was_made(server: Server, tmp_path: Path):
    id = begun(server)
    while get(server, f"/videos/{id}")["progress"] < 45:
        time.sleep(0.02)
    status, video = post(server, f"/videos/{id}/cancel", {})
    assert (status, video["status"]) == (200, "cancelled")
    path = tmp_path / "part.mp4"
    path.write_bytes(server.ask("GET", f"/v1/videos/{id}/content")[2])
    assert 0 < Clip.read(path).seconds < 16
    assert float(video["seconds"]) == Clip.read(path).seconds
    assert server.ask("DELETE", f"/v1/videos/{id}")[0] == 200


def test_a_film_is_cancelled_while_no_step_is_taken(server: Server):
    """All steps are done, and frames are being upscaled."""
    id = post(server, "/videos", {"prompt": PROMPT, "seconds": "4", "size": "1024x1792", "steps": 1})[1]["id"]
    while get(server, f"/videos/{id}")["progress"] < 99:
        time.sleep(0.05)
    post(server, f"/videos/{id}/cancel", {})
    assert ended(server, id)["status"] == "cancelled"


def test_a_queued_film_is_cancelled_at_once_and_has_nothing_to_show(server: Server):
    begun_id = begun(server)
    id = post(server, "/videos", {"prompt": PROMPT, **TINY})[1]["id"]
    assert server.ask("DELETE", f"/v1/videos/{id}")[0] == 400
    assert json.loads(server.ask("GET", f"/v1/videos/{id}/content")[2])["error"]["code"] == "video_not_ready"
    assert post(server, f"/videos/{id}/cancel", {})[1]["status"] == "cancelled"
    assert server.ask("GET", f"/v1/videos/{id}/content")[0] == 404
    post(server, f"/videos/{begun_id}/cancel", {})


def test_a_film_plays_while_it_is_made(server: Server, tmp_path: Path):
    id = begun(server)
    content = f"/v1/videos/{id}/content"
    while server.ask("HEAD", content)[0] == 400:
        time.sleep(0.1)
    part_status, part_headers, part = server.ask("GET", content, Range="bytes=0-99")
    open_status, open_headers, opened = server.ask("GET", content, Range="bytes=50-")
    beyond = server.ask("GET", content, Range="bytes=999999999-")
    status, headers, growing = server.ask("GET", content, Range="bytes=0-")
    path = tmp_path / "growing.mp4"
    path.write_bytes(growing)
    assert ended(server, id)["status"] == "completed"
    assert status == 200 and len(Clip.read(path)) == 16 * 8
    assert (part_status, part, part_headers["content-range"]) == (206, growing[:100], "bytes 0-99/*")
    assert (open_status, opened) == (206, growing[50 : 50 + len(opened)]) and opened
    assert open_headers["content-range"] == f"bytes 50-{49 + len(opened)}/*"
    assert beyond[0] == 416 and "content-range" not in beyond[1]
    assert all(each["etag"].startswith('W/"') for each in (part_headers, open_headers, headers))
    whole = server.ask("GET", content, Range="bytes=0-99", If_Range=headers["etag"])
    assert whole[0] == 200 and not whole[1]["etag"].startswith("W/")  # parts of the two are never put together


def test_a_film_whose_energy_runs_out_says_so(server: Server):
    video = made(server, **LONG, max_energy_wh=1e-5)
    assert (video["status"], video["error"]["code"]) == ("failed", "energy_limit")


class Hook(BaseHTTPRequestHandler):
    """Takes webhooks, after refusing the first."""

    came: list[tuple[dict[str, str], bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.came.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *words: object) -> None:
        pass


def test_a_webhook_is_signed_so_that_the_official_client_believes_it(server: Server):
    came: list[tuple[dict[str, str], bytes]] = []
    listener = ThreadingHTTPServer(("127.0.0.1", 0), type("Mine", (Hook,), {"came": came}))
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none") as client:
        url = f"http://127.0.0.1:{listener.server_port}/hook"
        hook = client.webhooks.create(name="mine", url=url, event_types=["video.completed"])
        id = made(server)["id"]
        until = time.monotonic() + 30
        while not came and time.monotonic() < until:
            time.sleep(0.05)
        headers, body = came[0]
        client.webhooks.verify_signature(body, headers, secret=hook.signing_secret)
        event = json.loads(body)
        assert (event["type"], event["data"]) == ("video.completed", {"id": id})
        assert [each.id for each in client.webhooks.list()] == [hook.id]
        assert client.webhooks.delete(hook.id).deleted
    listener.shutdown()
    listener.server_close()


def bomb() -> bytes:
    """A PNG of a few kilobytes that says it is 60,000 pixels wide and high."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(1 << 20)))
        + chunk(b"IEND", b"")
    )


PICTURE = "input_reference"


def data_url(content: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"


@pytest.mark.parametrize(
    ("fields", "param", "says"),
    [
        ({}, "prompt", "lacks its prompt"),
        ({"prompt": ""}, "prompt", "prompt"),
        ({"prompt": 5}, "prompt", "should be a text"),
        ({"prompt": "a" * 32_001}, "prompt", "at most 32,000"),
        ({"prompt": PROMPT, "seconds": "soon"}, "seconds", "soon"),
        ({"prompt": PROMPT, "seconds": "1e9"}, "seconds", "at most"),
        ({"prompt": PROMPT, "seconds": []}, "seconds", "seconds"),
        ({"prompt": PROMPT, "size": "big"}, "size", "not WIDTHxHEIGHT"),
        ({"prompt": PROMPT, "size": "9999x9999"}, "size", "too large"),
        ({"prompt": PROMPT, "size": "49x33"}, "size", "odd"),
        ({"prompt": PROMPT, "model": "sora-3"}, "model", "there is no model 'sora-3'"),
        ({"prompt": PROMPT, "model": 3}, "model", "model should be"),
        ({"prompt": PROMPT, "n": 10**6}, "n", "too many"),
        ({"prompt": PROMPT, "seed": -1}, "seed", "seed"),
        ({"prompt": PROMPT, "steps": "many"}, "steps", "steps"),
        ({"prompt": PROMPT, "max_energy_wh": 0}, "max_energy_wh", "above 0"),
        ({"prompt": PROMPT, "colour": "red"}, "colour", "has no part 'colour'"),
        ({"prompt": PROMPT, "task": "dream"}, "task", "there is no task 'dream'"),
        ({"prompt": PROMPT, "sources": [{"path": "/etc/passwd"}]}, "sources", "exactly one of"),
        ({"prompt": PROMPT, "input_reference": {"image_url": "data:image/png;base64,!"}}, PICTURE, "base64"),
        ({"prompt": PROMPT, "input_reference": {"image_url": "http://a.example/a.png"}}, PICTURE, "fetches nothing"),
        ({"prompt": PROMPT, "input_reference": {"image_url": data_url(b"MZ nothing")}}, PICTURE, "cannot be read"),
        ({"prompt": PROMPT, "input_reference": {"image_url": data_url(bomb())}}, PICTURE, "more pixels"),
        ({"prompt": PROMPT, "characters": [{"id": "char_1"}] * 3}, "characters", "at most 2"),
        ({"prompt": PROMPT, "fps": 1000}, "fps", "too many"),
        ({"prompt": PROMPT, "steps": 10**6}, "steps", "too many"),
        ({"prompt": PROMPT, "task": "remix"}, "sources", "takes one film"),
        ({"task": "storyboard", "how": {"cards": [{"at": 0}]}}, "cards", "a card has"),
        ({"task": "storyboard", "how": {"order": 1}}, "cards", "lacks its cards"),
    ],
)  # fmt: skip
def test_each_wrong_field_is_named(server: Server, fields: dict[str, object], param: str | None, says: str):
    status, answer = post(server, "/videos", fields)
    error = answer["error"]
    assert status == 400 and says in error["message"] and error["param"] == param, answer
    assert set(error) == {"message", "type", "param", "code"} and "\n" not in error["message"]
    assert str(server.home) not in error["message"] and "Traceback" not in error["message"]


def written(folder: Path, size: tuple[int, int], about: str | None = None) -> dict[str, str]:
    """A short grey film of that size as a source, which says that of its making."""
    from kinema.media import write

    path = folder / "film.mp4"
    write([Clip(np.full((4, size[1], size[0], 3), 90, np.uint8), Fraction(8))], path, about=about)
    return {"url": f"data:video/mp4;base64,{base64.b64encode(path.read_bytes()).decode()}"}


def test_what_only_shows_in_a_source_is_refused_at_once(server: Server, tmp_path: Path):
    film = written(tmp_path, (48, 32), Recipe(prompt="Darth Vader fights Batman").canonical().decode())
    odd = written(tmp_path, (64, 32))
    asks: list[tuple[dict[str, object], str, str]] = [
        ({"task": "remix", "video": film}, "video", "moderation_blocked"),
        ({"task": "fill", "prompt": PROMPT, "video": film, "mask": odd}, "mask", "invalid_value"),
        ({"prompt": PROMPT, "input_reference": {"file_id": "file_1"}}, "input_reference", "not_found"),
    ]
    for fields, param, code in asks:
        status, answer = post(server, "/videos", fields)
        error = answer["error"]
        assert (error["param"], error["code"]) == (param, code) and status in (400, 404), answer


def test_what_a_mask_marks_is_invented(server: Server, tmp_path: Path):
    mask = np.zeros((32, 48, 3), np.uint8)
    mask[:, 30:] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    marked = {"url": data_url((tmp_path / "mask.png").read_bytes())}
    video = made(server, task="fill", video=written(tmp_path, (48, 32)), mask=marked, seconds=None, size=None)
    assert (video["status"], video["size"]) == ("completed", "48x32"), video


@pytest.mark.parametrize(
    ("body", "kind", "expected"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"seed": NaN}', "application/json", 400),
        (b"[" * 5000, "application/json", 400),
        (b'{"prompt": "\xff"}', "application/json", 400),
        (b'{"prompt": "\\ud800"}', "application/json", 400),
        (b"<prompt/>", "application/xml", 415),
        (b"nothing", "multipart/form-data", 400),
        (b"--x\r\nbroken", "multipart/form-data; boundary=x", 400),
        (b"a[[]=1", "application/x-www-form-urlencoded", 400),
        (b"prompt=a&prompt=b", "application/x-www-form-urlencoded", 400),
    ],
)
def test_bodies_of_every_wrong_kind(server: Server, body: bytes, kind: str, expected: int):
    status, answer = post(server, "/videos", body, Content_Type=kind)
    assert status == expected and answer["error"]["message"], answer


def test_what_is_not_there_is_said_in_the_envelope(server: Server):
    for method, path in (("GET", "/v1/nothing"), ("GET", "/v1/videos/video_1"), ("PUT", "/v1/videos")):
        status, headers, body = server.ask(method, path)
        assert status in (404, 405) and json.loads(body)["error"]["message"]
        assert status == 404 or headers["allow"] == "GET, POST"
        assert headers["x-content-type-options"] == "nosniff" and headers["x-request-id"]
    for query in ("limit=101", "limit=-1", "order=up", "after=video_1"):
        status, _, body = server.ask("GET", f"/v1/videos?{query}")
        assert status in (400, 404) and json.loads(body)["error"]["message"]


def test_figures_count_what_happened(server: Server):
    made(server)
    post(server, "/videos", {"prompt": "Darth Vader fights Batman"})
    lines = server.ask("GET", "/metrics")[2].decode().splitlines()
    figures = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    assert float(figures['kinema_films{status="completed"}']) >= 1
    assert float(figures['kinema_refusals_total{category="ip"}']) >= 1
    assert float(figures["kinema_energy_wh_total"]) > 0


def test_the_openapi_document_holds_every_address_with_an_example(server: Server):
    document = json.loads(server.ask("GET", "/openapi.json")[2])
    contract = ["/v1/videos", "/v1/videos/{video_id}", "/v1/videos/{video_id}/content", "/v1/videos/edits"]
    contract += ["/v1/videos/extensions", "/v1/videos/{video_id}/remix", "/v1/videos/characters", "/v1/models"]
    contract += ["/v1/videos/{video_id}/cancel", "/v1/videos/{video_id}/events", "/v1/content_provenance_checks"]
    assert set(contract) <= set(document["paths"])
    assert "example" in document["paths"]["/v1/videos"]["post"]["requestBody"]["content"]["application/json"]
