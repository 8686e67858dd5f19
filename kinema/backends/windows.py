"""Where the windows of a long canvas lie, in latents: which are filled at once, and what of each is kept.

It stands alone, without networks, so that its laws can be tested: whatever is unknown is kept from exactly one window,
no window is longer than the model was trained on, and each sees what was made or known beside what it makes.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Window:
    """Latents from start to stop are filled together; those from keep_start to keep_stop are kept."""

    start: int
    stop: int
    keep_start: int
    keep_stop: int


def plan(whole: np.ndarray, pinned: np.ndarray, window: int, overlap: int) -> list[Window]:
    """The windows in the order in which they are to be filled; none where all is known.

    whole (K,) bool: latents of which every pixel is known. pinned (K,) bool: latents that hold a known frame, to which
    what lies before them has to lead; all whole ones do.
    """
    count, windows = len(whole), list[Window]()
    for first, last in _runs(~whole):
        if count <= window or last - first + (first > 0) + (last < count) <= window:
            start = max(0, min(first - (window - (last - first)) // 2, count - window))
            windows.append(Window(start, min(start + window, count), first, last))
        elif last < count and not pinned[first] and first == 0:
            windows += _backward(last, min(count, last + overlap), window, overlap)
        else:
            windows += _forward(first, last, pinned, window, overlap)
    return windows


def _runs(unknown: np.ndarray) -> Iterator[tuple[int, int]]:
    """Start and stop of each unbroken stretch that is True."""
    edges = np.flatnonzero(np.diff(unknown.astype(np.int8), prepend=0, append=0))
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)


def _forward(first: int, last: int, pinned: np.ndarray, window: int, overlap: int) -> Iterator[Window]:
    """Windows from the beginning of a run on; the last is a full one that ends with the run, or beyond it.

    A pin that comes just after a window would have to be reached at once by the next, so less of the window is kept.
    """
    stride, count, kept = window - overlap, len(pinned), first
    while True:
        start = max(0, kept - overlap)
        stop = start + window
        if stop >= min(count, last + 1):
            start = max(0, min(start, min(count, last + overlap) - window))
            yield Window(start, start + window, kept, last)
            return
        soon = np.flatnonzero(pinned[stop : min(stop + stride // 2, last + 1)])
        keep = min(stop, max(kept + 1, stop + int(soon[0]) + 1 - stride)) if len(soon) else stop
        yield Window(start, stop, kept, keep)
        kept = keep


def _backward(last: int, end: int, window: int, overlap: int) -> Iterator[Window]:
    """Windows from what is known after a run back to the beginning; the last of them is a full one."""
    kept = last
    while True:
        start = max(0, (end if kept == last else kept + overlap) - window)
        yield Window(start, start + window, start, kept)
        if start == 0:
            return
        kept = start
