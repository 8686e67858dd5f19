"""The verb that makes a film from a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kinema.cli.films import FilmVerb, Show, deliver, model_options, shape, shape_options, show_options, words_options


@click.command(cls=FilmVerb)
@click.argument("prompt")
@show_options
@shape_options
@model_options
@words_options
def generate(output: Path | None, size: str | None, **parts: Any) -> None:
    """Make a film of what PROMPT says.

    The last line says where the film is, its seed and how long it took. Without -o the film is named after the prompt
    and the seed, in the current folder. Ctrl-C keeps what was made so far where it can be played.

    \b
    Examples:
      kinema generate "a red dog jumps in a snowy forest at night" -o dog.mp4
      kinema generate "two boats on the ocean at sunset" --seed 7 --steps 20 -n 4
      kinema generate "a rocket rises over the moon" -o rocket.gif --preview --sheet
    """
    from kinema.recipe import Recipe

    wanted = Show(*(parts.pop(name) for name in ("as_json", "preview", "progress", "sheet")))
    deliver(Recipe(**shape(size), **parts), output, wanted)
