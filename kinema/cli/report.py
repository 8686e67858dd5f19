"""The verb that keeps a complaint or a wrong refusal for whoever runs this installation."""

from __future__ import annotations

from dataclasses import asdict

import click

from kinema.cli.terminal import echo_json


@click.command()
@click.argument("subject", metavar="[FILM|PROMPT]", required=False)
@click.option("--why", default="", metavar="TEXT", help="What is wrong with the film or the refusal.")
@click.option("--list", "listed", is_flag=True, help="Print the reports that are kept.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a report.")
def report(subject: str | None, why: str, listed: bool, as_json: bool) -> None:
    """Report a FILM that should not be, or a PROMPT that was refused and should not have been.

    The report stays on this machine, with what the policy decided or what the film's credentials say, for whoever
    runs it.

    \b
    Examples:
      kinema report "a nude-coloured sofa" --why "it is a colour"
      kinema report found.mp4 --why "this is my face"
      kinema report --list
    """
    from kinema.trust import reports

    if listed == (subject is not None):
        raise click.UsageError("name a film or give a prompt to report it, or --list what was reported")
    if subject is not None:
        kept = reports.report(subject, why)
        if as_json:
            echo_json(asdict(kept))
        else:
            click.echo(f"Kept for whoever runs this installation, as report {kept.id} in {reports.place()}.")
        return
    found, broken = reports.read_reports()
    for each in found:
        if as_json:
            echo_json(asdict(each))
        else:
            click.echo("".join(letter if letter.isprintable() else " " for letter in each.sentence))
    if broken:
        click.echo(f"{broken} lines of {reports.place()} hold no report", err=True)
    elif not found and not as_json:
        click.echo("no reports are kept")
