"""How far a share that was counted may be from the true one. It stands low, because every floor measures something."""

from __future__ import annotations

from math import sqrt

Z_95 = 1.959963984540054


def wilson(right: float, of: int) -> tuple[float, float]:
    """The 95 % score interval of `right` of `of` (Wilson 1927): it holds the share; for none it is all of [0, 1]."""
    if of == 0:
        return 0.0, 1.0
    p, n, z = right / of, of, Z_95
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return min(p, max(0.0, centre - half)), max(p, min(1.0, centre + half))
