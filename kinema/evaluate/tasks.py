"""Whether every task keeps what was known and invents what was asked, on true clips of scenes that no training saw.

Each exercise (exercises.py) gives a task part of a true clip, or of two, with the scene's sentence. Scenes are new
draws of seen compositions in which everything stays in sight. Figures:

- kept: the share of clips in which every known pixel is bit-equal in the task's clip; one wrong pixel fails the clip.
- agrees: what the reader sees in the invented part is what it sees in the known one, over object, colour and place (a
  remix may change its object: place, time, weather), over the quotable ones. Mean of factors.
- obeys, all correct: the reader's verdicts on the invented part by the sentence, over the quotable factors.
- truth: the same verdicts on the true clip at the same place (the ceiling); floor: by the sentences of other scenes.
- seam: the change where known and invented frames meet, over the 90th percentile of the clip's other changes; a loop's
  end and beginning too. The median of all such joins. holds: the share of clips of which no join is above 1. True: the
  same of the true clip at the same frames, where there is one; of its own changes one in ten is above by definition.
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
from pathlib import Path
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
from kinema.evaluate.strips import SHEET_TRIALS, keep_strip, sheet
from kinema.world.objects import OBJECTS
from kinema.world.sampling import sample, sensible
from kinema.world.scene import Scene, Thing
from kinema.world.splits import split_of
from kinema.world.vocabulary import PLACES, TIMES_OF, WEATHERS_OF

MAX_CLIPS: Final = 2000
PAGE, SHEET = "TASKS.md", "tasks_films.webp"
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
    seam: float | None
    holds: Share | None
    true_seam: float | None
    true_holds: Share | None
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
        recast, moved = _recast(scene, rng), _moved(scene, rng)
        if recast and moved:
            trials.append(Trial(scene, other, recast, moved, seed=len(trials)))
    return trials


def named(names: Sequence[str]) -> tuple[str, ...]:
    """The exercises of these names, all where there is none. Raises EvaluationError."""
    for name in names:
        if name not in EXERCISES:
            raise EvaluationError(f"there is no task {name!r} to evaluate; there are {', '.join(EXERCISES)}")
    return tuple(names) or tuple(EXERCISES)


def part_of(said: str) -> slice:
    """Every n-th trial from the i-th on, of `i/n`, so that several processes share the work. Raises EvaluationError."""
    index, _, count = said.partition("/")
    if not (index.isdecimal() and count.isdecimal() and 1 <= int(index) <= int(count)):
        raise EvaluationError(f"{said!r} is no part of the clips; 1/2 and 2/2 are the parts that two processes take")
    return slice(int(index) - 1, None, int(count))


def measure(
    trials: Sequence[Trial],
    studio: Studio,
    reader: Reader,
    ledger: Ledger,
    watch: Watch,
    names: Sequence[str] = tuple(EXERCISES),
) -> None:
    """Fills the ledger with these exercises of every trial not in it yet. May be stopped at any moment."""
    jobs = [(name, trial) for trial in trials for name in names]
    for done, (name, trial) in enumerate(jobs):
        watch(done, len(jobs))
        if _key(name, trial) in ledger:
            continue
        attempt = EXERCISES[name](studio, trial)
        if trial.seed < SHEET_TRIALS:
            keep_strip(attempt, strip_path(ledger, name, trial))
        ledger.write(_key(name, trial), portrait(attempt, reader))
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


def write(found: Findings, trials: Sequence[Trial], ledger: Ledger, folder: Path, configuration: str) -> list[Path]:
    """The page, and a sheet of what was made where any was kept, in a folder; the paths of what was written."""
    assert __doc__
    folder.mkdir(parents=True, exist_ok=True)
    said = __doc__.split("\n\n", 1)[1].strip()
    who = f"Reader `{found.reader}`, factors: {', '.join(found.factors)}. Model: {configuration}."
    parts = ["# Tasks", said, who, "## What was known, and how it is met", joins(found)]
    parts += ["## What was invented", inventions(found)]
    strips = [(name, strip_path(ledger, name, trial)) for name in found.results for trial in trials[:SHEET_TRIALS]]
    picture = sheet([(name, path) for name, path in strips if path.is_file()])
    written = [folder / PAGE]
    if picture:
        picture.save(folder / SHEET, quality=85)
        written.append(folder / SHEET)
        parts += ["## Films", str(sheet.__doc__), f"![Clips of every task, frame by frame]({SHEET})"]
    written[0].write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return written


def joins(found: Findings) -> str:
    """Task by task: what came back as it was, and how smoothly it is met."""
    head = ["task", "clips", "kept", "seam", "holds", "true seam", "true holds", "border", "PSNR"]
    rows = []
    for name, each in found.results.items():
        joined = [_number(each.seam), _percent(each.holds), _number(each.true_seam), _percent(each.true_holds)]
        pixels = [_spoken(each.border), _spoken(each.psnr, 1)]
        rows.append([name, str(each.clips), _percent(each.kept), *joined, *pixels])
    return markdown(head, rows)


def inventions(found: Findings) -> str:
    """Task by task: what the reader saw in what was invented."""
    head = ["task", "obeys", "truth", "floor", "all correct", "agrees", "motion"]
    rows = []
    for name, each in found.results.items():
        shares = [each.obeys, each.truth, each.floor, each.correct, each.agrees]
        rows.append([name, *map(_percent, shares), _spoken(each.motion)])
    return markdown(head, rows)


def strip_path(ledger: Ledger, name: str, trial: Trial) -> Path:
    """Where the strip of an exercise's frames is kept."""
    slug = "".join(letter if letter.isalnum() else "-" for letter in name)
    return ledger.path.with_suffix("") / f"{slug}-{trial.seed}.png"


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
        seam=_median(joined),
        holds=_share([float(max(each) <= 1) for each in joined]),
        true_seam=_median(true_joined),
        true_holds=_share([float(max(each) <= 1) for each in true_joined]),
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


