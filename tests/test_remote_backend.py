"""The remote backend: films of any server of the Videos API, checked, marked and signed here."""

import json
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pytest
from PIL import Image

import kinema
from kinema import cli
from kinema.backends import Step
from kinema.clip import Clip
from kinema.errors import BackendError, DurationError, RecipeError, RefusedError, RemoteError, SettingsError
from kinema.trust.verify import verify
from tests.other_server import other
from tests.serving import PROMPT, Server

SMALL = {"model": "remote", "fps": 8, "seconds": 2, "size": "48x32"}


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KINEMA_REMOTE_SIZE", "48x32")
    monkeypatch.chdir(tmp_path)


def at(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """The backend speaks to the server there."""
    from kinema import backends

    monkeypatch.setenv("KINEMA_REMOTE", url)
    backends.loaded.cache_clear()


def asked(url: str) -> list[dict[str, object]]:
    """What a server was asked to make, in order."""
    with urlopen(f"{url.removesuffix('/v1')}/log", timeout=10) as answer:
        return [json.loads(line) for line in json.load(answer)["log"] if line.startswith("{")]


def test_a_film_is_made_there_and_marked_and_signed_here(monkeypatch: pytest.MonkeyPatch):
    for name in ("WATERMARK", "CREDENTIALS", "REGISTRY"):
        monkeypatch.setenv(f"KINEMA_{name}", "on")
    monkeypatch.setenv("KINEMA_REMOTE_SIZE", "128x128")
    with other() as url:
        at(monkeypatch, url)
        film = kinema.generate(PROMPT, "dog.mp4", **SMALL | {"size": "128x128"}, seed=7)
        [said] = asked(url)
    assert (len(film.clip), film.clip.width, film.clip.height) == (16, 128, 128)
    assert (said["form"], said["size"], said["seconds"], said["num_frames"], said["fps"]) == (
        True,
        "128x128",
        "2",
        "16",
        "8",
    )
    assert film.recipe.configuration == "a server of the Videos API, model its own"
    assert verify(Path("dog.mp4")).state == "trusted"
    assert any("not in the receipt" in note for note in film.notes)


def test_the_same_seed_is_asked_for_with_the_same_recipe(monkeypatch: pytest.MonkeyPatch):
    with other() as url:
        at(monkeypatch, url)
        for seed in (7, 7, 8):
            kinema.generate(PROMPT, **SMALL, seed=seed)
        first, second, third = (said["seed"] for said in asked(url))
    assert first == second != third


def test_a_strict_server_is_asked_for_what_it_has_and_that_is_said(monkeypatch: pytest.MonkeyPatch):
    strict = {"known": ["prompt", "size", "seconds"], "sizes": ["1280x720", "720x1280"], "seconds": ["4", "8", "12"]}
    with other(**strict) as url:
        at(monkeypatch, url)
        film = kinema.generate(PROMPT, **SMALL)
        last = asked(url)[-1]
    assert last == {"form": True, "prompt": PROMPT, "size": "1280x720", "seconds": "4"}
    assert (len(film.clip), film.clip.width, film.clip.height) == (16, 48, 32)
    said = "; ".join(film.notes)
    for words in (
        "no 48x32; 1280x720 was",
        "no 2 seconds; 4 were",
        "takes no seed",
        "fitted to 48x32",
        "cut to the first 16",
    ):
        assert words in said


def test_what_a_person_asked_for_is_not_left_out_in_silence(monkeypatch: pytest.MonkeyPatch):
    with other(known=["prompt", "size", "seconds", "seed"]) as url:
        at(monkeypatch, url)
        with pytest.raises(RecipeError, match="Unknown parameter: 'steps'"):
            kinema.generate(PROMPT, **SMALL, steps=30)


def test_servers_that_read_forms_alone_or_json_alone_are_understood(monkeypatch: pytest.MonkeyPatch):
    for habits in ({"json": False}, {"form": False}):
        with other(**habits) as url:
            at(monkeypatch, url)
            assert len(kinema.generate(PROMPT, **SMALL).clip) == 16
            assert [said["form"] for said in asked(url)] == ["form" not in habits]


def test_a_picture_begins_the_film_bit_for_bit(monkeypatch: pytest.MonkeyPatch):
    picture = np.random.default_rng(0).integers(0, 255, (32, 48, 3), np.uint8)
    Image.fromarray(picture).save("dog.png")
    with other() as url:
        at(monkeypatch, url)
        film = kinema.animate("dog.png", prompt=PROMPT, **SMALL)
        [said] = asked(url)
    assert str(said["input_reference"]).endswith("bytes")
    assert np.array_equal(film.clip.frames[0], picture) and (film.clip.frames[1:] != picture).any()


def test_what_such_a_server_cannot_do_is_refused_by_name(monkeypatch: pytest.MonkeyPatch):
    at(monkeypatch, "http://127.0.0.1:9/v1")
    clip = Clip(np.zeros((16, 32, 48, 3), np.uint8), 8)
    with pytest.raises(BackendError, match="remote cannot fill a canvas that asks for regions; native can"):
        kinema.fill(
            clip, prompt=PROMPT, model="remote", fps=8, boxes=[{"left": 0, "top": 0, "right": 0.5, "bottom": 1}]
        )
    with pytest.raises(BackendError, match="remote cannot fill a canvas that asks for last"):
        kinema.extend(clip, prompt=PROMPT, model="remote", fps=8, seconds=1, direction="backward")


def test_a_refused_prompt_never_leaves_this_machine(monkeypatch: pytest.MonkeyPatch):
    with other() as url:
        at(monkeypatch, url)
        with pytest.raises(RefusedError):
            kinema.generate("Darth Vader fights Batman", **SMALL)
        assert asked(url) == []


def test_a_film_that_is_too_short_is_refused_with_the_length_that_fits(monkeypatch: pytest.MonkeyPatch):
    with other(lacks=1) as url:
        at(monkeypatch, url)
        with pytest.raises(BackendError, match="made 1 seconds where 2 were asked for; ask for at most 8 frames"):
            kinema.generate(PROMPT, **SMALL)


def test_a_film_that_fails_says_why(monkeypatch: pytest.MonkeyPatch):
    with other(fails={"code": "server_error", "message": "out of memory"}) as url:
        at(monkeypatch, url)
        with pytest.raises(RemoteError, match=r"^out of memory$"):
            kinema.generate(PROMPT, **SMALL)


def test_whoever_stops_here_stops_it_there(monkeypatch: pytest.MonkeyPatch):
    def stop(step: Step) -> None:
        raise KeyboardInterrupt

    with other(stops=True, progress=[0] * 1000) as url:
        at(monkeypatch, url)
        with pytest.raises(KeyboardInterrupt):
            kinema.generate(PROMPT, on_step=stop, **SMALL)
        with urlopen(f"{url}/videos/video_0", timeout=10) as answer:
            assert json.load(answer)["status"] == "cancelled"


def test_a_server_of_kinema_is_one_too(server: Server, monkeypatch: pytest.MonkeyPatch):
    at(monkeypatch, server.url)
    film = kinema.generate(PROMPT, model="remote", fps=8, seconds="0.5", size="48x32", seed=3)
    assert len(film.clip) == 4 and "cut to the first 4" in "; ".join(film.notes)


def test_from_the_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    with other(makes="96x64") as url:
        at(monkeypatch, url)
        words = ["--model", "remote", "--fps", "8", "--seconds", "2", "--size", "48x32", "-o", "a.mp4"]
        assert cli.run(["generate", PROMPT, *words]) == 0
        out, err = capsys.readouterr()
        assert cli.run(["show", "a.mp4", "--json"]) == 0
        shown = json.loads(capsys.readouterr().out)
        assert "--model remote" in shown["command"]
    assert out.startswith("a.mp4 · seed ") and out.count("\n") == 1
    assert "Note: the server's film of 96x64 at 8 fps was fitted to 48x32 at 8 fps" in err


def test_without_a_server_it_says_what_to_set(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(BackendError, match="set KINEMA_REMOTE to its address"):
        kinema.generate(PROMPT, model="remote")
    with pytest.raises(BackendError, match=r"there is no model 'sora'; there are native$"):
        kinema.generate(PROMPT, model="sora")
    at(monkeypatch, "gpu:8000")
    with pytest.raises(RecipeError, match="'gpu:8000' is no address of a server"):
        kinema.generate(PROMPT, model="remote")
    monkeypatch.setenv("KINEMA_REMOTE_SIZE", "large")
    with pytest.raises(SettingsError, match="KINEMA_REMOTE_SIZE is 'large'"):
        kinema.generate(PROMPT, model="remote")


def test_a_rate_that_no_server_makes_is_refused_before_it_is_asked_for(monkeypatch: pytest.MonkeyPatch):
    at(monkeypatch, "http://127.0.0.1:9/v1")
    with pytest.raises(DurationError, match="7 fps are not made"):
        kinema.generate(PROMPT, model="remote", made_fps=7)
