"""A person's own words, brought into the caption language.

The embedded model knows a few hundred words in a fixed manner of speaking. `understand` finds what a prompt means,
settles it into a scene that can be, and says it again as a canonical caption, offline and in milliseconds. What it does
not know, leaves out or changes, it tells: nothing is ignored in silence.
"""

import difflib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

from kinema.errors import PromptError
from kinema.world.captions import canonical
from kinema.world.lexicon import NATURAL_COLOURS, Sense, lexicon, single_words
from kinema.world.objects import OBJECTS
from kinema.world.scene import Scene
from kinema.world.settle import Heard, HeardThing, settle

LONGEST = 32_000
EXAMPLE = "a red dog walks on the beach at sunset"
STRANGERS = 24
"""How many unknown words are looked up by spelling; a longer list is no prompt, and would take long."""
_TOKEN = re.compile(r"[^\W_]+(?:[-'.]+[^\W_]+)*|[.,;:!?]")
_MARKS = frozenset(".,;:!?")
_DETERMINERS = frozenset(
    ("a", "an", "the", "this", "that", "my", "your", "his", "her", "their", "our", "another", "on", "in")
)
_NEW_ONE = frozenset(("a", "an", "another", "second", "other"))
_THINGS_OF_SENSE = frozenset(("object", "place", "water", "strange_colour"))
_EMPTY_ROLES = frozenset(("filler", "style", "look", "negation", "number", "speed", "side", "mark", "weak"))
_ROLE_NAMES = {"relation": "action", "action": "action", "side": "direction"}


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
class Reading:
    """What was understood of a prompt: the scene, its canonical caption, and all that was changed on the way."""

    prompt: str
    rewritten: str
    unknown: tuple[Unknown, ...]
    scene: Scene
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Match:
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


@dataclass
class _Listener:
    """Goes through the matches once and keeps what they say about the one scene."""

    tokens: tuple[str, ...]
    heard: Heard = field(default_factory=Heard)
    unknown: dict[str, Unknown] = field(default_factory=dict)
    colour: _Match | None = None
    number: _Match | None = None
    denied: bool = False


def understand(prompt: str) -> Reading:
    """The prompt as a scene and its canonical caption. PromptError if it is empty, endless or wholly unknown."""
    tokens = _tokens(_checked(prompt))
    listener = _Listener(tokens)
    matches = _scan(tokens, listener)
    if not _is_understood(matches, listener):
        raise PromptError(
            f"nothing in {_shortened(prompt)!r} was understood; say in English what should be seen, such as {EXAMPLE!r}"
        )
    for index, match in enumerate(matches):
        if not _describes_next(matches, index, listener):
            _hear(listener, match, _beside_camera(matches, index))
    _attach_colour(listener)
    heard = listener.heard
    _note_unused(heard, matches)
    scene = settle(heard)
    unknown = sorted(listener.unknown.values(), key=lambda stranger: tokens.index(stranger.word.split()[0]))
    return Reading(prompt, canonical(scene), tuple(unknown), scene, tuple(dict.fromkeys(heard.notes)))


# From characters to matches


def _checked(prompt: str) -> str:
    if len(prompt) > LONGEST:
        raise PromptError(
            f"the prompt has {len(prompt)} characters; at most {LONGEST} are read, so shorten it to one sentence"
        )
    if not any(character.isalnum() for character in prompt):
        raise PromptError(
            f"the prompt {_shortened(prompt)!r} holds no words; say what should be seen, such as {EXAMPLE!r}"
        )
    return prompt


def _shortened(prompt: str) -> str:
    return prompt if len(prompt) <= 60 else f"{prompt[:57]}..."


def _tokens(text: str) -> tuple[str, ...]:
    """Lower-case words and marks; hyphenated words that nobody knows come apart."""
    plain = unicodedata.normalize("NFKC", text).lower().replace("\u2019", "'")
    tokens: list[str] = []
    for token in _TOKEN.findall(plain):
        word = token.removesuffix("'s") if token not in ("it's", "one's") else token
        known = word in _MARKS or any(len(phrase) == 1 for phrase, _ in lexicon().get(word, ()))
        tokens.extend((word,) if known else re.split("[-.]+", word))
    return tuple(tokens)


def _scan(tokens: tuple[str, ...], listener: _Listener) -> list[_Match]:
    """The longest known phrase at each place; misspelt words are mended, others are kept as unknown."""
    matches: list[_Match] = []
    position = 0
    while position < len(tokens):
        match = _longest(tokens, position, matches)
        if match is None:
            match = _stranger(tokens[position], position, listener)
        if match is not None:
            matches.append(match)
        position += len(match.phrase) if match else 1
    return matches


