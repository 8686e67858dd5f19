"""Places without ordinary ground: ocean, underwater, moon, clouds, room."""

from __future__ import annotations

import numpy as np

from kinema.world.easel import WHITE, Easel
from kinema.world.paint import PERIOD, Panel, mix, rgb
from kinema.world.sprites import sprite


def ocean(easel: Easel) -> None:
    """Open water to the horizon with an island; rows of waves with white caps, one of them before the boats."""
    far_sea, near_sea = rgb(74, 170, 214), rgb(22, 92, 168)
    easel.sky()
    easel.clouds(5)
    horizon = easel.panel(0.2)
    isle = easel.rng.uniform(-0.35, 0.35)
    for x in (isle, isle + PERIOD / 2):
        horizon.ellipse(x, 0.44, (0.2, 0.1), easel.hazy(rgb(92, 150, 96), 0.25))
        horizon.ellipse(x + 0.12, 0.44, (0.13, 0.06), easel.hazy(rgb(92, 150, 96), 0.35))
        easel.prop(horizon, "palm tree", (x - 0.03, 0.51), 0.17, 0.15)
    horizon.ground(np.full(horizon.columns, 0.45), easel.hazy(far_sea, 0.25), easel.lit(far_sea), 0.12)
    easel.hang(horizon)
    rows = ((0.35, 0.4, 0.008, 0.2), (0.55, 0.34, 0.011, 0.4), (0.8, 0.27, 0.014, 0.6))
    for parallax, base, swell, depth in rows:
        panel = easel.panel(parallax)
        _sea(easel, panel, base, swell, mix(far_sea, near_sea, depth))
        easel.hang(panel)
    front = easel.panel(1.1, sway=0.03)
    _sea(easel, front, 0.15, 0.018, mix(far_sea, near_sea, 0.85))
    easel.front.append(front.finished())


def _sea(easel: Easel, panel: Panel, base: float, swell: float, colour: np.ndarray) -> None:
    """One row of waves: a light crest line and white caps."""
    ripple = np.sin(np.arange(panel.columns) / panel.columns * 2 * np.pi * 9)
    outline = easel.waves(base, swell, 4) + swell * 0.6 * ripple
    crest = mix(easel.lit(colour), WHITE, 0.3 if easel.time == "day" else 0.14)
    panel.ground(outline, crest, easel.lit(colour), 0.035)
    panel.ground(outline - 0.05, easel.lit(colour), easel.lit(colour * np.float32(0.8)), 0.3)
    for x in easel.spread(11, 0.9):
        y, size = base - easel.rng.uniform(0.03, 0.1), easel.rng.uniform(0.03, 0.06) * (0.5 + panel.parallax / 2)
        panel.ellipse(x, y, (size, 0.009), mix(crest, WHITE, 0.3), 0.85, 0.5)


