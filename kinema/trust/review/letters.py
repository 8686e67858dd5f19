"""What is written in a frame: lines are found, cut out upright and read (PaddleOCR's PP-OCRv4, arXiv 2206.03001).

It reads Latin letters, digits and Chinese, at any angle, upside down and mirrored. What is read goes through the prompt
policy (decision.py).

    H W pixels, N points of a line, K classes
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps

from kinema.trust.review.framing import Framed, framed
from kinema.trust.review.networks import networks

SIDE, LARGE_SIDE = 256, 640
WRITTEN, LINE, SURE, QUITE_SURE = 0.3, 0.8, 0.8, 0.95
"""A pixel is of a line, a line is one, a reading counts, and counts alone, from such a probability on."""
GROWN = 1.6
"""Lines are found shrunken; area over girth times this is what they lack on every side."""
SMALLEST_PX, LEAST_ASPECT, MOST_LINES = 5.0, 1.25, 12
"""Of a line in the square; what is about as wide as high is a window or an eye, or a letter alone."""
LEAST_LETTERS = 2
"""A single letter or digit is what windows and wheels are read as."""
HEIGHT, STEP, WIDEST = 48, 160, 960
"""The network's height of a line; widths are whole steps, wider lines are squeezed."""
_ANGLES = np.deg2rad(np.arange(-45, 45, 3))


@dataclass(frozen=True)
class Line:
    """The words of a line and how sure their reading is."""

    words: str
    sure: float


def read_lines(frame: np.ndarray, *, large: bool = False) -> list[Line]:
    """The lines that can be read in a frame (H, W, 3), the largest first; `large` finds smaller ones."""
    laid = framed(frame, LARGE_SIDE if large else SIDE)
    picture = laid.picture[..., ::-1].astype(np.float32).transpose(2, 0, 1) / 127.5 - 1
    (found,) = networks().run("lines", picture[None]).values()
    boxes = boxes_in(found[0, 0], laid)
    read = [line for box in boxes for line in _read(_cut(frame, box / laid.scale))]
    return [line for line in read if line.sure >= SURE and _says_something(line.words)]


def _says_something(words: str) -> bool:
    return sum(letter.isalnum() for letter in words) >= LEAST_LETTERS


def boxes_in(sure: np.ndarray, laid: Framed) -> list[np.ndarray]:
    """The corners (4, 2) as x, y of every line, from its upper left round, in a map (H, W) of probabilities."""
    written = sure[: laid.height, : laid.width] >= WRITTEN
    boxes = []
    for rows, columns in _patches(written):
        if sure[rows, columns].mean() >= LINE:
            sides, corners = _smallest_box(np.stack([columns, rows], axis=1).astype(np.float64))
            if min(sides) >= SMALLEST_PX and max(sides) >= LEAST_ASPECT * min(sides):
                boxes.append((sides[0] * sides[1], corners))
    boxes.sort(key=lambda box: -box[0])
    return [corners for _, corners in boxes[:MOST_LINES]]


def decode(sure: np.ndarray, characters: str) -> Line:
    """The line in probabilities (steps, K): the surest class of each step, repetitions and blanks left out (CTC)."""
    classes, chances = sure.argmax(axis=1), sure.max(axis=1)
    kept = (classes != 0) & np.concatenate([[True], classes[1:] != classes[:-1]])
    words = "".join(characters[each] for each in classes[kept])
    return Line(words.strip(), float(chances[kept].mean()) if kept.any() else 0.0)


