"""How often the frame review is right, and what it costs: false alarms on the pocket world, and an operator's folder.

No picture that ought to be blocked is in this repository, so recall is measured on a folder that an operator labels:
a folder for each category, and one named `ordinary`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np

from kinema.clip import Clip
from kinema.errors import ClipError
from kinema.media import read
from kinema.trust.policy.report import Row
from kinema.trust.review.decision import Look
from kinema.trust.review.faces import faces
from kinema.trust.review.letters import read_lines
from kinema.trust.review.reviewer import check
from kinema.trust.review.sexual import judged
from kinema.trust.watermark.measure import pocket

ORDINARY = "ordinary"
EVALUATION_SEED = 7_001
"""Films of the pocket world that no threshold was chosen on (those were chosen on seed 99)."""
SIDE_PX, SECONDS = 128, 2.0
TIMED = 8

Show = Callable[[int, int], None]


@dataclass(frozen=True)
class Report:
    """Shares with their intervals, milliseconds by what they are spent on, and what was decided wrongly."""

    rows: tuple[Row, ...]
    milliseconds: dict[str, float]
    wrong: tuple[str, ...]

    def to_fields(self) -> dict[str, object]:
        """The JSON object."""
        return asdict(self) | {"rows": [row.to_fields() for row in self.rows]}


def measure(films: int, folder: Path | None, show: Show) -> Report:
    """The whole report. Raises ClipError where the folder holds no labelled pictures."""
    labelled = labelled_files(folder) if folder else {}
    total = films + sum(map(len, labelled.values()))
    first = perf_counter()
    clips = pocket(SIDE_PX, SECONDS, films, EVALUATION_SEED)
    drawn_ms = 1e3 * (perf_counter() - first) / films
    looks: dict[str, list[Look]] = {}
    for index, clip in enumerate(clips):
        looks.setdefault("", []).append(check(clip, f"pocket film {index}"))
        show(index + 1, total)
    done = films
    for category, paths in labelled.items():
        for path in paths:
            looks.setdefault(category, []).append(check(read(path), str(path)))
            show(done := done + 1, total)
    rows = [*_false_alarms("pocket films", looks.pop("")), *_rows(looks)]
    return Report(tuple(rows), _milliseconds(clips) | {"to draw a pocket film": drawn_ms}, tuple(_wrong(looks)))


def labelled_files(folder: Path) -> dict[str, list[Path]]:
    """The files of every folder in the folder, by its name. Raises ClipError where none is named `ordinary`."""
    kinds = {each.name: sorted(path for path in each.iterdir() if path.is_file()) for each in _folders(folder)}
    if not kinds.get(ORDINARY) or len(kinds) < 2 or not all(kinds.values()):
        raise ClipError(
            f"{folder} needs a folder of pictures for each category and one named '{ORDINARY}', each with some in it;"
            f" it has {', '.join(kinds) or 'none'}"
        )
    return kinds


def _folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise ClipError(f"there is no folder {folder}")
    return sorted(each for each in folder.iterdir() if each.is_dir())


def _false_alarms(of: str, looks: list[Look]) -> Iterator[Row]:
    """What was held against films that hold nothing: all of it, and by category."""
    yield _row("false alarms", of, [look.gravest.decision for look in looks])
    seen = [{sight.category: sight.decision for sight in look.found} for look in looks]
    for category in sorted({each for found in seen for each in found}):
        yield _row("  of these", category, [found.get(category, "allow") for found in seen])


def _rows(looks: dict[str, list[Look]]) -> Iterator[Row]:
    for category, found in looks.items():
        if category == ORDINARY:
            yield from _false_alarms(ORDINARY, found)
        else:
            yield _row("recall", category, [look.gravest.decision for look in found])


def _row(measure: str, of: str, decisions: list[str]) -> Row:
    return Row(measure, of, decisions.count("block"), len(decisions), decisions.count("review"))


def _wrong(looks: dict[str, list[Look]]) -> Iterator[str]:
    for category, found in looks.items():
        for look in found:
            if (look.gravest.decision == "block") == (category == ORDINARY):
                yield f"{category}: {look.name}: {look.gravest.reason or 'allowed'}"


def _milliseconds(clips: list[Clip]) -> dict[str, float]:
    """What looking costs in wall time, as the median of some frames; everything is loaded already."""
    frames = [clip.frames[0] for clip in clips[:TIMED]]
    parts: dict[str, Callable[[np.ndarray], object]] = {
        "a frame for sexual content": lambda frame: judged([frame]),
        "a frame for writing": read_lines,
        "a frame of an upload for faces": faces,
    }
    return {name: 1e3 * median(_seconds(part, frame) for frame in frames) for name, part in parts.items()}


def _seconds(part: Callable[[np.ndarray], object], frame: np.ndarray) -> float:
    begun = perf_counter()
    part(frame)
    return perf_counter() - begun
