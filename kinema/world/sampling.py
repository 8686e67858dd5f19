"""Scenes by chance: what training sees, and what each held-out split is judged on.

Only sensible combinations are drawn (a fish swims under water, a car does not), objects and places about evenly, so
that every word of the caption language stays common. The generator is passed in; nothing here draws from a global one.
"""

import random
from dataclasses import dataclass, replace

from kinema.errors import WorldError
from kinema.world import splits, vocabulary
from kinema.world.objects import OBJECTS
from kinema.world.scene import Scene, Thing

ONE_THING_SHARE = 0.78
COLOURED_SHARE = 0.55
SEVERAL_SHARE = 0.25
STATIC_SHARE = 0.64
FOLLOW_SHARE = 0.2
"""How often the camera follows what can be followed."""
WEATHER_SHARE = 0.16
FACING_LEFT_SHARE = 0.3
PLACE_WEIGHTS = {"ocean": 2.2, "clouds": 2.2, "beach": 1.5, "forest": 1.2, "room": 1.3, "moon": 0.9}
"""Places where few kinds live are drawn more often; all others weigh 1."""
MOTION_WEIGHTS = {"goes": 4.0, "rolls": 3.0, "sways": 3.0, "zigzags": 2.0, "bounces": 1.5}
"""What a thing does by nature, and what few kinds do, is drawn more often; all else weighs 1."""
SPEED_WEIGHTS = {"slow": 0.2, "normal": 0.6, "fast": 0.2}
MOBILE = ("land", "car", "air", "swim", "boat", "face")
"""Kinds that can be chased or met."""
LOW = 0.5
"""Things up to this height, in frame heights, can be jumped over."""
ATTEMPTS = 10_000


@dataclass(frozen=True)
class Wish:
    """What a drawn scene has to have; None leaves it to chance."""

    name: str | None = None
    colour: str | None = None
    count: int | None = None
    action: str | None = None
    place: str | None = None
    time: str | None = None
    weather: str | None = None
    camera: str | None = None
    other: str | None = None


def sample(rng: random.Random, *, split: str = "train") -> Scene:
    """One sensible scene; with `train`, none of a held-out composition; with `any`, held-out ones too."""
    if split not in ("train", "any"):
        raise WorldError(f"split {split!r} is neither 'train' nor 'any'; held-out splits are drawn by sample_split")
    for _ in range(ATTEMPTS):
        wish = Wish() if rng.random() < ONE_THING_SHARE else Wish(action=rng.choice(vocabulary.RELATIONS))
        scene = _draw(rng, wish)
        if scene is not None and (split == "any" or splits.split_of(scene) == "train"):
            return scene
    raise AssertionError("no sensible scene in training")


def sample_split(rng: random.Random, name: str, *, seen: bool = False) -> Scene:
    """One scene that the held-out split `name` alone holds out; with `seen`, one made the same way in training."""
    splits.check_name(name)
    target = () if seen else (name,)
    for _ in range(ATTEMPTS):
        scene = _draw(rng, _wish(rng, name, seen))
        if scene is not None and splits.splits_of(scene) == target:
            return scene
    raise AssertionError(f"no scene in split {name}")


def sensible(scene: Scene) -> bool:
    """Whether training could contain this combination of kinds, place, action, speed, count and camera."""
    kinds = [thing.object.kind for thing in scene.things]
    if any(kind not in vocabulary.KINDS_OF[scene.place] for kind in kinds):
        return False
    if scene.camera == "follows" and scene.action not in vocabulary.FOLLOWED:
        return False
    if scene.speed != "normal" and scene.action not in vocabulary.TIMED:
        return False
    if len(scene.things) == 2:
        return _relation_fits(scene.action, scene.things[0].name, scene.things[1].name)
    first = scene.things[0]
    several = scene.action in vocabulary.COUNTED and vocabulary.fits(first.object.height, first.count)
    return scene.action in vocabulary.MOTIONS_OF[kinds[0]] and (first.count == 1 or several)


def _relation_fits(relation: str, first: str, second: str) -> bool:
    one, other = OBJECTS[first], OBJECTS[second]
    if first == second or relation not in vocabulary.RELATIONS_OF[one.kind]:
        return False
    if relation in ("chases", "meets"):
        return other.kind in MOBILE
    return relation != "jumps_over" or (other.kind != "air" and other.height <= LOW)


