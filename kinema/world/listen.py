"""From the phrases of a prompt to what they say of a scene, heard one after the other.

Every word that is not used in the scene is put into the notes or among the unknown: nothing is dropped in silence. It
stands apart from `settle`, which makes a scene that can be of what was heard, and from `understand`, the door to both.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from kinema.world.lexicon import CAMERA_SUBJECTS, NATURAL_COLOURS, Sense
from kinema.world.matching import DESCRIBING, DETERMINERS, PREPOSITIONS, Match, Unknown, scan
from kinema.world.objects import OBJECTS
from kinema.world.settle import Heard, HeardThing

DESCRIBED_WITHIN = 3
"""So many phrases after an unknown word may stand between it and the noun that it describes."""
_NEW_ONE = frozenset(("a", "an", "another", "second", "other"))
_EMPTY_ROLES = frozenset(
    ("filler", "style", "look", "negation", "number", "speed", "side", "mark", "weak", "stranger", "worn", "linker",
     "pronoun")
)  # fmt: skip
_ROLE_NAMES = {"relation": "action", "action": "action", "side": "direction"}
_FILMING = frozenset((*CAMERA_SUBJECTS, "footage", "video", "film", "clip", "movie", "drone"))
_SMALL_KINDS = frozenset(("food", "plant", "ball"))


@dataclass
class Listener:
    """Goes through the matches once and keeps what they say about the one scene.

    `carried` are the things of the card before, for which a pronoun may stand; `loose` marks an action that only an
    adjective says (`a melting candle`), so that a verb may take its place.
    """

    tokens: tuple[str, ...]
    carried: tuple[HeardThing, ...] = ()
    heard: Heard = field(default_factory=Heard)
    unknown: dict[str, Unknown] = field(default_factory=dict)
    colour: Match | None = None
    number: Match | None = None
    denied: bool = False
    weak: str | None = None
    worn: list[str] | None = None
    left_worn: list[str] = field(default_factory=list)
    linked: bool = False
    loose: bool = False
    pronoun: str | None = None
    matches: list[Match] = field(default_factory=list)

    def listen(self) -> None:
        """Hears every match in order."""
        self.matches = scan(self.tokens, self.unknown, self.heard.notes)
        for index in range(len(self.matches)):
            if not _describes_next(self, index):
                _hear(self, index)
        _attach_colour(self)
        _end_worn(self)
        if self.left_worn:
            self.heard.notes.append(f"what is worn or held is not shown: {', '.join(self.left_worn)}")
        _note_unused(self)
        if self.pronoun:
            _stand_in(self)

    @property
    def understood(self) -> bool:
        """Whether some word says what to show; not where most are strangers or misspelt, as in a foreign tongue."""
        telling = [match for match in self.matches if match.sense.role not in _EMPTY_ROLES]
        sure = any(not match.mended for match in telling) or (bool(telling) and len(self.unknown) < len(telling))
        strangers = sum(match.sense.role == "stranger" for match in self.matches)
        known = sum(len(match.phrase) for match in self.matches if match.sense.role not in ("stranger", "mark"))
        return (sure and strangers <= 2 * known) or (bool(self.carried) and known > 0)


def _describes_next(listener: Listener, index: int) -> bool:
    """Whether a noun only describes the one right after it, as `pirate` in `pirate ship`.

    In `gift box` it is the first that this world knows: then the second is left out.
    """
    matches = listener.matches
    match = matches[index]
    before = matches[index - 1] if index else None
    after = matches[index + 1] if index + 1 < len(matches) else None
    if match.sense.role != "object":
        return False
    heads = after and after.start == match.end and after.phrase[0] not in PREPOSITIONS
    if after and heads and match.sense.near and after.sense.role in ("object", "place"):
        listener.unknown.setdefault(match.text, Unknown(match.text, OBJECTS[match.sense.value].nouns[0]))
        return True
    if before and before.end == match.start and before.sense.role == "object" and match.sense.near:
        listener.unknown.setdefault(match.text, Unknown(match.text, None))
        return True
    return False


def _hear(listener: Listener, index: int) -> None:
    match = listener.matches[index]
    role = match.sense.role
    if listener.worn is not None and _hear_worn(listener, index):
        return
    if role == "negation":
        listener.denied = True
    elif role == "mark":
        listener.denied = False
        _attach_colour(listener)
    elif role == "stranger":
        _hear_stranger(listener, index)
    elif role in ("worn", "linker", "pronoun"):
        _hear_small_word(listener, match)
    elif role in ("filler", "style", "look"):
        return
    elif listener.denied:
        listener.denied = role in ("colour", "strange_colour", "number")
        listener.heard.notes.append(f"left out, as the prompt says not to show it: {match.text}")
    elif role == "object":
        _hear_object(listener, index)
    elif role in ("colour", "strange_colour"):
        if listener.colour is not None:
            listener.heard.notes.append(f"a thing has one colour: {listener.colour.text!r} left out")
        listener.colour = match
    elif role == "number":
        listener.number = match
    else:
        _hear_manner(listener, index)


def _hear_small_word(listener: Listener, match: Match) -> None:
    if match.sense.role == "worn":
        _attach_colour(listener)
        listener.worn = []
    elif match.sense.role == "linker":
        listener.linked = True
    elif listener.carried:
        _hear_pronoun(listener, match)


def _hear_manner(listener: Listener, index: int) -> None:
    """Where, when, what happens and how it is filmed."""
    match, heard = listener.matches[index], listener.heard
    role = match.sense.role
    if role == "action" and listener.colour and listener.colour.end == match.start:  # a noun after all: `the gold rush`
        listener.unknown.setdefault(match.text, Unknown(match.text, None))
        _hear_stranger(listener, index)
    elif role == "speed" and _beside_camera(listener.matches, index):
        heard.notes.append(f"the camera has one speed: {match.text!r} left out")
    elif role in ("action", "relation") and _is_filming(listener.matches, index):
        heard.notes.append(f"the camera has no such move: {match.text!r} left out")
    elif role == "weak":
        listener.weak = match.sense.value if heard.things else None
        listener.linked = True
    elif role == "passive":
        heard.passive = match.sense.value
        listener.linked = True
    else:
        listener.linked |= role == "relation"
        _hear_once(listener, index)


def _beside_camera(matches: Sequence[Match], index: int) -> bool:
    """Whether a phrase touches one about the camera, so that its speed is the camera's."""
    match = matches[index]
    before, after = matches[max(index - 1, 0)], matches[min(index + 1, len(matches) - 1)]
    touches_before = before.sense.role == "camera" and before.end == match.start
    return touches_before or (after.sense.role == "camera" and after.start == match.end)


