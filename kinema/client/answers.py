"""What a server answers where something is wrong, in its own words, and as the error that fits."""

from __future__ import annotations

import json
from typing import Any

from kinema.errors import DurationError, KinemaError, PromptError, RecipeError, RefusedError, RemoteError, SizeError

MOST_CHARS = 600
_KINDS: dict[str, type[KinemaError]] = {"prompt": PromptError, "size": SizeError, "seconds": DurationError}
_KEY = "give one that the server knows with --api-key or KINEMA_API_KEY"


def error_of(status: int, body: bytes, host: str) -> RemoteError:
    """The error in an answer: OpenAI's envelope, FastAPI's detail, or whatever text there is."""
    said, code, param = _read(body)
    said = " ".join(said.split())[:MOST_CHARS] or f"{host} answers {status} and says nothing"
    if status == 401:
        said = f"{said} ({_KEY})"
    return RemoteError(said, status=status, code=code, param=param)


def _read(body: bytes) -> tuple[str, str | None, str | None]:
    """Message, code and parameter."""
    try:
        whole = json.loads(body)
    except ValueError:
        text = body.decode("utf-8", "replace")
        return ("" if "<html" in text.lower() else text), None, None
    error = whole.get("error") if isinstance(whole, dict) else None
    if isinstance(error, dict):
        return str(error.get("message") or ""), _text(error.get("code")), _text(error.get("param"))
    detail = whole.get("detail") if isinstance(whole, dict) else None
    if isinstance(detail, list) and detail and isinstance(detail[0], dict):  # FastAPI's own: where, and what
        where = detail[0].get("loc") or [""]
        return f"{where[-1]}: {detail[0].get('msg', '')}", None, _text(where[-1])
    return str(detail or error or whole), None, None


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def in_kind(error: RemoteError) -> KinemaError:
    """The error as it would have been raised here: refused, of no use, or else the server's own trouble."""
    if error.code == "moderation_blocked":
        said, _, category = str(error).rpartition(" [")
        return RefusedError(said, category.rstrip("]")) if said else RefusedError(str(error), "unnamed")
    if error.status in (400, 404, 413, 422) or error.code in ("invalid_value", "energy_limit", "source_deleted"):
        return _KINDS.get(error.param or "", RecipeError)(str(error))
    return error
