"""The addresses beside /v1/videos: models, provenance checks, reports, webhooks, health and figures."""

from __future__ import annotations

import time
from typing import Annotated, Any

from fastapi import APIRouter, Request
from sqlalchemy import select
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, PlainTextResponse, Response

from kinema import __version__
from kinema.backends import usable
from kinema.errors import RecipeError
from kinema.serve import hooks, jobs, reporting
from kinema.serve.bodies import Idempotent, promise_of, read_fields
from kinema.serve.creating import digest_of
from kinema.serve.doors import allowed
from kinema.serve.figures import figures
from kinema.serve.intake import saved
from kinema.serve.keys import Key
from kinema.serve.probe import testify
from kinema.serve.shapes import (
    ERRORS,
    Deleted,
    Model,
    ModelList,
    ProvenanceCheck,
    Report,
    WebhookEndpoint,
    WebhookEndpointList,
    body_of,
)
from kinema.settings import read_settings
from kinema.wire import Medium, WireError, page, read_report

router = APIRouter(responses=ERRORS)
Maker = Annotated[Key, allowed("films")]
Reader = Annotated[Key, allowed("read")]
Prover = Annotated[Key, allowed("provenance")]
Watcher = Annotated[Key, allowed("metrics")]
_OUTCOMES = {"yes": "detected", "no": "not_detected", "cannot tell": "cannot_tell"}
_STATES = {"trusted": "trusted", "intact": "valid", "broken": "invalid"}
_BORN = 1_790_000_000
"""When models are said to be made, since the client wants a moment."""


def _models() -> list[dict[str, Any]]:
    aliases = {name: target for name, target in read_settings().aliases.items() if target in usable()}
    names = dict.fromkeys(usable()) | aliases
    return [
        {"id": name, "object": "model", "created": _BORN, "owned_by": "kinema", "stands_for": target}
        for name, target in names.items()
    ]


@router.get("/v1/models", response_model=ModelList, tags=["models"])
async def list_models(key: Reader) -> Response:
    """The models, and the names that stand for them."""
    return JSONResponse({"object": "list", "data": _models()})


@router.get("/v1/models/{model}", response_model=Model, tags=["models"])
async def get_model(key: Reader, model: str) -> Response:
    """One of them."""
    for each in _models():
        if each["id"] == model:
            return JSONResponse(each)
    raise WireError(404, f"there is no model '{model[:80]}'", code="model_not_found", param="model")


@router.post(
    "/v1/content_provenance_checks",
    response_model=ProvenanceCheck,
    openapi_extra=body_of("provenance"),
    tags=["provenance"],
)
async def check_provenance(request: Request, key: Prover) -> Response:
    """Was this film or picture made here? Each witness speaks for itself, and may say that it cannot tell."""
    fields = await read_fields(request)
    return JSONResponse(await run_in_threadpool(_testimony, request.app.state, key, fields))


def _testimony(state: Any, key: Key, fields: dict[str, Any]) -> dict[str, Any]:
    given = [name for name in ("file", "video") if fields.get(name) is not None]
    if len(given) != 1 or set(fields) - {"file", "video"}:
        raise RecipeError('a check is of one file, or of a video of yours as {"id": "video_…"}')
    value = fields[given[0]]
    if given[0] == "file" and hasattr(value, "read"):
        medium = Medium(upload=value, param="file")
    elif isinstance(value, dict) and set(value) == {"id"} and isinstance(value["id"], str):
        medium = Medium(id=value["id"], param="video")
    else:
        raise RecipeError(f"{given[0]} should be a file, or an object with the id of a video of yours", part=given[0])
    with saved(medium) as path:
        if medium.id:
            job = jobs.get(state.store, key, medium.id)
            if not job.film:
                raise WireError(400, f"{job.id} has no film", code="video_not_ready", param="video")
            state.depot.fetch(job.film["video"]["name"], path)
        found = testify(path)
    results = [_witness("c2pa", found["credentials"], _STATES.get(found["state"], "not_present"))]
    results += [_witness(name, found[name]) for name in ("watermark", "fingerprint", "classifier")]
    whole = {"object": "content_provenance_check", "created_at": int(time.time())}
    return whole | {"sentence": found["sentence"], "results": results}


def _witness(kind: str, said: dict[str, Any], state: str | None = None) -> dict[str, Any]:
    told = {name: said[name] for name in ("evidence", "error_rate", "error_basis")}
    return {"type": kind, "outcome": _OUTCOMES[said["answer"]], **told, "validation_state": state}


@router.post("/v1/reports", response_model=Report, openapi_extra=body_of("report"), tags=["reports"])
async def create_report(request: Request, key: Reader, idempotency_key: Idempotent = None) -> Response:
    """Report a film that should not be, or a prompt that was refused and should not have been, to the operator."""
    fields, state = await read_fields(request), request.app.state

    def work() -> dict[str, Any]:
        asked, promise = read_report(fields), promise_of(request, digest_of(request.url.path, fields))
        return reporting.keep(state.store, state.depot, key, asked, promise)

    return JSONResponse(await run_in_threadpool(work))


@router.post(
    "/v1/webhook_endpoints", response_model=WebhookEndpoint, openapi_extra=body_of("webhook"), tags=["webhooks"]
)
async def create_hook(request: Request, key: Maker) -> Response:
    """Have your films' ends told to an address of yours; the secret that signs it is shown this once."""
    fields = await read_fields(request)
    return JSONResponse(await run_in_threadpool(hooks.create, request.app.state.store, key, fields))


@router.get("/v1/webhook_endpoints", response_model=WebhookEndpointList, tags=["webhooks"])
async def list_hooks(request: Request, key: Reader) -> Response:
    """Your webhooks."""
    return JSONResponse(page(await run_in_threadpool(hooks.listed, request.app.state.store, key), False))


@router.get("/v1/webhook_endpoints/{hook_id}", response_model=WebhookEndpoint, tags=["webhooks"])
async def get_hook(request: Request, key: Reader, hook_id: str) -> Response:
    """One of them."""
    return JSONResponse(await run_in_threadpool(hooks.get, request.app.state.store, key, hook_id))


@router.delete("/v1/webhook_endpoints/{hook_id}", response_model=Deleted, tags=["webhooks"])
async def delete_hook(request: Request, key: Maker, hook_id: str) -> Response:
    """Tell that address nothing more."""
    await run_in_threadpool(hooks.remove, request.app.state.store, key, hook_id)
    return JSONResponse({"id": hook_id, "deleted": True, "object": "webhook_endpoint.deleted"})


@router.get("/healthz", tags=["operation"], responses={})
async def health() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok", "version": __version__}


@router.get("/readyz", tags=["operation"])
async def ready(request: Request) -> dict[str, str]:
    """Films can be asked for: the database is there and the model is loaded."""

    def work() -> None:
        with request.app.state.store.read() as connection:
            connection.execute(select(1))

    await run_in_threadpool(work)
    if not request.app.state.warm.is_set():
        raise WireError(503, "the model is being loaded", code="not_ready", retry_after=2)
    return {"status": "ready"}


@router.get("/metrics", response_class=PlainTextResponse, tags=["operation"])
async def metrics(request: Request, key: Watcher) -> Response:
    """Figures for Prometheus, of all processes together."""
    text = await run_in_threadpool(figures, request.app.state.store)
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4")
