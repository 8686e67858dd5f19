"""Exercises on the real tasks: whoever fills, what was known is found kept; truth scores as truth, noise does not."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from random import Random

import numpy as np
import pytest

from kinema.canvas import Canvas
from kinema.clip import Clip
from kinema.errors import EvaluationError
from kinema.evaluate import tasks
from kinema.evaluate.exercises import EXERCISES, VIEW_SECONDS, Attempt, Studio
from kinema.evaluate.factors import FACTORS
from kinema.evaluate.ledger import Ledger
from kinema.evaluate.reader import Reader
from kinema.recipe import Recipe
from kinema.tasks import begin, settle_frames
from kinema.tasks.play import play
from kinema.world.scene import Scene, Thing
from kinema.world.splits import split_of

SIDE, FPS = 32, Fraction(8)
KNOWING = [name for name in EXERCISES if not name.startswith(("remix", "still", "loop of"))]


def noise(canvas: Canvas) -> Iterator[Clip]:
    """The canvas filled with noise, in two segments."""
    frames = np.random.default_rng(0).integers(0, 255, canvas.pixels.shape, np.uint8)
    half = len(frames) // 2
    yield from (Clip(part, canvas.fps) for part in (frames[:half], frames[half:]) if len(part))


def by_noise(recipe: Recipe, clips: Sequence[Clip]) -> Clip:
    """What the recipe's task makes of the clips, filled with noise."""
    frames = int(recipe.seconds * FPS) if recipe.seconds else None
    settled = recipe.changed(width=SIDE, height=SIDE, fps=FPS, overlap=8, frames=frames, seconds=None)
    settled = settled.changed(frames=settle_frames(settled, tuple(clips), VIEW_SECONDS * 8))
    return Clip.join(play(begin(settled, clips), noise))


@pytest.fixture(scope="module")
def trials() -> list[tasks.Trial]:
    return tasks.plan(2)


STUDIO = Studio(SIDE, SIDE, FPS, by_noise)


def unwatched(done: int, total: int) -> None:
    """Nobody watches."""


@pytest.mark.parametrize("name", KNOWING)
def test_known_pixels_are_where_the_task_puts_them(name: str, trials: list[tasks.Trial]) -> None:
    attempt = EXERCISES[name](STUDIO, trials[0])
    assert attempt.known is not None and attempt.target is not None
    assert attempt.known.any() and not attempt.known.all()
    same = (attempt.made.frames == attempt.target.frames).all(-1)
    assert same[attempt.known].all()
    assert same[~attempt.known].mean() < 0.01
    for join in attempt.joins:
        assert (attempt.known[join] != attempt.known[join - 1]).any()


@pytest.mark.parametrize("name", EXERCISES)
def test_a_view_is_four_seconds_of_what_was_invented(name: str, trials: list[tasks.Trial]) -> None:
    for view in EXERCISES[name](STUDIO, trials[0]).views:
        clips = [clip for clip in (view.made, view.true, view.given) if clip]
        assert {clip.seconds for clip in clips} == {VIEW_SECONDS}


def test_every_known_frame_is_hidden_where_only_some_are_invented(trials: list[tasks.Trial]) -> None:
    attempt = EXERCISES["fill all but every 8th"](STUDIO, trials[0])
    assert attempt.target is not None
    seen = {frame.tobytes() for frame in attempt.views[0].made.frames}
    assert not seen & {frame.tobytes() for frame in attempt.target.frames}


def perfect(attempt: Attempt) -> Attempt:
    """The attempt as it would be if the truth had been made, where there is one."""
    assert attempt.target is not None
    views = tuple(replace(view, made=view.true) for view in attempt.views)
    return replace(attempt, made=attempt.target, views=views)


def test_truth_is_kept_far_from_nothing_and_as_smooth_as_itself(trials: list[tasks.Trial], tmp_path: Path) -> None:
    reader, ledger = Reader("dev"), Ledger(tmp_path / "ledger.jsonl")
    name = "extend forward"
    for trial in trials:
        ledger.write(tasks._key(name, trial), tasks.portrait(perfect(EXERCISES[name](STUDIO, trial)), reader))
    found = tasks.summarise(trials, reader, ledger)
    result = found.results[name]
    assert result.clips == 2 and result.kept is not None and result.kept.value == 1
    assert result.obeys == result.truth and (result.seam, result.holds) == (result.true_seam, result.true_holds)
    assert result.psnr is not None and result.psnr.value == 99
    assert result.motion is not None and result.motion.value == 1
    assert list(found.results) == [name]


