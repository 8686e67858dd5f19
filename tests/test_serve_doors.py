"""Who may come in and what may be brought: keys, limits, uploads, addresses."""

import base64
import json
import socket
import threading
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kinema.cli import run
from kinema.errors import ClipError, RecipeError
from kinema.serve import keys
from kinema.serve.address import fetch, judge
from kinema.serve.doors import is_loopback
from kinema.serve.probe import Probe, probe
from kinema.serve.store import open_store
from kinema.settings import Settings
from tests.serving import PROMPT, TINY, Server, running

BODY = json.dumps({"prompt": PROMPT, **TINY}).encode()
JSON = {"Content_Type": "application/json"}


@pytest.fixture(scope="module")
def locked(tiny_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that asks for keys, looks at uploads, takes a megabyte at most, and makes nothing."""
    home = tmp_path_factory.mktemp("locked")
    settings = {"MAX_UPLOAD_MB": "1", "MAX_SILENCE_SECONDS": "2", "REVIEW": "sampled"}
    with running(home, tiny_weights, "--keys", "--workers", "0", **settings) as server:
        yield server
        open_store(Settings(home=home)).close()


def new_key(server: Server, **limits: object) -> dict[str, str]:
    """The headers of a new key."""
    key, secret = keys.create(open_store(Settings(home=server.home)), "somebody", **limits)
    return {"Authorization": f"Bearer {secret}", "_id": key.id}


def ask(server: Server, key: dict[str, str], method: str, path: str, body: bytes | None = None) -> tuple[int, dict]:
    headers = {name: value for name, value in key.items() if name != "_id"} | (JSON if body else {})
    status, told, answer = server.ask(method, path, body, **headers)
    return status, json.loads(answer) | {"_headers": told} if answer.startswith(b"{") else {"_headers": told}


def test_without_a_key_nothing_opens_but_health(locked: Server):
    for path in ("/v1/videos", "/v1/models", "/metrics", "/v1/webhook_endpoints"):
        status, answer = ask(locked, {}, "GET", path)
        assert status == 401 and answer["_headers"]["www-authenticate"] == "Bearer"
        assert ask(locked, {"Authorization": "Bearer sk-kinema-wrong"}, "GET", path)[0] == 401
    assert ask(locked, {}, "GET", "/healthz")[0] == 200


def test_a_key_sees_its_own_films_alone(locked: Server):
    mine, other = new_key(locked), new_key(locked)
    status, video = ask(locked, mine, "POST", "/v1/videos", BODY)
    assert status == 200
    for method, path in (
        ("GET", ""), ("DELETE", ""), ("GET", "/content"), ("GET", "/events"), ("POST", "/cancel"), ("POST", "/remix"),
    ):  # fmt: skip
        body = BODY if path == "/remix" else b"{}" if method == "POST" else None
        if path == "/remix":
            body = json.dumps({"prompt": PROMPT}).encode()
        status, answer = ask(locked, other, method, f"/v1/videos/{video['id']}{path}", body)
        assert (status, answer["error"]["code"]) == (404, "not_found"), (method, path)
    assert ask(locked, other, "GET", "/v1/videos")[1]["data"] == []
    extend = json.dumps({"prompt": PROMPT, "seconds": "4", "video": {"id": video["id"]}}).encode()
    assert ask(locked, other, "POST", "/v1/videos/extensions", extend)[0] == 404
    assert ask(locked, mine, "GET", f"/v1/videos/{video['id']}")[0] == 200


def test_scopes_limits_and_revoking(
    locked: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    reader = new_key(locked, scopes=["read"])
    assert ask(locked, reader, "GET", "/v1/videos")[0] == 200
    assert ask(locked, reader, "POST", "/v1/videos", BODY)[0] == 403
    assert ask(locked, reader, "GET", "/metrics")[0] == 403
    monkeypatch.setenv("KINEMA_HOME", str(locked.home))
    assert run(["keys", "create", "somebody", "--json", "--at-once", "1"]) == 0
    made = json.loads(capsys.readouterr().out)
    few = {"Authorization": f"Bearer {made['key']}", "_id": made["id"]}
    assert ask(locked, few, "POST", "/v1/videos", BODY)[0] == 200
    status, answer = ask(locked, few, "POST", "/v1/videos", BODY)
    assert status == 429 and int(answer["_headers"]["retry-after"]) > 0
    assert run(["keys", "revoke", few["_id"]]) == 0
    assert ask(locked, few, "GET", "/v1/videos")[0] == 401
    capsys.readouterr()
    assert run(["keys", "list"]) == 0
    listed = capsys.readouterr().out
    assert few["_id"] in listed and "revoked" in listed


def uploads_of(server: Server) -> list[str]:
    """The names of all that was brought and is kept."""
    return [path.name for path in (server.home / "serve" / "films").rglob("*") if path.is_file()]


def test_what_the_review_blocks_is_refused_when_it_is_brought(locked: Server):
    from matplotlib import get_data_path

    key, before = new_key(locked), uploads_of(locked)
    face = (Path(get_data_path()) / "sample_data" / "grace_hopper.jpg").read_bytes()
    data = f"data:image/jpeg;base64,{base64.b64encode(face).decode()}"
    begun = json.dumps({"prompt": PROMPT, "input_reference": {"image_url": data}}).encode()
    status, answer = ask(locked, key, "POST", "/v1/videos", begun)
    error = answer["error"]
    assert (status, error["code"], error["param"]) == (400, "moderation_blocked", "input_reference"), answer
    assert "frame 0 of input_reference" in error["message"] and "(consent)" in error["message"]
    assert uploads_of(locked) == before and ask(locked, key, "GET", "/v1/videos")[1]["data"] == []
    consent = {"file": {"url": data}, "purpose": "vision", "consent": "she says so"}
    status, file = ask(locked, key, "POST", "/v1/files", json.dumps(consent).encode())
    assert status == 200
    start = json.dumps({"prompt": PROMPT, **TINY, "input_reference": {"file_id": file["id"]}}).encode()
    assert ask(locked, key, "POST", "/v1/videos", start)[0] == 200
    assert ask(locked, key, "DELETE", f"/v1/files/{file['id']}")[0] == 200 and uploads_of(locked) == before


def test_a_key_sees_its_own_files_and_characters_alone(locked: Server):
    mine, other = new_key(locked), new_key(locked)
    grey = picture(np.full((32, 48, 3), 90, np.uint8))
    kept = {"file": {"url": grey}, "purpose": "vision"}
    file = ask(locked, mine, "POST", "/v1/files", json.dumps(kept).encode())[1]["id"]
    named = {"name": "Rex", "video": {"file_id": file}}
    character = ask(locked, mine, "POST", "/v1/videos/characters", json.dumps(named).encode())[1]["id"]
    for method, path in (
        ("GET", f"files/{file}"), ("GET", f"files/{file}/content"), ("DELETE", f"files/{file}"),
        ("GET", f"videos/characters/{character}"), ("DELETE", f"videos/characters/{character}"),
    ):  # fmt: skip
        assert ask(locked, other, method, f"/v1/{path}")[0] == 404, path
    assert ask(locked, other, "GET", "/v1/files")[1]["data"] == []
    for part in ({"input_reference": {"file_id": file}}, {"characters": [{"id": character}]}):
        body = json.dumps({"prompt": "Rex jumps", **part}).encode()
        status, answer = ask(locked, other, "POST", "/v1/videos", body)
        assert (status, answer["error"]["param"]) == (404, next(iter(part)))
    for path in (f"files/{file}", f"videos/characters/{character}"):
        assert ask(locked, mine, "GET", f"/v1/{path}")[0] == 200
        assert ask(locked, mine, "DELETE", f"/v1/{path}")[0] == 200
        assert ask(locked, mine, "GET", f"/v1/{path}")[0] == 404
    assert not uploads_of(locked)


def picture(pixels: np.ndarray) -> str:
    """A data: URL of a PNG."""
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def raw(server: Server, head: str, *parts: bytes) -> bytes:
    """What the server answers to a request that no client would send."""
    host, _, port = server.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), 30) as connection:
        connection.sendall(head.replace("\n", "\r\n").encode())
        try:
            for part in parts:
                connection.sendall(part)
        except OSError:  # cut off, which is what is asked for
            pass
        connection.settimeout(30)
        answer = b""
        try:
            while part := connection.recv(65536):
                answer += part
        except OSError:
            pass
        return answer


def test_a_large_upload_is_cut_off_before_it_came(locked: Server):
    head = f"POST /v1/videos HTTP/1.1\nHost: {locked.url[7:]}\nContent-Type: application/json\n"
    answer = raw(locked, head + "Content-Length: 5000000000\n\n")
    assert b" 413 " in answer.splitlines()[0] and b"request_too_large" in answer


def test_a_stream_that_never_ends_is_cut_off(locked: Server):
    key = new_key(locked)["Authorization"]
    head = f"POST /v1/videos HTTP/1.1\nHost: {locked.url[7:]}\nAuthorization: {key}\nTransfer-Encoding: chunked\n"
    chunk = b"40000\r\n" + b"x" * 0x40000 + b"\r\n"
    head += "Connection: close\nContent-Type: multipart/form-data; boundary=b\n\n"
    begin = b'--b\r\nContent-Disposition: form-data; name="video"; filename="a"\r\n\r\n'
    answer = raw(locked, head, b"%x\r\n%s\r\n" % (len(begin), begin), *[chunk] * 40)
    assert answer == b"" or b" 413 " in answer.splitlines()[0]  # empty where the connection broke while it was sending
    assert ask(locked, {}, "GET", "/healthz")[0] == 200


def test_a_head_that_does_not_end_is_not_waited_for(locked: Server):
    """A connection that stays silent, one with half a head, and one with half a second head are closed."""
    host = locked.url.removeprefix("http://")
    half = "GET /healthz HTTP/1.1\nHost: "
    heads = ["", half, f"{half}{host}\n\n{half}"]
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda head: raw(locked, head), heads))
    assert [answer.count(b"HTTP/1.1") for answer in answers] == [0, 0, 1]
    assert ask(locked, {}, "GET", "/healthz")[0] == 200


def test_a_body_that_does_not_come_is_not_waited_for(locked: Server):
    key = new_key(locked)["Authorization"]
    head = f"POST /v1/videos HTTP/1.1\nHost: {locked.url[7:]}\nAuthorization: {key}\nContent-Type: application/json\n"
    lengths = ("Content-Length: 100", "Transfer-Encoding: chunked")
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda length: raw(locked, f"{head}{length}\n\n", b'5\r\n{"pro'), lengths))
    for answer in answers:
        assert b" 408 " in answer.splitlines()[0] and b"request_timeout" in answer and b"connection: close" in answer


def test_a_webhook_of_a_private_address_is_refused(locked: Server):
    key = new_key(locked)
    for url in ("http://127.0.0.1:9/", "http://[::1]/", "http://169.254.169.254/latest", "ftp://example.org/", "x"):
        status, answer = ask(locked, key, "POST", "/v1/webhook_endpoints", json.dumps({"url": url}).encode())
        assert status == 400, (url, answer)


def test_serving_others_without_keys_is_refused(capsys: pytest.CaptureFixture[str]):
    assert run(["serve", "--host", "0.0.0.0", "--no-keys"]) == 2
    assert "this machine alone" in capsys.readouterr().err


def test_a_port_that_is_taken_is_named(
    locked: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("KINEMA_HOME", str(locked.home))
    port = locked.url.rpartition(":")[2]
    assert run(["serve", "--port", port]) == 1
    assert f"127.0.0.1:{port} cannot be listened on" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("localhost", True), ("[::1]", True), ("0.0.0.0", False), ("127.0.0.1.example", False)],
)
def test_loopback(host: str, expected: bool):
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "http://localhost:80/", "http://10.0.0.1/", "http://192.168.1.1/", "http://[::1]/",
        "http://169.254.169.254/latest/meta-data", "http://[::ffff:127.0.0.1]/", "http://0.0.0.0/", "http://2130706433/",
        "http://0x7f.1/", "http://[fe80::1]/", "http://[2002:7f00:1::]/", "file:///etc/passwd", "http://", "http://a:b@c/",
        "gopher://127.0.0.1/", "http://127.0.0.1:99999/", "http://exa mple/", "http:///x",
    ],
)  # fmt: skip
def test_no_private_address_is_spoken_to(url: str):
    with pytest.raises(RecipeError):
        judge(url, allow_private=False)


def test_a_public_address_is_and_keeps_its_name():
    address = judge("https://93.184.215.14:8443/a?b=c", allow_private=False)
    assert (address.ip, address.port, address.path) == ("93.184.215.14", 8443, "/a?b=c")


@contextmanager
def pages(answers: dict[str, tuple[int, dict[str, str], bytes]]) -> Iterator[str]:
    """A web server with these pages; its address."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = answers[self.path]
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words: object) -> None:
            pass

    served = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=served.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{served.server_port}"
    served.shutdown()
    thread.join()
    served.server_close()


