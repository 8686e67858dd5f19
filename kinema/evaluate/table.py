"""The findings of an evaluation as values: what report.py prints and draws, and what `--json` says."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kinema.errors import EvaluationError
from kinema.evaluate.book import Book, Entry, Kind
from kinema.evaluate.factors import FACTORS
from kinema.evaluate.gate import QUOTABLE, quotable
from kinema.evaluate.plan import SEEN, TWIN
from kinema.evaluate.reader import Card, Reader
from kinema.evaluate.score import ALL, MEAN, Share, floor, spread, tally
from kinema.world.splits import SPLITS

ROWS = (*FACTORS, MEAN, ALL)


@dataclass(frozen=True)
class Column:
    """One kind of clip, one part of the plan: row -> share."""

    shares: dict[str, Share]
    films: int

    def __bool__(self) -> bool:
        return self.films > 0


@dataclass(frozen=True)
class SplitRow:
    """A held-out split beside its seen twins."""

    split: str
    held: Column
    twin: Column


@dataclass(frozen=True)
class Table:
    """All findings. Shares of factors that the reader cannot read are left out of MEAN and ALL, and marked."""

    card: Card
    quotable: tuple[str, ...]
    true: Column
    rebuilt: Column
    seen: Column
    held: Column
    twins: Column
    floor: Column
    per_seed: dict[str, tuple[float, float]]
    splits: tuple[SplitRow, ...]
    checks: dict[str, dict[str, float]]
    """Kind of clip -> mean of each analytic check."""

    def to_fields(self) -> dict[str, object]:
        """Plain values for JSON; an unquotable score is null."""
        return {
            "reader": self.card.name,
            "gate": QUOTABLE,
            "reader_on_true_clips": self.card.true_right,
            "unquotable": [factor for factor in FACTORS if factor not in self.quotable],
            **{name: self._column(column) for name, column in self._columns().items()},
            "splits": {
                row.split: {"held_out": self._column(row.held), "twin": self._column(row.twin)} for row in self.splits
            },
            "seeds_lowest_highest": {row: list(ends) for row, ends in self.per_seed.items()},
            "checks": self.checks,
        }

    def says(self, row: str) -> bool:
        """Whether the row's number may be printed."""
        return row not in FACTORS or row in self.quotable

    def _columns(self) -> dict[str, Column]:
        return {
            "true": self.true,
            "rebuilt": self.rebuilt,
            "seen": self.seen,
            "held_out": self.held,
            "twins": self.twins,
            "floor": self.floor,
        }

    def _column(self, column: Column) -> dict[str, object]:
        return {"films": column.films} | {
            row: share.to_fields() if self.says(row) else None for row, share in column.shares.items()
        }


def tabulate(book: Book, reader: Reader) -> Table:
    """The table of all that a book holds, finished or not. EvaluationError where it holds nothing."""
    if not len(book):
        raise EvaluationError(f"{book.path} holds no readings yet; evaluate at least one prompt")
    may = quotable(reader)
    films = [entry for entry in book if entry.kind == "film"]
    seen = [entry for entry in films if entry.split == SEEN]
    seeds = sorted({entry.seed for entry in seen})
    per_seed = {seed: _column([entry for entry in seen if entry.seed == seed], may).shares for seed in seeds}
    return Table(
        card=reader.card,
        quotable=may,
        true=_column(_of(book, "true", SEEN), may),
        rebuilt=_column(_of(book, "rebuilt", SEEN), may),
        seen=_column(seen, may),
        held=_column([entry for entry in films if entry.split in SPLITS], may),
        twins=_column([entry for entry in films if entry.split.startswith(TWIN)], may),
        floor=_floor(seen, may),
        per_seed=spread(per_seed) if len(seeds) > 1 else {},
        splits=_splits(films, may),
        checks={kind: _mean_checks(each for each in book if each.kind == kind) for kind in ("true", "rebuilt", "film")},
    )


def _of(book: Book, kind: Kind, split: str) -> list[Entry]:
    return [entry for entry in book if entry.kind == kind and entry.split == split]


def _column(entries: Sequence[Entry], may: Sequence[str]) -> Column:
    """Every factor on its own; MEAN and ALL over those that may be quoted."""
    scenes, readings = [entry.scene for entry in entries], [entry.facts for entry in entries]
    together = tally(scenes, readings, may)
    shares = tally(scenes, readings) | {row: together[row] for row in (MEAN, ALL) if row in together}
    if not together:
        shares = {row: share for row, share in shares.items() if row in FACTORS}
    return Column(shares, len(entries))


def _floor(entries: Sequence[Entry], may: Sequence[str]) -> Column:
    scenes, readings = [entry.scene for entry in entries], [entry.facts for entry in entries]
    shares = floor(scenes, readings, random.Random("floor"))
    together = floor(scenes, readings, random.Random("floor"), may)
    return Column(shares | {row: together[row] for row in (MEAN, ALL) if row in together}, len(entries))


def _splits(films: Sequence[Entry], may: Sequence[str]) -> tuple[SplitRow, ...]:
    rows = []
    for split in SPLITS:
        held = [entry for entry in films if entry.split == split]
        twin = [entry for entry in films if entry.split == TWIN + split]
        if held and twin:
            rows.append(SplitRow(split, _column(held, may), _column(twin, may)))
    return tuple(rows)


def _mean_checks(entries: Iterable[Entry]) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for entry in entries:
        for name in ("energy", "flicker", "identity_drift"):
            found.setdefault(name, []).append(float(str(entry.checks[name])))
        found.setdefault("still", []).append(float(bool(entry.checks["still"])))
        if entry.scene.camera != "follows":
            found.setdefault("camera right", []).append(float(entry.checks["camera"] == entry.scene.camera))
    return {name: round(sum(values) / len(values), 4) for name, values in found.items()}
