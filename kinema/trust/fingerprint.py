"""The fingerprint of a film: what its pictures show and how they move, in bits that outlive re-encoding.

Every half second of a film is one small, mean picture of lightness (32 x 32). Of its cosine transform the signs of 128
low frequencies are kept (*pictures*), and the signs of its change until the next half second (*moves*). A piece is held
against a film at every offset, speed, crop and turn that `views` names, with its own transform as weights, so that
what is flat or still in the piece has no voice.

**How often it errs.** Let r be the weights of the piece at frequency k and moment t, and s the film's signs there. If,
of an unrelated film, the 128 sums over time are independent and as likely to be positive as negative (whatever their
dependence in time: a film that stands still has 128 bits and not 128 a moment), then, with w_k = sum_t |r_kt|,

    P( sum s r / sqrt(sum_k w_k^2) >= z ) <= exp(-z z / 2)          (Hoeffding 1963, theorem 2)

and for the best of N offsets, views, stretches and films at most N exp(-z z / 2) (Boole). A match needs that z of the
pictures *and* of the moves; the bound takes the smaller of the two.

**The assumption is not exact.** Films of one place under a camera that moves alike share most of what they show, and
reach more than chance would. So a match also needs `SHARE`, and the rate that is told to people is not this bound but
what `python -m kinema.trust.fingerprint_measure` counts. Films that show the same things moving the same way in the
same place are one to this witness.

Letters: M moments of half a second, T frames, K = 128 frequencies, S side.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise, product
from math import exp, log, sqrt

import numpy as np
from PIL import Image

from kinema.clip import Clip
from kinema.errors import TrustError

SIDE, BITS, STEP_SECONDS = 32, 128, 0.5
FALSE_MATCHES = 1e-6
"""At most so often, by the bound above, a piece of no film in the registry is called a piece of one."""
SHARE = 0.8
"""A match agrees in this share, at least, of what the piece's pictures and its moves say. Films of one place, shown by
a camera that moves alike, agree in up to three quarters; pieces of a film, whatever is promised to be done to them, in
more. Chosen on other films than those that `fingerprint_measure` draws."""
STRETCH = 8
"""The most moments of a piece that are held against films at once; of a longer piece, several such stretches."""
MOST_STRETCHES = 16
SPEEDS = (1.0, 3 / 2, 2 / 3)
"""How many times as fast as the film the piece may run: every third frame dropped, or doubled. Twice and half its speed
were tried as well, and made one film of two strawberries that jump over one cloud at different speeds."""
PHASES = (0.0, 0.25, 0.5, 0.75)
SPANS = ((0.0, 1.0), (0.05, 0.95), (0.05, 1.0), (0.0, 0.95), (0.1, 1.0), (0.0, 0.9), (0.1, 0.9))
"""What the piece may show of the film's height, and of its width, as shares."""
_RATE = 16
_SAMPLES = 4
_PICTURE, _MOVE = (4.0, 16.0), (2.0, 8.0)
"""The transform's value up to which a frequency has no voice, and what beyond that gives it a whole one."""
_PLACES = sorted(((v, h) for v in range(SIDE) for h in range(SIDE) if v + h), key=lambda at: (sum(at), at))[:BITS]
_DOWN, _ACROSS = (np.array([place[axis] for place in _PLACES]) for axis in (0, 1))


