"""How often films show what was asked: per factor, all together, with intervals, and against shuffled captions.

Pure arithmetic over scenes and readings. A share whose reader cannot read true clips well enough is still computed
here; whether it may be quoted is the report's decision.
"""

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from kinema.errors import EvaluationError
from kinema.evaluate.factors import FACTORS, TWINS, Facts, asked, swappable, told_action
from kinema.interval import wilson
from kinema.world.scene import Scene

ALL = "all correct"
MEAN = "mean of factors"
FLOOR_ROUNDS = 20


@dataclass(frozen=True)
class Share:
    """How much was right of how many scenes; several films of one scene count as one scene, by their mean."""

    right: float
    of: int

    @property
    def value(self) -> float:
        """The share itself, in [0, 1]."""
        if self.of == 0:
            raise EvaluationError("a share of no scenes has no value; evaluate at least one that asks for this factor")
        return self.right / self.of

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % Wilson score interval (Wilson 1927)."""
        return wilson(self.value * self.of, self.of)

    def to_fields(self) -> dict[str, object]:
        """Plain values for JSON."""
        interval = [round(end, 4) for end in self.interval]
        return {"share": round(self.value, 4), "interval": interval, "scenes": self.of}


def verdicts(scene: Scene, reading: Facts) -> dict[str, bool]:
    """Factor -> whether the reading shows what the scene asks for; of two orders the better where both will do."""
    wanted = asked(scene)
    if "action" in reading:
        reading = {**reading, "action": told_action(scene, reading["action"])}
    as_read = _judge(wanted, reading)
    if not swappable(scene):
        return as_read
    exchanged = _judge(wanted, _exchange(reading))
    return max(as_read, exchanged, key=lambda judged: sum(judged.values()))


def tally(scenes: Sequence[Scene], readings: Sequence[Facts], factors: Collection[str] = FACTORS) -> dict[str, Share]:
    """Factor -> share of right readings; MEAN over a scene's factors; ALL -> share right in every factor at once.

    Only `factors` count. Readings of one scene (same meaning and seed) are averaged, so that an interval counts scenes
    and not films.
    """
    groups: dict[Scene, list[dict[str, bool]]] = {}
    for scene, reading in zip(scenes, readings, strict=True):
        judged = {factor: right for factor, right in verdicts(scene, reading).items() if factor in factors}
        if judged:
            groups.setdefault(scene, []).append(judged)
    right: dict[str, float] = {}
    of: dict[str, int] = {}
    for films in groups.values():
        marks = {factor: [float(film[factor]) for film in films] for factor in films[0]}
        marks[MEAN] = [sum(film.values()) / len(film) for film in films]
        marks[ALL] = [float(all(film.values())) for film in films]
        for factor, values in marks.items():
            right[factor] = right.get(factor, 0.0) + sum(values) / len(values)
            of[factor] = of.get(factor, 0) + 1
    return {factor: Share(right[factor], of[factor]) for factor in right}


def floor(
    scenes: Sequence[Scene], readings: Sequence[Facts], rng: random.Random, factors: Collection[str] = FACTORS
) -> dict[str, Share]:
    """The same shares when every film is judged by the caption of another scene, averaged over shufflings."""
    right: dict[str, float] = {}
    of: dict[str, int] = {}
    distinct = list(dict.fromkeys(scenes))
    if len(distinct) < 2:
        return {}
    for _ in range(FLOOR_ROUNDS):
        other = _derangement(distinct, rng)
        shares = tally([other[scene] for scene in scenes], readings, factors)
        for factor, share in shares.items():
            right[factor] = right.get(factor, 0.0) + share.value
            of[factor] = share.of
    return {factor: Share(right[factor] / FLOOR_ROUNDS * of[factor], of[factor]) for factor in right}


def spread(per_seed: Mapping[int, Mapping[str, Share]]) -> dict[str, tuple[float, float]]:
    """Factor -> lowest and highest share over the seeds that films were made with."""
    factors = {factor for shares in per_seed.values() for factor in shares}
    values = {factor: [shares[factor].value for shares in per_seed.values() if factor in shares] for factor in factors}
    return {factor: (min(found), max(found)) for factor, found in values.items()}


def _judge(wanted: Facts, reading: Facts) -> dict[str, bool]:
    return {factor: reading.get(factor) == said for factor, said in wanted.items()}


def _exchange(reading: Facts) -> dict[str, str]:
    exchanged = dict(reading)
    for one, other in TWINS:
        if one in reading and other in reading:
            exchanged[one], exchanged[other] = reading[other], reading[one]
    return exchanged


def _derangement(scenes: Sequence[Scene], rng: random.Random) -> dict[Scene, Scene]:
    """Each scene -> another one: a shuffled ring, so that none is judged by itself."""
    ring = rng.sample(list(scenes), len(scenes))
    return dict(zip(ring, ring[1:] + ring[:1], strict=True))
