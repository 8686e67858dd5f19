"""The search: where in a clip, at which size, turn and moment, a key's anchor agrees best, and how much that proves.

Letters: T frames, C canvas pixels a side, G cells of the grid, 3 planes (Y, Cb, Cr), h w cells seen.

**How rarely it errs.** Let r be the numbers (any numbers at all) that one way of looking at a clip gives for the cells,
and s the key's anchor signs at those cells. A clip that was not marked with this key is independent of s, whose signs
are fair coin tosses to whoever lacks the key. Then, for every r and every z,

    P( sum s r / sqrt(sum r r) >= z ) <= b(z) = min( exp(-z z / 2), 3.18 Q(z) ),    Q(z) = P(a standard normal >= z),

the first by Hoeffding's inequality (1963, theorem 2), the second, sharper one by Bentkus and Dzindzalieta (Bernoulli
21, 2015, theorem 1.1, whose constant is 1 / (4 Q(sqrt 2)) < 3.18). For the best of N ways of looking at it, however
they depend on one another or on the clip, it is at most N b(z) (Boole). N counts every way that could have been tried,
not those that were: keys, times, variants, mirrored or not, and crops. The budget of 1e-9 is halved: one half for films
whole in their frame, the other for crops of them, so

    P( an unmarked clip is called marked ) <= 2 * 0.5e-9 = 1e-9.

Nothing is assumed of films, of noise or of codecs: only that the signs cannot be told from coin tosses, which is what
SHAKE-256 is for. It says nothing of people who hold the key, or who copy a mark from one film into another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from math import erfc, exp, sqrt
from statistics import NormalDist

import numpy as np
from PIL import Image

from kinema.trust.watermark.keys import Key
from kinema.trust.watermark.pattern import GRID, PLANES, TO_PLANES, VARIANTS, anchor, detail, smoothing

FALSE_POSITIVES = 1e-9
"""At most this share of clips without a mark of any key asked for is called marked."""
CANVAS_PX = 4 * GRID
EIGHTHS = 8 * GRID
"""A crop's edges lie on eighths of a cell."""
DEEPEST = EIGHTHS // 4
"""At most a quarter of the width and of the height may have been cut away."""
CROPS = sum(EIGHTHS - size + 1 for size in range(EIGHTHS - DEEPEST, EIGHTHS + 1)) ** 2
"""How many crops there are: 3,321 spans of the height times as many of the width."""
TURNS = 2 * VARIANTS
"""How many ways there are to hold the anchor against cells: each variant, mirrored or not."""
_SIGMA_PX = 6.0
_CELL_SIGMA, _POWER_SIGMA = 0.8, 2.0
_OUTLIER, _FLOOR, _LIMIT = 2.0, 0.3, 2.5
_SHARP = 3.18
_COARSE_STEP = 6
_REFINED = 4


@dataclass(frozen=True)
class View:
    """A crop: the clip shows the film from top to top + height and from left to left + width, in eighths of a cell.

    Of a mirrored clip, left counts from the left edge of the film's mirror image.
    """

    top: int = 0
    height: int = EIGHTHS
    left: int = 0
    width: int = EIGHTHS

    @property
    def possible(self) -> bool:
        """Whether it is one of the crops that are counted."""
        ends = ((self.top, self.height), (self.left, self.width))
        return all(begin >= 0 and EIGHTHS - DEEPEST <= size <= EIGHTHS - begin for begin, size in ends)

    @property
    def edges(self) -> tuple[float, float, float, float]:
        """Top, bottom, left and right as shares of the film's height and width."""
        bottom, right = self.top + self.height, self.left + self.width
        return self.top / EIGHTHS, bottom / EIGHTHS, self.left / EIGHTHS, right / EIGHTHS


@dataclass(frozen=True)
class Find:
    """The best agreement z, of which canvas, and the number of ways in which one could have been found."""

    z: float
    ways: int
    key: Key
    canvas: int
    variant: int = 0
    mirrored: bool = False
    view: View = View()

    @property
    def bound(self) -> float:
        """The share of unmarked clips in which so much agreement is found at most, by this half of the budget."""
        return min(1.0, self.ways * chance(self.z))

    @property
    def proven(self) -> bool:
        """Whether the bound keeps to half of the budget."""
        return self.bound <= FALSE_POSITIVES / 2


