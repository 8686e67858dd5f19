"""The crew: processes that render the pocket world without end, while an accelerator learns from what they made so far.

An accelerator learns in minutes what takes cores a day, so its clips are rendered beside it and never touch the disk:
each goes through a ring of shared memory straight into a pool (pools.py). Every clip is one of a run of the world, so
what was learnt from can be listed and rendered again. A process keeps to one run, since places are painted for a size.

T frames, H W pixels, L words.
"""

from __future__ import annotations

import ctypes
import itertools
import multiprocessing
import queue
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from kinema.data import world
from kinema.data.manifest import Entry
from kinema.errors import TrainingError
from kinema.model.words import word_ids

PAINTED_BYTES = 1_500_000_000
"""All painted places that one process keeps."""
WAIT_S = 300.0
"""After so long without a clip, something is wrong."""


@dataclass(frozen=True)
class Order:
    """What a crew renders: runs of the world, and how many processes share each; captions in `words`, L long."""

    runs: tuple[world.Run, ...]
    workers: tuple[int, ...]
    words: tuple[str, ...]
    length: int

    @property
    def clip_bytes(self) -> int:
        """Of the largest clip."""
        return max(run.frames * run.height * run.width * 3 for run in self.runs)


@dataclass(frozen=True)
class Rendered:
    """A clip in the ring: its slot, its run, its line of the manifest, its captions' word ids (captions, L) int16, and
    which pixels some task would know of it, packed along the width (T, H, W / 8) uint8."""

    slot: int
    run: int
    entry: Entry
    ids: np.ndarray
    known: np.ndarray


class Crew:
    """Renders an order until it is dismissed; a context manager."""

    def __init__(self, order: Order, slots: int = 512) -> None:
        context = multiprocessing.get_context("spawn")
        self.order = order
        self._ring = context.RawArray(ctypes.c_uint8, slots * order.clip_bytes)
        self._free, self._ready = context.Queue(), context.Queue()
        for slot in range(slots):
            self._free.put(slot)
        self._processes = [
            context.Process(target=_render, args=(order, run, worker, self._ring, self._free, self._ready), daemon=True)
            for run, workers in enumerate(order.workers)
            for worker in range(workers)
        ]
        for process in self._processes:
            process.start()

    def frames(self, rendered: Rendered) -> np.ndarray:
        """The clip's frames (T, H, W, 3) uint8, in the ring itself: gone once its slot is freed."""
        run = self.order.runs[rendered.run]
        size = run.frames * run.height * run.width * 3
        start = rendered.slot * self.order.clip_bytes
        return np.frombuffer(memoryview(self._ring), np.uint8, size, start).reshape(
            run.frames, run.height, run.width, 3
        )

    def take(self) -> Iterator[Rendered]:
        """Clips as they come, without end. Raises TrainingError where the crew is gone or sends nothing any more."""
        while True:
            try:
                yield self._ready.get(timeout=WAIT_S)
            except queue.Empty:
                codes = sorted({process.exitcode for process in self._processes if process.exitcode is not None})
                raise TrainingError(f"no clip was rendered in {WAIT_S:.0f} s (exit codes {codes}); see above") from None

    def free(self, rendered: Rendered) -> None:
        """The clip's slot may be used again."""
        self._free.put(rendered.slot)

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        self.dismiss()

    def dismiss(self) -> None:
        """Nobody renders any more."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.join()


def _render(
    order: Order,
    run: int,
    worker: int,
    ring: ctypes.Array[ctypes.c_uint8],
    free: multiprocessing.Queue[int],
    ready: multiprocessing.Queue[Rendered],
) -> None:
    """The body of one process: its share of a run's clips, one after the other."""
    import cv2

    from kinema.tasks import draw_canvas
    from kinema.world import places

    cv2.setNumThreads(1)
    places.CACHE_BYTES = PAINTED_BYTES
    for index in itertools.count(worker, order.workers[run]):
        record, clip = world.render(order.runs[run], index)
        rng = np.random.default_rng(int(record.sha256[:16], 16))
        known = np.packbits(draw_canvas(rng, clip).known, axis=-1)
        ids = np.array([word_ids(said, order.words, order.length) for said in record.captions], np.int16)
        slot = free.get()
        np.frombuffer(memoryview(ring), np.uint8, clip.frames.size, slot * order.clip_bytes)[:] = clip.frames.ravel()
        ready.put(Rendered(slot, run, Entry.of(record), ids, known))
