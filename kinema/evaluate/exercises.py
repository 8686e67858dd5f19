"""What each task is given, what of it must come back bit for bit, and what a reader is to look at.

An exercise renders true clips, gives a task the known part, and says where known and invented frames meet. How a recipe
is made is handed in, so that this file knows no model. A view is always four seconds, because readers look that long;
bridges and gaps last three, which the embedded model fills at once, so that half a second beside them is seen too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache, partial
from typing import Any, Final

import numpy as np

from kinema.clip import Clip
from kinema.how import STRENGTHS, Blend, Box, Card, Extend, Fill, Loop, Piece, Recut, Remix, Storyboard
from kinema.recipe import Recipe, Source
from kinema.world.captions import canonical
from kinema.world.scene import Scene

VIEW_SECONDS: Final = 4
LONGEST_SECONDS: Final = 2 * VIEW_SECONDS
BRIDGE: Final = Fraction(3)
KEPT_EVERY: Final = 8
BOX: Final = Box(left=0.25, top=0.25, right=0.75, bottom=0.75)
"""The lost region: the middle of the picture, where most subjects are."""
IDENTITY: Final = ("object", "colour", "place")
SURROUNDINGS: Final = ("place", "time", "weather")


@dataclass(frozen=True)
class Trial:
    """One scene, and the scenes that some tasks need beside it."""

    scene: Scene
    other: Scene
    """Any other one, to blend with."""
    recast: Scene
    """The same with another object, to remix into."""
    moved: Scene
    """The same at another place, for a second card."""
    seed: int


@dataclass(frozen=True, eq=False)
class View:
    """Four seconds to be read; right where any of the scenes asks for what is seen."""

    made: Clip
    true: Clip
    scenes: tuple[Scene, ...]
    given: Clip | None = None
    """The known part, which the made one is to agree with in these factors."""
    agrees_in: tuple[str, ...] = IDENTITY


@dataclass(frozen=True, eq=False)
class Attempt:
    """A task's clip; target holds the known pixels, and the invented ones too where there is one truth."""

    made: Clip
    views: tuple[View, ...]
    target: Clip | None = None
    known: np.ndarray | None = None
    """(T, H, W) bool."""
    joins: tuple[int, ...] = ()
    """Frames before which known and invented meet."""
    is_truth: bool = True
    loops: bool = False


@dataclass(frozen=True)
class Studio:
    """The size and rate of true clips, and who makes a recipe of clips."""

    width: int
    height: int
    fps: Fraction
    make: Callable[[Recipe, Sequence[Clip]], Clip]

    def true(self, scene: Scene, seconds: int = VIEW_SECONDS) -> Clip:
        """The scene as the world draws it, for at most eight seconds."""
        return _rendered(self.width, self.height, self.fps, scene)[: int(seconds * self.fps)]

    def play(self, trial: Trial, task: str, *clips: Clip, scene: Scene | None = None, **parts: Any) -> Clip:
        """The clip that a task makes of others with the sentence of a scene, the trial's own where none is named."""
        sources = (Source(),) * len(clips)
        recipe = {"prompt": canonical(scene or trial.scene), "task": task, "sources": sources, "seed": trial.seed}
        return self.make(Recipe.model_validate(recipe | parts), clips)


@lru_cache(maxsize=8)
def _rendered(width: int, height: int, fps: Fraction, scene: Scene) -> Clip:
    """The longest clip that any exercise takes of a scene: they share it."""
    from kinema.world.render import render

    return render(scene, width=width, height=height, frames=int(LONGEST_SECONDS * fps), fps=fps)


def animate(studio: Studio, trial: Trial) -> Attempt:
    """The first frame is known."""
    truth = studio.true(trial.scene)
    made = studio.play(trial, "animate", truth[:1], seconds=VIEW_SECONDS)
    view = View(made, truth, (trial.scene,), given=_held(truth[:1]))
    return Attempt(made, (view,), truth, _whole_frames(truth, [0]), joins=(1,))


def extend(studio: Studio, trial: Trial, direction: str) -> Attempt:
    """Four seconds are known, the four after or before them are not."""
    truth = studio.true(trial.scene, 2 * VIEW_SECONDS)
    half = len(truth) // 2
    old, new = (slice(half), slice(half, None)) if direction == "forward" else (slice(half, None), slice(half))
    how = Extend.model_validate({"direction": direction})
    made = studio.play(trial, "extend", truth[old], how=how, seconds=VIEW_SECONDS)
    view = View(made[new], truth[new], (trial.scene,), given=truth[old])
    return Attempt(made, (view,), truth, _whole_frames(truth, range(len(truth))[old]), joins=(half,))


