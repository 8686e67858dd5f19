"""The receipt: what a film took. An estimate, and called so: wall time times the watts that the owner declared.

It stands alone so that a better meter can take its place without anybody above noticing.
"""

from dataclasses import dataclass

ESTIMATE = "estimate: wall time x declared watts"


@dataclass(frozen=True)
class Receipt:
    """Seconds of wall time, watt-hours and grams of CO2, and how they were found."""

    wall_s: float
    energy_wh: float
    co2_g: float
    method: str = ESTIMATE


def receipt(wall_s: float, *, watts: float, grams_per_kwh: float) -> Receipt:
    """The receipt of a machine that drew `watts` for `wall_s` seconds."""
    energy_wh = wall_s * watts / 3600
    return Receipt(wall_s, energy_wh, energy_wh / 1000 * grams_per_kwh)
