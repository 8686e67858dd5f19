"""From a prompt's characters to phrases with their senses.

It stands apart from `listen`, which hears what these phrases say of a scene, because nothing here knows of scenes.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from kinema.world import tongues
from kinema.world.lexicon import Sense, lexicon
from kinema.world.spelling import mended, nearest_noun

STRANGERS = 24
"""How many unknown words are looked up by spelling; a longer list is no prompt, and would take long."""
_TOKEN = re.compile(r"[^\W_]+(?:[-'.:]+[^\W_]+)*|[.,;:!?&]")
_MARKS = frozenset(".,;:!?")
_SHORTENED = frozenset(("it's", "one's", "let's", "what's", "here's", "there's"))
DETERMINERS = frozenset(
    ("a", "an", "the", "this", "that", "my", "your", "his", "her", "their", "our", "another", "its", "some", "no")
)
PREPOSITIONS = frozenset(
    ("on", "in", "at", "by", "near", "under", "inside", "through", "across", "into", "onto", "along", "around",
     "beneath", "below", "down", "up", "from", "against", "within", "among", "between", "over", "past", "beside")
)  # fmt: skip
DESCRIBING = frozenset(("colour", "strange_colour", "look", "style", "number"))
_THINGS_OF_SENSE = frozenset(("object", "place", "water", "strange_colour"))


@dataclass(frozen=True)
class Unknown:
    """A word that the pocket world has nothing for, and the nearest word it knows, if one is near."""

    word: str
    nearest: str | None

    @property
    def message(self) -> str:
        """The sentence that tells a person."""
        return f"I do not know {self.word!r}" + (f"; nearest: {self.nearest!r}" if self.nearest else "")


@dataclass(frozen=True)
class Match:
    """A phrase of the prompt with its sense; `start` counts tokens; `mended` marks a misspelt word."""

    start: int
    phrase: tuple[str, ...]
    sense: Sense
    mended: bool = False

    @property
    def text(self) -> str:
        return " ".join(self.phrase)

    @property
    def end(self) -> int:
        return self.start + len(self.phrase)


def tokenise(text: str) -> tuple[str, ...]:
    """Lower-case words and marks; hyphenated words that nobody knows come apart."""
    plain = unicodedata.normalize("NFKC", text).lower().replace("\u2019", "'")
    tokens: list[str] = []
    for token in _TOKEN.findall(plain):
        word = token if token in _SHORTENED else token.removesuffix("'s")
        known = word in _MARKS or any(len(phrase) == 1 for phrase, _ in lexicon().get(word, ()))
        tokens.extend((word,) if known else [part for part in re.split("[-.:]+", word) if part])
    return tuple(tokens)


def english(text: str) -> tuple[tuple[str, ...], str | None]:
    """The text's tokens in English, and the tongue that they were in if it was another."""
    return tongues.to_english(tokenise(text))


def scan(tokens: tuple[str, ...], unknown: dict[str, Unknown], notes: list[str]) -> list[Match]:
    """The longest known phrase at each place; misspelt words are mended and noted, others are unknown strangers."""
    matches: list[Match] = []
    position = 0
    while position < len(tokens):
        match = _longest(tokens, position, matches) or _stranger(tokens[position], position, unknown, notes)
        matches.append(match)
        position += len(match.phrase)
    return matches


def _longest(tokens: tuple[str, ...], position: int, before: Sequence[Match]) -> Match | None:
    if tokens[position] in _MARKS:
        return Match(position, tokens[position : position + 1], Sense("mark", tokens[position]))
    for phrase, senses in lexicon().get(tokens[position], ()):
        if tokens[position : position + len(phrase)] == phrase:
            return Match(position, phrase, _choose(senses, tokens, position, before))
    return None


def _choose(senses: tuple[Sense, ...], tokens: tuple[str, ...], position: int, before: Sequence[Match]) -> Sense:
    """Of several senses the one for a noun after `a`, `the`, a colour or a number, else the other.

    What may be a thing and a place (`table`) is a place after `on`, `in`, `at`.
    """
    if len(senses) == 1:
        return senses[0]
    described = bool(before) and before[-1].sense.role in ("colour", "number", "look")
    noun = described or (position > 0 and tokens[position - 1] in DETERMINERS)
    roles = {sense.role for sense in senses}
    if {"object", "place"} <= roles:
        wanted = "place" if _after_preposition(tokens, position, before) else "object"
        return next(sense for sense in senses if sense.role == wanted)
    for sense in senses:
        if (sense.role in _THINGS_OF_SENSE) == noun:
            return sense
    return senses[0]


def _after_preposition(tokens: tuple[str, ...], position: int, before: Sequence[Match]) -> bool:
    """Whether a preposition stands before this noun, with nothing but describing words between."""
    first = position
    for match in reversed(before):
        describes = match.sense.role in (*DESCRIBING, "stranger") or match.text in DETERMINERS
        if not describes:
            break
        first = match.start
    return first > 0 and tokens[first - 1] in PREPOSITIONS


def _stranger(word: str, position: int, unknown: dict[str, Unknown], notes: list[str]) -> Match:
    """A misspelt word as what it was meant to be, or a stranger, which is then among the unknown."""
    stranger = Match(position, (word,), Sense("stranger", word))
    if word in unknown or len(unknown) >= STRANGERS:
        unknown.setdefault(word, Unknown(word, None))
        return stranger
    meant = mended(word)
    if meant is None:
        unknown[word] = Unknown(word, nearest_noun(word))
        return stranger
    notes.append(f"{word!r} is read as {meant!r}")
    senses = next(senses for phrase, senses in lexicon()[meant] if len(phrase) == 1)
    return Match(position, (word,), senses[0], mended=True)
