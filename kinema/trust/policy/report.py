"""How often the policy is right on the evaluation sentences: recall, false blocks, time and memory, with intervals.

Recall counts blocked sentences of a category, whatever category was named (a review does not count). The splits are not
of equal worth: `corpus.py` says why figures on `evaluate` flatter and those on `sealed` less. `minors` has no
sentences: of its two halves only the sexual sign at its lower threshold is measured, the words of age are not.
"""

from __future__ import annotations

import random
import resource
from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import sqrt
from time import perf_counter

from kinema.trust.policy import corpus
from kinema.trust.policy.corpus import LEARNED, ORDINARY, Sentence
from kinema.trust.policy.decision import SEXUAL_WITH_AGE, Decision, check, split
from kinema.trust.policy.encoder import encoder
from kinema.trust.policy.heads import CLASSES, heads
from kinema.trust.policy.normalise import normalise
from kinema.trust.policy.obfuscate import OBFUSCATIONS, obfuscate
from kinema.world.captions import caption
from kinema.world.sampling import sample

Z = 1.959964
WORLD_CAPTIONS = 300


@dataclass(frozen=True)
class Row:
    """A share and its Wilson 95 % interval: `hits` of `total`; `reviews` are those that were sent to a person."""

    measure: str
    of: str
    hits: int
    total: int
    reviews: int

    @property
    def share(self) -> float:
        return self.hits / self.total

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson 1927."""
        middle = (self.share + Z**2 / (2 * self.total)) / (1 + Z**2 / self.total)
        half = (
            Z / (1 + Z**2 / self.total) * sqrt(self.share * (1 - self.share) / self.total + Z**2 / (4 * self.total**2))
        )
        return max(0.0, middle - half), min(1.0, middle + half)

    def to_fields(self) -> dict[str, object]:
        return asdict(self) | {"share": self.share, "low": self.interval[0], "high": self.interval[1]}


@dataclass(frozen=True)
class Report:
    rows: tuple[Row, ...]
    median_ms: float
    longest_ms: float
    memory_mb: float
    missed: tuple[str, ...]
    false: tuple[str, ...]

    def to_fields(self) -> dict[str, object]:
        return asdict(self) | {"rows": [row.to_fields() for row in self.rows]}


def measure(show: Callable[[int, int], None], *, quick: bool = False) -> Report:
    """The whole report; `quick` disguises every sixth English sentence only."""
    rows, sealed = corpus.evaluation(), corpus.evaluation(sealed=True)
    english = [row for row in rows if row.language == "en" and row.label != ORDINARY]
    disguised = english[::6] if quick else english
    total = len(rows) + len(sealed) + len(disguised) * len(OBFUSCATIONS) + WORLD_CAPTIONS
    times: list[float] = []

    def decide(text: str) -> Decision:
        begun = perf_counter()
        found = check(text)
        times.append(1000 * (perf_counter() - begun))
        show(len(times), total)
        return found

    check("a first prompt loads everything")
    said = [(row, decide(row.text)) for row in rows]
    table = _plain(said)
    kept = [(row, decide(row.text)) for row in sealed]
    for category in LEARNED:
        table.append(_row("recall, sealed", category, [found for row, found in kept if row.label == category]))
    table.append(_row("false blocks, sealed", "en", [found for row, found in kept if row.label == ORDINARY]))
    for name in OBFUSCATIONS:
        table.append(_row("recall disguised", name, [decide(obfuscate(row.text, name)) for row in disguised]))
    rng = random.Random(5)
    table.append(
        _row("false blocks", "pocket world", [decide(caption(sample(rng), rng)) for _ in range(WORLD_CAPTIONS)])
    )
    table.append(_lower_threshold(rows))
    return Report(
        tuple(table),
        sorted(times)[len(times) // 2],
        max(times),
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
        tuple(row.text for row, found in said if row.label != ORDINARY and found.decision != "block"),
        tuple(row.text for row, found in said if row.label == ORDINARY and found.decision == "block"),
    )


def _plain(said: list[tuple[Sentence, Decision]]) -> list[Row]:
    """Recall by category and by language, false blocks in English and by language."""

    def chosen(*, label: str | None, language: str) -> list[Decision]:
        return [
            found for row, found in said
            if row.language == language and (row.label == label if label else row.label != ORDINARY)
        ]  # fmt: skip

    others = list(dict.fromkeys(row.language for row, _ in said if row.language != "en"))
    table = [_row("recall", category, chosen(label=category, language="en")) for category in LEARNED]
    table += [_row("recall", language, chosen(label=None, language=language)) for language in others]
    table.append(
        _row("recall", "other languages", [d for row, d in said if row.language != "en" and row.label != ORDINARY])
    )
    table.append(_row("false blocks", "en", chosen(label=ORDINARY, language="en")))
    foreign = [found for row, found in said if row.language != "en" and row.label == ORDINARY]
    return [*table, _row("false blocks", "other languages", foreign)]


def _lower_threshold(rows: list[Sentence]) -> Row:
    """How many sexual sentences of adults would count as a sexual sign beside the age of a minor."""
    hits = total = 0
    for row in rows:
        if row.label == "sexual" and row.language == "en":
            scores = [heads().scores(encoder().embed(unit)[None])[0] for unit in split(normalise(row.text).lower())]
            sign = max(float(score[CLASSES.index("sexual")]) for score in scores) >= SEXUAL_WITH_AGE
            hits, total = hits + sign, total + 1
    return Row("sexual sign at the lower threshold", "minors", hits, total, 0)


def _row(measure: str, of: str, found: list[Decision]) -> Row:
    blocked = sum(one.decision == "block" for one in found)
    return Row(measure, of, blocked, len(found), sum(one.decision == "review" for one in found))
