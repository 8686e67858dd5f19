"""What people do to the letters of a sentence to hide it: for training, for the report and for the red team."""

# ruff: noqa: RUF001

from __future__ import annotations

import random
import re
from collections.abc import Callable

HOMOGLYPHS = dict(zip("aceopxyisABEHKMOPCTX", "асеорхуіѕАВЕНКМОРСТХ", strict=True))
LEET = {"a": "4@", "e": "3", "i": "1!", "o": "0", "s": "5$", "t": "7", "b": "8", "g": "9"}
MARKS = "\u0301\u0336\u0308\u0323\u0330"
HIDDEN = "\u200b\u200c\u200d\u2060\ufeff"


def leet(text: str, rng: random.Random) -> str:
    """Digits and signs for about two letters of three that have one."""
    return "".join(rng.choice(LEET[c.lower()]) if c.lower() in LEET and rng.random() < 0.65 else c for c in text)


def homoglyph(text: str, rng: random.Random) -> str:
    """Cyrillic letters for about two Latin ones of three that have a twin."""
    return "".join(HOMOGLYPHS[c] if c in HOMOGLYPHS and rng.random() < 0.65 else c for c in text)


def spaced(text: str, rng: random.Random) -> str:
    """A space after every letter, so that no word is left."""
    return " ".join(c for c in text if c != " ")


def dotted(text: str, rng: random.Random) -> str:
    """Every longer word with dots, dashes or stars between its letters."""
    sign = rng.choice(".-*_")
    return re.sub(r"[^\W\d_]{4,}", lambda found: sign.join(found.group()), text)


def zero_width(text: str, rng: random.Random) -> str:
    """Invisible characters between all letters."""
    return "".join(c + rng.choice(HIDDEN) for c in text)


def combining(text: str, rng: random.Random) -> str:
    """Marks piled on letters."""
    return "".join(c + "".join(rng.choices(MARKS, k=rng.randint(1, 3))) if c.isalpha() else c for c in text)


def full_width(text: str, rng: random.Random) -> str:
    """The wide forms of ASCII."""
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


def stretched(text: str, rng: random.Random) -> str:
    """One vowel of every longer word drawn out."""
    return re.sub(r"\b(\w*?)([aeiou])(\w{2,})", lambda f: f[1] + f[2] * rng.randint(3, 5) + f[3], text)


def run_together(text: str, rng: random.Random) -> str:
    """No spaces."""
    return text.replace(" ", "")


def shouted(text: str, rng: random.Random) -> str:
    """Capitals, and every second one small in half of the sentences."""
    if rng.random() < 0.5:
        return text.upper()
    return "".join(c.upper() if at % 2 else c.lower() for at, c in enumerate(text))


def misspelt(text: str, rng: random.Random) -> str:
    """Two neighbouring letters exchanged within about half of the longer words."""

    def swap(found: re.Match[str]) -> str:
        word = found.group()
        at = rng.randrange(1, len(word) - 2)
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :] if rng.random() < 0.5 else word

    return re.sub(r"[^\W\d_]{5,}", swap, text)


OBFUSCATIONS: dict[str, Callable[[str, random.Random], str]] = {
    function.__name__: function
    for function in (
        leet, homoglyph, spaced, dotted, zero_width, combining, full_width, stretched, run_together, shouted, misspelt,
    )
}  # fmt: skip


def obfuscate(text: str, name: str) -> str:
    """The text after one of OBFUSCATIONS, the same every time."""
    return OBFUSCATIONS[name](text, random.Random(f"{name} {text}"))
