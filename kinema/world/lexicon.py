"""Words that people use, and what they mean in the pocket world.

The caption language itself comes from `vocabulary` and `objects`; `words.json` adds what else people say, a row for
each value. In a row, words before the first semicolon stand alone; after it comes one phrase after another, its words
joined by hyphens. Tables named `near…` are approximations, which the reader of a prompt has to own up to. Phrases are
kept as tuples of tokens, so that the longest one that fits can be looked up.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from kinema.world import grammar, vocabulary
from kinema.world.objects import OBJECTS

PATH = Path(__file__).with_name("words.json")


@dataclass(frozen=True)
class Sense:
    """What a phrase means: its role in a scene and the value there; `near` marks an approximation."""

    role: str
    value: str
    near: bool = False
    plural: bool = False
    speed: str | None = None


NATURAL_COLOURS: Final = {
    "brown": (
        "horse",
        "deer",
        "camel",
        "kangaroo",
        "squirrel",
        "hedgehog",
        "eagle",
        "teddy bear",
        "chair",
        "donut",
        "snail",
    ),
    "grey": ("elephant", "shark", "mouse"),
    "gray": ("elephant", "shark", "mouse"),
    "black": ("ant",),
}
"""Objects that look so anyway, by colours that nothing can be asked for in."""


CAMERA_SUBJECTS: Final = ("camera", "view", "shot", "lens")
CAMERA_MOVES: Final = {
    "pans_left": ("<pan> left", "<pan> to the left"),
    "pans_right": ("<pan> right", "<pan> to the right"),
    "zooms_in": ("<zoom> in", "<dolly> in", "<push> in"),
    "zooms_out": ("<zoom> out", "<dolly> out", "<pull> out", "<pull> back"),
    "tilts_up": ("<tilt> up", "<tilt> upward", "<crane> up"),
    "follows": ("<track> along", "<track> with"),
}
"""Moves that only a camera makes, so that no subject need be named."""
NAMED_CAMERA_MOVES: Final = {
    "pans_left": ("<move> left", "<move> to the left", "<turn> left", "<slide> left"),
    "pans_right": ("<move> right", "<move> to the right", "<turn> right", "<slide> right"),
    "zooms_in": ("<move> in", "<move> closer", "<get> closer", "<go> in", "<zoom>"),
    "zooms_out": ("<move> out", "<move> back", "<move> away", "<go> out"),
    "tilts_up": ("<look> up", "<move> up", "<rise>", "<go> up"),
    "follows": ("<follow>", "<follow> along", "<track>", "<follow> it", "<follow> them", "<move> along"),
    "static": ("<stay> still", "does not move", "<stay> static", "is still", "is static", "is fixed", "<stay> fixed"),
}


Entries = Iterator[tuple[tuple[str, ...], Sense]]


@cache
def words() -> dict[str, Any]:
    """The tables of words.json by name: rows by value, or a single row."""
    return json.loads(PATH.read_text(encoding="utf-8"))


@cache
def lexicon() -> dict[str, tuple[tuple[tuple[str, ...], tuple[Sense, ...]], ...]]:
    """By first token: all phrases with their senses, longest first."""
    senses: dict[tuple[str, ...], list[Sense]] = {}
    for entries in (_captions(), _nouns(), _nearest_nouns(), _settings(), _cameras(), _actions(), _plain_words()):
        for phrase, sense in entries:
            known = senses.setdefault(phrase, [])
            if all(other.role != sense.role for other in known):
                known.append(sense)
    by_first: dict[str, list[tuple[tuple[str, ...], tuple[Sense, ...]]]] = {}
    for phrase, found in senses.items():
        by_first.setdefault(phrase[0], []).append((phrase, tuple(found)))
    return {first: tuple(sorted(rows, key=lambda row: -len(row[0]))) for first, rows in by_first.items()}


@cache
def single_words() -> dict[str, tuple[str, ...]]:
    """By first letter: the words with a meaning that a misspelt one may stand for."""
    roles = ("object", "colour", "place", "time", "weather", "action", "water")
    words: dict[str, list[str]] = {}
    for rows in lexicon().values():
        for phrase, senses in rows:
            if len(phrase) == 1 and len(phrase[0]) > 2 and senses[0].role in roles:
                words.setdefault(phrase[0][0], []).append(phrase[0])
    return {letter: tuple(sorted(rows)) for letter, rows in words.items()}


def _split(table: str) -> Iterator[tuple[str, ...]]:
    """The words and phrases of one row."""
    singles, *phrases = table.split(";")
    for word in singles.split():
        yield (word,)
        if "-" in word:
            yield tuple(word.split("-"))
    for phrase in phrases:
        if phrase.strip():
            yield tuple(token for word in phrase.split() for token in word.split("-"))


def _rows(table: dict[str, str], role: str, *, near: bool = False) -> Entries:
    for value, row in table.items():
        for phrase in _split(row):
            yield phrase, Sense(role, value, near)


def _forms(verb: str) -> tuple[str, ...]:
    if verb == "be":
        return ("be", "is", "are", "was", "were", "being")
    past = words()["irregular_pasts"].get(verb, grammar.past(verb))
    return (verb, grammar.third_person(verb), grammar.progressive(verb), past)


def _bent(phrase: str) -> Iterator[tuple[str, ...]]:
    """A phrase with its verb in brackets, in every form, as tokens."""
    verb = phrase[phrase.index("<") + 1 : phrase.index(">")] if "<" in phrase else ""
    for form in _forms(verb) if verb else ("",):
        yield tuple(phrase.replace(f"<{verb}>", form).split())


def _captions() -> Entries:
    """The caption language itself."""
    tables = (
        ("place", vocabulary.PLACE_PHRASES), ("place", vocabulary.AIR_PHRASES), ("time", vocabulary.TIME_PHRASES),
        ("time", vocabulary.FAIR_TIME_PHRASES), ("weather", vocabulary.WEATHER_PHRASES),
        ("speed", vocabulary.SPEED_PHRASES), ("camera", vocabulary.CAMERA_PHRASES),
    )  # fmt: skip
    for role, table in tables:
        for value, phrases in table.items():
            for phrase in phrases:
                if phrase != "in the snow":
                    yield tuple(phrase.removeprefix("the ").split()), Sense(role, value)
    for action, phrases in (vocabulary.MOTION_PHRASES | vocabulary.RELATION_PHRASES).items():
        role = "relation" if action in vocabulary.RELATIONS else "action"
        for phrase in phrases:
            yield from ((bent, Sense(role, action)) for bent in _bent(phrase.replace(" to the {side}", "")))


def _nouns() -> Entries:
    for name, thing in OBJECTS.items():
        more = tuple(" ".join(phrase) for phrase in _split(words()["synonyms"].get(name, "")))
        for noun in (*thing.nouns, *more):
            plural = thing.plural if noun == thing.nouns[0] else grammar.pluralise(noun)
            yield tuple(noun.split()), Sense("object", name)
            if plural != noun:
                yield tuple(plural.split()), Sense("object", name, plural=True)


def _nearest_nouns() -> Entries:
    for name, row in words()["nearest_objects"].items():
        for phrase in _split(row):
            yield phrase, Sense("object", name, near=True)
            plural = (*phrase[:-1], grammar.pluralise(phrase[-1]))
            if plural != phrase:
                yield plural, Sense("object", name, near=True, plural=True)


def _settings() -> Entries:
    yield from _rows(words()["colour_words"], "colour")
    yield from (((colour,), Sense("colour", colour)) for colour in vocabulary.COLOURS)
    yield from (((word,), Sense("strange_colour", value)) for word, value in words()["strange_colours"].items())
    yield from _rows(words()["numbers"], "number")
    yield from (((str(number),), Sense("number", str(min(number, 4)))) for number in range(1, 100))
    for role in ("place", "time", "weather", "speed"):
        yield from _rows(words()[f"{role}_words"], role)
    for role in ("place", "time", "weather"):
        yield from _rows(words()[f"near_{role}s"], role, near=True)
    yield from _rows({"water": words()["water_words"]}, "water")
    yield from _rows({"water": words()["near_water"]}, "water", near=True)
    yield from _rows({"snow": words()["snowy_words"]}, "snowy")
    yield from _rows(words()["side_words"], "side")
    for side in vocabulary.DIRECTIONS:
        yield from _rows({side: f"; facing-{side}; facing-to-the-{side}; looking-{side}; turned-{side}"}, "side")


def _cameras() -> Entries:
    yield from _rows(words()["camera_names"], "camera")
    for camera, moves in CAMERA_MOVES.items():
        yield from ((bent, Sense("camera", camera)) for move in moves for bent in _bent(move))
    for table in (CAMERA_MOVES, NAMED_CAMERA_MOVES):
        for camera, moves in table.items():
            bents = [bent for move in moves for bent in _bent(move)]
            for middle in ((), ("is",), ("slowly",), ("gently",), ("smoothly",), ("quickly",), ("is", "slowly")):
                for subject in CAMERA_SUBJECTS:
                    yield from (((subject, *middle, *bent), Sense("camera", camera)) for bent in bents)


def _actions() -> Entries:
    for table, role in (("action_verbs", "action"), ("relation_verbs", "relation"), ("near_actions", "action")):
        for action, row in words()[table].items():
            yield from _verb_rows(row, Sense(role, action, near=table == "near_actions"))
    yield from _verb_rows(words()["fast_words"], Sense("action", "goes", speed="fast"))
    yield from _verb_rows(words()["slow_words"], Sense("action", "goes", speed="slow"))
    yield from _rows(words()["passives"], "passive")
    yield from _rows(words()["weak_relations"], "weak")


def _verb_rows(row: str, sense: Sense) -> Entries:
    """Each phrase of the row with its first word in every form of the verb."""
    for verb, *rest in _split(row):
        yield from (((form, *rest), sense) for form in _forms(verb))


def _plain_words() -> Entries:
    yield from _rows(words()["pronouns"], "pronoun")
    tables = (
        ("linkers", "linker"), ("worn", "worn"), ("fillers", "filler"), ("style_words", "style"),
        ("look_words", "look"), ("negations", "negation"),
    )  # fmt: skip
    for table, role in tables:
        for phrase in _split(words()[table]):
            yield phrase, Sense(role, " ".join(phrase))
