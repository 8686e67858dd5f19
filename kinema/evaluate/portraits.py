"""Close-ups for a reader's first lessons: one thing before a piece of a place, its middle known, by the thousand.

A whole render shows a thing once at the price of a place; a portrait shows it anew, in any pose, colour and light, for
a hundredth of that. Needs OpenCV, not torch. Letters: B portraits, T frames, P pixels a side.
"""

import random
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from kinema.evaluate.factors import CLASSES, OWN
from kinema.evaluate.lessons import draw, roughen
from kinema.evaluate.views import FPS, SIDE_PX
from kinema.world.light import light_of
from kinema.world.objects import OBJECTS
from kinema.world.render import Take
from kinema.world.sprites import sprite
from kinema.world.stage import extent
from kinema.world.vocabulary import COLOURS, FACED_KINDS, TIMES

PORTRAIT_PX = 80
JITTER_PX = 12
SIZES = (0.7, 1.25)
"""A thing's size against its usual one: zooms, growing, crowds."""
UPRIGHT_SHARE, TURNED_SHARE = 0.55, 0.2


@dataclass(frozen=True, eq=False)
class Portraits:
    """frames (B, T, P, P, 3) uint8, labels (B, 2) int64: object and colour, middles (B, T, 2) in [0, 1): x, y."""

    frames: np.ndarray
    labels: np.ndarray
    middles: np.ndarray


class Studio:
    """Where portraits are taken: pieces of rendered places to stand before."""

    def __init__(self, rng: random.Random, places: int) -> None:
        takes = [Take(draw(rng), SIDE_PX, SIDE_PX, FPS) for _ in range(places)]
        self.pictures = [next(take.frames(1)) for take in takes]
        self.times = [take.scene.time for take in takes]

    def portraits(self, count: int, frames: int, rng: np.random.Generator) -> Portraits:
        """So many things, each as likely as another, each over so many frames."""
        names = [str(name) for name in rng.choice(list(OBJECTS), count)]
        colours = [_colour(name, rng) for name in names]
        taken = [self._portrait(name, colour, frames, rng) for name, colour in zip(names, colours, strict=True)]
        labels = [
            (CLASSES["object"].index(name), CLASSES["colour"].index(colour or OWN))
            for name, colour in zip(names, colours, strict=True)
        ]
        return Portraits(np.stack([one for one, _ in taken]), np.array(labels), np.stack([two for _, two in taken]))

    def _portrait(
        self, name: str, colour: str | None, frames: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """(T, P, P, 3) uint8 and the middles (T, 2)."""
        index = int(rng.integers(len(self.pictures)))
        left, top = rng.integers(0, SIDE_PX - PORTRAIT_PX, 2)
        behind = self.pictures[index][top : top + PORTRAIT_PX, left : left + PORTRAIT_PX].astype(np.float32)
        tint = light_of(self.times[index] if rng.random() < 0.85 else str(rng.choice(TIMES)), "clear").subject
        loop = _loop(name, colour)
        start, ends = int(rng.integers(len(loop))), [_pose(name, rng) for _ in range(2)]
        if rng.random() < 0.5:
            ends[1] = ends[0]
        shares = np.linspace(0, 1, frames) if frames > 1 else np.zeros(1)
        poses = [ends[0] * (1 - share) + ends[1] * share for share in shares]
        pictures = [loop[(start + step) % len(loop)] for step in range(frames)]
        middle = extent(name)[1] / 2
        taken = [_paste(behind, picture, pose, tint, middle) for picture, pose in zip(pictures, poses, strict=True)]
        middles = np.array([pose[:2] / PORTRAIT_PX for pose in poses], np.float32)
        return roughen(np.stack(taken), rng), middles


def _pose(name: str, rng: np.random.Generator) -> np.ndarray:
    """(x, y, wide, tall, turn): middle and side in pixels, facing in the sign of wide, radians."""
    thing = OBJECTS[name]
    x, y = PORTRAIT_PX / 2 + rng.uniform(-JITTER_PX, JITTER_PX, 2)
    side = thing.height * SIDE_PX * rng.uniform(*SIZES)
    kind = rng.random()
    if kind < UPRIGHT_SHARE:
        turn = rng.normal(0, 0.04)
    else:
        turn = rng.uniform(-np.pi, np.pi) if kind > 1 - TURNED_SHARE else rng.normal(0, 0.2)
    facing = rng.choice([-1, 1]) if thing.kind in FACED_KINDS else 1
    squeeze = rng.uniform(0.4, 1) if rng.random() < 0.1 else 1.0
    return np.array([x, y, side * facing * squeeze, side * rng.uniform(0.92, 1.08), turn])


def _paste(behind: np.ndarray, picture: np.ndarray, pose: np.ndarray, tint: np.ndarray, middle: float) -> np.ndarray:
    """The picture (S, S, 4) uint8 premultiplied over (P, P, 3), uint8; `middle` is how high its visible middle is."""
    x, y, wide, tall, turn = pose
    side = picture.shape[0]
    across, down = wide / side, tall / side
    cosine, sine = np.cos(turn), np.sin(turn)
    linear = np.array([[across * cosine, down * sine], [-across * sine, down * cosine]])
    matrix = np.column_stack([linear, np.array([x, y]) - linear @ np.array([side / 2, side * (1 - middle)])])
    flags = cv2.INTER_LINEAR if abs(wide) > 56 else cv2.INTER_AREA
    drawn = cv2.warpAffine(picture, matrix, behind.shape[1::-1], flags=flags).astype(np.float32)
    whole = behind * (1 - drawn[..., 3:] / 255) + drawn[..., :3] * tint
    return np.clip(whole + 0.5, 0, 255).astype(np.uint8)


def _colour(name: str, rng: np.random.Generator) -> str | None:
    thing = OBJECTS[name]
    if not thing.recolourable:
        return None
    looks = [None, *(colour for colour in COLOURS if colour != thing.base_colour)]
    return looks[int(rng.integers(len(looks)))]


@lru_cache(maxsize=512)
def _loop(name: str, colour: str | None) -> np.ndarray:
    """The sprite's loop (24, 48, 48, 4) in 8 bits, premultiplied; as small as most frames show it."""
    return np.round(sprite(name, colour, size=48) * 255).astype(np.uint8)
