"""An easel: the layers of one place being painted, and the things many places share (sky, clouds, rows of trees).

Choices that a layout settles are drawn from `rng` in an order that neither time nor weather changes, so that day can
pass into night over the very same hills.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import numpy as np

from kinema.world.light import Light
from kinema.world.paint import PERIOD, Colour, Layer, Panel, mix, rgb
from kinema.world.sprites import sprite

WHITE = rgb(255, 255, 255)


@dataclass
class Easel:
    """The layers painted so far, farthest first; those in `front` hide the feet of subjects."""

    frame_height: int
    time: str
    weather: str
    light: Light
    rng: random.Random
    back: list[Layer] = field(default_factory=list)
    front: list[Layer] = field(default_factory=list)
    orb_x: float = 0.0
    """Where the sun or the moon stands; clouds leave it free."""

    def panel(self, parallax: float, sway: float = 0.0) -> Panel:
        """A new empty panel."""
        return Panel(self.frame_height, parallax, sway)

    def hang(self, panel: Panel) -> None:
        """Put a painted panel in front of those before it, behind the subject."""
        self.back.append(panel.finished())

    def lit(self, colour: Colour) -> Colour:
        """A ground colour in this light."""
        return colour * self.light.ground

    def hazy(self, colour: Colour, share: float) -> Colour:
        """A ground colour in this light, seen from afar."""
        return mix(self.lit(colour), self.light.sky_low, share)

    def waves(self, base: float, height: float, octaves: int = 3) -> np.ndarray:
        """A periodic outline: (columns,) of y about `base`."""
        columns = round(self.frame_height * 1.25 * PERIOD)
        turns = np.arange(columns) / columns * 2 * np.pi
        outline = np.full(columns, base)
        for octave in range(1, octaves + 1):
            outline += height / octave * np.sin((octave + self.rng.randint(0, 1)) * turns + self.rng.uniform(0, 6.283))
        return outline

    def sky(self, orb: bool = True) -> None:
        """Gradient, then sun or moon, then stars at night."""
        light, rng = self.light, self.rng
        panel = self.panel(0.0)
        panel.gradient(light.sky_top, light.sky_low, 1.12, 0.3)
        orb_x = self.orb_x = rng.uniform(0.16, 0.34) * rng.choice((-1, 1))
        stars = [(rng.uniform(-1.4, 1.4), rng.uniform(0.42, 1.2), rng.uniform(0.5, 1.0)) for _ in range(46)]
        if light.starry:
            for x, y, bright in stars:
                panel.ellipse(x, y, (0.007, 0.007), rgb(255, 255, 236), bright, 0.8)
        if orb and not light.overcast:
            glow = 0.34 if self.time == "sunset" else 0.26
            panel.ellipse(orb_x, light.orb_y, (glow, glow), light.orb, 0.36, 1.0)
            panel.ellipse(orb_x, light.orb_y, (0.085, 0.085), light.orb, 1.0, 0.1)
            if self.time == "night":
                shade = mix(light.orb, light.sky_top, 0.18)
                panel.ellipse(orb_x + 0.03, light.orb_y + 0.02, (0.018, 0.018), shade)
                panel.ellipse(orb_x - 0.03, light.orb_y - 0.028, (0.013, 0.013), shade)
        self.hang(panel)

    def clouds(self, count: int = 5, parallax: float = 0.18) -> None:
        """A few puffs; more when overcast."""
        panel = self.panel(parallax)
        step = PERIOD / count
        for index in range(count):
            x = self.orb_x + (index + 0.5 + self.rng.uniform(-0.1, 0.1)) * step
            y = self.rng.uniform(0.66, 0.95)
            self.puff(panel, x, y, self.rng.uniform(0.075, 0.115), self.light.cloud, 0.9)
        extra = [(self.rng.uniform(0, PERIOD), self.rng.uniform(0.85, 1.1)) for _ in range(8)]
        if self.light.overcast:
            for x, y in extra:
                self.puff(panel, x, y, 0.15, self.light.cloud * np.float32(0.95), 0.75)
        self.hang(panel)

    def puff(self, panel: Panel, x: float, y: float, size: float, colour: Colour, alpha: float) -> None:
        """One cloud of four balls with a shaded foot."""
        foot = mix(colour, self.light.sky_top, 0.24)
        panel.ellipse(x, y - size * 0.22, (size * 1.9, size * 0.5), foot, alpha, 0.3)
        for dx, dy, radius in ((-1.0, 0.0, 0.72), (1.05, -0.03, 0.66), (-0.15, 0.32, 0.98), (0.5, 0.16, 0.72)):
            panel.ellipse(x + dx * size, y + dy * size, (size * radius, size * radius * 0.8), colour, alpha, 0.2)

    def prop(
        self,
        panel: Panel,
        name: str,
        foot: tuple[float, float],
        size: float,
        haze: float = 0.0,
        blend: tuple[Colour, float] | None = None,
    ) -> None:
        """A prop's picture standing at `foot` in this light, hazed towards the horizon or a share of a given colour."""
        (x, y), (colour, share) = foot, blend or (self.light.sky_low, haze)
        shade = PROP_SHADOW * self.light.ground
        panel.ellipse(x, y + 0.01, (size * 0.3, size * 0.05), shade, 0.28 * (1 - haze), 0.7)
        panel.stamp(sprite(name)[0], (x, y), size, self.light.ground, (colour, share))

    def spread(self, count: int, jitter: float = 0.5, start: float = 0.0) -> list[float]:
        """`count` x positions around the whole layer, evenly but for a share of jitter."""
        step = PERIOD / count
        return [start - PERIOD / 2 + step * (i + self.rng.uniform(-jitter, jitter) / 2 + 0.5) for i in range(count)]


PROP_SHADOW = rgb(30, 40, 60)
