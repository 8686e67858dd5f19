"""Text as a reader would read it aloud, whatever was done to its letters to hide words from a machine.

Every step is linear in the length of the text, so that thirty thousand invisible characters cost no more than as many
visible ones. Steps work on words that no dictionary knows; ordinary writing in any script passes unchanged.
"""

# ruff: noqa: RUF001

from __future__ import annotations

import html
import re
import unicodedata
from itertools import product
from urllib.parse import unquote

from kinema.trust.policy.segment import LONGEST_WORD, UNWRITTEN, WORD, is_read, listed, ranks, respaced, segment

LOOKALIKES = dict(
    zip(
        "авекмнорстухіјѕԁԛԝһӏёїгпьАВЕКМНОРСТУХІЈЅαβεικνορτυχγηωμϲΑΒΕΖΗΙΚΜΝΟΡΤΥΧıɡɑɩʟɴʀℓ",
        "abekmhopctyxijsdqwhleirnbABEKMHOPCTYXIJSabeikvoptuxynwucABEZHIKMNOPTYXigailnrl",
        strict=True,
    )
)
"""Letters of other alphabets that look like Latin ones."""
BACK = {latin: other for other, latin in LOOKALIKES.items() if "а" <= other <= "х"}
LEET = {
    "0": "o", "1": "il", "2": "z", "3": "e", "4": "a", "5": "s", "6": "gb", "7": "t", "8": "b", "9": "g", "@": "a",
    "$": "s", "!": "il", "|": "il", "+": "t", "€": "e", "£": "l", "(": "c", "¢": "c",
}  # fmt: skip
MEASURE = re.compile(r"\d+([.,:]\d+)?(k|d|s|p|x|fps|mm|cm|km|m|h|th|st|nd|rd|am|pm|g|kg|hz|in|ft|min|sec)?")
LEETED = re.compile(r"[^\W_]*[\w@$!|+€£(¢]*[\w@$€£¢+]", re.UNICODE)
SPACED = re.compile(
    r"(?<![^\W_])[^\W\d_](?:(?P<gap>[ .\-_*·|/,~]{1,3})[^\W\d_])(?:[ .\-_*·|/,~]{1,6}[^\W\d_]){1,}(?![^\W_])"
)
ELISION = re.compile(r"(?<![^\W_])(?:[ldscjn]|qu|un|dell|all|nell|sull|dall)['’](?=[^\W_]{2})")
COMMA = re.compile(r"(?<=[^\W\d_])([,;:])(?=[^\W\d_])")
VOICED = "\u3099\u309a"
TAG = re.compile(r"</?[a-zA-Z][^<>]{0,200}>")
ESCAPED = re.compile(r"(?:%[0-9A-Fa-f]{2}){2}|\w%20\w")
TOKEN = re.compile(r"\S+")
CUT = re.compile(r"(?<=[^\W\d_])[._*~|/\-\u00b7](?=[^\W\d_])")
LONG_RUN = re.compile(r"(.)\1{2,}")
MOST_LEET = 6
PACKED, PACKED_LONGEST = 12, 4_000
"""Signs a word from which on a text of 20 is taken for one without spaces, up to so many signs."""
HALF = 0.5
"""The share of letters in common words that tells which way a text was written."""
SHORTEST_ROW, LONGEST_COMPOUND = 8, 40
"""Letters from which on a row may be words of another language, and a word in one piece cannot be one word."""
LETTERS = re.compile(r"[A-Za-z]+|[^A-Za-z\s]+")
FAMILIAR, PLAIN = 20_000, 8_000
"""Words up to this rank are common enough for a misspelling to mean them."""


