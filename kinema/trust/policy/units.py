"""What the encoder reads of a prompt one by one, so that a sentence is weighed alone wherever it stands.

A harmful sentence drowns in what surrounds it, and one that takes its meaning from its neighbours needs them: so both
are read, neighbours together and every sentence, quotation and part after a colon alone. Of many units one looks
harmful by chance, so that each is weighed by how many of its sort there are. Signs at the ends are gone: who writes a
full stop means nothing by it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import accumulate

from kinema.trust.policy.encoder import encoder
from kinema.trust.policy.segment import UNWRITTEN

# ruff: noqa: RUF001

SENTENCE = re.compile(r"(?<=[.!?;…])(?=\s|[^\W\d_]{2})\s*|(?<=[。！？；])\s*|\n+")
AFTER_COLON = re.compile(r"(?<=[:：])\s*(?!//)")
QUOTED = re.compile(r"[\"“”„«「『]([^\"“”„«»「」『』]{4,400})[\"“”»」』]")
ENDS = " \t.,;:!?…。！？；：、，-–—*#\"'“”„«»「」『』()[]{}"
TOGETHER, LONGEST = 26, 40
"""Pieces of the encoder from which on sentences are enough together, and the most that are read at once, some thirty
words of English; longer ones are cut."""
MOST_TOGETHER = 100
"""A text of more such units, some two thousand words, is read by its single sentences, or it would take a minute."""
SENTENCE_WORDS, SENTENCE_SIGNS = 4, 8
"""Less describes nothing: it is held against the lists, not against the heads for likenesses (`hello world`)."""
TOKEN = re.compile(rf"[{UNWRITTEN}-\U0010ffff]|[^\s{UNWRITTEN}-\U0010ffff]{{1,{LONGEST}}}")
"""What is never cut: a word of no more letters than are read at once, or a sign of those scripts."""


def units(text: str) -> dict[str, int]:
    """The units of a normalised text in small letters, and of how many of its sort each is one.

    The whole comes first where it is short.
    """
    sentences = [piece for sentence in SENTENCE.split(text) for piece in _cut(trim(sentence))]
    parts = [trim(part) for sentence in sentences for part in AFTER_COLON.split(sentence)[1:]]
    quoted = [trim(piece) for quotation in QUOTED.findall(text) for piece in _cut(quotation)]
    alone = [unit for unit in [*sentences, *parts, *quoted] if is_sentence(unit)]
    together = _together(sentences)
    if len(together) > MOST_TOGETHER:
        together = _together([sentence for sentence in sentences if not is_sentence(sentence)])
    together = list(dict.fromkeys(together)) or _cut(text[:200])[:1]
    alone = [unit for unit in dict.fromkeys(alone) if unit not in together]
    return dict.fromkeys(together, len(together)) | dict.fromkeys(alone, len(alone))


def trim(text: str) -> str:
    """A text without the signs at its ends."""
    return text.strip(ENDS)


def is_sentence(words: str) -> bool:
    """Whether there are words enough to describe something, or, without spaces between them, Chinese signs enough."""
    return len(words.split()) >= SENTENCE_WORDS or sum(sign >= UNWRITTEN for sign in words) >= SENTENCE_SIGNS


@lru_cache(maxsize=50_000)
def _size(token: str) -> int:
    """How many of the encoder's pieces a token takes."""
    return 1 if token >= UNWRITTEN else len(encoder().pieces(token))


def _pieces(text: str) -> int:
    """How many of the encoder's pieces a text takes, with a comma after it."""
    return sum(map(_size, TOKEN.findall(text))) + 1


def _cut(sentence: str) -> list[str]:
    """A sentence in pieces that can be read at once, each of which begins in the middle of the one before."""
    tokens = [(found.start(), found.end(), _size(found.group())) for found in TOKEN.finditer(sentence)]
    pieces, first = [], 0
    while first < len(tokens):
        ends = list(accumulate(size for _, _, size in tokens[first : first + 2 * LONGEST]))
        count = max(1, sum(end <= LONGEST for end in ends))
        pieces.append(sentence[tokens[first][0] : tokens[first + count - 1][1]])
        if first + count == len(tokens):
            break
        first += max(1, sum(end <= LONGEST / 2 for end in ends))
    return pieces


def _together(sentences: list[str]) -> list[str]:
    """Sentences after one another in as few units as can be read."""
    groups: list[list[str]] = [[]]
    for sentence in sentences:
        size = sum(map(_pieces, groups[-1]))
        if groups[-1] and (size >= TOGETHER or size + _pieces(sentence) > LONGEST):
            groups.append([])
        groups[-1].append(sentence)
    return [", ".join(group) for group in groups if group]
