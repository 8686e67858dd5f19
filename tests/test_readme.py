"""Every command that the README shows exists and knows the options it is shown with."""

import re
import shlex
from pathlib import Path

import click
import pytest

from kinema.cli import kinema

ROOT = Path(__file__).parent.parent
COMMANDS = [
    shlex.split(line, comments=True)
    for block in re.findall(r"```\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    for line in block.splitlines()
    if line.strip()
]


@pytest.mark.parametrize("words", [words for words in COMMANDS if words[0] == "kinema"], ids=" ".join)
def test_verbs_and_options_exist(words: list[str]):
    command: click.Command = kinema
    context = click.Context(kinema)
    rest = words[1:]
    while isinstance(command, click.Group):
        found = command.get_command(context, rest[0])
        assert found is not None, f"no verb {rest[0]}"
        command, rest = found, rest[1:]
        if isinstance(command, click.Group) and "|" in rest:
            assert {word for word in rest if word != "|"} == set(command.list_commands(context))
            return
    command.make_context(command.name, list(rest), resilient_parsing=True)
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in rest if word.startswith("-")} <= known


@pytest.mark.parametrize("words", [words for words in COMMANDS if words[0] == "make"], ids=" ".join)
def test_targets_exist(words: list[str]):
    assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.M)
