"""The gallery's commands can be run in order: verbs and options exist, and films are made before they are used."""

import re
import shlex

import click
import pytest

from kinema.cli import kinema
from runs.gallery import PIECES, Piece

TASKS = {"generate", "still", "animate", "extend", "fill", "loop", "blend", "remix", "storyboard", "recut"}
FILM = re.compile(r"\w+\.(?:webp|png)")


@pytest.mark.parametrize("piece", PIECES, ids=lambda piece: piece.command)
def test_a_command_is_understood(piece: Piece) -> None:
    verb, *words = shlex.split(piece.command)
    command = kinema.get_command(click.Context(kinema), verb)
    assert command is not None
    context = command.make_context(verb, [*words, "--seed", "1", "--no-progress"])
    assert context.params["output"].suffix in (".webp", ".png")


def test_every_film_is_made_before_it_is_used_and_none_twice() -> None:
    there: set[str] = set()
    for piece in PIECES:
        *used, made = FILM.findall(piece.command)
        assert set(used) <= there
        assert made not in there
        there.add(made)


def test_every_task_is_shown() -> None:
    assert {piece.command.split()[0] for piece in PIECES} == TASKS
