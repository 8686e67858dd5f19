"""Readers: they learn from true renders, are exported whole, and look at any clip in one way."""

import json
import random
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from kinema.clip import Clip
from kinema.errors import CheckpointError, EvaluationError, TrainingError
from kinema.evaluate.factors import CLASSES, FACTORS, MIRRORED, facts
from kinema.evaluate.gate import QUOTABLE, passage, passes, true_clip, unseen_scenes
from kinema.evaluate.lessons import UNTOLD, Lessons, draw, lessons, roughen
from kinema.evaluate.reader import SPANS, Reader, reading
from kinema.evaluate.reader_networks import Folded, TwoStreams
from kinema.evaluate.reader_supply import READERS, Rendered
from kinema.evaluate.reader_train import Study, export, loss_of
from kinema.evaluate.views import FRAMES, SIDE_PX, view, windows
from kinema.world.scene import Scene, Thing

SCENES = (
    Scene((Thing("dog", "blue"),), "goes", direction="left", place="beach", time="sunset", camera="pans_left"),
    Scene((Thing("ball"),), "bounces", place="city", time="night", weather="rain"),
    Scene((Thing("dog"), Thing("cat", "red")), "chases", place="snow", time="day"),
)


@pytest.fixture(scope="module")
def handful() -> Lessons:
    return lessons(SCENES, 8)


def logits_of(facts_shown: dict[str, str]) -> np.ndarray:
    logits = np.zeros(SPANS["camera"][1], np.float32)
    for factor, name in facts_shown.items():
        logits[SPANS[factor][0] + CLASSES[factor].index(name)] = 9
    return logits


def test_lessons_say_what_the_scene_says_and_nothing_of_what_cannot_be_told(handful: Lessons) -> None:
    for scene, labels in zip(SCENES, handful.labels, strict=True):
        told = {
            factor: CLASSES[factor][label] for factor, label in zip(FACTORS, labels, strict=True) if label != UNTOLD
        }
        assert told == facts(scene)


def test_lessons_know_where_each_thing_is(handful: Lessons) -> None:
    assert np.array_equal(handful.where.sum((3, 4))[1], np.tile([1, 0], (FRAMES, 1)))
    assert handful.where.sum((3, 4))[2].mean() > 0.9
    columns = handful.where[2].sum(2) @ np.arange(8)
    assert (columns[:, 0] <= columns[:, 1]).mean() > 0.9  # the dog runs to the right, behind the cat


def test_the_same_generator_draws_the_same_lessons() -> None:
    one, other = (lessons([draw(random.Random(4))], 8, np.random.default_rng(4)) for _ in range(2))
    assert np.array_equal(one.frames, other.frames)
    assert np.array_equal(one.labels, other.labels)


def test_roughened_frames_stay_near_the_true_ones(handful: Lessons) -> None:
    for seed in range(12):
        rough = roughen(handful.frames[0], np.random.default_rng(seed))
        assert rough.shape == handful.frames[0].shape
        assert np.abs(rough.astype(int) - handful.frames[0]).mean() < 25


@pytest.mark.parametrize("architecture", [TwoStreams, Folded])
def test_a_fresh_reader_overfits_a_handful_of_clips(architecture: type[TwoStreams | Folded]) -> None:
    torch.manual_seed(1)
    network = architecture()
    taught = lessons(SCENES, network.grid)
    frames, labels = torch.from_numpy(taught.frames), torch.from_numpy(taught.labels)
    everywhere = torch.from_numpy(taught.where)
    where, tracks = network.groups(everywhere).transpose(1, 2), network.paces(everywhere)
    optimiser = torch.optim.AdamW(network.parameters(), lr=2e-3)
    losses = []
    for _ in range(16):
        loss = loss_of(network(frames, where), labels, where, tracks)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 4
    with torch.no_grad():
        logits = network(frames).logits
    for index, factor in enumerate(FACTORS):
        told = labels[:, index] != UNTOLD
        assert torch.equal(logits[:, slice(*SPANS[factor])].argmax(1)[told], labels[told, index]), factor


def test_a_kept_study_goes_on_as_if_it_had_not_stopped(tmp_path: Path) -> None:
    study = small_study()
    study.keep(tmp_path / "kept.pt")
    later = small_study()
    later.resume(tmp_path / "kept.pt")
    for each in (study, later):
        each.rehearse(0.1)
    for mine, other in zip(study.network.parameters(), later.network.parameters(), strict=True):
        assert torch.equal(mine, other)
    state = torch.load(tmp_path / "kept.pt", weights_only=True)
    torch.save(state | {"classes": "others"}, tmp_path / "foreign.pt")
    with pytest.raises(TrainingError, match="vocabulary"):
        later.resume(tmp_path / "foreign.pt")


