"""Whether a long film stays what it was: minute films beside true renders of the same long scenes, window by window.

Scenes are seen compositions (drift is no question of composition) in which everything stays in sight to the end. A
window is ten seconds. Figures, each of films and, beside them, of the true renders (the ceiling):

- mean of factors, all correct: the reader's verdicts on three views of four seconds in each window (from seconds 0, 3
  and 6), averaged per scene, over the quotable factors that last: actions and cameras come to rest in truth too. 95 %
  Wilson intervals.
- kept: the mean of factors in the last window over that in the first. Scenes drawn anew (bootstrap).
- colour shift: mean absolute difference between a window's mean red, green, blue and the first window's, share of 255.
- energy: mean absolute change from frame to frame, 0 to 255; `of truth` is films over true renders in the same window.
- alive: the share of films whose last window has at least half the energy of their first.
- seam: the change where one window of the model meets the next, over the 90th percentile of the film's other changes;
  smooth: the share of such joins that are not above it. In true renders: at the same frames.
- floor: the first window's verdicts by the captions of other scenes.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import numpy as np

from kinema.clip import Clip
from kinema.errors import EvaluationError
from kinema.evaluate import estimate
from kinema.evaluate.estimate import Estimate
from kinema.evaluate.factors import FACTORS
from kinema.evaluate.gate import quotable
from kinema.evaluate.ledger import Ledger
from kinema.evaluate.motion import colour_shift, energy, mean_colour, seams
from kinema.evaluate.plan import PLAN_SEED
from kinema.evaluate.reader import Reader
from kinema.evaluate.report import markdown, percent
from kinema.evaluate.score import ALL, MEAN, Share, floor, tally
from kinema.evaluate.views import FPS, SIDE_PX
from kinema.world.captions import canonical
from kinema.world.sampling import sample
from kinema.world.scene import Scene

WINDOW_SECONDS: Final = 10
VIEWS_AT: Final = (0, 3, 6)
MAX_FILMS: Final = 500
SHORTEST_SECONDS: Final = 2 * WINDOW_SECONDS
IN_SIGHT: Final = 0.5
"""The share of every thing's box that is inside the frame, each second to the end, in scenes that are asked for."""
FADING: Final = ("appears", "vanishes")
ENDING: Final = ("action", "direction", "camera")
KEPT_TARGET, SHIFT_TARGET, ALIVE_ENERGY = 0.90, 0.02, 0.5

Film = Callable[[str, int, int], Clip]
"""A prompt, a seed and seconds to a film."""
Joins = Callable[[int], Sequence[int]]
"""Frames of a film to those at which one window of the model meets the next."""
Watch = Callable[[int, int], None]


@dataclass(frozen=True)
class LongTrial:
    """One long film to be made."""

    scene: Scene
    prompt: str
    seed: int = 1


@dataclass(frozen=True)
class Window:
    """Ten seconds of all films, or of all true renders."""

    shares: dict[str, Share]
    shift: Estimate
    energy: Estimate


@dataclass(frozen=True)
class Side:
    """All films, or all true renders."""

    windows: tuple[Window, ...]
    kept: Estimate
    energy_kept: Estimate
    alive: Share
    seam: Estimate
    smooth: Share


@dataclass(frozen=True)
class Drift:
    """What became of long films."""

    reader: str
    seconds: int
    factors: tuple[str, ...]
    films: Side
    true: Side
    of_truth: tuple[Estimate, ...]
    """Per window, the films' energy over that of the true renders."""
    floor: dict[str, Share]
    count: int

    def to_fields(self) -> dict[str, object]:
        """Plain values for JSON."""
        return {
            "reader": self.reader,
            "seconds": self.seconds,
            "films": self.count,
            "factors": list(self.factors),
            "film": _side(self.films),
            "true": _side(self.true),
            "energy_of_truth": [each.to_fields() for each in self.of_truth],
            "floor": {row: share.to_fields() for row, share in self.floor.items()},
            "reached": dict(verdicts(self)),
        }


def plan(count: int, seconds: int) -> list[LongTrial]:
    """The first `count` seen scenes that last so long; the same for every model."""
    if not 1 <= count <= MAX_FILMS:
        nearest = min(max(count, 1), MAX_FILMS)
        raise EvaluationError(f"{count} long films cannot be evaluated; 1 to {MAX_FILMS} can, nearest {nearest}")
    if seconds < SHORTEST_SECONDS or seconds % WINDOW_SECONDS:
        nearest = max(SHORTEST_SECONDS, round(seconds / WINDOW_SECONDS) * WINDOW_SECONDS)
        raise EvaluationError(f"drift is told in windows of {WINDOW_SECONDS} s, two or more; take {nearest} s")
    rng, trials = random.Random(f"{PLAN_SEED} drift"), list[LongTrial]()
    while len(trials) < count:
        scene = sample(rng, split="train")
        if lasts(scene, seconds):
            trials.append(LongTrial(scene, canonical(scene)))
    return trials


