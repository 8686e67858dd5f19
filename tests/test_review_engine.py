"""Laws of the chain's review: no upload, preview or film goes round it, and the credentials say what was done."""

from fractions import Fraction
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from kinema import Limits, Recipe, animate, make
from kinema.backends import Step
from kinema.errors import CheckpointError, RefusedError
from kinema.trust.review.heads import Heads
from kinema.trust.review.reviewer import GREY
from kinema.trust.review.sexual import WIDTH
from kinema.trust.verify import verify, verify_replay

PROMPT = "a red ball rolls to the right in a meadow"
PARTS = {"prompt": PROMPT, "width": 96, "height": 96, "seconds": 4, "seed": 3, "steps": 1}
PORTRAIT = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"


@pytest.fixture(autouse=True)
def reviewing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny_model: Path) -> None:
    monkeypatch.setenv("KINEMA_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("KINEMA_REVIEW")
    monkeypatch.delenv("KINEMA_CREDENTIALS")


@pytest.fixture
def forbidding(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A head that takes every frame for what it blocks."""
    zeros, one = np.zeros(WIDTH, np.float32), np.ones(1, np.float32)
    heads = Heads(("spiders",), zeros, zeros + 1, zeros[:, None], 9 * one, one / 2)
    heads.save(tmp_path / "heads.safetensors", {})
    monkeypatch.setenv("KINEMA_REVIEW_HEADS", str(tmp_path / "heads.safetensors"))


def recipe(**parts: object) -> Recipe:
    return Recipe.model_validate(PARTS | parts)


def said_of(path: Path) -> dict[str, object]:
    return verify(path).part("review")


def test_the_credentials_say_what_was_looked_at(tmp_path: Path):
    make(recipe(), tmp_path / "film.mp4")
    said = said_of(tmp_path / "film.mp4")
    assert said["frames"] == "4 of 32 looked at: one frame a second and every cut"
    assert "sexual content" in said["looked_for"] and "violence" in said["not_looked_for"]
    assert said["seconds"] > 0 and "uploads" not in said


def test_a_caller_may_ask_for_every_frame_and_never_for_fewer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    make(recipe(), tmp_path / "film.mp4", limits=Limits(review_all=True))
    assert said_of(tmp_path / "film.mp4")["frames"] == "32 of 32 looked at: every frame"
    monkeypatch.setenv("KINEMA_REVIEW", "all")
    make(recipe(), tmp_path / "film.mp4", limits=Limits(review_all=False))
    assert said_of(tmp_path / "film.mp4")["frames"] == "32 of 32 looked at: every frame"


def test_a_blocked_film_is_not_handed_over_and_leaves_no_file(forbidding: None, tmp_path: Path):
    for path in (None, tmp_path / "film.mp4", tmp_path / "film.png"):
        with pytest.raises(
            RefusedError, match=r"spiders is not shown here: frame 0 of the film, at 0 s.*appeal"
        ) as told:
            make(recipe(), path)
        assert told.value.category == "spiders"
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["heads.safetensors"]


def test_a_blocked_film_leaves_an_older_one_of_its_name_alone(forbidding: None, tmp_path: Path):
    (tmp_path / "film.mp4").write_bytes(b"older")
    with pytest.raises(RefusedError):
        make(recipe(), tmp_path / "film.mp4")
    assert (tmp_path / "film.mp4").read_bytes() == b"older"


def test_previews_are_looked_at(forbidding: None):
    shown = []
    with pytest.raises(RefusedError):
        make(recipe(steps=2), on_step=lambda step: shown.append(step.look()))
    assert shown and all((picture == GREY).all() for picture in shown)


def test_what_cannot_be_looked_at_is_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KINEMA_REVIEW_HEADS", str(tmp_path / "gone.safetensors"))
    with pytest.raises(CheckpointError, match="mend or unset KINEMA_REVIEW_HEADS"):
        make(recipe(), tmp_path / "film.mp4")
    assert not list(tmp_path.glob("*.mp4"))


def test_a_real_face_needs_consent_before_anything_is_made(tmp_path: Path):
    made: list[Step] = []
    with pytest.raises(RefusedError, match=r"a real face is seen in frame 0 of .*grace_hopper.jpg.*--consent") as told:
        animate(PORTRAIT, tmp_path / "film.mp4", on_step=made.append, **PARTS)
    assert told.value.category == "face" and not made
    with pytest.raises(RefusedError):
        animate(PORTRAIT, tmp_path / "film.mp4", consent="  ", **PARTS)
    assert not list(tmp_path.glob("*.mp4"))


def test_consent_is_recorded_and_replayed(tmp_path: Path):
    consent = "United States Navy, public domain"
    animate(PORTRAIT, tmp_path / "film.mp4", consent=consent, **PARTS)
    verdict = verify(tmp_path / "film.mp4")
    said = verdict.part("review")
    assert said["consent"] == consent and said["uploads"][0]["faces"] == 1
    source = {"sources": [{"path": str(PORTRAIT)}]}  # the credentials name the file alone
    again = verify_replay(
        verdict, lambda words: make(Recipe.model_validate_json(words).changed(**source), tmp_path / "again.mp4").clip
    )
    assert again.same


def test_private_consent_stays_private(tmp_path: Path):
    with_consent = recipe(task="animate", sources=[{"path": str(PORTRAIT)}], consent="Ada Lovelace, by letter")
    make(with_consent, tmp_path / "film.mp4", limits=Limits(private=True))
    assert b"Lovelace" not in (tmp_path / "film.mp4").read_bytes()
    assert said_of(tmp_path / "film.mp4")["consent"] == "given, kept private"


@pytest.mark.parametrize("door", ["picture", "film", "clip"])
def test_no_upload_goes_round_the_review(tmp_path: Path, door: str):
    from kinema.clip import Clip

    image = Image.new("RGB", (160, 96), (90, 90, 90))
    ImageDraw.Draw(image).text((10, 40), "Mickey Mouse", font=ImageFont.load_default(18), fill=(255, 255, 255))
    clip = Clip(np.stack([np.asarray(image)] * 4), Fraction(8))
    medium = {
        "picture": lambda: clip[:1].write(tmp_path / "up.png"),
        "film": lambda: clip.write(tmp_path / "up.webm"),
        "clip": lambda: clip,
    }[door]()
    with pytest.raises(RefusedError, match="which is written in frame 0 of"):
        animate(medium, tmp_path / "film.mp4", **PARTS)
    assert not (tmp_path / "film.mp4").exists()


def test_what_a_stop_leaves_was_looked_at(tmp_path: Path):
    def stop(step: Step) -> None:
        if step.done > 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(recipe(seconds=12), tmp_path / "film.mp4", on_step=stop)
    assert str(said_of(tmp_path / "film.part.mp4")["frames"]).endswith("looked at: one frame a second and every cut")
