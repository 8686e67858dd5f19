"""Brushes: what paints one layer of a place, and what a finished layer is.

World coordinates are in frame heights: x = 0 is the middle of the frame and y = 0 its lower edge, so the
frame shows y in [0, 1]. A layer repeats along x every `PERIOD`, which lets a camera travel without end.
It stands alone because it knows colours and shapes only: which shapes make a meadow is said in `places.py`.

Colours are float32 (3,) sRGB in [0, 1]; pixels are premultiplied RGBA.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

cv2.setNumThreads(1)

PERIOD = 2.8
"""Width of a layer in frame heights: more than a 16:9 frame and a whole pan, so nobody meets the repeat."""
Y_TOP, Y_BOTTOM = 1.25, -0.3
"""The painted part of the world; the frame's [0, 1] and what a tilt can reach."""
OVERSAMPLING = 1.25
"""Layer pixels per frame pixel: enough for the closest zoom to stay sharp."""

Colour = np.ndarray


def rgb(red: float, green: float, blue: float) -> Colour:
    """The colour of three 8-bit values."""
    return np.array((red, green, blue), np.float32) / np.float32(255)


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """`first` with `share` of it replaced by `second`."""
    return first + (second - first) * np.float32(share)


@dataclass(frozen=True)
class Layer:
    """A finished layer, cropped to the rows that hold paint."""

    pixels: np.ndarray
    """(rows, columns, 4) uint8, premultiplied; columns span one `PERIOD`, x = 0 at the middle column."""
    first_row: int
    """Row of the whole layer at which `pixels` begins."""
    per_unit: float
    """Layer pixels per frame height."""
    parallax: float
    """0 = infinitely far, 1 = where the subject stands, above 1 = nearer than the subject."""
    sway: float = 0.0
    """How far it rocks from side to side, in frame heights: the wave before the boats."""


