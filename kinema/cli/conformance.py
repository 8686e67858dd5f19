"""The verb that asks a server whether it keeps the contract of the Videos API."""

from __future__ import annotations

import re
import sys
from dataclasses import asdict
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import click

from kinema.cli.terminal import columns, echo_json, is_terminal
from kinema.errors import DurationError, ExtraMissingError, SizeError

if TYPE_CHECKING:
    from kinema.conformance import Check, Row, Visit

_NARROWEST = 30
_MARKS = {"holds": "+", "does not": "!", "not offered": "-", "not tried": "?"}


@click.command()
@click.argument("url")
@click.option("--api-key", metavar="KEY", help="The key to show to the server; better set KINEMA_API_KEY.")
@click.option("--model", help="The model to ask for; the server's own if left out.")
@click.option("--seconds", default="4", show_default=True, help="Length of the films that are made.")
@click.option("--size", default="720x1280", show_default=True, help="Their size.")
@click.option("--quick", is_flag=True, help="Make the fewest films: leave out what needs one of its own.")
@click.option("--patience", type=float, default=900.0, show_default=True, help="Seconds that a film may take.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a row, and one for the whole.")
def conformance(url: str, as_json: bool, quick: bool, patience: float, **options: Any) -> int:
    """Ask a server of the Videos API at URL whether it keeps the contract, by OpenAI's own client, unmodified.

    Each row says whether something holds, does not, is not offered, or could not be tried, and why. Rows with a star
    are those that code written for Sora cannot do without; the exit code is 0 only where all of these hold. Films are
    made, which a server may charge for: how many is said before, and they are deleted after.

    \b
    Examples:
      kinema conformance http://localhost:8000/v1
      kinema conformance http://gpu.example:8091/v1 --size 832x480 --seconds 2 --quick
      kinema conformance https://api.example.com/v1 --model sora-2 --json
    """
    if find_spec("openai") is None:
        raise ExtraMissingError("conformance", "asking a server by OpenAI's client")
    from kinema.conformance import chosen, examine, films_of, holds

    visit, checks = _visit(url, patience, options), chosen(quick)
    visit.greet()
    click.echo(
        f"{visit.url} is asked {len(checks)} questions, for which it makes at most {films_of(checks)} films of"
        f" {visit.seconds} s at {visit.size}.",
        err=True,
    )
    rows = []
    for row in examine(visit, checks, _asking):
        rows.append(row)
        _renew("")
        if as_json:
            echo_json(asdict(row))
        else:
            click.echo(_line(row))
    whole = {verdict: sum(row.verdict == verdict for row in rows) for verdict in _MARKS}
    if as_json:
        echo_json({"conforms": holds(rows), "films": films_of(checks), **whole})
    else:
        counted = ", ".join(f"{count} {verdict}" for verdict, count in whole.items() if count)
        click.echo(f"{counted}; {_sentence(rows)}")
    return 0 if holds(rows) else 1


def _visit(url: str, patience_s: float, options: dict[str, Any]) -> Visit:
    """The client at the server. Raises SizeError, DurationError and RecipeError for what no film can be asked with."""
    from kinema.conformance import NO_KEY, Visit
    from kinema.settings import read_settings

    if not re.fullmatch(r"[1-9]\d{1,3}x[1-9]\d{1,3}", options["size"]):
        raise SizeError(f"size '{options['size']}' is not WIDTHxHEIGHT, for instance 720x1280")
    if not re.fullmatch(r"\d{1,4}(\.\d{1,3})?", options["seconds"]) or not float(options["seconds"]):
        raise DurationError(f"seconds '{options['seconds']}' are none, for instance 4")
    key = options.pop("api_key") or read_settings().api_key or NO_KEY
    return Visit(url, key, patience_s=patience_s, **options)


def _asking(check: Check) -> None:
    _renew(f"{check.group}: {check.what} …")


def _renew(line: str) -> None:
    """The line that a person waits in front of, where there is a terminal for one."""
    if is_terminal(sys.stderr):
        click.echo(f"\r\x1b[2K{line}", err=True, nl=False)


def _line(row: Row) -> str:
    """One row; where the terminal is narrow, its reason is shortened."""
    head = f"{_MARKS[row.verdict]} {row.group:<14} {row.what:<42} {'*' if row.needed else ' '} {row.verdict:<11}"
    room = max(_NARROWEST, columns(sys.stdout) - len(head) - 1)
    why = row.why if len(row.why) <= room or not sys.stdout.isatty() else f"{row.why[: room - 1]}…"
    return f"{head} {why}".rstrip()


def _sentence(rows: list[Row]) -> str:
    missing = [f"{row.group}: {row.what}" for row in rows if row.needed and row.verdict != "holds"]
    if not missing:
        return "code written for Sora works here"
    return f"code written for Sora misses {len(missing)} {'thing' if len(missing) == 1 else 'things'} here"
