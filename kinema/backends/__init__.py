"""Who can fill a canvas: the backends, what each can do, and how one is found by name.

A backend is anything that has the attributes and the two methods of `Backend`; it inherits nothing of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from importlib import import_module
from typing import Protocol

import numpy as np

from kinema.canvas import Asks, Canvas
from kinema.clip import Clip
from kinema.errors import BackendError, DurationError, SizeError
from kinema.settings import read_settings

__all__ = ["BACKENDS", "Asks", "Backend", "Grid", "Home", "Reading", "Step", "Unknown", "check_asks", "find", "usable"]


@dataclass(frozen=True)
class Grid:
    """The shapes a backend can make: sides in multiples of side_step_px, frames_each * k + frames_more frames."""

    side_step_px: int
    frames_each: int
    rates: tuple[Fraction, ...]
    window: int
    """The longest stretch of frames that is filled at once."""
    frames_more: int = 0

    def check(self, width: int, height: int, fps: Fraction) -> None:
        """Raises SizeError or DurationError, naming the nearest that fits, where the grid has no such shape."""
        for name, side in (("width", width), ("height", height)):
            if side % self.side_step_px:
                nearest = max(1, round(side / self.side_step_px)) * self.side_step_px
                raise SizeError(f"{name} {side} is not a multiple of {self.side_step_px}; the nearest is {nearest}")
        if fps not in self.rates:
            nearest_fps = min(self.rates, key=lambda rate: abs(rate - fps))
            made = ", ".join(f"{float(rate):g}" for rate in self.rates)
            raise DurationError(f"{float(fps):g} fps are not made; {made} are, the nearest is {float(nearest_fps):g}")

    def nearest(self, aspect: float, area: int, longest: int) -> tuple[int, int]:
        """The size nearest in aspect and area, of which four times the area weigh as much as 1.4 times the aspect."""
        sides = np.arange(self.side_step_px, longest + 1, self.side_step_px)
        width, height = (side.ravel() for side in np.meshgrid(sides, sides, indexing="ij"))
        best = np.argmin(np.abs(np.log(width / height / aspect)) + np.abs(np.log(width * height / area)) / 4)
        return int(width[best]), int(height[best])

    def made_frames(self, frames: int) -> int:
        """The fewest frames on the grid that hold so many."""
        return max(1, -(-(frames - self.frames_more) // self.frames_each)) * self.frames_each + self.frames_more


@dataclass(frozen=True)
class Home:
    """What a backend does best: what a recipe means where it says nothing."""

    width: int
    height: int
    frames: int
    fps: Fraction
    steps: int
    guidance: float
    overlap: int
    """Frames of a film that its continuation is best made from."""

    def suits(self, width: int, height: int, grid: Grid) -> bool:
        """Whether a size on the grid is made as it is: where it has at most twice the pixels of the model's own."""
        on_grid = width % grid.side_step_px == height % grid.side_step_px == 0
        return on_grid and width * height <= 2 * self.width * self.height


@dataclass(frozen=True)
class Step:
    """So many steps of a fill are done; `look` shows a frame (H, W, 3) uint8 of what is there, at a small cost.

    `notes` are what a person should know of what was done otherwise than asked, in plain sentences.
    """

    done: int
    total: int
    look: Callable[[], np.ndarray]
    notes: tuple[str, ...] = ()


class Unknown(Protocol):
    """A word that the model does not know, and the nearest that it does, if any is near."""

    @property
    def word(self) -> str: ...
    @property
    def nearest(self) -> str | None: ...


class Reading(Protocol):
    """What a backend makes of a prompt: the words that the model is given, those it does not know, what it changed."""

    @property
    def rewritten(self) -> str: ...
    @property
    def unknown(self) -> tuple[Unknown, ...]: ...
    @property
    def notes(self) -> tuple[str, ...]: ...


class Backend(Protocol):
    """Fills canvases."""

    name: str
    licence: str
    fills: Asks
    grid: Grid
    home: Home
    configuration: str
    """Weights, runtime, precision and threads: all that the same frames depend on beside the recipe."""

    def understand(self, prompts: Sequence[str], *, as_is: bool = False) -> list[Reading]:
        """Prompts that follow one another, each in the model's own words, before anything is made.

        What one leaves unsaid is as it was before; as_is only leaves out the words that the model does not know.
        """
        ...

    def fill(
        self, canvas: Canvas, *, steps: int, guidance: float, rng: np.random.Generator, on_step: Callable[[Step], None]
    ) -> Iterator[Clip]:
        """The canvas filled, in segments that join to its whole length."""
        ...


BACKENDS: dict[str, tuple[str, Asks]] = {
    "native": ("kinema.backends.native", ~Asks.REFERENCES),
    "remote": ("kinema.backends.remote", Asks.NOTHING | Asks.FIRST),
}
"""Name: the module whose `load()` gives the backend, and what it fills (known without loading it)."""


def usable() -> list[str]:
    """The names of those that can be used here: the remote one where the settings name its server."""
    return [name for name in BACKENDS if name != "remote" or read_settings().remote]


def find(name: str) -> Backend:
    """The backend of that name, loaded once for what the settings say of it.

    Raises BackendError, or CheckpointError from its loading.
    """
    if name not in BACKENDS:
        raise BackendError(f"there is no model '{name}'; there are {', '.join(usable())}")
    settings = read_settings()
    of_native = (settings.weights, settings.precision, settings.threads)
    of_remote = (settings.remote, settings.remote_key, settings.remote_model, settings.remote_size)
    return loaded(name, of_remote if name == "remote" else of_native)


@cache
def loaded(name: str, settings: tuple[object, ...]) -> Backend:
    """The backend of that name, loaded under these settings, which are those of now."""
    module, _ = BACKENDS[name]
    return import_module(module).load()


def check_asks(canvas: Canvas, backend: Backend) -> None:
    """Raises BackendError, naming the backends that can, where this one cannot fill such a canvas."""
    missing = canvas.asks & ~backend.fills
    if missing:
        able = [name for name in usable() if canvas.asks in BACKENDS[name][1]]
        words = " and ".join(str(ask.name).lower() for ask in missing)
        fix = f"{', '.join(able)} can" if able else "no backend here can"
        raise BackendError(f"{backend.name} cannot fill a canvas that asks for {words}; {fix}")
