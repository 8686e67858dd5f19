"""What a clip of the pocket world shows, as one value.

A Scene is all that a renderer needs and all that a caption says, apart from its seed, which settles the small choices
of layout that nobody names. It stands alone so that captions, splits and the reading of prompts need no pictures.
"""

import difflib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace

from kinema.errors import WorldError
from kinema.world.objects import OBJECTS, Object
from kinema.world.vocabulary import (
    CAMERAS,
    COLOURS,
    COUNTS,
    DIRECTIONS,
    FACED,
    FACED_KINDS,
    FACELESS,
    MOTIONS,
    PLACES,
    RELATIONS,
    SPEEDS,
    TIMES,
    TIMES_OF,
    WEATHERS,
    WEATHERS_OF,
)


def nearest(value: str, allowed: Iterable[str]) -> str:
    """The allowed name that is spelt most like `value`."""
    names = [str(name) for name in allowed]
    return (difflib.get_close_matches(str(value), names, n=1, cutoff=0.0) or names)[0]


def _check(what: str, value: str, allowed: Iterable[str]) -> None:
    allowed = tuple(allowed)
    if value not in allowed:
        raise WorldError(
            f"{what} {value!r} is not one of {', '.join(allowed)}; the nearest is {nearest(value, allowed)!r}"
        )


@dataclass(frozen=True)
class Thing:
    """One object, or two or three of it; `colour` None is its natural look."""

    name: str
    colour: str | None = None
    count: int = 1

    def __post_init__(self) -> None:
        if self.name not in OBJECTS:
            raise WorldError(
                f"object {self.name!r} is not in the pocket world; the nearest is {nearest(self.name, OBJECTS)!r}"
            )
        if self.count not in COUNTS:
            raise WorldError(f"count {self.count!r} is not one of 1, 2, 3; the nearest is {1 if self.count < 1 else 3}")
        if self.colour is None:
            return
        _check("colour", self.colour, COLOURS)
        if not self.object.recolourable:
            raise WorldError(
                f"{self.name} cannot be {self.colour}; it has only its natural colour, so leave colour out"
            )

    @property
    def object(self) -> Object:
        """The entry of OBJECTS that this thing is drawn from."""
        return OBJECTS[self.name]


@dataclass(frozen=True)
class Scene:
    """One or two things and what they do, where, when and how it is filmed. Raises WorldError for what cannot be."""

    things: tuple[Thing, ...]
    action: str
    direction: str = "right"
    speed: str = "normal"
    place: str = "meadow"
    time: str = "day"
    weather: str = "clear"
    camera: str = "static"
    seed: int = 0

    def __post_init__(self) -> None:
        self._check_names()
        if self.time not in TIMES_OF[self.place]:
            allowed = TIMES_OF[self.place]
            raise WorldError(
                f"time {self.time!r} does not exist in place {self.place!r}; allowed: {', '.join(allowed)}"
            )
        if self.weather not in WEATHERS_OF[self.place]:
            allowed = WEATHERS_OF[self.place]
            raise WorldError(
                f"weather {self.weather!r} does not exist in place {self.place!r}; allowed: {', '.join(allowed)}"
            )
        if len(self.things) == 2 and any(thing.count != 1 for thing in self.things):
            raise WorldError(f"relation {self.action!r} is between one thing and one other; set both counts to 1")

    def _check_names(self) -> None:
        if len(self.things) not in (1, 2):
            raise WorldError(f"a scene has one or two things, not {len(self.things)}")
        if len(self.things) == 1:
            _check("motion of one thing", self.action, MOTIONS)
        else:
            _check("relation of two things", self.action, RELATIONS)
        _check("direction", self.direction, DIRECTIONS)
        _check("speed", self.speed, SPEEDS)
        _check("place", self.place, PLACES)
        _check("time", self.time, TIMES)
        _check("weather", self.weather, WEATHERS)
        _check("camera", self.camera, CAMERAS)

    @property
    def kind(self) -> str:
        """The kind of the first thing, on which verbs depend."""
        return self.things[0].object.kind

    @property
    def can_face(self) -> bool:
        """Whether the first thing visibly faces one way while its action heads nowhere."""
        return self.action in FACED and self.kind in FACED_KINDS and self.things[0].name not in FACELESS

    @property
    def meaning(self) -> "Scene":
        """The same scene with seed 0: what its caption can say."""
        return replace(self, seed=0)

    def to_json(self) -> str:
        """One line of JSON that `from_json` reads back to an equal scene."""
        return json.dumps(asdict(self), separators=(",", ":"), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Scene":
        """The scene that `to_json` wrote; WorldError for anything else."""
        try:
            fields = json.loads(text)
        except json.JSONDecodeError as error:
            raise WorldError(f"a scene is not JSON: {error}") from None
        try:
            things = tuple(Thing(**thing) for thing in fields.pop("things"))
            return cls(things=things, **fields)
        except (TypeError, KeyError, AttributeError) as error:
            raise WorldError(f"a scene in JSON has other fields than ours: {error}") from None
