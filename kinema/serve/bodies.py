"""What a request says, whether it came as JSON or as a form: one object either way."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Any

from fastapi import Header, Request
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException

from kinema.serve.doors import too_slow
from kinema.serve.jobs import Promise
from kinema.settings import read_settings
from kinema.wire import WireError, read_form
from kinema.wire.forms import MOST_FIELDS

Idempotent = Annotated[str | None, Header(alias="Idempotency-Key", max_length=255)]
MOST_FILES, MOST_DEPTH = 66, 32
MOST_TEXT_BYTES = 64 << 20
"""The longest text of a form or JSON body: a picture in a data: URL is one."""


async def read_fields(request: Request) -> dict[str, Any]:
    """The request's fields. Raises WireError for what is neither JSON nor a form, broken, too large or too slow."""
    try:
        async with asyncio.timeout(read_settings().max_request_seconds):
            return await _read(request)
    except TimeoutError:
        raise too_slow() from None


async def _read(request: Request) -> dict[str, Any]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in ("multipart/form-data", "application/x-www-form-urlencoded"):
        try:
            form = await request.form(max_files=MOST_FILES, max_fields=MOST_FIELDS, max_part_size=MOST_TEXT_BYTES)
        except (MultiPartException, HTTPException, UnicodeDecodeError, KeyError) as error:
            said = getattr(error, "message", None) or getattr(error, "detail", None) or "its letters are no UTF-8"
            raise WireError(400, f"the form cannot be read: {said}", code="invalid_form") from None
        return read_form(form.multi_items())
    if kind and kind != "application/json" and not kind.endswith("+json"):
        raise WireError(415, f"'{kind[:60]}' is not read; send JSON or multipart/form-data", code="unsupported_type")
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MOST_TEXT_BYTES:
            raise WireError(413, f"at most {MOST_TEXT_BYTES >> 20} MB of JSON are read", code="request_too_large")
    return _object(bytes(body))


def _object(body: bytes) -> dict[str, Any]:
    try:
        whole = json.loads(body or b"{}", parse_constant=_no_number)
        _check_depth(whole)
    except (ValueError, RecursionError) as error:
        raise WireError(400, f"the body is no JSON: {error}", code="invalid_json") from None
    if not isinstance(whole, dict):
        raise WireError(400, "the body should be a JSON object", code="invalid_json")
    return whole


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _check_depth(value: Any, depth: int = 0) -> None:
    if depth > MOST_DEPTH:
        raise ValueError(f"it is nested more than {MOST_DEPTH} deep")
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _check_depth(each, depth + 1)


def promise_of(request: Request, digest: str) -> Promise:
    """How a repeated request is to be known."""
    name = request.headers.get("idempotency-key", "")
    if len(name) > 255:
        raise WireError(400, "an Idempotency-Key has at most 255 characters", code="invalid_value")
    tries = request.headers.get("x-stainless-retry-count", "0")
    return Promise(name, digest, is_retry=tries.isdigit() and int(tries) > 0)