def _wish(rng: random.Random, split: str, seen: bool) -> Wish:
    """What makes a scene belong to the split; with `seen`, the same object, sky, count or camera otherwise combined."""
    held = splits.held_out()
    if split == "roles":
        return Wish(action=rng.choice(splits.ONE_WAY))
    parts = rng.choice(sorted(getattr(held, split)))
    if split == "object_colour":
        colours = [colour for colour in vocabulary.COLOURS if colour != OBJECTS[parts[0]].base_colour]
        return Wish(name=parts[0], colour=rng.choice(colours) if seen else parts[1])
    if split == "object_motion":
        return Wish(
            name=parts[0], action=rng.choice(vocabulary.MOTIONS_OF[OBJECTS[parts[0]].kind]) if seen else parts[1]
        )
    if split == "object_place":
        return Wish(name=parts[0], place=None if seen else parts[1])
    if split == "place_time_weather":
        return Wish(place=None if seen else parts[0], time=parts[1], weather=parts[2])
    if split == "count_object":
        return Wish(count=rng.choice((2, 3)) if seen else int(parts[0]), name=parts[1])
    return Wish(camera=parts[0], action=None if seen else parts[1])


def _draw(rng: random.Random, wish: Wish) -> Scene | None:
    """A scene as wished, or None where chance led to what is not sensible."""
    first = wish.name or _object_for(rng, wish)
    place = wish.place or _place(rng, OBJECTS[first].kind)
    if place is None or OBJECTS[first].kind not in vocabulary.KINDS_OF[place]:
        return None
    relation = wish.action in vocabulary.RELATIONS
    action = wish.action or _motion(rng, OBJECTS[first].kind)
    things: tuple[Thing, ...] = (_thing(rng, first, wish),)
    if relation:
        things += (_thing(rng, rng.choice(_living_in(place)), Wish()),)
    elif wish.count or (action in vocabulary.COUNTED and rng.random() < SEVERAL_SHARE):
        things = (replace(things[0], count=wish.count or rng.choice((2, 3))),)
    time, weather = wish.time or rng.choice(vocabulary.TIMES_OF[place]), wish.weather or _weather(rng, place)
    if time not in vocabulary.TIMES_OF[place] or weather not in vocabulary.WEATHERS_OF[place]:
        return None
    speed = (
        rng.choices(list(SPEED_WEIGHTS), list(SPEED_WEIGHTS.values()))[0] if action in vocabulary.TIMED else "normal"
    )
    scene = Scene(
        things=things,
        action=action,
        speed=speed,
        place=place,
        time=time,
        weather=weather,
        camera=wish.camera or _camera(rng, action),
        seed=rng.randrange(1 << 30),
    )
    return replace(scene, direction=_direction(rng, scene)) if sensible(scene) else None


def _object_for(rng: random.Random, wish: Wish) -> str:
    """Any object, evenly, among those that can do and be where the wish says."""
    if wish.place is None and wish.action is None:
        return rng.choice(list(OBJECTS))
    table = vocabulary.RELATIONS_OF if wish.action in vocabulary.RELATIONS else vocabulary.MOTIONS_OF
    return rng.choice(
        [
            name
            for name, thing in OBJECTS.items()
            if (wish.place is None or thing.kind in vocabulary.KINDS_OF[wish.place])
            and (wish.action is None or wish.action in table[thing.kind])
        ]
    )


def _living_in(place: str) -> list[str]:
    return [name for name, thing in OBJECTS.items() if thing.kind in vocabulary.KINDS_OF[place]]


def _place(rng: random.Random, kind: str) -> str:
    places = [place for place in vocabulary.PLACES if kind in vocabulary.KINDS_OF[place]]
    return rng.choices(places, [PLACE_WEIGHTS.get(place, 1.0) for place in places])[0]


def _motion(rng: random.Random, kind: str) -> str:
    motions = vocabulary.MOTIONS_OF[kind]
    return rng.choices(motions, [MOTION_WEIGHTS.get(motion, 1.0) for motion in motions])[0]


def _thing(rng: random.Random, name: str, wish: Wish) -> Thing:
    thing = OBJECTS[name]
    if wish.colour or not thing.recolourable or rng.random() >= COLOURED_SHARE:
        return Thing(name, wish.colour)
    return Thing(name, rng.choice([colour for colour in vocabulary.COLOURS if colour != thing.base_colour]))


def _weather(rng: random.Random, place: str) -> str:
    rough = [weather for weather in vocabulary.WEATHERS_OF[place] if weather != "clear"]
    return rng.choice(rough) if rough and rng.random() < WEATHER_SHARE else "clear"


def _camera(rng: random.Random, action: str) -> str:
    if action in vocabulary.FOLLOWED and rng.random() < FOLLOW_SHARE:
        return "follows"
    if rng.random() < STATIC_SHARE:
        return "static"
    return rng.choice([camera for camera in vocabulary.CAMERAS if camera not in ("static", "follows")])


def _direction(rng: random.Random, scene: Scene) -> str:
    if scene.action in vocabulary.HEADED:
        return rng.choice(vocabulary.DIRECTIONS)
    return "left" if scene.can_face and rng.random() < FACING_LEFT_SHARE else "right"
