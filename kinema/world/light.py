"""The light of a time of day and a weather: the colours of the sky, and what it does to ground and subjects.

It stands alone because every place and every subject is lit by the same few values, so that a place at night and
the cat that walks through it belong together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from kinema.world.paint import Colour, mix, rgb


@dataclass(frozen=True, eq=False)
class Light:
    """Colours of one time and weather; tints multiply."""

    sky_top: Colour
    sky_low: Colour
    ground: Colour
    """Tint of what is painted on the ground."""
    subject: Colour
    """Tint of subjects: weaker, so that a red car at night still reads red."""
    cloud: Colour
    orb: Colour
    """Sun or moon."""
    orb_y: float
    starry: bool
    lamps: bool
    """Windows and lamps are lit."""
    overcast: bool = False


_CLEAR = {
    "day": Light(
        rgb(84, 164, 242),
        rgb(208, 237, 252),
        rgb(255, 255, 255),
        rgb(255, 255, 255),
        rgb(255, 255, 255),
        rgb(255, 234, 116),
        0.86,
        False,
        False,
    ),
    "sunset": Light(
        rgb(104, 72, 164),
        rgb(255, 166, 98),
        rgb(250, 200, 178),
        rgb(255, 240, 226),
        rgb(255, 192, 176),
        rgb(255, 118, 66),
        0.5,
        False,
        True,
    ),
    "night": Light(
        rgb(12, 16, 54),
        rgb(50, 58, 122),
        rgb(110, 126, 192),
        rgb(226, 222, 246),
        rgb(66, 74, 128),
        rgb(252, 248, 220),
        0.84,
        True,
        True,
    ),
}
_OVERCAST_SKY = {
    "day": (rgb(112, 130, 152), rgb(186, 200, 210)),
    "sunset": (rgb(98, 84, 128), rgb(206, 150, 130)),
    "night": (rgb(22, 26, 48), rgb(54, 60, 88)),
}


def light_of(time: str, weather: str = "clear") -> Light:
    """The light of a time of day under a weather: rain and snow hide the sun and grey the sky."""
    clear = _CLEAR[time]
    if weather == "clear":
        return clear
    top, low = _OVERCAST_SKY[time]
    grey = mix(clear.cloud, low, 0.45)
    if weather == "snow":
        top, low, grey = mix(top, clear.cloud, 0.25), mix(low, clear.cloud, 0.4), mix(clear.cloud, low, 0.2)
    return replace(clear, sky_top=top, sky_low=low, cloud=grey, starry=False, overcast=True)
