"""The verb that makes a film from a sentence."""

from typing import Any

import click

from kinema.cli.films import RECIPE, film_verb, make_task


@film_verb("generate", *RECIPE)
@click.argument("prompt")
@click.option("--seconds", help="Length, such as 4 or 2.5.")
def generate(**options: Any) -> None:
    """Make a film of what PROMPT says.

    The last line says where the film is, its seed and how long it took. Without -o the film is named after the prompt
    and the seed, in the current folder. Ctrl-C keeps what was made so far where it can be played.

    \b
    Examples:
      kinema generate "a red dog jumps in a snowy forest at night" -o dog.mp4
      kinema generate "two boats on the ocean at sunset" --seed 7 --steps 20 -n 4
      kinema generate "a whale swims underwater" --shape 16:9 --upscale 2 -o whale.mp4
      kinema generate "a whale swims underwater" --size 1280x720 -o whale.mp4
      kinema generate "a rocket rises over the moon" -o rocket.gif --preview --sheet
      kinema generate "a whale swims underwater" -o whale.mp4 --server http://gpu.example:8000
    """
    make_task("generate", [], {}, options)
