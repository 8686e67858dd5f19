"""The verbs that start from films and pictures, on real networks of tiny size."""

import io
import json
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest

import kinema
from kinema import cli
from kinema.cli import tasks
from kinema.cli.tasks import parse_box, parse_card, parse_curve, parse_piece, parse_stretch
from kinema.clip import Clip
from kinema.errors import RecipeError

PROMPT = "a red dog jumps in the snow."
ENDING = ["--as-is", "--seed", "7", "--steps", "1"]


@pytest.fixture(autouse=True)
def films(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Two films and a picture, made once, in a current folder of the test's own."""
    kept = tmp_path_factory.getbasetemp() / "films"
    if not kept.exists():
        kept.mkdir()
        for name, frames, seed in (("dog", 16, 1), ("ship", 16, 2), ("photo", 1, 3)):
            kinema.generate(PROMPT, kept / f"{name}.png", as_is=True, frames=frames, seed=seed, steps=1)
    copytree(kept, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)


def frames(name: str) -> np.ndarray:
    return Clip.read(name).frames


@pytest.mark.parametrize(
    ("arguments", "length"),
    [
        (["animate", "photo.png", PROMPT, "--seconds", "1"], 8),
        (["animate", "photo.png", "--last", "photo.png", "--seconds", "1"], 8),
        (["extend", "dog.png", "--seconds", "0.5"], 20),
        (["extend", "dog.png", "--backward", "--overlap", "4", "--seconds", "1"], 24),
        (["fill", "dog.png", "--lost", "0.5-1", "--lost", "1.5-2"], 16),
        (["fill", "dog.png", "--box", "0:0,0,0.5,1", "--box", "2:0.5,0,1,1", "--keep"], 16),
        (["fill", "dog.png", "--keep-every", "4"], 16),
        (["loop", "--film", "dog.png", "--bridge", "1"], 24),
        (["loop", PROMPT, "--seconds", "2", "--bridge", "1"], 16),
        (["blend", "dog.png", "ship.png", "--seconds", "1"], 40),
        (["blend", "dog.png", "ship.png", "--seconds", "1", "--influence", "0:1,1:0", "--strength", "0.4"], 24),
        (["remix", "dog.png", PROMPT, "--strength", "strong"], 16),
        (["storyboard", "--card", "0: a dog.", "--card", "0.5: @ship.png[0-1] a robot.", "--seconds", "2"], 16),
        (["recut", "dog.png[0-1]", "ship.png[1-]", "--gap", "0.5", "--add", "0.5"], 24),
        (["still", PROMPT], 1),
    ],
    ids=lambda value: " ".join(value[:1] + value[2:4]) if isinstance(value, list) else "",
)
def test_each_verb_makes_its_film_and_the_recipe_in_it_makes_it_again(
    arguments: list[str], length: int, capsys: pytest.CaptureFixture[str]
):
    assert cli.run([*arguments, *ENDING, "-o", "made.png"]) == 0
    assert len(frames("made.png")) == length
    assert cli.run(["make", "made.png", "-o", "again.png", "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (told["task"], told["frames"]) == (arguments[0], length)
    assert np.array_equal(frames("again.png"), frames("made.png"))


def test_a_mask_is_a_file_too():
    mask = np.zeros((1, 32, 48, 3), np.uint8)
    mask[:, :, 24:] = 255
    Clip(mask, kinema.Clip.read("dog.png").fps).write("mask.png")
    assert cli.run(["fill", "dog.png", "--mask", "mask.png", *ENDING, "-o", "made.png"]) == 0
    assert np.array_equal(frames("made.png")[:, :, :24], frames("dog.png")[:, :, :24])


@pytest.mark.parametrize("place", ["boards/story.json", "-"])
def test_a_storyboard_is_read_from_a_file_or_from_stdin(place: str, monkeypatch: pytest.MonkeyPatch):
    source = "../ship.png" if place != "-" else "ship.png"
    board = {"seconds": 2, "cards": [{"at": 0, "text": "a dog."}, {"at": 1, "source": source, "start": 1, "stop": 2}]}
    Path("boards").mkdir()
    Path("boards/story.json").write_text(json.dumps(board))
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(board)))
    assert cli.run(["storyboard", place, *ENDING, "-o", "made.png"]) == 0
    assert np.array_equal(frames("made.png")[8:], frames("ship.png")[8:])


def test_the_options_of_a_board_are_those_of_the_file_unless_said_otherwise():
    Path("story.json").write_text(json.dumps({"seconds": 2, "seed": 9, "cards": [{"at": 0, "text": "a dog."}]}))
    assert cli.run(["storyboard", "story.json", "--as-is", "--steps", "1", "-o", "made.png"]) == 0
    made = tasks.read_recipe("made.png")
    assert (made.seed, made.frames) == (9, 16)
    assert cli.run(["storyboard", "story.json", *ENDING, "--seconds", "1", "-o", "made.png"]) == 0
    made = tasks.read_recipe("made.png")
    assert (made.seed, made.frames) == (7, 8)


def test_a_shape_and_a_larger_size_can_be_asked_for():
    assert cli.run(["still", PROMPT, "--shape", "1:1", "--upscale", "2", *ENDING, "-o", "made.png"]) == 0
    height, width = frames("made.png").shape[1:3]
    assert height == width and height % 32 == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["animate", "photo.png", PROMPT, "--seconds", "0.5"],
        ["extend", "dog.png", "--seconds", "0.5"],
        ["fill", "dog.png", "--lost", "0.5-1"],
        ["loop", "--film", "dog.png", "--bridge", "0.5"],
        ["blend", "dog.png", "ship.png", "--seconds", "0.5"],
        ["remix", "dog.png", PROMPT],
        ["storyboard", "--card", "0: a dog.", "--seconds", "1"],
        ["recut", "dog.png[0-1]", "--add", "0.5"],
        ["still", PROMPT],
    ],
    ids=lambda arguments: arguments[0],
)
def test_every_task_delivers_the_size_that_was_asked_for(arguments: list[str], capsys: pytest.CaptureFixture[str]):
    assert cli.run([*arguments, *ENDING, "--size", "90x51", "-o", "made.webp"]) == 0
    out, err = capsys.readouterr()
    assert frames("made.webp").shape[1:3] == (51, 90)
    assert "Size: 90x51" in err and "made at 48x32, upscaled 2 times" in err and " 90x51 from 48x32 " in out


