"""What the Videos API answers: video objects, lists, events and errors, as plain JSON objects."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from kinema.errors import (
    BackendError,
    ClipError,
    DurationError,
    KinemaError,
    OutputError,
    PromptError,
    RefusedError,
    SizeError,
    UsageError,
)

State = Literal["queued", "in_progress", "completed", "failed", "cancelled"]
_PARAM: tuple[tuple[type[KinemaError], str], ...] = (
    (PromptError, "prompt"),
    (RefusedError, "prompt"),
    (SizeError, "size"),
    (DurationError, "seconds"),
)


class WireError(Exception):
    """An answer that is an error in the API's own envelope; `retry_after` in seconds where trying again may help."""

    def __init__(
        self, status: int, message: str, *, code: str, param: str | None = None, retry_after: int | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.param, self.retry_after = status, code, param, retry_after

    @property
    def body(self) -> dict[str, Any]:
        return envelope(str(self), kind_of(self.status), self.code, self.param)


@dataclass(frozen=True)
class Told:
    """What is known of a film: all that a video object says. Moments are in seconds since 1970."""

    id: str
    status: State
    model: str
    prompt: str | None
    size: str
    seconds: str
    created_at: float
    progress: int = 0
    completed_at: float | None = None
    expires_at: float | None = None
    remixed_from_video_id: str | None = None
    error: Mapping[str, str] | None = None
    seed: int | None = None
    fps: str | None = None
    task: str = "generate"
    receipt: Mapping[str, Any] | None = None


def video(told: Told) -> dict[str, Any]:
    """The video object: theirs with all its keys, and ours after them."""
    return {
        "id": told.id,
        "object": "video",
        "model": told.model,
        "status": told.status,
        "progress": told.progress,
        "created_at": int(told.created_at),
        "completed_at": _whole(told.completed_at),
        "expires_at": _whole(told.expires_at),
        "prompt": told.prompt,
        "size": told.size,
        "seconds": told.seconds,
        "remixed_from_video_id": told.remixed_from_video_id,
        "error": dict(told.error) if told.error else None,
        "seed": told.seed,
        "fps": told.fps and seconds_text(Fraction(told.fps)),
        "task": told.task,
        "receipt": dict(told.receipt) if told.receipt else None,
    }


def page(data: Sequence[dict[str, Any]], has_more: bool) -> dict[str, Any]:
    """A list of objects that the client pages through with after=last_id."""
    return {
        "object": "list",
        "data": list(data),
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
        "has_more": has_more,
    }


def event(id: str, kind: str, video_id: str, at: float) -> dict[str, Any]:
    """What a webhook is sent."""
    return {"id": id, "object": "event", "created_at": int(at), "type": kind, "data": {"id": video_id}}


def envelope(message: str, kind: str, code: str | None, param: str | None = None) -> dict[str, Any]:
    """An error as every answer wraps it; one line."""
    return {"error": {"message": " ".join(message.split()), "type": kind, "param": param, "code": code}}


def envelope_of(error: KinemaError) -> WireError:
    """The answer to a request that Kinema refuses."""
    said = error.part if isinstance(error, UsageError) else None
    param = said or next((param for kind, param in _PARAM if isinstance(error, kind)), None)
    if isinstance(error, RefusedError):
        return WireError(400, f"{error} [{error.category}]", code="moderation_blocked", param=param)
    if isinstance(error, OutputError):
        return no_room()
    code = "invalid_value" if isinstance(error, UsageError | ClipError | BackendError) else "server_error"
    return WireError(400 if code == "invalid_value" else 500, str(error), code=code, param=param)


def no_room() -> WireError:
    """The answer where a disk is full."""
    return WireError(503, "there is no room for this now; try again later", code="no_room", retry_after=60)


def kind_of(status: int) -> str:
    """The type of an error by its HTTP status."""
    named = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}
    return named.get(status, "server_error" if status >= 500 else "invalid_request_error")


def poll_after_ms(left_seconds: float | None) -> int:
    """An honest time to ask again: half of what is left, between a twentieth of a second and ten seconds."""
    if left_seconds is None or not math.isfinite(left_seconds):
        return 1000
    return round(1000 * min(10.0, max(0.05, left_seconds / 2)))


def seconds_text(seconds: Fraction) -> str:
    """'4', '4.125' or, where no short decimal is exact, the nearest with three digits."""
    return str(seconds.numerator) if seconds.denominator == 1 else f"{float(seconds):.6g}"


def _whole(moment: float | None) -> int | None:
    return None if moment is None else int(moment)
