"""The verb that makes films by the hundred, reads them, and says how often they show what was asked."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sized
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from time import monotonic
from typing import Any

import click

from kinema.cli.terminal import echo_json

TASK_CLIPS, DRIFT_FILMS = 100, 24
REFRESH_SECONDS = 1.0
PIPE_REFRESH_SECONDS = 30.0


@click.command()
@click.option("--prompts", type=int, default=200, show_default=True, help="Seen compositions; as many others.")
@click.option("--seeds", type=click.IntRange(1, 10), default=1, show_default=True, help="Films of every prompt.")
@click.option("--tasks", is_flag=True, help="Evaluate every task on true clips instead.")
@click.option("--drift", type=int, metavar="SECONDS", help="Evaluate films so long beside true renders instead.")
@click.option("--clips", type=int, help=f"Clips of each task [{TASK_CLIPS}], or long films [{DRIFT_FILMS}].")
@click.option("--task", "names", multiple=True, metavar="NAME", help="Only this task of --tasks; once for each.")
@click.option("--part", metavar="I/N", help="Only every N-th clip of --tasks from the I-th on, beside other processes.")
@click.option("--reader", type=click.Choice(["dev", "sealed"]), default="dev", show_default=True, help="Who reads.")
@click.option("--ceiling-only", is_flag=True, help="Make no films: read true clips and reconstructions.")
@click.option("--docs", type=click.Path(path_type=Path), default="docs", show_default=True, help="Where the page goes.")
@click.option("--fresh", is_flag=True, help="Begin anew instead of going on with what an earlier run has read.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of tables.")
def evaluate(tasks: bool, drift: int | None, clips: int | None, **options: Any) -> None:
    """Make films, read them back, and print how often they show what was asked.

    Stopped at any moment, it keeps what is done; the same request goes on from there. Writes EVALUATION.md, a plot and
    a sheet of films into the folder for documents; with --tasks TASKS.md, with --drift DRIFT.md.

    \b
    Examples:
      kinema evaluate --prompts 200
      kinema evaluate --prompts 200 --seeds 3 --reader sealed
      kinema evaluate --prompts 50 --ceiling-only --json
      kinema evaluate --tasks --clips 100
      kinema evaluate --tasks --task blend --task loop --clips 8
      kinema evaluate --tasks --part 1/2 & kinema evaluate --tasks --part 2/2
      kinema evaluate --drift 60
    """
    asked = {"--tasks": tasks, "--drift": drift is not None, "--ceiling-only": options["ceiling_only"]}
    several = [name for name, given in asked.items() if given]
    if len(several) > 1:
        raise click.UsageError(f"{' and '.join(several)} are evaluations of their own; ask for one at a time")
    if (options["names"] or options["part"]) and not tasks:
        raise click.UsageError("--task and --part go with --tasks")
    if clips is not None and not tasks and drift is None:
        raise click.UsageError("--clips goes with --tasks or --drift; the number of sentences is --prompts")
    if tasks:
        _tasks(TASK_CLIPS if clips is None else clips, options)
    elif drift is not None:
        _drift(drift, DRIFT_FILMS if clips is None else clips, options)
    else:
        _prompts(options)


def _prompts(options: dict[str, Any]) -> None:
    """Sentences of seen and held-out compositions."""
    from kinema.evaluate import embedded, report
    from kinema.evaluate.book import Book
    from kinema.evaluate.plan import plan
    from kinema.evaluate.reader import Reader
    from kinema.evaluate.run import run
    from kinema.evaluate.table import tabulate

    ceiling_only = options["ceiling_only"]
    trials = plan(options["prompts"], options["seeds"])
    chosen = Reader(options["reader"])
    makers, configuration = embedded.makers(films=not ceiling_only), embedded.configuration()
    book = Book(_path_of_book(chosen.card.weights_sha256, configuration, chosen.name))
    if options["fresh"]:
        book.forget()
    with _stoppable(book):
        run(trials, makers, chosen, book, Clock().show)
    table = tabulate(book, chosen)
    written = report.write(table, book, options["docs"], "" if ceiling_only else configuration)
    if options["as_json"]:
        echo_json(table.to_fields() | {"written": [str(path) for path in written]})
        return
    click.echo(report.plain(report.factors(table)))
    if table.splits:
        click.echo(f"\n{report.plain(report.splits(table))}")
    click.echo(f"\n{report.plain(report.checks(table))}\n")
    click.echo("\n".join(str(path) for path in written))


def _drift(seconds: int, films: int, options: dict[str, Any]) -> None:
    """Long films beside true renders of their scenes."""
    from kinema.evaluate import drift, embedded, report
    from kinema.evaluate.ledger import Ledger
    from kinema.evaluate.reader import Reader

    trials, chosen, configuration = drift.plan(films, seconds), Reader(options["reader"]), embedded.configuration()
    ledger = Ledger(_path_of_book(chosen.card.weights_sha256, configuration, f"drift-{chosen.name}"))
    if options["fresh"]:
        ledger.forget()
    with _stoppable(ledger):
        makers = (embedded.film, embedded.window_joins)
        drift.measure(trials, seconds, makers, chosen, (ledger, Clock().show))
    found = drift.summarise(trials, seconds, chosen, ledger)
    path = _write(options["docs"] / "DRIFT.md", drift.page(found, configuration))
    if options["as_json"]:
        echo_json(found.to_fields() | {"configuration": configuration, "written": [str(path)]})
        return
    click.echo(f"{report.plain(drift.windows(found))}\n\n{report.plain(drift.whole(found))}\n")
    for name, reached in drift.verdicts(found):
        click.echo(f"{'reached' if reached else 'NOT reached'}: {name}")
    click.echo(f"\n{path}")


def _tasks(clips: int, options: dict[str, Any]) -> None:
    """Every task on true clips of unseen scenes."""
    from kinema.evaluate import embedded, report, tasks
    from kinema.evaluate.ledger import Ledger
    from kinema.evaluate.reader import Reader

    names, part = tasks.named(options["names"]), tasks.part_of(options["part"] or "1/1")
    trials, chosen, configuration = tasks.plan(clips), Reader(options["reader"]), embedded.configuration()
    ledger = Ledger(_path_of_book(chosen.card.weights_sha256, configuration, f"tasks-{chosen.name}"))
    if options["fresh"]:
        ledger.forget()
    with _stoppable(ledger):
        tasks.measure(trials[part], embedded.studio(), chosen, ledger, Clock().show, names)
    ledger.renew()
    found = tasks.summarise(trials, chosen, ledger)
    written = tasks.write(found, trials, ledger, options["docs"], configuration)
    if options["as_json"]:
        echo_json(found.to_fields() | {"configuration": configuration, "written": [str(path) for path in written]})
        return
    click.echo(f"{report.plain(tasks.joins(found))}\n\n{report.plain(tasks.inventions(found))}\n")
    click.echo("\n".join(str(path) for path in written))


def _write(path: Path, page: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")
    return path


@contextmanager
def _stoppable(kept: Sized) -> Iterator[None]:
    """Ctrl-C ends the work but not the report, where anything was kept to report."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo(f"\nstopped; {len(kept)} readings are kept, and the same request goes on from there", err=True)
        if not len(kept):
            raise


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