def underwater(easel: Easel) -> None:
    """Blue-green depth with light shafts, far reefs, kelp, sand with corals, stones and starfish."""
    deep = easel.panel(0.0)
    deep.gradient(rgb(70, 204, 226), rgb(12, 74, 148), 1.1, 0.1)
    easel.hang(deep)
    shafts = easel.panel(0.12)
    for x in easel.spread(6, 0.7):
        wide = easel.rng.uniform(0.05, 0.1)
        shaft = ((x, 1.25), (x + wide, 1.25), (x - 0.25 + wide * 1.8, 0.3), (x - 0.25, 0.3))
        shafts.polygon(shaft, rgb(206, 250, 255), 0.16)
    easel.hang(shafts)
    reef = easel.panel(0.35)
    outline = easel.waves(0.3, 0.07, 3) + 0.03 * np.abs(np.sin(np.arange(reef.columns) / reef.columns * np.pi * 13))
    reef.ground(outline, rgb(34, 126, 172), rgb(20, 86, 146), 0.3)
    easel.hang(reef)
    kelp = easel.panel(0.65)
    kelp.ground(easel.waves(0.2, 0.03, 2), rgb(40, 112, 140), rgb(28, 90, 130), 0.3)
    for x in easel.spread(8, 0.8):
        _kelp(kelp, x, easel.rng.uniform(0.3, 0.55), easel.rng.uniform(0, 6), rgb(30, 128, 104))
    easel.hang(kelp)
    sand = easel.panel(1.0)
    sand.ground(easel.waves(0.15, 0.02, 2), rgb(244, 222, 158), rgb(196, 162, 112), 0.35)
    for x in easel.spread(5, 0.5, start=easel.rng.choice((0.1, 0.3))):
        easel.prop(sand, "coral", (x, 0.11), easel.rng.uniform(0.2, 0.3))
    for x in easel.spread(5, 0.8):
        easel.prop(sand, "rock", (x, easel.rng.uniform(0.0, 0.1)), easel.rng.uniform(0.08, 0.13))
        _kelp(sand, x + 0.2, easel.rng.uniform(0.2, 0.3), easel.rng.uniform(0, 6), rgb(46, 160, 96))
    for x in easel.spread(12, 0.9):
        sand.ellipse(x, easel.rng.uniform(0.3, 0.95), (0.013, 0.013), rgb(214, 250, 255), 0.55, 0.4)
    easel.hang(sand)


def _kelp(panel: Panel, x: float, tall: float, phase: float, colour: np.ndarray) -> None:
    """A waving ribbon that grows from the sea floor."""
    steps = np.linspace(0, 1, 12)
    middle = x + 0.03 * np.sin(steps * 7 + phase) * steps
    half = 0.022 * (1 - steps * 0.8)
    left = [(float(m - h), 0.08 + tall * float(s)) for m, h, s in zip(middle, half, steps, strict=True)]
    right = [(float(m + h), 0.08 + tall * float(s)) for m, h, s in zip(middle, half, steps, strict=True)]
    panel.polygon([*left, *reversed(right)], colour)


def moon(easel: Easel) -> None:
    """Black sky with stars, the Earth and a ringed planet; grey craters and boulders."""
    sky = easel.panel(0.0)
    sky.gradient(rgb(5, 5, 18), rgb(38, 24, 68), 1.1, 0.3)
    for _ in range(70):
        x, y = easel.rng.uniform(-1.4, 1.4), easel.rng.uniform(0.3, 1.22)
        sky.ellipse(x, y, (0.007, 0.007), rgb(255, 255, 240), easel.rng.uniform(0.4, 1.0), 0.8)
    easel.hang(sky)
    worlds = easel.panel(0.1)
    spot = easel.rng.uniform(0.14, 0.34) * easel.rng.choice((-1, 1))
    worlds.ellipse(spot, 0.79, (0.24, 0.24), rgb(90, 150, 255), 0.25, 1.0)
    worlds.stamp(sprite("earth")[0], (spot, 0.66), 0.26, WHITE)
    worlds.stamp(sprite("planet")[0], (spot + PERIOD / 2, 0.66), 0.24, WHITE)
    easel.hang(worlds)
    far = easel.panel(0.4)
    ridge = easel.waves(0.36, 0.05, 3) + 0.03 * np.abs(np.sin(np.arange(far.columns) / far.columns * np.pi * 8))
    far.ground(ridge, rgb(118, 118, 138), rgb(78, 76, 100), 0.25)
    for x in easel.spread(9, 0.8):
        _crater(far, x, easel.rng.uniform(0.27, 0.33), easel.rng.uniform(0.035, 0.06), 0.72)
    easel.hang(far)
    near = easel.panel(1.0)
    near.ground(easel.waves(0.25, 0.016, 3), rgb(190, 190, 204), rgb(128, 126, 148), 0.5)
    for x in easel.spread(10, 0.6):
        _crater(near, x, easel.rng.uniform(-0.14, 0.19), easel.rng.uniform(0.05, 0.11), 1.0)
    for x in easel.spread(4, 0.8):
        easel.prop(near, "rock", (x, easel.rng.uniform(0.12, 0.21)), easel.rng.uniform(0.09, 0.13))
    easel.hang(near)


