"""A server of the Videos API that is none of ours, in a process of its own: as strict, as poor or as faulty as asked.

    python tests/other_server.py '{"sizes": ["1280x720"], "known": ["prompt", "size", "seconds"]}'

It says its port and serves until it is killed. Films are plain grey, at eight frames a second.
"""

from __future__ import annotations

import email
import json
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

ROOT = Path(__file__).parent.parent
HABITS: dict[str, Any] = {
    "sizes": None,  # those it makes; any where None
    "seconds": None,
    "known": None,  # fields that it takes; all where None
    "makes": None,  # the size of its films, whatever was asked for
    "lacks": 0,  # seconds that its films are shorter
    "json": True,
    "form": True,
    "progress": [0, 50],
    "fails": None,  # how films end otherwise than well
    "busy": 0,  # so many first requests are answered with 503
    "breaks": 0,  # bytes after which the first download breaks
    "key": None,
    "stops": False,  # whether there is a cancel
    "events": [],  # kind and data of each; a connection has two, and breaks
}


class Other(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    habits: ClassVar[dict[str, Any]] = {}
    films: ClassVar[dict[str, dict[str, Any]]] = {}
    log: ClassVar[list[str]] = []
    lock = threading.Lock()

    def do_GET(self) -> None:
        if self._turned_away():
            return
        parts = self.path.partition("?")[0].strip("/").split("/")
        if parts == ["log"]:
            return self._json(200, {"log": self.log})
        if parts[:2] != ["v1", "videos"] or len(parts) < 3 or parts[2] not in self.films:
            return self._error(404, "there is nothing")
        film = self.films[parts[2]]
        if len(parts) == 3:
            return self._json(200, self._polled(film))
        if parts[3] == "content":
            return self._content(film)
        if parts[3] == "events" and self.habits["events"]:
            return self._events()
        return self._error(404, "there is nothing")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self._turned_away():
            return
        parts = self.path.strip("/").split("/")
        if parts == ["v1", "videos"]:
            return self._create(body)
        if parts[-1] == "cancel" and self.habits["stops"] and parts[2] in self.films:
            self.films[parts[2]]["status"] = "cancelled"
            return self._json(200, self.films[parts[2]])
        return self._error(404, "there is nothing")

    def do_DELETE(self) -> None:
        self._error(405, "nothing is deleted")

    def _create(self, body: bytes) -> None:
        is_form = self.headers.get("content-type", "").startswith("multipart/")
        if not self.habits["form" if is_form else "json"]:
            return self._json(422, {"detail": "unreadable"})
        fields = self._form(body) if is_form else json.loads(body)
        with self.lock:
            self.log.append(json.dumps({"form": is_form, **fields}, sort_keys=True))
        for name in fields:
            if self.habits["known"] is not None and name not in self.habits["known"]:
                return self._error(400, f"Unknown parameter: '{name}'.", name)
        for name, allowed in (("size", self.habits["sizes"]), ("seconds", self.habits["seconds"])):
            if allowed is not None and str(fields.get(name)) not in allowed:
                return self._error(400, f"{name} must be one of {', '.join(allowed)}", name)
        id = f"video_{len(self.films)}"
        told = {"model": fields.get("model", "grey"), "size": fields["size"], "seconds": str(fields["seconds"])}
        self.films[id] = {"id": id, "object": "video", "status": "queued", "progress": 0, "created_at": 1, **told}
        self._json(200, self.films[id])

    def _form(self, body: bytes) -> dict[str, str]:
        head = f"Content-Type: {self.headers['content-type']}\r\n\r\n".encode()
        fields = {}
        for part in email.message_from_bytes(head + body).get_payload():
            name = part.get_param("name", header="content-disposition")
            data = part.get_payload(decode=True)
            fields[name] = f"{len(data)} bytes" if part.get_filename() else data.decode()
        return fields

    def _polled(self, film: dict[str, Any]) -> dict[str, Any]:
        with self.lock:
            asked = film.setdefault("asked", 0)
            film["asked"] += 1
        if film["status"] in ("queued", "in_progress"):
            left = self.habits["progress"][asked:]
            ends = {"status": "failed", "error": self.habits["fails"]} if self.habits["fails"] else {}
            film |= {"status": "in_progress", "progress": left[0]} if left else {"status": "completed", "progress": 100}
            film |= {} if left else ends
        return film

    def _content(self, film: dict[str, Any]) -> None:
        data = grey(self.habits["makes"] or film["size"], float(film["seconds"]) - self.habits["lacks"])
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("range", ""))
        start = int(asked.group(1)) if asked else 0
        self.send_response(206 if start else 200)
        self.send_header("content-type", "video/mp4")
        self.send_header("etag", '"grey"')
        self.send_header("content-length", str(len(data) - start))
        self.end_headers()
        with self.lock:
            breaks, self.habits["breaks"] = self.habits["breaks"], 0
            self.log.append(f"content from {start}")
        self.wfile.write(data[start : start + breaks] if breaks else data[start:])
        self.close_connection = bool(breaks)

    def _events(self) -> None:
        heard = int(self.headers.get("last-event-id", 0))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        with self.lock:
            self.log.append(f"events after {heard}")
        for number, (kind, data) in list(enumerate(self.habits["events"], 1))[heard : heard + 2]:
            self.wfile.write(f"id: {number}\nevent: {kind}\ndata: {json.dumps(data)}\n\n".encode())
        self.close_connection = True

    def _turned_away(self) -> bool:
        with self.lock:
            busy = self.habits["busy"] > 0
            self.habits["busy"] -= busy
        if busy:
            self._json(
                503, {"error": {"message": "busy", "type": "x", "param": None, "code": "busy"}}, ("retry-after", "0")
            )
        elif self.habits["key"] and self.headers.get("authorization") != f"Bearer {self.habits['key']}":
            self._error(401, "wrong key")
            return True
        return busy

    def _error(self, status: int, message: str, param: str | None = None) -> None:
        self._json(status, {"error": {"message": message, "type": "invalid", "param": param, "code": "invalid"}})

    def _json(self, status: int, whole: dict[str, Any], *headers: tuple[str, str]) -> None:
        data = json.dumps(whole).encode()
        self.send_response(status)
        for name, value in (("content-type", "application/json"), ("content-length", str(len(data))), *headers):
            self.send_header(name, value)
        self.send_header("openai-poll-after-ms", "50")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def grey(size: str, seconds: float) -> bytes:
    """The bytes of a grey film, eight frames a second."""
    import numpy as np

    from kinema.clip import Clip
    from kinema.media import write

    width, height = map(int, size.split("x"))
    frames = np.full((max(1, round(8 * seconds)), height, width, 3), 128, np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        write(iter([Clip(frames, Fraction(8))]), path)
        return path.read_bytes()


@contextmanager
def other(**habits: Any) -> Iterator[str]:
    """The address of such a server."""
    command = [sys.executable, __file__, json.dumps(habits)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    Other.habits = HABITS | json.loads(sys.argv[1])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Other)
    print(server.server_port, flush=True)
    server.serve_forever()
