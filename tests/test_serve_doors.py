"""Who may come in and what may be brought: keys, limits, uploads, addresses."""

import json
import socket
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from kinema.errors import ClipError, RecipeError
from kinema.serve.address import fetch, judge
from kinema.serve.doors import is_loopback
from kinema.serve.probe import Probe, probe
from tests.serving import PROMPT, ROOT, TINY, Server, running

BODY = json.dumps({"prompt": PROMPT, **TINY}).encode()
JSON = {"Content_Type": "application/json"}


@pytest.fixture(scope="module")
def locked(tiny_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that asks for keys, takes a megabyte at most, and makes nothing."""
    home = tmp_path_factory.mktemp("locked")
    with running(home, tiny_weights, "--keys", "--workers", "0", MAX_UPLOAD_MB="1") as server:
        yield server


def new_key(server: Server, *options: str) -> dict[str, str]:
    """The headers of a new key."""
    made = json.loads(server.kinema("keys", "create", "somebody", "--json", *options))
    return {"Authorization": f"Bearer {made['key']}", "_id": made["id"]}


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


def test_scopes_limits_and_revoking(locked: Server):
    reader = new_key(locked, "--scope", "read")
    assert ask(locked, reader, "GET", "/v1/videos")[0] == 200
    assert ask(locked, reader, "POST", "/v1/videos", BODY)[0] == 403
    assert ask(locked, reader, "GET", "/metrics")[0] == 403
    few = new_key(locked, "--at-once", "1")
    assert ask(locked, few, "POST", "/v1/videos", BODY)[0] == 200
    status, answer = ask(locked, few, "POST", "/v1/videos", BODY)
    assert status == 429 and int(answer["_headers"]["retry-after"]) > 0
    locked.kinema("keys", "revoke", few["_id"])
    assert ask(locked, few, "GET", "/v1/videos")[0] == 401
    assert few["_id"] in locked.kinema("keys", "list") and "revoked" in locked.kinema("keys", "list")


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


def test_serving_others_without_keys_is_refused():
    code = "import sys; from kinema.cli import main; main(['serve', '--host', '0.0.0.0', '--no-keys'])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2 and "this machine alone" in done.stderr


def test_a_port_that_is_taken_is_named(locked: Server):
    port = locked.url.rpartition(":")[2]
    code = f"from kinema.cli import main; main(['serve', '--port', '{port}'])"
    done = subprocess.run(
        [sys.executable, "-c", code], env=locked.environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1 and f"127.0.0.1:{port} cannot be listened on" in done.stderr


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
    from PIL import Image

    Image.new("RGB", (48, 32)).save(tmp_path / "picture", "PNG")
    assert probe(tmp_path / "picture") == Probe(48, 32, 1, "1", ".png")
    (tmp_path / "nothing").write_bytes(b"MZ" + zlib.compress(b"x" * 1000))
    with pytest.raises(ClipError, match="nothing cannot be read") as raised:
        probe(tmp_path / "nothing")
    assert str(tmp_path) not in str(raised.value)
    Image.new("RGB", (4000, 100)).save(tmp_path / "wide", "PNG")
    monkeypatch.setenv("KINEMA_MAX_FILE_SIDE_PX", "1000")
    with pytest.raises(ClipError, match="at most 1000"):
        probe(tmp_path / "wide")
