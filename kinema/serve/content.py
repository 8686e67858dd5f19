"""A film's bytes: whole or in part, and of one that is still being made, as far as it has come and on as it grows."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import anyio
from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from kinema.serve import jobs
from kinema.serve.depot import Depot, scratch
from kinema.serve.jobs import Job
from kinema.serve.keys import Key
from kinema.serve.store import Store
from kinema.wire import WireError

PART_BYTES = 1 << 18
KINDS = {"video": "video/mp4", "thumbnail": "image/webp", "spritesheet": "image/jpeg"}


async def content(request: Request, store: Store, depot: Depot, key: Key, job: Job, variant: str) -> Response:
    """The answer with a film's bytes. Raises WireError where there are none."""
    if job.film:
        return await run_in_threadpool(_whole, request, depot, job, variant)
    growing = Path(job.growing) if job.growing and variant == "video" and job.status == "in_progress" else None
    if growing and growing.parent.parent == scratch() and growing.exists():
        headers = {"Accept-Ranges": "none", "X-Kinema-Growing": "true"}
        return StreamingResponse(_grows(store, key, job, growing), media_type=KINDS[variant], headers=headers)
    if job.ended:
        raise WireError(404, f"{job.id} is {job.status} and has no film", code="no_content", param="video_id")
    said = f"{job.id} is {job.status}; its {variant} is there when it is completed"
    raise WireError(400, said, code="video_not_ready", param="video_id")


def _whole(request: Request, depot: Depot, job: Job, variant: str) -> Response:
    assert job.film
    kept = job.film[variant]
    tag = f'"{kept["sha256"]}"'
    name = f"{job.id}.{kept['name'].rpartition('.')[2]}"
    headers = {"ETag": tag, "Accept-Ranges": "bytes", "Content-Disposition": f'attachment; filename="{name}"'}
    headers["Cache-Control"] = "private, no-cache"
    if tag in re.split(r"\s*,\s*", request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers=headers)
    size = int(kept["bytes"])
    wanted = request.headers.get("range") if request.headers.get("if-range", tag) == tag else None
    span = range_of(wanted, size)
    if span is None:
        return Response(status_code=416, headers=headers | {"Content-Range": f"bytes */{size}"})
    start, stop = span
    partial = (start, stop) != (0, size)
    if partial or _is_range(wanted):
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    headers["Content-Length"] = str(stop - start)
    status = 206 if "Content-Range" in headers else 200
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=KINDS[variant])
    try:
        depot.size(kept["name"])
    except FileNotFoundError:
        raise WireError(404, f"{job.id} has no film any more", code="no_content", param="video_id") from None
    parts = _parts(depot, kept["name"], start, stop)
    return StreamingResponse(parts, status, headers, media_type=KINDS[variant])


def _parts(depot: Depot, name: str, start: int, stop: int) -> Iterator[bytes]:
    with depot.opened(name) as file:
        file.seek(start)
        while start < stop:
            part = file.read(min(PART_BYTES, stop - start))
            if not part:
                return
            start += len(part)
            yield part


def _is_range(text: str | None) -> bool:
    return bool(text and re.fullmatch(r"bytes=(\d{1,18}-\d{0,18}|-\d{1,18})", text))


def range_of(text: str | None, size: int) -> tuple[int, int] | None:
    """Start and stop of what a Range header asks of so many bytes; all where it asks for what is not understood.

    None where it lies beyond the end. Several ranges in one header are answered with all, as RFC 9110 allows.
    """
    if not _is_range(text):
        return 0, size
    assert text
    first, _, last = text.removeprefix("bytes=").partition("-")
    if not first:
        return (max(0, size - int(last)), size) if int(last) and size else None
    if last and int(last) < int(first):
        return 0, size
    start, stop = int(first), min(size, int(last) + 1) if last else size
    return (start, stop) if start < size else None


async def _grows(store: Store, key: Key, job: Job, path: Path) -> AsyncIterator[bytes]:
    """What is written of the film, and on until it is whole or its making ends.

    The open file stays the one that grew, also when the finished film has taken its place.
    """
    file: Any = await anyio.open_file(path, "rb")
    try:
        over = False
        while True:
            part = await file.read(PART_BYTES)
            if part:
                yield part
                continue
            if over:
                return
            await anyio.sleep(0.2)
            over = await run_in_threadpool(_is_over, store, key, job)
    finally:
        await file.aclose()


def _is_over(store: Store, key: Key, job: Job) -> bool:
    try:
        now = jobs.get(store, key, job.id)
    except WireError:
        return True
    return now.status != "in_progress" or now.attempt != job.attempt
