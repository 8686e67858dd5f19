"""Places with ground under the feet: meadow, beach, desert, snow, forest, city, mountains.

Each function paints its layers from far to near on an easel. A place must be known at a glance at every time of
day by its own landmarks, and needs enough of them in every layer for a camera move to show.
"""

from __future__ import annotations

import numpy as np

from kinema.world.easel import WHITE, Easel
from kinema.world.paint import PERIOD, Panel, mix, rgb

GROUND_Y = 0.25
"""Where the near ground meets what lies behind it."""


def _tufts(easel: Easel, panel: Panel, colour: np.ndarray, count: int) -> None:
    for x in easel.spread(count, 0.9):
        y, size = easel.rng.uniform(-0.12, 0.2), easel.rng.uniform(0.018, 0.03)
        for lean in (-0.8, 0.0, 0.8):
            foot = x + lean * size * 0.4
            tip = (x + lean * size, y + size * 1.5)
            panel.polygon(((foot - size * 0.3, y), tip, (foot + size * 0.3, y)), colour)


def _speckle(easel: Easel, panel: Panel, colours: list[np.ndarray], count: int, size: float) -> None:
    for index, x in enumerate(easel.spread(count, 0.95)):
        colour = easel.lit(colours[index % len(colours)])
        panel.ellipse(x, easel.rng.uniform(-0.16, 0.2), (size, size * 0.8), colour, 1.0, 0.3)


SNOW_TONES = {
    "day": (rgb(250, 253, 255), rgb(200, 222, 246)),
    "sunset": (rgb(246, 232, 250), rgb(176, 164, 220)),
    "night": (rgb(150, 168, 226), rgb(82, 98, 170)),
}
"""Lit and shaded snow: cool blue by day, lilac at sunset (an orange tint would make it sand), deep blue at night."""


