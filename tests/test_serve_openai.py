"""The official client, unmodified, against a server in processes of its own."""

import asyncio
import time
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import openai
import pytest
from PIL import Image

from kinema.clip import Clip
from tests.serving import PROMPT, TINY, Server

pytestmark = pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning")


@pytest.fixture
def client(server: Server) -> openai.OpenAI:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as client:
        yield client


def picture() -> bytes:
    file = BytesIO()
    Image.fromarray(np.full((32, 48, 3), 90, np.uint8)).save(file, "PNG")
    return file.getvalue()


def of(id: str) -> dict[str, object]:
    """A film by its id. The client (3.54 to 3.57) takes no object for `video` itself, but sends this one bracketed."""
    return {"video": openai.omit, "extra_body": {"video": {"id": id}}}


def saved(client: openai.OpenAI, id: str, folder: Path) -> Clip:
    path = folder / f"{id}.mp4"
    client.videos.download_content(id).write_to_file(path)
    return Clip.read(path)


def test_code_for_sora_works_with_another_base_url(client: openai.OpenAI, tmp_path: Path):
    video = client.videos.create_and_poll(model="sora-2", prompt=PROMPT, seconds="1", size="720x1280")
    assert (video.status, video.model, video.size, video.seconds, video.progress) == (
        "completed", "sora-2", "720x1280", "1", 100
    )  # fmt: skip
    assert video.completed_at and video.expires_at and video.error is None
    clip = saved(client, video.id, tmp_path)
    assert (clip.width, clip.height, clip.seconds) == (720, 1280, 1)
    assert any("720x1280 is made at" in note for note in video.receipt["notes"])


def test_thumbnail_and_sprite_sheet_are_pictures(client: openai.OpenAI):
    video = client.videos.create_and_poll(prompt=PROMPT, **TINY)
    thumbnail = client.videos.download_content(video.id, variant="thumbnail")
    sheet = client.videos.download_content(video.id, variant="spritesheet")
    assert Image.open(BytesIO(thumbnail.read())).format == "WEBP"
    assert Image.open(BytesIO(sheet.read())).format == "JPEG"


def test_a_film_is_downloaded_as_a_stream(client: openai.OpenAI):
    video = client.videos.create_and_poll(prompt=PROMPT, **TINY)
    with client.videos.with_streaming_response.download_content(video.id) as answer:
        whole = b"".join(answer.iter_bytes(1000))
    assert whole == client.videos.download_content(video.id).read()


def test_a_picture_begins_the_film_whichever_way_it_comes(client: openai.OpenAI):
    import base64

    data = f"data:image/png;base64,{base64.b64encode(picture()).decode()}"
    by_file = client.videos.create(prompt=PROMPT, input_reference=("dog.png", picture(), "image/png"), **TINY)
    by_address = client.videos.create(prompt=PROMPT, extra_body={"input_reference": {"image_url": data}}, **TINY)
    for video in (by_file, by_address):
        done = client.videos.poll(video.id)
        assert (done.status, done.task) == ("completed", "animate")


def test_edits_extensions_and_remixes_of_a_film(client: openai.OpenAI, tmp_path: Path):
    first = client.videos.create_and_poll(prompt=PROMPT, **TINY)
    longer = client.videos.poll(client.videos.extend(prompt=PROMPT, seconds="4", **of(first.id)).id)
    assert (longer.status, longer.seconds, saved(client, longer.id, tmp_path).seconds) == ("completed", "4.5", 4.5)
    edited = client.videos.poll(client.videos.edit(prompt="a blue dog jumps", **of(first.id)).id)
    remixed = client.videos.poll(client.videos.remix(first.id, prompt="a blue dog jumps").id)
    for video in (edited, remixed):
        assert (video.status, video.remixed_from_video_id, video.seconds) == ("completed", first.id, "0.5")
    upload = client.videos.download_content(first.id).read()
    again = client.videos.edit(prompt="a blue dog jumps", video=("dog.mp4", upload, "video/mp4"))
    assert client.videos.poll(again.id).status == "completed"


