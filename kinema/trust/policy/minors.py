"""The rule that no head decides: an age of a minor beside any sexual sign is blocked, whatever else is said.

It is measured without a sentence: words of the two lists are put side by side while the report runs, seen by nobody and
kept nowhere. Ages in figures are tried beside harmless words, where they must be found and must block nothing.
"""

from __future__ import annotations

import json
import random
import unicodedata
from collections.abc import Iterator

from kinema.trust.policy.phrases import FILE

SCRIPTS = {"LATIN": "Latin", "CYRILLIC": "Cyrillic", "CJK": "Han and kana", "HIRAGANA": "Han and kana",
           "KATAKANA": "Han and kana"}  # fmt: skip
ADULT, OLDEST = 18, 60


def composed(rng: random.Random, count: int) -> Iterator[tuple[str, str]]:
    """`count` texts of each script, each a word of either list, with the script's name."""
    ages, signs = _by_script("age minors"), _by_script("block sexual")
    for script in sorted(ages.keys() & signs.keys()):
        for _ in range(count):
            yield f"{rng.choice(ages[script])}, {rng.choice(signs[script])}", script


def aged() -> Iterator[tuple[str, bool]]:
    """Harmless sentences about somebody of every age in figures, and whether that is a minor's."""
    for years in range(1, OLDEST):
        yield f"a {years} year old person plants a tree", years < ADULT


def _by_script(key: str) -> dict[str, list[str]]:
    """The phrases of a list as they are written, by the script of their first letter."""
    found: dict[str, list[str]] = {}
    for phrase in json.loads(FILE.read_text(encoding="utf-8"))[key]:
        script = SCRIPTS.get(unicodedata.name(phrase[0]).split()[0])
        if script:
            found.setdefault(script, []).append(phrase)
    return found
