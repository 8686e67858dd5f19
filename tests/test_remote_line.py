"""The line to a server: patience with a busy one, downloads and event streams that go on where they were broken."""

import json
from pathlib import Path
from urllib.request import urlopen

import pytest

from kinema.client import Body, Line, base_url, follow, in_kind
from kinema.client.answers import error_of
from kinema.clip import Clip
from kinema.errors import ClipError, DurationError, PromptError, RefusedError, RemoteError, SizeError
from tests.other_server import other

ASKED = Body.of_json({"prompt": "a dog", "size": "48x32", "seconds": "1"})


def log(url: str) -> list[str]:
    with urlopen(f"{url.removesuffix('/v1')}/log", timeout=10) as answer:
        return json.load(answer)["log"]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("http://gpu:8000", "http://gpu:8000/v1"),
        ("http://gpu:8000/", "http://gpu:8000/v1"),
        ("https://gpu/v1/", "https://gpu/v1"),
        ("https://gpu/films/v2", "https://gpu/films/v2"),
        ("https://gpu/films", "https://gpu/films/v1"),
    ],
)
def test_addresses_end_as_the_official_client_takes_them(said: str, meant: str):
    assert base_url(said) == meant


def test_a_busy_server_is_asked_again_and_makes_one_film():
    with other(busy=2) as url:
        assert Line(url).ask("POST", "/videos", ASKED)["id"] == "video_0"
        assert len(log(url)) == 1


def test_a_download_goes_on_where_it_was_broken(tmp_path: Path):
    with other(breaks=300) as url:
        line = Line(url)
        line.ask("POST", "/videos", ASKED)
        line.download("video_0", tmp_path / "film.mp4")
        assert log(url)[1:] == ["content from 0", "content from 300"]
    assert len(Clip.read(tmp_path / "film.mp4")) == 8


def test_a_film_beyond_the_limit_is_not_downloaded_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KINEMA_MAX_FILE_MB", "0.0001")
    with other() as url:
        line = Line(url)
        line.ask("POST", "/videos", ASKED)
        with pytest.raises(ClipError, match="KINEMA_MAX_FILE_MB"):
            line.download("video_0", tmp_path / "film.mp4")


def test_a_stream_of_events_goes_on_where_it_was_broken():
    picture = {"progress": 40, "image_url": "data:image/webp;base64,AAEC"}
    events = [
        ["queued", {}],
        ["progress", {"progress": 20}],
        ["preview", picture],
        ["progress", {"progress": 10}],
        ["completed", {"video": {"status": "completed"}}],
    ]
    with other(events=events) as url:
        line = Line(url)
        line.ask("POST", "/videos", ASKED)
        news = list(follow(line, "video_0"))
        assert log(url)[1:] == ["events after 0", "events after 2", "events after 4"]
    assert [each.progress for each in news] == [20, 40, 40, 40]
    assert [each.picture for each in news] == [None, b"\0\1\2", None, None]
    assert news[-1].video == {"status": "completed"}


def test_a_server_without_events_is_asked_again_and_again():
    with other(progress=[0, 30, 20]) as url:
        line = Line(url)
        line.ask("POST", "/videos", ASKED)
        news = list(follow(line, "video_0"))
    assert [each.progress for each in news] == [0, 30, 30, 100]
    assert news[-1].video and news[-1].video["status"] == "completed"


def test_a_film_that_is_not_there_is_said():
    with other() as url, pytest.raises(RemoteError, match="there is nothing"):
        list(follow(Line(url), "video_9"))


@pytest.mark.parametrize(
    ("status", "body", "kind", "says"),
    [
        (400, {"error": {"message": "no.", "param": "size", "code": "x"}}, SizeError, "no."),
        (400, {"error": {"message": "no.", "param": "seconds", "code": "x"}}, DurationError, "no."),
        (
            422,
            {"detail": [{"loc": ["body", "prompt"], "msg": "Field required"}]},
            PromptError,
            "prompt: Field required",
        ),
        (400, {"error": {"message": "no [ip]", "code": "moderation_blocked"}}, RefusedError, "no"),
        (500, {"error": {"message": "broken", "code": None}}, RemoteError, "broken"),
        (502, "<html>Bad gateway</html>", RemoteError, "gpu answers 502 and says nothing"),
        (503, {"detail": "starting"}, RemoteError, "starting"),
    ],
)
def test_errors_of_any_shape_are_said_in_the_servers_own_words(
    status: int, body: object, kind: type[Exception], says: str
):
    data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    error = in_kind(error_of(status, data, "gpu"))
    assert type(error) is kind and str(error) == says
