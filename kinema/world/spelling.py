"""Misspelt words of the pocket world, mended; correct English words that it has nothing for are left alone.

It stands apart because being wrong here is worse than doing nothing: `slices` is no misspelt `slides`.
"""

import difflib
import re
from functools import cache

from kinema.world import grammar
from kinema.world.lexicon import lexicon, single_words, words
from kinema.world.objects import OBJECTS

ONE_SLIP_LETTERS, TWO_SLIP_LETTERS = 4, 10
"""The shortest words in which one slip, and two, are forgiven."""
_VOWELS = frozenset("aeiou")


@cache
def mended(word: str) -> str | None:
    """The known word of the same first letter that is one slip away, two in long words; None where none is near."""
    if len(word) < ONE_SLIP_LETTERS or word in _correct():
        return None
    allowed = 1 if len(word) < TWO_SLIP_LETTERS else 2
    letters = set(word)
    near = [
        (slips, known)
        for known in single_words().get(word[0], ())
        if abs(len(known) - len(word)) <= allowed + 1
        and len(letters ^ set(known)) <= 2 * allowed + 2
        and (slips := _slips(_sound(word), _sound(known))) <= allowed
    ]
    return min(near)[1] if near else None


def nearest_noun(word: str) -> str | None:
    """The noun of this world that is spelt most like an unknown word, if it may have been meant."""
    if word in _correct():
        return None
    return next(iter(difflib.get_close_matches(word, _nouns(), n=1, cutoff=0.8)), None)


@cache
def _nouns() -> tuple[str, ...]:
    return tuple(noun for thing in OBJECTS.values() for noun in thing.nouns)


@cache
def _correct() -> frozenset[str]:
    """English words that are spelt as they should be, in all their forms."""
    found: set[str] = set()
    for word in words()["correct"].split():
        found.update((word, grammar.pluralise(word), grammar.progressive(word), grammar.past(word), f"{word}er"))
        found.update((f"{word}ers", f"{word}y", f"{word}{word[-1]}ing", f"{word}{word[-1]}ed"))
    return frozenset(found - {word for word, rows in lexicon().items() if any(len(phrase) == 1 for phrase, _ in rows)})


def _sound(word: str) -> str:
    """The word as it sounds, roughly: `elephant` and `elefant`, `bicycle` and `bycicle` are one."""
    plain = word.replace("ph", "f").replace("ck", "k").replace("y", "i").replace("k", "c")
    return re.sub(r"(.)\1", r"\1", plain)


def _slips(word: str, known: str) -> int:
    """Damerau-Levenshtein distance, in which a missing letter and two swapped ones are the slips that people make.

    A wrong vowel and a letter too many count as one only in longer words, a wrong consonant always as two: `boat` is no
    misspelt `goat`, nor Spanish `playa` a misspelt `play`.
    """
    long = len(word) > 5
    drop = 1 if long else 2
    rows = [list(range(len(known) + 1))]
    for i, letter in enumerate(word, 1):
        row = [i * drop]
        for j, other in enumerate(known, 1):
            change = 0 if letter == other else 1 if long and letter in _VOWELS and other in _VOWELS else 2
            cost = min(rows[-1][j] + drop, row[-1] + 1, rows[-1][j - 1] + change)
            if i > 1 and j > 1 and letter == known[j - 2] and word[i - 2] == other:
                cost = min(cost, rows[-2][j - 2] + 1)
            row.append(cost)
        rows.append(row)
    return rows[-1][-1]
