"""How far a reader may be believed: its scores on true clips, and on clips that went through something.

A head may be quoted only where it reads true clips at QUOTABLE or better. The same comparison is the gate of an
autoencoder: what the reader reads on its reconstructions must be close to what it reads on the originals.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kinema.clip import Clip
from kinema.evaluate.factors import FACTORS
from kinema.evaluate.reader import Reader
from kinema.evaluate.score import Share, tally
from kinema.evaluate.views import FPS, FRAMES, SIDE_PX
from kinema.world.sampling import sample
from kinema.world.scene import Scene

QUOTABLE = 0.95
KEPT = 0.97
"""An autoencoder passes where this part of the reader's score on originals is left on reconstructions."""
EXAM_SEED = 999_999_937
GATED = ("object", "colour", "place", "time")


@dataclass(frozen=True)
class Passage:
    """One factor read on originals and on what became of them."""

    true: Share
    rebuilt: Share

    @property
    def kept(self) -> float:
        """The score on reconstructions as a part of that on originals; 0 where originals are never read."""
        return self.rebuilt.value / self.true.value if self.true.right else 0.0


def unseen_scenes(count: int, seed: int) -> list[Scene]:
    """Scenes as the world draws them, for a check that no training shares."""
    rng = random.Random(f"gate {seed}")
    return [sample(rng, split="any") for _ in range(count)]


def true_clip(scene: Scene) -> Clip:
    """The scene's render as readers look at it."""
    from kinema.world.render import render

    return render(scene, width=SIDE_PX, height=SIDE_PX, frames=FRAMES, fps=FPS)


def passage(reader: Reader, scenes: Sequence[Scene], rebuild: Callable[[Clip], Clip]) -> dict[str, Passage]:
    """Factor -> how it is read on true clips of the scenes, and on those clips rebuilt."""
    true, rebuilt = [], []
    for scene in scenes:
        clip = true_clip(scene)
        true.append(reader.read(clip).facts)
        rebuilt.append(reader.read(rebuild(clip)).facts)
    before, after = tally(scenes, true), tally(scenes, rebuilt)
    return {factor: Passage(before[factor], after[factor]) for factor in before}


def passes(passages: dict[str, Passage]) -> bool:
    """Whether every gated factor that was asked for is kept."""
    return all(passages[factor].kept >= KEPT for factor in GATED if factor in passages)


def exam(reader: Reader, count: int) -> dict[str, float]:
    """Factor -> share of unseen true clips read rightly, judged exactly as films are."""
    scenes = unseen_scenes(count, EXAM_SEED)
    readings = [reader.read(true_clip(scene)).facts for scene in scenes]
    shares = tally(scenes, readings)
    return {factor: round(shares[factor].value, 4) for factor in FACTORS if factor in shares}


def quotable(reader: Reader) -> tuple[str, ...]:
    """The factors whose scores by this reader may be printed."""
    return tuple(factor for factor in FACTORS if reader.card.true_right.get(factor, 0.0) >= QUOTABLE)
