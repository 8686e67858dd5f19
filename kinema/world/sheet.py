"""A contact sheet: some frames of many clips with their captions, as one picture. Needs Pillow alone."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from kinema.clip import Clip
from kinema.errors import OutputError

GAP, MARGIN = 2, 10
LINE_HEIGHT, LETTER_WIDTH = 13, 6


def sheet(clips: Sequence[tuple[Clip, str]], path: Path, *, columns: int = 2, frames_each: int = 5) -> None:
    """Write a PNG that shows every clip as a row of frames, first and last among them, under its caption.

    OutputError if there is nothing to show.
    """
    if not clips:
        raise OutputError("a contact sheet of no clips cannot be drawn; give at least one")
    strips = [strip(clip, caption, frames_each) for clip, caption in clips]
    width, height = max(s.width for s in strips), max(s.height for s in strips)
    rows = -(-len(strips) // columns)
    page = Image.new("RGB", (columns * (width + MARGIN), rows * (height + MARGIN // 2)), "white")
    for index, picture in enumerate(strips):
        page.paste(picture, (index % columns * (width + MARGIN), index // columns * (height + MARGIN // 2)))
    page.save(path, format="PNG")


def strip(clip: Clip, caption: str, frames_each: int = 5) -> Image.Image:
    """One clip as a row of evenly spaced frames under its caption."""
    shown = min(frames_each, len(clip))
    picked = [round(index * (len(clip) - 1) / max(1, shown - 1)) for index in range(shown)]
    width = shown * (clip.width + GAP) - GAP
    lines = textwrap.wrap(caption, max(12, width // LETTER_WIDTH)) or [""]
    top = len(lines) * LINE_HEIGHT + 2
    picture = Image.new("RGB", (width, top + clip.height), "white")
    ImageDraw.Draw(picture).text((1, 0), "\n".join(lines), fill="black", font=ImageFont.load_default(10))
    for place, frame in enumerate(picked):
        picture.paste(Image.fromarray(clip.frames[frame]), (place * (clip.width + GAP), top))
    return picture
