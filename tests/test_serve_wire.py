"""Their shapes as recipes, and what is answered: nothing of the network, nothing of a database."""

import json
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from kinema.errors import DurationError, KinemaError, OutputError, PromptError, RecipeError, RefusedError, SizeError
from kinema.how import Extend, Remix
from kinema.recipe import Recipe
from kinema.serve.content import range_of
from kinema.wire import (
    Told,
    envelope_of,
    event,
    page,
    poll_after_ms,
    read_character,
    read_create,
    read_edit,
    read_extend,
    read_form,
    read_remix,
    read_upload,
    seconds_text,
    video,
)

KEYS = {
    "id", "object", "model", "status", "progress", "created_at", "completed_at", "expires_at", "prompt", "size",
    "seconds", "remixed_from_video_id", "error",
}  # fmt: skip


def test_bracketed_fields_are_what_json_would_have_been():
    fields = [
        ("prompt", "a dog"),
        ("video[id]", "video_1"),
        ("input_reference[image_url]", "data:,"),
        ("characters[][id]", "a"),
        ("characters[][id]", "b"),
        ("sources[0][id]", "x"),
        ("sources[1][url]", "y"),
        ("how[lost][][]", "1"),
        ("how[keep]", "true"),
    ]
    whole = read_form(fields)
    assert whole["video"] == {"id": "video_1"} and whole["input_reference"] == {"image_url": "data:,"}
    assert whole["characters"] == [{"id": "a"}, {"id": "b"}]
    assert whole["sources"] == [{"id": "x"}, {"url": "y"}]


def test_json_within_a_field_is_read_where_an_object_is_meant():
    assert read_form([("how", '{"keep_every": 2}'), ("prompt", "{}")]) == {"how": {"keep_every": 2}, "prompt": "{}"}


@pytest.mark.parametrize(
    "fields",
    [
        [("a", "1"), ("a", "2")],
        [("a", "1"), ("a[b]", "2")],
        [("a[", "1")],
        [("", "1")],
        [("how", "{")],
        [("a[[b]]", "1")],
    ],
)
def test_fields_that_contradict_one_another_are_refused(fields: list[tuple[str, str]]):
    with pytest.raises(KinemaError):
        read_form(fields)


def test_a_request_for_sora_is_a_recipe():
    ask = read_create({"prompt": "a dog", "model": "sora-2", "seconds": "8", "size": "1280x720"})
    assert ask.recipe == Recipe(prompt="a dog", seconds=Fraction(8), size="1280x720")
    assert (ask.model, ask.media, ask.private, ask.max_energy_wh) == ("sora-2", (), False, None)


def test_a_picture_makes_it_the_first_frame():
    ask = read_create({"prompt": "a dog", "input_reference": {"image_url": "data:image/png;base64,AA=="}})
    assert ask.recipe.task == "animate" and ask.media[0].url == "data:image/png;base64,AA=="
    assert [source.path for source in ask.recipe.sources] == ["1"]


def test_a_file_may_be_named_by_its_id_and_expires_when_it_is_asked_to():
    ask = read_create({"prompt": "a dog", "input_reference": {"file_id": "file_1"}})
    assert (ask.media[0].file, ask.media[0].param, ask.recipe.task) == ("file_1", "input_reference", "animate")
    fields = [("file", "data:,a"), ("purpose", "vision"), ("expires_after[anchor]", "created_at")]
    upload = read_upload(read_form([*fields, ("expires_after[seconds]", "3600")]))
    assert (upload.seconds, upload.medium.url, upload.consent) == (3600, "data:,a", "")


def test_edits_extensions_and_remixes_are_tasks_of_one_film():
    extended = read_extend({"prompt": "a dog", "seconds": "4", "video": {"id": "video_1"}, "direction": "backward"})
    assert extended.recipe.how == Extend(direction="backward") and extended.recipe.seconds == 4
    edited = read_edit({"prompt": "a cat", "video": {"id": "video_1"}, "strength": "strong"})
    assert edited.recipe.how == Remix(strength="strong") and edited.remixed_from == "video_1"
    assert read_remix({"prompt": "a cat"}, "video_2").media[0].id == "video_2"