def gap(studio: Studio, trial: Trial) -> Attempt:
    """Two and a half seconds are known, three are lost, two and a half are known."""
    truth = studio.true(trial.scene, 2 * VIEW_SECONDS)
    first, last = _middle(truth, BRIDGE)
    lost = (Fraction(first) / truth.fps, Fraction(last) / truth.fps)
    made = studio.play(trial, "fill", truth, how=Fill(lost=(lost,)))
    return _between(trial, made, truth, (first, last))


def recut(studio: Studio, trial: Trial) -> Attempt:
    """The first three seconds and the last three are taken of eight; the two between them are invented anew."""
    truth = studio.true(trial.scene, 2 * VIEW_SECONDS)
    first, last = _middle(truth, Fraction(2))
    pieces = (Piece(source=0, stop=Fraction(first) / truth.fps), Piece(source=0, start=Fraction(last) / truth.fps))
    made = studio.play(trial, "recut", truth, how=Recut(pieces=pieces, gap=Fraction(last - first) / truth.fps))
    return _between(trial, made, truth, (first, last))


def every(studio: Studio, trial: Trial) -> Attempt:
    """Every eighth frame is known. The reader sees invented frames alone, neighbours in the place of known ones."""
    truth = studio.true(trial.scene)
    made = studio.play(trial, "fill", truth, how=Fill(keep_every=KEPT_EVERY))
    kept = range(0, len(truth), KEPT_EVERY)
    order = [index + 1 if index in kept else index for index in range(len(truth))]
    given = Clip(np.repeat(truth.frames[::KEPT_EVERY], KEPT_EVERY, 0), truth.fps)
    view = View(_ordered(made, order), _ordered(truth, order), (trial.scene,), given=given)
    joins = tuple(join for index in kept for join in (index, index + 1) if join)
    return Attempt(made, (view,), truth, _whole_frames(truth, kept), joins=joins)


def region(studio: Studio, trial: Trial) -> Attempt:
    """The middle of every frame is lost; of what lies around it only the place must be read alike."""
    truth = studio.true(trial.scene)
    made = studio.play(trial, "fill", truth, how=Fill(boxes=(BOX,)))
    known = np.ones(truth.frames.shape[:3], bool)
    rows = slice(_pixel(BOX.top, truth.height), _pixel(BOX.bottom, truth.height))
    known[:, rows, _pixel(BOX.left, truth.width) : _pixel(BOX.right, truth.width)] = False
    return Attempt(made, (View(made, truth, (trial.scene,), given=truth, agrees_in=("place",)),), truth, known)


