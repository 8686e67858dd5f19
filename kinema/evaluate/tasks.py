"""Whether every task keeps what was known and invents what was asked, on true clips of scenes that no training saw.

Each exercise (exercises.py) gives a task part of a true clip, or of two, with the scene's sentence. Scenes are new
draws of seen compositions in which everything stays in sight. Figures:

- kept: the share of clips in which every known pixel is bit-equal in the task's clip; one wrong pixel fails the clip.
- agrees: what the reader sees in the invented part is what it sees in the known one, over object, colour and place (a
  remix may change its object: place, time, weather), over the quotable ones. Mean of factors.
- obeys, all correct: the reader's verdicts on the invented part by the sentence, over the quotable factors.
- truth: the same verdicts on the true clip at the same place (the ceiling); floor: by the sentences of other scenes.
- seam: the change where known and invented frames meet, over the 90th percentile of the clip's other changes; a loop's
  end and beginning too. smooth: the share of such joins that are not above it. true smooth: at the same frames of the
  true clip, where there is one.
- motion: the energy (mean change from frame to frame) of the invented part over that of the truth there: near 0 where
  what is invented stands still.
- border, where a region is lost: the mean difference of neighbouring pixels across its border over the true clip's.
- PSNR: of the invented pixels against the true clip's, in decibels, where there is one truth; secondary, for many
  films are right.

Shares have 95 % Wilson intervals, means bootstrapped ones, over clips.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final

import numpy as np

from kinema.errors import EvaluationError
from kinema.evaluate import estimate
from kinema.evaluate.drift import lasts, spoken
from kinema.evaluate.estimate import Estimate
from kinema.evaluate.exercises import EXERCISES, LONGEST_SECONDS, Attempt, Studio, Trial
from kinema.evaluate.factors import FACTORS
from kinema.evaluate.gate import quotable
from kinema.evaluate.ledger import Ledger
from kinema.evaluate.motion import against_own, border, changes, energy, loop_change, psnr, seams
from kinema.evaluate.plan import PLAN_SEED
from kinema.evaluate.reader import Reader
from kinema.evaluate.report import markdown, percent
from kinema.evaluate.score import FLOOR_ROUNDS, Share, verdicts
from kinema.world.sampling import sample, sensible
from kinema.world.scene import Scene, Thing
from kinema.world.splits import split_of

MAX_CLIPS: Final = 2000
Watch = Callable[[int, int], None]


@dataclass(frozen=True)
class Result:
    """One exercise over all clips; None where the task has no such thing."""

    clips: int
    kept: Share | None
    agrees: Share | None
    obeys: Share
    correct: Share
    truth: Share
    floor: Share | None
    seam: Estimate | None
    smooth: Share | None
    true_smooth: Share | None
    motion: Estimate | None
    border: Estimate | None
    psnr: Estimate | None


@dataclass(frozen=True)
class Findings:
    """Every exercise, in order."""

    reader: str
    factors: tuple[str, ...]
    results: dict[str, Result]

    def to_fields(self) -> dict[str, object]:
        """Plain values for JSON."""
        tasks = {name: _fields(result) for name, result in self.results.items()}
        return {"reader": self.reader, "factors": list(self.factors), "tasks": tasks}


def plan(count: int) -> list[Trial]:
    """The first `count` trials, the same for every model."""
    if not 1 <= count <= MAX_CLIPS:
        nearest = min(max(count, 1), MAX_CLIPS)
        raise EvaluationError(f"{count} clips of each task cannot be made; 1 to {MAX_CLIPS} can, nearest {nearest}")
    rng, trials = random.Random(f"{PLAN_SEED} tasks"), list[Trial]()
    while len(trials) < count:
        scene, other = _lasting(rng), _lasting(rng)
        trials.append(Trial(scene, other, _recast(scene, rng), _moved(scene, rng), seed=len(trials)))
    return trials


def measure(trials: Sequence[Trial], studio: Studio, reader: Reader, ledger: Ledger, watch: Watch) -> None:
    """Fills the ledger with every exercise of every trial not in it yet. May be stopped at any moment."""
    jobs = [(name, trial) for trial in trials for name in EXERCISES]
    for done, (name, trial) in enumerate(jobs):
        watch(done, len(jobs))
        if _key(name, trial) not in ledger:
            ledger.write(_key(name, trial), portrait(EXERCISES[name](studio, trial), reader))
    watch(len(jobs), len(jobs))


def portrait(attempt: Attempt, reader: Reader) -> dict[str, Any]:
    """All that is measured of one exercise: known pixels, joins, distance, and what the reader saw in each view."""
    made, target, known = attempt.made, attempt.target, attempt.known
    row: dict[str, Any] = dict.fromkeys(("kept", "psnr", "borders"))
    row |= {"seams": seams(made, attempt.joins), "true_seams": []}
    if attempt.loops:
        row["seams"].append(against_own(loop_change(made), changes(made)))
    if target is not None and known is not None:
        row["kept"] = bool(np.array_equal(made.frames[known], target.frames[known]))
        if attempt.is_truth:
            row["psnr"] = psnr(made, target, ~known)
            row["true_seams"] = seams(target, attempt.joins)
            if not attempt.joins:
                row["borders"] = [border(clip, known) for clip in (made, target)]
    row["views"] = [
        {
            "made": reader.read(view.made).facts,
            "true": reader.read(view.true).facts,
            "given": None if view.given is None else reader.read(view.given).facts,
            "agrees_in": list(view.agrees_in),
            "energies": [energy(view.made), energy(view.true)],
            "scenes": [scene.to_json() for scene in view.scenes],
        }
        for view in attempt.views
    ]
    return row


def summarise(trials: Sequence[Trial], reader: Reader, ledger: Ledger) -> Findings:
    """The figures of all exercises in the ledger. EvaluationError where there are none."""
    factors = quotable(reader)
    if not factors:
        raise EvaluationError(f"reader {reader.name!r} reads none of {', '.join(FACTORS)} well enough; take another")
    results = {}
    for name in EXERCISES:
        rows = [ledger[_key(name, trial)] for trial in trials if _key(name, trial) in ledger]
        if rows:
            results[name] = _result(rows, factors)
    if not results:
        raise EvaluationError(f"{ledger.path} holds no exercise yet; let one be made and read")
    return Findings(reader.name, factors, results)


def page(found: Findings, configuration: str) -> str:
    """The whole page as Markdown."""
    assert __doc__
    said = __doc__.split("\n\n", 1)[1].strip()
    who = f"Reader `{found.reader}`, factors: {', '.join(found.factors)}. Model: {configuration}."
    return "\n\n".join(["# Tasks", said, who, table(found)]) + "\n"


def table(found: Findings) -> str:
    """Task by task."""
    head = ["task", "clips", "kept", "agrees", "obeys", "truth", "floor", "all correct"]
    head += ["seam", "smooth", "true smooth", "motion", "border", "PSNR"]
    rows = []
    for name, each in found.results.items():
        shares = [each.kept, each.agrees, each.obeys, each.truth, each.floor, each.correct]
        joined = [_spoken(each.seam), _percent(each.smooth), _percent(each.true_smooth)]
        pixels = [_spoken(each.motion), _spoken(each.border), _spoken(each.psnr, 1)]
        rows.append([name, str(each.clips), *map(_percent, shares), *joined, *pixels])
    return markdown(head, rows)


def _result(rows: Sequence[dict[str, Any]], factors: Sequence[str]) -> Result:
    marks = [[_judge(view["scenes"], view["made"], factors) for view in row["views"]] for row in rows]
    true = [[_judge(view["scenes"], view["true"], factors) for view in row["views"]] for row in rows]
    agreed = [value for row in rows if (value := _agreement(row["views"], factors)) is not None]
    kept = [float(row["kept"]) for row in rows if row["kept"] is not None]
    joined, true_joined = ([row[which] for row in rows if row[which]] for which in ("seams", "true_seams"))
    energies = np.array([[view["energies"] for view in row["views"]] for row in rows]).mean(1)
    borders = [row["borders"] for row in rows if row["borders"]]
    distances = [row["psnr"] for row in rows if row["psnr"] is not None]
    return Result(
        clips=len(rows),
        kept=_share(kept),
        agrees=_share(agreed),
        obeys=Share(sum(map(_mean_of_factors, marks)), len(rows)),
        correct=Share(sum(float(all(all(view.values()) for view in views)) for views in marks), len(rows)),
        truth=Share(sum(map(_mean_of_factors, true)), len(rows)),
        floor=_floor(rows, factors),
        seam=estimate.mean([float(np.mean(each)) for each in joined]) if joined else None,
        smooth=_share([float(np.mean(np.array(each) <= 1)) for each in joined]),
        true_smooth=_share([float(np.mean(np.array(each) <= 1)) for each in true_joined]),
        motion=estimate.ratio(*energies.T.tolist()) if energies[:, 1].any() else None,
        border=estimate.ratio(*zip(*borders, strict=True)) if borders else None,
        psnr=estimate.mean(distances) if distances else None,
    )


def _judge(scenes: Sequence[str], reading: dict[str, str], factors: Sequence[str]) -> dict[str, bool]:
    """Factor -> whether the reading shows what any of the scenes asks for."""
    judged: dict[str, bool] = {}
    for text in scenes:
        for factor, right in verdicts(Scene.from_json(text), reading).items():
            if factor in factors:
                judged[factor] = judged.get(factor, False) or right
    return judged


def _mean_of_factors(views: Sequence[dict[str, bool]]) -> float:
    return float(np.mean([np.mean(list(judged.values())) for judged in views]))


def _agreement(views: Sequence[dict[str, Any]], factors: Sequence[str]) -> float | None:
    """The share of factors in which made and given parts are read alike; None where nothing is to agree."""
    alike = [
        view["made"][factor] == view["given"][factor]
        for view in views
        if view["given"] is not None
        for factor in view["agrees_in"]
        if factor in factors
    ]
    return float(np.mean(alike)) if alike else None


def _floor(rows: Sequence[dict[str, Any]], factors: Sequence[str]) -> Share | None:
    """Every clip judged by the sentences of the next, the second next, … in turn; None for a single clip."""
    rounds = range(1, min(len(rows), FLOOR_ROUNDS + 1))
    right = 0.0
    for shift in rounds:
        for index, row in enumerate(rows):
            others = rows[(index + shift) % len(rows)]["views"]
            pairs = zip(row["views"], others, strict=True)
            right += _mean_of_factors([_judge(other["scenes"], view["made"], factors) for view, other in pairs])
    return Share(right / len(rounds), len(rows)) if rounds else None


def _lasting(rng: random.Random) -> Scene:
    while True:
        scene = sample(rng, split="train")
        if lasts(scene, LONGEST_SECONDS):
            return scene


def _recast(scene: Scene, rng: random.Random) -> Scene:
    """The scene with another object in the place of its first."""
    while True:
        name = sample(rng, split="train").things[0].name
        things = (Thing(name, count=scene.things[0].count), *scene.things[1:])
        if name not in [thing.name for thing in scene.things] and _fits(recast := replace(scene, things=things)):
            return recast


def _moved(scene: Scene, rng: random.Random) -> Scene:
    """The scene at another place, in its weather and at its time of day."""
    while True:
        drawn = sample(rng, split="train")
        moved = replace(scene, place=drawn.place, time=drawn.time, weather=drawn.weather)
        if moved.place != scene.place and _fits(moved):
            return moved


def _fits(scene: Scene) -> bool:
    """Whether training could have drawn it, and everything stays in sight."""
    return sensible(scene) and split_of(scene) == "train" and lasts(scene, LONGEST_SECONDS)


def _key(name: str, trial: Trial) -> str:
    return f"{name} {trial.seed} {trial.scene.to_json()}"


def _share(values: Sequence[float]) -> Share | None:
    return Share(sum(values), len(values)) if values else None


def _percent(share: Share | None) -> str:
    return "-" if share is None else percent(share)


def _spoken(each: Estimate | None, digits: int = 2) -> str:
    return "-" if each is None else spoken(each, digits)


def _fields(result: Result) -> dict[str, object]:
    plain: dict[str, object] = {}
    for field in fields(result):
        value = getattr(result, field.name)
        plain[field.name] = value.to_fields() if isinstance(value, Share | Estimate) else value
    return plain
