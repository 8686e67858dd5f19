"""Who may come in: API keys and their scopes; without keys only this machine itself, and no web page on it.

Around every answer lies the guard: a bound on what a request may send, security headers, an id for the log.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kinema.serve import keys
from kinema.serve.keys import Key
from kinema.settings import read_settings
from kinema.wire import WireError

_log = logging.getLogger("kinema.api")
SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach that host."""
    name = host.strip("[]").lower()
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def allowed(scope: str) -> Any:
    """A dependency that gives the asker's Key. Raises WireError 401 without one, 403 where it lacks the scope."""

    async def find(request: Request) -> Key:
        key = request.app.state.local or await run_in_threadpool(_key_of, request)
        if scope not in key.scopes:
            said = f"this key may not do that; it lacks the scope '{scope}'"
            raise WireError(403, said, code="insufficient_permissions")
        return key

    return Depends(find)


def _key_of(request: Request) -> Key:
    state = request.app.state
    if state.open:
        state.local = keys.local(state.store)  # never revoked, so found once
        return state.local
    kind, _, secret = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not secret.strip():
        said = "an API key is needed: Authorization: Bearer sk-kinema-…; the operator makes one with kinema keys create"
        raise WireError(401, said, code="missing_api_key")
    key = keys.find(state.store, secret.strip()[:200])
    if key is None:
        raise WireError(401, "this API key opens nothing: it is wrong or revoked", code="invalid_api_key")
    return key


class Guard:
    """Every request and answer passes here. `open` is a server without keys: it answers to this machine alone."""

    def __init__(self, app: ASGIApp, *, most_bytes: int, open: bool) -> None:
        self._app, self._most_bytes, self._open = app, most_bytes, open

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        id, begun = f"req_{secrets.token_hex(12)}", False

        async def answered(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY.items():
                    headers.setdefault(name, value)
                headers["x-request-id"] = id
            await send(message)

        error = self._refusal(Headers(scope=scope))
        if error:
            close = {"Connection": "close"} if error.status == 413 else {}
            await JSONResponse(error.body, error.status, close)(scope, receive, answered)
            return
        try:
            await self._app(scope, _bounded(receive, self._most_bytes), answered)
        except Exception:  # a bug of ours: the log says where, and whoever asked learns no more than that
            _log.exception("%s: %s %s broke", id, scope["method"], scope["path"])
            if begun:
                raise
            broken = WireError(500, f"the server broke on this request ({id})", code="server_error")
            await JSONResponse(broken.body, 500)(scope, receive, answered)

    def _refusal(self, headers: Headers) -> WireError | None:
        length = headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit() or int(length) > self._most_bytes:
            return too_large(self._most_bytes)
        if not self._open:
            return None
        host = headers.get("host", "")
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        origin = headers.get("origin")
        if not is_loopback(name) or (origin is not None and origin.partition("://")[2] != host):
            said = "this server has no keys and answers to this machine alone, not to web pages or other names"
            return WireError(403, said, code="foreign_origin")
        return None


def _bounded(receive: Receive, most_bytes: int) -> Callable[[], Awaitable[Message]]:
    """The same messages. Raises WireError 413 as soon as they hold more, 408 where the next does not come in time."""
    came, is_whole, patience = 0, False, read_settings().max_silence_seconds

    async def bounded() -> Message:
        nonlocal came, is_whole
        if is_whole:
            return await receive()  # waits for the client to go
        try:
            message = await asyncio.wait_for(receive(), patience)
        except TimeoutError:
            raise too_slow() from None
        is_whole = not message.get("more_body", False)
        came += len(message.get("body", b""))
        if came > most_bytes:
            raise too_large(most_bytes)
        return message

    return bounded


def too_slow() -> WireError:
    """What a request is told that does not come."""
    return WireError(408, "the request came too slowly; send it again", code="request_timeout")


def too_large(most_bytes: int) -> WireError:
    """What a request is told that sends too much."""
    return WireError(413, f"at most {most_bytes / 1e6:g} MB are taken in one request", code="request_too_large")
