"""Scenes in words: the caption language that the embedded model is trained on.

`canonical` is the one fixed wording of a scene; `caption` draws a template and synonyms. Every caption, taken whole,
names the object, its colour if not natural, count, action, direction, speed if not normal, place, time, weather if not
clear and camera if not static. Splits that hold out language are kept here too: `caption` never uses them,
`unseen_caption` uses nothing else.
"""

import random
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache

from kinema.world import grammar, vocabulary
from kinema.world.objects import OBJECTS
from kinema.world.scene import Scene, Thing
from kinema.world.splits import held_out

Pick = Callable[[Sequence[str]], str]
OPTIONAL = ("colour", "direction", "speed", "place", "time", "weather", "camera")
TEMPLATES = ("sentence", "fronted", "video", "tags", "two_sentences", "time_first", "in_this_scene", "there_is")
TOKEN = re.compile(r"[a-z]+(?:[-']+[a-z]+)*|[.,]")
CANONICAL_SHARE = 0.25
BASE_COLOUR_SHARE = 0.25
STILL_CAMERA_SHARE = 0.15
DROP_SHARE = 0.15


@dataclass(frozen=True)
class Parts:
    """A scene in phrases; an empty string is left unsaid. `doing` is the action in its -ing form."""

    subject: str
    does: str
    doing: str
    place: str
    time: str
    weather: str
    camera: str

    @property
    def setting(self) -> tuple[str, ...]:
        """Where, when and in what weather, in that order, without what is unsaid."""
        return tuple(phrase for phrase in (self.place, self.time, self.weather) if phrase)


def tokens(text: str) -> tuple[str, ...]:
    """Words and punctuation of a caption, lower-case."""
    return tuple(TOKEN.findall(text.lower()))


def canonical(scene: Scene) -> str:
    """The one fixed caption of a scene."""
    return _sentence(_parts(scene, _first, frozenset(), scene_colour), _in_order)


def caption(scene: Scene, rng: random.Random, *, drop: bool = False) -> str:
    """One caption out of the trained templates and synonyms; `drop` leaves out each optional factor in 15 %."""
    unsaid = frozenset(factor for factor in OPTIONAL if drop and rng.random() < DROP_SHARE)
    if rng.random() < CANONICAL_SHARE:
        return _sentence(_parts(scene, _first, unsaid, scene_colour), _in_order)
    template = rng.choice([name for name in TEMPLATES if name not in held_out().templates])
    return _draw(scene, rng, unsaid, template, _seen_nouns)


def unseen_caption(scene: Scene, rng: random.Random) -> str:
    """One caption in a held-out template, with the held-out synonym of every noun that has one."""
    return _draw(scene, rng, frozenset(), rng.choice(held_out().templates), _unseen_nouns)


def paraphrases(scene: Scene, n: int, rng: random.Random) -> tuple[str, ...]:
    """Up to `n` different captions of one scene, the canonical one first."""
    found = {canonical(scene): None}
    for _ in range(20 * n):
        if len(found) >= n:
            break
        found[caption(scene, rng)] = None
    return tuple(found)[:n]


@cache
def words() -> tuple[str, ...]:
    """Every word and mark that a caption may hold, sorted."""
    said = {*tokens("a an the video of scene is are in this there facing to"), ".", ","}
    said.update(vocabulary.COLOURS, vocabulary.DIRECTIONS, (vocabulary.NUMBER_WORDS[count] for count in (2, 3)))
    tables = (
        vocabulary.PLACE_PHRASES, vocabulary.AIR_PHRASES, vocabulary.TIME_PHRASES, vocabulary.FAIR_TIME_PHRASES,
        vocabulary.WEATHER_PHRASES, vocabulary.SPEED_PHRASES, vocabulary.CAMERA_PHRASES,
    )  # fmt: skip
    for table in tables:
        said.update(token for phrases in table.values() for phrase in phrases for token in tokens(phrase))
    for phrase in (*_goes_phrases(), *_phrases(vocabulary.MOTIONS), *_phrases(vocabulary.RELATIONS)):
        for form in (grammar.third_person, grammar.progressive):
            said.update(tokens(grammar.bend(phrase, form).replace("{side}", "")))
    for phrase in (*_goes_phrases(), *_phrases(vocabulary.COUNTED - {"goes"})):
        said.update(tokens(grammar.bend(phrase, grammar.plural_verb)))
    for thing in OBJECTS.values():
        said.update(token for noun in thing.nouns for token in tokens(noun))
        if vocabulary.fits(thing.height, 2):
            said.update(tokens(thing.plural))
    return tuple(sorted(said))


