"""Films made by another Kinema, a server in processes of its own, as seen from the terminal and from Python."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import kinema
from kinema import cli
from kinema.backends import Step
from kinema.clip import Clip
from kinema.errors import (
    BackendError,
    ClipError,
    DurationError,
    OutputError,
    PromptError,
    RecipeError,
    RefusedError,
    RemoteError,
    SizeError,
)
from tests.interrupting import run_until
from tests.other_server import other
from tests.serving import PROMPT, TINY, Server

SLOW = {"seconds": "16", "steps": 200, "size": "48x32"}


@pytest.fixture(autouse=True)
def own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def newest(server: Server) -> dict[str, object]:
    """The server's newest video."""
    return json.loads(server.ask("GET", "/v1/videos?limit=1")[2])["data"][0]


def test_the_same_recipe_gives_the_same_film_and_the_same_object_there_as_here(
    server: Server, tiny_model: Path, capsys: pytest.CaptureFixture[str]
):
    words = ["generate", PROMPT, "--seed", "3", "--seconds", "0.5", "--size", "48x32", "--json", "--sheet"]
    assert cli.run([*words, "-o", "here.mp4"]) == 0
    here, said_here = capsys.readouterr()
    assert cli.run([*words, "-o", "there.mp4", "--server", server.url]) == 0
    there, said_there = capsys.readouterr()
    assert Path("there.mp4").read_bytes() == server.ask("GET", f"/v1/videos/{newest(server)['id']}/content")[2]
    assert np.array_equal(Clip.read("here.mp4").frames, Clip.read("there.mp4").frames)
    own = {"path", "sheet", "wall_s", "energy_wh", "notes"}
    found = [{name: value for name, value in json.loads(each).items() if name not in own} for each in (here, there)]
    assert found[0] == found[1] and set(json.loads(here)) == set(json.loads(there))
    assert all("A red dog jumps up and down in the snow during the day." in said for said in (said_here, said_there))
    assert Path("there.sheet.png").exists()


def test_several_films_are_named_after_prompt_and_seed(server: Server, capsys: pytest.CaptureFixture[str]):
    words = ["-n", "2", "--seed", "5", "--seconds", "0.5", "--size", "48x32", "--private", "--progress"]
    assert cli.run(["generate", PROMPT, *words, "--server", f"{server.url}/v1/"]) == 0
    out, err = capsys.readouterr()
    assert [line.rpartition(" · ")[0] for line in out.splitlines()] == [
        "a-red-dog-jumps-in-the-snow-5-1.mp4 · seed 5",
        "a-red-dog-jumps-in-the-snow-5-2.mp4 · seed 6",
    ]
    assert "film 2 of 2" in err and err.count("I read") == 0  # a private film's words are not in it


def test_films_and_pictures_are_sent_along(server: Server):
    picture = np.random.default_rng(0).integers(0, 255, (32, 48, 3), np.uint8)
    Image.fromarray(picture).save("dog.png")
    begun = kinema.animate("dog.png", "begun.mp4", prompt=PROMPT, server=server.url, seconds="0.5")
    assert begun.recipe.task == "animate" and (begun.clip.width, begun.clip.height) == (48, 32)
    lost = [(0, "0.25")]
    filled = kinema.fill("begun.mp4", prompt=PROMPT, lost=lost, server=kinema.Server(server.url))
    assert filled.path is None and len(filled.clip) == len(begun.clip)
    longer = kinema.extend(begun.clip, prompt=PROMPT, server=server.url, seconds="0.5", direction="backward")
    assert len(longer.clip) == 2 * len(begun.clip) and longer.recipe.how.direction == "backward"
    again = kinema.Server(server.url).make(begun.recipe.changed(sources=[{"path": "dog.png"}]))
    assert np.array_equal(again.clip.frames, begun.clip.frames)


def test_previews_are_seen_and_a_stop_there_keeps_what_was_made(server: Server):
    seen: list[int] = []

    def watch(step: Step) -> None:
        seen.append(step.done)
        if (step.look() != 128).any() and server.ask("HEAD", f"/v1/videos/{newest(server)['id']}/content")[0] == 200:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        kinema.generate(PROMPT, "dog.mp4", server=server.url, on_step=watch, **SLOW | {"seconds": "60", "steps": 60})
    assert seen == sorted(seen) and newest(server)["status"] == "cancelled"
    assert 0 < len(Clip.read("dog.part.mp4")) < 480 and not Path("dog.mp4").exists()


