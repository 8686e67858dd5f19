"""Canvases of another size than the model makes: shrunk, filled, upscaled, and led up to what is known of them.

So a film that is taken further keeps its own pixels, however large it is, and only what is invented is upscaled. A
network that upscales cannot know what a film looks like close to. So where a picture stays still, the detail that a
known frame has and its upscaled copy lacks is laid over the frames beside it, fading out.

T frames, H W pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from PIL import Image, ImageFilter

from kinema.backends.leading import FRAMES, share
from kinema.backends.upscale import SizePlan, upscale
from kinema.canvas import Canvas, Start
from kinema.clip import Clip
from kinema.media import Shape, fit
from kinema.media.fit import place

Fill = Callable[[Canvas], Iterator[Clip]]
STILL = 12.0
"""Grey levels of change, around a pixel, from which on nothing of a known frame's detail is laid there."""


def fill_at_size(canvas: Canvas, plan: SizePlan, fill: Fill) -> Iterator[Clip]:
    """The canvas filled, in segments that join to its whole length, by what fills those of the plan's native size.

    What is wholly known is not upscaled, but shown to what upscales its neighbours.
    """
    small = shrunk(canvas, plan.native_width, plan.native_height)
    detail, at, whole = _Detail(canvas, small, plan), 0, np.asarray(canvas.known.all((1, 2)))
    for made in _upscaled(_restored(small, fill(small)), plan, ~whole):
        frames = np.empty((len(made), plan.height, plan.width, 3), np.uint8)
        for index, frame in enumerate(made.frames):
            known = whole[at + index]
            frames[index] = canvas.pixels[at + index] if known else detail.laid(_stretched(frame, plan), at + index)
        at += len(made)
        yield Clip(frames, made.fps)


def shrunk(canvas: Canvas, width: int, height: int) -> Canvas:
    """The canvas in another size, stretched to it; a pixel is known where all that it covers is."""
    small = Canvas.blank(len(canvas), height, width, canvas.fps)
    some, shape = np.flatnonzero(canvas.known.any((1, 2))), Shape(width, height, mode="stretch")
    pixels, known = np.zeros(small.pixels.shape, np.uint8), np.zeros(small.known.shape, bool)
    for index in some:
        if canvas.known[index].all():
            pixels[index], known[index] = place(canvas.pixels[index], shape), True
        else:
            pixels[index], known[index] = _shrunk_in_part(canvas.pixels[index], canvas.known[index], shape)
    start = canvas.start and Start(fit(canvas.start.clip, width, height, canvas.fps, "stretch"), canvas.start.strength)
    return replace(canvas, pixels=pixels, known=known, start=start, cut=None)


def _shrunk_in_part(pixels: np.ndarray, known: np.ndarray, shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (h, w, 3), each the mean of what it covers, and which of them are known whole; the others are zero."""
    size = (shape.width, shape.height)
    whole = np.asarray(Image.fromarray(known.astype(np.float32)).resize(size, Image.Resampling.BOX)) > 0.999
    means = np.asarray(Image.fromarray(np.ascontiguousarray(pixels)).resize(size, Image.Resampling.BOX))
    return np.where(whole[..., None], means, np.uint8(0)), whole


def _restored(canvas: Canvas, segments: Iterator[Clip]) -> Iterator[Clip]:
    """The filling with what is known put back, so that it is upscaled beside its true neighbours."""
    at = 0
    for segment in segments:
        part = canvas.part(at, at + len(segment))
        at += len(segment)
        yield part.restore(part.eased(segment))


def _upscaled(segments: Iterator[Clip], plan: SizePlan, wanted: np.ndarray | None = None) -> Iterator[Clip]:
    return upscale(segments, plan.factor, wanted) if plan.factor > 1 else segments


def _stretched(frame: np.ndarray, plan: SizePlan) -> np.ndarray:
    """An upscaled frame at the film's size, (H, W, 3) uint8."""
    return place(frame, Shape(plan.width, plan.height, mode="stretch"))


@dataclass
class _Detail:
    """What known frames show beyond their upscaled copies, laid over the frames beside them."""

    canvas: Canvas
    small: Canvas
    plan: SizePlan
    seen: dict[int, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.places = np.flatnonzero(self.canvas.known.all((1, 2)))

    def laid(self, frame: np.ndarray, index: int) -> np.ndarray:
        """The frame (H, W, 3) uint8 that stands there with the detail of the known ones within reach."""
        near = [place for place in self._beside(index) if 0 < abs(place - index) <= FRAMES]
        if not near or index in self.places:
            return frame
        shares = [share(abs(place - index), FRAMES) for place in near]
        whole, led = max(1.0, sum(shares)), frame.astype(np.float32)
        for place_, part in zip(near, shares, strict=True):
            copy, lacking = self._lacking(place_)
            led += np.float32(part / whole) * _still(frame, copy, self.plan) * lacking
        return np.clip(np.rint(led), 0, 255).astype(np.uint8)

    def _beside(self, index: int) -> list[int]:
        """The known frames next to a frame, before it and after it."""
        after = int(np.searchsorted(self.places, index))
        return [int(place) for place in self.places[max(0, after - 1) : after + 1]]

    def _lacking(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """The upscaled copy of a known frame, (H, W, 3) uint8, and what it lacks, int16. The last two are kept."""
        if index not in self.seen:
            alone = Clip(self.small.pixels[index : index + 1], self.canvas.fps)
            copy = _stretched(next(_upscaled(iter([alone]), self.plan)).frames[0], self.plan)
            self.seen = dict(list(self.seen.items())[-1:])
            self.seen[index] = copy, self.canvas.pixels[index].astype(np.int16) - copy
        return self.seen[index]


def _still(frame: np.ndarray, copy: np.ndarray, plan: SizePlan) -> np.ndarray:
    """(H, W, 1) float32: 1 where a frame shows around a pixel what the other does, 0 where it shows something else."""
    change = np.abs(frame.astype(np.int16) - copy).max(-1).astype(np.uint8)
    blur = ImageFilter.BoxBlur(plan.width / plan.native_width)
    around = np.asarray(Image.fromarray(change).filter(blur), np.float32)
    return np.clip(1 - around / np.float32(STILL), 0, 1)[..., None]
