"""What a film says of its making can be read, and typed in again."""

import json
import shlex
from fractions import Fraction
from pathlib import Path

import click
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kinema
from kinema import cli
from kinema.cli.commands import command_of, number
from kinema.cli.films import size_parts
from kinema.cli.generate import generate
from kinema.clip import Clip
from kinema.recipe import Recipe
from kinema.tasks import TASKS

PROMPT = "a red dog jumps in the snow."
SHORT = ["--seconds", "0.5", "--steps", "1", "--seed", "3"]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Films without a name land in the current folder: let that be a test's own."""
    monkeypatch.chdir(tmp_path)


def shown(film: str, capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    capsys.readouterr()
    assert cli.run(["show", film, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def parsed(words: list[str]) -> Recipe:
    """The recipe that the terminal makes of the words of a `generate`."""
    assert words[:2] == ["kinema", "generate"]
    with generate.make_context("generate", words[2:]) as context:
        parts = {name: context.params[name] for name in ("prompt", "seconds", "fps", "seed", "steps", "guidance")}
        parts |= {name: context.params[name] for name in ("n", "as_is", "rewritten_prompt")}
        return Recipe(**size_parts(context.params), **parts)


PROMPTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1).filter(str.strip)


@settings(max_examples=100, deadline=None)
@given(
    prompt=PROMPTS,
    rewritten_prompt=PROMPTS,
    as_is=st.booleans(),
    frames=st.integers(1, 500),
    fps=st.fractions(Fraction(1), Fraction(60), max_denominator=1001),
    guidance=st.floats(0, 100),
    seed=st.integers(0, 2**53 - 1),
    size=st.sampled_from(
        [{"size": "1280x720"}, {"width": 64, "height": 32}, {"width": 64, "height": 32, "upscale": 4}]
    ),
)
def test_the_command_says_the_recipe_exactly(frames: int, fps: Fraction, size: dict[str, object], **parts: object):
    if parts["as_is"]:
        parts["rewritten_prompt"] = parts["prompt"]
    recipe = Recipe(seconds=frames / fps, fps=fps, steps=7, **size, **parts)
    command = command_of(recipe, "again.mp4")
    assert command is not None
    again = parsed(shlex.split(shlex.join(command)))
    said = again.changed(rewritten_prompt=again.rewritten_prompt or recipe.prompt)
    assert said == recipe


@settings(deadline=None)
@given(st.fractions(0, 10**6, max_denominator=10**6) | st.floats(0, 1, allow_subnormal=False))
def test_numbers_are_said_exactly(value: Fraction | float):
    said = number(value)
    assert Fraction(said) == value or float(Fraction(said)) == value


MAKES = {
    "generate": ["generate", PROMPT, "--as-is", "-o", "a.gif", *SHORT],
    "rewritten": ["generate", "a puppy leaps", "-o", "a.png", *SHORT],
    "sized": ["generate", PROMPT, "--as-is", "--size", "90x51", "-o", "a.png", *SHORT],
    "upscaled": ["generate", PROMPT, "--as-is", "--size", "32x32", "--upscale", "2", "-o", "a.png", *SHORT],
    "dashed": ["generate", "--as-is", "-o", "a.png", *SHORT, "--", "- a dog"],
    "animate": ["animate", "first.png", PROMPT, "--as-is", "--at", "last", "-o", "a.mp4", *SHORT],
    "extend": ["extend", "film.mp4", PROMPT, "--as-is", "--backward", "-o", "a.mp4", *SHORT],
    "fill": ["fill", "film.mp4", PROMPT, "--as-is", "--box", "0:0.1,0.25,0.5,0.9", "-o", "a.png", *SHORT[2:]],
    "fill mask": ["fill", "film.mp4", PROMPT, "--as-is", "--mask", "first.png", "--keep", "-o", "a.png", *SHORT[2:]],
    "fill lost": ["fill", "film.mp4", PROMPT, "--as-is", "--lost", "0.25-0.5", "-o", "a.png", *SHORT[2:]],
    "loop": ["loop", "--film", "film.mp4", PROMPT, "--as-is", "--bridge", "0.5", "-o", "a.png", *SHORT[2:]],
    "blend": ["blend", "film.mp4", "film.mp4", PROMPT, "--as-is", "--influence", "0:1,1:0", "-o", "a.png", *SHORT],
    "remix": ["remix", "film.mp4", PROMPT, "--as-is", "--strength", "strong", "-o", "a.png", *SHORT[2:]],
    "storyboard": [
        "storyboard", "--card", "0: a dog jumps", "--card", "0.5: @film.mp4[0.5-1] a cat", "--as-is", "-o", "a.png",
        "--seconds", "1", *SHORT[2:],
    ],
    "recut": [
        "recut", "film.mp4[0.5-1]", "film.mp4", "--prompt", PROMPT, "--as-is", "--gap", "0.5", "-o", "a.png",
        *SHORT[2:],
    ],
}  # fmt: skip


@pytest.mark.parametrize("words", MAKES.values(), ids=MAKES)
def test_what_is_shown_makes_the_same_film_again(
    tiny_model: Path, capsys: pytest.CaptureFixture[str], words: list[str]
):
    rng = np.random.default_rng(0)
    film = Clip(rng.integers(0, 255, (8, 32, 48, 3), np.uint8), Fraction(8))
    film.write("film.mp4")
    film[:1].write("first.png")
    assert cli.run(words) == 0
    first = shown(words[words.index("-o") + 1], capsys)
    command = shlex.split(str(first["command"]))
    assert command[:2] == ["kinema", words[0]]
    assert cli.run(command[1:]) == 0
    again = command[command.index("--output") + 1]
    assert shown(again, capsys)["recipe"] == first["recipe"]
    assert np.array_equal(Clip.read(str(first["path"])).frames, Clip.read(again).frames)


def test_a_film_of_a_clip_in_memory_is_left_to_python(tiny_model: Path, capsys: pytest.CaptureFixture[str]):
    picture = Clip(np.zeros((1, 32, 48, 3), np.uint8), Fraction(8))
    kinema.animate(picture, "a.png", prompt=PROMPT, as_is=True, seconds=0.5, steps=1)
    assert shown("a.png", capsys)["command"] is None
    assert cli.run(["show", "a.png"]) == 0
    assert "Only Python can make it again" in capsys.readouterr().out


def test_what_options_cannot_say_is_made_of_the_film_itself(tiny_model: Path, capsys: pytest.CaptureFixture[str]):
    Clip(np.zeros((8, 32, 48, 3), np.uint8), Fraction(8)).write("a film.mp4")
    cards = [{"at": 0, "source": 0, "text": PROMPT}]
    kinema.storyboard(cards, ["a film.mp4"], path="a.png", as_is=True, seconds=1, steps=1)
    assert shown("a.png", capsys)["command"] == "kinema make a.png --output a-again.png"
    assert cli.run(["make", "a.png", "-o", "a-again.png"]) == 0
    assert np.array_equal(Clip.read("a.png").frames, Clip.read("a-again.png").frames)


def test_a_person_reads_it_in_lines(tiny_model: Path, capsys: pytest.CaptureFixture[str]):
    assert cli.run(["generate", "a puppy leaps", "-o", "a.webp", *SHORT]) == 0
    capsys.readouterr()
    assert cli.run(["show", "a.webp"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == [
        "film      a.webp",
        "task      generate",
        "prompt    a puppy leaps",
        "read as   A dog jumps up and down in a meadow during the day.",
    ]
    assert lines[-2] == "Make it again:" and lines[-1].startswith("kinema generate 'a puppy leaps' ")


def test_a_film_without_a_recipe_says_so(capsys: pytest.CaptureFixture[str]):
    Clip(np.zeros((2, 16, 16, 3), np.uint8), Fraction(8)).write("plain.mp4")
    assert cli.run(["show", "plain.mp4"]) == 1
    assert "plain.mp4 carries no recipe: it was not made by Kinema" in capsys.readouterr().err


def test_every_task_has_a_verb_of_its_name():
    assert set(TASKS) <= set(cli.VERBS)
    assert all(isinstance(cli.kinema.get_command(click.Context(cli.kinema), task), click.Command) for task in TASKS)
