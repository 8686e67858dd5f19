"""The verb that makes films by the hundred, reads them, and says how often they show what was asked."""

from __future__ import annotations

import json
import sys
from hashlib import sha256
from pathlib import Path
from time import monotonic

import click

REFRESH_SECONDS = 1.0
PIPE_REFRESH_SECONDS = 30.0


@click.command()
@click.option("--prompts", type=int, default=200, show_default=True, help="Seen compositions; as many others.")
@click.option("--seeds", type=click.IntRange(1, 10), default=1, show_default=True, help="Films of every prompt.")
@click.option("--reader", type=click.Choice(["dev", "sealed"]), default="dev", show_default=True, help="Who reads.")
@click.option("--ceiling-only", is_flag=True, help="Make no films: read true clips and reconstructions.")
@click.option("--docs", type=click.Path(path_type=Path), default="docs", show_default=True, help="Where the page goes.")
@click.option("--fresh", is_flag=True, help="Begin anew instead of going on with what an earlier run has read.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of tables.")
def evaluate(prompts: int, seeds: int, reader: str, ceiling_only: bool, docs: Path, fresh: bool, as_json: bool) -> None:
    """Make films, read them back, and print how often they show what was asked.

    Stopped at any moment, it keeps what is done; the same request goes on from there. Writes EVALUATION.md, a plot and
    a sheet of films into the folder for documents.

    \b
    Examples:
      kinema evaluate --prompts 200
      kinema evaluate --prompts 200 --seeds 3 --reader sealed
      kinema evaluate --prompts 50 --ceiling-only --json
    """
    from kinema.evaluate import embedded, report
    from kinema.evaluate.book import Book
    from kinema.evaluate.plan import plan
    from kinema.evaluate.reader import Reader
    from kinema.evaluate.run import run
    from kinema.evaluate.table import tabulate

    trials = plan(prompts, seeds)
    chosen = Reader(reader)
    makers, configuration = embedded.makers(films=not ceiling_only), embedded.configuration()
    book = Book(_path_of_book(chosen.card.weights_sha256, configuration, reader))
    if fresh:
        book.forget()
    planned = Clock()
    try:
        run(trials, makers, chosen, book, planned.show)
    except KeyboardInterrupt:
        click.echo(f"\nstopped; {len(book)} readings are kept, and the same request goes on from there", err=True)
        if not len(book):
            raise
    table = tabulate(book, chosen)
    written = report.write(table, book, docs, "" if ceiling_only else configuration)
    if as_json:
        click.echo(json.dumps(table.to_fields() | {"written": [str(path) for path in written]}))
        return
    click.echo(report.plain(report.factors(table)))
    if table.splits:
        click.echo(f"\n{report.plain(report.splits(table))}")
    click.echo(f"\n{report.plain(report.checks(table))}\n")
    click.echo("\n".join(str(path) for path in written))


command = evaluate


class Clock:
    """Clips done and time that remains, on stderr: one line that renews itself, or a line now and then in a pipe."""

    def __init__(self) -> None:
        self.begun = self.shown = monotonic()
        self.first: int | None = None
        self.terminal = sys.stderr.isatty()

    def show(self, done: int, total: int) -> None:
        """Says how far the work is, not more often than anybody reads."""
        now = monotonic()
        if self.first is None or done == 0:
            self.first, self.begun = done, now
        every = REFRESH_SECONDS if self.terminal else PIPE_REFRESH_SECONDS
        if done < total and now - self.shown < every:
            return
        self.shown = now
        pace = (now - self.begun) / max(1, done - self.first)
        left = f", about {duration(pace * (total - done))} left" if self.first < done < total else ""
        click.echo(f"{done} of {total} clips read{left}".ljust(50), err=True, nl=not self.terminal or done == total)
        if self.terminal and done < total:
            click.echo("\r", err=True, nl=False)


def duration(seconds: float) -> str:
    """`40 s`, `12 min`, `2 h 5 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _path_of_book(reader_sha256: str, configuration: str, name: str) -> Path:
    """Readings of another reader or model are another book."""
    from kinema.settings import read_settings

    digest = sha256(f"{reader_sha256}\n{configuration}".encode()).hexdigest()[:12]
    return read_settings().home / "evaluate" / f"{name}-{digest}.jsonl"
