"""The verb that attacks every part of trust, and says what slipped through."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kinema.cli.progress import Progress
from kinema.cli.terminal import echo_json

if TYPE_CHECKING:
    from kinema.trust.redteam.campaign import Campaign
    from kinema.trust.redteam.parity import Parity

BELOW = 1
PAGE = Path("docs/REDTEAM.md")


@click.command()
@click.option("--quick", is_flag=True, help="A fixed small part, under a minute, held to the stored floors.")
@click.option("--parity", "only_parity", is_flag=True, help="Only the bias: who or what is exchanged in a sentence.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help=f"Where the page is written; {PAGE} is the project's own."
)
@click.option("--films", type=click.IntRange(1), help="Films of each size that are attacked; without --quick.")
@click.option("--floors", is_flag=True, help="With --quick: store what was found as the new floors.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of tables.")
def redteam(quick: bool, only_parity: bool, output: Path | None, films: int | None, floors: bool, as_json: bool) -> int:
    """Attack policy, uploads, review, watermark, credentials and detector; print recall and false blocks.

    Prompts that were reported with 'kinema report' are tried too. The exit code is 1 where a quick campaign falls
    below the stored floors.

    \b
    Examples:
      kinema redteam --quick
      kinema redteam --films 4 -o docs/REDTEAM.md
      kinema redteam --parity --json
    """
    from kinema.trust.redteam import campaign, page, parity

    if (floors and not quick) or (films and quick) or (only_parity and (quick or output or floors or films)):
        raise click.UsageError("--floors goes with --quick, --films without it, and --parity with none of the others")
    made: Counter[str] = Counter()
    with Progress("attacking") as progress:

        def tick(target: str) -> None:
            made[target] += 1
            progress.label = f"{made[target]:,} attempts on the {target}"

        if only_parity:
            pairs = list(parity.measure(tick))
        else:
            found = campaign.run(tick, quick=quick, films=films or campaign.FILMS, bias=not quick or bool(output))
    if only_parity:
        _show_parity(pairs, as_json)
        return 0
    if output:
        page.write(found, output)
    if floors:
        campaign.store_floors(found.rows)
    _show(found, as_json)
    return BELOW if found.broken else 0


def _show(found: Campaign, as_json: bool) -> None:
    """Every row with its interval, what is not there, and what fell below its floor."""
    if as_json:
        echo_json(found.to_fields())
        return
    for row in found.rows:
        low, high = row.interval
        of = row.of if row.by == "all" else f"{row.by} {row.of}"
        click.echo(
            f"{row.target:<12} {row.measure:<13} {of:<40} {row.share:6.1%}  ({low:.1%} to {high:.1%})  "
            f"{row.stopped} of {row.tried}"
        )
    for absent in found.absent:
        click.echo(f"{absent.target:<12} not there: {absent.why}")
    failed = sum(each.failed for each in found.attempts)
    click.echo(f"{len(found.attempts):,} attempts, {failed:,} of them failures; {found.reports} reports were read")
    if found.parity:
        _show_parity(found.parity, False)
    for said in found.broken:
        click.echo(f"below its floor: {said}")


def _show_parity(pairs: Sequence[Parity], as_json: bool) -> None:
    """Every set with how many frames are not treated alike, and which."""
    if as_json:
        echo_json({"parity": [each.to_fields() for each in pairs]})
        return
    for each in pairs:
        low, high = each.interval
        gap = f", gap {each.gap:.0%} ({each.most} and {each.least})" if each.gap else ""
        click.echo(
            f"{each.target:<10} {each.set_:<24} {each.unequal} of {each.frames} unequal ({low:.0%} to {high:.0%}){gap}"
        )
        for example in each.examples:
            click.echo(f"  {example}")