def _is_filming(matches: Sequence[Match], index: int) -> bool:
    """Whether it is the shot that does this, as in `the drone shot glides over a city`."""
    before = next((match for match in reversed(matches[:index]) if match.sense.role != "speed"), None)
    return before is not None and before.sense.role in ("filler", "style") and before.phrase[-1] in _FILMING


def _hear_once(listener: Listener, index: int) -> None:
    """Place, time, weather, camera, speed, direction, action: the first said; exact words before approximate ones."""
    match, heard = listener.matches[index], listener.heard
    sense, role = match.sense, _ROLE_NAMES.get(match.sense.role, match.sense.role)
    if sense.role in ("place", "water", "snowy") and listener.colour:
        heard.notes.append(f"places keep their own colours: {listener.colour.text!r} left out")
        listener.colour = None
    known = heard.said.get(role)
    loose = role == "action" and _is_adjective(listener.matches, index)
    replaced = known is not None and ((known.near and not sense.near) or (role == "action" and listener.loose > loose))
    if replaced and " ".join(heard.words[role]) != match.text:
        heard.notes.append(f"a scene has one {role}: {' '.join(heard.words[role])!r} left out")
    if known is None or replaced:
        _take(heard, role, sense, match)
        listener.loose = loose if role == "action" else listener.loose
    elif sense.value != (known.speed if role == "speed" and known.speed else known.value):
        heard.notes.append(f"a scene has one {role}: {match.text!r} left out")
    elif sense.near and match.phrase != heard.words[role]:
        heard.notes.append(f"{match.text!r} is read as {sense.value.replace('_', ' ')!r}")
    elif role == "action" and sense.speed and "speed" not in heard.said:
        heard.said["speed"], heard.words["speed"] = sense, match.phrase


def _take(heard: Heard, role: str, sense: Sense, match: Match) -> None:
    heard.said[role], heard.words[role] = sense, match.phrase
    if sense.speed:
        heard.said.setdefault("speed", sense)
        heard.words.setdefault("speed", match.phrase)
    if sense.near and role != "water":
        heard.notes.append(f"{match.text!r} is read as {sense.value.replace('_', ' ')!r}")


def _is_adjective(matches: Sequence[Match], index: int) -> bool:
    """Whether an -ing form describes the noun after it, as in `a sleeping dog`."""
    match = matches[index]
    if not match.phrase[-1].endswith("ing") or index + 1 == len(matches):
        return False
    return matches[index + 1].sense.role in ("object", "colour", "look", "stranger") and (
        index == 0 or matches[index - 1].text in DETERMINERS or matches[index - 1].sense.role in DESCRIBING
    )


def _hear_stranger(listener: Listener, index: int) -> None:
    """An unknown noun takes the colour and the number that were said of it; one right before a noun describes that."""
    match = listener.matches[index]
    for after in listener.matches[index + 1 : index + 1 + DESCRIBED_WITHIN]:
        if after.sense.role == "object":
            return
        if after.sense.role not in (*DESCRIBING, "stranger"):
            break
    if listener.colour is not None:
        listener.heard.notes.append(f"{listener.colour.text!r} left out: it is said of {match.text!r}")
        listener.colour = None
    listener.number = listener.weak = None
    listener.denied = listener.linked = False


