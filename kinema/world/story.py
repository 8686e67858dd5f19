"""Longer films of the pocket world: shots with cuts between them, and days that pass into night.

A story is true footage of any length, so that long films have examples and drift can be judged against them. Its cues
say in words what is seen from which frame on. It stands alone because a scene has no end and no cut.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice

import numpy as np

from kinema.clip import Clip
from kinema.errors import DurationError, WorldError
from kinema.world.captions import canonical
from kinema.world.motions import smooth
from kinema.world.render import Take
from kinema.world.sampling import sample
from kinema.world.scene import Scene
from kinema.world.vocabulary import TIMES, TIMES_OF

SHORTEST_SHOT_SECONDS, LONGEST_SHOT_SECONDS = 4, 10
PASSING_SHARE = 0.3
"""Share of invented shots in which the day passes."""


@dataclass(frozen=True)
class Shot:
    """A scene for a while; `until` names the time of day into which it passes meanwhile, if it does."""

    scene: Scene
    seconds: Fraction
    until: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "seconds", Fraction(self.seconds))
        if self.seconds <= 0:
            raise DurationError(f"a shot of {float(self.seconds):g} seconds shows nothing; it must be above 0")
        allowed = TIMES_OF[self.scene.place]
        if self.until is not None and self.until not in allowed:
            raise WorldError(f"{self.scene.place} has no {self.until!r} to pass into; allowed: {', '.join(allowed)}")

    @property
    def times(self) -> tuple[str, ...]:
        """The times of day it passes through, in order: from day to night lies sunset."""
        first = self.scene.time
        if self.until is None or self.until == first:
            return (first,)
        low, high = sorted((TIMES.index(first), TIMES.index(self.until)))
        between = [time for time in TIMES[low : high + 1] if time in TIMES_OF[self.scene.place]]
        return tuple(between if between[0] == first else reversed(between))

    @property
    def caption(self) -> str:
        """The scene in words, and what becomes of its time of day."""
        said = canonical(self.scene)
        return said if len(self.times) == 1 else f"{said} The {self.scene.time} passes into {self.until}."


@dataclass(frozen=True)
class Story:
    """Shots one after another."""

    shots: tuple[Shot, ...]

    def __post_init__(self) -> None:
        if not self.shots:
            raise WorldError("a story of no shots cannot be told; give at least one")

    @property
    def seconds(self) -> Fraction:
        """How long it lasts."""
        return sum((shot.seconds for shot in self.shots), Fraction(0))

    def cuts(self, fps: Fraction = Fraction(8)) -> tuple[int, ...]:
        """The frame at which each shot begins, and at the end the number of all frames."""
        ends = [Fraction(0)]
        for shot in self.shots:
            ends.append(ends[-1] + shot.seconds)
        return tuple(round(end * fps) for end in ends)

    def cues(self, fps: Fraction = Fraction(8)) -> tuple[tuple[int, str], ...]:
        """(frame, caption) of every shot: what is seen from that frame on."""
        return tuple((frame, shot.caption) for frame, shot in zip(self.cuts(fps), self.shots, strict=False))

    @property
    def caption(self) -> str:
        """All of it in words, with the moment of each cut."""
        start, said = Fraction(0), []
        for shot in self.shots:
            said.append(f"From {float(start):g} to {float(start + shot.seconds):g} seconds: {shot.caption}")
            start += shot.seconds
        return " ".join(said)

    def frames(self, width: int, height: int, fps: Fraction = Fraction(8)) -> Iterator[np.ndarray]:
        """Frame after frame, (H, W, 3) uint8, in constant memory."""
        cuts = self.cuts(fps)
        for shot, start, stop in zip(self.shots, cuts, cuts[1:], strict=False):
            yield from _shot_frames(shot, width, height, fps, stop - start)

    def render(
        self, *, width: int = 128, height: int = 128, frames: int | None = None, fps: Fraction = Fraction(8)
    ) -> Clip:
        """The story, or its first `frames`, as a clip. DurationError if it is shorter than that."""
        fps = Fraction(fps)
        longest = self.cuts(fps)[-1]
        count = longest if frames is None else frames
        if not 1 <= count <= longest:
            raise DurationError(f"{count} frames cannot be had of a story of {longest} frames; ask for 1 to {longest}")
        return Clip(np.stack(list(islice(self.frames(width, height, fps), count))), fps)


def _shot_frames(shot: Shot, width: int, height: int, fps: Fraction, count: int) -> Iterator[np.ndarray]:
    """The shot's frames; where time passes, neighbouring times of day are rendered and crossfaded."""
    takes = [Take(replace(shot.scene, time=time), width, height, fps).frames(count) for time in shot.times]
    if len(takes) == 1:
        yield from takes[0]
        return
    for frame, pictures in enumerate(zip(*takes, strict=True)):
        reached = smooth(frame / max(1, count - 1)) * (len(pictures) - 1)
        before = min(int(reached), len(pictures) - 2)
        share = np.float32(reached - before)
        first, second = (picture.astype(np.float32) for picture in pictures[before : before + 2])
        yield np.round(first + (second - first) * share).astype(np.uint8)


def invent(rng: random.Random, seconds: Fraction) -> Story:
    """A story of this length in shots of 4 to 10 seconds; what the first is about comes back in every other one."""
    shots: list[Shot] = []
    left = Fraction(seconds)
    hero: str | None = None
    while left > 0:
        length = min(left, Fraction(rng.randint(SHORTEST_SHOT_SECONDS, LONGEST_SHOT_SECONDS)))
        if left - length < SHORTEST_SHOT_SECONDS:
            length = left
        scene = _lasting_scene(rng, hero if len(shots) % 2 == 0 else None)
        hero = hero or scene.things[0].name
        later = TIMES_OF[scene.place][-1]
        passes = later != scene.time and rng.random() < PASSING_SHARE
        shots.append(Shot(scene, length, later if passes else None))
        left -= length
    return Story(tuple(shots))


def _lasting_scene(rng: random.Random, hero: str | None) -> Scene:
    """A scene that still shows something after ten seconds, about `hero` where there is one."""
    while True:
        scene = sample(rng, split="any")
        if scene.action != "vanishes" and hero in (None, scene.things[0].name):
            return scene
