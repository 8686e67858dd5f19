"""The reader: says of any film whether it bears a mark of ours, and which id, blind: it needs no unmarked film.

'yes' is proven: search.py holds the proof that at most one unmarked clip in 1e9 is called marked, whatever it shows and
however many keys are asked. 'no' is an opinion with a reason: it is said only where a mark would have been found.

The inequality that bounds the verdict bounds the id too: a clip whose payload signs are independent of it agrees with
any of M candidate words at z with probability at most M b(z). Where a registry knows which ids there are,
M is their number; else it is 2**24.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from kinema.clip import Clip
from kinema.errors import TrustError
from kinema.trust.watermark.keys import Key
from kinema.trust.watermark.marker import Marker
from kinema.trust.watermark.pattern import EPOCH_SECONDS, ID_BITS, anchor, decode, payload, soft_word
from kinema.trust.watermark.search import (
    CROPS,
    TURNS,
    Find,
    View,
    agreement,
    canvas_of,
    cells_seen,
    chance,
    find,
    threshold,
)

WRONG_ID = 1e-4
"""An id is named where a clip without one would agree so well with any at most this often."""
MOST_FRAMES = 64
"""Frames that are looked at in one stretch; of more, evenly spaced ones."""
TELLING_PX, TELLING_FRAMES = 256, 24
"""Of smaller or fewer pictures it is never said that they bear no mark: too little of one may be left."""
_STAND_IN_FRAMES = 8
SUSPICIOUS = 0.1
"""Nor of a clip in which less than this share of unmarked ones would agree as much: a mark worn thin may be there."""
_NOT_FOUND = (
    "no mark of these keys, and half of one would be found in these pictures; a film of ours from 256x256 on would "
    "show one unless it was worn more than we promise, a smaller one may have lost it"
)
_TOO_LITTLE = "no mark is proven, and these pictures are too small, too few or too worn to say that there was none"

Verdict = Literal["yes", "no", "cannot tell"]


@dataclass(frozen=True)
class Reading:
    """What a clip says of marks.

    `false_positive_bound` is that of the z found, 1 where it proves nothing; `wrong_id_bound` likewise, None without a
    mark. `number` is the id where it could be read. `crop` is what the clip shows of the film (top, bottom, left, right
    as shares); `seconds` is the stretch of the clip in which the mark is plainest.
    """

    verdict: Verdict
    evidence: str
    z: float
    false_positive_bound: float
    seconds: tuple[float, float]
    number: int | None = None
    key: str | None = None
    wrong_id_bound: float | None = None
    crop: tuple[float, float, float, float] = (0.0, 1.0, 0.0, 1.0)
    mirrored: bool = False


def read(clip: Clip, keys: Sequence[Key], ids: Iterable[int] | None = None) -> Reading:
    """Whether the clip bears a mark of one of the keys, and which id; where `ids` are given, one of these."""
    if not keys:
        raise TrustError("a watermark cannot be looked for without a key; KeyRing().all() makes the first")
    stretches = list(_stretches(clip))
    canvases = [canvas_of([clip.frames[frame] for frame in _chosen(*each, MOST_FRAMES)]) for each in stretches]
    found = find(canvases, keys)
    start, stop = stretches[found.canvas]
    seconds = (float(start / clip.fps), float(stop / clip.fps))
    told = Reading("cannot tell", _TOO_LITTLE, found.z, min(1.0, 2 * found.bound), seconds)
    if found.proven:
        cells = cells_seen(canvases[found.canvas], found.view)
        return _with_id(told, cells[..., ::-1] if found.mirrored else cells, found, ids)
    least = threshold(len(stretches) * len(keys) * TURNS * CROPS)
    if found.bound >= SUSPICIOUS and _would_be_found(clip, keys[0], least):
        return replace(told, verdict="no", evidence=_NOT_FOUND)
    return told


def _stretches(clip: Clip) -> Iterator[tuple[int, int]]:
    """Frames that one variant may fill: all of a short film, of a longer one a stretch from every half epoch."""
    epoch = max(2, round(EPOCH_SECONDS * clip.fps))
    if len(clip) <= 1.5 * epoch:
        yield 0, len(clip)
        return
    for start in range(0, len(clip) - epoch // 2, epoch // 2):
        yield start, min(start + epoch, len(clip))


def _chosen(start: int, stop: int, most: int) -> list[int]:
    """All frames of a stretch, or so many evenly spaced ones."""
    return sorted({round(frame) for frame in np.linspace(start, stop - 1, min(most, stop - start))})


def _would_be_found(clip: Clip, key: Key, least: float) -> bool:
    """Whether these pictures are large and many enough, and a stand-in mark of half our strength shows in them."""
    if min(clip.height, clip.width) < TELLING_PX or len(clip) < TELLING_FRAMES:
        return False
    stand_in = Key("stand-in", key.stream("stand-in", len(key.secret)))
    start, stop = next(_stretches(clip))
    few = Clip(clip.frames[_chosen(start, stop, _STAND_IN_FRAMES)], clip.fps)
    marked = next(Marker(stand_in, 0, strength=0.5).mark([few]))
    return agreement(cells_seen(canvas_of(list(marked.frames)), View()), anchor(stand_in, 0)) >= least


def _with_id(told: Reading, cells: np.ndarray, found: Find, ids: Iterable[int] | None) -> Reading:
    """The reading of a proven mark, with its id where that can be told from the cells (3, G, G)."""
    key, variant = found.key, found.variant
    if ids is None:
        candidates = 1 << ID_BITS
        number = decode(key, soft_word(key, variant, cells))
        z = agreement(cells, payload(key, variant, number))
    else:
        known = set(ids)
        candidates = len(known)
        z, number = max(((agreement(cells, payload(key, variant, each)), each) for each in known), default=(0.0, 0))
    wrong = min(1.0, candidates * chance(z)) if candidates else 1.0
    readable = wrong <= WRONG_ID
    said = f"its id is {number:06x}" if readable else "its id cannot be read"
    return replace(
        told,
        verdict="yes",
        evidence=f"a mark of the key {key.name}, and {said}; "
        f"of films without it at most a share of {told.false_positive_bound:.0e} looks so",
        number=number if readable else None,
        key=key.name,
        wrong_id_bound=wrong,
        crop=found.view.edges,
        mirrored=found.mirrored,
    )