class Panel:
    """One layer while it is being painted: (rows, columns, 4) float32, premultiplied."""

    def __init__(self, frame_height: int, parallax: float, sway: float = 0.0) -> None:
        self.columns = round(frame_height * OVERSAMPLING * PERIOD)
        self.per_unit = self.columns / PERIOD
        self.rows = round(self.per_unit * (Y_TOP - Y_BOTTOM))
        self.parallax, self.sway = parallax, sway
        self.pixels = np.zeros((self.rows, self.columns, 4), np.float32)

    def row(self, y: float) -> int:
        """The row at height y, kept inside the layer."""
        return int(np.clip(round((Y_TOP - y) * self.per_unit), 0, self.rows))

    @property
    def xs(self) -> np.ndarray:
        """(columns,) x of every column."""
        return (np.arange(self.columns, dtype=np.float32) + 0.5) / self.per_unit - PERIOD / 2

    @property
    def ys(self) -> np.ndarray:
        """(rows,) y of every row."""
        return Y_TOP - (np.arange(self.rows, dtype=np.float32) + 0.5) / self.per_unit

    def lay(self, rows: slice, columns: np.ndarray | slice, colour: np.ndarray, cover: np.ndarray) -> None:
        """Paint `colour` over a part of the layer with opacity `cover`, (rows, columns) in [0, 1]."""
        cover = cover[..., None].astype(np.float32)
        region = self.pixels[rows, columns]
        paint = np.concatenate([np.broadcast_to(colour, (*cover.shape[:2], 3)), np.ones_like(cover)], -1)
        self.pixels[rows, columns] = region * (1 - cover) + paint.astype(np.float32) * cover

    def _near(self, x: float, reach: float) -> tuple[np.ndarray, np.ndarray]:
        """Columns within `reach` of x around the seam, and their signed distance from x in frame heights."""
        half = min(int(np.ceil(reach * self.per_unit)) + 1, self.columns // 2)
        centre = int(np.floor((x + PERIOD / 2) * self.per_unit))
        steps = np.arange(centre - half, centre + half)
        return steps % self.columns, (steps + 0.5) / self.per_unit - PERIOD / 2 - x

    def gradient(self, top: Colour, bottom: Colour, y_top: float, y_bottom: float, power: float = 1.0) -> None:
        """Fill everything: `top` at y_top and above, `bottom` at y_bottom and below."""
        share = np.clip((y_top - self.ys) / (y_top - y_bottom), 0, 1)[:, None, None] ** power
        colour = top * (1 - share) + bottom * share
        self.lay(slice(None), slice(None), colour, np.ones((self.rows, self.columns), np.float32))

    def ellipse(
        self, x: float, y: float, size: tuple[float, float], colour: Colour, alpha: float = 1.0, soft: float = 0.08
    ) -> None:
        """An ellipse with radii `size` about (x, y); `soft` is the share of the radius over which it fades."""
        columns, dx = self._near(x, size[0])
        rows = slice(self.row(y + size[1]), self.row(y - size[1]) + 1)
        dy = self.ys[rows] - y
        distance = np.sqrt((dx[None] / size[0]) ** 2 + (dy[:, None] / size[1]) ** 2)
        edge = max(soft, 1 / (min(size) * self.per_unit))
        self.lay(rows, columns, colour, np.clip((1 - distance) / edge, 0, 1) * alpha)

    def rectangle(self, x: tuple[float, float], y: tuple[float, float], colour: Colour, alpha: float = 1.0) -> None:
        """A rectangle from x[0] to x[1] and y[0] (lower) to y[1] (upper)."""
        columns, dx = self._near((x[0] + x[1]) / 2, (x[1] - x[0]) / 2 + 0.02)
        half = (x[1] - x[0]) / 2
        across = np.clip((half - np.abs(dx)) * self.per_unit + 0.5, 0, 1)
        rows = slice(max(0, self.row(y[1]) - 1), self.row(y[0]) + 1)
        middle, tall = (y[0] + y[1]) / 2, (y[1] - y[0]) / 2
        down = np.clip((tall - np.abs(self.ys[rows] - middle)) * self.per_unit + 0.5, 0, 1)
        self.lay(rows, columns, colour, down[:, None] * across[None] * alpha)

    def erase(self, x: tuple[float, float], y: tuple[float, float]) -> None:
        """Cut a rectangular hole: what lies behind shows through."""
        columns = self._near((x[0] + x[1]) / 2, (x[1] - x[0]) / 2)[0][1:-1]
        self.pixels[self.row(y[1]) : self.row(y[0]), columns] = 0

    def polygon(self, points: Sequence[tuple[float, float]], colour: Colour, alpha: float = 1.0) -> None:
        """A filled polygon of (x, y) corners."""
        corners = np.array(points, np.float64)
        left, right = corners[:, 0].min(), corners[:, 0].max()
        columns, _ = self._near((left + right) / 2, (right - left) / 2)
        rows = slice(max(0, self.row(corners[:, 1].max()) - 1), self.row(corners[:, 1].min()) + 1)
        origin = np.floor(((left + right) / 2 + PERIOD / 2) * self.per_unit) - len(columns) / 2
        px = (corners[:, 0] + PERIOD / 2) * self.per_unit - origin - 0.5
        py = (Y_TOP - corners[:, 1]) * self.per_unit - rows.start - 0.5
        mask = np.zeros((rows.stop - rows.start, len(columns)), np.uint8)
        fixed = np.round(np.stack([px, py], -1) * 16).astype(np.int32)
        cv2.fillPoly(mask, [fixed], 255, cv2.LINE_AA, 4)
        self.lay(rows, columns, colour, mask[: self.rows - rows.start].astype(np.float32) / 255 * alpha)

    def ground(self, tops: np.ndarray, upper: Colour, lower: Colour, depth: float = 0.5) -> None:
        """Fill below the outline `tops`, (columns,) of y: `upper` at the outline, `lower` from `depth` under it on."""
        under = tops[None, :] - self.ys[:, None]
        share = np.clip(under / depth, 0, 1)[..., None]
        cover = np.clip(under * self.per_unit + 0.5, 0, 1)
        self.lay(slice(None), slice(None), upper * (1 - share) + lower * share, cover)

    def stamp(
        self,
        picture: np.ndarray,
        foot: tuple[float, float],
        size: float,
        tint: Colour,
        haze: tuple[Colour, float] | None = None,
    ) -> None:
        """A sprite frame, (P, P, 4) premultiplied in [0, 1], standing at `foot`, `size` tall, with a share of haze."""
        x, y = foot
        side = max(4, round(size * self.per_unit))
        shrinks = side < picture.shape[0]
        drawn = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
        drawn[..., :3] *= tint
        if haze is not None:
            colour, share = haze
            drawn[..., :3] = mix(drawn[..., :3], colour * drawn[..., 3:], share)
        top = round((Y_TOP - y) * self.per_unit) - side
        above, below = max(0, -top), max(0, top + side - self.rows)
        drawn = drawn[above : side - below]
        if not len(drawn):
            return
        left = round((x + PERIOD / 2) * self.per_unit) - side // 2
        rows, columns = slice(top + above, top + side - below), np.arange(left, left + side) % self.columns
        self.pixels[rows, columns] = self.pixels[rows, columns] * (1 - drawn[..., 3:]) + drawn

    def finished(self) -> Layer:
        """The layer in 8 bits, cropped to its painted rows and one empty row around them where there is one."""
        painted = np.flatnonzero(self.pixels[..., 3].max(1) > 0)
        first, last = (max(0, int(painted[0]) - 1), int(painted[-1]) + 2) if len(painted) else (0, 1)
        pixels = np.clip(self.pixels[first:last] * 255 + 0.5, 0, 255).astype(np.uint8)
        return Layer(pixels, first, self.per_unit, self.parallax, self.sway)
