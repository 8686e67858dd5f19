"""Names and words that decide by being there: people, characters and brands, and a lexicon of each category.

Phrases are kept without spaces, so that `Spider-Man`, `spider man` and `spiderman` are one; they are looked up at the
borders of words, and anywhere within scripts that have none. `gazetteer.py` writes the file out of the lists.
"""

# ruff: noqa: RUF001

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from kinema.trust.policy.normalise import fold

FILE = Path(__file__).with_name("phrases.json")
MOST_WORDS = 6
CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]+")
KATAKANA = re.compile(r"[\u30a1-\u30fa\u30fc]+")
SHORT_KANA = 4
CYRILLIC_ENDINGS = ("ами", "ого", "ому", "ом", "ой", "ым", "ем", "ью", "а", "у", "ы", "е", "и", "ю", "я")
LATIN_ENDINGS = re.compile(r"(?:(?<=[sxz])es|(?<=[cs]h)es|s)$")
"""An `es` goes only where English adds one: spices are no slur."""


@dataclass(frozen=True)
class Match:
    """A phrase that stands in a text: `rule` is block, allow or age."""

    rule: str
    category: str
    words: str


class Phrases:
    """The compiled lists: squeezed phrase: (rule, category, must it have capitals, words that it may be written in)."""

    def __init__(self, entries: dict[str, tuple[str, str, bool, int]]) -> None:
        self.entries = entries
        self.longest_cjk = max((len(phrase) for phrase in entries if CJK.fullmatch(phrase)), default=0)

    def find(self, text: str) -> Iterator[Match]:
        """Every phrase of the lists in a normalised text, the longest from each word on."""
        cased = [(fold(word), word) for word in re.split(r"[\s\-–—/]+", text)]
        words = [(part, written[:1].isupper()) for folded, written in cased for part in folded.split()]
        at = 0
        while at < len(words):
            found = self._longest(words, at)
            if found:
                yield found[0]
            at += found[1] if found else 1
        for run in CJK.findall(fold(text).replace(" ", "")):
            yield from self._within(run)

    def _longest(self, words: list[tuple[str, bool]], at: int) -> tuple[Match, int] | None:
        for count in range(min(MOST_WORDS, len(words) - at), 0, -1):
            squeezed = "".join(word for word, _ in words[at : at + count])
            for form in _forms(squeezed):
                rule = self.entries.get(form)
                if rule and count <= rule[3] and (not rule[2] or all(capital for _, capital in words[at : at + count])):
                    return Match(rule[0], rule[1], " ".join(word for word, _ in words[at : at + count])), count
        return None

    def _within(self, run: str) -> Iterator[Match]:
        at = 0
        while at < len(run):
            for end in range(min(len(run), at + self.longest_cjk), at + 1, -1):
                rule = self.entries.get(run[at:end])
                if rule and not _inside_a_word(run, at, end):
                    yield Match(rule[0], rule[1], run[at:end])
                    at = end - 1
                    break
            at += 1


def _inside_a_word(run: str, start: int, end: int) -> bool:
    """Whether a short name in katakana is a piece of a longer word: レゴ stands in オレゴン."""
    if end - start > SHORT_KANA or not KATAKANA.fullmatch(run, start, end):
        return False
    return bool(KATAKANA.match(run, start - 1) if start else None) or bool(KATAKANA.match(run, end))


@cache
def phrases() -> Phrases:
    """The lists of this installation."""
    stored = json.loads(FILE.read_text(encoding="utf-8"))
    entries: dict[str, tuple[str, str, bool, int]] = {}
    one: dict[tuple[str, str, bool, int], tuple[str, str, bool, int]] = {}  # most are alike: each kind is kept once
    for key, members in stored.items():
        rule, category = key.split()
        for member in members:
            phrase = member.lstrip("^")
            squeezed, words = phrase.replace(" ", ""), phrase.count(" ") + 1
            known = entries.get(squeezed, (rule, category, True, 0))
            entry = (*known[:2], known[2] and member.startswith("^"), max(known[3], words))
            entries[squeezed] = one.setdefault(entry, entry)
    return Phrases(entries)


def _forms(squeezed: str) -> Iterator[str]:
    yield squeezed
    if squeezed.isascii():
        if len(squeezed) > 5:
            yield LATIN_ENDINGS.sub("", squeezed)
    elif "\u0400" <= squeezed[0] <= "\u04ff" and len(squeezed) > 4:
        for ending in CYRILLIC_ENDINGS:
            if squeezed.endswith(ending):
                stem = squeezed[: -len(ending)]
                yield from (stem, stem + "а", stem + "я", stem + "и")
