"""A film as one picture: stills in rows, each with its moment, to be looked at without playing anything."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

from kinema.media import whole_file

if TYPE_CHECKING:
    from kinema.clip import Clip

STILLS, ACROSS = 12, 4
STILL_WIDTH_PX, MARGIN_PX, LINE_PX = 256, 8, 22
PAPER, INK, PALE = (250, 250, 248), (30, 30, 30), (120, 120, 120)


def write_sheet(clip: Clip, path: Path, title: str = "") -> None:
    """Writes up to twelve stills of the clip, evenly spread from the first frame to the last, as a PNG."""
    with whole_file(path) as part:
        contact_sheet(clip, title).save(part, "PNG")


def contact_sheet(clip: Clip, title: str = "") -> Image.Image:
    """The sheet: a title, then stills with their seconds."""
    count = min(STILLS, len(clip))
    indices = [round(index * (len(clip) - 1) / max(1, count - 1)) for index in range(count)]
    across = min(ACROSS, count)
    height_px = max(1, round(STILL_WIDTH_PX * clip.height / clip.width))
    cell_width, cell_height = STILL_WIDTH_PX + MARGIN_PX, height_px + LINE_PX + MARGIN_PX
    top = LINE_PX + MARGIN_PX if title else 0
    rows = -(-count // across)
    sheet = Image.new("RGB", (across * cell_width + MARGIN_PX, top + rows * cell_height + MARGIN_PX), PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    if title:
        pen.text((MARGIN_PX, MARGIN_PX), _fitted(title, sheet.width - 2 * MARGIN_PX, font), INK, font)
    scale = Image.Resampling.LANCZOS if clip.width > STILL_WIDTH_PX else Image.Resampling.BICUBIC
    for place, index in enumerate(indices):
        x = MARGIN_PX + place % across * cell_width
        y = MARGIN_PX + top + place // across * cell_height
        sheet.paste(Image.fromarray(clip.frames[index]).resize((STILL_WIDTH_PX, height_px), scale), (x, y))
        pen.text((x, y + height_px + 3), f"{float(index / clip.fps):.2f} s", PALE, font)
    return sheet


def _fitted(title: str, width_px: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """The title in one line, its end left out where it is too long."""
    line = " ".join(title.split())
    if font.getlength(line) <= width_px:
        return line
    while line and font.getlength(f"{line}...") > width_px:
        line = line[: -max(1, len(line) // 20)]
    return f"{line}..."
