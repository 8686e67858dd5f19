"""The verb that makes a film from a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kinema.cli.films import (
    FilmVerb,
    Show,
    deliver,
    model_options,
    show_options,
    size_options,
    size_parts,
    words_options,
)


@click.command(cls=FilmVerb)
@click.argument("prompt")
@show_options
@size_options
@click.option("--seconds", help="Length, such as 4 or 2.5.")
@model_options
@words_options
def generate(output: Path | None, **options: Any) -> None:
    """Make a film of what PROMPT says.

    The last line says where the film is, its seed and how long it took. Without -o the film is named after the prompt
    and the seed, in the current folder. Ctrl-C keeps what was made so far where it can be played.

    \b
    Examples:
      kinema generate "a red dog jumps in a snowy forest at night" -o dog.mp4
      kinema generate "two boats on the ocean at sunset" --seed 7 --steps 20 -n 4
      kinema generate "a whale swims underwater" --shape 16:9 --upscale 2 -o whale.mp4
      kinema generate "a rocket rises over the moon" -o rocket.gif --preview --sheet
    """
    from kinema.recipe import Recipe

    wanted = Show.taken(options)
    deliver(Recipe(**size_parts(options), **options), output, wanted)