def normalise(text: str) -> str:
    """The text with compatible, invisible, look-alike, spaced, leet and stretched characters put right."""
    text = COMMA.sub(r"\1 ", _visible(unicodedata.normalize("NFKC", _decoded(text))))
    text = _turned(_unpacked("\n".join(_joined(line) for line in text.split("\n"))))
    if 2 * _piled(text) > sum(letter.isalpha() for letter in text):
        text = "".join(letter for letter in unicodedata.normalize("NFD", text) if not unicodedata.combining(letter))
    letters = [letter for letter in unicodedata.normalize("NFD", text.lower()) if letter.isalpha()]
    latin = 2 * sum(letter.isascii() for letter in letters) > len(letters)
    return " ".join(_word(token, latin=latin) for token in TOKEN.findall(text))


def fold(text: str) -> str:
    """Lower-case without accents; words keep single spaces between them. Kana keep their voice: レゴ is no レコ."""
    letters = unicodedata.normalize("NFKD", text.lower())
    bare = "".join(letter for letter in letters if letter in VOICED or not unicodedata.combining(letter))
    bare = ELISION.sub(" ", unicodedata.normalize("NFC", bare))
    return " ".join(re.findall(r"[^\W_]+", re.sub(r"['’`´]", "", bare).replace("ß", "ss")))


def _decoded(text: str) -> str:
    """As a browser shows it: entities and percent signs become letters, tags are gone."""
    if ESCAPED.search(text):
        text = unquote(text)
    return TAG.sub(" ", html.unescape(text)) if "&" in text or "<" in text else text


def _visible(text: str) -> str:
    """Without format characters, and without marks that are piled onto European letters."""
    kept: list[str] = []
    base = ""
    for letter in text:
        kind = unicodedata.category(letter)
        if kind == "Cf" or letter in "\u034f\u115f\u1160\u3164\ufe0f":
            continue
        if kind in ("Mn", "Me") and (not base or base < "\u0530" or "\u1e00" <= base < "\u2000"):
            continue
        if kind not in ("Mn", "Me"):
            base = letter
        kept.append(letter)
    return "".join(kept)


def _joined(line: str) -> str:
    """`n u d e` and `n.u.d.e` in one piece; a row of many words is taken apart by the dictionary."""

    def join(found: re.Match[str]) -> str:
        row, gap = found.group(), found.group("gap")
        pieces = re.split(rf"(?:{re.escape(gap)}){{2,}}|[ ]{{2,}}", row) if gap.strip() or gap == " " else [row]
        letters = ["".join(filter(str.isalpha, piece)) for piece in pieces]
        return " ".join(" ".join(_words(word)) for word in letters if word)

    return SPACED.sub(join, line)


def _turned(text: str) -> str:
    """A text that was written backwards from its end on; any other text as it is."""
    words = WORD.findall(text)
    return text[::-1] if not is_read(words, HALF) and is_read([word[::-1] for word in words], HALF) else text


def _words(row: str) -> list[str]:
    """A row of letters as words: English ones if that explains it, else those of any language that has spaces."""
    words = segment(row)
    if len(row) < SHORTEST_ROW or is_read(words) or any(letter >= UNWRITTEN for letter in row):
        return words
    return respaced(row)


def _unpacked(text: str) -> str:
    """A text without spaces word by word, whatever signs stand between its letters; any other text as it is."""
    if not text.isascii() or not max(20, PACKED * len(text.split())) <= len(text) <= PACKED_LONGEST:
        return text
    pieces = LETTERS.findall(text.replace("'", ""))
    words = [word for piece in pieces for word in (segment(piece) if piece.isalpha() else [piece])]
    return " ".join(words) if is_read([word for word in words if word.isalpha()]) else text


def _word(token: str, *, latin: bool) -> str:
    """One token, put right where no dictionary knows it."""
    known = ranks()
    if token == "@":
        return "a"
    core = token.strip(".,;:?!\"'()[]{}«»“”„…")
    if not core or core.lower() in known:
        return token
    mended = _one_script(core, latin=latin)
    mended = _unleet(mended, known)
    if latin:
        mended = _mend_latin(mended, known)
    return token.replace(core, mended, 1)


