"""The bench on networks of tiny size: what is measured is a matter of the machine; that and how it is told is not."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from kinema import cli
from kinema.clip import Clip
from kinema.errors import EvaluationError
from kinema.evaluate.bench import Bench, Run, bench, watchable_frames


def nothing(seconds: int, done: int, total: int) -> None:
    """Nobody watches."""


def test_films_beyond_the_limit_are_timed_in_a_process_of_their_own(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KINEMA_MAX_SECONDS", "4")
    assert cli.run(["bench", "minute", "--seconds", "5", "--repeats", "1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    (run,) = found["runs"]
    assert run["seconds"] == 5 and found["flat"] == {} and found["steps"] == 3 and found["size"] == "48x32"
    assert run["work_per_second"] == pytest.approx(run["wall_s"] / 5, abs=1e-3)
    assert run["peak_mib"] > 10 and run["first_two_seconds_s"] > 0


def test_a_film_that_cannot_be_made_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINEMA_WEIGHTS", "/nowhere")
    with pytest.raises(
        EvaluationError, match="the film of 3 s was not made: there is no card of native networks in /nowhere"
    ):
        bench([3], nothing)
    with pytest.raises(EvaluationError, match="a film of 1 s cannot be timed; 2 s or more can"):
        bench([15, 1], nothing)


def test_flat_is_within_a_tenth_of_the_least() -> None:
    runs = (Run(10, 10.0, 5.0, 100.0, 1.0), Run(20, 21.9, 12.0, 100.0, 1.0))
    found = Bench("tiny", 3, "48x32", runs)
    flat = found.to_fields()["flat"]
    assert flat == {
        "work_per_second": {"rise": 0.095, "within_10_percent": True},
        "steady_per_second": {"rise": 0.0321, "within_10_percent": True},
        "processor_per_second": {"rise": 0.2, "within_10_percent": False},
        "peak_mib": {"rise": 0.0, "within_10_percent": True},
    }


def test_frames_are_counted_as_far_as_the_file_goes(tmp_path: Path) -> None:
    film = tmp_path / "film.webm"
    assert watchable_frames(film) == 0
    noise = np.random.default_rng(0).integers(0, 255, (24, 32, 48, 3), np.uint8)
    Clip(noise, Fraction(8)).write(film)
    assert watchable_frames(film) == 24
    whole = film.read_bytes()
    film.unlink()
    unfinished = tmp_path / "film.part.webm"
    unfinished.write_bytes(whole[: len(whole) // 2])
    assert 0 < watchable_frames(film) < 24
    unfinished.write_bytes(b"")
    assert watchable_frames(film) == 0
