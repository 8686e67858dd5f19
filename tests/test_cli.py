"""The terminal's door, on real networks of tiny size."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import sleep

import click
import numpy as np
import pytest
from PIL import Image

import kinema
from kinema import cli
from kinema.clip import Clip
from tests.interrupting import run_until

PROMPT = "a red dog jumps in the snow."
ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Films without a name land in the current folder: let that be a test's own."""
    monkeypatch.chdir(tmp_path)


def verbs() -> list[list[str]]:
    """Every verb, with those inside of groups."""
    found = [[]]
    for name in cli.VERBS:
        command = cli.kinema.get_command(click.Context(cli.kinema), name)
        found.append([name])
        if isinstance(command, click.Group):
            found += [[name, inner] for inner in command.commands]
    return found


@pytest.mark.parametrize("verb", verbs(), ids=" ".join)
def test_every_verb_has_help_with_examples(verb: list[str], capsys: pytest.CaptureFixture[str]):
    assert cli.run([*verb, "--help"]) == 0
    said = capsys.readouterr().out
    assert "Examples:" in said and " ".join(["kinema", *verb]) in said


@pytest.mark.parametrize("verb", verbs(), ids=" ".join)
def test_every_verb_speaks_json(verb: list[str]):
    command: click.Command = cli.kinema
    for name in verb:
        assert isinstance(command, click.Group)
        found = command.get_command(click.Context(command), name)
        assert found is not None
        command = found
    is_group = isinstance(command, click.Group)
    assert is_group or "--json" in {option for parameter in command.params for option in parameter.opts}