def chance(z: float) -> float:
    """b(z): fair signs agree with any numbers at z or more at most this often. Never 0, which no bound proves."""
    if z <= 0:
        return 1.0
    return max(min(exp(-z * z / 2), _SHARP * erfc(z / sqrt(2)) / 2), 1e-300)


def threshold(ways: int) -> float:
    """The z from which a find in so many ways is proven."""
    return -NormalDist().inv_cdf(FALSE_POSITIVES / 2 / ways / _SHARP)


def canvas_of(frames: Sequence[np.ndarray]) -> np.ndarray:
    """The mean detail (3, C, C) of frames: edges of what they show are damped, their mark adds up."""
    return np.mean([_detail_of(pixels) for pixels in frames], axis=0)


def find(canvases: Sequence[np.ndarray], keys: Sequence[Key]) -> Find:
    """The best find in whole frames if one is proven there, else the best in whole frames or crops."""
    looks = len(canvases) * len(keys) * TURNS
    finds = []
    for at, canvas in enumerate(canvases):
        cells = cells_seen(canvas, View())
        for key, variant, mirrored in product(keys, range(VARIANTS), (False, True)):
            finds.append(Find(agreement(cells, _turned(key, variant, mirrored)), looks, key, at, variant, mirrored))
    whole = max(finds, key=lambda each: each.z)
    if whole.proven:
        return whole
    crops = [
        _best_crop(canvas, Find(-1.0, looks * CROPS, key, at)) for at, canvas in enumerate(canvases) for key in keys
    ]
    return min((whole, *crops), key=lambda each: each.bound)


def cells_seen(canvas: np.ndarray, view: View) -> np.ndarray:
    """The grid (3, G, G) as the view shows it: whole cells, evened out and bounded; 0 where it shows none."""
    rows, columns = _sampling(view.top, view.height), _sampling(view.left, view.width)
    cells = np.zeros((PLANES, GRID, GRID), np.float32)
    cells[:, rows.seen, columns.seen] = _even(rows.means @ canvas @ columns.means.T)
    return cells


def agreement(cells: np.ndarray, signs: np.ndarray) -> float:
    """z of cells with signs (3, G, G): fair signs reach z or more at most chance(z) of times."""
    power = float(np.vdot(cells, cells))
    return float(np.vdot(cells, signs)) / sqrt(power) if power > 0 else 0.0


def _turned(key: Key, variant: int, mirrored: bool) -> np.ndarray:
    signs = anchor(key, variant)
    return signs[..., ::-1] if mirrored else signs


def _detail_of(pixels: np.ndarray) -> np.ndarray:
    picture = Image.fromarray(pixels).resize((CANVAS_PX, CANVAS_PX), Image.Resampling.HAMMING)
    planes = np.einsum("hwr,cr->chw", np.asarray(picture, np.float32), TO_PLANES, optimize=True)
    fine = detail(planes, _SIGMA_PX)
    return fine / (1 + (fine / _OUTLIER) ** 2)


def _even(cells: np.ndarray) -> np.ndarray:
    """Cells (3, h, w) without slow changes, divided by their neighbourhood's deviation, bounded."""
    height, width = cells.shape[-2:]
    fine = detail(cells, _CELL_SIGMA)
    power = smoothing(height, _POWER_SIGMA) @ (fine * fine) @ smoothing(width, _POWER_SIGMA).T
    return np.clip(fine / np.sqrt(power + _FLOOR**2), -_LIMIT, _LIMIT)


@dataclass(frozen=True, eq=False)
class _Sampling:
    """Along one axis: which whole cells are seen, and the matrix (cells seen, C) that takes their means."""

    seen: slice
    means: np.ndarray


