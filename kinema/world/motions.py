"""What one thing can do, and what one can do with another, as functions of absolute seconds.

A motion tells where an actor is at any moment from 0 on, so a longer film goes on with the same world: movers turn
round at the end of their beat and come back, spins go on, what has fallen rests. Calm speeds on purpose: 0.15 frame
heights a second is a normal walk. World coordinates: x = 0 mid-frame, y = 0 the frame's lower edge, unit frame height.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

PACE = {"slow": 0.08, "normal": 0.15, "fast": 0.26}
"""Frame heights per second of whatever heads somewhere."""
RATE = {"slow": 0.5, "normal": 1.0, "fast": 2.0}
"""Rounds of spins and circles per four seconds."""
BEAT = {"slow": 0.6, "normal": 1.0, "fast": 1.5}
"""Factor on hops, bounces and swings."""
ROUND_SECONDS = 4.0
TURN_SECONDS = 0.5
"""How long a mover takes to turn round."""
BEAT_HALF_WIDTH = 0.32
"""Movers turn round this far from home, unless their speed needs more room."""


@dataclass(frozen=True)
class Actor:
    """One thing on the stage, at rest."""

    kind: str
    side: int
    """-1 faces or heads left, +1 right."""
    speed: str
    size: float
    """Side of its square picture."""
    wide: float
    """Visible width."""
    tall: float
    """Visible height."""
    x: float
    y: float
    """Where its foot is at rest; fliers rest in the air."""
    floor: float
    """Where it comes to lie when it falls, and where its shadow falls."""
    endless: bool = False
    """True when the camera follows: it never turns round."""
    sided: bool = True
    """False for what looks the same from both sides: it is never mirrored on the way."""

    @property
    def flies(self) -> bool:
        """True when it rests above the floor."""
        return self.y > self.floor + 0.05

    @property
    def middle(self) -> float:
        """Height of its visible middle at rest."""
        return self.y + self.tall / 2

    def headroom(self, most: float) -> float:
        """How high it may hop without leaving the frame, at most `most`."""
        return min(most, max(0.08, 0.98 - self.y - self.tall))


@dataclass(frozen=True)
class Pose:
    """Where an actor is at one moment, and how it is drawn."""

    x: float
    y: float
    """Its foot."""
    floor: float
    facing: float
    """-1 left to +1 right; in between while it turns round."""
    turn: float = 0.0
    """Radians counter-clockwise."""
    wide: float = 1.0
    tall: float = 1.0
    """Stretch of its picture."""
    alpha: float = 1.0
    centred: bool = False
    """True when it turns about its middle instead of its foot."""
    depth: float = 0.0
    """Larger is nearer to the eye."""


Motion = Callable[[Actor, float], Pose]
Relation = Callable[[Actor, Actor, float], tuple[Pose, Pose]]


def smooth(share: float) -> float:
    """0 before 0, 1 after 1, gently in between."""
    share = min(1.0, max(0.0, share))
    return share * share * (3 - 2 * share)


def glide(seconds: float, duration: float) -> float:
    """From 0 to 1 at a steady pace that starts and stops softly, then 1 for ever."""
    soft = 0.4
    end = duration + soft
    if seconds <= 0 or seconds >= end:
        return float(seconds > 0)
    if seconds < soft:
        return seconds * seconds / (2 * soft * duration)
    if seconds > duration:
        return 1 - (end - seconds) ** 2 / (2 * soft * duration)
    return (seconds - soft / 2) / duration


def patrol(seconds: float, pace: float, endless: bool) -> tuple[float, float]:
    """Offset from home and heading (+1 onwards, -1 back) of a mover that is at home after half a round.

    It starts behind home, crosses it after two seconds, and turns round at the end of its beat for ever,
    unless it is endless.
    """
    behind = pace * ROUND_SECONDS / 2
    if endless:
        return pace * seconds - behind, 1.0
    limit = max(BEAT_HALF_WIDTH, behind + 0.02)
    first_leg = (limit + behind) / pace
    if seconds < first_leg:
        return pace * seconds - behind, 1.0
    leg = 2 * limit / pace
    count, since = divmod(seconds - first_leg, TURN_SECONDS + leg)
    onwards = -1.0 if count % 2 == 0 else 1.0
    if since < TURN_SECONDS:
        return -onwards * limit, -onwards * math.cos(math.pi * since / TURN_SECONDS)
    return onwards * (pace * (since - TURN_SECONDS) - limit), onwards


def _wave(seconds: float, per_second: float, phase: float = 0.0) -> float:
    return math.sin(2 * math.pi * (per_second * seconds + phase))


def _rest(actor: Actor, seconds: float) -> Pose:
    """At home; fliers and swimmers hover, boats rock."""
    pose = Pose(actor.x, actor.y, actor.floor, float(actor.side))
    if actor.kind == "boat":
        return replace(pose, y=actor.y + 0.008 * _wave(seconds, 0.4), turn=0.035 * _wave(seconds, 0.3, 0.2))
    if actor.flies:
        return replace(pose, y=actor.y + 0.012 * _wave(seconds, 0.3))
    return pose


def _gait(actor: Actor, pose: Pose, seconds: float) -> Pose:
    """The small ups and downs of something under way."""
    beat = BEAT[actor.speed]
    if actor.flies or actor.kind == "boat":
        return pose
    if actor.kind == "car":
        return replace(pose, y=pose.y + 0.005 * abs(_wave(seconds, beat)))
    step = _wave(seconds, 0.75 * beat)
    return replace(pose, y=pose.y + 0.018 * abs(step), turn=0.04 * step)


def goes(actor: Actor, seconds: float) -> Pose:
    """Heads to its side at its pace and patrols."""
    offset, heading = patrol(seconds, PACE[actor.speed], actor.endless)
    pose = replace(_rest(actor, seconds), x=actor.x + actor.side * offset, facing=actor.side * heading)
    return _gait(actor, pose, seconds)


def rolls(actor: Actor, seconds: float) -> Pose:
    """Rolls without slipping to its side, and back."""
    offset, _ = patrol(seconds, PACE[actor.speed], actor.endless)
    turn = -actor.side * offset / max(0.1, actor.tall / 2)
    return replace(_rest(actor, seconds), x=actor.x + actor.side * offset, turn=turn, centred=True)


def jumps(actor: Actor, seconds: float) -> Pose:
    """Hops on the spot, 0.6 times a second, crouching in between."""
    phase = (seconds * 0.6 * BEAT[actor.speed]) % 1.0
    air = min(1.0, max(0.0, (phase - 0.2) / 0.65))
    crouch = math.sin(math.pi * phase / 0.2) if phase < 0.2 else 0.0
    height = actor.headroom(0.22) * 4 * air * (1 - air)
    tall = 1 - 0.12 * crouch + 0.3 * height
    return replace(_rest(actor, seconds), y=actor.y + height, tall=tall, wide=2 - tall)


def bounces(actor: Actor, seconds: float) -> Pose:
    """Bounces like rubber, 0.7 times a second."""
    phase = (seconds * 0.7 * BEAT[actor.speed] + 0.5) % 1.0
    height = actor.headroom(0.36) * 4 * phase * (1 - phase)
    squash = 0.2 * math.exp(-height / 0.1)
    return replace(_rest(actor, seconds), y=actor.y + height, wide=1 + squash, tall=1 - squash)


def spins(actor: Actor, seconds: float) -> Pose:
    """Turns about its middle, once in four seconds."""
    turn = -actor.side * 2 * math.pi * RATE[actor.speed] * seconds / ROUND_SECONDS
    lift = 0.0 if actor.flies else max(0.0, actor.wide - actor.tall) / 2 + 0.02
    return replace(_rest(actor, 0.0), y=actor.y + lift, turn=turn, centred=True)


def falls(actor: Actor, seconds: float) -> Pose:
    """Falls from the upper edge to the floor within 2.2 s, then rests."""
    top = 1 - 0.66 * actor.tall
    share = min(1.0, seconds / 2.2)
    since = seconds - 2.2
    hop = 0.03 * max(0.0, math.sin(math.pi * since / 0.5)) if 0 < since < 0.5 else 0.0
    squash = 0.12 * math.exp(-((since - 0.05) ** 2) / 0.01)
    y = actor.floor + (top - actor.floor) * (1 - share**1.7) + hop
    return replace(_rest(actor, 0.0), y=y, wide=1 + squash, tall=1 - squash)


def rises(actor: Actor, seconds: float) -> Pose:
    """Rises from the floor towards the upper edge within 3.2 s, then hovers."""
    top = max(actor.floor + 0.2, 0.96 - actor.tall)
    y = actor.floor + (top - actor.floor) * glide(seconds, 3.2)
    return replace(_rest(actor, 0.0), y=y + 0.01 * _wave(seconds, 0.3), turn=0.04 * _wave(seconds, 0.5))


def _scaled(actor: Actor, pose: Pose, scale: float) -> Pose:
    """Larger or smaller about the foot, or about the middle for what hovers."""
    y = actor.middle - actor.tall * scale / 2 if actor.flies else pose.y
    return replace(pose, y=y, wide=scale, tall=scale)


def grows(actor: Actor, seconds: float) -> Pose:
    """Grows to more than twice its first size within four seconds."""
    largest = min(1.25, 0.84 / max(actor.wide, actor.tall))
    return _scaled(actor, _rest(actor, 0.0), largest * (0.4 + 0.6 * glide(seconds, 3.6)))


def shrinks(actor: Actor, seconds: float) -> Pose:
    """Shrinks to less than half its first size within four seconds."""
    largest = min(1.25, 0.84 / max(actor.wide, actor.tall))
    return _scaled(actor, _rest(actor, 0.0), largest * (1 - 0.6 * glide(seconds, 3.6)))


def circles(actor: Actor, seconds: float) -> Pose:
    """Goes round in a circle, once in four seconds: fliers upright in the air, others flat on the floor."""
    angle = 2 * math.pi * RATE[actor.speed] * seconds / ROUND_SECONDS
    facing = heading_of(math.cos(angle)) * actor.side
    x = actor.x + actor.side * 0.25 * math.sin(angle)
    if actor.flies:
        radius = min(0.17, max(0.08, (0.92 - actor.tall) / 2 - 0.06))
        middle = min(0.5, 0.96 - radius - actor.tall / 2)
        return Pose(x, middle - actor.tall / 2 - radius * math.cos(angle), actor.floor, facing)
    far = (1 - math.cos(angle)) / 2
    floor = actor.floor - 0.06 + 0.16 * far
    scale = 1.0 - 0.3 * far
    pose = Pose(x, floor, floor, facing, wide=scale, tall=scale)
    return _gait(actor, pose, seconds)


def heading_of(velocity: float) -> float:
    """Facing of something whose sideways velocity, in [-1, 1], changes sign: it turns round softly."""
    return max(-1.0, min(1.0, velocity * 4))


def shakes(actor: Actor, seconds: float) -> Pose:
    """Trembles twice a second."""
    swing = _wave(seconds, 2.0 * BEAT[actor.speed])
    return replace(_rest(actor, 0.0), x=actor.x + 0.012 * swing, turn=0.13 * swing)


def flips(actor: Actor, seconds: float) -> Pose:
    """A somersault every three seconds, a pause in between."""
    share = min(1.0, ((seconds * BEAT[actor.speed]) % 3.0) / 2.0)
    height = actor.headroom(0.3) * 4 * share * (1 - share)
    turn = -actor.side * 2 * math.pi * smooth(share)
    return replace(_rest(actor, 0.0), y=actor.y + height, turn=turn, centred=True)


def zigzags(actor: Actor, seconds: float) -> Pose:
    """Heads to its side, up and down as it goes."""
    offset, heading = patrol(seconds, PACE[actor.speed], actor.endless)
    saw = math.asin(_wave(seconds, 0.5 * BEAT[actor.speed], 0.25) * 0.97) / math.asin(0.97)
    low = actor.y if not actor.flies else max(actor.floor, min(actor.y, 0.94 - actor.tall) - 0.16)
    rise = min(0.28, max(0.12, 0.96 - low - actor.tall))
    return Pose(actor.x + actor.side * offset, low + rise * (saw + 1) / 2, actor.floor, actor.side * heading)


def _shown(actor: Actor, seconds: float, share: float) -> Pose:
    pop = 0.12 * math.sin(math.pi * share)
    scale = 0.4 + 0.6 * share + pop
    return replace(_scaled(actor, _rest(actor, 0.0), scale), alpha=share)


def appears(actor: Actor, seconds: float) -> Pose:
    """Pops into view between 1 and 2 s."""
    return _shown(actor, seconds, smooth((seconds - 1.0) / 1.0))


def vanishes(actor: Actor, seconds: float) -> Pose:
    """Fades away between 1.75 and 2.75 s."""
    return _shown(actor, seconds, 1 - smooth((seconds - 1.75) / 1.0))


def comes_closer(actor: Actor, seconds: float) -> Pose:
    """Comes towards the eye within four seconds: larger, and lower on the ground."""
    share = glide(seconds, 3.6)
    scale = 0.4 + (min(1.35, 0.9 / max(actor.wide, actor.tall)) - 0.4) * share
    if actor.flies:
        return _scaled(actor, _rest(actor, 0.0), scale)
    floor = actor.floor + 0.13 - 0.19 * share
    pose = replace(_rest(actor, 0.0), y=floor, floor=floor, wide=scale, tall=scale)
    return pose if seconds > 4 else _gait(actor, pose, seconds)


def sways(actor: Actor, seconds: float) -> Pose:
    """Leans from side to side about its foot, 0.4 times a second."""
    return replace(_rest(actor, 0.0), turn=0.2 * _wave(seconds, 0.4 * BEAT[actor.speed]))


MOTIONS: dict[str, Motion] = {
    "goes": goes, "rolls": rolls, "jumps": jumps, "bounces": bounces, "spins": spins, "falls": falls, "rises": rises,
    "grows": grows, "shrinks": shrinks, "circles": circles, "shakes": shakes, "flips": flips, "zigzags": zigzags,
    "appears": appears, "vanishes": vanishes, "comes_closer": comes_closer, "sways": sways, "stays": _rest,
}  # fmt: skip
