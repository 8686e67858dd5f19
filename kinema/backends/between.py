"""Frames between frames, so that a film plays at another rate than its frames were made at: what moves is followed.

The motion from either frame to the other is found in small copies (Lucas and Kanade 1981, coarse to fine), both frames
are warped to the moment between them, and laid over one another where they agree. Where they do not, something turned,
appeared or was hidden: there the nearer one alone is seen, since a mixture of both would show a ghost of each.

On one thread in whole numbers and f32: the same frames for the same frames. h w pixels of small copies, H W of frames.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, cached_property
from typing import Any

import numpy as np
from PIL import Image

from kinema.clip import Clip
from kinema.media.fit import sound_of

SMALL_PX = 192
"""The longer side of the copies in which motion is found."""
_COARSEST_PX, _STEPS = 16, 3
_NEAR_PX = 7
"""Motion is that of a square of so many pixels."""
_FIRM = np.float32(20)
"""Grey levels squared, against which a square has to have edges for its motion to be told."""
_AGREE, _DIFFER = 8, 32
"""Grey levels of difference up to which both frames are laid over one another, and from which on one alone is seen."""


@dataclass(frozen=True, eq=False)
class Between:
    """Two frames (H, W, 3) uint8, and the frames between them and soon after."""

    first: np.ndarray
    second: np.ndarray

    def at(self, share: float) -> np.ndarray:
        """The frame (H, W, 3) uint8 at a share of the way from the first to the second; above 1, motion goes on."""
        if share <= 0 or self._same:
            return self.first
        if share == 1:
            return self.second
        if share > 1:
            return np.asarray(_warped(self.second, np.float32(share - 1) * self._there_and_back[1]))
        there, back = self._there_and_back
        t, rest = np.float32(share), np.float32(1 - share)
        to_first, to_second = t * (t * back - rest * there), rest * (rest * there - t * back)
        small_first, small_second = self._small
        apart = np.abs(_looked(small_first, to_first) - _looked(small_second, to_second)).max(0, keepdims=True)
        sure = np.clip((_DIFFER - _mean(apart, 3)[0]) / np.float32(_DIFFER - _AGREE), 0, 1)
        shown = sure * t + (1 - sure) * np.float32(share > 0.5)
        height, width = self.first.shape[:2]
        mask = Image.fromarray(np.rint(255 * shown).astype(np.uint8)).resize((width, height), Image.Resampling.BILINEAR)
        both = Image.composite(_warped(self.second, to_second), _warped(self.first, to_first), mask)
        return np.asarray(both)

    @cached_property
    def _same(self) -> bool:
        return np.array_equal(self.first, self.second)

    @cached_property
    def _small(self) -> tuple[np.ndarray, np.ndarray]:
        """Both frames, (3, h, w) float32."""
        height, width = self.first.shape[:2]
        scale = min(1.0, SMALL_PX / max(height, width))
        size = max(2, round(width * scale)), max(2, round(height * scale))
        first, second = (
            np.asarray(Image.fromarray(np.ascontiguousarray(each)).resize(size, Image.Resampling.BOX), np.float32)
            for each in (self.first, self.second)
        )
        return first.transpose(2, 0, 1), second.transpose(2, 0, 1)

    @cached_property
    def _there_and_back(self) -> tuple[np.ndarray, np.ndarray]:
        """Where each pixel of the first lies in the second, and of the second in the first: motions (2, h, w)."""
        first, second = (_pyramid(small) for small in self._small)
        return _motion(first, second), _motion(second, first)


def smooth(clip: Clip, fps: Fraction) -> Clip:
    """The clip at that rate, of the same length within half a frame, with the frames between its own where it has none.

    A frame of the clip at the very moment of one is that frame, bit for bit.
    """
    count = max(1, round(len(clip) / clip.fps * fps))
    frames = np.empty((count, *clip.frames.shape[1:]), np.uint8)
    pair = Between(clip.frames[0], clip.frames[0])
    for index in range(count):
        at = index * clip.fps / fps
        first = min(int(at), max(0, len(clip) - 2))
        if index and pair.first is not clip.frames[first]:
            pair = Between(clip.frames[first], clip.frames[min(first + 1, len(clip) - 1)])
        frames[index] = pair.at(float(at - first))
    return Clip(frames, fps, sound_of(clip.sound, count, fps))


def _pyramid(small: np.ndarray) -> list[np.ndarray]:
    """Its brightness (1, h, w) in ever smaller copies, the smallest first."""
    copies = [np.tensordot(np.array([0.3, 0.59, 0.11], np.float32), small, 1)[None]]
    while min(copies[0].shape[1:]) >= 2 * _COARSEST_PX:
        high, wide = (side // 2 * 2 for side in copies[0].shape[1:])
        even = copies[0][:, :high, :wide]
        copies.insert(0, (even[:, ::2, ::2] + even[:, 1::2, ::2] + even[:, ::2, 1::2] + even[:, 1::2, 1::2]) / 4)
    return copies


def _motion(first: list[np.ndarray], second: list[np.ndarray]) -> np.ndarray:
    """(2, h, w) float32, across and down in pixels: where each pixel of the first lies in the second."""
    motion = np.zeros((2, *first[0].shape[1:]), np.float32)
    for of, to in zip(first, second, strict=True):
        if motion.shape[1:] != of.shape[1:]:
            motion = 2 * np.stack([_resized(each, *of.shape[1:]) for each in motion])
        down, across = np.gradient(of[0])
        xx, xy, yy = _mean(np.stack([across * across, across * down, down * down]), _NEAR_PX)
        xx, yy = xx + _FIRM, yy + _FIRM
        whole = xx * yy - xy * xy
        for _ in range(_STEPS):
            error = _looked(to, motion)[0] - of[0]
            x, y = _mean(np.stack([across * error, down * error]), _NEAR_PX)
            motion = motion + np.clip(np.stack([(y * xy - x * yy) / whole, (x * xy - y * xx) / whole]), -1, 1)
        motion = _mean(motion, 3)
    return motion


def _mean(values: np.ndarray, side: int) -> np.ndarray:
    """(C, h, w): the mean over a square of so many pixels around each."""
    half = side // 2
    sums = np.pad(values, ((0, 0), (half + 1, half), (half + 1, half)), mode="edge").cumsum(1, dtype=np.float32)
    sums = (sums[:, side:] - sums[:, :-side]).cumsum(2, dtype=np.float32)
    return (sums[:, :, side:] - sums[:, :, :-side]) / np.float32(side * side)


def _looked(picture: np.ndarray, motion: np.ndarray) -> np.ndarray:
    """(C, h, w): the picture (C, h, w) where a motion (2, h, w) leads from each pixel, read between its pixels."""
    height, width = picture.shape[1:]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    x, y = np.clip(x + motion[0], 0, width - 1), np.clip(y + motion[1], 0, height - 1)
    left, top = np.minimum(x.astype(np.int32), width - 2), np.minimum(y.astype(np.int32), height - 2)
    x, y, flat, at = x - left, y - top, picture.reshape(len(picture), -1), top * width + left
    upper = flat[:, at] + (flat[:, at + 1] - flat[:, at]) * x
    lower = flat[:, at + width] + (flat[:, at + width + 1] - flat[:, at + width]) * x
    return upper + (lower - upper) * y


def _warped(frame: np.ndarray, motion: np.ndarray) -> Image.Image:
    """The frame (H, W, 3) uint8 where a motion (2, h, w) in small pixels leads from each of its pixels."""
    (high, wide), (height, width) = motion.shape[1:], frame.shape[:2]
    x, y = (_resized(each, height, width) for each in motion)
    x = (x * np.float32(width / wide) + np.arange(width, dtype=np.float32)) * np.float32(2 / max(1, width - 1)) - 1
    rows = np.arange(height, dtype=np.float32)[:, None]
    y = (y * np.float32(height / high) + rows) * np.float32(2 / max(1, height - 1)) - 1
    return Image.fromarray(_warp()({"frame": frame[None], "places": np.stack([x, y], -1)[None]})[0][0])


@cache
def _warp() -> Callable[[dict[str, np.ndarray]], Any]:
    """Frames (1, H, W, 3) uint8 read between their pixels at places (1, H, W, 2) from -1 to 1, edge to edge."""
    import openvino
    from openvino import opset13 as of

    frame = of.parameter([1, -1, -1, 3], np.uint8, name="frame")
    places = of.parameter([1, -1, -1, 2], np.float32, name="places")
    planes = of.transpose(of.convert(frame, "f32"), [0, 3, 1, 2])
    how = {"align_corners": True, "mode": "bicubic", "padding_mode": "border"}
    read = of.clamp(of.round(of.grid_sample(planes, places, how)), 0, 255)
    made = openvino.Model([of.convert(of.transpose(read, [0, 2, 3, 1]), "u8")], [frame, places], "warp")
    options = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1}
    return openvino.Core().compile_model(made, "CPU", options | {"ENABLE_CPU_PINNING": False})


def _resized(plane: np.ndarray, height: int, width: int) -> np.ndarray:
    return np.asarray(Image.fromarray(plane).resize((width, height), Image.Resampling.BILINEAR))
