"""The addresses of what is brought to stay: files under /v1/files, and characters under /v1/videos/characters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response, StreamingResponse

from kinema.serve import characters, files
from kinema.serve.bodies import read_fields
from kinema.serve.content import parts_of
from kinema.serve.doors import allowed
from kinema.serve.intake import Intake, file_of
from kinema.serve.keys import Key
from kinema.serve.shapes import ERRORS, Character, Deleted, File, FileList, body_of
from kinema.wire import page, read_character, read_upload

router = APIRouter(prefix="/v1", responses=ERRORS)
Maker = Annotated[Key, allowed("films")]
Reader = Annotated[Key, allowed("read")]
KINDS = {
    ".mp4": "video/mp4", ".webm": "video/webm", ".avi": "video/x-msvideo", ".gif": "image/gif", ".webp": "image/webp",
    ".png": "image/png", ".jpg": "image/jpeg", ".bmp": "image/bmp", ".heic": "image/heic", ".avif": "image/avif",
}  # fmt: skip


async def _kept(request: Request, key: Key, keep: Callable[[Intake], dict[str, Any]]) -> Response:
    """What is answered where what was brought is kept; else nothing of it stays."""
    state = request.app.state

    def work() -> dict[str, Any]:
        intake = Intake(state.store, state.depot, key, state.review)
        try:
            return keep(intake)
        except BaseException:
            intake.drop()
            raise

    return JSONResponse(await run_in_threadpool(work))


@router.post("/videos/characters", response_model=Character, openapi_extra=body_of("character"), tags=["characters"])
async def create_character(request: Request, key: Maker) -> Response:
    """Name somebody by a short clip."""
    asked, store = read_character(await read_fields(request)), request.app.state.store
    return await _kept(request, key, lambda intake: characters.keep(store, key, asked, intake))


@router.get("/videos/characters/{character_id}", response_model=Character, tags=["characters"])
async def get_character(request: Request, key: Reader, character_id: str) -> Response:
    """One of your characters."""
    return JSONResponse(await run_in_threadpool(characters.get, request.app.state.store, key, character_id))


@router.delete("/videos/characters/{character_id}", response_model=Deleted, tags=["characters"])
async def delete_character(request: Request, key: Maker, character_id: str) -> Response:
    """Delete a character with its clip."""
    state = request.app.state
    await run_in_threadpool(characters.remove, state.store, state.depot, key, character_id)
    return JSONResponse({"id": character_id, "deleted": True, "object": "character.deleted"})


@router.post("/files", response_model=File, openapi_extra=body_of("file"), tags=["files"])
async def create_file(request: Request, key: Maker) -> Response:
    """Bring a film or picture once, to start from it by its id: `input_reference={"file_id": …}`."""
    asked, state = read_upload(await read_fields(request)), request.app.state
    return await _kept(request, key, lambda intake: files.keep(state.store, state.depot, key, asked, intake))


@router.get("/files", response_model=FileList, tags=["files"])
async def list_files(
    request: Request,
    key: Reader,
    after: Annotated[str | None, Query(max_length=100)] = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
    order: Literal["asc", "desc"] = "desc",
    purpose: Annotated[str | None, Query(max_length=32)] = None,
) -> Response:
    """Your files, a page at a time."""

    def work() -> tuple[list[dict[str, Any]], bool]:
        store = request.app.state.store
        return files.listed(store, key, after, limit, descending=order == "desc", purpose=purpose)

    return JSONResponse(page(*await run_in_threadpool(work)))


@router.get("/files/{file_id}", response_model=File, tags=["files"])
async def get_file(request: Request, key: Reader, file_id: str) -> Response:
    """One of your files."""
    row = await run_in_threadpool(file_of, request.app.state.store, key, file_id)
    return JSONResponse(files.told(row._mapping))


@router.delete("/files/{file_id}", response_model=Deleted, tags=["files"])
async def delete_file(request: Request, key: Maker, file_id: str) -> Response:
    """Delete a file; a film that is still to be made of it fails."""
    state = request.app.state

    def work() -> None:
        files.remove(state.store, state.depot, file_of(state.store, key, file_id))

    await run_in_threadpool(work)
    return JSONResponse({"id": file_id, "deleted": True, "object": "file"})


@router.get(
    "/files/{file_id}/content",
    response_class=Response,
    tags=["files"],
    responses={200: {"content": {kind: {} for kind in KINDS.values()}, "description": "The bytes."}},
)
async def file_content(request: Request, key: Reader, file_id: str) -> Response:
    """The bytes of one of your files."""
    row = await run_in_threadpool(file_of, request.app.state.store, key, file_id)
    suffix = row.holds["suffix"]
    headers = {"Content-Length": str(row.bytes), "Content-Disposition": f'attachment; filename="{row.id}{suffix}"'}
    parts = parts_of(request.app.state.depot, row.name, 0, row.bytes)
    return StreamingResponse(parts, headers=headers, media_type=KINDS.get(suffix, "application/octet-stream"))
