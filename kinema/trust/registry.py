"""The registry: every film that was made here, so that a piece of one is known again when all else is stripped from it.

One SQLite database under `settings.home`, for its owner alone. It keeps no picture: a fingerprint's bits, the recipe's
digest, the watermark's number and the hashes of the files. A registry that is locked, spoilt or cannot be written is
refused with a reason after two seconds at most; `remember` then hands the reason back, since no film may be lost to it.

**What was given is not made here.** A film that was taken further, filled in, blended or remixed shows what came from
elsewhere, so the films that it was made from are remembered beside it, each by its own fingerprint. A piece is of the
film only where it agrees clearly more (`CLEARER`) with the film than with any of these; else all that is said is that
such frames were given. So a frame that was invented in part counts as made where that part changes what is seen: of
films with a tenth of every frame replaced 16 of 16 were found, and none of what they were made from (`python -m
kinema.trust.fingerprint_measure --films 16`). Counting invented pixels would say less: every second frame may be
invented and the film stay like the given one (docs/LOG.md). Only what a film was itself made from is held against it:
one of ours that is taken further is still known by its first making.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Literal

from kinema.clip import Clip
from kinema.errors import KinemaError, TrustError
from kinema.settings import read_settings
from kinema.trust.fingerprint import (
    SHARE,
    STEP_SECONDS,
    Fingerprint,
    Likeness,
    Piece,
    bound,
    compare,
    fingerprint,
    most_provable,
    pieces,
    screen,
    threshold,
    ways,
)
from kinema.trust.registry_file import AWAY, opened

Verdict = Literal["yes", "no", "cannot tell"]
SEARCH_SECONDS = 20.0
"""How long the registry is searched, the newest films first."""
CLOSER_LOOKS = 32
"""Films whose pictures are most like the piece's, of those that something was given to and of the others, which are
then compared in every view."""
CLEARER = 0.03
"""By so much more of what a piece says it agrees with a film than with what that was made from, if it is of the film.
Pieces of what was given came to 0.006 at most, chosen on other films than those that `fingerprint_measure` draws."""
LEAST = 0.6
"""A piece that reaches this share of the threshold with a film is not said to be of no film."""
_BATCH = 256


@dataclass(frozen=True)
class Entry:
    """What is kept of a film beside its fingerprint.

    `recipe` is the recipe's digest, `number` the id in its watermark, `file` the SHA-256 of the signed file's bytes and
    `signer` that of the certificates it was signed with; empty where there are none.
    """

    recipe: str
    number: int | None = None
    file: str = ""
    signer: str = ""


@dataclass(frozen=True)
class Known:
    """A film in the registry."""

    id: int
    recipe: str
    number: int | None
    made: str
    seconds: float
    width: int
    height: int


@dataclass(frozen=True)
class Match:
    """The film that a piece is of: the piece's `seconds` (from, to) are the film's from `offset_seconds` on.

    `share` of what it says agrees; `false_match_bound` is by the assumption that fingerprint.py states. `mirrored`,
    `speed` (times the film's) and `crop` (top, bottom, left, right as shares of the film) say what was done to it.
    """

    film: Known
    offset_seconds: float
    seconds: tuple[float, float]
    z: float
    share: float
    false_match_bound: float
    mirrored: bool
    speed: float
    crop: tuple[float, float, float, float]


@dataclass(frozen=True)
class Finding:
    """What the registry says of a clip, and why; `match` only where it says yes."""

    verdict: Verdict
    evidence: str
    match: Match | None = None


@dataclass(frozen=True, eq=False)
class _Near:
    """A film whose pictures are like a piece's, and whether something was given to it."""

    alike: float
    film: Known
    bits: Fingerprint
    was_given: bool


@dataclass(frozen=True, eq=False)
class _Claim:
    """A piece that agrees with a film, and how much of what it says agrees with what was given to that film."""

    likeness: Likeness
    piece: Piece
    film: Known
    given_share: float

    @property
    def stands(self) -> bool:
        return self.likeness.share >= self.given_share + CLEARER


@dataclass(frozen=True, eq=False)
class _Looked:
    """How far the search came: the films most like each piece, how many were seen, of how many, and their moments."""

    nearest: list[list[_Near]]
    seen: int
    films: int
    rows: int


class Registry:
    """The films that were made here. The database is made when the first one is remembered."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or read_settings().home / "registry" / "films.sqlite3"

    def remember(self, clip: Clip, entry: Entry, given: Sequence[Clip] = ()) -> None:
        """Keeps a film, and what was given to it; frames may be mapped from disk.

        The same recipe with the same pictures is one film. Raises TrustError where the registry cannot be written.
        """
        known = [fingerprint(each).to_bytes() for each in given if each.seconds >= 2 * STEP_SECONDS]  # else it is still
        bits, now = fingerprint(clip).to_bytes(), datetime.now(UTC).isoformat(timespec="seconds")
        row = (entry.recipe, entry.number, now, clip.seconds, clip.width, clip.height, bits)
        with opened(self.path, write=True) as database:
            assert database
            database.execute("BEGIN IMMEDIATE")
            database.execute(
                "INSERT INTO films (recipe, number, made, seconds, width, height, bits) VALUES (?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (recipe, bits) DO UPDATE SET number = excluded.number",
                row,
            )
            of_film = "SELECT id FROM films WHERE recipe = ? AND bits = ?"
            (film,) = database.execute(of_film, (entry.recipe, bits)).fetchone()
            database.executemany("INSERT OR IGNORE INTO given VALUES (?, ?)", [(film, each) for each in known])
            if entry.file:
                kept = (entry.file, film, entry.signer, now)
                database.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)", kept)
            database.execute("COMMIT")

    def find(self, clip: Clip) -> Match | None:
        """The film that the clip is a piece of, where that is proven; `search` says more where it is not."""
        return self.search(clip).match

    def search(self, clip: Clip) -> Finding:
        """Which film the clip is a piece of: yes, no or cannot tell. Raises TrustError for an unreadable registry."""
        parts = list(pieces(clip))
        looked = self._nearest(parts)
        if not looked.films:
            return Finding("no", "the registry holds no film yet")
        count = ways(looked.rows, len(parts))
        least = threshold(count)
        telling = max(most_provable(part) for part in parts)
        found: list[Likeness] = []
        claims: list[_Claim] = []
        for part, near in zip(parts, looked.nearest, strict=True):
            likenesses = compare(part, [each.bits for each in near])
            found += likenesses
            claims += self._claims(part, [each for each in likenesses if each.z >= least and each.share >= SHARE], near)
        claims.sort(key=lambda each: (not each.stands, -each.likeness.z))
        if not claims:
            return _not_found(max(found, key=lambda each: each.z), telling, least, looked)
        if not claims[0].stands:
            return Finding("cannot tell", _said_of_given(claims[0]))
        match = _match(claims[0].likeness, claims[0].piece, claims[0].film, bound(claims[0].likeness.z, count))
        return Finding("yes", _said(match), match)

    def find_file(self, sha256: str) -> Known | None:
        """The film whose signed file had exactly these bytes."""
        with opened(self.path) as database:
            if database is None:
                return None
            query = f"SELECT {_FIELDS} FROM films JOIN files ON files.film = films.id WHERE sha256 = ?"
            row = database.execute(query, (sha256,)).fetchone()
        return Known(*row) if row else None

    def numbers(self) -> frozenset[int]:
        """The watermark numbers of all films."""
        with opened(self.path) as database:
            if database is None:
                return frozenset()
            return frozenset(row[0] for row in database.execute("SELECT DISTINCT number FROM films") if row[0])

    def numbered(self, number: int) -> Known | None:
        """The newest film that bears this number in its watermark."""
        with opened(self.path) as database:
            if database is None:
                return None
            query = f"SELECT {_FIELDS} FROM films WHERE number = ? ORDER BY id DESC LIMIT 1"
            row = database.execute(query, (number,)).fetchone()
        return Known(*row) if row else None

    def __len__(self) -> int:
        with opened(self.path) as database:
            return database.execute("SELECT count(*) FROM films").fetchone()[0] if database else 0

    def _nearest(self, parts: list[Piece]) -> _Looked:
        """For each piece the films worth a closer look, the newest first, for as long as a search may take."""
        nearest: list[list[_Near]] = [[] for _ in parts]
        end, seen, moments = monotonic() + SEARCH_SECONDS, 0, 0
        with opened(self.path) as database:
            if database is None:
                return _Looked(nearest, 0, 0, 0)
            films = database.execute("SELECT count(*) FROM films").fetchone()[0]
            was_given = "EXISTS (SELECT 1 FROM given WHERE film = films.id)"
            rows = database.execute(f"SELECT {_FIELDS}, bits, {was_given} FROM films ORDER BY films.id DESC")
            while (batch := rows.fetchmany(_BATCH)) and (monotonic() < end or not seen):
                known = [(Known(*row[:-2]), self._bits(row[-2]), bool(row[-1])) for row in batch]
                prints = [bits for _, bits, _ in known]
                for near, part in zip(nearest, parts, strict=True):
                    alike = screen(part, prints)
                    near[:] = _likest(
                        [*near, *(_Near(float(score), *each) for score, each in zip(alike, known, strict=True))]
                    )
                seen += len(batch)
                moments += sum(len(each.pictures) for each in prints)
        return _Looked(nearest, seen, films, moments + seen * 8)

    def _claims(self, piece: Piece, likenesses: list[Likeness], near: list[_Near]) -> list[_Claim]:
        """That the piece is of these films, each with how like it is to what was given to the film."""
        given: dict[int, list[bytes]] = {}
        with opened(self.path) as database:
            for film in (near[each.film] for each in likenesses):
                if film.was_given and database:
                    rows = database.execute("SELECT bits FROM given WHERE film = ?", (film.film.id,))
                    given[film.film.id] = [row[0] for row in rows]
        prints = list({bits for each in given.values() for bits in each})
        alike = compare(piece, [self._bits(bits) for bits in prints]) if prints else []
        shares = dict(zip(prints, (each.share for each in alike), strict=True))
        films = [near[each.film].film for each in likenesses]
        most = [max((shares[bits] for bits in given.get(film.id, ())), default=0.0) for film in films]
        return [_Claim(each, piece, *of) for each, of in zip(likenesses, zip(films, most, strict=True), strict=True)]

    def _bits(self, packed: bytes) -> Fingerprint:
        try:
            return Fingerprint.from_bytes(packed)
        except TrustError as error:
            raise TrustError(f"the registry {self.path} is spoilt: {error}; {AWAY}") from None


_FIELDS = ", ".join(f"films.{name}" for name in Known.__dataclass_fields__)


def remember(clip: Clip, file: Path, recipe: str, number: int | None, *, given: Sequence[Clip] = ()) -> tuple[str, ...]:
    """Keeps a film that was written and signed; what a person should know where it could not be kept. Raises nothing.

    `recipe` is the recipe's digest, `number` the id in the watermark, None where there is none; `given` are the films
    and pictures that it was made from.
    """
    try:
        Registry().remember(clip, Entry(recipe, number, sha256_of_file(file), _signer()), given)
    except (KinemaError, OSError) as error:
        return (f"The film is not in the registry, so its pieces will not be known again: {error}",)
    return ()


def sha256_of_file(path: Path) -> str:
    """The hash of a file's bytes, read in parts."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _signer() -> str:
    """The hash of the certificates that films are signed with, empty where they are not signed."""
    from kinema.trust.keys import identity

    settings = read_settings()
    return hashlib.sha256(identity(settings).chain).hexdigest() if settings.credentials else ""


def _likest(near: list[_Near]) -> list[_Near]:
    """The most like of those that nothing was given to, and as many others, of which many may share what was given."""
    near = sorted(near, key=lambda each: -each.alike)
    made, given = ([each for each in near if each.was_given is kind] for kind in (False, True))
    return made[:CLOSER_LOOKS] + given[:CLOSER_LOOKS]


def _match(likeness: Likeness, piece: Piece, film: Known, rate: float) -> Match:
    view = likeness.view
    return Match(
        film,
        max(0.0, round(likeness.offset_seconds, 3)),
        (piece.start_seconds, piece.start_seconds + piece.seconds),
        likeness.z,
        likeness.share,
        rate,
        view.mirrored,
        view.speed,
        (*view.rows, *view.columns),
    )


def _said(match: Match) -> str:
    done = [f"at {match.speed:g} times its speed"] if match.speed != 1 else []
    done += ["mirrored"] if match.mirrored else []
    done += ["cropped"] if match.crop != (0, 1, 0, 1) else []
    how = "".join(f", {each}" for each in done)
    return (
        f"a piece of the film {match.film.recipe[:12]} made {match.film.made}, from {match.offset_seconds:g} s on{how}:"
        f" pictures and moves agree to {match.share:.0%}, at z {match.z:.1f}, which chance alone would reach at most"
        f" {match.false_match_bound:.1g} times"
    )


def _said_of_given(claim: _Claim) -> str:
    film = claim.film
    return (
        f"these frames were given to a film made here, on {film.made}: they agree to {claim.given_share:.0%} with what"
        f" the film {film.recipe[:12]} was made from, and to {claim.likeness.share:.0%} with the film; who made them is"
        " not known here"
    )


def _not_found(best: Likeness, telling: float, least: float, looked: _Looked) -> Finding:
    films = f"{looked.films:,} film{'s' * (looked.films != 1)}"
    if looked.seen < looked.films:
        return Finding("cannot tell", f"only the newest {looked.seen:,} of {films} could be searched in time")
    if telling < least:
        near = max((each for near in looked.nearest for each in near), key=lambda each: each.alike)
        like = f"; its pictures are like those of the film {near.film.recipe[:12]}, as others of one place may be"
        return Finding(
            "cannot tell",
            f"the piece is too short, too plain or too still: it could prove z {telling:.1f}, and {least:.1f} is needed"
            f" among {films}{like if near.alike >= least else ''}",
        )
    if best.z >= LEAST * least:
        return Finding(
            "cannot tell",
            f"a film is like it, but not beyond doubt: they agree to {best.share:.0%}, {SHARE:.0%} are needed, and at z"
            f" {best.z:.1f} of {least:.1f}",
        )
    return Finding(
        "no", f"none of {films} moves and looks like it: z {best.z:.1f} at most, and {least:.1f} makes a match"
    )
