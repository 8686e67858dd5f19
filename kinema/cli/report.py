"""The verb that keeps a complaint or a wrong refusal for whoever runs this installation."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from kinema.cli.terminal import echo_json

if TYPE_CHECKING:
    from kinema.remote import Server


@click.command()
@click.argument("subject", metavar="[FILM|PROMPT]", required=False)
@click.option("--why", default="", metavar="TEXT", help="What is wrong with the film or the refusal.")
@click.option("--list", "listed", is_flag=True, help="Print the reports that are kept.")
@click.option("--server", metavar="URL", help="Report to whoever runs another Kinema; a FILM may be its id there.")
@click.option("--api-key", metavar="KEY", help="The key to show to that server; better set KINEMA_API_KEY.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a report.")
def report(subject: str | None, why: str, listed: bool, server: str | None, api_key: str | None, as_json: bool) -> None:
    """Report a FILM that should not be, or a PROMPT that was refused and should not have been.

    The report stays on this machine, with what the policy decided or what the film's credentials say, for whoever
    runs it. With --server it is kept there, and a file is sent along to be looked at, but not kept.

    \b
    Examples:
      kinema report "a nude-coloured sofa" --why "it is a colour"
      kinema report found.mp4 --why "this is my face"
      kinema report found.mp4 --why "this is my face" --server http://gpu.example:8000
      kinema report --list
    """
    from kinema.remote import Server
    from kinema.trust import reports

    if listed == (subject is not None):
        raise click.UsageError("name a film or give a prompt to report it, or --list what was reported")
    if server is None and api_key is not None:
        raise click.UsageError("--api-key is shown to a server; name it with --server, or leave the key out")
    if server is not None:
        if subject is None:
            raise click.UsageError("--list shows what is kept on this machine; leave out --server")
        _report_there(Server(server, api_key), subject, why, as_json)
        return
    if subject is not None:
        kept = reports.report(subject, why)
        if as_json:
            echo_json(asdict(kept))
        else:
            click.echo(f"Kept for whoever runs this installation, as {kept.id} in {reports.place()}.")
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


def _report_there(server: Server, subject: str, why: str, as_json: bool) -> None:
    kept = server.report(subject, why)
    if as_json:
        echo_json(kept)
    else:
        click.echo(f"Kept for whoever runs {server.line.host}, as {kept.get('id')}.")
