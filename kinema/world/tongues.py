"""Prompts in Spanish, French, German, Portuguese and Italian, word for word in English.

A small lexicon of the world's own words (tongues.json), no translator: enough for `un perro rojo salta en la playa`.
Words that it lacks stay as they are, so that the reader of the prompt tells them.
"""

import json
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from kinema.world.lexicon import lexicon
from kinema.world.objects import OBJECTS
from kinema.world.vocabulary import COLOURS

PATH = Path(__file__).with_name("tongues.json")
LONGEST_PHRASE = 4
LEAST_WORDS, LEAST_SHARE = 2, 0.5
"""So many words that English has not, and such a share of all, must be of a tongue for a prompt to be read so."""
_COLOURS = frozenset((*COLOURS, "black", "brown"))


def to_english(tokens: Sequence[str]) -> tuple[tuple[str, ...], str | None]:
    """The tokens in English and the tongue that they were in; where that is none of ours, as they are and None."""
    parted = [part for token in tokens for part in (token.split("'") if "'" in token else (token,)) if part]
    words = [token for token in parted if token[0].isalnum()]
    foreign = [token for token in words if token not in lexicon()]
    counts = {tongue: _counted(parted, table) for tongue, table in _tables().items()}
    tongue = max(counts, key=lambda name: counts[name])
    own = _counted(foreign, _tables()[tongue])
    if own < min(LEAST_WORDS, len(words)) or counts[tongue] < LEAST_SHARE * len(words):
        return tuple(tokens), None
    if counts[tongue] <= len(words) - len(foreign):
        return tuple(tokens), None
    return _translated(parted, _tables()[tongue]), tongue


@cache
def _tables() -> dict[str, dict[tuple[str, ...], tuple[str, ...]]]:
    """Tongue: its phrases and what each is in English, as tokens without accents."""
    known: dict[str, dict[str, str]] = json.loads(PATH.read_text(encoding="utf-8"))
    return {
        tongue: {tuple(phrase.split()): tuple(english.split()) for phrase, english in table.items()}
        for tongue, table in known.items()
    }


def _plain(token: str) -> str:
    spread = unicodedata.normalize("NFD", token.replace("ß", "ss").replace("œ", "oe"))
    return "".join(letter for letter in spread if not unicodedata.combining(letter))


def _counted(tokens: Sequence[str], table: Mapping[tuple[str, ...], tuple[str, ...]]) -> int:
    """How many tokens the table knows."""
    plain, position, known = [_plain(token) for token in tokens], 0, 0
    while position < len(plain):
        length = _longest(plain, position, table)
        known += length
        position += max(1, length)
    return known


def _longest(plain: Sequence[str], position: int, table: Mapping[tuple[str, ...], tuple[str, ...]]) -> int:
    most = min(LONGEST_PHRASE, len(plain) - position)
    return next((n for n in range(most, 0, -1) if tuple(plain[position : position + n]) in table), 0)


def _translated(tokens: Sequence[str], table: Mapping[tuple[str, ...], tuple[str, ...]]) -> tuple[str, ...]:
    """Word for word; a colour that follows its noun is put before it, as English has it."""
    plain = [_plain(token) for token in tokens]
    found: list[tuple[str, ...]] = []
    position = 0
    while position < len(tokens):
        length = _longest(plain, position, table)
        words = table[tuple(plain[position : position + length])] if length else (tokens[position],)
        if words[0] in _COLOURS and found and _is_noun(found[-1]):
            found.insert(len(found) - 1, words)
        else:
            found.append(words)
        position += max(1, length)
    return tuple(word for words in found for word in words)


@cache
def _is_noun(words: tuple[str, ...]) -> bool:
    """Whether these words name a thing."""
    rows = lexicon().get(words[0], ())
    senses = next((senses for phrase, senses in rows if phrase == words), ())
    return " ".join(words) in OBJECTS or any(sense.role == "object" for sense in senses)