def lasts(scene: Scene, seconds: int) -> bool:
    """Whether everything in the scene can be seen from its beginning to its end."""
    from kinema.world.render import visibility

    return scene.action not in FADING and visibility(scene, frames=seconds + 1, fps=Fraction(1)).min() >= IN_SIGHT


def true_film(scene: Scene, seconds: int) -> Clip:
    """The scene as the world draws it, as long as the film."""
    from kinema.world.render import render

    return render(scene, width=SIDE_PX, height=SIDE_PX, frames=int(seconds * FPS), fps=FPS)


def measure(
    trials: Sequence[LongTrial], seconds: int, makers: tuple[Film, Joins], reader: Reader, book: tuple[Ledger, Watch]
) -> None:
    """Fills the ledger with every film and its true render that are not in it yet. May be stopped at any moment."""
    (film, joins), (ledger, watch) = makers, book
    jobs = [(kind, trial) for trial in trials for kind in ("film", "true")]
    for done, (kind, trial) in enumerate(jobs):
        watch(done, len(jobs))
        if _key(kind, trial, seconds) in ledger:
            continue
        clip = film(trial.prompt, trial.seed, seconds) if kind == "film" else true_film(trial.scene, seconds)
        ledger.write(_key(kind, trial, seconds), portrait(clip, reader, joins(len(clip))))
    watch(len(jobs), len(jobs))


def portrait(clip: Clip, reader: Reader, joins: Sequence[int]) -> dict[str, Any]:
    """All that is measured of one long clip: per window readings, mean colour and energy; and the seam at each join."""
    each = int(WINDOW_SECONDS * clip.fps)
    starts = range(0, len(clip) - each + 1, each)
    windows = [clip[start : start + each] for start in starts]
    return {
        "readings": [[reader.read(window, at).facts for at in VIEWS_AT] for window in windows],
        "colour": [mean_colour(window) for window in windows],
        "energy": [energy(window) for window in windows],
        "seams": seams(clip, joins),
    }


def summarise(trials: Sequence[LongTrial], seconds: int, reader: Reader, ledger: Ledger) -> Drift:
    """The figures of all trials whose film and truth are both in the ledger. EvaluationError where there are none."""
    factors = tuple(factor for factor in quotable(reader) if factor not in ENDING)
    if not factors:
        raise EvaluationError(f"reader {reader.name!r} reads none of {', '.join(FACTORS)} well enough; take another")
    whole = [trial for trial in trials if all(_key(kind, trial, seconds) in ledger for kind in ("film", "true"))]
    if not whole:
        raise EvaluationError(f"{ledger.path} holds no whole film yet; let one be made and read")
    scenes = [trial.scene for trial in whole]
    films, true = ([ledger[_key(kind, trial, seconds)] for trial in whole] for kind in ("film", "true"))
    count = len(films[0]["energy"])
    of_truth = [
        estimate.ratio([row["energy"][index] for row in films], [row["energy"][index] for row in true])
        for index in range(count)
    ]
    first = [(scene, facts) for scene, row in zip(scenes, films, strict=True) for facts in row["readings"][0]]
    shuffled = floor([scene for scene, _ in first], [facts for _, facts in first], random.Random("floor"), factors)
    return Drift(
        reader=reader.name,
        seconds=seconds,
        factors=factors,
        films=_summary(scenes, films, factors),
        true=_summary(scenes, true, factors),
        of_truth=tuple(of_truth),
        floor={row: shuffled[row] for row in (MEAN, ALL) if row in shuffled},
        count=len(whole),
    )


def verdicts(drift: Drift) -> list[tuple[str, bool]]:
    """What is aimed at, in words, and whether the films reach it."""
    films, true = drift.films, drift.true
    return [
        (f"reader scores of the last window at least {KEPT_TARGET:.0%} of the first", films.kept.value >= KEPT_TARGET),
        (f"mean colour shift under {SHIFT_TARGET:.0%}", films.windows[-1].shift.value < SHIFT_TARGET),
        ("motion does not die down: alive as often as true renders", films.alive.value >= true.alive.interval[0]),
        ("joins as smooth as the same frames of true renders", films.smooth.value >= true.smooth.interval[0]),
    ]