def test_a_character_is_played_by_what_its_clip_says_that_it_shows(client: openai.OpenAI, server: Server):
    film = client.videos.create_and_poll(prompt=PROMPT, **TINY)
    clip = client.videos.download_content(film.id).read()
    made = client.videos.create_character(name="Rex", video=("rex.mp4", clip, "video/mp4"))
    assert client.videos.get_character(made.id).name == made.name == "Rex"
    cast = {"characters": [{"id": made.id}]}
    played = client.videos.create(prompt="Rex runs on the beach", **TINY, extra_body=cast)
    done = client.videos.poll(played.id)
    assert (done.status, done.prompt) == ("completed", "Rex runs on the beach")
    assert "Rex is a red dog" in done.receipt["notes"][0]
    film_of = client.videos.download_content(done.id).read()
    named = client.videos.create_and_poll(prompt="a red dog runs on the beach", extra_body={"seed": done.seed}, **TINY)
    assert saved_frames(film_of) == saved_frames(client.videos.download_content(named.id).read())
    with pytest.raises(openai.BadRequestError, match="the prompt does not name the character 'Rex'"):
        client.videos.create(prompt="a dog runs", extra_body=cast)
    assert server.ask("DELETE", f"/v1/videos/characters/{made.id}")[0] == 200
    with pytest.raises(openai.NotFoundError):
        client.videos.get_character(made.id)


def saved_frames(film: bytes) -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        path.write_bytes(film)
        return Clip.read(path).frames.tobytes()


def test_a_character_that_nobody_can_tell_is_refused_by_name(client: openai.OpenAI):
    made = client.videos.create_character(name="Tom", video=("tom.png", picture(), "image/png"))
    with pytest.raises(openai.BadRequestError, match="native cannot make a film that resembles 'Tom'") as raised:
        client.videos.create(prompt="Tom runs", extra_body={"characters": [{"id": made.id}]})
    assert raised.value.param == "characters"


def test_a_file_is_brought_once_and_started_from_by_its_id(client: openai.OpenAI, server: Server):
    uploads = server.home / "serve" / "films" / "uploads"
    before = set(uploads.glob("*"))
    file = client.files.create(file=("dog.png", picture(), "image/png"), purpose="vision")
    assert (file.filename, file.bytes, file.purpose, file.object) == ("dog.png", len(picture()), "vision", "file")
    soon = {"anchor": "created_at", "seconds": 3600}
    other = client.files.create(file=("cat.png", picture(), "image/png"), purpose="user_data", expires_after=soon)
    assert other.expires_at == other.created_at + 3600 < file.expires_at
    assert [each.id for each in client.files.list(limit=1)] == [other.id, file.id]
    assert [each.id for each in client.files.list(purpose="vision", order="asc")] == [file.id]
    assert client.files.retrieve(file.id) == file and client.files.content(file.id).read() == picture()
    video = client.videos.create(prompt=PROMPT, extra_body={"input_reference": {"file_id": file.id}}, **TINY)
    done = client.videos.poll(video.id)
    assert (done.status, done.task) == ("completed", "animate")
    for each in (file, other):
        assert client.files.delete(each.id).deleted
        with pytest.raises(openai.NotFoundError):
            client.files.retrieve(each.id)
    assert set(uploads.glob("*")) == before


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ({"purpose": "batch"}, "'batch'"),
        ({"file": ("dog.txt", b"a dog", "text/plain")}, "cannot be read"),
        ({"expires_after": {"anchor": "created_at", "seconds": 5}}, "expires_after"),
        ({"extra_body": {"colour": "red"}}, "'colour'"),
    ],
)
def test_a_file_of_no_use_is_refused(client: openai.OpenAI, parts: dict[str, object], says: str):
    whole = {"file": ("dog.png", picture(), "image/png"), "purpose": "vision"} | parts
    with pytest.raises(openai.BadRequestError, match=says):
        client.files.create(**whole)


