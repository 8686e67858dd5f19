"""The stage: who stands where, how large, and where everybody is at any moment.

Turns a Scene into actors with room for what they do: counts stand side by side without overlap, pairs shrink
together, in proportion, until their play fits the frame.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from kinema.world.camera import CAMERAS, Camera
from kinema.world.motions import MOTIONS, Actor, Pose
from kinema.world.relations import RELATIONS
from kinema.world.scene import Scene, Thing
from kinema.world.sprites import sprite
from kinema.world.vocabulary import FACED_KINDS, FACELESS

JITTERS = (-0.04, 0.0, 0.04)
"""Where a scene's home may be, chosen by the seed."""
FLOORS = {"underwater": 0.1, "ocean": 0.13, "clouds": 0.2}
"""Where things stand; 0.11 elsewhere."""
HOVER = {"air": 0.4, "swim": 0.36, "boat": 0.34}
"""Where fliers, swimmers and boats out of water rest."""
LOW_FLIGHT = 0.24
"""Where a flier hovers beside something that stands on the ground."""
GROUP_WIDTH = 0.92
MOVING_GROUP_WIDTH = {2: 0.8, 3: 0.7}
"""Width that two or three of a kind may fill together: in place, and under way, where the outermost must stay seen."""
PAIR_ROOM = {
    "chases": (0.66, 0.5),
    "passes_behind": (0.74, 0.46),
    "passes_in_front": (0.74, 0.46),
    "jumps_over": (0.62, 0.34),
    "next_to": (0.88, 0.56),
    "meets": (0.68, 0.52),
    "circles_around": (0.66, 0.38),
    "moves_away": (0.66, 0.46),
}
"""Width that both of a pair may fill together, and the height of the taller."""


@cache
def extent(name: str) -> tuple[float, float]:
    """Visible width and height of a picture over its loop, as shares of its side."""
    seen = sprite(name)[..., 3].max(0) > 0.1
    columns, rows = np.flatnonzero(seen.any(0)), np.flatnonzero(seen.any(1))
    side = seen.shape[0]
    half = max(side / 2 - columns[0], columns[-1] + 1 - side / 2)
    return float(2 * half / side), float((side - rows[0]) / side)


@dataclass(frozen=True)
class Stage:
    """The actors of a scene with the picture each of them shows."""

    scene: Scene
    actors: tuple[Actor, ...]
    pictures: tuple[Thing, ...]

    def poses(self, seconds: float) -> tuple[Pose, ...]:
        """Where each actor is at a moment."""
        if len(self.scene.things) == 2:
            first, second = self.actors
            return RELATIONS[self.scene.action](first, second, seconds)
        motion = MOTIONS[self.scene.action]
        return tuple(motion(actor, seconds) for actor in self.actors)

    def camera(self, seconds: float, poses: tuple[Pose, ...]) -> Camera:
        """Where the camera is at a moment, given where the actors are."""
        if self.scene.action == "chases":
            followed = sum(pose.x for pose in poses) / 2
        else:
            group = len(poses) if len(self.scene.things) == 1 else 1
            followed = sum(pose.x for pose in poses[:group]) / group
        home = sum(actor.x for actor in self.actors) / len(self.actors)
        return CAMERAS[self.scene.camera](seconds, followed - home)

    @property
    def focus_y(self) -> float:
        """The height that a zoom keeps in place: the middle of the first thing at rest."""
        return self.actors[0].middle


def _jitter(scene: Scene) -> float:
    return JITTERS[scene.seed // 4 % len(JITTERS)]


def stage(scene: Scene) -> Stage:
    """The actors of a scene, in their places."""
    if len(scene.things) == 2:
        return Stage(scene, _pair(scene), scene.things)
    actors = _group(scene)
    return Stage(scene, actors, scene.things * len(actors))


def _actor(scene: Scene, thing: Thing, scale: float) -> Actor:
    """A thing at home in the middle."""
    wide, tall = extent(thing.name)
    kind, size = thing.object.kind, thing.object.height * scale
    floor = FLOORS.get(scene.place, 0.11)
    rest = floor
    if kind in HOVER and not (kind == "boat" and scene.place == "ocean"):
        rest = min(HOVER[kind], 0.95 - size * tall)
    elif scene.place == "clouds":
        rest = 0.26
    side = 1 if scene.direction == "right" else -1
    sided = kind in FACED_KINDS and thing.name not in FACELESS
    return Actor(
        kind,
        side,
        scene.speed,
        size,
        size * wide,
        size * tall,
        _jitter(scene),
        rest,
        floor,
        endless=scene.camera == "follows",
        sided=sided,
    )


def _group(scene: Scene) -> tuple[Actor, ...]:
    """One, two or three of a kind side by side, without overlap and within the frame."""
    thing = scene.things[0]
    single = _actor(scene, thing, 1.0)
    if thing.count == 1:
        return (single,)
    across = max(single.wide, single.tall) if scene.action == "spins" else single.wide
    travels = scene.action in ("goes", "rolls")
    room = MOVING_GROUP_WIDTH[thing.count] if travels else GROUP_WIDTH
    gap = 0.03
    scale = min(0.9, (room - gap * (thing.count - 1)) / (across * thing.count))
    actor = _actor(scene, thing, scale)
    step = across * scale + gap
    homes = [(index - (thing.count - 1) / 2) * step for index in range(thing.count)]
    return tuple(replace(actor, x=home) for home in homes)


def _pair(scene: Scene) -> tuple[Actor, ...]:
    """Two things, both smaller by the same share where their play needs room."""
    first, second = (_actor(scene, thing, 1.0) for thing in scene.things)
    width, height = PAIR_ROOM[scene.action]
    scale = min(1.0, width / (first.wide + second.wide), height / max(first.tall, second.tall))
    first, second = (_actor(scene, thing, scale) for thing in scene.things)
    if scene.action == "jumps_over":
        first = replace(first, y=second.y)
    elif first.flies != second.flies:
        first, second = (replace(actor, y=min(actor.y, LOW_FLIGHT)) for actor in (first, second))
    return first, second