@pytest.mark.parametrize(
    ("read", "fields"),
    [
        (read_create, {}),
        (read_create, {"prompt": None}),
        (read_create, {"prompt": ["a"]}),
        (read_create, {"prompt": "a dog", "sources": "x"}),
        (read_create, {"prompt": "a dog", "sources": [{"path": "/etc/passwd"}]}),
        (read_create, {"prompt": "a dog", "sources": [{"id": "a", "url": "b"}]}),
        (read_create, {"prompt": "a dog", "sources": [5]}),
        (read_create, {"prompt": "a dog", "input_reference": "dog.png"}),
        (read_create, {"prompt": "a dog", "configuration": "x"}),
        (read_create, {"prompt": "a dog", "strength": 0.5}),
        (read_create, {"prompt": "a dog", "task": {}}),
        (read_create, {"prompt": "a dog", "how": {"task": []}}),
        (read_create, {"prompt": "a dog", "how": 5}),
        (read_create, {"prompt": "a dog", "private": "perhaps"}),
        (read_create, {"prompt": "a dog", "max_energy_wh": "nan"}),
        (read_create, {"prompt": "a dog", "characters": [{"name": "Rex"}]}),
        (read_edit, {"prompt": "a dog"}),
        (read_edit, {"prompt": "a dog", "video": {"id": ""}}),
        (read_edit, {"prompt": "a dog", "video": {"id": "a"}, "task": "loop"}),
        (read_extend, {"prompt": "a dog", "video": {"id": "a"}}),
        (read_character, {"name": "", "video": {"id": "a"}}),
        (read_character, {"name": "a" * 81, "video": {"id": "a"}}),
        (read_character, {"name": "Rex"}),
        (read_character, {"name": "Rex", "video": {"id": "a"}, "age": 3}),
        (read_character, {"name": "Rex", "video": {"id": "a"}, "consent": ["she"]}),
        (read_upload, {"purpose": "vision"}),
        (read_upload, {"file": {"id": "video_1"}, "purpose": "vision"}),
        (read_upload, {"file": {"file_id": "file_1"}, "purpose": "vision"}),
        (read_upload, {"file": {"url": "data:,"}}),
        (read_upload, {"file": {"url": "data:,"}, "purpose": ["vision"]}),
        (read_upload, {"file": {"url": "data:,"}, "purpose": "vision", "expires_after": 3600}),
        (read_upload, {"file": {"url": "data:,"}, "purpose": "vision", "expires_after": {"seconds": 3600}}),
        (read_upload, {"file": {"url": "data:,"}, "purpose": "vision", "consent": "a" * 301}),
    ],
)
def test_what_is_of_no_use_is_refused_in_one_line(read: Callable[[dict[str, Any]], object], fields: dict[str, Any]):
    with pytest.raises(KinemaError) as raised:
        read(fields)
    assert "\n" not in str(raised.value)


def test_a_video_object_has_all_its_keys_and_keeps_ours_behind():
    told = video(Told("video_1", "queued", "sora-2", "a dog", "128x128", "4", created_at=12.7))
    assert set(list(told)[: len(KEYS)]) == KEYS and set(told) == KEYS | {"seed", "fps", "task", "receipt"}
    assert (told["created_at"], told["completed_at"], told["error"]) == (12, None, None)
    assert json.loads(json.dumps(told)) == told


def test_pages_and_events():
    assert page([], False) == {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}
    assert (page([{"id": "a"}, {"id": "b"}], True)["first_id"], page([{"id": "a"}, {"id": "b"}], True)["last_id"]) == (
        "a",
        "b",
    )
    assert event("evt_1", "video.completed", "video_1", 5.5) == {
        "id": "evt_1", "object": "event", "created_at": 5, "type": "video.completed", "data": {"id": "video_1"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("error", "status", "code", "param"),
    [
        (PromptError("no"), 400, "invalid_value", "prompt"),
        (SizeError("no"), 400, "invalid_value", "size"),
        (RefusedError("no", "ip"), 400, "moderation_blocked", "prompt"),
        (RecipeError("no", part="steps"), 400, "invalid_value", "steps"),
        (DurationError("no", part="fps"), 400, "invalid_value", "fps"),
        (DurationError("no"), 400, "invalid_value", "seconds"),
        (RecipeError("no"), 400, "invalid_value", None),
        (OutputError("/secret/place is full"), 503, "no_room", None),
        (KinemaError("no"), 500, "server_error", None),
    ],
)
def test_errors_in_the_envelope(error: KinemaError, status: int, code: str, param: str | None):
    answer = envelope_of(error)
    body = answer.body["error"]
    assert (answer.status, body["code"], body["param"]) == (status, code, param)
    assert set(body) == {"message", "type", "param", "code"} and "/secret" not in body["message"]


def test_a_poll_is_neither_hasty_nor_late():
    assert [poll_after_ms(left) for left in (None, 0.0, 3.0, 1e9)] == [1000, 50, 1500, 10_000]
    assert [seconds_text(Fraction(text)) for text in ("4", "33/8", "1/3")] == ["4", "4.125", "0.333333"]


@pytest.mark.parametrize(
    ("header", "span"),
    [
        (None, (0, 100)),
        ("bytes=0-9", (0, 10)),
        ("bytes=90-", (90, 100)),
        ("bytes=90-1000", (90, 100)),
        ("bytes=-10", (90, 100)),
        ("bytes=-1000", (0, 100)),
        ("bytes=100-", None),
        ("bytes=-0", None),
        ("bytes=9-5", (0, 100)),
        ("bytes=0-1,5-6", (0, 100)),
        ("frames=0-1", (0, 100)),
    ],
)
def test_ranges(header: str | None, span: tuple[int, int] | None):
    assert range_of(header, 100) == span
