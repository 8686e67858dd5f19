"""The addresses under /v1/videos: theirs, and beside them cancel and events, which are ours."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response, StreamingResponse

from kinema.serve import jobs
from kinema.serve.bodies import Idempotent, promise_of, read_fields
from kinema.serve.content import content
from kinema.serve.creating import Desk, digest_of
from kinema.serve.depot import film_folder
from kinema.serve.doors import allowed
from kinema.serve.jobs import Job
from kinema.serve.keys import Key
from kinema.serve.shapes import ERRORS, Deleted, Video, VideoList, body_of
from kinema.serve.streams import listen
from kinema.wire import (
    Ask,
    WireError,
    page,
    poll_after_ms,
    read_create,
    read_edit,
    read_extend,
    read_remix,
    video,
)

CANCEL_SECONDS = 2.5
router = APIRouter(prefix="/v1", tags=["videos"], responses=ERRORS)
Maker = Annotated[Key, allowed("films")]
Reader = Annotated[Key, allowed("read")]


async def _create(request: Request, key: Key, read: Callable[[Mapping[str, Any]], Ask]) -> Response:
    """The first of the films that a request asks for, queued."""
    fields = await read_fields(request)
    state = request.app.state

    def work() -> tuple[list[Job], float | None]:
        promise = promise_of(request, digest_of(request.url.path, fields))
        made = Desk(state.store, state.depot, key, state.review).create(read(fields), promise)
        return made, jobs.expected_seconds(state.store, made[0])

    made, left = await run_in_threadpool(work)
    told = video(made[0].told_as())
    if len(made) > 1:
        told["ids"] = [job.id for job in made]
    return JSONResponse(told, headers={"openai-poll-after-ms": str(poll_after_ms(left))})


@router.post("/videos", response_model=Video, openapi_extra=body_of("create"))
async def create(request: Request, key: Maker, idempotency_key: Idempotent = None) -> Response:
    """Ask for a film: a prompt as for Sora, or a whole recipe for any task."""
    return await _create(request, key, read_create)


@router.post("/videos/edits", response_model=Video, openapi_extra=body_of("edit"))
async def edit(request: Request, key: Maker, idempotency_key: Idempotent = None) -> Response:
    """Ask for a film made anew from another."""
    return await _create(request, key, read_edit)


@router.post("/videos/extensions", response_model=Video, openapi_extra=body_of("extend"))
async def extend(request: Request, key: Maker, idempotency_key: Idempotent = None) -> Response:
    """Ask for a film that goes on from another, or leads up to it."""
    return await _create(request, key, read_extend)


@router.post("/videos/{video_id}/remix", response_model=Video, openapi_extra=body_of("remix"))
async def remix(request: Request, key: Maker, video_id: str, idempotency_key: Idempotent = None) -> Response:
    """Ask for a film made anew from one of yours."""
    return await _create(request, key, lambda fields: read_remix(fields, video_id))


@router.get("/videos", response_model=VideoList)
async def list_videos(
    request: Request,
    key: Reader,
    after: Annotated[str | None, Query(max_length=100)] = None,
    limit: Annotated[int, Query(ge=0, le=100)] = 20,
    order: Literal["asc", "desc"] = "desc",
) -> Response:
    """Your films, a page at a time."""
    found, more = await run_in_threadpool(jobs.listed, request.app.state.store, key, after, limit, order == "desc")
    return JSONResponse(page([video(job.told_as()) for job in found], more))


@router.get("/videos/{video_id}", response_model=Video)
async def retrieve(request: Request, key: Reader, video_id: str) -> Response:
    """How far a film is."""
    store = request.app.state.store

    def work() -> tuple[Job, dict[str, str]]:
        job = jobs.get(store, key, video_id)
        if job.ended:
            return job, {}
        return job, {"openai-poll-after-ms": str(poll_after_ms(jobs.expected_seconds(store, job)))}

    job, headers = await run_in_threadpool(work)
    return JSONResponse(video(job.told_as()), headers=headers)


@router.delete("/videos/{video_id}", response_model=Deleted)
async def delete(request: Request, key: Maker, video_id: str) -> Response:
    """Delete a film that is not being made any more, with all that belongs to it."""
    state = request.app.state

    def work() -> None:
        job = jobs.get(state.store, key, video_id)
        if not job.ended:
            said = f"{job.id} is {job.status}; cancel it first, or wait until it is completed"
            raise WireError(400, said, code="video_not_finished", param="video_id")
        wipe(state.store, state.depot, job)

    await run_in_threadpool(work)
    return JSONResponse({"id": video_id, "deleted": True, "object": "video.deleted"})


def wipe(store: Any, depot: Any, job: Job) -> None:
    """Nothing is left of an ended job: its files first, so that no file outlives its row.

    Pictures that were being made meanwhile are gone with the second look; without a row there are no more.
    """
    for name in (*jobs.uploads_of(store, job.id), film_folder(job.id)):
        depot.remove(name)
    jobs.forget(store, job)
    depot.remove(film_folder(job.id))


@router.post("/videos/{video_id}/cancel", response_model=Video)
async def cancel(request: Request, key: Maker, video_id: str) -> Response:
    """Stop a film; what is made of it by then is kept and plays."""
    store = request.app.state.store
    job = await run_in_threadpool(jobs.cancel, store, key, video_id)
    waited = 0.0
    while not job.ended and waited < CANCEL_SECONDS:
        await asyncio.sleep(0.1)
        waited += 0.1
        job = await run_in_threadpool(jobs.get, store, key, video_id)
    return JSONResponse(video(job.told_as()))


@router.get(
    "/videos/{video_id}/content",
    response_class=Response,
    responses={
        200: {"content": {kind: {} for kind in ("video/mp4", "image/webp", "image/jpeg")}, "description": "The bytes."},
        206: {"content": {"video/mp4": {}}, "description": "Part of them, as Range asks."},
        304: {"description": "As the ETag says."},
        416: {"description": "Beyond the end."},
    },
)
async def download(
    request: Request, key: Reader, video_id: str, variant: Literal["video", "thumbnail", "spritesheet"] = "video"
) -> Response:
    """A film's bytes (mp4), its thumbnail (webp) or a sheet of its frames (jpg).

    Of a film that is still being made, the video is what there is of it, and goes on as it grows.
    """
    state = request.app.state
    job = await run_in_threadpool(jobs.get, state.store, key, video_id)
    return await content(request, state.store, state.depot, key, job, variant)


@router.head("/videos/{video_id}/content", include_in_schema=False)
async def measure(
    request: Request, key: Reader, video_id: str, variant: Literal["video", "thumbnail", "spritesheet"] = "video"
) -> Response:
    """The headers alone."""
    return await download(request, key, video_id, variant)


@router.get(
    "/videos/{video_id}/events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}, "description": "queued, in_progress, progress, preview, …"}},
)
async def events(
    request: Request,
    key: Reader,
    video_id: str,
    last_event_id: Annotated[int, Header(alias="Last-Event-ID", ge=0)] = 0,
) -> Response:
    """What happens to a film, as it happens; `Last-Event-ID` goes on where a broken connection ended."""
    state = request.app.state
    await run_in_threadpool(jobs.get, state.store, key, video_id)
    told = listen(state.pulse, state.store, key, video_id, last_event_id)
    return StreamingResponse(told, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
