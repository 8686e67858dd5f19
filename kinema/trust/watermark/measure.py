"""Prints what the mark survives: python -m kinema.trust.watermark.measure [FILM ...] [--quick] [--json]

The pocket films are drawn with a seed that no setting was ever chosen on; the settings were chosen on seed 11. Films
given by name are cut to four seconds; docs/TRUST.md says which were measured and where they come from.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import process_time

import numpy as np
from PIL import Image

from kinema.clip import Clip
from kinema.errors import ExtraMissingError
from kinema.trust.watermark.attacks import BEYOND, PROMISED, Attack, encoded, packed
from kinema.trust.watermark.keys import Key
from kinema.trust.watermark.marker import Marker
from kinema.trust.watermark.reader import read

EVALUATION_SEED = 4242
KEY = Key("measured", bytes(range(32)))
NUMBER = 0x9C0DE7
SECONDS = 4
MAGNIFIED = 16
_SHAPES = ((256, 4.0), (256, 1.0), (192, 4.0), (128, 4.0), (128, 1.0))


@dataclass(frozen=True)
class Row:
    """How marks of one set of films fared under one attack: counts, and the z of the anchor."""

    films: str
    attack: str
    clips: int
    found: int
    named: int
    called_no: int
    wrong_id: int
    lowest_z: float
    median_z: float


@dataclass(frozen=True)
class Cost:
    """What marking one set of films costs: in decibels, milliseconds of processor time and bytes."""

    films: str
    lowest_psnr_db: float
    mean_psnr_db: float
    mark_ms_a_frame: float
    read_ms_a_frame: float
    bytes_more: float


def main(arguments: list[str] | None = None) -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m kinema.trust.watermark.measure", description=__doc__)
    parser.add_argument("films", nargs="*", type=Path, help="natural films to measure besides the pocket films")
    parser.add_argument("--clips", type=int, default=8, help="pocket films of each shape")
    parser.add_argument("--quick", action="store_true", help="four pocket films of 256x256 alone")
    parser.add_argument("--json", action="store_true", help="one JSON object a row")
    asked = parser.parse_args(arguments)
    shapes = _SHAPES[:1] if asked.quick else _SHAPES
    sets = [(f"pocket {side}x{side}, {seconds:g} s", side, seconds) for side, seconds in shapes]
    for name, side, seconds in sets:
        _print(measure(name, pocket(side, seconds, 4 if asked.quick else asked.clips)), asked.json)
    for path in asked.films:
        _print(measure(path.name, [_beginning(path)]), asked.json)


def pocket(side_px: int, seconds: float, count: int, seed: int = EVALUATION_SEED) -> list[Clip]:
    """Films of the pocket world at 8 frames a second."""
    from kinema.world.sampling import sample

    try:
        from kinema.world.render import render
    except ModuleNotFoundError as error:
        if error.name == "cv2":
            raise ExtraMissingError("world", "measuring the watermark") from None
        raise
    rng = random.Random(seed)
    frames = round(seconds * 8)
    return [render(sample(rng), width=side_px, height=side_px, frames=frames) for _ in range(count)]


def measure(films: str, clips: list[Clip]) -> Iterator[Row | Cost]:
    """One row for the unmarked films, one for the cost, and one for each attack on the marked ones."""
    yield _row(films, "not marked", clips)
    begun = process_time()
    marked = [mark(clip) for clip in clips]
    frames = sum(len(clip) for clip in clips)
    mark_ms = (process_time() - begun) / frames * 1e3
    written = [encoded(clip, 18) for clip in marked]
    begun = process_time()
    for clip in written:
        read(clip, [KEY])
    read_ms = (process_time() - begun) / frames * 1e3
    quality = [psnr_db(*pair) for pair in zip(clips, marked, strict=True)]
    more = sum(map(_bytes, marked)) / sum(map(_bytes, clips)) - 1
    yield Cost(films, min(quality), float(np.mean(quality)), mark_ms, read_ms, more)
    for name, attack in (PROMISED | BEYOND).items():
        yield _row(films, name, _attacked(attack, written))


def mark(clip: Clip, key: Key = KEY, number: int = NUMBER) -> Clip:
    """The clip, marked."""
    return next(Marker(key, number).mark([clip]))


def psnr_db(clip: Clip, other: Clip) -> float:
    """Peak signal to noise of all frames, as decibels."""
    error = np.mean((clip.frames.astype(np.float32) - other.frames) ** 2)
    return float(10 * np.log10(255**2 / max(float(error), 1e-9)))


def difference(clip: Clip, marked: Clip, frame: int) -> Image.Image:
    """A frame, the same marked, and what was changed, magnified, side by side."""
    before, after = clip.frames[frame], marked.frames[frame]
    change = np.clip(128 + MAGNIFIED * (after.astype(np.int16) - before), 0, 255).astype(np.uint8)
    return Image.fromarray(np.concatenate([before, after, change], axis=1))


def _attacked(attack: Attack, clips: list[Clip]) -> Iterator[Clip]:
    return (attack(clip) for clip in clips)


def _row(films: str, attack: str, clips: Iterable[Clip]) -> Row:
    readings = [read(clip, [KEY]) for clip in clips]
    verdicts = Counter(reading.verdict for reading in readings)
    right = Counter(reading.number == NUMBER for reading in readings if reading.number is not None)
    z = [reading.z for reading in readings]
    found, called_no, median = verdicts["yes"], verdicts["no"], float(np.median(z))
    return Row(films, attack, len(z), found, right[True], called_no, right[False], min(z), median)


def _bytes(clip: Clip) -> int:
    return len(packed(clip, 18).getbuffer())


def _beginning(path: Path) -> Clip:
    clip = Clip.read(path)
    return replace(clip[: min(len(clip), round(SECONDS * clip.fps))], sound=None, latents=None)


def _print(rows: Iterable[Row | Cost], as_json: bool) -> None:
    for row in rows:
        if as_json:
            print(json.dumps(asdict(row)), flush=True)
        elif isinstance(row, Cost):
            print(
                f"{row.films}: PSNR {row.mean_psnr_db:.1f} dB (lowest {row.lowest_psnr_db:.1f}), marking "
                f"{row.mark_ms_a_frame:.1f} ms a frame, reading {row.read_ms_a_frame:.1f}, {row.bytes_more:+.0%} bytes"
            )
            print(f"  {'':36}{'found':>8}{'id read':>9}{'no':>4}{'wrong id':>10}{'lowest z':>10}{'median z':>10}")
        else:
            counts = f"{row.found:>5}/{row.clips:<2}{row.named:>6}/{row.clips:<2}{row.called_no:>4}{row.wrong_id:>10}"
            print(f"  {row.attack:36}{counts}{row.lowest_z:>10.1f}{row.median_z:>10.1f}", flush=True)


if __name__ == "__main__":
    main()