def small_study() -> Study:
    study = Study.begin("dev", Rendered("dev", places=2))
    study.rehearse(0.0)
    return study


def test_an_exported_reader_says_what_its_network_says(tmp_path: Path) -> None:
    study = Study.begin("dev", Rendered("dev", places=2))
    card = export(study, tmp_path, exam_clips=2)
    assert {"object", "place", "action", "camera"} <= set(card.true_right) <= set(FACTORS)
    assert all(path.stat().st_size < 3_000_000 for path in tmp_path.iterdir())
    reader = Reader("dev", tmp_path)
    clip = true_clip(SCENES[0])
    with torch.no_grad():
        logits = study.average.eval()(torch.from_numpy(clip.frames[None])).logits[0].numpy()
    read, expected = reader.read(clip), reading(logits)
    assert {factor: read.sure[factor] for factor in FACTORS} == pytest.approx(expected.sure, abs=0.02)
    twice = Reader("dev", tmp_path)
    twice.card = replace(card, both_ways=True)
    turned = Clip(np.ascontiguousarray(clip.frames[:, :, ::-1]), clip.fps)
    seen, mirrored = twice.read(clip), twice.read(turned)
    assert seen.sure == pytest.approx(mirrored.sure, abs=1e-4)
    for factor, fact in seen.facts.items():
        names = MIRRORED.get(factor, ())
        assert mirrored.facts[factor] == (names[1 - names.index(fact)] if fact in names else fact)
    weights = tmp_path / "dev.bin"
    weights.write_bytes(weights.read_bytes()[:-5])
    with pytest.raises(CheckpointError, match="truncated"):
        Reader("dev", tmp_path).read(clip)
    fields = json.loads((tmp_path / "dev.json").read_text())
    (tmp_path / "dev.json").write_text(json.dumps(fields | {"classes_sha256": "0"}))
    with pytest.raises(CheckpointError, match="vocabulary"):
        Reader("dev", tmp_path)


def test_missing_and_unknown_readers_are_named(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="dev, sealed"):
        Reader("judge")
    with pytest.raises(CheckpointError, match="no reader"):
        Reader("sealed", tmp_path)


def test_readers_differ_in_architecture_and_seed() -> None:
    assert (
        len({architecture for architecture, _ in READERS.values()}) == len({seed for _, seed in READERS.values()}) == 2
    )


@pytest.mark.parametrize("name", ["dev", "sealed"])
def test_embedded_readers_tell_place_and_time_of_true_clips(name: str) -> None:
    reader = Reader(name)
    assert reader.card.true_right["place"] >= QUOTABLE
    assert reader.card.true_right["time"] >= QUOTABLE
    right = 0
    for scene in unseen_scenes(6, seed=1):
        right += reader.read(true_clip(scene)).facts["place"] == scene.place
    assert right >= 5


def test_a_reading_is_the_likeliest_class() -> None:
    shown = facts(SCENES[2])
    read = reading(logits_of(shown))
    assert shown.items() <= read.facts.items()
    assert all(read.sure[factor] > 0.9 for factor in shown)


def test_a_passage_through_nothing_keeps_everything_and_through_black_nothing() -> None:
    reader = Reader("dev")
    scenes = unseen_scenes(8, seed=2)
    assert passes(passage(reader, scenes, lambda clip: clip))
    assert not passes(passage(reader, scenes, lambda clip: Clip(np.zeros_like(clip.frames), clip.fps)))


def test_a_view_is_the_same_whatever_the_rate_and_shape() -> None:
    frames = np.random.default_rng(0).integers(0, 255, (FRAMES, SIDE_PX, SIDE_PX, 3), np.uint8)
    clip = Clip(frames, Fraction(8))
    assert np.array_equal(view(clip), frames)
    assert np.array_equal(view(Clip(frames.repeat(3, 0), Fraction(24))), frames)
    assert np.array_equal(view(Clip(frames.repeat(2, 1).repeat(2, 2), Fraction(8))), frames)
    wide = np.pad(frames, ((0, 0), (0, 0), (20, 20), (0, 0)))
    assert np.array_equal(view(Clip(wide, Fraction(8))), frames)
    double = Clip(np.concatenate([frames, frames[::-1]]), Fraction(8))
    assert windows(double) == 2
    assert np.array_equal(view(double, 4), frames[::-1])


def test_a_clip_too_short_to_read_is_refused() -> None:
    with pytest.raises(EvaluationError, match="longer"):
        view(Clip(np.zeros((31, 128, 128, 3), np.uint8), Fraction(8)))
