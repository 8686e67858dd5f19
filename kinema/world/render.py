"""Renders a scene: places behind, actors in between, weather before; the same bytes for the same scene.

Frames are a function of their index alone, so a shorter render is the beginning of a longer one. A still camera
composes its background once; sprites are warped only where they are. Letters: T frames, H W pixels.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache

import cv2
import numpy as np

from kinema.clip import Clip
from kinema.errors import DurationError, SizeError
from kinema.world.camera import Camera, Lens
from kinema.world.light import Light, light_of
from kinema.world.motions import Actor, Pose
from kinema.world.paint import Layer
from kinema.world.places import LAYOUTS, Backdrop, backdrop
from kinema.world.scene import Scene, Thing
from kinema.world.sprites import SIZE_PX, sprite
from kinema.world.stage import Stage, extent, stage

cv2.setNumThreads(1)

SPRITE_FPS = 8
THINNEST = 0.3
"""Share of its width that a sprite keeps while it turns round."""
SMALLEST_PX, LARGEST_PX = 16, 2048
UNSHADED = ("clouds", "ocean", "underwater")
"""Places without a ground to cast a shadow on."""


def render(scene: Scene, *, width: int = 128, height: int = 128, frames: int = 32, fps: Fraction = Fraction(8)) -> Clip:
    """The scene as a clip, (T, H, W, 3). SizeError or DurationError for what cannot be rendered."""
    if frames < 1:
        raise DurationError(f"{frames} frames make no clip; ask for 1 or more")
    take = Take(scene, width, height, Fraction(fps))
    return Clip(np.stack(list(take.frames(frames))), Fraction(fps))


def visibility(
    scene: Scene, width: int = 128, height: int = 128, frames: int = 32, fps: Fraction = Fraction(8)
) -> np.ndarray:
    """(things, frames): the share of each thing's visible box that lies inside the frame; the least of several."""
    take = Take(scene, width, height, Fraction(fps))
    shares = np.array([take.shares(frame) for frame in range(frames)]).T
    if len(scene.things) == 1:
        return shares.min(0, keepdims=True)
    return shares


