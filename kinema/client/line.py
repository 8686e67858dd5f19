"""The line to a server: one request, one answer, tried again where trying again may help.

A request that makes something has an Idempotency-Key, so that a broken connection makes no second film. Redirects are
not followed: a key is shown to the address that a person gave, and to no other.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.parse import urlsplit

import urllib3

from kinema.client.answers import error_of
from kinema.client.bodies import Body
from kinema.errors import ClipError, OutputError, RecipeError, RemoteError
from kinema.settings import read_settings

CONNECT_SECONDS, READ_SECONDS = 10.0, 60.0
PATIENCE_SECONDS = 120.0
"""How long a server that was there before may be away, or may say that it is busy."""
FIRST_TRIES = 3
"""So often is an address tried that has not answered yet: it may be mistyped."""
BUSY = (429, 502, 503, 504)
MOST_ANSWER_BYTES = 64 << 20
PART_BYTES = 1 << 16


def base_url(text: str) -> str:
    """The address as the official client takes it, with /v1 at its end. Raises RecipeError for none."""
    try:
        parts = urlsplit(text.strip())
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        known = False
    if not known:
        raise RecipeError(f"'{text[:80]}' is no address of a server; one looks like http://localhost:8000")
    if parts.username or parts.password:
        raise RecipeError("a server's address holds no key; give it with --api-key or KINEMA_API_KEY")
    path = parts.path.rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path}{'' if re.search(r'/v[0-9]+$', path) else '/v1'}"


@dataclass(eq=False)
class Line:
    """A server by its address; `api_key` is shown to it with every request."""

    url: str
    api_key: str | None = field(default=None, repr=False)
    is_known: bool = field(default=False, init=False)
    """Whether it has answered before."""

    def __post_init__(self) -> None:
        self.url = base_url(self.url)
        timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS)
        self._pool = urllib3.PoolManager(timeout=timeout, retries=False)

    @property
    def host(self) -> str:
        """The server's name and port, for people."""
        return urlsplit(self.url).netloc

    def ask(self, method: str, path: str, body: Body | None = None) -> dict[str, Any]:
        """The object that the server answers with. Raises RemoteError."""
        return self.heard(method, path, body)[0]

    def heard(self, method: str, path: str, body: Body | None = None) -> tuple[dict[str, Any], float]:
        """The same, and after how many seconds to ask again."""
        headers = {"Accept": "application/json"}
        if body and method == "POST":
            headers["Idempotency-Key"] = secrets.token_hex(16)
        with self.answer(method, path, body=body, headers=headers) as answer:
            said = _body_of(answer, self.host)
            wait = answer.headers.get("openai-poll-after-ms", "")
        try:
            whole = json.loads(said)
        except ValueError:
            whole = None
        if not isinstance(whole, dict):
            raise RemoteError(f"{self.url} is no server of the Videos API: {method} {path} answers no JSON object")
        return whole, float(wait) / 1000 if wait.isascii() and wait.isdigit() else 1.0

    @contextmanager
    def answer(
        self, method: str, path: str, *, body: Body | None = None, headers: Mapping[str, str]
    ) -> Iterator[urllib3.BaseHTTPResponse]:
        """An answer that is no error, its body not yet read. Raises RemoteError where there is none, in its words."""
        answer = self._tried(method, path, body, headers)
        try:
            if answer.status >= 300:
                where = answer.headers.get("location")
                if answer.status < 400 and where:
                    said = (
                        f"{self.url} leads on to {where[:200]}; give that address, so that your key goes nowhere else"
                    )
                    raise RemoteError(said, status=answer.status)
                raise error_of(answer.status, _body_of(answer, self.host), self.host)
            yield answer
        finally:
            answer.close()

    def _tried(self, method: str, path: str, body: Body | None, headers: Mapping[str, str]) -> urllib3.BaseHTTPResponse:
        """The first answer that is not 'busy', or the last one."""
        told = {"User-Agent": "kinema", **headers}
        told |= {"Content-Type": body.kind} if body else {}
        told |= {"Authorization": f"Bearer {self.api_key}"} if self.api_key else {}
        until, tries = monotonic() + PATIENCE_SECONDS, 0
        while True:
            tries += 1
            wait = min(10.0, 0.25 * 2**tries)
            try:
                answer = self._pool.request(
                    method,
                    self.url + path,
                    body=body.data if body else None,
                    headers=told,
                    redirect=False,
                    preload_content=False,
                )
            except urllib3.exceptions.HTTPError as error:
                if monotonic() + wait > until or (not self.is_known and tries >= FIRST_TRIES):
                    raise RemoteError(f"{self.url} cannot be reached: {_reason(error)}") from None
            else:
                self.is_known = True
                if answer.status not in BUSY:
                    return answer
                wait = _retry_after(answer, wait)
                if monotonic() + wait > until:
                    return answer
                answer.drain_conn()
                answer.close()
            sleep(wait)

    def retrieve(self, video_id: str) -> tuple[dict[str, Any], float]:
        """A video, and after how many seconds to ask again. Raises RemoteError."""
        return self.heard("GET", f"/videos/{video_id}")

    def cancel(self, video_id: str) -> dict[str, Any] | None:
        """What is left of a video that is stopped; None where the server cannot stop one, and goes on with it."""
        try:  # by a fresh line: whoever stops does not wait long for a server that has gone away
            return Line(self.url, self.api_key).ask("POST", f"/videos/{video_id}/cancel")
        except RemoteError as error:
            if error.status in (404, 405, 501):
                return None
            raise

    def download(self, video_id: str, path: Path) -> None:
        """The film is in the file, whole, and as its ETag says where that is a SHA-256. Goes on where it was broken.

        Raises RemoteError, ClipError beyond the settings' limit, and OutputError.
        """
        try:
            with path.open("wb") as file:
                fetch = _Fetch(file, int(read_settings().max_file_mb * 1e6))
                for tries in range(FIRST_TRIES):
                    with self.answer("GET", f"/videos/{video_id}/content", headers=fetch.headers) as answer:
                        if fetch.takes(answer):
                            break
                    sleep(0.5 * 2**tries)
                else:
                    raise RemoteError(f"the film {video_id} breaks off at {fetch.came} bytes, again and again")
        except OSError as error:
            raise OutputError(f"{path} cannot be written: {error.strerror}; free or choose another place") from None
        fetch.check(path)