def _crater(panel: Panel, x: float, y: float, size: float, light: float) -> None:
    """A bowl with a bright lower rim."""
    panel.ellipse(x, y - size * 0.05, (size * 1.08, size * 0.4), rgb(222, 222, 232) * np.float32(light), 0.9, 0.2)
    panel.ellipse(x, y, (size, size * 0.34), rgb(122, 120, 142) * np.float32(light), 1.0, 0.2)


def clouds(easel: Easel) -> None:
    """High in the sky: towers of cloud in four depths; a rainbow by day, the sun or the moon low above them."""
    easel.sky()
    colour = {"day": WHITE, "sunset": rgb(255, 224, 206), "night": rgb(156, 166, 226)}[easel.time]
    shade = {"day": rgb(118, 178, 238), "sunset": rgb(168, 96, 168), "night": rgb(34, 40, 96)}[easel.time]
    bow = easel.panel(0.08)
    centre = easel.rng.uniform(-0.2, 0.2)
    if easel.time == "day":
        for index, tone in enumerate(
            (
                rgb(255, 120, 120),
                rgb(255, 190, 110),
                rgb(255, 240, 130),
                rgb(140, 226, 150),
                rgb(120, 180, 255),
                rgb(190, 150, 245),
            )
        ):
            _bow(bow, centre, 0.62 - index * 0.028, tone)
    easel.hang(bow)
    rows = ((0.25, 0.34, 0.1, 0.5, 9), (0.5, 0.2, 0.13, 0.3, 8), (0.8, 0.06, 0.16, 0.12, 8))
    for parallax, base, size, haze, count in rows:
        panel = easel.panel(parallax)
        tone = mix(colour, shade, haze)
        for x in easel.spread(count, 0.7):
            easel.puff(panel, x, base + easel.rng.uniform(-0.05, 0.09), size * easel.rng.uniform(0.8, 1.2), tone, 0.96)
        panel.ground(easel.waves(base - size * 0.3, 0.02, 2), tone, mix(tone, shade, 0.35), 0.25)
        easel.hang(panel)
    floating = easel.panel(0.7)
    for x in easel.spread(4, 0.6):
        y, size = easel.rng.uniform(0.5, 0.9), easel.rng.uniform(0.06, 0.085)
        easel.puff(floating, x, y, size, mix(colour, shade, 0.15), 0.95)
    easel.hang(floating)
    front = easel.panel(1.1)
    for x in easel.spread(9, 0.5):
        easel.puff(front, x, -0.07 + easel.rng.uniform(-0.03, 0.04), 0.15, mix(colour, WHITE, 0.1), 1.0)
    easel.front.append(front.finished())


def _bow(panel: Panel, x: float, radius: float, colour: np.ndarray) -> None:
    """One band of a rainbow, standing at y = 0.2."""
    turns = np.linspace(0, np.pi, 40)
    outer = [(x + radius * np.cos(a), 0.2 + radius * np.sin(a)) for a in turns]
    inner = [(x + (radius - 0.03) * np.cos(a), 0.2 + (radius - 0.03) * np.sin(a)) for a in turns]
    panel.polygon([*outer, *reversed(inner)], colour, 0.5)