def test_generate_says_where_the_film_is_its_seed_and_how_long_it_took(
    tiny_model: Path, capsys: pytest.CaptureFixture[str]
):
    assert cli.run(["generate", PROMPT, "--as-is", "-o", "dog.mp4", "--seed", "7"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("dog.mp4 · seed 7 · ") and out.endswith(" s\n")
    assert err == ""
    clip = Clip.read("dog.mp4")
    assert clip.frames.shape == (32, 32, 48, 3) and clip.fps == 8


def test_json_is_one_object_with_what_was_promised(tiny_model: Path, capsys: pytest.CaptureFixture[str]):
    arguments = ["generate", PROMPT, "--as-is", "-o", "dog.gif", "--seconds", "1.5", "--size", "64x32", "--json"]
    assert cli.run(arguments) == 0
    told = json.loads(capsys.readouterr().out)
    assert isinstance(told.pop("seed"), int) and told.pop("wall_s") > 0
    assert told.pop("energy_wh") > 0 and told.pop("notes") == []
    assert told == {
        "path": "dog.gif",
        "task": "generate",
        "prompt": PROMPT,
        "rewritten_prompt": PROMPT,
        "frames": 12,
        "fps": 8,
        "made_fps": 8,
        "size": "64x32",
        "made_at": "64x32",
        "upscale": None,
        "seconds": 1.5,
    }


def test_the_terminal_and_python_make_the_same_frames(tiny_model: Path):
    assert (
        cli.run(["generate", PROMPT, "--as-is", "-o", "dog.png", "--seed", "7", "--steps", "2", "--guidance", "3"]) == 0
    )
    film = kinema.generate(PROMPT, as_is=True, seed=7, steps=2, guidance=3)
    assert np.array_equal(Clip.read("dog.png").frames, film.clip.frames)


def test_without_a_name_the_film_is_named_after_prompt_and_seed(tiny_model: Path):
    assert cli.run(["generate", "the dog, in the snow", "--as-is", "--seed", "3", "-n", "2", "--seconds", "0.5"]) == 0
    assert sorted(path.name for path in Path().iterdir()) == [
        "the-dog-in-the-snow-3-1.mp4",
        "the-dog-in-the-snow-3-2.mp4",
    ]


def test_what_the_model_does_not_know_is_told_on_stderr(tiny_model: Path, capsys: pytest.CaptureFixture[str]):
    assert cli.run(["generate", "a robott yodels", "--as-is", "-o", "a.png", "--seconds", "0.75", "--json"]) == 0
    out, err = capsys.readouterr()
    assert err.splitlines() == [
        "I do not know 'robott'; nearest: 'robot'",
        "I do not know 'yodels'",
        "I read: a",
        "I make 8 frames, and keep the first 6",
    ]
    assert json.loads(out)["frames"] == 6


def test_a_preview_is_for_terminals(tiny_model: Path, capsys: pytest.CaptureFixture[str]):
    assert cli.run(["generate", PROMPT, "--as-is", "-o", "a.png", "--seconds", "0.5", "--preview"]) == 0
    assert capsys.readouterr().err == ""


def test_progress_is_told_in_lines_where_it_is_asked_for(tiny_model: Path, capsys: pytest.CaptureFixture[str]):
    assert cli.run(["generate", PROMPT, "--as-is", "-o", "a.png", "--seconds", "0.5", "--progress"]) == 0
    first, *_, last = capsys.readouterr().err.splitlines()
    assert first == "getting ready" and last.startswith("making ") and last.endswith(("left", "done"))


@pytest.mark.parametrize(
    ("arguments", "sheet"),
    [
        (["--sheet", PROMPT, "-o", "a.gif"], "a.sheet.png"),
        ([PROMPT, "-o", "a.gif", "--sheet"], "a.sheet.png"),
        (["--sheet", "b.png", PROMPT, "-o", "a.gif"], "b.png"),
        ([PROMPT, "--sheet=b.png", "-o", "a.gif"], "b.png"),
    ],
)
def test_a_sheet_shows_the_film_in_stills(
    tiny_model: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], sheet: str
):
    assert cli.run(["generate", *arguments, "--as-is", "--seconds", "1"]) == 0
    assert capsys.readouterr().out.endswith(f" · {sheet}\n")
    with Image.open(sheet) as image:
        assert image.format == "PNG" and image.width > 4 * 256


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["generate", ""], 2, "the prompt is empty"),
        (["generate", "x" * 40_000], 2, "the prompt has 40,000 characters"),
        (["generate", PROMPT, "--size", "big"], 2, "size 'big' is not WIDTHxHEIGHT"),
        (["generate", PROMPT, "--size", "0x50", "--as-is"], 2, "size '0x50' is not WIDTHxHEIGHT"),
        (
            ["generate", PROMPT, "--size", "4000x50", "--as-is"],
            2,
            "a film of 4000x50 is too large; sides of at most 2048",
        ),
        (["generate", PROMPT, "--size", "51x50", "--as-is", "-o", "a.mp4"], 1, "a film of 51x50 has an odd side"),
        (["generate", PROMPT, "--size", "50x50", "--shape", "1:1", "--as-is"], 2, "size 50x50 says it all; leave out"),
        (
            ["generate", PROMPT, "--size", "50x50", "--upscale", "2", "--as-is"],
            2,
            "width 50 is not a multiple of 16; the nearest is 48",
        ),
        (["generate", PROMPT, "--seconds", "0"], 2, "seconds '0' is of no use: it must be above 0"),
        (["generate", PROMPT, "--seconds", "1000000", "--as-is"], 2, "at most 60 are made"),
        (["generate", PROMPT, "--seed", "-1"], 2, "seed -1"),
        (["generate", PROMPT, "--seed", "seven"], 2, "'seven' is not a valid integer"),
        (["generate", PROMPT, "--as-is", "-o", "dog.avi"], 1, "dog.avi has '.avi'"),
        (["generate", PROMPT, "--as-is", "-o", "no/dog.mp4"], 1, "the folder no does not exist"),
        (["generate"], 2, "Missing argument 'PROMPT'"),
        (["generate", PROMPT, "--seconds", "1e9", "--as-is"], 2, "1e+09 seconds are too long; at most 60 are made"),
        (["generate", PROMPT, "--as-is", "--sheet=b.jpg"], 2, "'b.jpg' does not end in .png"),
        (["generate", PROMPT, "--as-is", "--sheet", "b.jpg"], 2, "is written as one, for instance b.png"),
        (["show", "nowhere.mp4"], 1, "there is no file nowhere.mp4"),
        (["generate", PROMPT, "--sed", "4"], 2, "No such option '--sed'"),
        (["dream"], 2, "there is no verb 'dream'"),
        (["gnerate", PROMPT], 2, "nearest: generate"),
    ],
)
def test_what_goes_wrong_is_one_line_and_an_exit_code(
    tiny_model: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, says: str
):
    assert cli.run(arguments) == code
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("kinema: ") and err.count("\n") == 1 and says in err
    assert list(Path().iterdir()) == []


