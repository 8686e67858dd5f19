"""Laws of the learned witness: it tells what it was taught, judges no stranger, and knows whose it is."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from kinema.clip import Clip
from kinema.errors import CheckpointError
from kinema.evaluate.witness import Traced, fitted
from kinema.settings import read_settings
from kinema.trust import detect as module
from kinema.trust.detect import NETWORKS, Witness
from kinema.trust.watermark.measure import pocket
from kinema.trust.witness import FEWEST_FRAMES, FILE, Weights, is_readable, network_hash, traces, verdict


def soft(seed: int, frames: int = 16) -> Clip:
    """A film of soft squares of eight pixels that jump every fourth frame: the traces of a decoder, overdone."""
    rng = np.random.default_rng(seed)
    stills = np.kron(rng.integers(60, 190, (frames // 4, 12, 12, 1)), np.ones((1, 8, 8, 3)))
    shown = np.repeat(stills, 4, axis=0) + rng.normal(0, 1, (frames, 96, 96, 3))
    return Clip(np.clip(shown, 0, 255).astype(np.uint8), Fraction(8))


def crisp(seed: int, frames: int = 16) -> Clip:
    """A film of fine grain that moves evenly."""
    rng = np.random.default_rng(seed)
    grain = rng.integers(0, 255, (96 + frames, 96, 3)).astype(np.uint8)
    return Clip(np.stack([grain[index : index + 96] for index in range(frames)]), Fraction(8))


@pytest.fixture(scope="module")
def weights() -> Weights:
    def traced(name: str, clips: list[Clip]) -> Traced:
        values = np.stack([traces(clip) for clip in clips])
        return Traced(name, values, np.arange(len(values)) % 3 == 2)

    return fitted(traced("own", [soft(i) for i in range(24)]), [traced("other", [crisp(i) for i in range(24)])], "n")


def test_it_tells_what_it_was_taught_from_what_it_was_taught_is_other(weights: Weights):
    own = [verdict(weights, traces(soft(seed)))[0] for seed in range(100, 110)]
    assert own.count("yes") >= 8 and "no" not in own
    assert {verdict(weights, traces(crisp(seed)))[0] for seed in range(100, 110)} == {"no"}


def test_it_says_yes_of_no_stranger_however_probable(weights: Weights):
    stranger = soft(7)
    stranger = replace(stranger, frames=(stranger.frames // 128 * 255).astype(np.uint8))
    traced = traces(stranger)
    sure = replace(weights, weights=np.zeros_like(weights.weights), bias=9.0)
    answer, probability, distance = verdict(sure, traced)
    assert probability > 0.99 and distance > weights.limit and answer == "cannot tell"


def test_traces_are_finite_and_as_many_for_any_film():
    black = Clip(np.zeros((FEWEST_FRAMES, 64, 64, 3), np.uint8), Fraction(8))
    found = [traces(clip) for clip in (black, soft(1), crisp(1), pocket(192, 2.0, 1, 3)[0])]
    assert len({each.shape for each in found}) == 1 and np.isfinite(found).all()


def test_what_is_short_or_small_is_not_judged():
    clip = soft(1)
    assert is_readable(clip) and not is_readable(clip[: FEWEST_FRAMES - 1])
    assert not is_readable(Clip(clip.frames[:, :40], clip.fps))


def test_weights_are_kept_whole(weights: Weights, tmp_path: Path):
    weights.save(tmp_path / "w.safetensors")
    kept = Weights.load(tmp_path / "w.safetensors")
    traced = traces(soft(5))[None]
    assert kept.probability(traced) == pytest.approx(weights.probability(traced), abs=1e-4)
    assert kept.distance(traced) == pytest.approx(weights.distance(traced), rel=1e-4)
    assert (kept.network, kept.limit) == ("n", weights.limit)
    (tmp_path / "w.safetensors").write_bytes(b"no weights")
    with pytest.raises(CheckpointError, match="train it with"):
        Weights.load(tmp_path / "w.safetensors")


def test_the_landed_weights_say_how_often_they_err_and_take_no_true_render_for_ours():
    landed = Weights.load(FILE)
    assert 0 < landed.wrong < 0.1 and "held out" in landed.basis
    if landed.network == network_hash(NETWORKS):
        assert "yes" not in {verdict(landed, traces(clip))[0] for clip in pocket(128, 2.0, 4, 90)}


def test_beside_other_networks_it_cannot_tell(tiny_model: Path, tmp_path: Path):
    assert read_settings().weights == tiny_model
    told = module.detect(pocket(128, 2.0, 1, 90)[0].write(tmp_path / "film.mp4")).classifier
    assert told.answer == "cannot tell" and "other networks" in told.evidence


def test_its_yes_alone_is_no_proof(tmp_path: Path):
    silent, yes = Witness("cannot tell", "", None, ""), Witness("yes", "", 0.01, "")
    alone = module.Testimony(tmp_path / "a.mp4", silent, silent, silent, yes).sentence
    assert alone.startswith("Probably made here") and "by its classifier alone" in alone
    assert module.Testimony(tmp_path / "a.mp4", silent, yes, silent, yes).sentence.startswith("Made here")
