"""Drift: films that are the truth do not drift, films that freeze or fade are found out, and a stop loses nothing."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from kinema.clip import Clip
from kinema.errors import EvaluationError
from kinema.evaluate import drift
from kinema.evaluate.factors import FACTORS
from kinema.evaluate.ledger import Ledger
from kinema.evaluate.reader import Reader
from kinema.evaluate.score import MEAN

SECONDS = 20


def every_four_seconds(frames: int) -> Sequence[int]:
    return range(32, frames, 32)


def unwatched(done: int, total: int) -> None:
    """Nobody watches."""


def frozen(film: drift.Film, prompt: str, seed: int, seconds: int) -> Clip:
    """The film, standing still and darker after half of its time."""
    clip = film(prompt, seed, seconds)
    half = len(clip) // 2
    still = np.repeat(clip.frames[half : half + 1] // 2, len(clip) - half, 0)
    return Clip(np.concatenate([clip.frames[:half], still]), clip.fps)


@pytest.fixture(scope="module")
def trials() -> list[drift.LongTrial]:
    return drift.plan(3, SECONDS)


@pytest.fixture
def truth(trials: list[drift.LongTrial]) -> drift.Film:
    scenes = {trial.prompt: trial.scene for trial in trials}
    return lambda prompt, seed, seconds: drift.true_film(scenes[prompt], seconds)


def found(trials: list[drift.LongTrial], film: drift.Film, path: Path) -> drift.Drift:
    ledger, reader = Ledger(path), Reader("dev")
    drift.measure(trials, SECONDS, (film, every_four_seconds), reader, (ledger, unwatched))
    return drift.summarise(trials, SECONDS, reader, ledger)


def test_truth_does_not_drift_from_itself(trials: list[drift.LongTrial], truth: drift.Film, tmp_path: Path) -> None:
    same = found(trials, truth, tmp_path / "ledger.jsonl")
    assert same.films == same.true
    assert {each.value for each in same.of_truth} == {1.0}
    assert same.count == 3 and len(same.films.windows) == 2
    assert same.films.windows[0].shift.value == 0
    assert same.floor[MEAN].value < same.films.windows[0].shares[MEAN].value
    # How colours move and what a reader makes of three true films is the world's and the reader's affair.
    chance = {name: reached for name, reached in drift.verdicts(same) if "colour" in name or "reader" in name}
    assert same.to_fields()["reached"] == dict.fromkeys([name for name, _ in drift.verdicts(same)], True) | chance


def test_a_film_that_freezes_and_fades_is_found_out(
    trials: list[drift.LongTrial], truth: drift.Film, tmp_path: Path
) -> None:
    worse = found(trials, partial(frozen, truth), tmp_path / "ledger.jsonl")
    assert worse.films.energy_kept.value == 0 and worse.films.alive.value == 0
    assert worse.films.windows[-1].shift.value > 0.1 > worse.true.windows[-1].shift.value
    page = drift.page(worse, "tiny")
    assert "not reached**: motion" in page and "not reached**: mean colour" in page
    assert "10 to 20" in page and "Model: tiny" in page


def test_a_stopped_measurement_goes_on_and_reports_what_is_whole(
    trials: list[drift.LongTrial], truth: drift.Film, tmp_path: Path
) -> None:
    made: list[str] = []

    def stopping(prompt: str, seed: int, seconds: int) -> Clip:
        if len(made) == 2:
            raise KeyboardInterrupt
        made.append(prompt)
        return truth(prompt, seed, seconds)

    path = tmp_path / "ledger.jsonl"
    with pytest.raises(KeyboardInterrupt):
        found(trials, stopping, path)
    assert drift.summarise(trials, SECONDS, Reader("dev"), Ledger(path)).count == 2
    found(trials, truth, path)
    assert len(Ledger(path)) == 6


def test_scenes_stay_in_sight_and_are_the_same_every_time(trials: list[drift.LongTrial]) -> None:
    from kinema.world.render import visibility

    assert drift.plan(2, SECONDS) == trials[:2]
    for trial in trials:
        assert visibility(trial.scene, frames=SECONDS + 1, fps=Fraction(1)).min() >= drift.IN_SIGHT


def test_what_cannot_be_told_says_so(trials: list[drift.LongTrial], tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="take 20 s"):
        drift.plan(3, 15)
    with pytest.raises(EvaluationError, match="nearest 1"):
        drift.plan(0, 20)
    with pytest.raises(EvaluationError, match="no whole film"):
        drift.summarise(trials, SECONDS, Reader("dev"), Ledger(tmp_path / "ledger.jsonl"))
    blind = Reader("dev")
    blind.card = replace(blind.card, true_right=dict.fromkeys(FACTORS, 0.5))
    with pytest.raises(EvaluationError, match="take another"):
        drift.summarise(trials, SECONDS, blind, Ledger(tmp_path / "ledger.jsonl"))