@lru_cache(maxsize=4096)
def _sampling(begin: int, size: int) -> _Sampling:
    """How cells lie on a canvas that shows the eighths from begin to begin + size."""
    first, last = -(-begin // 8), (begin + size) // 8
    edges = (np.arange(first, last + 1) * 8 - begin) * CANVAS_PX / size
    pixels = np.arange(CANVAS_PX)
    lower, upper = edges[:-1, None], edges[1:, None]
    overlap = np.clip(np.minimum(upper, pixels + 1) - np.maximum(lower, pixels), 0, None)
    return _Sampling(slice(first, last), (overlap / (upper - lower)).astype(np.float32))


def _best_crop(canvas: np.ndarray, blank: Find) -> Find:
    """The best crop for the key of a blank find: all sizes in coarse steps, then the best few made finer.

    The search is greedy; `ways` counts every crop that it could have ended at.
    """
    signs = np.stack([[_turned(blank.key, variant, turn) for turn in (False, True)] for variant in range(VARIANTS)])
    spectrum = np.fft.rfft2(signs).astype(np.complex64)
    sizes = range(EIGHTHS - DEEPEST, EIGHTHS + 1, _COARSE_STEP)
    begins = [(size, begin) for size in sizes for begin in (0, 4) if begin + size <= EIGHTHS]
    coarse: list[Find] = []
    for rows in begins:
        band = _sampling(rows[1], rows[0]).means @ canvas
        for columns in begins:
            coarse += _places(band, blank, spectrum, rows, columns)
    starts = sorted(coarse, key=lambda each: each.z, reverse=True)[:_REFINED]
    return max((_refined(canvas, start) for start in starts), key=lambda each: each.z, default=blank)


def _places(
    band: np.ndarray, blank: Find, spectrum: np.ndarray, rows: tuple[int, int], columns: tuple[int, int]
) -> Iterator[Find]:
    """For each turn, the best of the whole-cell shifts of a crop of these (size, begin), by Fourier correlation.

    band (3, h, C) is the canvas with its rows' means taken.
    """
    (height, down), (width, right) = rows, columns
    cells = _even(band @ _sampling(right, width).means.T)
    power = float(np.vdot(cells, cells))
    if power <= 0:
        return
    seen = np.zeros((PLANES, GRID, GRID), np.float32)
    seen[:, : cells.shape[1], : cells.shape[2]] = cells
    found = np.fft.irfft2((spectrum * np.conj(np.fft.rfft2(seen))).sum(axis=2), s=(GRID, GRID)) / sqrt(power)
    first_row, first_column = _sampling(down, height).seen.start, _sampling(right, width).seen.start
    found = found[:, :, first_row : GRID - cells.shape[1] + 1, first_column : GRID - cells.shape[2] + 1]
    for variant, turn in product(range(VARIANTS), range(2)):
        row, column = np.unravel_index(int(found[variant, turn].argmax()), found.shape[2:])
        view = View(down + 8 * int(row), height, right + 8 * int(column), width)
        if view.possible:
            z = float(found[variant, turn, row, column])
            yield replace(blank, z=z, variant=variant, mirrored=bool(turn), view=view)


def _refined(canvas: np.ndarray, start: Find) -> Find:
    """The find with its view's edges moved by ever fewer eighths while that helps."""
    signs = _turned(start.key, start.variant, start.mirrored)
    best = replace(start, z=agreement(cells_seen(canvas, start.view), signs))
    for step in (4, 2, 1):
        before = None
        while before is not best:
            before = best
            for view in _neighbours(best.view, step):
                z = agreement(cells_seen(canvas, view), signs)
                if z > best.z:
                    best = replace(best, z=z, view=view)
    return best


def _neighbours(view: View, step: int) -> Iterator[View]:
    """The possible views whose top and height, or left and width, differ by one step."""
    for begin, size in product((-step, 0, step), repeat=2):
        moved = (
            replace(view, top=view.top + begin, height=view.height + size),
            replace(view, left=view.left + begin, width=view.width + size),
        )
        yield from (each for each in moved if each.possible and each != view)