def _phrases(actions: Iterable[str]) -> list[str]:
    table = vocabulary.MOTION_PHRASES | vocabulary.RELATION_PHRASES
    return [phrase for action in actions for phrase in table.get(action, ())]


def _goes_phrases() -> list[str]:
    tables = (vocabulary.GOES_VERBS, vocabulary.OWN_VERBS, vocabulary.FAST_VERBS)
    return sorted({f"<{verb}>" for table in tables for row in table.values() for verb in row})


# Choosing words


def _first(options: Sequence[str]) -> str:
    return options[0] if options else ""


def _in_order(phrases: Sequence[str]) -> list[str]:
    return list(phrases)


def scene_colour(thing: Thing) -> str:
    """The colour word a canonical caption says of a thing: none where it looks natural."""
    return thing.colour or ""


def _seen_nouns(name: str) -> tuple[str, ...]:
    return tuple(noun for noun in OBJECTS[name].nouns if noun != held_out().nouns.get(name))


def _unseen_nouns(name: str) -> tuple[str, ...]:
    unseen = held_out().nouns.get(name)
    return (unseen,) if unseen else OBJECTS[name].nouns


def _draw(
    scene: Scene, rng: random.Random, unsaid: frozenset[str], template: str, nouns: Callable[[str], Sequence[str]]
) -> str:
    def pick(options: Sequence[str]) -> str:
        return rng.choice(options) if options else ""

    def colour(thing: Thing) -> str:
        natural = thing.object.base_colour
        if thing.colour is None and natural in vocabulary.COLOURS and rng.random() < BASE_COLOUR_SHARE:
            return natural or ""
        return thing.colour or ""

    def shuffled(phrases: Sequence[str]) -> list[str]:
        return rng.sample(list(phrases), len(phrases))

    parts = _parts(scene, pick, unsaid, colour, nouns)
    if scene.camera == "static" and "camera" not in unsaid and rng.random() < STILL_CAMERA_SHARE:
        parts = replace(parts, camera=pick(vocabulary.CAMERA_PHRASES["static"]))
    return _WRITERS[template](parts, shuffled)


# Parts of a sentence


def _parts(
    scene: Scene,
    pick: Pick,
    unsaid: frozenset[str],
    colour: Callable[[Thing], str],
    nouns: Callable[[str], Sequence[str]] = lambda name: OBJECTS[name].nouns[:1],
) -> Parts:
    colours = ["" if "colour" in unsaid else colour(thing) for thing in scene.things]
    names = [
        noun_phrase(thing, pick(nouns(thing.name)), said) for thing, said in zip(scene.things, colours, strict=True)
    ]
    if scene.can_face and scene.direction == "left" and "direction" not in unsaid:
        names[0] += " facing left"
    speed = "" if "speed" in unsaid else scene.speed
    phrase = _action_phrase(scene, pick, speed, heading="direction" not in unsaid, other=names[-1])
    finite = grammar.plural_verb if scene.things[0].count > 1 else grammar.third_person
    return Parts(
        subject=names[0],
        does=grammar.bend(phrase, finite),
        doing=grammar.bend(phrase, grammar.progressive).removeprefix("being "),
        place="" if "place" in unsaid else pick(place_phrases(scene)),
        time="" if "time" in unsaid else pick(time_phrases(scene)),
        weather="" if "weather" in unsaid else pick(vocabulary.WEATHER_PHRASES[scene.weather]),
        camera="" if "camera" in unsaid or scene.camera == "static" else pick(vocabulary.CAMERA_PHRASES[scene.camera]),
    )


def noun_phrase(thing: Thing, noun: str, colour: str) -> str:
    """`a red puppy`, `an elephant`, `two blue fish`: two or three are always called by their first noun."""
    if thing.count == 1:
        words = f"{colour} {noun}".strip()
        return f"{grammar.article(words)} {words}"
    return " ".join(filter(None, (vocabulary.NUMBER_WORDS[thing.count], colour, thing.object.plural)))


