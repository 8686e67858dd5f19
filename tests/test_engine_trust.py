"""Laws of the chain's trust: whatever is written is marked and signed, and what may not be made is not."""

import random
import sys
from pathlib import Path

import numpy as np
import pytest

import kinema
from kinema import Limits, Recipe, cli, make
from kinema.backends import Step
from kinema.errors import RecipeError, RefusedError
from kinema.media import read_about
from kinema.trust.detect import detect
from kinema.trust.verify import verify, verify_replay
from kinema.trust.watermark import KeyRing, read
from kinema.trust.watermark.attacks import encoded
from kinema.world.render import render
from kinema.world.sampling import sample

PROMPT = "a red ball rolls to the right in a meadow"
PARTS = {"prompt": PROMPT, "width": 96, "height": 96, "seconds": 4, "seed": 3, "steps": 1}


@pytest.fixture(autouse=True)
def trusting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny_model: Path) -> None:
    monkeypatch.setenv("KINEMA_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("KINEMA_WATERMARK")
    monkeypatch.delenv("KINEMA_CREDENTIALS")
    monkeypatch.delenv("KINEMA_REGISTRY")


def recipe(**parts: object) -> Recipe:
    return Recipe.model_validate(PARTS | parts)


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".webp"])
def test_a_film_is_signed_marked_and_made_again(tmp_path: Path, suffix: str) -> None:
    film = make(recipe(), tmp_path / f"film{suffix}")
    assert film.path
    verdict = verify(film.path)
    assert verdict.is_trusted
    assert verify_replay(verdict, lambda said: make(Recipe.model_validate_json(said)).clip).same
    marked = kinema.Clip.read(film.path)
    assert not np.array_equal(marked.frames, film.clip.frames)
    found = read(marked, KeyRing().all())
    assert found.verdict == "yes"
    assert found.number == int(film.recipe.digest()[:6], 16)


def test_replay_reads_the_sources_as_often_as_one_making(tmp_path: Path) -> None:
    """Opening them again would cost a second decoding, and they could have changed between the two."""
    source = tmp_path / "source.mp4"
    make(recipe(seconds=1), source)
    asked = Recipe.model_validate({"task": "extend", "sources": [{"path": str(source)}], "seconds": 1, "steps": 1})
    opened: list[str] = []
    sys.addaudithook(lambda event, said: opened.append(str(said[0])) if event == "open" else None)
    make(asked, tmp_path / "longer.mp4")
    once = opened.count(str(source))
    opened.clear()
    assert cli.run(["verify", str(tmp_path / "longer.mp4"), "--replay"]) == 0
    assert 0 < opened.count(str(source)) <= once


def test_detect_hears_every_witness(tmp_path: Path) -> None:
    make(recipe(), tmp_path / "film.mp4")
    told = detect(tmp_path / "film.mp4").to_fields()
    assert told["credentials"]["answer"] == told["watermark"]["answer"] == told["fingerprint"]["answer"] == "yes"
    assert told["classifier"]["answer"] == "cannot tell"


def test_a_strangers_film_is_not_made_here_because_it_was_taken_further_here(tmp_path: Path) -> None:
    stranger = render(sample(random.Random(9_002)), width=96, height=96, frames=32)
    stranger.write(tmp_path / "stranger.mp4")
    asked = recipe(task="extend", sources=[{"path": str(tmp_path / "stranger.mp4")}], width=None, height=None)
    film = make(asked, tmp_path / "longer.mp4")
    told = detect(tmp_path / "stranger.mp4").fingerprint
    assert told.answer == "cannot tell" and told.error_rate is None
    assert told.evidence.startswith("these frames were given to a film made here, on 20")
    assert film.recipe.digest()[:12] in told.evidence
    encoded(kinema.Clip.read(tmp_path / "longer.mp4"), 30).write(tmp_path / "found.mp4")
    found = detect(tmp_path / "found.mp4").fingerprint
    assert found.answer == "yes" and film.recipe.digest()[:12] in found.evidence


def test_the_signature_names_the_marks_binding_and_what_the_film_took(tmp_path: Path) -> None:
    film = make(recipe(), tmp_path / "film.mp4")
    verdict = verify(tmp_path / "film.mp4")
    assert film.recipe.digest()[:6] in str(verdict.parts)
    assert verdict.part("receipt")["energy_wh"] > 0
    assert verdict.part("model")["files"]


def test_a_private_film_says_nothing_of_its_prompt(tmp_path: Path) -> None:
    film = make(recipe(), tmp_path / "film.mp4", limits=Limits(private=True))
    assert verify(tmp_path / "film.mp4").is_trusted
    found = read(kinema.Clip.read(tmp_path / "film.mp4"), KeyRing().all())
    assert found.verdict == "yes" and found.number != int(film.recipe.digest()[:6], 16)
    assert film.recipe.digest()[:6] not in str(verify(tmp_path / "film.mp4").parts)
    assert read_about(tmp_path / "film.mp4") is None
    assert b"red ball" not in (tmp_path / "film.mp4").read_bytes()


def test_what_a_stop_leaves_is_signed_too(tmp_path: Path) -> None:
    def stop(step: Step) -> None:
        if step.done > 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(recipe(seconds=12), tmp_path / "film.mp4", on_step=stop)
    assert not (tmp_path / "film.mp4").exists()
    assert verify(tmp_path / "film.part.mp4").is_trusted


def test_energy_ends_a_film_and_keeps_no_half_of_it_under_its_name(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="Wh are allowed"):
        make(recipe(), tmp_path / "film.mp4", limits=Limits(max_energy_wh=1e-9))
    assert not (tmp_path / "film.mp4").exists()


def test_a_film_too_small_for_a_mark_says_so(tmp_path: Path) -> None:
    film = make(recipe(width=32, height=32), tmp_path / "film.mp4")
    assert any("no watermark" in note for note in film.notes)
    assert verify(tmp_path / "film.mp4").is_trusted


def test_a_film_is_made_and_says_so_where_the_clock_gives_no_stamp(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KINEMA_TIMESTAMP_URL", "http://127.0.0.1:9/")
    film = make(recipe(), tmp_path / "film.mp4")
    assert any("No time stamp: 127.0.0.1 gave none" in note for note in film.notes)
    assert verify(tmp_path / "film.mp4").is_trusted


@pytest.mark.parametrize(
    "words", [{"prompt": "two people having sex"}, {"rewritten_prompt": "two people having sex"}, {"as_is": True}]
)
def test_no_words_of_a_recipe_go_round_the_policy(tmp_path: Path, words: dict[str, object]) -> None:
    asked = {"prompt": "two people having sex"} if "as_is" in words else {}
    with pytest.raises(RefusedError, match="appeal"):
        make(recipe(**asked, **words), tmp_path / "film.mp4")
    cards = {"cards": [{"at": 0, "text": PROMPT}, {"at": 2, "text": "two people having sex"}]}
    with pytest.raises(RefusedError):
        make(recipe(task="storyboard", how=cards), tmp_path / "film.mp4")
    assert not list(tmp_path.glob("*.mp4"))
