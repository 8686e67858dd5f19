"""Attacks that take a watermark off: films of the pocket world are marked, attacked, and read again.

A mark that is found is a stopped attack. Unmarked films are the fair attempts: calling one marked is a false block.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from PIL import Image

from kinema.clip import Clip
from kinema.trust.redteam.attempt import Attempt, Tick
from kinema.trust.watermark import read
from kinema.trust.watermark.attacks import BEYOND, PROMISED, Attack, encoded
from kinema.trust.watermark.measure import KEY, mark, pocket

TARGET = "watermark"
SEED = 7_701
"""Films that no setting was chosen on, and that `watermark.measure` does not show."""
QUICK = ("CRF 28", "mirrored + CRF 28")


def letterboxed(clip: Clip) -> Clip:
    """With black bars of a tenth above and below."""
    bar = np.zeros((len(clip), clip.height // 10, clip.width, 3), np.uint8)
    return replace(clip, frames=np.concatenate([bar, clip.frames, bar], axis=1))


def rotated(clip: Clip, degrees: float) -> Clip:
    """Turned by a few degrees."""
    turned = [Image.fromarray(pixels).rotate(degrees, Image.Resampling.BICUBIC) for pixels in clip.frames]
    return replace(clip, frames=np.stack([np.asarray(picture) for picture in turned]))


def greyed(clip: Clip) -> Clip:
    """Without colour."""
    grey = np.rint(clip.frames @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)
    return replace(clip, frames=np.repeat(grey[..., None], 3, axis=3))


def reversed_in_time(clip: Clip) -> Clip:
    """The last frame first."""
    return replace(clip, frames=clip.frames[::-1])


def covered(clip: Clip) -> Clip:
    """With a bar over its lower quarter."""
    frames = clip.frames.copy()
    frames[:, 3 * clip.height // 4 :] = 40
    return replace(clip, frames=frames)


def halved(clip: Clip) -> Clip:
    """The middle half of its time alone."""
    return clip[len(clip) // 4 : 3 * len(clip) // 4]


def quantised(clip: Clip) -> Clip:
    """In 16 levels a colour, as a GIF or a poster has."""
    return replace(clip, frames=(clip.frames // 16 * 17).astype(np.uint8))


STRANGER: dict[str, Attack] = {
    "letterboxed + CRF 28": lambda clip: encoded(letterboxed(clip), 28),
    "turned by 2 degrees + CRF 28": lambda clip: encoded(rotated(clip, 2.0), 28),
    "without colour + CRF 28": lambda clip: encoded(greyed(clip), 28),
    "backwards + CRF 28": lambda clip: encoded(reversed_in_time(clip), 28),
    "a bar over a quarter + CRF 28": lambda clip: encoded(covered(clip), 28),
    "half of its time + CRF 28": lambda clip: encoded(halved(clip), 28),
    "16 levels a colour + CRF 28": lambda clip: encoded(quantised(clip), 28),
}
"""Attacks that the watermark promises nothing about."""
ATTACKS = PROMISED | BEYOND | STRANGER


def attack(tick: Tick, *, films: int, sides_px: tuple[int, ...], names: tuple[str, ...]) -> Iterator[Attempt]:
    """Films of each size through the named attacks. Raises ExtraMissingError where films cannot be drawn."""
    for side in sides_px:
        clips = pocket(side, 4.0, films, SEED + side)
        group = f"{side}x{side}, 4 s"
        for at, clip in enumerate(clips):
            yield _tried(tick, group, "not marked", f"{group}, film {at}", clip, is_bad=False)
            written = encoded(mark(clip), 18)
            for name in names:
                yield _tried(tick, group, name, f"{group}, film {at}", ATTACKS[name](written), is_bad=True)


def _tried(tick: Tick, group: str, attack: str, subject: str, clip: Clip, *, is_bad: bool) -> Attempt:
    found = read(clip, [KEY]).verdict == "yes"
    tick(TARGET)
    return Attempt(TARGET, attack, group, "", is_bad, found, subject)
