"""How far a film is: one line that renews itself, with the time that remains from the first second, and its picture.

All verbs that make films show them alike. Nothing is written where nobody watches, unless it was asked for.

    with Progress(expected_s=pace.expected_seconds(recipe), preview=True) as progress:
        engine.make(recipe, path, on_step=progress.step)
"""

from __future__ import annotations

import sys
import threading
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING

from kinema.cli.preview import draw, painter
from kinema.cli.terminal import columns, is_terminal, is_utf8

if TYPE_CHECKING:
    from kinema.backends import Step

TICK_SECONDS = 0.5
PIPE_SECONDS = 10.0
PREVIEW_SECONDS = 0.25
BAR_WIDEST, BAR_NARROWEST = 24, 6
TRUSTED_STEPS = 8
"""So many measured steps outweigh what was expected; a third of them is worth remembering."""


class Progress:
    """A line on stderr (and the picture above it), which is gone when the film is there.

    shown: True writes plain lines now and then where stderr is no terminal; False writes nothing; None asks the
    terminal. expected_s is what is thought before the first step is done.
    """

    def __init__(
        self,
        label: str = "making",
        *,
        expected_s: float | None = None,
        shown: bool | None = None,
        preview: bool = False,
    ) -> None:
        self.stream = sys.stderr
        self.label, self.expected_s = label, expected_s
        self.moves = is_terminal(self.stream)
        self.shown = self.moves if shown is None else shown
        self.paint = painter(self.stream) if preview and self.shown else None
        self.done = self.total = self.rows = 0
        self._begun = self._first_at = self._last_at = self._told = self._drawn = monotonic()
        self._first = 0
        self._lock, self._over = threading.Lock(), threading.Event()
        self._ticker = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> Progress:
        self._begun = self._first_at = monotonic()
        if self.shown:
            self._tell(force=True)
            self._ticker.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: TracebackType | BaseException | None) -> None:
        self._over.set()
        if self._ticker.is_alive():
            self._ticker.join()
        if self.shown and self.moves:
            self._clear_line()

    @property
    def measured_s(self) -> float | None:
        """What all steps take at the pace that was measured; None where too few were seen, or pictures slowed them."""
        seen = self.done - self._first
        if seen < TRUSTED_STEPS // 3 or self.paint is not None:
            return None
        return (self._last_at - self._first_at) / seen * self.total

    def step(self, step: Step) -> None:
        """One more step is done; a count that starts again is the next of several fills."""
        with self._lock:
            if step.done <= self.done or step.total != self.total:
                self._first, self._first_at = step.done, monotonic()
            self.done, self.total, self._last_at = step.done, step.total, monotonic()
        if not self.shown:
            return
        last = step.done == step.total
        if self.paint is not None and (last or self._drawn + PREVIEW_SECONDS <= monotonic()):
            picture = step.look()
            with self._lock:
                self.rows = draw(picture, self.paint, self.stream, self.rows)
            self._drawn = monotonic()
        self._tell(force=last and self.moves)

    def left_s(self) -> float | None:
        """Seconds that remain: what was expected, giving way to what is measured; None before either is known."""
        now, seen = monotonic(), self.done - self._first
        expected = None if self.expected_s is None else max(0.0, self.expected_s - (now - self._begun))
        if seen <= 0:
            return expected
        pace = (self._last_at - self._first_at) / seen
        measured = max(0.0, pace * (self.total - self.done) - (now - self._last_at))
        trust = 1.0 if expected is None else min(1.0, seen / TRUSTED_STEPS)
        return trust * measured + (1 - trust) * (expected or 0.0)

    def line(self, wide: int) -> str:
        """The line, at most so many letters wide."""
        left = self.left_s()
        remaining = "" if left is None else "almost done" if left < 0.5 else f"~{duration(left)} left"
        share = min(1.0, self.done / self.total) if self.total else 0.0
        counted = f"{self.done}/{self.total}" if self.total else ""
        if self.total and self.done >= self.total:
            remaining = "finishing"
        said = [word for word in (self.label, counted, remaining) if word]
        room = wide - sum(len(word) + 1 for word in said)
        if room >= BAR_NARROWEST and (counted or remaining):
            said.insert(1, self._bar(share, min(BAR_WIDEST, room)))
        while len(said) > 1 and len(" ".join(said)) > wide:
            said.pop(0)
        return " ".join(said)[:wide]

    def _bar(self, share: float, wide: int) -> str:
        full, empty = ("█", "░") if is_utf8(self.stream) else ("#", ".")
        filled = round(share * wide)
        return full * filled + empty * (wide - filled)

    def _tick(self) -> None:
        """The clock goes on between steps, which may take long."""
        while not self._over.wait(TICK_SECONDS):
            self._tell()

    def _tell(self, force: bool = False) -> None:
        with self._lock:
            now = monotonic()
            every = 0.1 if self.moves else PIPE_SECONDS
            if self._over.is_set() or (not force and now - self._told < every):
                return
            self._told = now
            if self.moves:
                self.stream.write(f"\r\x1b[2K{self.line(columns(self.stream) - 1)}")
            else:
                self.stream.write(f"{self.line(columns(self.stream))}\n")
            self.stream.flush()

    def _clear_line(self) -> None:
        self.stream.write("\r\x1b[2K")
        self.stream.flush()


def duration(seconds: float) -> str:
    """`8 s`, `2 min 5 s`, `1 h 5 min`: as exact as an estimate is."""
    if seconds < 59.5:
        return f"{max(1, round(seconds))} s"
    if seconds < 3597.5:
        minutes, rest = divmod(round(seconds / 5) * 5, 60)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"