def _hear_worn(listener: Listener, index: int) -> bool:
    """Whether a phrase tells of what is worn or held, which is not shown; verbs, places and stops end that."""
    match = listener.matches[index]
    role = match.sense.role
    assert listener.worn is not None
    if role in ("colour", "strange_colour"):
        listener.colour = match
        return True
    if role == "object" and _is_worn(match):
        listener.worn += [*([listener.colour.text] if listener.colour else []), match.text]
        listener.colour = listener.number = None
        return True
    if role == "stranger":
        _hear_stranger(listener, index)
        return True
    if role in ("filler", "linker", "worn", "number", "look", "style") or match.text == ",":
        return True
    _end_worn(listener)
    return False


def _is_worn(match: Match) -> bool:
    """Small things are, and whatever only comes near something of this world, unless it lives."""
    kind = OBJECTS[match.sense.value].kind
    return kind in _SMALL_KINDS or (match.sense.near and kind not in ("land", "face", "swim"))


def _end_worn(listener: Listener) -> None:
    listener.left_worn += listener.worn or []
    listener.worn = None


def _hear_object(listener: Listener, index: int) -> None:
    match, heard = listener.matches[index], listener.heard
    name = match.sense.value
    if match.sense.near:
        listener.unknown.setdefault(match.text, Unknown(match.text, OBJECTS[name].nouns[0]))
    colour, number, linked = listener.colour, listener.number, listener.linked
    listener.colour = listener.number = None
    listener.linked = False
    before = listener.tokens[match.start - 1] if match.start else ""
    word = match.text if match.sense.near else None
    said = " ".join(each.text for each in (number, colour, match) if each)
    same = any((thing.name, thing.word) == (name, word) for thing in heard.things)
    if same and colour is None and number is None and before not in _NEW_ONE:
        return
    if heard.things and match.sense.near and not linked and OBJECTS[name].kind in _SMALL_KINDS:
        heard.notes.append(f"{said!r} left out: it is a small thing beside what is shown")
        return
    if len(heard.things) == 2:
        heard.notes.append(f"a scene has at most two things: {said!r} left out")
        return
    count = int(number.sense.value) if number else 2 if match.sense.plural else 1
    if count > 3:
        many = number.text if number else match.text
        heard.notes.append(f"at most three of a kind are shown: {many!r} is read as three")
    heard.weak, listener.weak = heard.weak or listener.weak, None
    heard.things.append(HeardThing(name, min(count, 3), word=word, anew=before in _NEW_ONE or number is not None))
    if colour is not None:
        _colour_thing(listener, heard.things[-1], colour)


def _hear_pronoun(listener: Listener, match: Match) -> None:
    """It stands for what the card before showed: at once as the other side of a relation, else if nothing is named."""
    heard = listener.heard
    relation = heard.said.get("action")
    related = (relation and relation.role == "relation") or heard.passive or listener.weak
    if len(heard.things) == 1 and listener.linked and related:
        heard.weak, listener.weak = heard.weak or listener.weak, None
        heard.things.append(replace(listener.carried[0], count=1))
        listener.linked = False
    elif not heard.things:
        listener.pronoun = listener.pronoun or match.sense.value


def _stand_in(listener: Listener) -> None:
    """Puts what the pronoun stands for in its place."""
    heard = listener.heard
    relation = heard.said.get("action")
    if not heard.things:
        heard.things = list(listener.carried if listener.pronoun == "they" else listener.carried[:1])
    elif len(heard.things) == 1 and ((relation and relation.role == "relation") or heard.weak or heard.passive):
        heard.things.insert(0, replace(listener.carried[0], count=1))


def _attach_colour(listener: Listener) -> None:
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


def _colour_thing(listener: Listener, thing: HeardThing, colour: Match) -> None:
    natural = OBJECTS[thing.name].base_colour
    if thing.name in NATURAL_COLOURS.get(colour.text, ()) or (natural and natural == colour.sense.value):
        thing.colour = natural if colour.sense.role == "colour" else None
        listener.heard.notes.append(f"{colour.text!r} goes without saying: so is every {thing.noun} here by nature")
    elif colour.sense.role == "strange_colour":
        listener.unknown.setdefault(colour.text, Unknown(colour.text, colour.sense.value))
        listener.heard.notes.append(f"nothing can be {colour.text} here: the {thing.noun} keeps its natural colour")
    else:
        thing.colour = colour.sense.value


def _note_unused(listener: Listener) -> None:
    """Words that carry no meaning in this world are named, not dropped in silence."""
    for role, what in (("style", "style words"), ("look", "words for sizes, moods and looks")):
        words = dict.fromkeys(match.text for match in listener.matches if match.sense.role == role)
        if words:
            listener.heard.notes.append(f"{what} are not used by this model: {', '.join(words)}")
