"""Paints the body of a sprite in one of eight colours and leaves eyes, wheels and trimmings alone.

Which pixels are body is told per sprite by a window of hue, saturation and value (`BODIES`, found by looking). Body
pixels lose their own colour and keep only their shading, which then picks a colour from the ramp of the wanted one: so
a red dog, a red car and a red fish are the same red, and neighbouring colour words never meet. NumPy alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Body:
    """Where a sprite is body: a window of hue in degrees (it may pass through 0), saturation and value in [0, 1].

    A bound outside [0, 1] is open.
    """

    hues: tuple[float, float] = (0.0, 360.0)
    saturation: tuple[float, float] = (0.25, 2.0)
    value: tuple[float, float] = (0.45, 2.0)


# Shadow, middle and light of each colour, sRGB.
RAMPS: dict[str, tuple[tuple[int, int, int], ...]] = {
    "red": ((112, 6, 20), (218, 28, 34), (255, 98, 84)),
    "orange": ((184, 72, 0), (255, 134, 14), (255, 182, 88)),
    "yellow": ((200, 148, 0), (255, 216, 32), (255, 240, 130)),
    "green": ((10, 88, 34), (46, 172, 62), (132, 224, 122)),
    "blue": ((16, 42, 138), (38, 104, 232), (112, 180, 255)),
    "purple": ((62, 18, 118), (134, 56, 212), (188, 130, 246)),
    "pink": ((192, 50, 122), (255, 118, 186), (255, 190, 224)),
    "white": ((166, 174, 194), (238, 240, 246), (255, 255, 255)),
}

BODIES: dict[str, tuple[Body, ...]] = {
    "dog": (Body((338, 55)),),
    "cat": (Body((356, 55)),),
    "rabbit": (Body(saturation=(-1, 0.24), value=(0.5, 2)),),
    "elephant": (Body(saturation=(-1, 0.3), value=(0.45, 2)),),
    "ghost": (Body(saturation=(-1, 0.5), value=(0.6, 2)),),
    "horse": (Body((335, 50), value=(0.36, 2)),),
    "snail": (Body(saturation=(0.1, 2), value=(0.15, 0.67)),),
    "dragon": (Body((110, 190), value=(0.4, 2)),),
    "car": (Body((300, 25), value=(0.4, 2)),),
    "bus": (Body((5, 55)), Body(saturation=(-1, 0.2), value=(0.6, 2))),
    "truck": (Body((345, 60)),),
    "tractor": (Body((110, 166), value=(0.2, 2)),),
    "train": (Body((230, 20), saturation=(0.12, 2), value=(0.05, 2)),),
    "tram": (Body((30, 165)),),
    "scooter": (Body((315, 25), value=(0.4, 2)),),
    "butterfly": (Body((350, 50), value=(0.5, 2)),),
    "helicopter": (Body((325, 55), value=(0.35, 2)),),
    "airplane": (Body((320, 20)),),
    "balloon": (Body((260, 30)),),
    "sailboat": (Body((335, 65)),),
    "apple": (Body((290, 40)),),
    "gift": (Body((22, 70)),),
    "mushroom": (Body((300, 25), saturation=(0.6, 2)),),
    "chair": (Body(value=(0.15, 2)),),
    "jellyfish": (Body(value=(0.2, 2)),),
    "tulip": (Body((270, 350)),),
    "umbrella": (Body((230, 300), value=(0.2, 2)),),
}
SOFT_HUE = 8.0
SOFT_SHARE = 0.12
LEAST_SPREAD = 0.1  # of luma; a flat body is not torn into light and shadow
LUMA = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True)
class Shading:
    """What recolouring needs to know of a strip, whatever the colour: (T, H, W) uint8, 255 is one.

    `body` is how much of a pixel belongs to the body, `shade` its place on the ramp from shadow to light.
    """

    body: np.ndarray
    shade: np.ndarray


def hue_saturation_value(rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hue in degrees [0, 360), saturation and value in [0, 1] of sRGB (..., 3) in [0, 1]."""
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    value = rgb.max(-1)
    chroma = value - rgb.min(-1)
    safe = np.maximum(chroma, 1e-6)
    sector = np.where(
        value == red,
        (green - blue) / safe % 6,
        np.where(value == green, (blue - red) / safe + 2, (red - green) / safe + 4),
    )
    hue = np.where(chroma > 1e-6, sector * 60, 0.0)
    return hue, chroma / np.maximum(value, 1e-6), value


def _within(share: np.ndarray, low: float, high: float) -> np.ndarray:
    """1 inside [low, high], falling to 0 over SOFT_SHARE outside."""
    return np.clip(np.minimum(share - low, high - share) / SOFT_SHARE + 1, 0, 1)


def body_mask(rgb: np.ndarray, bodies: tuple[Body, ...]) -> np.ndarray:
    """How much each pixel of sRGB (..., 3) in [0, 1] belongs to any of the windows, in [0, 1]."""
    hue, saturation, value = hue_saturation_value(rgb)
    mask = np.zeros_like(value)
    for body in bodies:
        reach = ((body.hues[1] - body.hues[0]) % 360 or 360) / 2
        distance = np.abs((hue - body.hues[0] - reach + 180) % 360 - 180)
        inside = np.clip((reach - distance) / SOFT_HUE + 1, 0, 1)
        inside = inside * _within(saturation, *body.saturation) * _within(value, *body.value)
        mask = np.maximum(mask, inside)
    return mask


def shading(frames: np.ndarray, name: str) -> Shading:
    """The body and shading of sprite `name`, from all its straight RGBA frames (T, H, W, 4) uint8 alike."""
    rgb = frames[..., :3].astype(np.float32) / 255
    mask = body_mask(rgb, BODIES.get(name, (Body(),)))
    luma = rgb @ LUMA
    low, middle, high = np.percentile(luma[(mask > 0.5) & (frames[..., 3] > 128)], (4, 50, 96))
    spread = max(high - middle, middle - low, LEAST_SPREAD)
    shade = np.clip(0.5 + 0.5 * (luma - middle) / spread, 0, 1)
    return Shading((mask * 255 + 0.5).astype(np.uint8), (shade * 255 + 0.5).astype(np.uint8))


def painted(frames: np.ndarray, shading: Shading, colour: str) -> np.ndarray:
    """Straight RGBA uint8 frames (T, H, W, 4) with their body in `colour`; alpha is untouched."""
    ramp = np.array(RAMPS[colour], np.float32)
    table = np.stack([np.interp(np.arange(256), (0, 127.5, 255), ramp[:, channel]) for channel in range(3)], -1)
    rows = np.flatnonzero(shading.body.ravel())
    weight = shading.body.ravel()[rows, None].astype(np.float32) / 255
    out = frames.copy()
    pixels = out.reshape(-1, 4)
    own = pixels[rows, :3].astype(np.float32)
    wanted = table.astype(np.float32)[shading.shade.ravel()[rows]]
    pixels[rows, :3] = (own + (wanted - own) * weight + 0.5).astype(np.uint8)
    return out
