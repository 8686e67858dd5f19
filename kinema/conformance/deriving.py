"""Questions about films that are made from films, and about characters."""

from __future__ import annotations

from typing import Any

import openai
from openai.types import Video

from kinema.conformance.visit import Check, UntriedError, Visit, envelope, expect


def _of(visit: Visit) -> dict[str, Any]:
    """The first film by its id. The client (3.54 to 3.57) takes no object for `video`, but sends this one bracketed."""
    return {"video": openai.omit, "extra_body": {"video": {"id": visit.film().id}}}


def _upload(visit: Visit) -> tuple[str, bytes, str]:
    if "film" not in visit.told:
        raise UntriedError("there is no film to send")
    return "film.mp4", visit.told["film"], "video/mp4"


def _remix(visit: Visit) -> str:
    first = visit.film()
    video = visit.completed(visit.client.videos.remix(first.id, prompt="a blue dog jumps in the snow"))
    found = video.remixed_from_video_id
    expect(found == first.id, f"remixed_from_video_id is {found!r}")
    return ""


def _edit(visit: Visit) -> str:
    visit.completed(visit.client.videos.edit(prompt="a blue dog jumps in the snow", **_of(visit)))
    return ""


def _edit_upload(visit: Visit) -> str:
    visit.completed(visit.client.videos.edit(prompt="a blue dog jumps in the snow", video=_upload(visit)))
    return ""


def _extend(visit: Visit) -> str:
    video = visit.client.videos.extend(prompt="the dog runs", seconds=visit.seconds, **_of(visit))  # type: ignore[arg-type]
    video = visit.completed(video)
    total = 2 * float(visit.seconds)
    expect(float(video.seconds) == total, f"seconds are {video.seconds}, and the whole film has {total:g}")
    clip = visit.clip_of(video)
    expect(abs(float(clip.seconds) - total) <= 2 / float(clip.fps), f"{float(clip.seconds):.4g} s came, not {total:g}")
    return f"{total:g} s in all"


def _character(visit: Visit) -> str:
    made = visit.client.videos.create_character(name="Rex", video=_upload(visit))
    visit.told["character"] = made.id
    expect(made.name == "Rex" and bool(made.id), f"it is {made.id!r} named {made.name!r}")
    return ""


def _get_character(visit: Visit) -> str:
    found = visit.client.videos.get_character(_known(visit))
    expect(found.name == "Rex" and isinstance(found.created_at, int), f"it is named {found.name!r}")
    return ""


def _with_character(visit: Visit) -> str:
    wishes = visit.wishes | {"prompt": "Rex jumps in the snow", "characters": [{"id": _known(visit)}]}
    try:
        visit.completed(visit.client.post("/videos", body=wishes, cast_to=Video))
    except openai.BadRequestError as error:
        return f"refused by name: {str(envelope(error)['message'])[:80]}"
    return ""


def _known(visit: Visit) -> str:
    if "character" not in visit.told:
        raise UntriedError("there is no character")
    return str(visit.told["character"])


CHECKS = (
    Check("films of films", "remix", _remix, needed=True, quick=False, films=1),
    Check("films of films", "edit, of a film by its id", _edit, quick=False, films=1),
    Check("films of films", "edit, of a film that is sent", _edit_upload, quick=False, films=1),
    Check("films of films", "extension, its seconds those of the whole", _extend, quick=False, films=1),
    Check("characters", "create, from a clip", _character),
    Check("characters", "retrieve", _get_character),
    Check("characters", "a film with one, or refused by name", _with_character, quick=False, films=1),
)
