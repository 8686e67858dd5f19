"""Which films an evaluation asks for: seen compositions, held-out ones, and seen twins of the same construction.

The plan is a function of its size alone, so that every evaluation of every model asks for the same films. Its order is
such that any beginning of it is a fair smaller evaluation.
"""

import random
from dataclasses import dataclass, replace
from itertools import zip_longest

from kinema.errors import EvaluationError
from kinema.world.captions import canonical, caption, unseen_caption
from kinema.world.sampling import sample, sample_split
from kinema.world.scene import Scene
from kinema.world.splits import SCENE_SPLITS, SPLITS

SEEN = "seen"
TWIN = "twin of "
"""A split's twins are seen scenes drawn in the split's own way: the gap to them is what being unseen costs."""
PLAN_SEED = "kinema evaluation 1"
MAX_PROMPTS, MAX_SEEDS = 5000, 10


@dataclass(frozen=True)
class Trial:
    """One film to be made: what is asked for, in which words, from which seed."""

    split: str
    scene: Scene
    prompt: str
    seed: int = 1


def plan(prompts: int, seeds: int = 1) -> list[Trial]:
    """`prompts` seen compositions, half as many held-out ones and as many twins of those, for seeds 1, 2, …"""
    if not 1 <= prompts <= MAX_PROMPTS:
        nearest = min(max(prompts, 1), MAX_PROMPTS)
        raise EvaluationError(f"{prompts} prompts cannot be evaluated; 1 to {MAX_PROMPTS} can, nearest {nearest}")
    if not 1 <= seeds <= MAX_SEEDS:
        nearest = min(max(seeds, 1), MAX_SEEDS)
        raise EvaluationError(f"{seeds} seeds cannot be evaluated; 1 to {MAX_SEEDS} can, nearest {nearest}")
    seen = _seen(prompts)
    pairs = _pairs(prompts // 2)
    mixed = [trial for row in zip_longest(seen[::2], pairs[::2], seen[1::2], pairs[1::2]) for trial in row if trial]
    return [replace(trial, seed=seed) for seed in range(1, seeds + 1) for trial in mixed]


def _seen(count: int) -> list[Trial]:
    rng = random.Random(f"{PLAN_SEED} seen")
    scenes = [sample(rng, split="train") for _ in range(count)]
    return [Trial(SEEN, scene, canonical(scene)) for scene in scenes]


def _pairs(count: int) -> list[Trial]:
    """Held-out scenes and their twins by turns, going round the splits."""
    trials: list[Trial] = []
    rngs = {split: random.Random(f"{PLAN_SEED} {split}") for split in SPLITS}
    for index in range(count):
        split = SPLITS[index % len(SPLITS)]
        trials += _pair(split, rngs[split])
    return trials


def _pair(split: str, rng: random.Random) -> tuple[Trial, Trial]:
    if split in SCENE_SPLITS:
        held, twin = sample_split(rng, split), sample_split(rng, split, seen=True)
        return Trial(split, held, canonical(held)), Trial(TWIN + split, twin, canonical(twin))
    scene = sample(rng, split="train")
    return Trial(split, scene, unseen_caption(scene, rng)), Trial(TWIN + split, scene, caption(scene, rng))
