"""Canvases of another rate than the model makes: shown to it at its own rate, and its frames brought to theirs.

So a film that is taken further keeps its own rate and its own frames, and only what is invented is brought to that:
between what is known and what was made, the frames that are missing follow what moves (between.py).

T frames, H W pixels. Moments are counted in frames of the canvas.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from math import ceil, floor

import numpy as np

from kinema.backends.between import Between
from kinema.canvas import Canvas, Start
from kinema.clip import Clip
from kinema.recipe import Recipe

Fill = Callable[[Canvas], Iterable[Clip]]
PIECE = 16
"""Frames that are handed on at once."""
_Anchor = tuple[Fraction, np.ndarray]


def fill_at_rate(canvas: Canvas, rate: Fraction, fill: Fill) -> Iterator[Clip]:
    """The canvas filled, in segments that join to its whole length, by what fills those of that rate."""
    slow = slowed(canvas, rate)
    ready: list[np.ndarray] = []
    for frame in _between(_anchors(canvas, slow, fill(slow)), len(canvas)):
        ready.append(frame)
        if len(ready) == PIECE:
            yield Clip(np.stack(ready), canvas.fps)
            ready = []
    if ready:
        yield Clip(np.stack(ready), canvas.fps)


def slowed(canvas: Canvas, rate: Fraction) -> Canvas:
    """The canvas at another rate, each of its frames what is known at that moment.

    That is the nearest frame of the canvas, where it lies within half a step. A known stretch that lies between two
    moments, so that neither would show it, is shown at the nearer. Between known frames that are less than two steps
    apart nothing needs to be made: what moves is followed from one to the other.
    """
    step = canvas.fps / rate
    count = made_frames(len(canvas), canvas.fps, rate)
    shown = [min(len(canvas) - 1, floor(index * step + Fraction(1, 2))) for index in range(count)]
    near = [abs(at - index * step) <= step / 2 for index, at in enumerate(shown)]
    whole = _wholly(canvas.known)
    for start, stop in _runs(whole):
        if not any(start <= at < stop for at in shown[max(0, int(start / step) - 1) : ceil(stop / step) + 1]):
            index = min(count - 1, round((start + stop - 1) / (2 * step)))
            if not whole[shown[index]]:
                shown[index], near[index] = (start + stop - 1) // 2, True
    _, height, width = canvas.known.shape
    slow = Canvas.blank(count, height, width, rate)
    pixels, known = np.zeros(slow.pixels.shape, np.uint8), np.zeros(slow.known.shape, bool)
    some = np.asarray(canvas.known.any((1, 2)))
    for index, at in enumerate(shown):
        if some[at] and near[index]:
            pixels[index], known[index] = canvas.pixels[at], canvas.known[at]
        elif (followed := _followed(canvas, np.flatnonzero(whole), index * step, step)) is not None:
            pixels[index], known[index] = followed, True
    start_clip = canvas.start and Start(Clip(canvas.start.clip.frames[shown], rate), canvas.start.strength)
    cues = tuple(replace(cue, frame=round(cue.frame / step)) for cue in canvas.captions)
    return replace(slow, pixels=pixels, known=known, captions=cues, start=start_clip, references=canvas.references)


def _followed(canvas: Canvas, places: np.ndarray, moment: Fraction, step: Fraction) -> np.ndarray | None:
    """The frame at a moment between two known ones that are less than two steps apart; None where no two are."""
    after = int(np.searchsorted(places, float(moment)))
    if not 0 < after < len(places):
        return None
    first, second = int(places[after - 1]), int(places[after])
    if second - first >= 2 * step:
        return None
    return Between(canvas.pixels[first], canvas.pixels[second]).at(float((moment - first) / (second - first)))


def made_frames(frames: int, fps: Fraction, rate: Fraction) -> int:
    """How many frames of one rate reach to the last of so many of another."""
    return int((frames - 1) * rate / fps) + 1


def rate_words(recipe: Recipe) -> str | None:
    """How a settled recipe's film gets its rate, for the person who asked; None where the model makes that."""
    if recipe.made_fps is None or recipe.task == "still":
        return None
    assert recipe.fps
    film, made = f"{float(recipe.fps):.4g} fps", f"{float(recipe.made_fps):.4g} fps"
    new = "what is new" if recipe.sources else "it"
    if recipe.fps < recipe.made_fps:
        return f"{film}; {new} is made at {made}, of which the frames at its moments are shown"
    return f"{film}; {new} is made at {made}, and the frames between follow what moves in these"


def _wholly(known: np.ndarray) -> np.ndarray:
    """(T,) bool: the frames of which every pixel is known."""
    return np.asarray(known.all((1, 2)))


def _runs(whole: np.ndarray) -> Iterator[tuple[int, int]]:
    """Start and stop of each unbroken stretch that is True."""
    edges = np.flatnonzero(np.diff(whole.astype(np.int8), prepend=0, append=0))
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)


def _anchors(canvas: Canvas, slow: Canvas, segments: Iterable[Clip]) -> Iterator[_Anchor]:
    """All wholly known frames, and those that were made between them, by their moments."""
    step, whole, seen, at, index = canvas.fps / slow.fps, _wholly(canvas.known), _wholly(slow.known), 0, 0
    for segment in segments:
        part = slow.part(index, index + len(segment))
        for frame in part.restore(part.eased(segment)).frames:
            moment = index * step
            while at < len(canvas) and at < moment:
                if whole[at]:
                    yield Fraction(at), canvas.pixels[at]
                at += 1
            if not seen[index]:
                yield moment, frame
            index += 1
    yield from ((Fraction(late), canvas.pixels[late]) for late in range(at, len(canvas)) if whole[late])


def _between(anchors: Iterator[_Anchor], frames: int) -> Iterator[np.ndarray]:
    """So many frames: at an anchor's moment what it shows, else what lies between the two beside it.

    Before the first its own picture stands; after the last, motion goes on.
    """
    before, at = next(anchors), 0
    pair, first, gap = Between(before[1], before[1]), before[0], Fraction(1)
    while at <= before[0] and at < frames:
        yield before[1]
        at += 1
    for moment, frame in anchors:
        pair, first, gap = Between(before[1], frame), before[0], moment - before[0]
        while at < moment and at < frames:
            yield pair.at(float((at - first) / gap))
            at += 1
        if at == moment and at < frames:
            yield frame
            at += 1
        before = moment, frame
    while at < frames:
        yield pair.at(min(2.0, float((at - first) / gap)))
        at += 1