def test_a_single_wrong_pixel_is_not_kept(trials: list[tasks.Trial]) -> None:
    attempt = EXERCISES["animate"](STUDIO, trials[0])
    frames = attempt.made.frames.copy()
    frames[0, 3, 4, 1] ^= 1
    reader = Reader("dev")
    assert tasks.portrait(attempt, reader)["kept"] is True
    assert tasks.portrait(replace(attempt, made=Clip(frames, FPS)), reader)["kept"] is False


def test_a_stopped_measurement_goes_on_and_is_told(trials: list[tasks.Trial], tmp_path: Path) -> None:
    reader, path = Reader("dev"), tmp_path / "ledger.jsonl"
    names = tasks.named(["animate", "fill a region", "loop", "remix mild (0.6)", "still"])
    made: list[str] = []

    def stopping(recipe: Recipe, clips: Sequence[Clip]) -> Clip:
        if len(made) == 2:
            raise KeyboardInterrupt
        made.append(recipe.task)
        return by_noise(recipe, clips)

    with pytest.raises(KeyboardInterrupt):
        tasks.measure(trials, replace(STUDIO, make=stopping), reader, Ledger(path), unwatched, names)
    assert list(tasks.summarise(trials, reader, Ledger(path)).results) == ["animate", "fill a region"]
    tasks.measure(trials, STUDIO, reader, Ledger(path), unwatched, names)
    assert len(Ledger(path)) == len(trials) * len(names)
    found = tasks.summarise(trials, reader, Ledger(path))
    assert list(found.results) == list(names) and all(result.clips == 2 for result in found.results.values())
    for name in set(names) & set(KNOWING):
        kept = found.results[name].kept
        assert kept is not None and kept.value == 1
    assert [name for name, result in found.results.items() if result.border] == ["fill a region"]
    assert [name for name, result in found.results.items() if not result.motion] == ["still"]
    told = found.to_fields()["tasks"]["loop"]  # type: ignore[index]
    assert told["psnr"] is None and told["kept"]["share"] == 1
    written = tasks.write(found, trials, Ledger(path), tmp_path / "docs", "tiny")
    assert [each.name for each in written] == [tasks.PAGE, tasks.SHEET]
    page = written[0].read_text()
    assert all(f"| {name} | 2 |" in page for name in names)


def test_two_processes_share_the_clips_and_one_book(trials: list[tasks.Trial], tmp_path: Path) -> None:
    reader, first, second = Reader("dev"), Ledger(tmp_path / "ledger.jsonl"), Ledger(tmp_path / "ledger.jsonl")
    for ledger, part in ((first, "1/2"), (second, "2/2")):
        tasks.measure(trials[tasks.part_of(part)], STUDIO, reader, ledger, unwatched, tasks.named(["animate"]))
    assert len(first) == len(second) == 1
    first.renew()
    assert tasks.summarise(trials, reader, first).results["animate"].clips == 2


def test_scenes_are_those_that_training_may_hold_and_the_same_every_time(trials: list[tasks.Trial]) -> None:
    assert tasks.plan(1) == trials[:1]
    for trial in trials:
        assert {split_of(scene) for scene in (trial.scene, trial.other, trial.recast, trial.moved)} == {"train"}
        assert trial.recast.things[0].name != trial.scene.things[0].name
        moved = trial.moved
        assert moved == replace(trial.scene, place=moved.place, time=moved.time, weather=moved.weather)
        assert (moved.place, moved.time) != (trial.scene.place, trial.scene.time)


def test_a_scene_that_can_be_nowhere_else_is_moved_in_time() -> None:
    boat = Scene(things=(Thing("sailboat"),), action="goes", place="ocean", time="day")
    moved = tasks._moved(boat, Random(0))
    assert moved and (moved.place, moved.time != "day") == ("ocean", True)


def test_what_cannot_be_told_says_so(trials: list[tasks.Trial], tmp_path: Path) -> None:
    empty = Ledger(tmp_path / "ledger.jsonl")
    with pytest.raises(EvaluationError, match="nearest 2000"):
        tasks.plan(3000)
    with pytest.raises(EvaluationError, match="no exercise"):
        tasks.summarise(trials, Reader("dev"), empty)
    blind = Reader("dev")
    blind.card = replace(blind.card, true_right=dict.fromkeys(FACTORS, 0.5))
    with pytest.raises(EvaluationError, match="take another"):
        tasks.summarise(trials, blind, empty)
