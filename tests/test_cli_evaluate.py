"""The terminal's evaluations of tasks and of drift, on networks of tiny size."""

import json
from pathlib import Path

import pytest

from kinema import cli
from kinema.evaluate.exercises import EXERCISES


def test_tasks_are_evaluated_and_written(tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = [name for name in EXERCISES if not name.startswith(("remix", "still", "loop of"))]
    arguments = ["evaluate", "--tasks", "--clips", "1", "--docs", str(tmp_path / "docs")]
    arguments += [part for name in names for part in ("--task", name)]
    assert cli.run([*arguments, "--fresh", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert list(told["tasks"]) == names
    assert {result["kept"]["share"] for result in told["tasks"].values()} == {1}
    page, sheet = tmp_path / "docs" / "TASKS.md", tmp_path / "docs" / "tasks_films.webp"
    assert told["written"] == [str(page), str(sheet)] and "| extend backward | 1 |" in page.read_text()
    assert cli.run(arguments) == 0
    assert capsys.readouterr().out.startswith("task ")


def test_drift_is_evaluated_and_written(tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["evaluate", "--drift", "20", "--clips", "1", "--docs", str(tmp_path / "docs")]
    assert cli.run([*arguments, "--fresh", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["seconds"] == 20 and told["films"] == 1 and len(told["film"]["windows"]) == 2
    assert len(told["reached"]) == 4
    assert cli.run(arguments) == 0
    assert capsys.readouterr().out.startswith("seconds ")
    assert "# Drift over 20 seconds" in (tmp_path / "docs" / "DRIFT.md").read_text()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--tasks", "--drift", "20"], "--tasks and --drift are evaluations of their own"),
        (["--tasks", "--ceiling-only"], "--tasks and --ceiling-only are evaluations of their own"),
        (["--part", "1/2"], "--task and --part go with --tasks"),
        (["--tasks", "--part", "3/2"], "'3/2' is no part of the clips; 1/2 and 2/2"),
        (["--tasks", "--task", "dance"], "there is no task 'dance' to evaluate; there are animate"),
        (["--clips", "3"], "--clips goes with --tasks or --drift"),
        (["--drift", "25"], "take 20 s"),
    ],
)
def test_what_does_not_go_together_is_told(options: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["evaluate", *options]) in (1, 2)
    assert said in capsys.readouterr().err
