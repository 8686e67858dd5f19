"""The pattern: from a key, a grid of secret signs; from an id, which of them are turned round.

Letters: G cells a side of the grid, 3 planes (lightness Y, blue-yellow Cb, red-green Cr), N code signs, H W pixels.

Every cell of every plane holds the sum of two signs: one of the *anchor*, by which a mark is found, and one of the
*payload*, by which its id is read. There are four pairs of both to a key, of which a film starts with one that its id
chooses and takes the next every eight seconds: the mean of many films, or of one long one, shows none of them whole.

The code has 2**24 words of N = 2048 signs: a word is one of 4096 random masks times one of 4096 rows of the Hadamard
matrix of order 2048 and its negative (a union of cosets of the first-order Reed-Muller code, MacWilliams & Sloane 1977,
ch. 14). Words are as unlike as random ones, and all 2**24 correlations take 4096 fast Walsh-Hadamard transforms, so
that decoding is of maximum likelihood and a third of a second.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from kinema.trust.watermark.keys import Key

GRID = 40
PLANES = 3
VARIANTS = 4
EPOCH_SECONDS = 8
ID_BITS = 24
_ROW_BITS = 11
CODE = 1 << _ROW_BITS
_MASKS = 1 << (ID_BITS - _ROW_BITS - 1)
_CHUNK = 256

TO_PLANES = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], np.float32)
"""RGB to Y, Cb, Cr (ITU-T T.871, which is BT.601 at full range); the marker's and the reader's only need agree."""
FROM_PLANES = np.linalg.inv(TO_PLANES).astype(np.float32)


@lru_cache(maxsize=32)
def anchor(key: Key, variant: int) -> np.ndarray:
    """The signs (3, G, G) by which a mark of this key and variant is found."""
    return _signs(key, f"anchor {variant}", PLANES * GRID * GRID).reshape(PLANES, GRID, GRID)


def payload(key: Key, variant: int, number: int) -> np.ndarray:
    """The signs (3, G, G) that say the id `number`."""
    scramble, places = _scramble(key, variant)
    return scramble * word(key, number)[places]


def soft_word(key: Key, variant: int, cells: np.ndarray) -> np.ndarray:
    """What cells (3, G, G), 0 where nothing was seen, say of each of the code's signs: (N,)."""
    scramble, places = _scramble(key, variant)
    return np.bincount(places.ravel(), (cells * scramble).ravel(), CODE)


def word(key: Key, number: int) -> np.ndarray:
    """The code word (N,) of signs that stands for the id `number`."""
    mask, rest = divmod(number, 2 * CODE)
    row, negative = divmod(rest, 2)
    parity = np.bitwise_count(np.arange(CODE) & row) & 1
    signs = np.where(parity == negative, 1.0, -1.0)
    return _masks(key)[mask] * signs


def decode(key: Key, soft: np.ndarray) -> int:
    """The id whose word agrees best with the soft signs (N,)."""
    best, number = -np.inf, 0
    masks = _masks(key)
    for begin in range(0, _MASKS, _CHUNK):
        found = _walsh_hadamard(masks[begin : begin + _CHUNK] * soft.astype(np.float32))
        place = int(np.abs(found).argmax())
        mask, row = divmod(place, CODE)
        if abs(found[mask, row]) > best:
            best = float(abs(found[mask, row]))
            number = ((begin + mask) * CODE + row) * 2 + int(found[mask, row] < 0)
    return number


def variant_at(number: int, seconds: float) -> int:
    """Which of the key's variants a film of that id bears at that moment."""
    return (number + int(seconds // EPOCH_SECONDS)) % VARIANTS


def spread(length_px: int) -> np.ndarray:
    """Interpolates G cells to pixels: (length, G), Keys' cubic (1981, a = -1/2), the outermost cells repeated."""
    centres = (np.arange(length_px) + 0.5) * GRID / length_px - 0.5
    first = np.floor(centres).astype(int)
    matrix = np.zeros((length_px, GRID), np.float32)
    for tap in range(-1, 3):
        away = np.abs(centres - first - tap)
        near = (1.5 * away - 2.5) * away**2 + 1
        far = ((-0.5 * away + 2.5) * away - 4) * away + 2
        weights = np.where(away <= 1, near, np.where(away < 2, far, 0))
        np.add.at(matrix, (np.arange(length_px), np.clip(first + tap, 0, GRID - 1)), weights)
    return matrix


@lru_cache(maxsize=256)
def smoothing(length: int, sigma: float) -> np.ndarray:
    """A Gaussian mean along an axis as a matrix (length, length) whose rows add up to one, at the ends too."""
    places = np.arange(length)
    weights = np.exp(-0.5 * ((places[:, None] - places) / sigma) ** 2)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def detail(planes: np.ndarray, sigma: float) -> np.ndarray:
    """Planes (..., h, w) less their Gaussian mean."""
    height, width = planes.shape[-2:]
    return planes - smoothing(height, sigma) @ planes @ smoothing(width, sigma).T


def _signs(key: Key, label: str, count: int) -> np.ndarray:
    """Coin tosses of the key: float32, +1 or -1 each."""
    bits = np.unpackbits(np.frombuffer(key.stream(label, -(-count // 8)), np.uint8), count=count)
    return bits.astype(np.float32) * 2 - 1


@lru_cache(maxsize=32)
def _scramble(key: Key, variant: int) -> tuple[np.ndarray, np.ndarray]:
    """Signs (3, G, G) that hide the code word, and which of the code's signs each cell bears (3, G, G)."""
    count = PLANES * GRID * GRID
    shape = (PLANES, GRID, GRID)
    order = np.argsort(np.frombuffer(key.stream(f"places {variant}", 8 * count), "<u8"), kind="stable")
    return _signs(key, f"payload {variant}", count).reshape(shape), (order % CODE).reshape(shape)


@lru_cache(maxsize=2)
def _masks(key: Key) -> np.ndarray:
    return _signs(key, "masks", _MASKS * CODE).reshape(_MASKS, CODE).astype(np.int8)


def _walsh_hadamard(rows: np.ndarray) -> np.ndarray:
    """The Walsh-Hadamard transform of every row (B, N), in natural order."""
    count, length = rows.shape
    half = 1
    while half < length:
        pairs = rows.reshape(count, -1, 2, half)
        rows = np.stack((pairs[:, :, 0] + pairs[:, :, 1], pairs[:, :, 0] - pairs[:, :, 1]), axis=2)
        half *= 2
    return rows.reshape(count, length)
