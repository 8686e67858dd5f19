"""Clips into gif, webp and png. One frame becomes a plain still; more become an animation.

An animated PNG keeps every pixel bit for bit; a viewer that cannot animate shows its first frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from PIL import Image

from kinema.clip import Clip
from kinema.errors import OutputError
from kinema.media.about import for_picture


def write_pictures(clips: Iterator[Clip], path: Path, about: str | None) -> None:
    """Writes the clips when they have all come, or as many as came before something stopped them."""
    came: list[Clip] = []
    try:
        for clip in clips:
            came.append(clip)
    finally:
        if came:
            _save(Clip.join(came), path, about)
    if not came:
        raise OutputError("there are no clips to write; a film has at least one")


def _save(clip: Clip, path: Path, about: str | None) -> None:
    suffix = path.suffix.lower()
    pictures = [Image.fromarray(pixels) for pixels in clip.frames]
    options = for_picture(about, suffix)
    if suffix == ".gif":
        pictures = _one_palette(pictures)
        options |= {"loop": 0, "disposal": 1}
    elif suffix == ".webp":
        options |= {"quality": 88, "method": 4, "loop": 0}
    if len(pictures) > 1:
        durations = _durations_ms(len(pictures), clip.fps, grain=10 if suffix == ".gif" else 1)
        options |= {"save_all": True, "append_images": pictures[1:], "duration": durations}
    pictures[0].save(path, format=suffix[1:], **options)


def _one_palette(pictures: list[Image.Image]) -> list[Image.Image]:
    """The pictures in 256 colours drawn from all of them, so that colours do not flicker from frame to frame."""
    chosen = pictures[:: max(1, len(pictures) // 16)][:16]
    width, height = chosen[0].size
    sheet = Image.new("RGB", (width * len(chosen), height))
    for column, picture in enumerate(chosen):
        sheet.paste(picture, (column * width, 0))
    palette = sheet.quantize(256, method=Image.Quantize.MEDIANCUT)
    return [picture.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG) for picture in pictures]


def _durations_ms(frames: int, fps: Fraction, grain: int) -> list[int]:
    """How long each frame is shown, in whole grains of milliseconds, so that the film as a whole keeps its time."""
    ticks = [round(index * 1000 / fps / grain) for index in range(frames + 1)]
    return [(after - before) * grain for before, after in pairwise(ticks)]
