"""Questions about making a film, watching it, listing films and fetching what was made."""

from __future__ import annotations

import base64
from io import BytesIO
from typing import Any

import openai
from openai.types import Video
from PIL import Image

from kinema.conformance.visit import KEYS, BrokenError, Check, Visit, expect

STATUSES = ("queued", "in_progress", "completed")


def _form(visit: Visit) -> str:
    answer = visit.client.videos.with_raw_response.create(**visit.wishes)
    video = visit.kept(answer.parse())
    visit.first = video
    visit.told["created"] = answer.http_response.json()
    visit.told["headers"] = answer.headers
    expect(video.object == "video", f"object is {video.object!r}")
    expect(video.status in STATUSES, f"status is {video.status!r}")
    expect(isinstance(video.created_at, int), f"created_at is {video.created_at!r}")
    return ""


def _keys(visit: Visit) -> str:
    created = visit.created()
    lacks = [name for name in KEYS if name not in created]
    expect(not lacks, f"it lacks {', '.join(lacks)}")
    return ""


def _echo(visit: Visit) -> str:
    created = visit.created()
    for name in ("size", "seconds"):
        said, asked = created.get(name), visit.wishes[name]
        expect(str(said) == asked, f"{name} {asked} was asked for, and {said} is said")
    return ""


def _poll_header(visit: Visit) -> str:
    visit.begun(visit.first)
    said = visit.told["headers"].get("openai-poll-after-ms")
    expect(said is None or str(said).isdigit(), f"openai-poll-after-ms is {said!r}")
    return f"in {said} ms" if said else "it says nothing, so the client waits a second"


def _progress(visit: Visit) -> str:
    first = visit.begun(visit.first)
    seen = [first.progress]
    visit.first = visit.ended(first, lambda video: seen.append(video.progress))
    expect(all(isinstance(each, int) and 0 <= each <= 100 for each in seen), f"progress is {seen}")
    expect(seen == sorted(seen), f"progress falls: {seen}")
    expect(seen[-1] == 100, f"a completed film is at {seen[-1]}")
    return f"{len(set(seen))} values seen"


def _json(visit: Visit) -> str:
    visit.second = visit.kept(visit.client.post("/videos", body=visit.wishes, cast_to=Video))
    expect(visit.second.status in STATUSES, f"status is {visit.second.status!r}")
    return ""


def _polled(visit: Visit) -> str:
    visit.second = visit.client.videos.poll(visit.begun(visit.second).id)
    expect(visit.second.status == "completed", f"it ended as {visit.second.status}")
    expect(isinstance(visit.second.completed_at, int), f"completed_at is {visit.second.completed_at!r}")
    return ""


def _create_and_poll(visit: Visit) -> str:
    video = visit.kept(visit.client.videos.create_and_poll(**visit.wishes))
    expect(video.status == "completed", f"it ended as {video.status}")
    return ""


def _listed(visit: Visit) -> str:
    found = [video.id for video in visit.client.videos.list(limit=100)]
    lacks = [id for id in visit.made if id not in found]
    expect(not lacks, f"{len(lacks)} of {len(visit.made)} films are not in it")
    expect(len(found) == len(set(found)), "some are in it twice")
    return ""


def _pages(visit: Visit) -> str:
    visit.begun(visit.second)
    page = visit.client.videos.list(limit=1)
    expect(len(page.data) == 1, f"limit=1 gives {len(page.data)}")
    expect(page.last_id == page.data[0].id, f"last_id is {page.last_id!r}")
    expect(page.has_more is True, f"has_more is {page.has_more!r}")
    after = visit.client.videos.list(limit=1, after=page.data[0].id).data
    expect(len(after) == 1 and after[0].id != page.data[0].id, "the page after the first is the first again, or empty")
    return ""


def _order(visit: Visit) -> str:
    newest = [video.created_at for video in visit.client.videos.list(limit=2, order="desc").data]
    oldest = [video.created_at for video in visit.client.videos.list(limit=2, order="asc").data]
    expect(newest == sorted(newest, reverse=True) and oldest == sorted(oldest), f"desc {newest}, asc {oldest}")
    down = [video.id for video in visit.client.videos.list(limit=100, order="desc")]
    up = [video.id for video in visit.client.videos.list(limit=100, order="asc")]
    expect(
        [id for id in up if id in visit.made] == [id for id in reversed(down) if id in visit.made], "asc is not desc"
    )
    return ""


def _content(visit: Visit) -> str:
    film = visit.client.videos.download_content(visit.film().id).read()
    visit.told["film"], visit.told["clip"] = film, visit.decoded(film)
    return f"{len(film):,} bytes"


def _clip(visit: Visit) -> Any:
    visit.film()
    if "clip" not in visit.told:
        raise BrokenError("its film cannot be read")
    return visit.told["clip"]


