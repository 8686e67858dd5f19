"""How a task is played: its canvases go out to be filled, the film comes back segment by segment.

The frames of a long film lie in an unlinked temporary file and are mapped from there, so that a film of any length
takes no memory of its own.
"""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from fractions import Fraction

import numpy as np

from kinema.canvas import Canvas
from kinema.clip import Clip, Latents, Sound
from kinema.errors import OutputError
from kinema.tasks.painting import Task

IN_MEMORY_BYTES = 8_000_000
"""Frames that are kept in memory, being few."""
Fill = Callable[[Canvas], Iterable[Clip]]
"""A canvas filled, in segments that join to its whole length."""


def play(task: Task, fill: Fill) -> Iterator[Clip]:
    """The segments of the task's film, in order and, where the task allows, as they are made."""
    canvas, frames, streamed = next(task), 0, False
    while True:
        made = Spool()
        for segment in _filled(canvas, fill, made):
            streamed = True
            yield _with_sound(segment, canvas, frames)
            frames += len(segment)
        try:
            canvas = task.send(made.clip())
        except StopIteration as end:
            if not streamed:
                yield end.value
            return


def _filled(canvas: Canvas, fill: Fill, made: Spool) -> Iterator[Clip]:
    """What the film shows of the canvas, as it is filled; the whole filling goes into `made`, known pixels restored."""
    cut, at = canvas.cut, 0
    if cut and cut.before:
        yield cut.before
    for segment in fill(canvas):
        part = canvas.part(at, at + len(segment))
        restored = part.restore(part.eased(segment))
        made.add(restored)
        shown = cut.shown(restored, at) if cut else None
        at += len(segment)
        if shown:
            yield shown
    assert at == len(canvas), f"{at} frames fill a canvas of {len(canvas)}"
    if cut and cut.after:
        yield cut.after


def _with_sound(segment: Clip, canvas: Canvas, at: int) -> Clip:
    """The segment, which begins at frame `at` of the film, with its share of the film's sound."""
    whole = canvas.cut and canvas.cut.sound
    if not whole:
        return replace(segment, sound=None)
    start, stop = (round(frame / segment.fps * whole.rate) for frame in (at, at + len(segment)))
    samples = whole.samples[start:stop]
    return replace(segment, sound=replace(whole, samples=np.pad(samples, ((0, stop - start - len(samples)), (0, 0)))))


class Spool:
    """Collects the segments of a clip: short ones in memory, long ones on disk."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)  # noqa: SIM115
        weakref.finalize(self, self._file.close)  # what is mapped from it stays
        self._shape, self._fps, self._frames = (0, 0, 0), Fraction(1), 0
        self._sounds: list[Sound | None] = []
        self._latents: list[Latents | None] = []

    def add(self, segment: Clip) -> None:
        """Puts a segment after those that are there. Raises OutputError where the disk is full."""
        try:
            self._file.write(np.ascontiguousarray(segment.frames).data)
            self._file.flush()
        except OSError as error:
            raise OutputError(
                f"frames cannot be kept in {tempfile.gettempdir()}: {error.strerror}; free it, or set TMPDIR"
            ) from None
        self._shape, self._fps = segment.frames.shape[1:], segment.fps
        self._frames += len(segment)
        self._sounds.append(segment.sound)
        self._latents.append(_whole(segment))

    def through(self, segments: Iterable[Clip]) -> Iterator[Clip]:
        """The same segments, each kept as it passes."""
        for segment in segments:
            self.add(segment)
            yield segment

    def clip(self) -> Clip:
        """All of it, its frames read-only and, of a long one, mapped from the disk."""
        shape = (self._frames, *self._shape)
        if self._frames * int(np.prod(self._shape)) > IN_MEMORY_BYTES:
            frames = np.asarray(np.memmap(self._file, np.uint8, "r", shape=shape))
        else:
            self._file.seek(0)
            frames = np.frombuffer(self._file.read(), np.uint8).reshape(shape)
        return Clip(frames, self._fps, self._joined_sound(), self._joined_latents())

    def _joined_sound(self) -> Sound | None:
        sounds = [sound for sound in self._sounds if sound]
        return replace(sounds[0], samples=np.concatenate([sound.samples for sound in sounds])) if sounds else None

    def _joined_latents(self) -> Latents | None:
        latents = [each for each in self._latents if each]
        if len(latents) < len(self._latents) or len({(each.maker, each.frames_each) for each in latents}) != 1:
            return None
        return replace(latents[0], values=np.concatenate([each.values for each in latents]))


def _whole(segment: Clip) -> Latents | None:
    """The segment's latents where they cover it whole."""
    latents = segment.latents
    return latents if latents and len(latents.values) * latents.frames_each == len(segment) else None
