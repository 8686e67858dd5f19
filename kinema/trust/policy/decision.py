"""What may be asked for: one prompt in, one decision out, with the words that led to it and the way to appeal.

Names and the lexicon decide first, the learned heads second; the gravest category speaks. The order is fixed, the
thresholds lie in the heads' file, and a caller has no say in either.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from kinema.errors import RefusedError
from kinema.settings import read_settings
from kinema.trust.policy.corpus import NAMED
from kinema.trust.policy.encoder import encoder
from kinema.trust.policy.heads import CLASSES, heads
from kinema.trust.policy.names import famous_stranger
from kinema.trust.policy.normalise import fold, normalise
from kinema.trust.policy.phrases import Match, phrases

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
SENTENCE = re.compile(r"(?<=[.!?;。!?;])\s*|\n+")
UNIT_WORDS, LONGEST_UNIT = 20, 45
KEPT_UNITS = 512
"""Units whose vectors are kept: one prompt is asked about several times on its way, and disguises come off alike."""
SENTENCE_WORDS, SENTENCE_SIGNS = 4, 8
"""Less describes nothing: it is held against the lists, not against the heads for likenesses (`hello world`)."""


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
    units = split(plain.lower())
    scores = _scores(units)
    found = _minors(plain, matches, scores) or _listed(matches) or _learned(scores, units)
    if found is None or found.decision == "review":
        found = _likened(scores, units) or found or _stranger(plain, scores)
    return found or Decision("allow")


def enforce(text: str) -> None:
    """Returns where the prompt is allowed. Raises RefusedError for what is blocked, and for reviews where set so."""
    found = check(text)
    if found.decision == "block" or (found.decision == "review" and read_settings().policy_review == "refuse"):
        raise RefusedError(f"{found.reason}; {found.appeal}", found.category)


def split(text: str) -> list[str]:
    """A text in units of one or some sentences that the encoder reads one by one, without repetitions."""
    units: list[list[str]] = [[]]
    for sentence in SENTENCE.split(text):
        words = sentence.split() if " " in sentence or len(sentence) < 80 else re.findall(r".{1,60}", sentence)
        if units[-1] and len(units[-1]) + len(words) > LONGEST_UNIT:
            units.append([])
        for at in range(0, len(words), LONGEST_UNIT):
            units[-1] += words[at : at + LONGEST_UNIT]
            if len(units[-1]) >= UNIT_WORDS:
                units.append([])
    return list(dict.fromkeys(" ".join(unit) for unit in units if unit)) or [text[:200]]


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


def _learned(scores: np.ndarray, units: list[str]) -> Decision | None:
    """The heads' opinion: the harm of all categories together is weighed, the likeliest of them is named."""
    columns = [CLASSES.index(category) for category in MEANING if category in CLASSES and category not in NAMED]
    harm = scores[:, columns].sum(axis=1)
    unit = int(harm.argmax())
    category = CLASSES[columns[int(scores[unit, columns].argmax())]]
    block, review, _ = heads().thresholds
    if harm[unit] < review:
        return None
    verdict: Verdict = "block" if harm[unit] >= block else "review"
    return _said(verdict, category, [_core(units[unit], columns)], float(harm[unit]))


def is_sentence(words: str) -> bool:
    """Whether there are words enough to describe something, or, without spaces between them, Chinese signs enough."""
    return len(words.split()) >= SENTENCE_WORDS or sum(sign >= "\u2e80" for sign in words) >= SENTENCE_SIGNS


def _likened(scores: np.ndarray, units: list[str]) -> Decision | None:
    """The heads' opinion on somebody or something that is described instead of named: that takes a sentence."""
    columns = [CLASSES.index(category) for category in NAMED]
    likeness = scores[:, columns].sum(axis=1) * [is_sentence(unit) for unit in units]
    unit = int(likeness.argmax())
    if likeness[unit] < heads().thresholds[2]:
        return None
    return _said("block", NAMED[int(scores[unit, columns].argmax())], [units[unit]], float(likeness[unit]))


def _stranger(plain: str, scores: np.ndarray) -> Decision | None:
    """A review for a full name beside a sign of fame, where no list knows it."""
    name = famous_stranger(plain)
    return _said("review", "celebrity", [name], float(scores[:, CLASSES.index("celebrity")].max())) if name else None


def _scores(units: list[str]) -> np.ndarray:
    """The heads' probabilities for units, (N, classes)."""
    return heads().scores(np.stack([_vector(unit) for unit in units]))


@lru_cache(maxsize=KEPT_UNITS)
def _vector(unit: str) -> np.ndarray:
    """The encoder's vector of a unit, (L * D,)."""
    return encoder().embed(unit)


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