def page(drift: Drift, configuration: str) -> str:
    """The whole page as Markdown."""
    assert __doc__
    said = __doc__.split("\n\n", 2)
    targets = "\n".join(f"- {'reached' if reached else '**not reached**'}: {name}" for name, reached in verdicts(drift))
    title = f"# Drift over {drift.seconds} seconds"
    who = f"{drift.count} films, reader `{drift.reader}`, factors: {', '.join(drift.factors)}. Model: {configuration}."
    return "\n\n".join([title, said[1], said[2].strip(), who, windows(drift), whole(drift), targets]) + "\n"


def windows(drift: Drift) -> str:
    """Window by window: scores, colour, energy of films, and of true renders in brackets."""
    told = ("mean of factors", "all correct", "colour shift", "energy")
    head = ["seconds", *(name for each in told for name in (each, "(true)")), "energy of truth"]
    rows = []
    pairs = zip(drift.films.windows, drift.true.windows, drift.of_truth, strict=True)
    for index, (film, true, of_truth) in enumerate(pairs):
        scores = [percent(side.shares[row]) for row in (MEAN, ALL) for side in (film, true)]
        shifts = [f"{100 * side.shift.value:.1f} %" for side in (film, true)]
        energies = [f"{side.energy.value:.2f}" for side in (film, true)]
        span = f"{index * WINDOW_SECONDS} to {(index + 1) * WINDOW_SECONDS}"
        rows.append([span, *scores, *shifts, *energies, f"{of_truth.value:.2f}"])
    if drift.floor:
        rows.append(["floor", percent(drift.floor[MEAN]), "-", percent(drift.floor[ALL]), *["-"] * 6])
    return markdown(head, rows)


def whole(drift: Drift) -> str:
    """The figures of whole films beside those of true renders."""
    rows = []
    for name, side in (("films", drift.films), ("true", drift.true)):
        shift = side.windows[-1].shift
        figures = (spoken(side.kept), spoken(shift, 3), spoken(side.energy_kept))
        rows.append([name, *figures, percent(side.alive), spoken(side.seam), percent(side.smooth)])
    return markdown(["clips", "kept", "colour shift", "energy kept", "alive", "seam", "smooth"], rows)


def spoken(each: Estimate, digits: int = 2) -> str:
    """`0.93 (0.88 to 0.97)`."""
    return f"{each.value:.{digits}f} ({each.low:.{digits}f} to {each.high:.{digits}f})"


def _summary(scenes: Sequence[Scene], rows: Sequence[dict[str, Any]], factors: Sequence[str]) -> Side:
    windows = []
    for index in range(len(rows[0]["energy"])):
        read = [(scene, facts) for scene, row in zip(scenes, rows, strict=True) for facts in row["readings"][index]]
        windows.append(
            Window(
                tally([scene for scene, _ in read], [facts for _, facts in read], factors),
                estimate.mean([colour_shift(row["colour"][0], row["colour"][index]) for row in rows]),
                estimate.mean([row["energy"][index] for row in rows]),
            )
        )
    first, last = ([_mark(scene, row, at, factors) for scene, row in zip(scenes, rows, strict=True)] for at in (0, -1))
    energies = np.array([row["energy"] for row in rows])
    joined = [row["seams"] for row in rows if row["seams"]] or [[1.0]]
    return Side(
        windows=tuple(windows),
        kept=estimate.ratio(last, first),
        energy_kept=estimate.ratio(energies[:, -1].tolist(), energies[:, 0].tolist()),
        alive=Share(float((energies[:, -1] >= ALIVE_ENERGY * energies[:, 0]).sum()), len(rows)),
        seam=estimate.mean([float(np.mean(each)) for each in joined]),
        smooth=Share(sum(float(np.mean(np.array(each) <= 1)) for each in joined), len(joined)),
    )


def _mark(scene: Scene, row: dict[str, Any], window: int, factors: Sequence[str]) -> float:
    """One scene's mean of factors over the views of one window."""
    readings = row["readings"][window]
    return tally([scene] * len(readings), readings, factors)[MEAN].value


def _key(kind: str, trial: LongTrial, seconds: int) -> str:
    return f"{kind} {seconds} {trial.seed} {trial.scene.to_json()}"


def _side(side: Side) -> dict[str, object]:
    return {
        "windows": [
            {row: share.to_fields() for row, share in window.shares.items()}
            | {"colour_shift": window.shift.to_fields(), "energy": window.energy.to_fields()}
            for window in side.windows
        ],
        "kept": side.kept.to_fields(),
        "energy_kept": side.energy_kept.to_fields(),
        "alive": side.alive.to_fields(),
        "seam": side.seam.to_fields(),
        "smooth": side.smooth.to_fields(),
    }
