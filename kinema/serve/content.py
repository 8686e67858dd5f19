"""A film's bytes: whole or in part, and of one that is still being made, as far as it has come and on as it grows."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import anyio
from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from kinema.serve import jobs
from kinema.serve.depot import Depot, scratch
from kinema.serve.jobs import Job
from kinema.serve.keys import Key
from kinema.serve.pictures import film_with_pictures
from kinema.serve.store import Store
from kinema.wire import WireError

PART_BYTES = 1 << 18
KINDS = {"video": "video/mp4", "thumbnail": "image/webp", "spritesheet": "image/jpeg"}


async def content(request: Request, store: Store, depot: Depot, key: Key, job: Job, variant: str) -> Response:
    """The answer with a film's bytes. Raises WireError where there are none."""
    if job.growing and variant == "video" and job.status == "in_progress":
        file = await run_in_threadpool(_opened, Path(job.growing))
        if file:
            return _growing(request, file, lambda: _is_over(store, key, job), job)
        job = await run_in_threadpool(jobs.get, store, key, job.id)  # it may have ended this very moment
    if job.film:
        return await run_in_threadpool(_whole, request, store, depot, job, variant)
    if job.ended:
        raise WireError(404, f"{job.id} is {job.status} and has no film", code="no_content", param="video_id")
    said = f"{job.id} is {job.status}; its {variant} is there when it is completed"
    raise WireError(400, said, code="video_not_ready", param="video_id")


def _opened(path: Path) -> BinaryIO | None:
    """The file that a worker of this machine is writing a film into, if it is there."""
    try:
        return path.open("rb") if path.parent.parent == scratch() else None
    except FileNotFoundError:
        return None


def _growing(request: Request, file: BinaryIO, is_over: Callable[[], bool], job: Job) -> Response:
    """What there is of a film that is being made, by RFC 9110.

    Its complete length is unknown, so a part of it is `bytes 0-99/*`. A part has to say where it ends: a range without
    an end gets what is there by now, and one from the first byte on, or from an end that is not there yet, is ignored,
    so that the film comes as it grows. The tag is weak and changes as the film grows, since the file that becomes of it
    is signed and has other bytes: parts of the two are never put together.
    """
    size = os.fstat(file.fileno()).st_size
    headers = {"Accept-Ranges": "bytes", "ETag": f'W/"{job.attempt}-{size}"', "X-Kinema-Growing": "true"}
    headers["Cache-Control"] = "private, no-cache"
    kind = KINDS["video"]
    wanted = request.headers.get("range") if "if-range" not in request.headers else None
    first, last = _ends(wanted) or (None, None)
    if first is not None and first >= size:
        file.close()
        return Response(status_code=416, headers=headers | {"Retry-After": "1"})
    if first is None or (first == 0 and last is None):
        grows = _grows(file, is_over) if request.method != "HEAD" else _nothing(file)
        return StreamingResponse(grows, headers=headers, media_type=kind)
    stop = size if last is None else min(size, last + 1)
    headers |= {"Content-Range": f"bytes {first}-{stop - 1}/*", "Content-Length": str(stop - first)}
    parts = _span(file, first, stop) if request.method != "HEAD" else _nothing(file)
    return StreamingResponse(parts, 206, headers, media_type=kind)


def _whole(request: Request, store: Store, depot: Depot, job: Job, variant: str) -> Response:
    assert job.film
    kept = job.film.get(variant) or _picture(store, depot, job, variant)
    tag = f'"{kept["sha256"]}"'
    name = f"{job.id}.{kept['name'].rpartition('.')[2]}"
    headers = {"ETag": tag, "Accept-Ranges": "bytes", "Content-Disposition": f'attachment; filename="{name}"'}
    headers["Cache-Control"] = "private, no-cache"
    known = re.split(r"\s*,\s*", request.headers.get("if-none-match", "").strip())
    if "*" in known or tag in [each.removeprefix("W/") for each in known]:
        return Response(status_code=304, headers=headers)
    size = int(kept["bytes"])
    wanted = request.headers.get("range") if request.headers.get("if-range", tag) == tag else None
    span = range_of(wanted, size)
    if span is None:
        return Response(status_code=416, headers=headers | {"Content-Range": f"bytes */{size}"})
    start, stop = span
    partial = (start, stop) != (0, size)
    if partial or _ends(wanted):
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    headers["Content-Length"] = str(stop - start)
    status = 206 if "Content-Range" in headers else 200
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=KINDS[variant])
    try:
        depot.size(kept["name"])
    except FileNotFoundError:
        raise _gone(job) from None
    parts = parts_of(depot, kept["name"], start, stop)
    return StreamingResponse(parts, status, headers, media_type=KINDS[variant])


def _picture(store: Store, depot: Depot, job: Job, variant: str) -> dict[str, Any]:
    try:
        kept: dict[str, Any] = film_with_pictures(store, depot, job)[variant]
    except FileNotFoundError:
        raise _gone(job) from None
    return kept


def _gone(job: Job) -> WireError:
    return WireError(404, f"{job.id} has no film any more", code="no_content", param="video_id")


def parts_of(depot: Depot, name: str, start: int, stop: int) -> Iterator[bytes]:
    """What is kept under the name, from one byte up to another. Raises FileNotFoundError."""
    with depot.opened(name) as file:
        yield from _span(file, start, stop)


def _span(file: BinaryIO, start: int, stop: int) -> Iterator[bytes]:
    with file:
        file.seek(start)
        while start < stop and (part := file.read(min(PART_BYTES, stop - start))):
            start += len(part)
            yield part


def _nothing(file: BinaryIO) -> Iterator[bytes]:
    file.close()
    yield from ()


async def _grows(file: BinaryIO, is_over: Callable[[], bool]) -> AsyncIterator[bytes]:
    """What is written of the film, and on until it is whole or its making ends.

    The open file stays the one that grew, also when the finished film has taken its place.
    """
    over = False
    try:
        while True:
            part = await run_in_threadpool(file.read, PART_BYTES)
            if part:
                yield part
                continue
            if over:
                return
            await anyio.sleep(0.2)
            over = await run_in_threadpool(is_over)
    finally:
        file.close()


def _ends(text: str | None) -> tuple[int | None, int | None] | None:
    """First and last byte of a Range header, None for one that it leaves open; None where it is not understood."""
    found = re.fullmatch(r"bytes=(\d{0,18})-(\d{0,18})", text or "", re.ASCII)
    if not found or not any(found.groups()):
        return None
    first, last = (int(each) if each else None for each in found.groups())
    return None if first is not None and last is not None and last < first else (first, last)


def range_of(text: str | None, size: int) -> tuple[int, int] | None:
    """Start and stop of what a Range header asks of so many bytes; all where it asks for what is not understood.

    None where it lies beyond the end. Several ranges in one header are answered with all, as RFC 9110 allows.
    """
    first, last = _ends(text) or (0, None)
    if first is None:
        return (max(0, size - last), size) if last and size else None
    start, stop = first, min(size, last + 1) if last is not None else size
    return (start, stop) if start < size else None


def _is_over(store: Store, key: Key, job: Job) -> bool:
    try:
        now = jobs.get(store, key, job.id)
    except WireError:
        return True
    return now.status != "in_progress" or now.attempt != job.attempt
