"""Prints how often the registry errs: python -m kinema.trust.fingerprint_measure [--films N] [--json]

Pocket films are hard: they are few places, a few hundred things and plain skies. They are drawn with a seed that no
setting was chosen on (the settings were chosen on other ones, at 64 and 128 pixels a side).
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from math import sqrt
from pathlib import Path

from kinema.clip import Clip
from kinema.trust.fingerprint import SHARE, Fingerprint, Likeness, compare, fingerprint, pieces, threshold, ways
from kinema.trust.registry import Entry, Finding, Registry
from kinema.trust.watermark.attacks import PROMISED, encoded
from kinema.trust.watermark.measure import pocket

EVALUATION_SEED = 51_501
SIDE_PX, SECONDS = 128, 5.0
FROM, TO = 5, 37
"""Frames of the film that the piece shows: 4 seconds, begun between two moments of the fingerprint."""
_TRIED, _Z = 16, 1.959964


@dataclass(frozen=True)
class Strangers:
    """Pieces held against films that they are not of: how many matched one, and the likeliest of their likenesses."""

    pieces: int
    films: int
    matched: int
    matched_at_most: float
    threshold: float
    largest_z: tuple[float, ...]
    largest_share: tuple[float, ...]


@dataclass(frozen=True)
class Row:
    """How pieces that went through an attack were found: counts, and the least z of those found."""

    attack: str
    pieces: int
    found: int
    wrong_film: int
    called_no: int
    least_z: float


@dataclass(frozen=True)
class Further:
    """How films that were made of given ones were found, and how often what was given was taken for made here."""

    way: str
    films: int
    found: int
    given_found: int


def strangers(clips: list[Clip]) -> Strangers:
    """Every film's piece against all other films. `matched_at_most` is the upper end of the 95 % interval."""
    prints = [fingerprint(clip) for clip in clips]
    found = [_stranger(index, clip, prints) for index, clip in enumerate(clips)]
    least = threshold(ways(sum(len(each.pictures) + 8 for each in prints), 1))
    matched = sum(each.z >= least and each.share >= SHARE for each in found)
    at_most = _upper(matched, len(found))
    zs = sorted((round(each.z, 2) for each in found), reverse=True)
    shares = sorted((round(each.share, 3) for each in found), reverse=True)
    return Strangers(len(found), len(clips) - 1, matched, at_most, least, tuple(zs[:5]), tuple(shares[:5]))


def _stranger(index: int, clip: Clip, prints: list[Fingerprint]) -> Likeness:
    (piece,) = pieces(clip[FROM:TO])
    return max(compare(piece, prints[:index] + prints[index + 1 :]), key=lambda each: each.z)


def _upper(count: int, of: int) -> float:
    """The upper end of the 95 % interval of a share (Wilson 1927)."""
    share = count / of
    middle, half = share + _Z**2 / (2 * of), _Z * sqrt(share * (1 - share) / of + _Z**2 / (4 * of**2))
    return min(1.0, (middle + half) / (1 + _Z**2 / of))


def attacked(clips: list[Clip]) -> Iterator[Row]:
    """Some films' pieces through each attack, against a registry of all films."""
    with tempfile.TemporaryDirectory() as folder:
        registry = Registry(Path(folder) / "films.sqlite3")
        for index, clip in enumerate(clips):
            registry.remember(clip, Entry(f"{index:064x}", index + 1))
        chosen = range(0, len(clips), max(1, len(clips) // _TRIED))
        for name, attack in PROMISED.items():
            found = {index + 1: registry.search(attack(clips[index][FROM:TO])) for index in chosen}
            yield _row(name, found)


def _row(name: str, found: dict[int, Finding]) -> Row:
    matches = {number: finding.match for number, finding in found.items() if finding.match}
    right = [match.z for number, match in matches.items() if match.film.number == number]
    no = sum(finding.verdict == "no" for finding in found.values())
    return Row(name, len(found), len(right), len(matches) - len(right), no, round(min(right, default=0.0), 2))


def taken_further(clips: list[Clip]) -> Iterator[Further]:
    """Some films made of given ones in each way, and what was given to them, both encoded at CRF 28 and asked for."""
    chosen = range(0, len(clips), max(1, len(clips) // _TRIED))
    for way, made_of in _FURTHER.items():
        pairs = [made_of(clips[index], clips[index - 1]) for index in chosen]
        with tempfile.TemporaryDirectory() as folder:
            registry = Registry(Path(folder) / "films.sqlite3")
            for index, (given, film) in enumerate(pairs):
                registry.remember(film, Entry(f"{index:064x}", index + 1), [given])
            told = [[registry.search(encoded(clip, 28)).verdict == "yes" for clip in pair] for pair in pairs]
        yield Further(way, len(pairs), sum(film for _, film in told), sum(given for given, _ in told))


def _replaced(clip: Clip, other: Clip) -> Clip:
    """The clip with the middle tenth of every frame out of the other."""
    side = round(sqrt(0.1) * SIDE_PX)
    frames, part = clip.frames.copy(), slice((SIDE_PX - side) // 2, (SIDE_PX + side) // 2)
    frames[:, part, part] = other.frames[:, part, part]
    return replace(clip, frames=frames)


_FURTHER: dict[str, Callable[[Clip, Clip], tuple[Clip, Clip]]] = {
    "going on for a second": lambda clip, _: (clip[: len(clip) - 8], clip),
    "going on for three seconds": lambda clip, _: (clip[: len(clip) - 24], clip),
    "a tenth of every frame replaced": lambda clip, other: (clip, _replaced(clip, other)),
}


def main(arguments: list[str] | None = None) -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m kinema.trust.fingerprint_measure", description=__doc__)
    parser.add_argument("--films", type=int, default=200, help="pocket films in the registry")
    parser.add_argument("--json", action="store_true", help="one JSON object a row")
    asked = parser.parse_args(arguments)
    clips = pocket(SIDE_PX, SECONDS, asked.films, EVALUATION_SEED)
    told = strangers(clips)
    if asked.json:
        print(json.dumps(asdict(told)))
    else:
        print(f"{told.pieces} pieces of 4 s, each against {told.films} films that it is not of: {told.matched} matched")
        print(f"largest z {told.largest_z} of {told.threshold:.1f}, largest shares {told.largest_share} of {SHARE}")
        print(f"so at most {told.matched_at_most:.2%} of pieces match a film that they are not of (95 %)")
    for row in attacked(clips):
        if asked.json:
            print(json.dumps(asdict(row)))
            continue
        print(
            f"{row.attack:<36} {row.found} of {row.pieces} found, {row.wrong_film} as another film,"
            f" {row.called_no} called no, least z {row.least_z:.1f}",
            flush=True,
        )
    for further in taken_further(clips):
        told_of = f"{further.found} of {further.films} found, {further.given_found} of what was given"
        print(json.dumps(asdict(further)) if asked.json else f"{further.way:<36} {told_of}", flush=True)


if __name__ == "__main__":
    main()
