"""English as far as captions need it: articles, plurals and three forms of a verb.

It stands alone because both the writing of captions and the reading of prompts bend the same words.
"""

import re
from collections.abc import Callable

_VERB = re.compile(r"<(\w+)>")
_VOWELS = "aeiou"
_SOUND_LIKE_YOU = ("uni", "ufo", "eu", "use", "one")
_UNCHANGED = ("fish", "sheep", "deer", "pufferfish", "jellyfish", "goldfish", "starfish", "swordfish", "clownfish")
_IRREGULAR = {
    "mouse": "mice", "goose": "geese", "wolf": "wolves", "child": "children", "leaf": "leaves", "person": "people",
    "ox": "oxen", "elf": "elves", "thief": "thieves", "human": "humans",
}  # fmt: skip
_DOUBLING = frozenset(
    ("run", "swim", "spin", "hop", "drop", "zigzag", "get", "pop", "flip", "jog", "trot", "stop", "skip", "wag", "dig",
     "sit", "vlog", "hug", "chat", "nap", "shop", "bob", "plod", "zip", "skim", "step", "bat", "sip", "drip")
)  # fmt: skip


def article(words: str) -> str:
    """`a` or `an`, by the sound the words begin with."""
    return "an" if words[0] in _VOWELS and not words.startswith(_SOUND_LIKE_YOU) else "a"


def pluralise(noun: str) -> str:
    """The plural of a noun by rule; in `fire truck` only the last word bends."""
    head, _, last = noun.rpartition(" ")
    return f"{head} {_plural_word(last)}".strip()


def _plural_word(word: str) -> str:
    if word in _UNCHANGED:
        return word
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word.endswith("man"):
        return f"{word[:-3]}men"
    return word + "s" if word.endswith("o") else _with_s(word)


def bend(phrase: str, form: Callable[[str], str]) -> str:
    """The phrase with its verb, in angle brackets, put into that form."""
    return _VERB.sub(lambda match: form(match.group(1)), phrase)


def plural_verb(verb: str) -> str:
    """The verb after a plural: `two dogs walk`."""
    return "are" if verb == "be" else verb


def third_person(verb: str) -> str:
    """The verb after a singular: `a dog walks`."""
    if verb == "be":
        return "is"
    return verb + "es" if verb.endswith("o") else _with_s(verb)


def progressive(verb: str) -> str:
    """The -ing form: `walking`, `running`, `chasing`."""
    if verb in _DOUBLING:
        return f"{verb}{verb[-1]}ing"
    if verb.endswith("e") and verb not in ("be", "see", "flee"):
        return f"{verb[:-1]}ing"
    return f"{verb}ing"


def past(verb: str) -> str:
    """The regular past: `walked`, `hopped`, `chased`."""
    if verb in _DOUBLING:
        return f"{verb}{verb[-1]}ed"
    if verb.endswith("e"):
        return f"{verb}d"
    return f"{verb[:-1]}ied" if _ends_in_consonant_y(verb) else f"{verb}ed"


def _with_s(word: str) -> str:
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return f"{word}es"
    return f"{word[:-1]}ies" if _ends_in_consonant_y(word) else f"{word}s"


def _ends_in_consonant_y(word: str) -> bool:
    return len(word) > 1 and word.endswith("y") and word[-2] not in _VOWELS