def test_pages_hold_every_film_once(client: openai.OpenAI):
    made = [client.videos.create(prompt=PROMPT, **TINY).id for _ in range(3)]
    newest = [video.id for video in client.videos.list(limit=2)]
    assert newest[:3] == made[::-1] and len(newest) == len(set(newest))
    assert [video.id for video in client.videos.list(limit=100, order="asc")] == newest[::-1]
    page = client.videos.list(limit=2)
    assert len(page.data) == 2 and page.has_more and page.last_id == page.data[1].id


def test_a_deleted_film_is_gone(client: openai.OpenAI, server: Server):
    video = client.videos.create_and_poll(prompt=PROMPT, **TINY)
    folder = server.home / "serve" / "films" / "films" / video.id
    assert list(folder.rglob("*.mp4"))
    answer = client.videos.delete(video.id)
    assert (answer.id, answer.deleted, answer.object) == (video.id, True, "video.deleted")
    assert not folder.exists()
    for ask in (client.videos.retrieve, client.videos.delete, client.videos.download_content):
        with pytest.raises(openai.NotFoundError):
            ask(video.id)


def test_a_refused_prompt_says_its_category(client: openai.OpenAI):
    with pytest.raises(openai.BadRequestError) as raised:
        client.videos.create(prompt="Darth Vader fights Batman")
    assert raised.value.code == "moderation_blocked" and "[ip]" in str(raised.value)


def test_one_key_makes_one_film(client: openai.OpenAI):
    headers = {"Idempotency-Key": f"once-{time.time_ns()}"}
    first, second = (client.videos.create(prompt=PROMPT, **TINY, extra_headers=headers) for _ in range(2))
    assert first.id == second.id
    with pytest.raises(openai.ConflictError):
        client.videos.create(prompt="a blue dog", **TINY, extra_headers=headers)


def test_a_retry_of_the_client_makes_no_second_film(client: openai.OpenAI):
    first = client.videos.create(prompt="a green dog jumps", **TINY)
    again = client.videos.create(prompt="a green dog jumps", **TINY, extra_headers={"x-stainless-retry-count": "1"})
    assert again.id == first.id
    client.videos.retrieve(first.id)
    later = client.videos.create(prompt="a green dog jumps", **TINY, extra_headers={"x-stainless-retry-count": "1"})
    assert later.id != first.id


def test_models_and_provenance(client: openai.OpenAI):
    names = {model.id for model in client.models.list()}
    assert {"native", "sora-2", "sora-2-pro"} <= names
    assert client.models.retrieve("sora-2").stands_for == "native"
    video = client.videos.create_and_poll(prompt=PROMPT, **TINY)
    film = client.videos.download_content(video.id).read()
    check = client.content_provenance_checks.create(file=("film.mp4", film, "video/mp4"))
    assert {result.type: result.outcome for result in check.results}["classifier"] == "cannot_tell"
    assert len(check.results) == 4


def test_the_client_that_does_not_block(server: Server):
    async def work() -> list[str]:
        async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="none") as client:
            made = await asyncio.gather(*(client.videos.create_and_poll(prompt=PROMPT, **TINY) for _ in range(3)))
            sizes = [len((await client.videos.download_content(video.id)).read()) for video in made]
            listed = [video.id async for video in client.videos.list(limit=2)]
            assert min(sizes) > 500 and {video.id for video in made} <= set(listed)
            await client.videos.delete(made[0].id)
            return [video.status for video in made]

    assert asyncio.run(work()) == ["completed"] * 3


def test_open_door_answers_this_machine_alone(server: Server):
    status, _, body = server.ask("GET", "/v1/videos", Host="evil.example")
    assert status == 403 and b"this machine alone" in body
    assert server.ask("POST", "/v1/videos", b"{}", Origin="http://evil.example")[0] == 403