def loop(studio: Studio, trial: Trial) -> Attempt:
    """Four seconds are known; a bridge of three leads from their end to their beginning, and is seen to meet both."""
    truth = studio.true(trial.scene)
    made = studio.play(trial, "loop", truth, how=Loop(bridge=BRIDGE))
    end, lap = len(truth), len(truth) - _frames(BRIDGE, truth)
    seen = made[end - lap // 2 :] + made[: lap - lap // 2]
    target = truth + truth[: len(made) - end]
    known = _whole_frames(target, range(end))
    view = View(seen, truth, (trial.scene,), given=truth)
    return Attempt(made, (view,), target, known, joins=(end,), is_truth=False, loops=True)


def told_loop(studio: Studio, trial: Trial) -> Attempt:
    """Nothing is known; of four seconds that end as they began, the bridge takes two."""
    how = Loop(bridge=Fraction(VIEW_SECONDS, 2))
    made, truth = studio.play(trial, "loop", how=how, seconds=VIEW_SECONDS), studio.true(trial.scene)
    return Attempt(made, (View(made, truth, (trial.scene,)),), joins=(len(made) // 2,), loops=True)


def blend(studio: Studio, trial: Trial) -> Attempt:
    """Four seconds of each of two scenes are known, the bridge of three between them is not and may show either."""
    first, second = studio.true(trial.scene), studio.true(trial.other)
    made = studio.play(trial, "blend", first, second, how=Blend(then=canonical(trial.other)), seconds=BRIDGE)
    start, stop = len(first), len(first) + _frames(BRIDGE, first)
    target = first + first[: stop - start] + second
    return _either(trial, made, target, (start, stop))


def influence(studio: Studio, trial: Trial) -> Attempt:
    """Two scenes of five seconds run together for three; what is seen there may be either, or both."""
    first, second = (studio.true(scene, VIEW_SECONDS + 1) for scene in (trial.scene, trial.other))
    joint, each = _frames(BRIDGE, first), len(first)
    how = Blend(then=canonical(trial.other), influence=((0, 1), (1, 0)))
    made = studio.play(trial, "blend", first, second, how=how, seconds=BRIDGE)
    start, stop = each - joint + 1, each - 1  # at the first frame in which both run the curve is 1, at the last 0
    target = first[:stop] + second[joint - 1 :]
    return _either(trial, made, target, (start, stop))


def remix(studio: Studio, trial: Trial, strength: float) -> Attempt:
    """A true clip is the beginning, the sentence names another object; its surroundings should stay."""
    start = studio.true(trial.scene)
    made = studio.play(trial, "remix", start, scene=trial.recast, how=Remix(strength=strength))
    true = studio.true(trial.recast)
    return Attempt(made, (View(made, true, (trial.recast,), given=start, agrees_in=SURROUNDINGS),))


def storyboard(studio: Studio, trial: Trial) -> Attempt:
    """A card with the first frame and its sentence, and half-way one that moves the same thing elsewhere.

    Of seven seconds the reader sees the first four and the last four, of which half a second is the other card's.
    """
    first, second = studio.true(trial.scene), studio.true(trial.moved)
    seconds = 2 * VIEW_SECONDS - 1
    cards = (
        Card(at=Fraction(0), text=canonical(trial.scene), source=0),
        Card(at=Fraction(seconds, 2), text=canonical(trial.moved)),
    )
    made = studio.play(trial, "storyboard", first[:1], how=Storyboard(cards=cards), seconds=seconds)
    views = (
        View(made[: len(first)], first, (trial.scene,), given=_held(first[:1])),
        View(made[-len(second) :], second, (trial.moved,), given=_held(first[:1]), agrees_in=("object", "colour")),
    )
    target = (first + second)[: len(made)]
    return Attempt(made, views, target, _whole_frames(target, [0]), joins=(1,), is_truth=False)


def still(studio: Studio, trial: Trial) -> Attempt:
    """Nothing is known, one frame is made; the reader sees it held."""
    made = studio.play(trial, "still")
    return Attempt(made, (View(_held(made), _held(studio.true(trial.scene)[:1]), (trial.scene,)),))


EXERCISES: Final[dict[str, Callable[[Studio, Trial], Attempt]]] = {
    "animate": animate,
    "extend forward": partial(extend, direction="forward"),
    "extend backward": partial(extend, direction="backward"),
    "fill a gap": gap,
    "recut": recut,
    f"fill all but every {KEPT_EVERY}th": every,
    "fill a region": region,
    "loop": loop,
    "loop of a prompt": told_loop,
    "blend": blend,
    "blend by influence": influence,
    **{f"remix {name} ({strength:g})": partial(remix, strength=strength) for name, strength in STRENGTHS.items()},
    "storyboard": storyboard,
    "still": still,
}


def _between(trial: Trial, made: Clip, truth: Clip, joins: tuple[int, int]) -> Attempt:
    """What was invented in the middle of a clip, seen with as much on either side as makes a view."""
    first, last = _around(joins, truth)
    side = _frames(Fraction(VIEW_SECONDS, 2), truth)
    view = View(made[first:last], truth[first:last], (trial.scene,), given=truth[:side] + truth[-side:])
    known = _whole_frames(truth, [*range(joins[0]), *range(joins[1], len(truth))])
    return Attempt(made, (view,), truth, known, joins=joins)


def _either(trial: Trial, made: Clip, target: Clip, joins: tuple[int, int]) -> Attempt:
    """What was invented between two scenes, of which either may be seen, with as much beside it as makes a view."""
    first, last = _around(joins, made)
    view = View(made[first:last], target[: last - first], (trial.scene, trial.other))
    known = _whole_frames(target, [*range(joins[0]), *range(joins[1], len(target))])
    return Attempt(made, (view,), target, known, joins=joins, is_truth=False)


def _around(joins: tuple[int, int], clip: Clip) -> tuple[int, int]:
    """From which frame to which a view is that has both joins in its middle."""
    first = (sum(joins) - _frames(Fraction(VIEW_SECONDS), clip)) // 2
    return first, first + _frames(Fraction(VIEW_SECONDS), clip)


def _middle(clip: Clip, seconds: Fraction) -> tuple[int, int]:
    """The first frame of so many seconds in the middle of a clip, and the one after them."""
    first = (len(clip) - _frames(seconds, clip)) // 2
    return first, first + _frames(seconds, clip)


def _frames(seconds: Fraction, clip: Clip) -> int:
    return int(seconds * clip.fps)


def _held(picture: Clip) -> Clip:
    """One frame, shown for as long as a reader looks."""
    return Clip(np.repeat(picture.frames[:1], int(VIEW_SECONDS * picture.fps), 0), picture.fps)


def _ordered(clip: Clip, order: Sequence[int]) -> Clip:
    return Clip(clip.frames[list(order)], clip.fps)


def _whole_frames(clip: Clip, indices: Sequence[int]) -> np.ndarray:
    """(T, H, W) bool: True in these frames."""
    known = np.zeros(clip.frames.shape[:3], bool)
    known[list(indices)] = True
    return known


def _pixel(share: float, side: int) -> int:
    """The first pixel whose middle lies beyond the share of a side."""
    return int(np.ceil(share * side - 0.5))