def _one_script(word: str, *, latin: bool) -> str:
    """A word of two alphabets in the one that explains all its letters."""
    if word.isascii():
        return word
    to_latin = "".join(LOOKALIKES.get(letter, letter) for letter in word)
    foreign = [
        letter for letter in to_latin if letter.isalpha() and not unicodedata.name(letter, "").startswith("LATIN")
    ]
    plain = any(letter.isascii() and letter.isalpha() for letter in word)
    if not foreign and (plain or latin):
        return to_latin
    if plain and all("\u0400" <= letter <= "\u04ff" for letter in foreign):
        return "".join(BACK.get(letter, letter) for letter in word)
    return word


def _unleet(word: str, known: dict[str, int]) -> str:
    """Digits and signs inside a word as the letters that they stand for."""
    signs = [at for at, letter in enumerate(word) if letter in LEET]
    if not signs or MEASURE.fullmatch(word.lower()) or len(word) > LONGEST_WORD:
        return word
    letters = sum(letter.isalpha() for letter in word)
    if not letters or (
        len(signs) == len(word) - letters and word[-1].isdigit() and word[:-1].isalpha() and letters < 2
    ):
        return word
    choices = [LEET.get(letter, letter) for letter in word.lower()]
    if sum(len(choice) > 1 for choice in choices) > MOST_LEET:
        return "".join(choice[0] for choice in choices)
    read = ["".join(letters) for letters in product(*choices)]
    found = [word for word in read if word in known or word.removesuffix("s") in known]
    if found:
        return min(found, key=lambda word: known.get(word, len(known)))
    return read[0] if letters >= 2 and not word.isdigit() else word


def _mend_latin(word: str, known: dict[str, int]) -> str:
    """Stretched letters shortened, separators inside a word dropped, words without spaces taken apart."""
    low = word.lower()
    if LONG_RUN.search(low):
        shorter = [LONG_RUN.sub(r"\1\1", low), LONG_RUN.sub(r"\1", low)]
        word = next((short for short in shorter if short in known), shorter[-1])
        low = word
    bare = CUT.sub("", low)
    if bare != low:
        parts = [part for part in CUT.split(low) if part]
        if all(part in known and (len(part) > 2 or part in ("a", "of", "in", "on", "to")) for part in parts):
            return " ".join(parts) if "_" in word or "." in word else word
        return bare if bare in known or max(map(len, parts)) < 3 else word.replace("_", " ")
    plain = "".join(letter for letter in unicodedata.normalize("NFD", low) if not unicodedata.combining(letter))
    if len(low) > 2 and plain in known and 2 * _piled(low) > len(low):
        return plain
    if len(low) < 5 or not low.isascii() or not low.isalpha() or low in known:
        return word
    if len(low) > LONGEST_WORD:
        return " ".join(_apart(low, known) or (respaced(low) if len(low) > LONGEST_COMPOUND else [word]))
    swapped = [low[:at] + low[at + 1] + low[at] + low[at + 2 :] for at in range(len(low) - 1)]
    found = [other for other in swapped if known.get(other, FAMILIAR) < FAMILIAR or other in listed()]
    if found:
        return min(found, key=known.__getitem__)
    return " ".join(_apart(low, known)) or word


def _piled(low: str) -> int:
    """How many European letters carry marks; no language puts them on more than half of its letters."""
    return sum(unicodedata.normalize("NFD", letter)[0] < "\u0250" and not letter.isascii() for letter in low)


def _apart(low: str, known: dict[str, int]) -> list[str]:
    """Common words that were written without spaces; empty where it may be one word of another language."""
    parts = segment(low) if len(low) >= 8 else []
    if len(low) < 14:
        return (
            parts if len(parts) > 1 and all(len(part) > 3 and known.get(part, 99_999) < PLAIN for part in parts) else []
        )
    return parts if len(parts) > 1 and is_read(parts) else []