def room(easel: Easel) -> None:
    """A papered wall with windows onto the sky, pictures, a couch and a shelf; planks with a rug."""
    night = easel.time == "night"
    dim = rgb(160, 150, 196) if night else WHITE
    papers = (rgb(252, 216, 172), rgb(178, 218, 222), rgb(244, 194, 192), rgb(206, 216, 172))
    wall = papers[easel.rng.randrange(4)] * dim
    outside = easel.panel(0.1)
    outside.gradient(easel.light.sky_top, easel.light.sky_low, 0.95, 0.5)
    for x in easel.spread(6, 0.6):
        y = easel.rng.uniform(0.64, 0.8)
        if night:
            outside.ellipse(x, 0.78, (0.012, 0.012), rgb(255, 255, 230), 1.0, 0.5)
            outside.ellipse(x + 0.12, 0.66, (0.009, 0.009), rgb(255, 255, 230), 0.9, 0.5)
        else:
            easel.puff(outside, x, y, 0.06, WHITE, 0.95)
    outside.ground(easel.waves(0.56, 0.02, 2), easel.lit(rgb(120, 196, 96)), easel.lit(rgb(80, 150, 70)), 0.2)
    easel.hang(outside)
    panel = easel.panel(0.75)
    panel.gradient(wall, wall * np.float32(0.93), 1.0, 0.25)
    for x in easel.spread(20, 0.0):
        panel.rectangle((x - 0.02, x + 0.02), (0.2, 1.25), wall * np.float32(0.95))
    shift = easel.rng.uniform(-0.1, 0.1)
    for x in (-1.05 + shift, -0.1 + shift, 0.85 + shift):
        _window(easel, panel, x, dim)
    for x, tone in ((-0.58, rgb(224, 110, 96)), (0.37, rgb(96, 140, 206)), (1.3, rgb(120, 178, 120))):
        _painting(panel, x + shift, tone * dim, dim)
    panel.rectangle((-1.4, 1.4), (0.24, 0.275), rgb(255, 250, 240) * dim)
    easel.hang(panel)
    _furniture(easel, dim, shift)


def _window(easel: Easel, panel: Panel, x: float, dim: np.ndarray) -> None:
    frame = rgb(255, 252, 244) * dim
    panel.rectangle((x - 0.19, x + 0.19), (0.48, 0.92), frame)
    for pane in (x - 0.088, x + 0.088):
        for foot in (0.51, 0.71):
            panel.erase((pane - 0.076, pane + 0.076), (foot, foot + 0.18))
    panel.rectangle((x - 0.22, x + 0.22), (0.455, 0.485), frame * np.float32(0.92))


def _painting(panel: Panel, x: float, tone: np.ndarray, dim: np.ndarray) -> None:
    panel.rectangle((x - 0.1, x + 0.1), (0.6, 0.82), rgb(150, 104, 66) * dim)
    panel.rectangle((x - 0.083, x + 0.083), (0.617, 0.803), rgb(250, 244, 230) * dim)
    panel.ellipse(x, 0.7, (0.055, 0.055), tone)


def _furniture(easel: Easel, dim: np.ndarray, shift: float) -> None:
    """The floor and what stands on it."""
    near = easel.panel(1.0)
    plank = rgb(206, 150, 100) * dim
    near.ground(np.full(near.columns, 0.245), plank, plank * np.float32(0.85), 0.4)
    for x in easel.spread(14, 0.0):
        near.rectangle((x - 0.004, x + 0.004), (-0.3, 0.24), plank * np.float32(0.8))
    rug = (rgb(220, 92, 98), rgb(92, 126, 206), rgb(112, 176, 124))[easel.rng.randrange(3)] * dim
    for x in (shift - 0.05, shift - 0.05 + PERIOD / 2):
        near.ellipse(x, 0.07, (0.5, 0.1), rug, 1.0, 0.03)
        near.ellipse(x, 0.07, (0.42, 0.075), mix(rug, WHITE * dim, 0.3), 1.0, 0.03)
        near.ellipse(x, 0.07, (0.37, 0.06), rug, 1.0, 0.03)
    for name, x, size in (
        ("couch", -0.95, 0.42),
        ("potted plant", -0.5, 0.28),
        ("potted plant", 0.62, 0.3),
        ("couch", 0.98, 0.42),
    ):
        near.stamp(sprite(name)[0], (x + shift, 0.2), size, dim)
    easel.hang(near)
