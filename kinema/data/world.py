"""The pocket world as training data: clip i of a run is a function of (seed, i) alone, whoever draws it and when.

So a run can be shared out among any number of processes, stopped, resumed or grown, and its clips stay the same. It
stands apart from shards.py because training also draws from here directly, without files.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from kinema.clip import Clip
from kinema.data.record import Record, sha256_of_frames
from kinema.errors import DataError
from kinema.world import captions, sampling, splits
from kinema.world.scene import Scene

SOURCE = "kinema pocket world"
LICENCE = "Apache-2.0 AND MIT"
"""Our painted places and our renderer, Microsoft's sprites."""
VISIBLE_SHARE, VISIBLE_FRAMES = 0.6, 0.75


@dataclass(frozen=True)
class Run:
    """Which clips of the pocket world: all of them follow from these values. `split` is 'train' or 'any'."""

    seed: int = 0
    width: int = 128
    height: int = 128
    frames: int = 32
    fps: Fraction = Fraction(8)
    split: str = "train"
    captions: int = 4

    def __post_init__(self) -> None:
        for name in ("width", "height", "frames", "captions"):
            if getattr(self, name) < 1:
                raise DataError(f"{name} {getattr(self, name)} gives no clip; it must be at least 1")


@dataclass(frozen=True)
class Drawn:
    """A scene with its captions, the canonical one first."""

    scene: Scene
    captions: tuple[str, ...]


def draw(run: Run, index: int) -> Drawn:
    """Scene and captions of clip `index`: half of the captions say everything, half leave some factors out."""
    rng = _generator(run.seed, index)
    scene = sampling.sample(rng, split=run.split)
    while not visible(scene):
        scene = sampling.sample(rng, split=run.split)
    complete = captions.paraphrases(scene, run.captions - run.captions // 2, rng)
    partial = tuple(captions.caption(scene, rng, drop=True) for _ in range(run.captions - len(complete)))
    return Drawn(scene, complete + partial)


def visible(scene: Scene) -> bool:
    """Whether a clip shows what its caption says: every thing at least 60 % inside the frame in 75 % of the frames.

    Judged on the canonical clip, so that a run draws the same scenes at every size and length.
    """
    from kinema.world.render import visibility

    shares = visibility(scene)
    return bool(((shares >= VISIBLE_SHARE).mean(axis=1) >= VISIBLE_FRAMES).all())


def render(run: Run, index: int) -> tuple[Record, Clip]:
    """Clip `index` of a run with its record."""
    from kinema.world.render import render as render_scene

    drawn = draw(run, index)
    clip = render_scene(drawn.scene, width=run.width, height=run.height, frames=run.frames, fps=run.fps)
    return record_of(run, index, drawn, clip), clip


def clips(run: Run, indices: Iterable[int]) -> Iterator[tuple[Record, Clip]]:
    """The clips of these numbers with their records, rendered as they are asked for."""
    return (render(run, index) for index in indices)


def record_of(run: Run, index: int, drawn: Drawn, clip: Clip) -> Record:
    """What a shard or a store says of this clip."""
    return Record(
        key=f"world-{run.seed}-{index:08d}",
        captions=drawn.captions,
        fps=clip.fps,
        width=clip.width,
        height=clip.height,
        frames=len(clip),
        source=SOURCE,
        licence=LICENCE,
        sha256=sha256_of_frames(clip.frames),
        split=splits.split_of(drawn.scene),
        spec=json.loads(drawn.scene.to_json()),
    )


def _generator(seed: int, index: int) -> random.Random:
    """A generator of its own for every clip; hash() would differ from process to process."""
    digest = hashlib.sha256(f"kinema world clip {seed} {index}".encode()).digest()
    return random.Random(int.from_bytes(digest[:8], "big"))
