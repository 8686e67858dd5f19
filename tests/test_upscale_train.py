"""The upscaler begins as Lanczos, learns what is better, and is the same once exported."""

from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from tiny_models import awake, noise_clips

from kinema.backends import networks
from kinema.backends.upscale import lanczos, load, upscale
from kinema.clip import Clip
from kinema.data import world
from kinema.errors import CheckpointError, DataError
from kinema.model import upscaler
from kinema.model.checkpoint import load_networks as unpack
from kinema.model.export import export_upscaler
from kinema.model.upscaler import Upscaler, UpscalerConfig
from kinema.train.__main__ import train
from kinema.train.loop import Plan, learn
from kinema.train.parallel import Ranks
from kinema.train.upscale import LARGE, SMALL, Pairs, Upscaling, render_pairs, upscaled

CARD = {
    "format": "kinema-upscaler-1",
    "name": "tiny",
    "licence": "Apache-2.0",
    "trained_on": "nothing",
    "autoencoder": "0" * 64,
}


def tiny_upscaler(seed: int = 0) -> Upscaler:
    torch.manual_seed(seed)
    return Upscaler(UpscalerConfig(width=16, depth=1))


def tiny_pairs() -> Pairs:
    """Hard-edged squares, and the same with every pixel twice as large: what Lanczos would round off."""
    small = noise_clips(2, frames=4, side=32)
    return Pairs(small, small.repeat(2, 2).repeat(2, 3))


def lanczos_film(small: np.ndarray) -> np.ndarray:
    return np.stack([lanczos(frame, 2 * frame.shape[1], 2 * frame.shape[0]) for frame in small])


def test_a_fresh_upscaler_is_lanczos():
    small = tiny_pairs().small[0]
    base = lanczos_film(small)
    assert np.array_equal(upscaled(tiny_upscaler().eval(), small, base), base)


def test_it_overfits_two_clips(tmp_path: Path):
    pairs = tiny_pairs()
    lesson = Upscaling(tiny_upscaler(), pairs, crop_px=16)
    plan = Plan(steps=300, batch=4, lr=3e-3, muon_lr=1e-2, warmup=5, ema=0.9)
    state = learn(lesson, plan, tmp_path, Ranks())
    base = lanczos_film(pairs.small[0])
    made = upscaled(state.average.eval(), pairs.small[0], base)
    error, plain = (np.square(film - pairs.large[0].astype(float)).mean() for film in (made, base))
    assert error < plain / 2


@pytest.mark.parametrize("number", [0, 1])
def test_the_embedded_upscaler_beats_lanczos_on_unseen_scenes(tmp_path: Path, number: int):
    encoder, _, _ = unpack(networks.EMBEDDED)
    run = world.Run(seed=9302 + number, frames=4)
    render_pairs(tmp_path, run, 1, encoder, 0.1, lambda: None)
    pairs = Pairs.open(tmp_path)
    made = Clip.join(upscale([Clip(np.array(pairs.small[0]), run.fps)], 2)).frames
    error, plain = (
        np.square(film - pairs.large[0].astype(float)).mean() for film in (made, lanczos_film(pairs.small[0]))
    )
    assert error < plain


def test_a_sample_is_a_function_of_its_number_alone():
    lesson = Upscaling(awake(tiny_upscaler()), tiny_pairs(), crop_px=16)
    both = lesson.loss(lesson.model, range(5, 7), 3)
    singles = [lesson.loss(lesson.model, range(i, i + 1), 3) for i in (5, 6)]
    torch.testing.assert_close(both, torch.stack(singles).mean(), rtol=1e-2, atol=1e-3)
    assert not torch.equal(singles[0], singles[1])


def test_a_crop_lies_over_its_own_resize_and_truth():
    lesson = Upscaling(tiny_upscaler(), tiny_pairs(), crop_px=12)
    seen, base, target = lesson._crop(torch.Generator().manual_seed(1))
    assert torch.equal(seen[3:6], target[:, ::2, ::2])
    assert (base - target).abs().mean() < 0.2


def test_the_exported_network_is_the_trained_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KINEMA_PRECISION", "f32")
    model = awake(tiny_upscaler())
    export_upscaler(tmp_path, model, CARD)
    frames = torch.randn(1, 9, 10, 14)
    rounded = Upscaler(model.config).eval()
    rounded.load_state_dict({name: value.bfloat16().float() for name, value in model.state_dict().items()})
    with torch.no_grad():
        expected = rounded(frames).numpy()
    np.testing.assert_allclose(load(tmp_path).detail(frames.numpy()), expected, atol=1e-5)


def test_a_saved_upscaler_comes_back(tmp_path: Path):
    model = awake(tiny_upscaler())
    upscaler.save(tmp_path / "upscaler.safetensors", model, trained_steps=3)
    again, header = upscaler.load(tmp_path / "upscaler.safetensors")
    assert header["trained_steps"] == 3
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in model.state_dict().items())


def test_another_checkpoint_is_no_upscaler(tiny_weights: Path):
    with pytest.raises(CheckpointError, match="holds 'networks', not the upscaler that is needed here"):
        upscaler.load(tiny_weights / "weights.safetensors")


def test_pairs_are_refused_where_there_are_none(tmp_path: Path):
    with pytest.raises(DataError, match="cannot be read as pairs"):
        Pairs.open(tmp_path)
    np.save(tmp_path / SMALL, np.zeros((1, 2, 8, 8, 3), np.uint8))
    np.save(tmp_path / LARGE, np.zeros((1, 2, 8, 8, 3), np.uint8))
    with pytest.raises(DataError, match="not twice the size"):
        Pairs.open(tmp_path)


@pytest.mark.parametrize("stop", [1, 3])
def test_an_interrupted_run_ends_in_the_same_weights(tmp_path: Path, stop: int):
    plan = Plan(steps=4, batch=2)
    whole = learn(Upscaling(tiny_upscaler(), tiny_pairs(), crop_px=16), plan, tmp_path / "whole", Ranks())
    asked = iter(range(10))
    cut = Upscaling(tiny_upscaler(), tiny_pairs(), crop_px=16)
    learn(cut, plan, tmp_path / "cut", Ranks(), until=lambda: next(asked) == stop)
    again = learn(Upscaling(tiny_upscaler(1), tiny_pairs(), crop_px=16), plan, tmp_path / "cut", Ranks())
    for name, value in whole.average.state_dict().items():
        assert torch.equal(value, again.average.state_dict()[name])


def test_the_stages_run_one_after_the_other(tiny_weights: Path, tmp_path: Path):
    pool, run, out = tmp_path / "pairs", tmp_path / "run", tmp_path / "out"
    networks = ["--networks", str(tiny_weights)]
    stages = [
        ["pairs", str(pool), *networks, "--count", "2", "--frames", "4", "--size", "48"],
        ["upscaler", "--pairs", str(pool), "--folder", str(run), "--steps", "2", "--batch", "2"],
        ["export-upscaler", str(run / "upscaler.safetensors"), str(out), *networks],
    ]
    for arguments in stages:
        CliRunner().invoke(train, arguments, catch_exceptions=False, standalone_mode=False)
    assert Pairs.open(pool).large.shape == (2, 4, 96, 96, 3)
    assert load(out).detail(np.zeros((1, 9, 8, 8), np.float32)).shape == (1, 3, 16, 16)