def test_missing_weights_are_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setenv("KINEMA_WEIGHTS", "nowhere")
    assert cli.run(["generate", PROMPT]) == 1
    assert capsys.readouterr().err.startswith("kinema: there is no card of native networks in nowhere")


def test_a_useless_setting_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setenv("KINEMA_THREADS", "many")
    assert cli.run(["doctor"]) == 2
    assert capsys.readouterr().err.startswith("kinema: KINEMA_THREADS is 'many'")


def interrupted(arguments: list[str], ready: Callable[[], bool]) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a real process that is sent a real signal as soon as it is ready for it."""
    # A shell that starts tests in the background has its children ignore Ctrl-C; a person's terminal does not.
    heard = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    code = heard + f"import sys; sys.path.insert(0, {str(ROOT)!r}); from kinema.cli import main; main({arguments!r})"
    with subprocess.Popen(
        [sys.executable, "-c", code], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ
    ) as process:
        while not ready():
            assert process.poll() is None, "it was done before it could be stopped"
            sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err


def test_ctrl_c_before_anything_is_made_leaves_nothing(tiny_model: Path, capsys: pytest.CaptureFixture[str]):
    arguments = ["generate", PROMPT, "--as-is", "-o", "dog.mp4", "--steps", "200", "--seconds", "60"]
    code = run_until(Path("dog.part.mp4").exists, arguments)
    out, err = capsys.readouterr()
    assert (code, out) == (130, "") and "Traceback" not in err
    assert err.endswith("kinema: stopped; no half-written film was left behind\n")
    assert list(Path().iterdir()) == []


def test_ctrl_c_keeps_what_can_be_watched(tiny_model: Path):
    part = Path("dog-1.part.mp4")
    arguments = ["generate", PROMPT, "--as-is", "-o", "dog.mp4", "--steps", "24", "--seconds", "60", "-n", "2"]
    code, out, err = interrupted(arguments, lambda: part.exists() and part.stat().st_size > 0)
    assert (code, out) == (130, "") and err.endswith(f"kinema: stopped; what was made so far plays as {part}\n")
    assert 0 < len(Clip.read(part)) < 480 and list(Path().iterdir()) == [part]


def test_doctor_says_what_was_chosen_and_why(tiny_model: Path, capsys: pytest.CaptureFixture[str]):
    assert cli.run(["doctor", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["precision"], told["why"], told["threads"], told["ready"]) == (
        "f32",
        "KINEMA_PRECISION says so",
        1,
        True,
    )
    assert told["weights"].startswith("tiny in ") and set(told["extras"]) == {"world", "train", "dev"}
    assert cli.run(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "precision  f32: KINEMA_PRECISION says so" in lines and "ready      yes" in lines


def test_doctor_exits_with_one_where_no_film_can_be_made(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("KINEMA_WEIGHTS", "/nowhere")
    assert cli.run(["doctor"]) == 1
    assert "no card of native networks in /nowhere" in capsys.readouterr().out


def test_model_sizes_grow_along_the_dial(capsys: pytest.CaptureFixture[str]):
    assert cli.run(["model", "sizes", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    parameters = [row["parameters"] for row in rows]
    assert parameters == sorted(parameters) and parameters[-1] > 1e9
    assert all(row["tokens"] == 512 and row["flops"] >= 2 * row["parameters"] * 512 for row in rows)
    assert cli.run(["model", "sizes"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(rows) + 1


def test_world_sheet_draws_a_picture(capsys: pytest.CaptureFixture[str]):
    assert cli.run(["world", "sheet", "-n", "2", "-o", "sheet.png", "--seed", "3"]) == 0
    assert capsys.readouterr().out == "sheet.png · 2 scenes · seed 3\n"
    with Image.open("sheet.png") as image:
        assert image.format == "PNG" and image.width > 256
