"""What one thing can do with another, as functions of absolute seconds; see motions.py for the values used."""

from __future__ import annotations

import math
from dataclasses import replace

from kinema.world.motions import (
    MOTIONS,
    PACE,
    RATE,
    ROUND_SECONDS,
    Actor,
    Pose,
    Relation,
    glide,
    goes,
    heading_of,
    patrol,
)

GAP = 0.04
"""Air between two that stand close."""

_stays = MOTIONS["stays"]


def _apart(first: Actor, second: Actor) -> float:
    """Distance between the middles of two that stand close."""
    return (first.wide + second.wide) / 2 + GAP


def _faced(actor: Actor, x: float, side: float, seconds: float) -> Pose:
    return replace(_stays(actor, seconds), x=x, facing=side)


def chases(first: Actor, second: Actor, seconds: float) -> tuple[Pose, Pose]:
    """Both head the same way, the first behind; they turn round one after the other's place."""
    offset, heading = patrol(seconds, PACE[first.speed], first.endless)
    half = _apart(first, second) / 2 + 0.02
    trail = heading * half * first.side
    chaser = goes(first, seconds)
    fleeing = goes(replace(second, side=first.side, speed=first.speed, endless=first.endless), seconds)
    middle = (first.x + second.x) / 2 + first.side * offset
    return replace(chaser, x=middle - trail), replace(fleeing, x=middle + trail)


def _passes(first: Actor, second: Actor, seconds: float, shift: float, depth: float) -> tuple[Pose, Pose]:
    offset, heading = patrol(seconds, 0.2, first.endless)
    pose = goes(first, seconds)
    if first.flies or second.flies:
        y = second.middle - first.tall / 2 + pose.y - first.y
        floor = first.floor
    else:
        y, floor = pose.y + shift, first.floor + shift
    pose = replace(pose, x=second.x + first.side * offset, y=y, floor=floor, facing=first.side * heading, depth=depth)
    return pose, replace(_stays(second, seconds), depth=0.0)


def passes_behind(first: Actor, second: Actor, seconds: float) -> tuple[Pose, Pose]:
    """The first crosses behind the second, which stays."""
    return _passes(first, second, seconds, 0.07, -1.0)


def passes_in_front(first: Actor, second: Actor, seconds: float) -> tuple[Pose, Pose]:
    """The first crosses before the second, which stays."""
    return _passes(first, second, seconds, -0.06, 1.0)


def jumps_over(first: Actor, second: Actor, seconds: float) -> tuple[Pose, Pose]:
    """The first leaps over the second, lands, turns round and leaps back."""
    offset, heading = patrol(seconds, 0.18, first.endless)
    reach = 0.29
    arc = math.cos(math.pi / 2 * min(1.0, abs(offset) / reach))
    clearance = second.tall + 0.03
    y = second.y + clearance * min(1.0, arc * 1.25)
    progress = max(-1.0, min(1.0, offset * heading / reach))
    lean = -first.side * heading * 0.18 * math.sin(math.pi * progress)
    pose = Pose(second.x + first.side * offset, y, first.floor, first.side * heading, turn=lean, depth=1.0)
    return pose, _stays(second, seconds)


def next_to(first: Actor, second: Actor, seconds: float) -> tuple[Pose, Pose]:
    """Side by side, both looking the same way, the first behind the second."""
    half = _apart(first, second) / 2
    middle, side = (first.x + second.x) / 2, float(first.side)
    return _faced(first, middle - side * half, side, seconds), _faced(second, middle + side * half, side, seconds)


def meets(first: Actor, second: Actor, seconds: float) -> tuple[Pose, Pose]:
    """They come towards each other from both sides, meet after 2.6 s and stay face to face."""
    close = _apart(first, second) / 2
    half = close + (0.39 - close) * (1 - glide(seconds, 2.6))
    greeting = 0.03 * abs(math.sin(math.pi * (seconds - 3.0) / 0.8)) if 3.0 < seconds < 3.8 else 0.0
    middle, side = (first.x + second.x) / 2, float(first.side)
    left = _faced(first, middle - side * half, side, seconds)
    right = _faced(second, middle + side * half, -side, seconds)
    return replace(left, y=left.y + greeting), replace(right, y=right.y + greeting)


def circles_around(first: Actor, second: Actor, seconds: float) -> tuple[Pose, Pose]:
    """The first goes round the second, behind it and before it, once in four seconds."""
    angle = 2 * math.pi * RATE[first.speed] * seconds / ROUND_SECONDS
    reach = min(0.36, _apart(first, second) * 0.85)
    away = math.cos(angle)
    scale = 1.0 - 0.14 * away
    low = second.middle - first.tall / 2 if first.flies or second.flies else second.y
    y = low + 0.09 * away
    facing = -first.side * heading_of(away)
    x = second.x - first.side * reach * math.sin(angle)
    floor = first.floor if first.flies or second.flies else y
    pose = Pose(x, y, floor, facing, wide=scale, tall=scale, depth=-away)
    return pose, _stays(second, seconds)


def moves_away(first: Actor, second: Actor, seconds: float) -> tuple[Pose, Pose]:
    """The first leaves the second, which stays and looks after it."""
    side = float(first.side)
    start = -side * 0.26
    share = glide(seconds, 3.6)
    far = min(0.74, 1.0 - 0.26 - first.wide * 0.4)
    close = _apart(first, second)
    away = close + max(0.3, far - close) * share
    pose = goes(replace(first, speed="normal"), seconds if share < 1 else 0.0)
    leaving = replace(pose, x=second.x + start + side * away, facing=side)
    return leaving, _faced(second, second.x + start, side, seconds)


RELATIONS: dict[str, Relation] = {
    "chases": chases,
    "passes_behind": passes_behind,
    "passes_in_front": passes_in_front,
    "jumps_over": jumps_over,
    "next_to": next_to,
    "meets": meets,
    "circles_around": circles_around,
    "moves_away": moves_away,
}
