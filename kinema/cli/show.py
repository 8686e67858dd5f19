"""The verb that says what a film was made of, and how to make it again."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kinema.cli.films import resized
from kinema.cli.terminal import echo_json

if TYPE_CHECKING:
    from kinema.recipe import Recipe


@click.command()
@click.argument("film", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines.")
def show(film: Path, as_json: bool) -> None:
    """Print the recipe that made FILM, and the command that makes it again.

    The same command on the same configuration makes the same frames, bit for bit.

    \b
    Examples:
      kinema show dog.mp4
      kinema show dog.mp4 --json
    """
    recipe = recipe_of(film)
    command = _command(film, recipe)
    if as_json:
        echo_json({"path": str(film), "recipe": json.loads(recipe.canonical()), "command": command})
        return
    for name, said in _rows(film, recipe):
        click.echo(f"{name:<9} {said}")
    by_python = "Only Python can make it again: kinema.make(recipe, clips=…)"
    click.echo(f"\nMake it again:\n{command}" if command else f"\n{by_python}")


def _command(film: Path, recipe: Recipe) -> str | None:
    """The command that makes the film again; None where it started from a clip that no file holds."""
    from kinema.cli.commands import command_of

    if not all(source.path for source in recipe.sources):
        return None
    again = f"{film.stem}-again{film.suffix}"
    return shlex.join(command_of(recipe, again) or ["kinema", "make", str(film), "--output", again])


def recipe_of(film: Path) -> Recipe:
    """The settled recipe that a film carries. Raises ClipError where there is none, RecipeError where it is foreign."""
    from kinema.errors import ClipError, RecipeError
    from kinema.media import read_about
    from kinema.recipe import Recipe

    about = read_about(film)
    if about is None:
        raise ClipError(f"{film} carries no recipe: it was not made by Kinema, or another program has rewritten it")
    try:
        parts = json.loads(about)
    except json.JSONDecodeError as error:
        raise RecipeError(f"what {film} says of its making is no recipe: {error}") from None
    return Recipe.model_validate(parts)


def _rows(film: Path, recipe: Recipe) -> Iterator[tuple[str, str]]:
    """The recipe as a person reads it."""
    from kinema.backends.retimed import rate_words

    yield "film", str(film)
    yield "task", recipe.task
    for source in recipe.sources:
        yield "from", f"{source.path or 'a clip in memory'} (SHA-256 {str(source.sha256)[:12]}…)"
    if recipe.prompt:
        yield "prompt", recipe.prompt
    if recipe.rewritten_prompt and recipe.rewritten_prompt != recipe.prompt:
        yield "read as", recipe.rewritten_prompt
    for name, value in dict(recipe.how or ()).items():
        if name != "task" and value not in (None, (), False):
            yield name.replace("_", " "), _plain(value)
    if recipe.seconds and recipe.fps and recipe.task != "still":
        yield "length", f"{float(recipe.seconds):g} s made: {recipe.frames} frames at {float(recipe.fps):g} fps"
    if rate := rate_words(recipe):
        yield "rate", rate
    yield "size", resized(recipe) or f"{recipe.width}x{recipe.height}"
    yield "seed", str(recipe.seed)
    yield "steps", f"{recipe.steps}, guidance {recipe.guidance:g}"
    yield "made by", f"{recipe.model}: {recipe.configuration}"


def _plain(value: object) -> str:
    """A task's option in words."""
    if isinstance(value, tuple):
        return ", ".join(_plain(each) for each in value)
    parts = getattr(value, "model_dump", None)
    if parts is None:
        return str(value)
    return " ".join(f"{name} {said}" for name, said in parts(exclude_none=True).items() if name != "task")