class _Fetch:
    """A download that goes on where it was broken."""

    def __init__(self, file: Any, most_bytes: int) -> None:
        self._file, self._most = file, most_bytes
        self.came, self.tag = 0, ""

    @property
    def headers(self) -> dict[str, str]:
        """What asks for the rest, if some is there already."""
        asked = {"Accept": "video/mp4, */*", "Accept-Encoding": "identity"}
        return asked | ({"Range": f"bytes={self.came}-", "If-Range": self.tag} if self.came and self.tag else {})

    def takes(self, answer: urllib3.BaseHTTPResponse) -> bool:
        """Whether the answer gave all that was left."""
        if answer.status != 206:
            self._file.seek(0)
            self._file.truncate()
            self.came = 0
        self.tag = answer.headers.get("etag", "")
        length = answer.headers.get("content-length", "")
        whole = self.came + int(length) if length.isdigit() else None
        try:
            for part in answer.stream(PART_BYTES, decode_content=False):
                self.came += len(part)
                if self.came > self._most:
                    raise ClipError(f"the film has over {self._most / 1e6:g} MB, which KINEMA_MAX_FILE_MB allows")
                self._file.write(part)
        except urllib3.exceptions.HTTPError:
            return False
        return whole is None or self.came == whole

    def check(self, path: Path) -> None:
        """Raises RemoteError where the file is not what its tag says."""
        tag = self.tag.strip('"')
        if re.fullmatch(r"[0-9a-f]{64}", tag) and sha256(path.read_bytes()).hexdigest() != tag:
            raise RemoteError(f"the film came otherwise than its server has it (SHA-256 {tag[:12]}…); try again")


def _body_of(answer: urllib3.BaseHTTPResponse, host: str) -> bytes:
    try:
        return answer.read(MOST_ANSWER_BYTES)
    except urllib3.exceptions.HTTPError as error:
        raise RemoteError(f"{host} breaks off in the middle of an answer: {_reason(error)}") from None


def _retry_after(answer: urllib3.BaseHTTPResponse, otherwise: float) -> float:
    said = answer.headers.get("retry-after", "")
    return float(said) if said.isascii() and said.isdigit() else otherwise


_REASONS: tuple[tuple[type[Exception], Callable[[Exception], str]], ...] = (
    (urllib3.exceptions.NameResolutionError, lambda error: "no machine has that name"),
    (urllib3.exceptions.ConnectTimeoutError, lambda error: f"it does not answer within {CONNECT_SECONDS:g} seconds"),
    (urllib3.exceptions.ReadTimeoutError, lambda error: f"it says nothing for {READ_SECONDS:g} seconds"),
    (urllib3.exceptions.NewConnectionError, lambda error: "nothing listens there"),
    (urllib3.exceptions.SSLError, lambda error: f"its certificate or encryption is of no use ({error})"),
)


def _reason(error: Exception) -> str:
    """Why there is no answer, in words."""
    named = next((say for kind, say in _REASONS if isinstance(error, kind)), lambda error: type(error).__name__)
    return named(error)
