"""The API's objects for its OpenAPI document; what they hold is made in kinema/wire."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from kinema.trust.reports import MAX_WHY_CHARS
from kinema.wire.asks import PURPOSES

VIDEO_EXAMPLE: dict[str, Any] = {
    "id": "video_6f1e3a",
    "object": "video",
    "model": "sora-2",
    "status": "queued",
    "progress": 0,
    "created_at": 1790000000,
    "completed_at": None,
    "expires_at": None,
    "prompt": "a red dog jumps in a snowy forest at night",
    "size": "1280x720",
    "seconds": "4",
    "remixed_from_video_id": None,
    "error": None,
    "seed": 7,
    "fps": "8",
    "task": "generate",
    "receipt": None,
}


class VideoError(BaseModel):
    code: str
    message: str


class Video(BaseModel):
    """A film that is asked for, being made, or made. After `error`, all is Kinema's own."""

    model_config = {"json_schema_extra": {"example": VIDEO_EXAMPLE}}

    id: str
    object: Literal["video"]
    model: str
    status: Literal["queued", "in_progress", "completed", "failed", "cancelled"]
    progress: int = Field(ge=0, le=100)
    created_at: int
    completed_at: int | None
    expires_at: int | None
    prompt: str | None
    size: str
    seconds: str
    remixed_from_video_id: str | None
    error: VideoError | None
    seed: int | None
    fps: str | None
    task: str
    receipt: dict[str, Any] | None = Field(
        description="what it took, and notes on whatever was done to sizes and sources"
    )
    ids: list[str] | None = Field(None, description="of a request for several films: all of them, this one first")


class VideoList(BaseModel):
    object: Literal["list"]
    data: list[Video]
    first_id: str | None
    last_id: str | None
    has_more: bool


class Deleted(BaseModel):
    id: str
    deleted: bool
    object: str


class Character(BaseModel):
    id: str
    created_at: int
    name: str


class File(BaseModel):
    id: str
    object: Literal["file"]
    bytes: int
    created_at: int
    expires_at: int
    filename: str
    purpose: str
    status: Literal["processed"]


class FileList(BaseModel):
    object: Literal["list"]
    data: list[File]
    first_id: str | None
    last_id: str | None
    has_more: bool


class Model(BaseModel):
    id: str
    object: Literal["model"]
    created: int
    owned_by: str
    stands_for: str | None = Field(description="the model that really answers to this name")


class ModelList(BaseModel):
    object: Literal["list"]
    data: list[Model]


class Witness(BaseModel):
    type: Literal["c2pa", "watermark", "fingerprint", "classifier"]
    outcome: Literal["detected", "not_detected", "cannot_tell"]
    evidence: str
    error_rate: float | None = Field(description="how often a 'detected' is wrong, at most")
    error_basis: str
    validation_state: Literal["trusted", "valid", "invalid", "not_present"] | None = None


class ProvenanceCheck(BaseModel):
    object: Literal["content_provenance_check"]
    created_at: int
    sentence: str
    results: list[Witness]


class Report(BaseModel):
    id: str
    object: Literal["report"]
    created_at: int
    kind: Literal["film", "prompt"]
    subject: str = Field(description="the prompt, the film's id, or the name of the file")
    why: str


class WebhookEndpoint(BaseModel):
    id: str
    object: Literal["webhook_endpoint"]
    created_at: int
    name: str
    url: str
    event_types: list[str]
    signing_secret: str | None = Field(None, description="whsec_…; shown when the endpoint is made, and never again")
    signing_secret_hint: str | None


class WebhookEndpointList(BaseModel):
    object: Literal["list"]
    data: list[WebhookEndpoint]
    first_id: str | None
    last_id: str | None
    has_more: bool


class ErrorBody(BaseModel):
    message: str
    type: str
    param: str | None
    code: str | None


class Error(BaseModel):
    """Every error, whatever its status."""

    error: ErrorBody


ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": Error, "description": said}
    for status, said in {
        400: "The request is wrong, or the policy refuses it (`moderation_blocked`).",
        401: "No API key, or one that opens nothing.",
        403: "The key may not do this.",
        404: "Not there, or another's.",
        408: "The request came too slowly.",
        409: "The Idempotency-Key was used for another request.",
        413: "The request is too large.",
        415: "Neither JSON nor a form.",
        429: "Beyond the key's limits; `Retry-After` says when to try again.",
        503: "The database or the disk is not there just now; `Retry-After` says when to try again.",
    }.items()
}