def _covered(easel: Easel, upper: np.ndarray, lower: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two ground colours in this light; falling snow covers them thinly."""
    upper, lower = easel.lit(upper), easel.lit(lower)
    if easel.weather != "snow":
        return upper, lower
    white, shade = SNOW_TONES[easel.time]
    return mix(upper, white, 0.7), mix(lower, shade, 0.6)


def meadow(easel: Easel) -> None:
    """Rolling green hills, a red-roofed house, round trees, flowers."""
    green, deep = _covered(easel, rgb(124, 208, 86), rgb(66, 150, 58))
    easel.sky()
    easel.clouds()
    far = easel.panel(0.4)
    far.ground(easel.waves(0.38, 0.06, 2), mix(green, easel.light.sky_low, 0.4), deep, 0.3)
    for x in easel.spread(5, 0.8):
        easel.prop(far, "tree", (x, 0.36), 0.13, 0.25)
    easel.hang(far)
    middle = easel.panel(0.7)
    middle.ground(easel.waves(0.3, 0.03, 2), mix(green, deep, 0.3), deep, 0.3)
    house = easel.rng.choice((-0.34, -0.26, 0.26, 0.34))
    easel.prop(middle, "house", (house, 0.28), 0.36, 0.05)
    for step in (0.55, 1.1, 1.75, 2.25):
        easel.prop(middle, "tree", (house + step, 0.27), easel.rng.uniform(0.34, 0.44), 0.05)
    easel.hang(middle)
    near = easel.panel(1.0)
    near.ground(easel.waves(GROUND_Y - 0.01, 0.015, 2), green, deep, 0.45)
    _tufts(easel, near, deep, 14)
    _speckle(easel, near, [rgb(255, 255, 255), rgb(255, 214, 80), rgb(255, 120, 170)], 24, 0.014)
    easel.hang(near)


def forest(easel: Easel) -> None:
    """Walls of fir behind firs and broad trees, dark moss below."""
    moss, deep = _covered(easel, rgb(78, 152, 74), rgb(38, 92, 52))
    easel.sky()
    easel.clouds(4)
    far = easel.panel(0.3)
    far.ground(easel.waves(0.42, 0.02, 2), mix(deep, easel.light.sky_low, 0.35), deep, 0.3)
    for x in easel.spread(17, 0.6):
        easel.prop(far, "pine tree", (x, 0.36), easel.rng.uniform(0.36, 0.5), 0.42)
    easel.hang(far)
    middle = easel.panel(0.6)
    middle.ground(easel.waves(0.3, 0.015, 2), deep, deep, 0.3)
    for x in easel.spread(10, 0.5):
        easel.prop(middle, "pine tree", (x, 0.27), easel.rng.uniform(0.5, 0.62), 0.16)
    easel.hang(middle)
    near = easel.panel(1.0)
    near.ground(easel.waves(GROUND_Y - 0.02, 0.012, 2), moss, deep, 0.4)
    for index, x in enumerate(easel.spread(4, 0.4, start=easel.rng.choice((0.1, 0.25)))):
        easel.prop(near, "tree" if index % 2 else "pine tree", (x, 0.2), easel.rng.uniform(0.62, 0.72))
    for x in easel.spread(3, 0.8):
        easel.prop(near, "tree stump", (x, 0.16), 0.11)
    _tufts(easel, near, mix(deep, easel.lit(rgb(20, 60, 40)), 0.3), 22)
    easel.hang(near)


def snow(easel: Easel) -> None:
    """White rolling hills that stay white at every time of day; snowy firs."""
    white, shade = SNOW_TONES[easel.time]
    easel.sky()
    easel.clouds()
    far = easel.panel(0.35)
    far.ground(easel.waves(0.42, 0.07, 2), mix(white, easel.light.sky_low, 0.25), shade, 0.3)
    for x in easel.spread(9, 0.7):
        easel.prop(far, "pine tree", (x, 0.36), easel.rng.uniform(0.13, 0.18), blend=(white, 0.55))
    easel.hang(far)
    middle = easel.panel(0.65)
    middle.ground(easel.waves(0.31, 0.03, 3), mix(white, shade, 0.25), shade, 0.35)
    for x in easel.spread(5, 0.5):
        easel.prop(middle, "pine tree", (x, 0.28), easel.rng.uniform(0.36, 0.46), blend=(white, 0.42))
    easel.hang(middle)
    near = easel.panel(1.0)
    near.ground(easel.waves(GROUND_Y - 0.015, 0.018, 3), white, shade, 0.5)
    for x in easel.spread(7, 0.8):
        y, size = easel.rng.uniform(-0.1, 0.17), easel.rng.uniform(0.06, 0.12)
        near.ellipse(x, y, (size, size * 0.28), shade, 0.5, 0.6)
        near.ellipse(x - 0.008, y + 0.012, (size * 0.9, size * 0.24), white, 0.9, 0.5)
    easel.hang(near)


def desert(easel: Easel) -> None:
    """Red table mountains, orange dunes, cacti and bleached stones."""
    sand, deep = rgb(246, 200, 116), rgb(222, 156, 78)
    easel.sky()
    mesas = easel.panel(0.25)
    mesas.ground(easel.waves(0.36, 0.015, 2), easel.hazy(rgb(206, 120, 80), 0.3), easel.hazy(deep, 0.2), 0.2)
    for x in easel.spread(4, 0.6):
        tall, half = easel.rng.uniform(0.5, 0.64), easel.rng.uniform(0.1, 0.2)
        rock = easel.hazy(rgb(196, 98, 66), 0.25)
        mesas.polygon(((x - half - 0.07, 0.33), (x - half, tall), (x + half, tall), (x + half + 0.07, 0.33)), rock)
        mesas.polygon(
            ((x + half * 0.3, tall), (x + half, tall), (x + half + 0.07, 0.33), (x + half * 0.6, 0.33)),
            rock * np.float32(0.85),
        )
        mesas.rectangle((x - half - 0.02, x + half + 0.02), (tall - 0.07, tall - 0.05), rock * np.float32(0.8))
    easel.hang(mesas)
    dunes = easel.panel(0.6)
    dunes.ground(easel.waves(0.34, 0.05, 2), easel.lit(mix(sand, WHITE, 0.15)), easel.lit(deep), 0.2)
    for x in easel.spread(4, 0.7):
        easel.prop(dunes, "cactus", (x, 0.29), easel.rng.uniform(0.2, 0.28), 0.12)
    easel.hang(dunes)
    near = easel.panel(1.0)
    near.ground(easel.waves(GROUND_Y - 0.01, 0.022, 2), easel.lit(sand), easel.lit(deep), 0.45)
    for x in easel.spread(8, 0.8):
        y, size = easel.rng.uniform(-0.12, 0.14), easel.rng.uniform(0.1, 0.18)
        near.ellipse(x, y, (size, 0.012), easel.lit(mix(deep, rgb(190, 120, 60), 0.3)), 0.75, 0.6)
    for x in easel.spread(3, 0.4, start=easel.rng.choice((0.3, 0.45))):
        easel.prop(near, "cactus", (x, 0.215), easel.rng.uniform(0.38, 0.46))
    for x in easel.spread(4, 0.9):
        easel.prop(near, "rock", (x, easel.rng.uniform(0.0, 0.2)), 0.09)
    easel.hang(near)


def beach(easel: Easel) -> None:
    """A sea with a sharp horizon, a foaming edge, pale sand, palms."""
    sand, deep = rgb(255, 232, 172), rgb(232, 192, 122)
    sea, shallow = rgb(38, 140, 196), rgb(96, 206, 214)
    easel.sky()
    easel.clouds()
    water = easel.panel(0.25)
    water.ground(np.full(water.columns, 0.44), easel.hazy(sea, 0.12), easel.lit(shallow), 0.22)
    for x in easel.spread(16, 0.9):
        y, size = easel.rng.uniform(0.31, 0.42), easel.rng.uniform(0.03, 0.07)
        water.ellipse(x, y, (size, 0.006), mix(easel.lit(shallow), WHITE, 0.35), 0.8, 0.5)
    isle = easel.rng.uniform(-0.3, 0.3)
    water.ellipse(isle, 0.44, (0.17, 0.06), easel.hazy(rgb(84, 150, 90), 0.3))
    water.rectangle((isle - 0.2, isle + 0.2), (0.38, 0.44), easel.hazy(sea, 0.12))
    easel.hang(water)
    near = easel.panel(1.0)
    edge = easel.waves(GROUND_Y + 0.01, 0.012, 3)
    near.ground(edge + 0.035, mix(easel.lit(shallow), WHITE, 0.25), easel.lit(shallow), 0.05)
    near.ground(edge + 0.012, mix(easel.lit(WHITE), WHITE, 0.4), easel.lit(WHITE), 0.05)
    near.ground(edge, easel.lit(mix(sand, deep, 0.5)), easel.lit(sand), 0.06)
    near.ground(edge - 0.06, easel.lit(sand), easel.lit(deep), 0.4)
    for x in easel.spread(3, 0.4, start=easel.rng.choice((0.25, 0.5))):
        easel.prop(near, "palm tree", (x, 0.19), easel.rng.uniform(0.6, 0.7))
    _speckle(easel, near, [rgb(255, 160, 140), rgb(255, 255, 250), rgb(200, 150, 110)], 18, 0.016)
    easel.hang(near)


def _peaks(easel: Easel, panel: Panel, spots: list[float], tall: tuple[float, float], haze: float) -> None:
    """Snow-capped triangles with a bright and a shaded flank."""
    rock, dark = easel.hazy(rgb(128, 136, 168), haze), easel.hazy(rgb(96, 102, 140), haze)
    white, grey = easel.hazy(rgb(252, 253, 255), haze * 0.6), easel.hazy(rgb(200, 212, 236), haze * 0.6)
    for x in spots:
        top = easel.rng.uniform(*tall)
        half = (top - 0.25) * easel.rng.uniform(0.72, 0.9)
        slope = half / (top - 0.2)
        cap = (top - 0.3) * 0.36
        panel.polygon(((x - half, 0.2), (x, top), (x + half, 0.2)), rock)
        panel.polygon(((x + half * 0.12, 0.2), (x, top), (x + half, 0.2)), dark)
        zigzag = [
            (x - cap * slope, top - cap),
            (x - cap * slope * 0.45, top - cap * 0.72),
            (x, top - cap * 1.1),
            (x + cap * slope * 0.5, top - cap * 0.75),
            (x + cap * slope, top - cap),
        ]
        panel.polygon(((x, top), *zigzag), white)
        panel.polygon(((x, top), *zigzag[2:]), grey)


def mountains(easel: Easel) -> None:
    """Two ranges of snow-capped peaks over a green valley with firs and boulders."""
    grass, deep = _covered(easel, rgb(132, 188, 96), rgb(70, 130, 74))
    easel.sky()
    easel.clouds(4, 0.12)
    far = easel.panel(0.22)
    _peaks(easel, far, easel.spread(6, 0.4), (0.68, 0.82), 0.42)
    easel.hang(far)
    range_ = easel.panel(0.4)
    _peaks(easel, range_, easel.spread(5, 0.4), (0.6, 0.78), 0.1)
    range_.ground(easel.waves(0.32, 0.02, 2), mix(deep, easel.light.sky_low, 0.2), deep, 0.2)
    easel.hang(range_)
    hills = easel.panel(0.7)
    hills.ground(easel.waves(0.3, 0.03, 2), mix(grass, deep, 0.55), deep, 0.3)
    for x in easel.spread(8, 0.7):
        easel.prop(hills, "pine tree", (x, 0.27), easel.rng.uniform(0.15, 0.22), 0.08)
    easel.hang(hills)
    near = easel.panel(1.0)
    near.ground(easel.waves(GROUND_Y - 0.02, 0.02, 2), grass, deep, 0.45)
    for x in easel.spread(3, 0.4, start=easel.rng.choice((0.15, 0.4))):
        easel.prop(near, "pine tree", (x, 0.2), easel.rng.uniform(0.34, 0.42))
    for x in easel.spread(6, 0.8):
        easel.prop(near, "rock", (x, easel.rng.uniform(-0.05, 0.19)), easel.rng.uniform(0.08, 0.14))
    _tufts(easel, near, deep, 12)
    easel.hang(near)


def _houses(easel: Easel, panel: Panel, tall: tuple[float, float], haze: float, windows: bool) -> None:
    """A row of flat-roofed buildings around the whole layer, with lit windows in the evening."""
    colours = (rgb(154, 176, 210), rgb(212, 158, 140), rgb(138, 146, 182), rgb(196, 190, 184), rgb(176, 140, 150))
    count = 14
    for index in range(count):
        left, right = -PERIOD / 2 + PERIOD / count * index, -PERIOD / 2 + PERIOD / count * (index + 1) - 0.012
        top = easel.rng.uniform(*tall)
        wall = easel.hazy(colours[index * 2 % 5], haze)
        panel.rectangle((left, right), (-0.3, top), wall)
        panel.rectangle((left - 0.006, right + 0.006), (top - 0.015, top + 0.008), wall * np.float32(0.82))
        for storey in np.arange(0.33, top - 0.07, 0.085):
            for x in np.arange(left + 0.03, right - 0.04, 0.058):
                shines = easel.rng.random() < 0.6
                if not windows:
                    continue
                glass = rgb(255, 222, 112) if easel.light.lamps and shines else wall * np.float32(0.68)
                panel.rectangle((x, x + 0.032), (storey, storey + 0.045), glass)


def city(easel: Easel) -> None:
    """A skyline behind houses with windows, a pavement with trees, a road with dashes."""
    easel.sky()
    easel.clouds(4)
    skyline = easel.panel(0.25)
    _houses(easel, skyline, (0.55, 0.86), 0.55, False)
    easel.hang(skyline)
    street = easel.panel(0.6)
    _houses(easel, street, (0.42, 0.72), 0.05, True)
    easel.hang(street)
    near = easel.panel(1.0)
    pavement, road = _covered(easel, rgb(196, 196, 200), rgb(104, 108, 120))
    near.ground(np.full(near.columns, GROUND_Y), pavement, pavement, 0.1)
    near.ground(np.full(near.columns, 0.185), easel.lit(rgb(150, 150, 156)), road, 0.012)
    near.ground(np.full(near.columns, 0.175), road, road * np.float32(0.8), 0.4)
    for x in easel.spread(10, 0.0):
        near.rectangle((x - 0.07, x + 0.07), (0.035, 0.055), easel.lit(rgb(250, 232, 150)))
    for x in easel.spread(28, 0.0):
        near.rectangle((x - 0.003, x + 0.003), (0.187, GROUND_Y), easel.lit(rgb(168, 168, 174)))
    for x in easel.spread(3, 0.3, start=easel.rng.choice((0.15, 0.35))):
        easel.prop(near, "tree", (x, 0.2), easel.rng.uniform(0.34, 0.4))
        _lamp(easel, near, x + 0.46)
    easel.hang(near)


def _lamp(easel: Easel, panel: Panel, x: float) -> None:
    """A street lamp that shines in the evening."""
    iron = easel.lit(rgb(70, 78, 96))
    panel.rectangle((x - 0.008, x + 0.008), (0.2, 0.56), iron)
    panel.rectangle((x - 0.03, x + 0.03), (0.55, 0.565), iron)
    if easel.light.lamps:
        panel.ellipse(x, 0.59, (0.14, 0.14), rgb(255, 226, 130), 0.4, 1.0)
    panel.ellipse(x, 0.59, (0.028, 0.034), rgb(255, 236, 160) if easel.light.lamps else easel.lit(rgb(236, 240, 244)))