def test_ctrl_c_in_the_terminal_stops_every_film_of_the_request(server: Server, capsys: pytest.CaptureFixture[str]):
    arguments = ["generate", PROMPT, "--server", server.url, "-n", "2", "-o", "dog.mp4", "--seconds", "16"]
    code = run_until(Path("dog-1.part.mp4").exists, [*arguments, "--steps", "200"])
    out, err = capsys.readouterr()
    assert (code, out) == (130, "") and "Traceback" not in err
    assert err.splitlines()[-1].startswith("kinema: stopped; ")
    last = json.loads(server.ask("GET", "/v1/videos?limit=2")[2])["data"]
    assert {video["status"] for video in last} == {"cancelled"}


@pytest.mark.parametrize(
    ("parts", "kind", "says"),
    [
        ({"prompt": "Darth Vader fights Batman"}, RefusedError, r"^a character, work or brand .* installation$"),
        ({"prompt": ""}, PromptError, r"^the prompt is empty"),
        ({"size": "4000x50"}, SizeError, r"^a film of 4000x50 is too large"),
        ({"seconds": 1000}, DurationError, r"at most 60 are made"),
        ({"model": "nothing"}, RecipeError, r"^there is no model 'nothing'"),
        ({"steps": 10_000}, RecipeError, r"^10000 steps are too many"),
        ({"path": "dog.gif"}, OutputError, r"^dog.gif does not end in .mp4"),
        ({"path": "nowhere/dog.mp4"}, OutputError, r"^the folder nowhere does not exist"),
    ],
)
def test_what_is_wrong_is_the_same_error_as_here(
    server: Server, parts: dict[str, object], kind: type[Exception], says: str
):
    with pytest.raises(kind, match=says) as raised:
        kinema.generate(**{"prompt": PROMPT, **TINY, "server": server.url} | parts)
    if kind is RefusedError:
        assert raised.value.category == "ip"
    assert list(Path().iterdir()) == []


def test_what_an_energy_limit_ends_says_so_and_is_made_no_further(server: Server):
    recipe = kinema.Recipe(prompt=PROMPT, **SLOW)
    with pytest.raises(RecipeError, match="Wh are allowed"):
        kinema.Server(server.url).make(recipe, Path("dog.mp4"), limits=kinema.Limits(max_energy_wh=0.0005))
    assert newest(server)["status"] == "failed" and not Path("dog.mp4").exists()


def test_what_cannot_be_sent_is_refused_before_anything_is(tmp_path: Path):
    nowhere = "http://127.0.0.1:9"
    (tmp_path / "frames").mkdir()
    with pytest.raises(ClipError, match="frames is a folder, which is not sent"):
        kinema.extend("frames", prompt=PROMPT, server=nowhere)
    with pytest.raises(ClipError, match=r"there is no file dog\.mp4"):
        kinema.extend("dog.mp4", prompt=PROMPT, server=nowhere)
    with pytest.raises(RecipeError, match="extend takes"):
        kinema.Server(nowhere).make(kinema.Recipe(prompt=PROMPT, task="extend"))
    with pytest.raises(RecipeError, match="the server's to say"):
        kinema.Server(nowhere).make(kinema.Recipe(prompt=PROMPT), limits=kinema.Limits(review_all=True))


def test_a_server_that_is_no_kinema_is_not_given_recipes():
    with other() as url, pytest.raises(BackendError, match=r"is no Kinema, .* KINEMA_REMOTE=http"):
        kinema.generate(PROMPT, server=url)


def test_a_key_for_no_server_is_one_line(capsys: pytest.CaptureFixture[str]):
    assert cli.run(["generate", PROMPT, "--api-key", "sk-right"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("kinema: --api-key is shown to a server") and "sk-right" not in err


@pytest.mark.parametrize("url", ["", "localhost:8000", "ftp://gpu", "http://", "http://me:secret@gpu", "http://gpu:x"])
def test_an_address_that_is_none_is_one_line(url: str, capsys: pytest.CaptureFixture[str]):
    assert cli.run(["generate", PROMPT, "--server", url]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and "secret" not in err


def test_a_server_that_is_not_there_is_one_line(capsys: pytest.CaptureFixture[str]):
    with other() as url:
        gone = url
    assert cli.run(["generate", PROMPT, "--server", gone]) == 1
    assert capsys.readouterr().err.startswith(f"kinema: {gone} cannot be reached: ")


def test_the_key_is_shown_and_a_wrong_one_is_said(monkeypatch: pytest.MonkeyPatch):
    with other(key="sk-right") as url:
        for key in (None, "sk-wrong"):
            with pytest.raises(RemoteError, match=r"^wrong key .*KINEMA_API_KEY"):
                kinema.Server(url, key).make(kinema.Recipe(prompt=PROMPT))
        monkeypatch.setenv("KINEMA_API_KEY", "sk-right")
        with pytest.raises(BackendError, match="is no Kinema"):
            kinema.generate(PROMPT, server=url)
    assert "sk-right" not in repr(kinema.Server(url, "sk-right"))