def _size(visit: Visit) -> str:
    clip = _clip(visit)
    expect((clip.width, clip.height) == visit.area, f"{visit.size} was asked for, {clip.width}x{clip.height} came")
    return ""


def _seconds(visit: Visit) -> str:
    clip = _clip(visit)
    found, asked = float(clip.seconds), float(visit.seconds)
    expect(abs(found - asked) <= 2 / float(clip.fps), f"{asked:g} s were asked for, {found:.4g} came")
    return "" if found == asked else f"{found:.4g} s"


def _variant(visit: Visit, variant: Any, kind: str) -> str:
    picture = visit.client.videos.download_content(visit.film().id, variant=variant).read()
    try:
        with Image.open(BytesIO(picture)) as image:
            found, size = image.format, image.size
    except OSError:
        raise BrokenError("it is no picture") from None
    expect(found == kind, f"it is {found}, not {kind}")
    return f"{size[0]}x{size[1]}"


def _range(visit: Visit) -> str:
    answer = _fetched(visit, {"Range": "bytes=10-19"})
    expect(answer.status_code == 206, f"the answer to Range is {answer.status_code}, not 206")
    expect(answer.read() == visit.told.get("film", b"")[10:20], "these are other bytes")
    return str(answer.headers.get("content-range", ""))


def _etag(visit: Visit) -> str:
    tag = _fetched(visit, {"Range": "bytes=0-0"}).headers.get("etag")
    expect(bool(tag), "there is no ETag")
    try:
        status = _fetched(visit, {"If-None-Match": tag}).status_code
    except openai.APIStatusError as error:  # to the client, 304 is an error
        status = error.status_code
    expect(status == 304, f"the answer to If-None-Match is {status}, not 304")
    return ""


def _fetched(visit: Visit, headers: dict[str, str]) -> Any:
    return visit.client.videos.download_content(visit.film().id, extra_headers=headers).response


def _png(visit: Visit) -> bytes:
    file = BytesIO()
    Image.new("RGB", visit.area, (90, 140, 60)).save(file, "PNG")
    return file.getvalue()


def _file(visit: Visit) -> str:
    reference = ("first.png", _png(visit), "image/png")
    return _begins(visit, visit.client.videos.create(**visit.wishes, input_reference=reference))


def _image_url(visit: Visit) -> str:
    url = f"data:image/png;base64,{base64.b64encode(_png(visit)).decode()}"
    return _referring(visit, {"image_url": url})


def _file_id(visit: Visit) -> str:
    kept = visit.client.files.create(file=("first.png", _png(visit), "image/png"), purpose="vision")
    try:
        return _referring(visit, {"file_id": kept.id})
    finally:
        visit.client.files.delete(kept.id)


def _referring(visit: Visit, reference: dict[str, str]) -> str:
    """The client (3.54 to 3.57) trips over an object for input_reference itself, but sends this one bracketed."""
    return _begins(visit, visit.client.videos.create(**visit.wishes, extra_body={"input_reference": reference}))


def _begins(visit: Visit, video: Video) -> str:
    """How far the first frame of the film is from the picture that it was to begin with, in levels of 255."""
    clip = visit.clip_of(visit.completed(video))
    mean = clip.frames[0].reshape(-1, 3).mean(0)
    off = float(abs(mean - (90, 140, 60)).max())
    expect(off < 24, f"its first frame is another's: {off:.0f} of 255 off on average")
    return f"first frame {off:.1f} of 255 off on average"


CHECKS = (
    Check("create", "a form, as the client sends it", _form, needed=True, films=1),
    Check("create", "all keys are in the answer", _keys),
    Check("create", "size and seconds are those asked for", _echo),
    Check("create", "says when to ask again", _poll_header),
    Check("retrieve", "progress never falls, and ends at 100", _progress, needed=True),
    Check("create", "JSON", _json, needed=True, films=1),
    Check("retrieve", "poll, until it is completed", _polled, needed=True),
    Check("create", "create_and_poll", _create_and_poll, needed=True, quick=False, films=1),
    Check("list", "holds every film once", _listed, needed=True),
    Check("list", "a page at a time: limit, after, has_more", _pages, needed=True),
    Check("list", "order asc and desc", _order, needed=True),
    Check("content", "a film that decodes", _content, needed=True),
    Check("content", "is of the size asked for", _size, needed=True),
    Check("content", "is of the length asked for", _seconds, needed=True),
    Check("content", "thumbnail (webp)", lambda visit: _variant(visit, "thumbnail", "WEBP")),
    Check("content", "spritesheet (jpg)", lambda visit: _variant(visit, "spritesheet", "JPEG")),
    Check("content", "Range", _range),
    Check("content", "ETag", _etag),
    Check("reference", "a picture as a file", _file, quick=False, films=1),
    Check("reference", "a picture as image_url, data:", _image_url, quick=False, films=1),
    Check("reference", "a picture as file_id", _file_id, quick=False, films=1),
)
