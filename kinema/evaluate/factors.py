"""What can be read back from a clip: the factors, their classes, and which of them a scene lets anybody tell.

`facts` is everything that a true render shows and is what readers are trained on; `asked` is the part of it that a
caption says and that has an alternative, which is what films are scored on: not which way a heart faces, nor the time
of day under water. It stands alone so that scoring needs neither networks nor pictures.
"""

from collections.abc import Mapping
from typing import Final

from kinema.world import vocabulary
from kinema.world.objects import OBJECTS
from kinema.world.scene import Scene, Thing
from kinema.world.splits import ONE_WAY

OWN: Final = "own"
"""The colour class of things that nobody recoloured."""

CLASSES: Final[dict[str, tuple[str, ...]]] = {
    "object": tuple(OBJECTS),
    "colour": (OWN, *vocabulary.COLOURS),
    "count": tuple(str(count) for count in vocabulary.COUNTS),
    "second": tuple(OBJECTS),
    "second_colour": (OWN, *vocabulary.COLOURS),
    "place": vocabulary.PLACES,
    "time": vocabulary.TIMES,
    "weather": vocabulary.WEATHERS,
    "action": (*vocabulary.MOTIONS, *vocabulary.RELATIONS),
    "direction": vocabulary.DIRECTIONS,
    "camera": vocabulary.CAMERAS,
}
FACTORS: Final = tuple(CLASSES)

TWINS: Final = (("object", "second"), ("colour", "second_colour"))
"""Factors that change places when a relation reads the same from both sides."""

MIRRORED: Final = {"direction": ("left", "right"), "camera": ("pans_left", "pans_right")}
"""What a mirror exchanges."""

HOVERING_KINDS: Final = ("air", "swim")
HOVERING_PLACES: Final = ("clouds", "underwater")

Facts = Mapping[str, str]


def facts(scene: Scene) -> dict[str, str]:
    """Factor -> class for all that a true render of the scene shows."""
    first = scene.things[0]
    shown = {
        "object": first.name,
        "colour": _colour(first),
        "place": scene.place,
        "time": scene.time,
        "weather": scene.weather,
        "action": told_action(scene, scene.action),
        "camera": scene.camera,
    }
    if len(scene.things) == 2:
        shown |= {"second": scene.things[1].name, "second_colour": _colour(scene.things[1])}
    else:
        shown["count"] = str(first.count)
    if scene.action in vocabulary.HEADED or scene.can_face:
        shown["direction"] = scene.direction
    return shown


def told_action(scene: Scene, action: str) -> str:
    """The action as pixels can tell it: what hovers comes closer only by growing."""
    hovers = scene.kind in HOVERING_KINDS or scene.place in HOVERING_PLACES
    return "grows" if hovers and action == "comes_closer" else action


def asked(scene: Scene) -> dict[str, str]:
    """Factor -> class for what the scene's caption says and a film could have got wrong."""
    shown = facts(scene)
    if len(vocabulary.TIMES_OF[scene.place]) == 1:
        del shown["time"]
    if len(vocabulary.WEATHERS_OF[scene.place]) == 1:
        del shown["weather"]
    return {factor: said for factor, said in shown.items() if not (factor.endswith("colour") and said == OWN)}


def swappable(scene: Scene) -> bool:
    """Whether the two things of the scene may change places without anybody seeing a difference in meaning."""
    return len(scene.things) == 2 and scene.action not in ONE_WAY


def _colour(thing: Thing) -> str:
    return OWN if thing.colour in (None, thing.object.base_colour) else str(thing.colour)
