"""What may be asked for: one prompt in, one decision out, with the words that led to it and the way to appeal.

Names and the lexicon decide first, the learned heads second; the gravest category speaks. The order is fixed, the
thresholds lie in the heads' file, and a caller has no say in either.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from threading import Lock
from typing import Literal

import numpy as np

from kinema.errors import RefusedError
from kinema.settings import read_settings
from kinema.trust.policy.corpus import NAMED
from kinema.trust.policy.encoder import encoder
from kinema.trust.policy.heads import CLASSES, heads, of_many
from kinema.trust.policy.names import famous_stranger
from kinema.trust.policy.normalise import fold, normalise
from kinema.trust.policy.phrases import Match, phrases
from kinema.trust.policy.units import is_sentence, units

Verdict = Literal["block", "review", "allow"]
MEANING = {
    "minors": "a minor in a sexual context",
    "sexual": "sexual content",
    "hate": "hateful imagery",
    "self_harm": "self-harm",
    "violence": "extreme violence",
    "false_news": "staged false news",
    "celebrity": "the likeness of a real, known person",
    "ip": "a character, work or brand that belongs to others",
}
"""Category: what it is called in a sentence; the gravest first."""
SEXUAL_WITH_AGE = 0.3
"""The sexual head's score that suffices where an age of a minor is said."""
ADULT_YEARS = 18
YEARS = re.compile(r"\b(\d{1,2}|[a-z]+teen|ten|eleven|twelve|nine|eight|seven|six|five)[ -]?(?:years?|yrs?|yo|y o)\b")
AGES = {"thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "ten", "eleven", "twelve", "nine", "eight", "seven",
        "six", "five"}  # fmt: skip
KEPT_UNITS = 512
"""Units whose vectors are kept: one prompt is asked about several times on its way, and disguises come off alike."""
_kept: dict[str, np.ndarray] = {}
_keeping = Lock()


@dataclass(frozen=True)
class Decision:
    """Block, review or allow; `words` are the prompt's own that led there, `category` is empty where all is allowed."""

    decision: Verdict
    category: str = ""
    reason: str = ""
    words: str = ""
    score: float = 0.0
    appeal: str = ""


def check(text: str) -> Decision:
    """What the policy says to a prompt of any length and script."""
    plain = normalise(text)
    if not plain:
        return Decision("allow")
    matches = list(phrases().find(plain))
    read = units(plain.lower())
    scores = _scores(list(read))
    found = _minors(plain, matches, scores) or _listed(matches) or _learned(scores, read)
    if found is None or found.decision == "review":
        found = _likened(scores, read) or found or _stranger(plain, scores)
    return found or Decision("allow")


def enforce(text: str) -> None:
    """Returns where the prompt is allowed. Raises RefusedError for what is blocked, and for reviews where set so."""
    found = check(text)
    if found.decision == "block" or (found.decision == "review" and read_settings().policy_review == "refuse"):
        raise RefusedError(f"{found.reason}; {found.appeal}", found.category)


def minor_context(age: bool, listed: bool, score: float) -> bool:
    """Whether a sexual sign of any kind meets the age of a minor."""
    return age and (listed or score >= SEXUAL_WITH_AGE)


def _minors(plain: str, matches: list[Match], scores: np.ndarray) -> Decision | None:
    direct = [match.words for match in matches if (match.rule, match.category) == ("block", "minors")]
    ages = _ages(plain, matches)
    listed = [match.words for match in matches if (match.rule, match.category) == ("block", "sexual")]
    score = float(scores[:, CLASSES.index("sexual")].max())
    if direct:
        return _said("block", "minors", direct, 1.0)
    if minor_context(bool(ages), bool(listed), score):
        return _said("block", "minors", ages + listed, max(score, float(bool(listed))))
    return None


def finds_minor(text: str) -> bool:
    """Whether the age of a minor is said, in words or in years."""
    plain = normalise(text)
    return bool(_ages(plain, list(phrases().find(plain))))


def _ages(plain: str, matches: list[Match]) -> list[str]:
    return [match.words for match in matches if match.rule == "age"] + [
        found.group() for found in YEARS.finditer(fold(plain))
        if (int(found[1]) < ADULT_YEARS if found[1].isdigit() else found[1] in AGES)
    ]  # fmt: skip


def _listed(matches: list[Match]) -> Decision | None:
    allowed = {match.category for match in matches if match.rule == "allow"}
    for category in MEANING:
        words = [match.words for match in matches if (match.rule, match.category) == ("block", category)]
        if words and category not in allowed:
            return _said("block", category, words, 1.0)
    return None


def _learned(scores: np.ndarray, read: dict[str, int]) -> Decision | None:
    """The heads' opinion: the harm of all categories together is weighed, the likeliest of them is named."""
    columns = [CLASSES.index(category) for category in MEANING if category in CLASSES and category not in NAMED]
    harm = of_many(scores[:, columns].sum(axis=1), [*read.values()])
    unit = int(harm.argmax())
    category = CLASSES[columns[int(scores[unit, columns].argmax())]]
    block, review, _ = heads().thresholds
    if harm[unit] < review:
        return None
    verdict: Verdict = "block" if harm[unit] >= block else "review"
    return _said(verdict, category, [_core([*read][unit], columns)], float(harm[unit]))


def _likened(scores: np.ndarray, read: dict[str, int]) -> Decision | None:
    """The heads' opinion on somebody or something that is described instead of named: that takes a sentence."""
    columns = [CLASSES.index(category) for category in NAMED]
    likeness = of_many(scores[:, columns].sum(axis=1), [*read.values()]) * [is_sentence(unit) for unit in read]
    unit = int(likeness.argmax())
    if likeness[unit] < heads().thresholds[2]:
        return None
    return _said("block", NAMED[int(scores[unit, columns].argmax())], [[*read][unit]], float(likeness[unit]))


def _stranger(plain: str, scores: np.ndarray) -> Decision | None:
    """A review for a full name beside a sign of fame, where no list knows it."""
    name = famous_stranger(plain)
    return _said("review", "celebrity", [name], float(scores[:, CLASSES.index("celebrity")].max())) if name else None


def _scores(read: list[str]) -> np.ndarray:
    """The heads' probabilities for units, (N, classes)."""
    vectors = {unit: _kept[unit] for unit in read if unit in _kept}
    lacking = [unit for unit in read if unit not in vectors]
    vectors |= zip(lacking, encoder().embed_all(lacking), strict=True)
    with _keeping:
        _kept.update(vectors)
        for unit in list(_kept)[:-KEPT_UNITS]:
            del _kept[unit]
    return heads().scores(np.stack([vectors[unit] for unit in read]))


def _core(unit: str, columns: list[int]) -> str:
    """The half of a unit, or the whole, in which its harm lies."""
    words = unit.split()
    if len(words) < 6:
        return unit
    halves = [" ".join(words[: len(words) // 2 + 1]), " ".join(words[len(words) // 2 - 1 :])]
    harm = _scores(halves)[:, columns].sum(axis=1)
    return halves[int(harm.argmax())] if harm.max() >= heads().thresholds[0] else unit


def _said(verdict: Verdict, category: str, words: list[str], score: float) -> Decision:
    appeal = read_settings().appeal
    led = ", ".join(f"'{part}'" for part in dict.fromkeys(words))
    verb = "is not made here" if verdict == "block" else "may be asked for here, and a person should look"
    return Decision(verdict, category, f"{MEANING[category]} {verb}: {led} led to this", led, round(score, 3), appeal)
