"""How far a film is, as it happens: from a server's stream of events, which goes on where it was broken, or by asking.

Kinema streams events and previews; other servers of the API are asked again and again.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from time import sleep
from typing import Any

import urllib3

from kinema.client.line import PART_BYTES, Line
from kinema.errors import RemoteError

ENDED_WELL = "completed"
UNDER_WAY = ("queued", "in_progress")
NOT_OFFERED = (404, 405, 406, 501)
MOST_EVENT_BYTES = 16 << 20


@dataclass(frozen=True)
class News:
    """A video is so far, in percent; `picture` is a preview's file, `video` its object where it has ended."""

    progress: int
    picture: bytes | None = None
    video: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class _Event:
    kind: str
    data: dict[str, Any]


def has_ended(video: Mapping[str, Any]) -> bool:
    """Whether a video is not being made any more; any state that is unknown is an end, as to the official client."""
    return video.get("status") not in UNDER_WAY


def follow(line: Line, video_id: str) -> Iterator[News]:
    """All news of a video; the last has the video itself, ended. Raises RemoteError."""
    heard, progress = "", 0
    while True:
        try:
            for number, event in _events(line, video_id, heard):
                heard = number or heard
                progress = _progress(event.data, progress)
                if isinstance(event.data.get("video"), dict):
                    yield News(progress, video=event.data["video"])
                    return
                if event.kind in ("progress", "preview"):
                    yield News(progress, _picture(event.data))
        except RemoteError as error:
            if error.status not in NOT_OFFERED:
                raise
            yield from _asked(line, video_id, progress)
            return
        sleep(0.5)


def _events(line: Line, video_id: str, heard: str) -> Iterator[tuple[str, _Event]]:
    """Events after the one that was heard last, with their numbers, until the stream ends or breaks."""
    headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": heard} if heard else {})
    with line.answer("GET", f"/videos/{video_id}/events", headers=headers) as answer:
        if not answer.headers.get("content-type", "").startswith("text/event-stream"):
            raise RemoteError(f"{line.host} streams no events", status=501)
        fields: dict[str, str] = {}
        for text in _lines(answer):
            name, _, value = text.partition(":")
            if text and name:
                fields[name] = value.removeprefix(" ")
            elif not text and "data" in fields:
                data = _object(fields["data"])
                yield fields.get("id", ""), _Event(fields.get("event", "message"), data)
                fields = {}


def _lines(answer: urllib3.BaseHTTPResponse) -> Iterator[str]:
    """Lines as they come, until the stream ends or breaks."""
    rest = b""
    while True:
        try:
            part = answer.read1(PART_BYTES)
        except urllib3.exceptions.HTTPError:
            return
        if not part or len(rest) > MOST_EVENT_BYTES:
            return
        *lines, rest = (rest + part).split(b"\n")
        yield from (each.decode("utf-8", "replace").rstrip("\r") for each in lines)


def _object(text: str) -> dict[str, Any]:
    try:
        whole = json.loads(text)
    except ValueError:
        return {}
    return whole if isinstance(whole, dict) else {}


def _progress(said: Mapping[str, Any], before: int) -> int:
    """In percent, never less than before."""
    progress = said.get("progress")
    return max(before, min(100, int(progress))) if isinstance(progress, int | float) else before


def _picture(data: Mapping[str, Any]) -> bytes | None:
    head, _, body = str(data.get("image_url", "")).partition(",")
    if not head.endswith(";base64"):
        return None
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error:
        return None


def _asked(line: Line, video_id: str, progress: int) -> Iterator[News]:
    """The same by asking; how soon again, the server says."""
    while True:
        video, wait = line.retrieve(video_id)
        progress = _progress(video, progress)
        if has_ended(video):
            yield News(progress, video=video)
            return
        yield News(progress)
        sleep(min(10.0, max(0.05, wait)))