def test_fetching_follows_redirects_and_judges_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KINEMA_FETCH", "on")
    answers = {
        "/a": (302, {"Location": "/b"}, b""),
        "/b": (200, {}, b"picture"),
        "/large": (200, {}, b"x" * 100_000),
        "/round": (302, {"Location": "/round"}, b""),
        "/away": (302, {"Location": "file:///etc/passwd"}, b""),
        "/gone": (404, {}, b""),
    }
    with pages(answers) as url:
        with pytest.raises(RecipeError, match="private address"):
            fetch(f"{url}/a", tmp_path / "x", 1000)
        monkeypatch.setenv("KINEMA_PRIVATE_ADDRESSES", "on")
        fetch(f"{url}/a", tmp_path / "x", 1000)
        assert (tmp_path / "x").read_bytes() == b"picture"
        for path, says in (("/large", "too large"), ("/round", "leads on"), ("/away", "of no use"), ("/gone", "404")):
            with pytest.raises(RecipeError, match=says):
                fetch(url + path, tmp_path / "x", 1000)


def test_strangers_files_are_looked_at_in_a_bounded_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    Image.new("RGB", (48, 32)).save(tmp_path / "picture", "PNG")
    assert probe(tmp_path / "picture", review="off") == Probe(48, 32, 1, "1", ".png")
    (tmp_path / "nothing").write_bytes(b"MZ" + zlib.compress(b"x" * 1000))
    with pytest.raises(ClipError, match="nothing cannot be read") as raised:
        probe(tmp_path / "nothing", review="off")
    assert str(tmp_path) not in str(raised.value)
    Image.new("RGB", (4000, 100)).save(tmp_path / "wide", "PNG")
    monkeypatch.setenv("KINEMA_MAX_FILE_SIDE_PX", "1000")
    with pytest.raises(ClipError, match="at most 1000"):
        probe(tmp_path / "wide", review="off")