def _patches(written: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """The rows and columns of the largest patches of pixels that touch one another, corners included.

    Every pixel begins with a number of its own, and the largest of a patch spreads over it: down row by row, whole runs
    at once, then up, until nothing changes.
    """
    labels = np.where(written, np.arange(1, written.size + 1).reshape(written.shape), 0)
    before = np.zeros_like(labels)
    while not np.array_equal(before, labels):
        before = labels.copy()
        for view in (labels, labels[::-1]):
            for above, row in zip([np.zeros_like(view[0]), *view[:-1]], view, strict=True):
                _spread(above, row)
    numbers, counts = np.unique(labels[written], return_counts=True)
    largest = numbers[np.argsort(-counts, kind="stable")[: 4 * MOST_LINES]]
    found = []
    for number in largest:
        rows, columns = np.nonzero(labels == number)
        found.append((rows, columns))
    return found


def _spread(above: np.ndarray, row: np.ndarray) -> None:
    """Every run of a row takes the largest number in it and in what it touches of the row above."""
    wide = np.pad(above, 1)
    nearest = np.maximum.reduce([row, wide[:-2], wide[1:-1], wide[2:]])
    starts = np.diff(row > 0, prepend=False) & (row > 0)
    if starts.any():
        largest = np.maximum.reduceat(np.where(row > 0, nearest, 0), np.flatnonzero(starts))
        row[row > 0] = largest[np.cumsum(starts)[row > 0] - 1]


def _smallest_box(points: np.ndarray) -> tuple[tuple[float, float], np.ndarray]:
    """The sides and corners (4, 2) of the smallest box of any angle round the points (N, 2), grown as lines are."""
    axes = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1)
    along = points @ axes.T
    across = points @ np.stack([-axes[:, 1], axes[:, 0]])
    wide, high = np.ptp(along, axis=0) + 1, np.ptp(across, axis=0) + 1
    best = int(np.argmin(wide * high * (1 + 0.02 * np.abs(_ANGLES))))  # of alike boxes, the one that stands straighter
    width, height = float(wide[best]), float(high[best])
    more = width * height * GROWN / (2 * (width + height))
    left, right = along[:, best].min() - more, along[:, best].max() + 1 + more
    top, bottom = across[:, best].min() - more, across[:, best].max() + 1 + more
    turned = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    across_axis = np.array([-axes[best, 1], axes[best, 0]])
    return (width, height), turned @ np.stack([axes[best], across_axis])


def _cut(frame: np.ndarray, corners: np.ndarray) -> list[Image.Image]:
    """The box as upright strips that may be read: along its longer side, or both where they are alike."""
    width, height = (float(np.linalg.norm(corners[each] - corners[0])) for each in (1, 3))
    strips = []
    if width >= 0.7 * height:
        strips.append((corners, width / height))
    if height >= 1.4 * width:
        strips.append((np.roll(corners, -1, axis=0), height / width))
    cut = []
    for (upper_left, upper_right, lower_right, lower_left), aspect in strips:
        across = round(min(aspect * HEIGHT, WIDEST))
        quad = (*upper_left, *lower_left, *lower_right, *upper_right)
        cut.append(
            Image.fromarray(frame).transform((across, HEIGHT), Image.Transform.QUAD, quad, Image.Resampling.BICUBIC)
        )
    return cut


def _read(strips: list[Image.Image]) -> list[Line]:
    """The surest reading of the strips, upright or upside down; where that is not quite sure, also the mirrored one."""
    ways = [way for strip in strips for way in (strip, strip.rotate(180))]
    plain = _surest(ways)
    return [plain] if plain.sure >= QUITE_SURE else [plain, _surest(list(map(ImageOps.mirror, ways)))]


def _surest(ways: list[Image.Image]) -> Line:
    across = max(-(-way.width // STEP) * STEP for way in ways)
    pictures = np.zeros((len(ways), 3, HEIGHT, across), np.float32)
    for picture, way in zip(pictures, ways, strict=True):
        picture[:, :, : way.width] = np.asarray(way, np.float32)[..., ::-1].transpose(2, 0, 1) / 127.5 - 1
    (found,) = networks().run("letters", pictures).values()
    return max((decode(each, networks().characters) for each in found), key=_sure)


def _sure(line: Line) -> float:
    return line.sure