def _longest(tokens: tuple[str, ...], position: int, before: Sequence[_Match]) -> _Match | None:
    if tokens[position] in _MARKS:
        return _Match(position, tokens[position : position + 1], Sense("mark", tokens[position]))
    for phrase, senses in lexicon().get(tokens[position], ()):
        if tokens[position : position + len(phrase)] == phrase:
            return _Match(position, phrase, _choose(senses, tokens, position, before))
    return None


def _choose(senses: tuple[Sense, ...], tokens: tuple[str, ...], position: int, before: Sequence[_Match]) -> Sense:
    """Of several senses the one for a noun after `a`, `the`, a colour or a number, else the other."""
    described = bool(before) and before[-1].sense.role in ("colour", "number", "look")
    noun = described or (position > 0 and tokens[position - 1] in _DETERMINERS)
    for sense in senses:
        if (sense.role in _THINGS_OF_SENSE) == noun:
            return sense
    return senses[0]


def _stranger(word: str, position: int, listener: _Listener) -> _Match | None:
    """A misspelt word as what it was meant to be; None for an unknown one, which the listener then remembers."""
    if word in listener.unknown or len(listener.unknown) >= STRANGERS:
        listener.unknown.setdefault(word, Unknown(word, None))
        return None
    meant = _mended(word)
    if meant is None:
        listener.unknown[word] = Unknown(
            word, next(iter(difflib.get_close_matches(word, _nouns(), n=1, cutoff=0.75)), None)
        )
        return None
    listener.heard.notes.append(f"{word!r} is read as {meant!r}")
    senses = next(senses for phrase, senses in lexicon()[meant] if len(phrase) == 1)
    return _Match(position, (word,), senses[0], mended=True)


@cache
def _nouns() -> tuple[str, ...]:
    return tuple(noun for thing in OBJECTS.values() for noun in thing.nouns)


def _mended(word: str) -> str | None:
    """The known word of the same first letter that is one slip away; two slips in long words."""
    letters = set(word)
    allowed = 0 if len(word) < 3 else 1 if len(word) < 8 else 2
    near = [
        (slips, known)
        for known in single_words().get(word[0], ())
        if abs(len(known) - len(word)) <= allowed + 1
        and len(letters ^ set(known)) <= 2 * allowed + 2
        and (slips := _slips(_sound(word), _sound(known))) <= allowed
    ]
    return min(near)[1] if near else None


def _sound(word: str) -> str:
    """The word as it sounds, roughly: `elephant` and `elefant`, `rabbit` and `rabit` are one."""
    return re.sub(r"(.)\1", r"\1", word.replace("ph", "f").replace("ck", "k"))


def _slips(word: str, known: str) -> int:
    """Damerau-Levenshtein distance; in short words only a missing letter or two swapped ones are slips.

    `boat` is no misspelt `goat`, nor Spanish `playa` a misspelt `play`.
    """
    change = drop = 1 if len(word) > 5 else 2
    rows = [list(range(len(known) + 1))]
    for i, letter in enumerate(word, 1):
        row = [i * drop]
        for j, other in enumerate(known, 1):
            cost = min(rows[-1][j] + drop, row[-1] + 1, rows[-1][j - 1] + (change if letter != other else 0))
            if i > 1 and j > 1 and letter == known[j - 2] and word[i - 2] == other:
                cost = min(cost, rows[-2][j - 2] + 1)
            row.append(cost)
        rows.append(row)
    return rows[-1][-1]


def _is_understood(matches: Sequence[_Match], listener: _Listener) -> bool:
    """Whether some word says what to show; beside unknown words, misspelt ones do not count, as in a foreign tongue."""
    telling = [match for match in matches if match.sense.role not in _EMPTY_ROLES]
    return any(not match.mended for match in telling) or (bool(telling) and not listener.unknown)


# From matches to what was heard


def _beside_camera(matches: Sequence[_Match], index: int) -> bool:
    """Whether a phrase touches one about the camera, so that its speed is the camera's."""
    match = matches[index]
    before, after = matches[max(index - 1, 0)], matches[min(index + 1, len(matches) - 1)]
    touches_before = before.sense.role == "camera" and before.end == match.start
    return touches_before or (after.sense.role == "camera" and after.start == match.end)


def _describes_next(matches: Sequence[_Match], index: int, listener: _Listener) -> bool:
    """Whether an unknown noun only describes the known one right after it, as `pirate` in `pirate ship`."""
    match, after = matches[index], matches[min(index + 1, len(matches) - 1)]
    if not match.sense.near or (match.sense.role, after.sense.role) != ("object", "object") or after.start != match.end:
        return False
    listener.unknown.setdefault(match.text, Unknown(match.text, OBJECTS[match.sense.value].nouns[0]))
    return True


