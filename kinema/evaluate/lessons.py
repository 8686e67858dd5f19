"""What readers learn from: scenes drawn evenly, their renders, roughened as generators might, and where things are.

Held-out compositions are drawn too, on purpose: a reader must read them as well as any other, or it would take what is
unseen for wrong. Needs OpenCV, not torch. Letters: B clips, T frames, H W pixels, G cells a side.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np

from kinema.evaluate.factors import CLASSES, facts
from kinema.evaluate.views import FPS, FRAMES, SIDE_PX
from kinema.world import vocabulary
from kinema.world.render import Take
from kinema.world.sampling import sample, sensible
from kinema.world.scene import Scene, Thing

UNTOLD = -1
"""The label of a factor that a scene does not let anybody tell; losses pass over it."""
PAIR_SHARE = 0.35
REDRAWN_SHARE = 0.5
FAINT = 0.35
"""A thing of less opacity than this cannot be found."""
ROUGH_SHARE = 0.6


@dataclass(frozen=True, eq=False)
class Lessons:
    """A batch: frames (B, T, H, W, 3) uint8, labels (B, factors) int64, where (B, T, 2, G, G) float32.

    `where` holds, per frame, the share of the first and of the second thing whose middle lies in each cell.
    """

    frames: np.ndarray
    labels: np.ndarray
    where: np.ndarray
    scenes: tuple[Scene, ...]


def draw(rng: random.Random) -> Scene:
    """A sensible scene, cameras, weathers, colours and pairs more evenly spread than in the model's training."""
    wants_pair = rng.random() < PAIR_SHARE
    scene = sample(rng, split="any")
    while (len(scene.things) == 2) != wants_pair:
        scene = sample(rng, split="any")
    if rng.random() < REDRAWN_SHARE:
        scene = _if_sensible(scene, replace(scene, camera=rng.choice(vocabulary.CAMERAS)))
    if rng.random() < REDRAWN_SHARE:
        scene = replace(scene, weather=rng.choice(vocabulary.WEATHERS_OF[scene.place]))
    return replace(scene, things=tuple(_repainted(thing, rng) for thing in scene.things))


def lessons(scenes: Sequence[Scene], grid: int, rng: np.random.Generator | None = None) -> Lessons:
    """The scenes rendered and labelled, roughened where a generator is given."""
    takes = [Take(scene, SIDE_PX, SIDE_PX, FPS) for scene in scenes]
    clips = [np.stack(list(take.frames(FRAMES))) for take in takes]
    if rng is not None:
        clips = [roughen(clip, rng) for clip in clips]
    labels = np.array([[_label(scene, factor) for factor in CLASSES] for scene in scenes])
    return Lessons(np.stack(clips), labels, np.stack([_where(take, grid) for take in takes]), tuple(scenes))


def roughen(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The frames (T, H, W, 3) a little shifted in tone, and in most cases blurred, noisy or compressed."""
    tone = rng.uniform(0.94, 1.06, 3) * rng.uniform(0.95, 1.05)
    ramp = np.arange(256)[:, None] * tone[None] + rng.uniform(-6, 6)
    table = np.clip(ramp, 0, 255).astype(np.uint8)
    rough = np.stack([table[frames[..., channel], channel] for channel in range(3)], -1)
    if rng.random() >= ROUGH_SHARE:
        return rough
    kind = rng.integers(4)
    if kind == 0:
        sigma = rng.uniform(0.4, 1.3)
        return np.stack([cv2.GaussianBlur(frame, (0, 0), sigma) for frame in rough])
    if kind == 1:
        side = int(rng.integers(64, 112))
        return np.stack([_through(frame, side) for frame in rough])
    if kind == 2:
        quality = int(rng.integers(25, 80))
        return np.stack([_compressed(frame, quality) for frame in rough])
    noise = rng.normal(0, rng.uniform(2, 9), rough.shape[1:])
    noisy = [np.clip(frame + np.roll(noise, 7 * index, 1), 0, 255) for index, frame in enumerate(rough)]
    return np.stack(noisy).astype(np.uint8)


def middles(take: Take, frame: int) -> list[tuple[float, float, float]]:
    """(x, y, opacity) of each actor's visible middle in a frame, as shares of width and height from the upper left."""
    seconds = float(frame / take.fps)
    poses = take.stage.poses(seconds)
    camera = take.stage.camera(seconds, poses)
    found = []
    for actor, pose in zip(take.stage.actors, poses, strict=True):
        column, row = take.lens.place(camera, pose.x, pose.y + actor.tall * pose.tall / 2)
        found.append((column / take.width, row / take.height, pose.alpha))
    return found


def _where(take: Take, grid: int) -> np.ndarray:
    """(T, 2, G, G): see Lessons."""
    cells = np.zeros((FRAMES, 2, grid, grid), np.float32)
    for frame in range(FRAMES):
        for index, (x, y, opacity) in enumerate(middles(take, frame)):
            role = index if len(take.scene.things) == 2 else 0
            if opacity >= FAINT and 0 <= x < 1 and 0 <= y < 1:
                cells[frame, role, int(y * grid), int(x * grid)] += 1
    return cells


def _label(scene: Scene, factor: str) -> int:
    shown = _facts(scene)
    return CLASSES[factor].index(shown[factor]) if factor in shown else UNTOLD


@lru_cache(maxsize=64)
def _facts(scene: Scene) -> dict[str, str]:
    return facts(scene)


def _repainted(thing: Thing, rng: random.Random) -> Thing:
    """Half of the things that may be recoloured get any of their looks, each as likely as another."""
    if not thing.object.recolourable or rng.random() >= REDRAWN_SHARE:
        return thing
    looks = [None, *(colour for colour in vocabulary.COLOURS if colour != thing.object.base_colour)]
    return replace(thing, colour=rng.choice(looks))


def _if_sensible(scene: Scene, other: Scene) -> Scene:
    return other if sensible(other) else scene


def _through(frame: np.ndarray, side: int) -> np.ndarray:
    small = cv2.resize(frame, (side, side), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (frame.shape[1], frame.shape[0]), interpolation=cv2.INTER_LINEAR)


def _compressed(frame: np.ndarray, quality: int) -> np.ndarray:
    written, packed = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert written, "a frame can always be compressed"
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR))
