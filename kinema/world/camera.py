"""The camera: where it looks at any moment, and how the world lands on the frame.

The frame always shows the unit square of the world (x in [-0.5, 0.5], y in [0, 1]): wider frames show more at the
sides, taller ones more sky and ground. Layers of smaller parallax shift and scale less.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kinema.world.motions import glide
from kinema.world.paint import PERIOD, Y_TOP, Layer

PAN = 0.22
"""A pan goes this far to each side of the subject: seen, yet the subject stays in the frame."""
ZOOM = 1.4
TILT = (-0.1, 0.12)
MOVE_SECONDS = 3.8


@dataclass(frozen=True)
class Camera:
    """Where the camera is at one moment; `x` and `y` in frame heights at the subject's distance."""

    x: float = 0.0
    y: float = 0.0
    zoom: float = 1.0


@dataclass(frozen=True)
class Lens:
    """How the world lands on frames of one size: (x, y) in frame heights to (column, row) in pixels."""

    width: int
    height: int
    focus_y: float
    """The height that a zoom keeps in place."""

    @property
    def unit(self) -> float:
        """Pixels per frame height of the world."""
        return float(min(self.width, self.height))

    @property
    def lift(self) -> float:
        """How far below y = 0 a tall frame reaches."""
        return min(0.2, 0.3 * (self.height / self.unit - 1))

    def scale(self, camera: Camera, parallax: float = 1.0) -> float:
        """Pixels per frame height at this parallax."""
        return self.unit * (1 + (camera.zoom - 1) * (0.35 + 0.65 * parallax))

    def origin(self, camera: Camera, parallax: float = 1.0) -> tuple[float, float]:
        """Column and row, in pixels from the upper left corner, of the world's (0, 0)."""
        scale = self.scale(camera, parallax)
        column = self.width / 2 - camera.x * parallax * scale
        sinks = camera.y * (0.5 + 0.5 * parallax)
        row = self.height - self.unit * (self.lift + self.focus_y) + (sinks + self.focus_y) * scale
        return column, row

    def place(self, camera: Camera, x: float, y: float) -> tuple[float, float]:
        """Column and row of a point at the subject's distance."""
        column, row = self.origin(camera)
        scale = self.scale(camera)
        return column + x * scale, row - y * scale

    def matrix(self, camera: Camera, layer: Layer, sway: float = 0.0) -> np.ndarray:
        """(2, 3) float64: from pixel indices of the frame to pixel indices of the whole layer."""
        column, row = self.origin(camera, layer.parallax)
        ratio = layer.per_unit / self.scale(camera, layer.parallax)
        left = (0.5 - column) * ratio + (PERIOD / 2 - sway) * layer.per_unit - 0.5
        top = (0.5 - row) * ratio + Y_TOP * layer.per_unit - 0.5
        return np.array([[ratio, 0.0, left], [0.0, ratio, top]])


Move = Callable[[float, float], Camera]
"""Seconds and the followed thing's x, relative to its home, to a camera."""


def static(seconds: float, followed: float) -> Camera:
    """Stands still."""
    return Camera()


def pans_left(seconds: float, followed: float) -> Camera:
    """Travels left past the subject, so the background moves right; then rests."""
    return Camera(x=PAN - 2 * PAN * glide(seconds, MOVE_SECONDS))


def pans_right(seconds: float, followed: float) -> Camera:
    """Travels right past the subject, so the background moves left; then rests."""
    return Camera(x=2 * PAN * glide(seconds, MOVE_SECONDS) - PAN)


def zooms_in(seconds: float, followed: float) -> Camera:
    """Closes in on the subject; then rests."""
    return Camera(zoom=ZOOM ** glide(seconds, MOVE_SECONDS))


def zooms_out(seconds: float, followed: float) -> Camera:
    """Draws back from the subject; then rests."""
    return Camera(zoom=ZOOM ** (1 - glide(seconds, MOVE_SECONDS)))


def tilts_up(seconds: float, followed: float) -> Camera:
    """Rises, so the background sinks; then rests."""
    return Camera(y=TILT[0] + (TILT[1] - TILT[0]) * glide(seconds, MOVE_SECONDS))


def follows(seconds: float, followed: float) -> Camera:
    """Stays beside the first thing wherever it goes."""
    return Camera(x=followed)


CAMERAS: dict[str, Move] = {
    "static": static,
    "pans_left": pans_left,
    "pans_right": pans_right,
    "zooms_in": zooms_in,
    "zooms_out": zooms_out,
    "tilts_up": tilts_up,
    "follows": follows,
}