_FILE: dict[str, Any] = {"type": "string", "format": "binary", "description": "a file, in a form"}
_CONSENT = {"type": "string", "maxLength": 300, "description": "who agreed to real faces in it, and how"}
_REFERENCE: dict[str, Any] = {
    "oneOf": [
        _FILE,
        {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"], "additionalProperties": False},
        {
            "type": "object",
            "properties": {"file_id": {"type": "string", "description": "a file that was brought by POST /v1/files"}},
            "required": ["file_id"],
            "additionalProperties": False,
        },
        {
            "type": "object",
            "properties": {"image_url": {"type": "string", "description": "a data: URL; http(s) where allowed"}},
            "required": ["image_url"],
            "additionalProperties": False,
        },
    ]
}
_PROMPT = {"type": "string", "minLength": 1, "maxLength": 32_000}
_OURS: dict[str, Any] = {
    "seed": {"type": "integer", "minimum": 0, "maximum": 2**53 - 1},
    "steps": {"type": "integer", "minimum": 1},
    "guidance": {"type": "number", "minimum": 0, "maximum": 100},
    "fps": {"type": "string"},
    "max_energy_wh": {"type": "number", "exclusiveMinimum": 0},
    "private": {"type": "boolean"},
    "model": {"type": "string"},
    "size": {"type": "string", "pattern": "^[1-9][0-9]{0,5}x[1-9][0-9]{0,5}$"},
}
_REQUESTS: dict[str, tuple[dict[str, Any], list[str], dict[str, Any]]] = {
    "create": (
        {
            "prompt": _PROMPT,
            "seconds": {"type": "string"},
            "input_reference": _REFERENCE,
            "characters": {"type": "array", "maxItems": 2, "items": {"type": "object"}},
            "task": {"type": "string"},
            "how": {"type": "object", "description": "the task's own options"},
            "sources": {"type": "array", "items": _REFERENCE},
            "n": {"type": "integer", "minimum": 1, "maximum": 16},
            "shape": {"type": "string"},
            "consent": _CONSENT,
        }
        | _OURS,
        [],
        {"prompt": "a red dog jumps in a snowy forest at night", "model": "sora-2", "seconds": "4", "size": "1280x720"},
    ),
    "edit": (
        {"prompt": _PROMPT, "video": _REFERENCE, "strength": {"type": "string"}} | _OURS,
        ["prompt", "video"],
        {"prompt": "at night", "video": {"id": "video_6f1e3a"}},
    ),
    "extend": (
        {"prompt": _PROMPT, "video": _REFERENCE, "seconds": {"type": "string"}, "direction": {"type": "string"}}
        | _OURS,
        ["prompt", "video", "seconds"],
        {"prompt": "the dog runs", "seconds": "4", "video": {"id": "video_6f1e3a"}},
    ),
    "remix": ({"prompt": _PROMPT, "strength": {"type": "string"}} | _OURS, ["prompt"], {"prompt": "a blue dog"}),
    "character": (
        {"name": {"type": "string", "minLength": 1, "maxLength": 80}, "video": _REFERENCE, "consent": _CONSENT},
        ["name", "video"],
        {"name": "Rex", "video": {"id": "video_6f1e3a"}},
    ),
    "file": (
        {
            "file": _FILE,
            "purpose": {"enum": list(PURPOSES)},
            "expires_after": {
                "type": "object",
                "properties": {"anchor": {"const": "created_at"}, "seconds": {"type": "integer", "minimum": 3600}},
            },
            "consent": _CONSENT,
        },
        ["file", "purpose"],
        {"file": {"url": "data:image/png;base64,iVBOR…"}, "purpose": "vision"},
    ),
    "provenance": (
        {"file": {"type": "string", "format": "binary"}, "video": _REFERENCE},
        [],
        {"video": {"id": "video_6f1e3a"}},
    ),
    "report": (
        {"video": _REFERENCE, "prompt": _PROMPT, "why": {"type": "string", "maxLength": MAX_WHY_CHARS}},
        [],
        {"video": {"id": "video_6f1e3a"}, "why": "this is my face"},
    ),
    "webhook": (
        {
            "name": {"type": "string", "minLength": 1, "maxLength": 200},
            "url": {"type": "string"},
            "event_types": {"type": "array", "items": {"enum": ["video.completed", "video.failed"]}, "minItems": 1},
        },
        ["url"],
        {"name": "mine", "url": "https://example.org/hook", "event_types": ["video.completed", "video.failed"]},
    ),
}


def body_of(name: str) -> dict[str, Any]:
    """The OpenAPI description of a request's body, JSON and form alike, with an example."""
    properties, required, example = _REQUESTS[name]
    schema = {"type": "object", "properties": properties, "required": required}
    whole = {"application/json": {"schema": schema, "example": example}, "multipart/form-data": {"schema": schema}}
    return {"requestBody": {"required": True, "content": whole}}
