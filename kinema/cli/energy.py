"""The verb that prints what films took, from their credentials."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kinema.cli.terminal import echo_json

if TYPE_CHECKING:
    from kinema.trust.receipts import Bill


@click.command()
@click.argument("films", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line instead of a table.")
def energy(films: tuple[Path, ...], as_json: bool) -> int:
    """Print what FILMS took: seconds, watt-hours and grams of CO2, and how these were found.

    The figures stand in the films' credentials; the sum is of those whose signer is trusted. The exit code is 1 where a
    film has no receipt.

    \b
    Examples:
      kinema energy dog.mp4
      kinema energy *.mp4 --json
    """
    from kinema.trust.receipts import Bill
    from kinema.trust.verify import verify

    bills = []
    for film in films:
        bills.append(Bill.of(verify(film)))
        if as_json:
            echo_json(asdict(bills[-1]) | {"path": str(film)})
    if not as_json:
        for line in _table(bills):
            click.echo(line)
    return 0 if all(bill.energy_wh is not None for bill in bills) else 1


def _table(bills: list[Bill]) -> list[str]:
    """The films' lines, the sum of the trusted ones, and where the figures come from."""
    trusted = [bill for bill in bills if bill.state == "trusted" and bill.energy_wh is not None]
    rows = [("film", "seconds", "Wh", "g CO2", "credentials"), *[_row(bill) for bill in bills]]
    if len(trusted) > 1:
        sums = [f"{sum(getattr(bill, name) for bill in trusted):.3g}" for name in ("wall_s", "energy_wh", "co2_g")]
        rows.append((f"{len(trusted)} trusted", *sums, ""))  # type: ignore[arg-type]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines += [f"energy: {method}" for method in dict.fromkeys(bill.method for bill in bills)]
    return lines + [f"grid: {grid}" for grid in dict.fromkeys(bill.grid for bill in bills if bill.grid)]


def _row(bill: Bill) -> tuple[str, str, str, str, str]:
    figures = [f"{value:.3g}" if value is not None else "-" for value in (bill.wall_s, bill.energy_wh, bill.co2_g)]
    return bill.path.name, figures[0], figures[1], figures[2], bill.state