def test_what_people_write_is_read():
    assert parse_piece("my dog.mp4[1-2.5]") == {"source": "my dog.mp4", "start": "1", "stop": "2.5"}
    assert parse_piece("dog.mp4") == {"source": "dog.mp4"} and parse_piece("d.mp4[-2]")["stop"] == "2"
    assert parse_card("4: a red dog") == {"at": "4", "text": "a red dog"}
    assert parse_card("4:@a.png") == {"at": "4", "source": "a.png"}
    assert parse_card("1.5: @a.mp4[1-3] a dog: red") == {
        "at": "1.5",
        "source": "a.mp4",
        "start": "1",
        "stop": "3",
        "text": "a dog: red",
    }
    assert parse_box("2:0.1,0.2,0.5,1") == {"at": "2", "left": "0.1", "top": "0.2", "right": "0.5", "bottom": "1"}
    assert "at" not in parse_box("0,0,1,1")
    assert parse_stretch("1-2.5") == ("1", "2.5")
    assert parse_curve("0:1, 0.5:0.25,1:0") == ((0, 1), (0.5, 0.25), (1, 0))


@pytest.mark.parametrize(
    ("parse", "text", "says"),
    [
        (parse_piece, "dog.mp4[1:3]", "'dog.mp4[1:3]' is not a piece; one is written like 'dog.mp4[1-3]'"),
        (parse_card, "a red dog", "is not a card; one is written like '4: @dog.png a red dog'"),
        (parse_box, "1,2,3", "is not a box"),
        (parse_stretch, "1", "is not a stretch of seconds"),
        (parse_curve, "0:1,up,1:0", "'up' is not a point of a curve; one is written like '0.5:0.5'"),
    ],
)
def test_what_cannot_be_read_is_named(parse, text: str, says: str):
    with pytest.raises(RecipeError) as raised:
        parse(text)
    assert says in str(raised.value)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["extend", "cat.mp4"], 1, "there is no file cat.mp4"),
        (["fill", "dog.png"], 2, "nothing says what is lost; give one"),
        (
            ["blend", "dog.png", "ship.png", "--influence", "0:1"],
            2,
            "the influence curve 0:1 does not go from 0 to 1, as 0:1,1:0 does",
        ),
        (
            ["remix", "dog.png", "--strength", "2"],
            2,
            "strength '2' is of no use: it must be at most 1",
        ),
        (["storyboard"], 2, "give the cards as one FILE, or each with --card"),
        (["storyboard", "no.json"], 2, "no.json cannot be read: No such file or directory"),
        (["storyboard", "dog.png"], 2, "dog.png is not text; give a JSON file"),
        (["storyboard", "--card", "1: a dog.", "--card", "0: a cat."], 2, "rise from one to the next, but 0 follows 1"),
        (["recut", "dog.png[2-1]"], 2, "the stretch 2-1 is empty or ends before it begins"),
        (["loop"], 2, "the prompt is empty; say what should be seen"),
        (["make", "dog.json"], 2, "dog.json cannot be read"),
        (["make", "plain.png"], 1, "plain.png carries no recipe"),
    ],
)
def test_what_goes_wrong_is_one_line(arguments: list[str], code: int, says: str, capsys: pytest.CaptureFixture[str]):
    Clip.read("photo.png").write("plain.png")
    capsys.readouterr()
    assert cli.run(arguments) == code
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("kinema: ") and err.count("\n") == 1 and says in err