class Take:
    """A scene at one size and rate; yields its frames."""

    def __init__(self, scene: Scene, width: int, height: int, fps: Fraction) -> None:
        for what, value in (("width", width), ("height", height)):
            if not SMALLEST_PX <= value <= LARGEST_PX:
                nearest = min(max(value, SMALLEST_PX), LARGEST_PX)
                raise SizeError(f"{what} {value} is not within {SMALLEST_PX} to {LARGEST_PX}; the nearest is {nearest}")
        if fps <= 0:
            raise DurationError(f"a rate of {fps} frames per second makes no clip; it must be above 0")
        self.scene, self.width, self.height, self.fps = scene, width, height, fps
        self.stage: Stage = stage(scene)
        self.lens = Lens(width, height, self.stage.focus_y)
        self.light: Light = light_of(scene.time, scene.weather)
        self.tint = self.light.subject if scene.place not in ("moon", "underwater") else np.ones(3, np.float32)
        self.shaded = scene.place not in UNSHADED

    @property
    def backdrop(self) -> Backdrop:
        """The painted place."""
        return backdrop(
            self.scene.place, self.scene.time, self.scene.weather, self.scene.seed % LAYOUTS, int(self.lens.unit)
        )

    def frames(self, count: int) -> Iterator[np.ndarray]:
        """The first frames, (H, W, 3) uint8 each."""
        painted = self.backdrop
        seen: Camera | None = None
        background = np.empty(0)
        for frame in range(count):
            seconds = float(frame / self.fps)
            poses = self.stage.poses(seconds)
            camera = self.stage.camera(seconds, poses)
            if camera != seen:
                background, seen = self._background(painted, camera), camera
            canvas = background.copy()
            self._draw(canvas, camera, poses, seconds)
            for layer in painted.front:
                sway = layer.sway * math.sin(2 * math.pi * seconds / 4)
                self._lay(canvas, layer, camera, sway)
            self._weather(canvas, seconds)
            yield np.clip(canvas + 0.5, 0, 255).astype(np.uint8)

    def shares(self, frame: int) -> list[float]:
        """The share of each actor's visible box inside a frame."""
        seconds = float(frame / self.fps)
        poses = self.stage.poses(seconds)
        camera = self.stage.camera(seconds, poses)
        return [self._share(actor, pose, camera) for actor, pose in zip(self.stage.actors, poses, strict=True)]

    def _share(self, actor: Actor, pose: Pose, camera: Camera) -> float:
        wide, tall = actor.wide * pose.wide, actor.tall * pose.tall
        left, top = self.lens.place(camera, pose.x - wide / 2, pose.y + tall)
        right, bottom = self.lens.place(camera, pose.x + wide / 2, pose.y)
        across = max(0.0, min(right, self.width) - max(left, 0.0))
        down = max(0.0, min(bottom, self.height) - max(top, 0.0))
        return across * down / ((right - left) * (bottom - top))

    def _background(self, painted: Backdrop, camera: Camera) -> np.ndarray:
        """(H, W, 3) float32 in [0, 255]: the layers behind the subject."""
        canvas = np.zeros((self.height, self.width, 3), np.float32)
        for layer in painted.back:
            self._lay(canvas, layer, camera)
        return canvas

    def _lay(self, canvas: np.ndarray, layer: Layer, camera: Camera, sway: float = 0.0) -> None:
        """Blend a layer onto the canvas where it has paint."""
        matrix = self.lens.matrix(camera, layer, sway)
        ratio, left, top = matrix[0, 0], matrix[0, 2], matrix[1, 2] - layer.first_row
        first = 0 if layer.first_row == 0 else min(self.height, max(0, math.floor(-top / ratio)))
        if first >= self.height:
            return
        start = math.floor(left)
        columns = math.ceil(ratio * self.width) + 3
        low = min(max(0, math.floor(first * ratio + top)), layer.pixels.shape[0] - 1)
        high = max(low + 1, min(layer.pixels.shape[0], math.ceil(self.height * ratio + top) + 2))
        source = _wrapped(layer.pixels[low:high], start, columns)
        local = np.array([[ratio, 0, left - start], [0, ratio, top - low + first * ratio]])
        size = (self.width, self.height - first)
        drawn = cv2.warpAffine(
            source, local, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
        )
        if layer.parallax == 0.0:
            canvas[:] = drawn[..., :3]
            return
        _blend(canvas[first:], drawn)

    def _draw(self, canvas: np.ndarray, camera: Camera, poses: tuple[Pose, ...], seconds: float) -> None:
        """Shadows, then actors, farthest first."""
        if self.shaded:
            for actor, pose in zip(self.stage.actors, poses, strict=True):
                self._shadow(canvas, camera, actor, pose)
        order = sorted(range(len(poses)), key=lambda index: poses[index].depth)
        for index in order:
            self._actor(canvas, camera, index, poses[index], seconds)

    def _shadow(self, canvas: np.ndarray, camera: Camera, actor: Actor, pose: Pose) -> None:
        """A soft ellipse on the floor, fainter and smaller the higher its owner is."""
        above = max(0.0, pose.y - pose.floor)
        scale = self.lens.scale(camera)
        half = max(1.5, actor.wide * pose.wide * 0.48 * max(0.45, 1 - above) * scale)
        flat = max(1.0, half * 0.22)
        column, row = self.lens.place(camera, pose.x, pose.floor + 0.008)
        left, right = max(0, int(column - half)), min(self.width, int(column + half) + 2)
        top, bottom = max(0, int(row - flat)), min(self.height, int(row + flat) + 2)
        if left >= right or top >= bottom:
            return
        dx = (np.arange(left, right, dtype=np.float32) + 0.5 - column) / half
        dy = (np.arange(top, bottom, dtype=np.float32) + 0.5 - row) / flat
        inside = np.clip(1.4 - 1.4 * (dx[None] ** 2 + dy[:, None] ** 2), 0, 1)
        strength = 0.36 * pose.alpha * max(0.3, 1 - 1.3 * above)
        canvas[top:bottom, left:right] *= (1 - np.float32(strength) * inside)[..., None]

    def _actor(self, canvas: np.ndarray, camera: Camera, index: int, pose: Pose, seconds: float) -> None:
        """Warp one frame of the sprite's loop into its box."""
        if pose.alpha <= 0.01:
            return
        actor, thing = self.stage.actors[index], self.stage.pictures[index]
        pixels = actor.size * self.lens.scale(camera)
        loop = _loop(thing.name, thing.colour, SIZE_PX if pixels > 56 else SIZE_PX // 2)
        picture = loop[int(seconds * SPRITE_FPS + 1e-6 + 5 * index) % len(loop)]
        matrix = self._sprite_matrix(camera, actor, thing, pose, picture.shape[0])
        side = picture.shape[0]
        corners = matrix @ np.array([[0, side, 0, side], [0, 0, side, side], [1, 1, 1, 1]], np.float64)
        left, top = np.maximum(np.floor(corners.min(1)).astype(int) - 1, 0)
        right = min(self.width, int(corners[0].max()) + 2)
        bottom = min(self.height, int(corners[1].max()) + 2)
        if left >= right or top >= bottom:
            return
        # cv2 counts pixel centres, our matrix counts pixel corners
        matrix[:, 2] += matrix[:, :2] @ np.array([0.5, 0.5]) - 0.5 - np.array([left, top])
        drawn = cv2.warpAffine(picture, matrix, (right - left, bottom - top), flags=cv2.INTER_LINEAR)
        _blend(canvas[top:bottom, left:right], drawn, self.tint, pose.alpha)

    def _sprite_matrix(self, camera: Camera, actor: Actor, thing: Thing, pose: Pose, side: int) -> np.ndarray:
        """(2, 3) float64 from sprite pixels to frame pixels, corners counted from 0."""
        scale = actor.size * self.lens.scale(camera) / side
        facing = math.copysign(max(THINNEST, abs(pose.facing)), pose.facing) if actor.sided else actor.side
        across, down = -facing * pose.wide * scale, pose.tall * scale
        pivot = np.array([side / 2, side * (1 - extent(thing.name)[1] / 2) if pose.centred else side])
        rise = actor.tall * pose.tall / 2 if pose.centred else 0.0
        target = np.array(self.lens.place(camera, pose.x, pose.y + rise))
        cosine, sine = math.cos(pose.turn), math.sin(pose.turn)
        linear = np.array([[across * cosine, down * sine], [-across * sine, down * cosine]])
        return np.column_stack([linear, target - linear @ pivot])

    def _weather(self, canvas: np.ndarray, seconds: float) -> None:
        """A few soft streaks of rain or flakes of snow before everything."""
        if self.scene.weather == "clear":
            return
        unit = self.lens.unit
        wide, tall = self.width / unit, self.height / unit
        rains = self.scene.weather == "rain"
        stamp = _streak(int(unit)) if rains else _flake(int(unit))
        speed, slant = (1.1, 0.12) if rains else (0.13, 0.0)
        for column, (x, y, depth, phase) in _drops(self.scene.seed % LAYOUTS, math.ceil(wide)):
            fall = (y + speed * depth * seconds) % (tall + 0.2) - 0.1
            drift = -slant * fall if rains else 0.02 * math.sin(2 * math.pi * (seconds / 4 + phase))
            _dab(canvas, stamp, (column + x + drift) * unit, fall * unit)


def _wrapped(pixels: np.ndarray, start: int, columns: int) -> np.ndarray:
    """`columns` columns from `start` on, going round the layer."""
    period = pixels.shape[1]
    begin = start % period
    if begin + columns <= period:
        return pixels[:, begin : begin + columns]
    return pixels[:, np.arange(begin, begin + columns) % period]


def _blend(canvas: np.ndarray, drawn: np.ndarray, tint: np.ndarray | None = None, alpha: float = 1.0) -> None:
    """Premultiplied `drawn` (h, w, 4) uint8 over `canvas` (h, w, 3) float32, in place."""
    keep = np.float32(1) - drawn[..., 3] * np.float32(alpha / 255)
    for channel in range(3):  # channel by channel, since NumPy is slow to broadcast over a last axis of three
        plane, colour = canvas[..., channel], drawn[..., channel]
        plane *= keep
        plane += colour if tint is None else colour * (tint[channel] * np.float32(alpha))


@lru_cache(maxsize=192)
def _loop(name: str, colour: str | None, size: int) -> np.ndarray:
    """The sprite in 8 bits, premultiplied: a quarter of the memory, and warped in fixed point on every machine."""
    return np.round(sprite(name, colour, size=size) * 255).astype(np.uint8)


@lru_cache(maxsize=64)
def _drops(layout: int, columns: int) -> list[tuple[int, tuple[float, float, float, float]]]:
    """Column and (x, y, depth, phase) of each drop: 14 to every unit of width."""
    rng = random.Random(f"drops {layout}")
    drops = [(rng.random(), rng.uniform(0, 1.2), rng.uniform(0.85, 1.15), rng.random()) for _ in range(14)]
    return [(column, drop) for column in range(columns) for drop in drops]


@lru_cache(maxsize=8)
def _flake(unit: int) -> np.ndarray:
    """(h, w) opacity of a soft flake."""
    radius = 0.02 * unit
    span = np.arange(-math.ceil(radius) - 1, math.ceil(radius) + 2)
    distance = np.sqrt(span[None] ** 2 + span[:, None] ** 2) / radius
    return (0.95 * np.clip(1.4 - 1.4 * distance, 0, 1)).astype(np.float32)


@lru_cache(maxsize=8)
def _streak(unit: int) -> np.ndarray:
    """(h, w) opacity of a slanting streak of rain."""
    tall, wide = max(4, round(0.085 * unit)), max(3, round(0.03 * unit))
    rows, columns = np.mgrid[0:tall, 0:wide].astype(np.float32)
    centre = wide - 1.5 - rows * (0.12 * 0.9)
    thick = max(0.75, 0.006 * unit)
    fade = np.sin(np.pi * (rows + 0.5) / tall) ** 0.5
    return (0.6 * fade * np.clip(1 - np.abs(columns - centre) / thick, 0, 1)).astype(np.float32)


def _dab(canvas: np.ndarray, stamp: np.ndarray, column: float, row: float) -> None:
    """Blend white through a stamp centred at a fractional pixel, clipped to the canvas."""
    tall, wide = stamp.shape
    left, top = column - wide / 2, row - tall / 2
    x, y = math.floor(left), math.floor(top)
    shift = np.array([[1, 0, left - x], [0, 1, top - y]])
    moved = cv2.warpAffine(stamp, shift, (wide + 1, tall + 1), flags=cv2.INTER_LINEAR)
    x0, y0 = max(0, x), max(0, y)
    x1, y1 = min(canvas.shape[1], x + wide + 1), min(canvas.shape[0], y + tall + 1)
    if x0 >= x1 or y0 >= y1:
        return
    cover = moved[y0 - y : y1 - y, x0 - x : x1 - x, None]
    region = canvas[y0:y1, x0:x1]
    region += (np.float32(250) - region) * cover