@dataclass(frozen=True, eq=False)
class Fingerprint:
    """pictures (M, K) and moves (M - 1, K), bool: where the transform is positive."""

    pictures: np.ndarray
    moves: np.ndarray

    def to_bytes(self) -> bytes:
        """The bits, 16 bytes a moment, that `from_bytes` reads back."""
        return np.packbits(np.concatenate([self.pictures, self.moves]), axis=1).tobytes()

    @classmethod
    def from_bytes(cls, packed: bytes) -> Fingerprint:
        """The fingerprint in these bytes. Raises TrustError where they hold none."""
        rows, rest = divmod(len(packed), BITS // 8)
        if rest or rows % 2 == 0:
            raise TrustError(f"{len(packed)} bytes are no fingerprint; an odd number of rows of {BITS // 8} is one")
        bits = np.unpackbits(np.frombuffer(packed, np.uint8).reshape(rows, -1), axis=1).astype(bool)
        return cls(bits[: rows // 2 + 1], bits[rows // 2 + 1 :])


@dataclass(frozen=True)
class View:
    """How a piece is looked at: shares of a moment that it begins late, its speed, what it shows of the film, turn."""

    phase: float = 0.0
    speed: float = 1.0
    rows: tuple[float, float] = (0.0, 1.0)
    columns: tuple[float, float] = (0.0, 1.0)
    mirrored: bool = False


@dataclass(frozen=True, eq=False)
class Piece:
    """A stretch of a clip as small pictures (T, S, S) at 16 a second, from `start_seconds` of it on."""

    small: np.ndarray
    start_seconds: float
    seconds: float


@dataclass(frozen=True)
class Likeness:
    """Where a piece agrees best with a film, one of several: `z` is the smaller one of pictures and moves.

    `share` is how much of what the pictures and of what the moves say agrees, the smaller of the two, 1 for all of it.
    `offset_seconds` is the film's moment at which the piece begins.
    """

    film: int
    z: float
    share: float
    offset_seconds: float
    view: View


def fingerprint(clip: Clip) -> Fingerprint:
    """The fingerprint of a whole film. Of a long one few frames are in memory at a time."""
    count = max(1, int(clip.seconds / STEP_SECONDS + 1e-6))
    moments = np.stack([_small(clip, _times(index * STEP_SECONDS, STEP_SECONDS)).mean(0) for index in range(count)])
    values = _transform(moments, View())
    return Fingerprint(values > 0, np.diff(values, axis=0) > 0)


def pieces(clip: Clip) -> Iterator[Piece]:
    """The stretches of a clip that are looked for: all of a short one, of a long one 16 at most, evenly spread."""
    length = STRETCH * STEP_SECONDS + STEP_SECONDS
    if clip.seconds <= length:
        starts = np.zeros(1)
    else:
        count = min(MOST_STRETCHES, int(2 * clip.seconds / length) + 1)
        starts = np.linspace(0, clip.seconds - length, count)
    for start in starts:
        seconds = min(length, clip.seconds - start)
        times = start + (np.arange(max(1, round(seconds * _RATE))) + 0.5) / _RATE
        yield Piece(_small(clip, times), float(start), float(seconds))


def ways(rows: int, stretches: int) -> int:
    """N: how many offsets, views and stretches films of so many moments in all could be tried in."""
    return max(1, stretches * len(_views()) * rows)


def threshold(count: int) -> float:
    """The z from which a find in so many ways is a match."""
    return sqrt(2 * log(count / FALSE_MATCHES))


def bound(z: float, count: int) -> float:
    """How often, at most and by the module's assumption, an unrelated piece reaches this z in so many ways."""
    return min(1.0, count * exp(-z * z / 2)) if z > 0 else 1.0


def most_provable(piece: Piece) -> float:
    """The z that the piece has with itself: below the threshold it is too short, too plain or too still."""
    return min(_norm_and_most(weights)[1] for weights in _weights(piece, View()))


def screen(piece: Piece, films: Sequence[Fingerprint]) -> np.ndarray:
    """How like each film's pictures are to the piece's, whatever the crop and the turn (films,); one by one in time.

    It only chooses the films that are worth a closer look.
    """
    moments = _moments(piece, View())[[0, -1]]
    looks = [View(rows=rows, columns=columns, mirrored=turn) for rows, columns, turn in _crops()]
    weights = np.stack([_voice(_transform(moments, look), _PICTURE) for look in looks])
    weights /= np.maximum(np.linalg.norm(weights, axis=2, keepdims=True), 1e-6)
    signs = np.concatenate([_signs(film.pictures) for film in films])
    starts = np.cumsum([0, *(len(film.pictures) for film in films[:-1])])
    alike = np.maximum.reduceat(signs @ weights.reshape(-1, BITS).T, starts, axis=0)
    return alike.reshape(len(films), len(looks), -1).mean(2).max(1)


def compare(piece: Piece, films: Sequence[Fingerprint]) -> list[Likeness]:
    """The best agreement of the piece with each of the films, in any view, at any offset."""
    signs, of_film, at = _laid_out(films)
    rows = len(of_film) - STRETCH
    best, shares, views = np.zeros(rows, np.float32), np.zeros(rows, np.float32), np.zeros(rows, int)
    for number, view in enumerate(_views()):
        pictures, moves = _weights(piece, view)
        if not len(moves):
            continue
        bounds = [_norm_and_most(weights) for weights in (pictures, moves)]
        scores = [
            _along(each, weights) / max(norm, 1e-6)
            for each, weights, (norm, _) in zip(signs, (pictures, moves), bounds, strict=True)
        ]
        both = np.minimum(*scores)
        better = both > best
        agreed = np.minimum(*(score / max(most, 1e-6) for score, (_, most) in zip(scores, bounds, strict=True)))
        best[better], shares[better], views[better] = both[better], agreed[better], number
    edges = np.searchsorted(of_film[:rows], np.arange(len(films) + 1))
    found = [int(start + best[start:stop].argmax()) for start, stop in pairwise(edges)]
    seen = [_views()[views[row]] for row in found]
    return [
        Likeness(film, float(best[row]), float(shares[row]), float(at[row] - view.phase) * STEP_SECONDS, view)
        for film, (row, view) in enumerate(zip(found, seen, strict=True))
    ]


def _small(clip: Clip, times: Iterable[float]) -> np.ndarray:
    """Lightness (n, S, S) float32 of the frames that are shown at these times."""
    shown = [min(len(clip) - 1, int(time * float(clip.fps) + 1e-6)) for time in times]
    found = {index: _lightness(clip.frames[index]) for index in set(shown)}
    return np.stack([found[index] for index in shown])


def _lightness(pixels: np.ndarray) -> np.ndarray:
    picture = Image.fromarray(np.ascontiguousarray(pixels)).convert("L")
    return np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BOX), np.float32)


def _times(start: float, step: float) -> np.ndarray:
    return start + (np.arange(_SAMPLES) + 0.5) / _SAMPLES * step


def _moments(piece: Piece, view: View) -> np.ndarray:
    """The piece's mean pictures (M, S, S), a film's half second each."""
    step = STEP_SECONDS / view.speed
    begin = view.phase * step
    count = min(STRETCH, max(1, int((piece.seconds - begin) / step + 1e-6)))
    times = np.stack([_times(begin + index * step, step) for index in range(count)])
    return piece.small[np.minimum((times * _RATE).astype(int), len(piece.small) - 1)].mean(1)


def _transform(moments: np.ndarray, view: View) -> np.ndarray:
    """The cosine transform (M, K) of pictures (M, S, S), each laid where the view says that the film shows it."""
    turned = moments[:, :, ::-1] if view.mirrored else moments
    whole = _cosines(view.rows) @ turned @ _cosines(view.columns).T
    return whole[:, _DOWN, _ACROSS]


@lru_cache
def _cosines(span: tuple[float, float]) -> np.ndarray:
    """The transform (S, S) of a column that shows this span of the film; what it does not show is as its edge."""
    centres = (np.arange(SIDE) + 0.5) / SIDE
    places = np.clip((centres - span[0]) / (span[1] - span[0]) * SIDE - 0.5, 0, SIDE - 1)
    below = np.minimum(places.astype(int), SIDE - 2)
    laid = np.zeros((SIDE, SIDE))
    laid[np.arange(SIDE), below] = 1 - (places - below)
    laid[np.arange(SIDE), below + 1] += places - below
    basis = sqrt(2 / SIDE) * np.cos(np.pi * np.arange(SIDE)[:, None] * centres[None])
    basis[0] /= sqrt(2)
    return (basis @ laid).astype(np.float32)


def _voice(values: np.ndarray, kind: tuple[float, float]) -> np.ndarray:
    """The transform as weights from -1 to 1: 0 where it is within what encoding changes."""
    floor, whole = kind
    return np.sign(values) * np.clip((np.abs(values) - floor) / whole, 0, 1)


def _weights(piece: Piece, view: View) -> tuple[np.ndarray, np.ndarray]:
    """The weights of the piece's pictures (M, K) and moves (M - 1, K)."""
    values = _transform(_moments(piece, view), view)
    return _voice(values, _PICTURE), _voice(np.diff(values, axis=0), _MOVE)


def _norm_and_most(weights: np.ndarray) -> tuple[float, float]:
    """sqrt(sum_k w_k^2), and the z of whole agreement."""
    together = np.abs(weights).sum(0)
    norm = float(np.linalg.norm(together))
    return norm, float(together.sum()) / max(norm, 1e-6)


@lru_cache
def _crops() -> tuple[tuple[tuple[float, float], tuple[float, float], bool], ...]:
    return tuple(product(SPANS, SPANS, (False, True)))


@lru_cache
def _views() -> tuple[View, ...]:
    """Every speed of whole pictures, and every crop at the film's own speed."""
    whole = [View(phase, speed, mirrored=turn) for phase, speed, turn in product(PHASES, SPEEDS, (False, True))]
    cropped = [
        View(phase, 1.0, rows, columns, turn)
        for phase, (rows, columns, turn) in product(PHASES, _crops())
        if (rows, columns) != (SPANS[0], SPANS[0])
    ]
    return (*whole, *cropped)


def _signs(bits: np.ndarray) -> np.ndarray:
    return np.where(bits, np.float32(1), np.float32(-1))


def _laid_out(films: Sequence[Fingerprint]) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray, np.ndarray]:
    """Pictures and moves of all films one after the other, silence between them; each row's film, and its moment."""
    rows = sum(len(film.pictures) + STRETCH for film in films) + STRETCH
    pictures, moves = np.zeros((rows, BITS), np.float32), np.zeros((rows, BITS), np.float32)
    of_film, at = np.zeros(rows, int), np.zeros(rows)
    begin = 0
    for index, film in enumerate(films):
        count = len(film.pictures)
        of_film[begin : begin + count + STRETCH] = index
        at[begin : begin + count + STRETCH] = np.arange(-STRETCH, count)
        begin += STRETCH
        pictures[begin : begin + count] = _signs(film.pictures)
        moves[begin : begin + count - 1] = _signs(film.moves)
        begin += count
    return (pictures, moves), of_film, at


def _along(signs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The sum of signs and weights where the weights begin at each row."""
    each = signs @ weights.T
    scores = np.zeros(len(signs) - STRETCH, np.float32)
    for moment in range(len(weights)):
        scores += each[moment : moment + len(scores), moment]
    return scores