def _hear(listener: _Listener, match: _Match, beside_camera: bool) -> None:
    heard, role = listener.heard, match.sense.role
    if role in ("filler", "style", "look"):
        return
    if role == "negation":
        listener.denied = True
    elif role == "mark":
        _attach_colour(listener)
    elif listener.denied:
        listener.denied = False
        heard.notes.append(f"left out, as the prompt says not to show it: {match.text}")
    elif role == "object":
        _hear_object(listener, match)
    elif role in ("colour", "strange_colour"):
        listener.colour = match
    elif role == "number":
        listener.number = match
    elif role == "speed" and beside_camera:
        heard.notes.append(f"the camera has one speed: {match.text!r} left out")
    elif role == "weak":
        heard.weak = heard.weak or match.sense.value if heard.things else None
    elif role == "passive":
        heard.passive = match.sense.value
    else:
        _hear_once(listener, match)


def _hear_once(listener: _Listener, match: _Match) -> None:
    """Place, time, weather, camera, speed, direction, action: the first said; exact words before approximate ones."""
    heard, sense = listener.heard, match.sense
    if sense.role in ("place", "water", "snowy") and listener.colour:
        heard.notes.append(f"places keep their own colours: {listener.colour.text!r} left out")
        listener.colour = None
    role = _ROLE_NAMES.get(sense.role, sense.role)
    known = heard.said.get(role)
    if known is None or (known.near and not sense.near):
        heard.said[role] = sense
        heard.words[role] = match.phrase
        if sense.speed:
            heard.said.setdefault("speed", sense)
            heard.words.setdefault("speed", match.phrase)
        if sense.near and role != "water":
            heard.notes.append(f"{match.text!r} is read as {sense.value.replace('_', ' ')!r}")
    elif sense.value != (known.speed if role == "speed" and known.speed else known.value):
        heard.notes.append(f"a scene has one {role}: {match.text!r} left out")


def _hear_object(listener: _Listener, match: _Match) -> None:
    heard, name = listener.heard, match.sense.value
    if match.sense.near:
        listener.unknown.setdefault(match.text, Unknown(match.text, OBJECTS[name].nouns[0]))
    colour, number = listener.colour, listener.number
    listener.colour = listener.number = None
    before = listener.tokens[match.start - 1] if match.start else ""
    word = match.text if match.sense.near else None
    same = any((thing.name, thing.word) == (name, word) for thing in heard.things)
    if same and colour is None and number is None and before not in _NEW_ONE:
        return
    count = int(number.sense.value) if number else 2 if match.sense.plural else 1
    if count > 3:
        heard.notes.append(
            f"at most three of a kind are shown: {number.text if number else match.text!r} is read as three"
        )
    if len(heard.things) == 2:
        heard.notes.append(f"a scene has at most two things: {match.text!r} left out")
        return
    heard.things.append(HeardThing(name, min(count, 3), word=word))
    if colour is not None:
        _colour_thing(listener, heard.things[-1], colour)


def _attach_colour(listener: _Listener) -> None:
    """A colour that no noun followed belongs to the thing before it: `the car is red`."""
    colour, things = listener.colour, listener.heard.things
    listener.colour = None
    if colour is None:
        return
    if colour.text == "orange" and not things:
        listener.unknown["orange"] = Unknown("orange", "apple")
        things.append(HeardThing("apple", word="orange"))
    elif things and things[-1].colour is None:
        _colour_thing(listener, things[-1], colour)
    else:
        listener.heard.notes.append(f"{colour.text!r} left out: it is not said of what")


def _colour_thing(listener: _Listener, thing: HeardThing, colour: _Match) -> None:
    if thing.name in NATURAL_COLOURS.get(colour.text, ()):
        return
    if colour.sense.role == "strange_colour":
        listener.unknown.setdefault(colour.text, Unknown(colour.text, colour.sense.value))
        listener.heard.notes.append(f"nothing can be {colour.text} here: the {thing.noun} keeps its natural colour")
        return
    thing.colour = colour.sense.value


def _note_unused(heard: Heard, matches: Sequence[_Match]) -> None:
    """Words that carry no meaning in this world are named, not dropped in silence."""
    for role, what in (("style", "style words"), ("look", "words for sizes, moods and looks")):
        words = dict.fromkeys(match.text for match in matches if match.sense.role == role)
        if words:
            heard.notes.append(f"{what} are not used by this model: {', '.join(words)}")
