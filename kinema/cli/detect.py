"""The verb that asks whether a film was made here."""

from __future__ import annotations

from pathlib import Path

import click

from kinema.cli.progress import Progress
from kinema.cli.terminal import echo_json


@click.command()
@click.argument("film", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, a key for each witness.")
def detect(film: Path, as_json: bool) -> None:
    """Ask four witnesses whether FILM was made here: credentials, watermark, fingerprint, classifier.

    Each says yes, no or cannot tell, with its evidence and how often its 'yes' is wrong. The fingerprint also says
    which film it is a piece of.

    \b
    Examples:
      kinema detect found.mp4
      kinema detect found.mp4 --json
    """
    from kinema.trust.detect import detect as testify

    with Progress("asking the witnesses"):
        testimony = testify(film)
    if as_json:
        echo_json(testimony.to_fields())
        return
    click.echo(testimony.sentence)
    for name, witness in testimony.witnesses.items():
        rate = (
            "" if witness.error_rate is None else f" ('yes' is wrong for a share of {witness.error_rate:.1g} at most)"
        )
        evidence = "".join(letter if letter.isprintable() else "?" for letter in witness.evidence)
        click.echo(f"  {name:<12} {witness.answer:<12} {evidence}{rate}")
