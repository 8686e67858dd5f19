"""Canvases drawn at random for training: what some task, run for real on pieces of a true clip, would know of it.

Each canvas has exactly the clip's length, and its unknown part is what the task would have to invent of this clip.
T frames, H W pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np

from kinema.canvas import Canvas
from kinema.clip import Clip
from kinema.how import Box, Card
from kinema.recipe import Recipe
from kinema.tasks import begin

Draw = Callable[[np.random.Generator, Clip], Canvas]


def draw_canvas(rng: np.random.Generator, clip: Clip) -> Canvas:
    """The canvas of a task that is drawn at random, with random parameters. Raises nothing for clips of 8 frames on."""
    draws, weights = zip(*DRAWS, strict=True)
    draw = draws[rng.choice(len(draws), p=np.array(weights) / sum(weights))]
    return draw(rng, clip)


def _canvas(
    clip: Clip, task: str, pieces: list[Clip], *, frames: int | None = None, overlap: int | None = None, **how: object
) -> Canvas:
    """The task's first canvas on these pieces, which are all that it is told of the clip."""
    length = {"frames": frames or len(clip), "overlap": overlap or len(clip)}
    size = {"fps": clip.fps, "width": clip.width, "height": clip.height}
    parts: dict[str, object] = {"task": task, "how": how or None, "sources": [{}] * len(pieces)}
    canvas = next(begin(Recipe.model_validate(parts | length | size), pieces))
    assert len(canvas) == len(clip), f"{task} drew {len(canvas)} frames for a clip of {len(clip)}"
    return canvas


def _first(rng: np.random.Generator, clip: Clip) -> Canvas:
    return _canvas(clip, "animate", [clip[:1]])


def _last(rng: np.random.Generator, clip: Clip) -> Canvas:
    return _canvas(clip, "animate", [clip[-1:]], at="last")


def _ends(rng: np.random.Generator, clip: Clip) -> Canvas:
    return _canvas(clip, "animate", [clip[:1], clip[-1:]])


def _prefix(rng: np.random.Generator, clip: Clip) -> Canvas:
    known = int(rng.integers(2, len(clip)))
    return _canvas(clip, "extend", [clip[:known]], frames=len(clip) - known)


def _suffix(rng: np.random.Generator, clip: Clip) -> Canvas:
    known = int(rng.integers(2, len(clip)))
    return _canvas(clip, "extend", [clip[-known:]], frames=len(clip) - known, direction="backward")


def _every(rng: np.random.Generator, clip: Clip) -> Canvas:
    return _canvas(clip, "fill", [clip], keep_every=int(rng.integers(2, max(3, len(clip) // 2 + 1))))


def _stretches(rng: np.random.Generator, clip: Clip) -> Canvas:
    edges = sorted(rng.choice(np.arange(1, len(clip)), size=2 * int(rng.integers(1, 3)), replace=False).tolist())
    lost = tuple((start / clip.fps, stop / clip.fps) for start, stop in zip(edges[::2], edges[1::2], strict=True))
    return _canvas(clip, "fill", [clip], lost=lost)


def _join(rng: np.random.Generator, clip: Clip) -> Canvas:
    """A blend's bridge: how one film ends and another begins is known."""
    first, second = sorted(rng.choice(np.arange(1, len(clip)), size=2, replace=False).tolist())
    return _canvas(clip, "blend", [clip[:first], clip[second:]], frames=second - first)


def _loop(rng: np.random.Generator, clip: Clip) -> Canvas:
    """The film that begins as the clip ends, and ends as it begins, has just this bridge."""
    side = int(rng.integers(1, (len(clip) + 1) // 2))
    bridge = (len(clip) - 2 * side) / clip.fps
    return _canvas(clip, "loop", [clip[-side:] + clip[:side]], overlap=side, bridge=bridge)


def _boxes(rng: np.random.Generator, clip: Clip) -> Canvas:
    """A box that rests, moves, grows or shrinks; sometimes what it covers is all that is known."""
    keep = bool(rng.random() < 0.25)
    moments = [Fraction(0)] if rng.random() < 0.3 else [Fraction(0), (len(clip) - 1) / clip.fps]
    return _canvas(clip, "fill", [clip], boxes=tuple(_box(rng, clip, at) for at in moments), keep=keep)


def _box(rng: np.random.Generator, clip: Clip, at: Fraction) -> Box:
    width, height = rng.uniform(0.15, 0.8, 2)
    left, top = rng.uniform(0, 1 - width), rng.uniform(0, 1 - height)
    return Box(at=at, left=left, top=top, right=left + width, bottom=top + height)


def _masked(rng: np.random.Generator, clip: Clip) -> Canvas:
    """A round mask, resting as a picture or moving and changing its size as a film."""
    frames = 1 if rng.random() < 0.3 else len(clip)
    places = np.linspace(rng.uniform(0.2, 0.8, 2), rng.uniform(0.2, 0.8, 2), frames)
    radii = np.linspace(rng.uniform(0.12, 0.5), rng.uniform(0.12, 0.5), frames)
    y = (np.arange(clip.height) + 0.5) / clip.height - places[:, :1]
    x = (np.arange(clip.width) + 0.5) / clip.width - places[:, 1:]
    inside = (y**2)[:, :, None] + (x**2)[:, None, :] < (radii**2)[:, None, None]
    mask = Clip(np.repeat(np.where(inside, np.uint8(255), np.uint8(0))[..., None], 3, -1), clip.fps)
    return _canvas(clip, "fill", [clip, mask], keep=bool(rng.random() < 0.25))


def _board(rng: np.random.Generator, clip: Clip) -> Canvas:
    """Cards at their moments: pictures, and now and then a stretch of film."""
    places = sorted(rng.choice(len(clip), size=int(rng.integers(1, min(4, len(clip)))), replace=False).tolist())
    cards, pieces = [], []
    for at, after in zip(places, [*places[1:], len(clip)], strict=True):
        length = 1 if rng.random() < 0.7 else int(rng.integers(1, after - at + 1))
        pieces.append(clip[at : at + length])
        cards.append(Card(at=at / clip.fps, source=len(pieces) - 1))
    return _canvas(clip, "storyboard", pieces, cards=tuple(cards))


DRAWS: tuple[tuple[Draw, float], ...] = (
    (_first, 3),
    (_last, 1),
    (_ends, 2),
    (_prefix, 3),
    (_suffix, 2),
    (_every, 2),
    (_stretches, 2),
    (_join, 2),
    (_loop, 1),
    (_boxes, 3),
    (_masked, 3),
    (_board, 2),
)
"""What is drawn, and how often beside the others."""
