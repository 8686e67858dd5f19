"""Ablations at toy size: every shape is taught and asked alike, on clips that are kept apart, and only once."""

import json
import shutil
from math import isfinite
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from kinema.data import world
from kinema.data.latents import LatentStore
from kinema.evaluate import ablations
from kinema.evaluate.ablations import Ablation, Codec, Scale, rendered
from kinema.evaluate.gate import quotable
from kinema.evaluate.reader import Reader
from kinema.evaluate.score import ALL, MEAN
from kinema.train.denoise import EncodeFrames

TOY = Scale(
    world.Run(seed=9_001, width=64, height=64), (8, 16, 16),
    unseen=2, codec_batch=1, batch=2, exam=8, scenes=2, sampler_steps=1,
)  # fmt: skip
CLIPS, TERAFLOPS = 6, 1e-6
SMALL = Codec(channels=8)


@pytest.fixture(scope="module")
def ablation(tmp_path_factory: pytest.TempPathFactory) -> Ablation:
    folder = tmp_path_factory.mktemp("ablations")
    return Ablation(folder, TERAFLOPS, TERAFLOPS, *rendered(folder, CLIPS, TOY.run), TOY)


@pytest.fixture(scope="module")
def found(ablation: Ablation) -> dict[str, float]:
    return ablation.found(SMALL.name, "tiny", SMALL)


def test_clips_are_rendered_once_and_are_those_of_the_run(ablation: Ablation):
    again, clips = rendered(ablation.folder, CLIPS, TOY.run)
    record, clip = world.render(TOY.run, CLIPS - 1)
    assert again == ablation.records and again[-1] == record and np.array_equal(clips[-1], clip.frames)


def test_a_trial_tells_what_it_cost_what_it_learnt_and_what_a_reader_reads(found: dict[str, float]):
    assert found["steps"] == 1 and isfinite(found["loss"]) and found["psnr_db"] > 0
    factors = set(found) - {"steps", "loss", "psnr_db"}
    assert {MEAN, ALL} < factors <= {MEAN, ALL, *quotable(Reader("dev"))}
    assert all(0 <= found[factor] <= 1 for factor in factors)


def test_what_was_tried_is_not_tried_again(ablation: Ablation, found: dict[str, float]):
    shutil.rmtree(ablation.folder / SMALL.name / "denoiser-tiny")
    assert ablation.found(SMALL.name, "tiny", SMALL) == found
    assert not (ablation.folder / SMALL.name / "denoiser-tiny").exists()


@pytest.mark.usefixtures("found")
def test_nothing_is_learnt_of_the_unseen_clips(ablation: Ablation):
    parts = [LatentStore([ablation.folder / SMALL.name / part]).captions for part in ("seen", "unseen")]
    captions = [record.captions for record in ablation.records]
    assert parts == [captions[: -TOY.unseen], captions[-TOY.unseen :]]


def test_without_a_head_start_latents_are_brought_to_the_same_scale(ablation: Ablation):
    codec, _ = ablation.codec(Codec(channels=8, principal=False))
    latents = EncodeFrames(codec)(ablation.clips[: 2 * TOY.unseen])
    assert np.square(latents.std((0, 1, 3, 4))).mean() == pytest.approx(1, abs=0.02)


def test_every_shape_is_told_in_a_line(tmp_path: Path):
    folder = tmp_path / f"{CLIPS} clips, 1e-06 and 1e-06 teraflops"
    rendered(folder, CLIPS, TOY.run)
    for size in ("pico", "nano", "micro"):
        told = {"psnr_db": float("nan"), "steps": 3, "loss": 0.5, "place": 0.25}
        (folder / f"landed {size}.json").write_text(json.dumps(told))
    words = [str(tmp_path), "size", "--clips", str(CLIPS), "--teraflops", "1e-6", "--codec-teraflops", "1e-6"]
    said = CliRunner().invoke(ablations.main, words)
    assert said.exit_code == 0
    lines = said.output.splitlines()
    sizes = ("pico", "nano", "micro")
    assert lines == [f"landed, {size}: nan dB, 3 steps, loss 0.500; place 25 %" for size in sizes]
