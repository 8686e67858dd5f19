"""From what was heard in a prompt to a scene that can be.

What was not said gets a sensible default that depends on the object; what cannot be is mended to the nearest thing that
can, and every mending is noted. It stands apart from the listening so that each rule of the world is read in one place.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from kinema.world import grammar, vocabulary
from kinema.world.captions import place_phrases
from kinema.world.lexicon import Sense
from kinema.world.objects import OBJECTS
from kinema.world.sampling import sensible
from kinema.world.scene import Scene, Thing

KIND_PLACES = {
    "land": "meadow",
    "car": "city",
    "air": "clouds",
    "swim": "underwater",
    "boat": "ocean",
    "ball": "meadow",
    "food": "room",
    "plant": "meadow",
    "face": "meadow",
}
"""Where a thing is when nobody says."""
OWN_PLACES = {
    "meadow": ("bee", "butterfly", "tractor"),
    "beach": ("crab",),
    "desert": ("camel",),
    "snow": ("snowman", "penguin"),
    "forest": ("deer", "squirrel", "hedgehog", "tiger", "mushroom", "parrot", "ghost"),
    "city": ("robot", "helicopter"),
    "moon": ("rocket", "ufo"),
    "mountains": ("train",),
    "room": ("teddy bear", "chair"),
}
"""Objects that are elsewhere than others of their kind, by place."""
PLACE_OBJECTS = {
    "meadow": "dog",
    "beach": "crab",
    "desert": "camel",
    "snow": "penguin",
    "forest": "deer",
    "city": "car",
    "ocean": "sailboat",
    "underwater": "fish",
    "moon": "rocket",
    "clouds": "airplane",
    "mountains": "horse",
    "room": "cat",
}
"""What a place shows when nobody says."""
KIND_ACTIONS = {"ball": "rolls", "food": "rolls", "plant": "sways"}
"""What a thing does when nobody says; all others go."""
ALONE = {
    "chases": "goes", "passes_behind": "goes", "passes_in_front": "goes", "jumps_over": "jumps", "next_to": "stays",
    "meets": "goes", "circles_around": "circles", "moves_away": "goes",
}  # fmt: skip
"""What is left of a relation when there is no second thing."""
WATERY = ("ocean", "underwater", "beach")
OTHER_TIMES = {("room", "sunset"): "night"}
MOVING_VERBS = {
    "fly": ("fly", "flies", "flying", "flew"),
    "swim": ("swim", "swims", "swimming", "swam"),
    "sail": ("sail", "sails", "sailing", "sailed"),
    "drive": ("drive", "drives", "driving", "drove"),
    "walk": ("walk", "walks", "walking", "walked"),
}
"""Verbs that say how a thing goes, which not every thing can."""
ALSO_MOVES = {("face", "walk")}


@dataclass
class HeardThing:
    """A thing as the prompt names it, not yet checked; `word` is its name there if it is not one of ours.

    `anew` marks one that is introduced (`a dog`, `two dogs`), not one that is known already (`the dog`).
    """

    name: str
    count: int = 1
    colour: str | None = None
    word: str | None = None
    anew: bool = False

    @property
    def noun(self) -> str:
        """The canonical noun."""
        return OBJECTS[self.name].nouns[0]

    @property
    def kind(self) -> str:
        """How it may move."""
        return OBJECTS[self.name].kind


@dataclass
class Heard:
    """What a prompt says.

    `said` holds a sense, and `words` the phrase, for each role that was heard: action, speed, direction, place, water,
    snowy, time, weather, camera. `weak` is a relation that only a preposition says; `passive` one done to the first.
    """

    things: list[HeardThing] = field(default_factory=list)
    said: dict[str, Sense] = field(default_factory=dict)
    words: dict[str, tuple[str, ...]] = field(default_factory=dict)
    weak: str | None = None
    passive: str | None = None
    notes: list[str] = field(default_factory=list)

    def value(self, role: str) -> str | None:
        """What was said of this role, or None."""
        return self.said[role].value if role in self.said else None


def settle(heard: Heard) -> Scene:
    """The scene nearest to what was heard; adds to its notes whatever had to be mended."""
    if not heard.things:
        _show_something(heard)
    action = _action(heard)
    things = tuple(Thing(thing.name, _colour(heard, thing), thing.count) for thing in heard.things)
    place = _place(heard)
    scene = Scene(
        things=things,
        action=action,
        direction=heard.value("direction") or "right",
        speed=_speed(heard, action),
        place=place,
        time=_time(heard, place),
        weather=_weather(heard, place),
        camera=_camera(heard, action),
    )
    scene = _faced(heard, scene)
    _note_what_is_rare(heard, scene)
    return scene


def _show_something(heard: Heard) -> None:
    name = PLACE_OBJECTS[_place(heard)]
    heard.things.append(HeardThing(name))
    heard.notes.append(f"no object of this world was named: showing {_one(name)}")


def _colour(heard: Heard, thing: HeardThing) -> str | None:
    known = OBJECTS[thing.name]
    if thing.colour is None or thing.colour == known.base_colour:
        return None
    if not known.recolourable:
        heard.notes.append(f"{_one(thing.name)} has only its natural colour: {thing.colour!r} left out")
        return None
    return thing.colour


# What happens


def _action(heard: Heard) -> str:
    action = heard.value("action")
    if len(heard.things) == 2:
        relation = _relation(heard, action)
        _one_of_each(heard)
        return relation
    if action in ALONE:
        heard.notes.append(f"{' '.join(heard.words['action'])!r} needs a second thing, and none was understood")
        action = ALONE[action]
    return _motion(heard, action)


def _one_of_each(heard: Heard) -> None:
    for thing in heard.things:
        if thing.count > 1:
            plural = OBJECTS[thing.name].plural
            heard.notes.append(f"beside another thing there is one of each: {thing.count} {plural} read as one")
            thing.count = 1


def _motion(heard: Heard, action: str | None) -> str:
    thing = heard.things[0]
    kind = OBJECTS[thing.name].kind
    if action is None or (action == "goes" and kind in ("ball", "food")):
        return KIND_ACTIONS.get(kind, "goes")
    if action == "goes":
        verb = next((base for base, forms in MOVING_VERBS.items() if heard.words["action"][0] in forms), None)
        own = vocabulary.goes_verbs(thing.name, kind)
        if verb and verb not in own and (kind, verb) not in ALSO_MOVES:
            heard.notes.append(f"{_one(thing.name)} does not {verb} in this world: it {grammar.third_person(own[0])}")
    return action


def _one(name: str) -> str:
    noun = OBJECTS[name].nouns[0]
    return f"{grammar.article(noun)} {noun}"


def _relation(heard: Heard, action: str | None) -> str:
    """What the first thing does to the second; two things that merely act are shown next to each other."""
    if heard.passive:
        heard.things.reverse()
        return heard.passive
    if action in vocabulary.RELATIONS:
        return action
    if heard.weak == "next_to" and action in (None, "stays"):
        return heard.weak
    if heard.weak and heard.weak != "next_to" and action in (None, "goes", "stays"):
        if action:
            said, meant = " ".join(heard.words["action"]), heard.weak.replace("_", " ")
            heard.notes.append(f"{said!r} beside another thing is read as {meant!r}")
        return heard.weak
    if (action, heard.weak) == ("jumps", "jumps_over"):
        return "jumps_over"
    if action == "circles" and heard.weak == "circles_around":
        return heard.weak
    what = f"{' '.join(heard.words['action'])!r} left out, " if action not in (None, "stays") else ""
    heard.notes.append(f"two different things can only be related: {what}shown next to each other")
    return "next_to"


def _speed(heard: Heard, action: str) -> str:
    if "speed" not in heard.said:
        return "normal"
    sense = heard.said["speed"]
    speed = sense.speed or sense.value
    if action in vocabulary.TIMED:
        return speed
    heard.notes.append(f"this action has one speed: {' '.join(heard.words['speed'])!r} left out")
    return "normal"


def _camera(heard: Heard, action: str) -> str:
    camera = heard.value("camera") or "static"
    if camera == "follows" and action not in vocabulary.FOLLOWED:
        heard.notes.append("the camera can only follow what goes somewhere: it stays still")
        return "static"
    return camera


def _faced(heard: Heard, scene: Scene) -> Scene:
    """Facing right where the direction would not show."""
    if scene.action in vocabulary.HEADED or scene.can_face or scene.direction == "right":
        return scene
    heard.notes.append(f"left and right do not show here: {' '.join(heard.words['direction'])!r} left out")
    return replace(scene, direction="right")


# Where and when


def _place(heard: Heard) -> str:
    kinds = [OBJECTS[thing.name].kind for thing in heard.things]
    if place := heard.value("place"):
        if "water" in heard.said and place not in WATERY:
            heard.notes.append(f"a scene has one place: {' '.join(heard.words['water'])!r} left out")
        return place
    if "water" in heard.said:
        place = "underwater" if "swim" in kinds else "ocean" if not kinds or set(kinds) & {"boat", "air"} else "beach"
        if heard.said["water"].near or place == "beach":
            heard.notes.append(f"{' '.join(heard.words['water'])!r} is read as {place!r}")
        return place
    if "snowy" in heard.said:
        return "snow"
    return _usual_place(heard, kinds)


def _usual_place(heard: Heard, kinds: Sequence[str]) -> str:
    """The usual place of the first thing where the second, the weather and the time fit; else the first that fits.

    Where none does, the home of the one that is at home in the fewest places.
    """
    weather, time = heard.value("weather") or "clear", heard.value("time")
    usual = [_home(thing.name) for thing in heard.things]
    ranked = dict.fromkeys((*usual, "meadow", "city", *vocabulary.PLACES))
    for place in ranked:
        fits = all(kind in vocabulary.KINDS_OF[place] for kind in kinds)
        if fits and weather in vocabulary.WEATHERS_OF[place] and (time is None or time in vocabulary.TIMES_OF[place]):
            return place
    wanted = zip(usual, kinds, strict=True)
    homes = {home: sum(kind in allowed for allowed in vocabulary.KINDS_OF.values()) for home, kind in wanted}
    return min(homes, key=lambda home: homes[home])


def _home(name: str) -> str:
    """Where this object usually is."""
    return next((place for place, names in OWN_PLACES.items() if name in names), KIND_PLACES[OBJECTS[name].kind])


def _time(heard: Heard, place: str) -> str:
    allowed = vocabulary.TIMES_OF[place]
    time = heard.value("time")
    if time in allowed:
        return time
    if time is None:
        return allowed[0]
    mended = OTHER_TIMES.get((place, time), allowed[0])
    said = " ".join(heard.words["time"])
    there = vocabulary.PLACE_PHRASES[place][0]
    if len(allowed) == 1:
        heard.notes.append(f"{there} it is always {allowed[0]}: {said!r} left out")
    else:
        heard.notes.append(f"{there} it is {' or '.join(allowed)}, so {said!r} is read as {mended!r}")
    return mended


def _weather(heard: Heard, place: str) -> str:
    allowed = vocabulary.WEATHERS_OF[place]
    weather = heard.value("weather")
    if weather is None and "snowy" in heard.said and place != "snow":
        weather = "snow"
    if weather is None or weather in allowed:
        return weather or "clear"
    mended = "snow" if "snow" in allowed else "clear"
    heard.notes.append(f"there is no {weather} {vocabulary.PLACE_PHRASES[place][0]} in this world: it is {mended}")
    return mended


def _note_what_is_rare(heard: Heard, scene: Scene) -> None:
    """Says what training never shows, which the film then may not show either."""
    if sensible(scene):
        return
    first = scene.things[0]
    strange = [
        f"{_one(thing.name)} {place_phrases(scene)[0]}"
        for thing in scene.things
        if thing.object.kind not in vocabulary.KINDS_OF[scene.place]
    ]
    actions = vocabulary.MOTIONS_OF if len(scene.things) == 1 else vocabulary.RELATIONS_OF
    if scene.action not in actions[scene.kind]:
        strange.append(f"{_one(first.name)} that {_deed(scene)}")
    elif not strange and first.count > 1:
        strange.append(f"{vocabulary.NUMBER_WORDS[first.count]} {first.object.plural} side by side")
    elif not strange:
        strange.append(f"{_one(first.name)} that {_deed(scene)} {_one(scene.things[-1].name)}")
    heard.notes.append(f"training does not show {' nor '.join(strange)}: the film may not either")


def _deed(scene: Scene) -> str:
    """What the first thing does, as `jumps up and down` or `chases`."""
    if scene.action == "goes":
        return grammar.third_person(vocabulary.goes_verbs(scene.things[0].name, scene.kind)[0])
    phrase = (vocabulary.MOTION_PHRASES | vocabulary.RELATION_PHRASES)[scene.action][0]
    return grammar.bend(phrase.replace(" to the {side}", ""), grammar.third_person)
