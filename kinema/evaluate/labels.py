"""A hundred films labelled by looking: a numbered contact sheet, a table to fill in, and the reader held against it.

A person sees frames and the list of classes, never the caption or what a reader said. An empty cell means that it
cannot be told, and is not counted.
"""

from __future__ import annotations

import argparse
import csv
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from kinema.clip import Clip
from kinema.errors import EvaluationError
from kinema.evaluate.factors import CLASSES, FACTORS, Facts
from kinema.evaluate.plan import plan
from kinema.evaluate.reader import NAMES, Reader
from kinema.evaluate.score import Share

ACROSS = 2
FRAMES_SHOWN = 6
THUMB_PX = 112
GAP_PX = 2
CAPTION_PX = 14
SHEET_ROWS = 10
NUMBER = "film"
TABLE = "labels.csv"
SHUFFLE = 1


@dataclass(frozen=True)
class Agreement:
    """How often the reader said what a person saw, per factor."""

    shares: dict[str, Share]
    disagreements: tuple[str, ...]


def write_sheets(clips: Sequence[Clip], folder: Path) -> list[Path]:
    """Numbered sheets of the clips and `labels.csv` to fill in. Never writes over a table: it may be filled in."""
    table = folder / TABLE
    if table.exists():
        raise EvaluationError(f"{table} exists and may hold somebody's work; move it away, or take another folder")
    folder.mkdir(parents=True, exist_ok=True)
    per_sheet = ACROSS * SHEET_ROWS
    paths = []
    for first in range(0, len(clips), per_sheet):
        path = folder / f"films-{first + 1:03d}.png"
        _sheet(clips[first : first + per_sheet], first + 1).save(path)
        paths.append(path)
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([NUMBER, *FACTORS])
        writer.writerows([number, *[""] * len(FACTORS)] for number in range(1, len(clips) + 1))
    return [*paths, table]


def write_films(count: int, folder: Path, film: Callable[[str, int], Clip]) -> list[Path]:
    """Films of the plan in an order that gives nothing away, with sheets, table and moving pictures.

    A film's prompt is not written: what it was asked to show must not be known to who labels it.
    """
    trials = plan(count)[:count]
    clips = []
    for number, index in enumerate(shuffled(len(trials), SHUFFLE), start=1):
        clip = film(trials[index].prompt, trials[index].seed)
        clips.append(clip)
        folder.mkdir(parents=True, exist_ok=True)
        clip.write(folder / f"{number:03d}.gif")
        np.savez_compressed(folder / f"{number:03d}.npz", frames=clip.frames, fps=str(clip.fps))
    return write_sheets(clips, folder)


def compare(folder: Path, reader: Reader) -> Agreement:
    """What a person wrote into the folder's table, held against what the reader sees in the folder's films."""
    seen = {number: said for number, said in read_labels(folder / TABLE).items() if said}
    if not seen:
        raise EvaluationError(f"{folder / TABLE} is not filled in yet; write a class wherever it can be told")
    read = {}
    for number in seen:
        with np.load(folder / f"{number:03d}.npz") as kept:
            read[number] = reader.read(Clip(kept["frames"], Fraction(str(kept["fps"])))).facts
    return agreement(seen, read)


def shuffled(count: int, seed: int) -> list[int]:
    """An order in which nothing gives away which film was asked for as what."""
    return random.Random(f"labels {seed}").sample(range(count), count)


def read_labels(path: Path) -> dict[int, dict[str, str]]:
    """Number of a film -> factor -> class, without empty cells. EvaluationError names a word that is no class."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if not rows or NUMBER not in rows[0]:
        raise EvaluationError(f"{path} has no column '{NUMBER}'; take the table that was written with the sheets")
    return {_number(row[NUMBER], path): _label(row, path) for row in rows}


def agreement(seen: Mapping[int, Facts], read: Mapping[int, Facts]) -> Agreement:
    """The reader's facts held against a person's; only what the person filled in counts."""
    right: dict[str, int] = {}
    of: dict[str, int] = {}
    apart = []
    for number, labels in seen.items():
        if number not in read:
            raise EvaluationError(f"film {number} is labelled and was not read; give the readings of the same sheet")
        for factor, label in labels.items():
            same = read[number].get(factor) == label
            right[factor] = right.get(factor, 0) + same
            of[factor] = of.get(factor, 0) + 1
            if not same:
                said = read[number].get(factor)
                apart.append(f"film {number}: {factor} looks like {label!r}, the reader says {said!r}")
    return Agreement({factor: Share(right[factor], of[factor]) for factor in of}, tuple(apart))


def _label(row: Mapping[str, str | None], path: Path) -> dict[str, str]:
    labels = {}
    for factor in FACTORS:
        said = (row.get(factor) or "").strip()
        if not said:
            continue
        if said not in CLASSES[factor]:
            raise EvaluationError(
                f"{path}, film {row[NUMBER]}: {factor} {said!r} is not one of {', '.join(CLASSES[factor])}; "
                "leave it empty where it cannot be told"
            )
        labels[factor] = said
    return labels


def _number(said: str | None, path: Path) -> int:
    if not said or not said.isdigit():
        raise EvaluationError(f"{path}: {said!r} is not the number of a film; keep the first column as it was written")
    return int(said)


def _sheet(clips: Sequence[Clip], first: int) -> Image.Image:
    rows = -(-len(clips) // ACROSS)
    wide, tall = FRAMES_SHOWN * (THUMB_PX + GAP_PX) + 8, THUMB_PX + CAPTION_PX
    sheet = Image.new("RGB", (ACROSS * wide, rows * tall), "white")
    draw = ImageDraw.Draw(sheet)
    for index, clip in enumerate(clips):
        left, top = index % ACROSS * wide, index // ACROSS * tall
        draw.text((left + 2, top + 1), f"{first + index}", fill="black")
        for place, frame in enumerate(np.linspace(0, len(clip) - 1, FRAMES_SHOWN).round().astype(int)):
            thumb = Image.fromarray(clip.frames[frame]).resize((THUMB_PX, THUMB_PX))
            sheet.paste(thumb, (left + place * (THUMB_PX + GAP_PX), top + CAPTION_PX))
    return sheet


def main() -> None:
    """Writes films and sheets of the embedded model, or compares a filled-in table with a reader."""
    parser = argparse.ArgumentParser(description="Label films by looking, and hold a reader against the labels.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--films", type=int, help="make so many films and their sheets; without it, compare")
    parser.add_argument("--reader", choices=NAMES, default="dev")
    chosen = parser.parse_args()
    if chosen.films:
        from kinema.evaluate.embedded import film

        print("\n".join(str(path) for path in write_films(chosen.films, chosen.folder, film)))
        return
    found = compare(chosen.folder, Reader(chosen.reader))
    for factor, share in found.shares.items():
        low, high = share.interval
        print(f"{factor:14} {share.right:.0f} of {share.of}, {100 * low:.0f} to {100 * high:.0f} %")
    print("\n".join(found.disagreements))


if __name__ == "__main__":
    main()
