"""Laws of the frame review: what is blocked is named by its frame, and an operator's own heads are taught."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from kinema import cli
from kinema.clip import Clip
from kinema.errors import CheckpointError, ClipError, RefusedError, TrainingError, TrustError
from kinema.trust.review import check
from kinema.trust.review.decision import Look, Sight, enforce
from kinema.trust.review.heads import Heads, own_heads
from kinema.trust.review.reviewer import GREY, Reviewer, review_uploads
from kinema.trust.review.sexual import WIDTH, judged
from kinema.trust.review.train import train
from kinema.trust.watermark.measure import pocket

FORBIDDEN = "Mickey Mouse"


@pytest.fixture(autouse=True)
def reviewing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KINEMA_REVIEW")


def written(text: str, at: int = 0, frames: int = 1) -> Clip:
    """A film that is cut at a frame, and from there on shows the text."""
    image = Image.new("RGB", (160, 96), (90, 90, 90))
    plain = np.full((96, 160, 3), 30, np.uint8)
    ImageDraw.Draw(image).text((10, 40), text, font=ImageFont.load_default(18), fill=(255, 255, 255))
    shown = [np.asarray(image) if index >= at else plain for index in range(frames)]
    return Clip(np.stack(shown), Fraction(8))


def striped(rng: np.random.Generator) -> Image.Image:
    """What the taught head is to block here: stripes."""
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[:, :: rng.integers(3, 6)] = rng.integers(160, 255, 3)
    return Image.fromarray(picture)


def plain(rng: np.random.Generator) -> Image.Image:
    picture = np.full((64, 64, 3), rng.integers(0, 255, 3), np.uint8)
    picture[rng.integers(10, 30) : 50, 20 : rng.integers(30, 60)] = rng.integers(0, 255, 3)
    return Image.fromarray(picture)


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, rng = tmp_path_factory.mktemp("labelled"), np.random.default_rng(5)
    for name, draw in (("stripes", striped), ("ordinary", plain)):
        (folder / name).mkdir()
        for index in range(8):
            draw(rng).save(folder / name / f"{index:02}.png")
    return folder


@pytest.fixture(scope="module")
def taught(labelled: Path) -> Path:
    train(labelled, labelled / "heads.safetensors", lambda done, total: None)
    return labelled / "heads.safetensors"


def stripes(frames: int = 1) -> np.ndarray:
    return np.stack([np.asarray(striped(np.random.default_rng(77)))] * frames)


def test_what_is_written_passes_the_prompt_policy_and_its_frame_is_named():
    sight = check(written(FORBIDDEN, at=11, frames=20)).gravest
    assert (sight.decision, sight.category) == ("block", "ip")
    assert (sight.frame, sight.seconds) == (11, 1.375)
    assert "frame 11 of the film, at 1.38 s" in sight.reason and "mickey mouse" in sight.words.lower()
    assert "appeal" in sight.appeal


@pytest.mark.parametrize("sign", ["EIE", "hello world"])
def test_signs_are_held_against_the_lists_alone(sign: str):
    assert check(written(sign)).gravest.decision == "allow"


def test_films_of_the_pocket_world_pass_as_uploads():
    for clip in pocket(128, 1.0, 6, 31):
        assert check(clip).gravest.decision == "allow"


def test_every_frame_is_looked_at_where_that_is_asked_for(monkeypatch: pytest.MonkeyPatch):
    clip = written("hello world", frames=12)
    assert [check(clip, is_upload=False, every=every).looked for every in (False, True)] == [2, 12]
    monkeypatch.setenv("KINEMA_REVIEW", "all")
    assert check(clip, is_upload=False).looked == 12


def test_a_look_that_takes_too_long_shows_nothing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KINEMA_MAX_REVIEW_SECONDS", "0.000001")
    with pytest.raises(TrustError, match="KINEMA_MAX_REVIEW_SECONDS"):
        Look("the film", Fraction(8)).at(stripes())


def test_a_review_is_enforced_where_the_operator_says_so(monkeypatch: pytest.MonkeyPatch):
    sight = Sight("review", "sexual", "a person should look", appeal="to appeal, write")
    enforce(sight)
    monkeypatch.setenv("KINEMA_POLICY_REVIEW", "refuse")
    with pytest.raises(RefusedError, match="a person should look; to appeal, write"):
        enforce(sight)


def test_neutral_pictures_are_not_sexual_and_a_batch_is_its_singles():
    frames = [*pocket(96, 1.0, 2, 3)[0].frames[:2], stripes()[0]]
    scores, vectors = judged(frames)
    assert scores.max() < 0.5 and vectors.shape == (3, WIDTH)
    assert np.allclose(vectors[2:], judged(frames[2:])[1], atol=1e-5)


def test_a_taught_head_blocks_what_it_was_taught_and_nothing_else(taught: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KINEMA_REVIEW_HEADS", str(taught))
    rng = np.random.default_rng(123)
    for _ in range(4):
        sight = check(Clip(np.asarray(striped(rng))[None], Fraction(1))).gravest
        assert (sight.decision, sight.category) == ("block", "stripes") and "stripes is not shown here" in sight.reason
        assert check(Clip(np.asarray(plain(rng))[None], Fraction(1))).gravest.decision == "allow"


def test_segments_pass_until_one_is_blocked(taught: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KINEMA_REVIEW_HEADS", str(taught))
    calm = Clip(np.full((8, 64, 64, 3), 90, np.uint8), Fraction(8))
    reviewer, passed = Reviewer(), []
    with pytest.raises(RefusedError, match="frame 16 of the film, at 2 s"):
        for segment in reviewer.through([calm, calm, Clip(stripes(8), Fraction(8)), calm]):
            passed.append(segment)
    assert passed == [calm, calm]
    assert reviewer.said()["looked_for"][-1] == "stripes"


def test_a_preview_that_may_not_be_shown_is_grey(taught: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KINEMA_REVIEW_HEADS", str(taught))
    picture = np.full((64, 64, 3), 90, np.uint8)
    assert np.array_equal(Reviewer().preview(lambda: picture)(), picture)
    assert (Reviewer().preview(lambda: stripes()[0])() == GREY).all()


def test_what_is_not_looked_at_is_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KINEMA_REVIEW", "off")
    reviewer = Reviewer(review_uploads([], ""))
    assert [len(each) for each in reviewer.through([written(FORBIDDEN)])] == [1]
    assert reviewer.said()["frames"] == "not looked at: the operator has turned the review off"


def test_heads_of_no_use_are_refused(taught: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from safetensors.numpy import load_file, save_file

    arrays, path = load_file(taught), tmp_path / "heads.safetensors"
    monkeypatch.setenv("KINEMA_REVIEW_HEADS", str(path))
    with pytest.raises(CheckpointError, match=r"cannot be read.*KINEMA_REVIEW_HEADS"):
        own_heads()
    good = {"format": "kinema-review-heads-1", "categories": '["stripes"]'}
    wrong = {"network": "0" * 64}
    for index, (said, message) in enumerate(
        [
            ({}, "holds no heads"),
            (good | {"categories": '["a", "b"]'}, "holds no heads"),
            (good | wrong, "another network"),
        ]
    ):
        path = tmp_path / f"{index}.safetensors"
        save_file(arrays, path, said)
        monkeypatch.setenv("KINEMA_REVIEW_HEADS", str(path))
        with pytest.raises(CheckpointError, match=message):
            own_heads()


def test_too_little_to_learn_from_is_refused(tmp_path: Path):
    with pytest.raises(ClipError, match="one named 'ordinary'"):
        train(tmp_path, tmp_path / "heads.safetensors", lambda done, total: None)
    for name in ("gore", "ordinary"):
        (tmp_path / name).mkdir()
        plain(np.random.default_rng(0)).save(tmp_path / name / "one.png")
    with pytest.raises(TrainingError, match="holds 1 pictures; at least 8"):
        train(tmp_path, tmp_path / "heads.safetensors", lambda done, total: None)


def test_heads_give_probabilities():
    zeros = np.zeros(WIDTH, np.float32)
    heads = Heads(("a",), zeros, zeros + 1, np.zeros((WIDTH, 1)), np.array([2.0]), np.array([0.5]))
    assert heads.scores(np.zeros((3, WIDTH))) == pytest.approx(np.full((3, 1), 1 / (1 + np.exp(-2))))


def test_the_terminal_decides_and_exits_as_a_refusal_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    good, bad = written("hello").write(tmp_path / "good.png"), written(FORBIDDEN, 5, 8).write(tmp_path / "bad.mp4")
    assert cli.run(["review", "check", str(good)]) == 0
    assert "good.png: allow (1 of 1 frames looked at)" in capsys.readouterr().out
    assert cli.run(["review", "check", str(good), str(bad), "--json"]) == 3
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["decision"] for each in told] == ["allow", "block"]
    assert told[1]["category"] == "ip" and told[1]["frame"] == 5 and told[1]["faces"] == 0


def test_the_terminal_teaches_and_measures(labelled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    heads = tmp_path / "heads.safetensors"
    assert cli.run(["review", "train", str(labelled), "-o", str(heads), "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["categories"]
    assert (row["category"], row["caught"], row["held_out"], row["false"]) == ("stripes", 2, 2, 0)
    assert cli.run(["review", "report", str(labelled), "--films", "2", "--json"]) == 0
    rows = {(each["measure"], each["of"]): each for each in json.loads(capsys.readouterr().out)["rows"]}
    assert rows["false alarms", "pocket films"]["total"] == 2
    assert rows["recall", "stripes"]["total"] == 8 and rows["recall", "stripes"]["hits"] == 0
