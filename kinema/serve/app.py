"""The API as one ASGI application: its addresses, its errors, and what runs beside them in each process."""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from threading import Event, Thread
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from kinema import __version__
from kinema.errors import KinemaError
from kinema.serve import files, hooks, jobs
from kinema.serve.creating import THINKING
from kinema.serve.depot import open_depot
from kinema.serve.doors import Guard
from kinema.serve.routes_files import router as brought
from kinema.serve.routes_more import router as more
from kinema.serve.routes_videos import router as videos
from kinema.serve.routes_videos import wipe
from kinema.serve.store import open_store
from kinema.serve.streams import Pulse
from kinema.serve.worker import warm_up
from kinema.settings import read_settings
from kinema.wire import WireError, envelope, envelope_of, kind_of, no_room

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_log = logging.getLogger("kinema.api")


def create_app(*, open: bool, review: str) -> FastAPI:
    """The application; `open` is one without keys, for this machine alone; `review` says how uploads are looked at.

    Raises ServeError.
    """
    app = FastAPI(
        title="Kinema",
        version=__version__,
        summary="The Videos API, as the official client speaks it, and what Kinema does beyond it.",
        lifespan=_life,
        docs_url=None,
        redoc_url=None,
    )
    app.state.open, app.state.review, app.state.local = open, review, None
    app.state.store, app.state.depot = open_store(), open_depot()
    app.state.pulse, app.state.warm = Pulse(app.state.store), Event()
    for router in (brought, videos, more):
        app.include_router(router)
    app.add_middleware(Guard, most_bytes=int(read_settings().max_upload_mb * 1e6), open=open)
    for kind, answer in (
        (WireError, _wire_error),
        (KinemaError, _kinema_error),
        (RequestValidationError, _validation_error),
        (HTTPException, _http_error),
        (SQLAlchemyError, _database_error),
        (OSError, _system_error),
    ):
        app.add_exception_handler(kind, answer)
    describe = app.openapi
    app.openapi = lambda: _documented(describe())  # type: ignore[method-assign]
    return app


def _documented(document: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI document without the status 422, which FastAPI adds and nothing here answers."""
    for operations in document["paths"].values():
        for operation in operations.values():
            operation["responses"].pop("422", None)
    for name in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(name, None)
    return document


@asynccontextmanager
async def _life(app: FastAPI) -> AsyncIterator[None]:
    """The pulse of event streams and the herald of webhooks, as long as the process serves."""
    state = app.state
    Thread(target=_warm, args=(state.warm,), daemon=True).start()
    pulse = asyncio.create_task(state.pulse.run())
    with hooks.Herald(state.store, lambda: _clear(state)):
        yield
    pulse.cancel()
    with suppress(asyncio.CancelledError):
        await pulse


def _warm(warm: Event) -> None:
    with THINKING:
        warm_up()
    warm.set()


def _clear(state: Any) -> None:
    """What has expired is really gone."""
    for job in jobs.expired(state.store):
        wipe(state.store, state.depot, job)
    files.remove_expired(state.store, state.depot)
    hooks.clear_old(state.store)


def _answer(error: WireError) -> Response:
    headers = {"Retry-After": str(error.retry_after)} if error.retry_after else {}
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if error.status in (408, 413):
        headers["Connection"] = "close"  # what else the request would bring is not read
    return JSONResponse(error.body, error.status, headers)


async def _wire_error(_: Request, error: Any) -> Response:
    return _answer(error)


async def _kinema_error(request: Request, error: Any) -> Response:
    answer = envelope_of(error)
    if answer.status >= 500:
        _log.error("%s %s: %s", request.method, request.url.path, error)
        if answer.code != "no_room":  # what is wrong with the server is for its operator to read
            answer = WireError(answer.status, "the server cannot do this just now", code=answer.code, retry_after=30)
    return _answer(answer)


async def _validation_error(_: Request, error: Any) -> Response:
    first = error.errors()[0]
    param = str(first["loc"][-1])
    return _answer(
        WireError(400, f"{param}: {first['msg'][:1].lower()}{first['msg'][1:]}", code="invalid_value", param=param)
    )


async def _http_error(request: Request, error: Any) -> Response:
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "invalid_request")
    said = f"{request.method} {request.url.path[:100]}: {error.detail}"
    headers = error.headers
    if error.status_code == 405:  # the framework names the methods of one route alone
        documented = request.app.openapi()["paths"]
        headers = {"Allow": ", ".join(sorted(_methods_of(request.url.path, documented)))}
    return JSONResponse(envelope(said, kind_of(error.status_code), code), error.status_code, headers)


def _methods_of(path: str, documented: dict[str, Any]) -> set[str]:
    """The methods that the document has of a path: of the most literal template that it fits."""
    parts = path.split("/")
    fitting = [
        template
        for template in documented
        if len(template.split("/")) == len(parts)
        and all(each == part or each.startswith("{") for each, part in zip(template.split("/"), parts, strict=True))
    ]
    return (
        {method.upper() for method in documented[min(fitting, key=lambda each: each.count("{"))]} if fitting else set()
    )


async def _database_error(request: Request, error: Any) -> Response:
    said = getattr(error, "orig", None) if isinstance(error, DBAPIError) else error
    _log.error("%s %s: the database: %s", request.method, request.url.path, said)
    return _answer(WireError(503, "the database is not there just now; try again", code="unavailable", retry_after=2))


async def _system_error(request: Request, error: Any) -> Response:
    _log.error("%s %s: %s", request.method, request.url.path, error)
    if error.errno in FULL:
        return _answer(no_room())
    return _answer(
        WireError(503, "the server's disk is not there just now; try again", code="unavailable", retry_after=10)
    )
