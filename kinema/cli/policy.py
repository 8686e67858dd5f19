"""The verb that says what may be asked for, and how often the policy is right."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from time import monotonic
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from kinema.trust.policy.report import Report

REFRESH_SECONDS = 1.0


@click.group()
def policy() -> None:
    """Ask the prompt policy for its decision, or measure it.

    \b
    Examples:
      kinema policy check "a red fox runs through the snow"
      kinema policy report
    """


@policy.command()
@click.argument("prompt")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of words.")
def check(prompt: str, as_json: bool) -> int:
    """Decide on PROMPT: block, review or allow; '-' reads a prompt a line and writes a JSON object a line.

    The exit code is 3 where a single prompt is blocked, as it is when a film of it is asked for.

    \b
    Examples:
      kinema policy check "a red fox runs through the snow"
      kinema policy check "Mickey Mouse dances" --json
      kinema policy check - < prompts.txt > decisions.jsonl
    """
    from kinema.errors import RefusedError
    from kinema.trust import policy as trust

    if prompt == "-":
        for line in sys.stdin:
            if text := line.rstrip("\r\n"):
                click.echo(json.dumps({"prompt": text} | asdict(trust.check(text)), ensure_ascii=False))
        return 0
    found = trust.check(prompt)
    if as_json:
        click.echo(json.dumps({"prompt": prompt} | asdict(found), ensure_ascii=False))
    else:
        click.echo(found.decision if found.decision == "allow" else f"{found.decision}: {found.reason}; {found.appeal}")
    return RefusedError.exit_code if found.decision == "block" else 0


@policy.command()
@click.option(
    "--split",
    type=click.Choice(["unseen", "long", "blind", "strangers"]),
    help="One split only; all by default.",
)
@click.option("--quick", is_flag=True, help="Disguise every sixth sentence only.")
@click.option("--mistakes", is_flag=True, help="List the sentences that were misjudged.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
def report(split: str | None, quick: bool, mistakes: bool, as_json: bool) -> None:
    """Print recall and false blocks with 95 % intervals, by category, disguise and language, and the rule on minors.

    The unseen split, by an independent author, leads: it is the one that is disguised, unless another is named.
    Its mistakes are counted; --mistakes lists them, and whoever has read them writes no training sentence any more.
    Time and memory come last.

    \b
    Examples:
      kinema policy report
      kinema policy report --split unseen
      kinema policy report --quick --json
    """
    from kinema.trust.policy.corpus import SPLITS
    from kinema.trust.policy.report import measure

    shown = monotonic()

    def show(done: int, total: int) -> None:
        nonlocal shown
        if monotonic() - shown >= REFRESH_SECONDS or done == total:
            shown = monotonic()
            click.echo(f"\r{done:,} of {total:,} prompts", err=True, nl=done == total)

    splits = {name: about for name, about in SPLITS.items() if split in (None, name)}
    found = measure(show, splits=tuple(splits), quick=quick)
    if as_json:
        unseen = {} if mistakes else {"missed": len(found.missed), "false": len(found.false)}
        click.echo(json.dumps({"splits": splits} | found.to_fields() | unseen, ensure_ascii=False))
        return
    for name, about in splits.items():
        click.echo(f"{name}: {about}")
    _show(found, mistakes)


def _show(found: Report, mistakes: bool) -> None:
    """Every row with its interval, then time and memory, then how many were misjudged, or which."""
    for row in found.rows:
        low, high = row.interval
        share = f"{row.share:6.1%}  ({low:.1%} to {high:.1%})"
        click.echo(f"{row.measure:<36} {row.of:<16} {share}  {row.hits} of {row.total}, {row.reviews} to review")
    click.echo(
        f"{found.median_ms:.0f} ms a prompt (median), {found.longest_ms:.0f} ms at most, {found.memory_mb:.0f} MB"
    )
    for title, sentences in (("not blocked", found.missed), ("wrongly blocked", found.false)):
        click.echo("\n".join([f"{title}: {len(sentences)}", *(f"  {text}" for text in sentences if mistakes)]))