def place_phrases(scene: Scene) -> tuple[str, ...]:
    """All phrases for where a scene is: things that fly are over the sea, ships on it."""
    if scene.kind == "air" and scene.place in vocabulary.AIR_PHRASES:
        return vocabulary.AIR_PHRASES[scene.place]
    return vocabulary.PLACE_PHRASES[scene.place]


def time_phrases(scene: Scene) -> tuple[str, ...]:
    """All phrases for when a scene is; none where only one time exists."""
    if len(vocabulary.TIMES_OF[scene.place]) == 1:
        return ()
    phrases = vocabulary.TIME_PHRASES[scene.time]
    if scene.weather == "clear" and scene.place != "room":
        phrases += vocabulary.FAIR_TIME_PHRASES.get(scene.time, ())
    return phrases


def _action_phrase(scene: Scene, pick: Pick, speed: str, *, heading: bool, other: str) -> str:
    """The action with its verb still in brackets: `<walk> slowly to the left`, `<chase> a cat to the left`."""
    adverbs = vocabulary.SPEED_PHRASES[speed] if speed else ()
    options = _action_options(scene)
    if speed == "fast" and scene.action == "goes":
        options += tuple(f"<{verb}>! to the {{side}}" for verb in vocabulary.FAST_VERBS.get(scene.kind, ()))
    phrase = pick(options)
    if "!" in phrase:
        phrase, adverbs = phrase.replace("!", ""), ()
    if len(scene.things) == 2:
        phrase += f" {other}" + (" to the {side}" if scene.action in vocabulary.HEADED else "")
    before, side, _ = phrase.partition(" to the {side}")
    if adverbs:
        before += f" {pick(adverbs)}"
    return before + (side.replace("{side}", scene.direction) if heading else "")


def _action_options(scene: Scene) -> tuple[str, ...]:
    if len(scene.things) == 2:
        return vocabulary.RELATION_PHRASES[scene.action]
    if scene.action == "goes":
        return tuple(f"<{verb}> to the {{side}}" for verb in vocabulary.goes_verbs(scene.things[0].name, scene.kind))
    return vocabulary.MOTION_PHRASES[scene.action]


# Templates

Order = Callable[[Sequence[str]], list[str]]


def _finish(text: str, camera: str = "") -> str:
    text = f"{text}, {camera}" if camera else text
    return f"{text[0].upper()}{text[1:]}."


def _sentence(parts: Parts, order: Order) -> str:
    return _finish(" ".join((parts.subject, parts.does, *order(parts.setting))), parts.camera)


def _fronted(parts: Parts, order: Order) -> str:
    setting = " ".join(order(parts.setting))
    action = f"{parts.subject} {parts.does}"
    return _finish(f"{setting}, {action}" if setting else action, parts.camera)


def _time_first(parts: Parts, order: Order) -> str:
    rest = [phrase for phrase in (parts.place, parts.weather) if phrase]
    action = " ".join((parts.subject, parts.does, *order(rest)))
    return _finish(f"{parts.time}, {action}" if parts.time else action, parts.camera)


def _video(parts: Parts, order: Order) -> str:
    return _finish(" ".join(("a video of", parts.subject, parts.doing, *order(parts.setting))), parts.camera)


def _tags(parts: Parts, order: Order) -> str:
    said = (f"{parts.subject} {parts.doing}", *order(parts.setting), parts.camera)
    return ", ".join(filter(None, said))


def _two_sentences(parts: Parts, order: Order) -> str:
    setting = " ".join(order(parts.setting))
    action = _finish(f"{parts.subject} {parts.does}", "" if setting else parts.camera)
    return f"{action} {_finish(f'the scene is {setting}', parts.camera)}" if setting else action


def _in_this_scene(parts: Parts, order: Order) -> str:
    return _finish(" ".join(("in this scene,", parts.subject, parts.does, *order(parts.setting))), parts.camera)


def _there_is(parts: Parts, order: Order) -> str:
    there = "there is" if parts.subject.split()[0] in ("a", "an") else "there are"
    return _finish(" ".join((there, parts.subject, parts.doing, *order(parts.setting))), parts.camera)


_WRITERS: dict[str, Callable[[Parts, Order], str]] = {
    "sentence": _sentence,
    "fronted": _fronted,
    "video": _video,
    "tags": _tags,
    "two_sentences": _two_sentences,
    "time_first": _time_first,
    "in_this_scene": _in_this_scene,
    "there_is": _there_is,
}
