"""A row of letters without spaces as words: by a dictionary in English, by the encoder's own pieces in any language."""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import cache
from math import inf, log
from pathlib import Path

from kinema.trust.policy import corpus
from kinema.trust.policy.encoder import LONGEST_PIECE, SPACE, encoder

WORD = re.compile(r"[^\W\d_]+")
WORDS_FILE = Path(__file__).with_name("words.json")
LONGEST_WORD = 24
READ = 0.85
"""The share of letters that must lie in common words for a row of letters to be taken apart."""
SHORT = frozenset(["a", "an", "as", "at", "by", "he", "in", "is", "it", "my", "no", "of", "on", "or", "to", "up", "we"])
COMMON_WORDS = 30_000
COMMON_SHORT = 3_000
"""Three letters are a word that explains something up to this rank."""
WITHIN = 1.0
"""What a piece costs that goes on with a word, where one that begins a word would fit as well."""
RARER = 3
"""How much rarer a word is in a sentence of any language than in one of its own."""
LETTER = 30.0
"""What a letter costs that no piece holds."""
UNWRITTEN = "\u2e80"
"""From here on lie the scripts that write no spaces between words."""


@cache
def ranks() -> dict[str, int]:
    """Common English words and the words of the training sentences, most frequent first: word: rank."""
    return {word: rank for rank, word in enumerate(json.loads(WORDS_FILE.read_text(encoding="utf-8")))}


def segment(letters: str) -> list[str]:
    """A row of letters as the most probable row of known words; itself where no words are found in it."""
    low, known = letters.lower(), ranks()
    if low in known or not low.isascii():
        return [letters]
    best: list[tuple[float, int]] = [(0.0, 0)]
    for end in range(1, len(low) + 1):
        best.append(
            min(
                (best[start][0] + _cost(low[start:end], known), start)
                for start in range(max(0, end - LONGEST_WORD), end)
            )
        )
    words, end = [], len(low)
    while end:
        start = best[end][1]
        words.append(letters[start:end])
        end = start
    return words[::-1]


def respaced(letters: str) -> list[str]:
    """A row of letters of any language as the words that the encoder's pieces make most probable."""
    low = letters.lower()
    best: list[tuple[float, int, bool]] = [(0.0, 0, True)] + [(inf, 0, True)] * len(low)
    for start in range(len(low)):
        so_far = best[start][0]
        best[start + 1] = min(best[start + 1], (so_far + LETTER, start, False))
        for end in range(start + 1, min(len(low), start + LONGEST_PIECE) + 1):
            piece = low[start:end]
            for begins, cost in ((True, _piece(SPACE + piece)), (False, _piece(piece) + WITHIN)):
                best[end] = min(best[end], (so_far + cost, start, begins))
    words, end, last = [], len(low), len(low)
    while end:
        _, start, begins = best[end]
        if begins or not start:
            words.append(letters[start:last])
            last = start
        end = start
    return words[::-1]


def is_read(words: list[str], share: float = READ) -> bool:
    """Whether such a share of the letters lies in words that are common in English."""
    known = ranks()
    read = sum(len(word) for word in words if is_common(word.lower(), known))
    return bool(read) and read >= share * sum(map(len, words))


def is_common(part: str, known: dict[str, int]) -> bool:
    """Whether a word is common enough to explain letters by."""
    if len(part) < 3:
        return part in SHORT
    rank = min(known.get(part, len(known)), known.get(part.removesuffix("s"), len(known)))
    return rank < (COMMON_SHORT if len(part) == 3 else COMMON_WORDS) or part in listed()


@cache
def listed() -> frozenset[str]:
    """The rarer words that only names, the lexicon and the training sentences brought."""
    return frozenset(word for word, rank in ranks().items() if rank >= COMMON_WORDS - 400)


def _cost(word: str, known: dict[str, int]) -> float:
    rank = known.get(word)
    if rank is None or (len(word) == 1 and word not in "ai"):
        return 14.0 + 3.0 * len(word)
    return log((rank + 2) * 12)


def _piece(piece: str) -> float:
    """What one of the encoder's pieces or a word of the training sentences costs, log(1 / p); infinite for others."""
    row = encoder().vocabulary.get(piece)
    return min(_words().get(piece, inf), inf if row is None else -float(encoder().scores[row]))


@cache
def _words() -> dict[str, float]:
    """What each word of the training sentences in other languages costs, a space before it."""
    counted = Counter(word for text in corpus.foreign() for word in WORD.findall(text.lower()))
    total = RARER * counted.total()
    return {SPACE + word: log(total / count) for word, count in counted.items()}
