"""What verbs that make films do with --server: another Kinema makes them, and all that is seen of it is as here."""

from __future__ import annotations

from pathlib import Path
from time import monotonic, time
from typing import TYPE_CHECKING

import click

from kinema.cli.films import Show, Stopped, slug, tell, tell_film, what_is_left
from kinema.cli.progress import Progress

if TYPE_CHECKING:
    from kinema.recipe import Recipe


def deliver_from_afar(recipe: Recipe, output: Path | None, show: Show) -> None:
    """The server's films are here, each saved as it came; Ctrl-C stops them there, and what was made is kept."""
    from kinema.engine import numbered
    from kinema.ready import Heard, Limits
    from kinema.remote import Server, check_ending

    assert show.server is not None
    server, begun = Server(show.server, show.api_key), monotonic()
    if output is not None:
        check_ending(output)
    with Progress("getting ready", shown=show.progress):
        asked = server.ask(recipe, limits=Limits(show.max_energy_wh, show.private, show.review == "all"))
    for note in asked.notes:
        click.echo(f"Note: {note}", err=True)
    path = output or Path(f"{slug(recipe.prompt or recipe.task)}-{asked.seed}.mp4")
    count = len(asked.videos)
    with server.stopping(asked):
        for index in range(count):
            label = f"film {index + 1} of {count}" if count > 1 else "making"
            place, started = numbered(path, index, count), time()
            assert place is not None
            with Progress(label, shown=show.progress, preview=show.preview) as progress:
                try:
                    film = server.collect(asked, index, place, on_step=progress.step)
                except KeyboardInterrupt:
                    raise Stopped(what_is_left(place, index, started)) from None
            if film.recipe.made_frames and not asked.notes:  # what it was made of comes with the film itself
                tell(film.recipe, Heard(film.recipe.rewritten_prompt or ""), heard=False)
            wall_s, begun = monotonic() - begun, monotonic()
            tell_film(film, wall_s, show, index if count > 1 else None, told=asked.notes)