def _recast(scene: Scene, rng: random.Random) -> Scene | None:
    """The scene with another object in the place of its first, or None where no other fits there."""
    things = [Thing(name, count=scene.things[0].count) for name in rng.sample(list(OBJECTS), len(OBJECTS))]
    taken = [thing.name for thing in scene.things]
    others = (replace(scene, things=(thing, *scene.things[1:])) for thing in things if thing.name not in taken)
    return next((recast for recast in others if _fits(recast)), None)


def _moved(scene: Scene, rng: random.Random) -> Scene | None:
    """The scene at another place or, for a boat that has but one, at another time of day; None where neither fits."""
    places = [place for place in rng.sample(PLACES, len(PLACES)) if place != scene.place]
    for place in (*places, scene.place):
        for time in rng.sample(TIMES_OF[place], len(TIMES_OF[place])):
            there = replace(scene, place=place, time=time, weather=rng.choice(WEATHERS_OF[place]))
            if (place, time) != (scene.place, scene.time) and _fits(there):
                return there
    return None


def _fits(scene: Scene) -> bool:
    """Whether training could have drawn it, and everything stays in sight."""
    return sensible(scene) and split_of(scene) == "train" and lasts(scene, LONGEST_SECONDS)


def _key(name: str, trial: Trial) -> str:
    return f"{name} {trial.seed} {trial.scene.to_json()}"


def _median(joined: Sequence[Sequence[float]]) -> float | None:
    """The median of all joins of all clips."""
    return float(np.median([seam for each in joined for seam in each])) if joined else None


def _share(values: Sequence[float]) -> Share | None:
    return Share(sum(values), len(values)) if values else None


def _percent(share: Share | None) -> str:
    return "-" if share is None else percent(share)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _spoken(each: Estimate | None, digits: int = 2) -> str:
    return "-" if each is None else spoken(each, digits)


def _fields(result: Result) -> dict[str, object]:
    plain: dict[str, object] = {}
    for field in fields(result):
        value = getattr(result, field.name)
        plain[field.name] = value.to_fields() if isinstance(value, Share | Estimate) else value
    return plain
