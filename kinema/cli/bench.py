"""Verbs that measure speed and memory."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from kinema.evaluate.bench import Bench, Watch

NAMES = {
    "work_per_second": "time per second of film",
    "steady_per_second": "time per second of film after the first two",
    "processor_per_second": "processor time per second of film",
    "peak_mib": "peak memory",
}


@click.group()
def bench() -> None:
    """Measure how fast films are made and how much memory they need.

    \b
    Examples:
      kinema bench minute
    """


@bench.command()
@click.option(
    "--seconds", "durations", type=int, multiple=True, help="Length of a film; may be given again.  [15 30 60 120]"
)
@click.option("--repeats", type=click.IntRange(1, 20), default=3, show_default=True, help="Films of each length.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
def minute(durations: tuple[int, ...], repeats: int, as_json: bool) -> None:
    """Time films of several lengths, each in a fresh process, with the embedded model at its own steps.

    Prints seconds of work per second of film, peak memory, and how soon the first two seconds can be watched, counted
    from a warm start, of the run of median time; then whether time and memory stay flat within 10 % from the shortest
    film to the longest. Other work on the machine makes the figures worse.

    \b
    Examples:
      kinema bench minute
      kinema bench minute --seconds 15 --seconds 30 --json
    """
    from kinema.evaluate.bench import DURATIONS, bench

    found = bench(durations or DURATIONS, _progress(), repeats)
    click.echo(json.dumps(found.to_fields()) if as_json else _table(found))


def _table(found: Bench) -> str:
    from kinema.evaluate.bench import FLAT_WITHIN
    from kinema.evaluate.report import markdown, plain

    head = [
        "film",
        "work",
        "per second of film",
        "after the first two",
        "processor",
        "peak memory",
        "first two seconds",
    ]
    rows = [
        [
            f"{run.seconds} s",
            f"{run.wall_s:.1f} s",
            f"{run.work_per_second:.3f} s",
            f"{run.steady_per_second:.3f} s",
            f"{run.processor_per_second:.3f} s",
            f"{run.peak_mib:.0f} MiB",
            f"{run.first_two_seconds_s:.2f} s",
        ]
        for run in found.runs
    ]
    lines = [plain(markdown(head, rows)), ""]
    for figure, name in NAMES.items():
        rise = found.rise(figure)
        if rise is not None:
            verdict = "flat within" if rise <= FLAT_WITHIN else "NOT flat within"
            lines.append(f"{name}: {verdict} {FLAT_WITHIN:.0%} (largest {rise:+.1%} over smallest)")
    return "\n".join([*lines, f"{found.configuration}, {found.steps} steps, {found.size}"])


def _progress() -> Watch:
    """Shows on a terminal's stderr how far the film in work is; silent in a pipe."""
    terminal = sys.stderr.isatty()

    def show(seconds: int, done: int, total: int) -> None:
        if terminal:
            click.echo(f"\rfilm of {seconds} s: step {done} of {total}".ljust(50), err=True, nl=done == total)

    return show
