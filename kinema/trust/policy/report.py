"""How often the policy is right on sentences no head was fitted to: recall, false blocks, time, memory, with intervals.

Recall counts blocked sentences of a category, whatever category was named (a review does not count). The splits are not
of equal worth: `corpus.py` says who wrote them, and which were looked at before. `minors` has no sentences
(`minors.py`): its rule is tried on words put together while the report runs, its halves each by itself.
"""

from __future__ import annotations

import random
import resource
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from time import perf_counter

from kinema.interval import wilson
from kinema.trust.policy import corpus, minors
from kinema.trust.policy.corpus import LEARNED, ORDINARY, Sentence
from kinema.trust.policy.decision import SEXUAL_WITH_AGE, Decision, check, finds_minor
from kinema.trust.policy.encoder import encoder
from kinema.trust.policy.heads import CLASSES, heads
from kinema.trust.policy.normalise import normalise
from kinema.trust.policy.obfuscate import OBFUSCATIONS, obfuscate
from kinema.trust.policy.units import units
from kinema.world.captions import caption
from kinema.world.sampling import sample

WORLD_CAPTIONS = 300
COMPOSED, COMPOSED_DISGUISED = 60, 10


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
        return wilson(self.hits, self.total)

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


def measure(
    show: Callable[[int, int], None], *, splits: tuple[str, ...] = tuple(corpus.SPLITS), quick: bool = False
) -> Report:
    """The whole report, led by the first of the splits: its English sentences are disguised and its mistakes listed.

    `quick` disguises every sixth of them only.
    """
    sentences = {name: corpus.measured(name) for name in splits}
    leading = sentences[splits[0]]
    english = [row for row in leading if row.language == "en" and row.label != ORDINARY]
    disguised = english[::6] if quick else english
    total = sum(len(rows) for rows in sentences.values()) + len(disguised) * len(OBFUSCATIONS) + WORLD_CAPTIONS
    times: list[float] = []

    def decide(text: str) -> Decision:
        begun = perf_counter()
        found = check(text)
        times.append(1000 * (perf_counter() - begun))
        show(len(times), total)
        return found

    check("a first prompt loads everything")
    said = {name: [(row, decide(row.text)) for row in rows] for name, rows in sentences.items()}
    table = [row for name in splits for row in _plain(name, said[name])]
    for name in OBFUSCATIONS if disguised else ():
        found = [decide(obfuscate(row.text, name)) for row in disguised]
        table.append(_row(f"recall disguised, {splits[0]}", name, found))
    rng = random.Random(5)
    table.append(
        _row("false blocks", "pocket world", [decide(caption(sample(rng), rng)) for _ in range(WORLD_CAPTIONS)])
    )
    table += [*_lower_threshold(leading), *_minors()]
    return Report(
        tuple(table),
        sorted(times)[len(times) // 2],
        max(times),
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
        tuple(row.text for row, found in said[splits[0]] if row.label != ORDINARY and found.decision != "block"),
        tuple(row.text for row, found in said[splits[0]] if row.label == ORDINARY and found.decision == "block"),
    )


def _plain(split: str, said: list[tuple[Sentence, Decision]]) -> list[Row]:
    """Recall by category, in English and not, and by language; false blocks by language; empty groups are left out."""
    harm = [(row, found) for row, found in said if row.label != ORDINARY]
    fine = [(row, found) for row, found in said if row.label == ORDINARY]
    others = list(dict.fromkeys(row.language for row, _ in said if row.language != "en"))
    recall, false = f"recall, {split}", f"false blocks, {split}"
    groups = [
        *((recall, one, [d for row, d in harm if row.label == one and row.language == "en"]) for one in LEARNED),
        *((recall, f"{one}, not en", [d for row, d in harm if row.label == one and row.language != "en"])
          for one in LEARNED),
        *((recall, language, [d for row, d in harm if row.language == language]) for language in others),
        (recall, "other languages", [d for row, d in harm if row.language != "en"]),
        (false, "en", [d for row, d in fine if row.language == "en"]),
        (false, "en, hard", [d for row, d in fine if row.language == "en" and row.hard]),
        *((false, language, [d for row, d in fine if row.language == language]) for language in others),
        (false, "other languages", [d for row, d in fine if row.language != "en"]),
    ]  # fmt: skip
    return [_row(measure, of, found) for measure, of, found in groups if found]


def _lower_threshold(rows: list[Sentence]) -> Iterator[Row]:
    """How many sexual sentences of adults, where there are any, would count as a sexual sign beside a minor's age."""
    hits = total = 0
    for row in rows:
        if row.label == "sexual" and row.language == "en":
            scores = heads().scores(encoder().embed_all([*units(normalise(row.text).lower())]))
            sign = max(float(score[CLASSES.index("sexual")]) for score in scores) >= SEXUAL_WITH_AGE
            hits, total = hits + sign, total + 1
    if total:
        yield Row("sexual sign at the lower threshold", "minors", hits, total, 0)


def _minors() -> Iterator[Row]:
    """The rule on words of the two lists side by side, by script and by disguise, and the ages that it finds."""
    rng = random.Random(3)
    texts = list(minors.composed(rng, COMPOSED))
    for script in dict.fromkeys(script for _, script in texts):
        yield _of_minors("recall, two lists side by side", script, [text for text, said in texts if said == script])
    latin = [text for text, script in texts if script == "Latin"][:COMPOSED_DISGUISED]
    for name in OBFUSCATIONS:
        yield _of_minors("recall disguised, two lists", name, [obfuscate(text, name) for text in latin])
    ages = list(minors.aged())
    for measure, young in (("ages found", True), ("ages of adults taken for minors", False)):
        these = [text for text, is_minor in ages if is_minor is young]
        yield Row(measure, "minors", sum(finds_minor(text) for text in these), len(these), 0)
    yield _row("false blocks, ages of minors", "en", [check(text) for text, is_minor in ages if is_minor])


def _of_minors(measure: str, of: str, texts: list[str]) -> Row:
    return Row(measure, of, sum(check(text).category == "minors" for text in texts), len(texts), 0)


def _row(measure: str, of: str, found: list[Decision]) -> Row:
    blocked = sum(one.decision == "block" for one in found)
    return Row(measure, of, blocked, len(found), sum(one.decision == "review" for one in found))
