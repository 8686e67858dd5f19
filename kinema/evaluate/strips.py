"""Strips of frames of what tasks made, with what was known marked under each frame, and the sheet of them.

It stands apart from the figures because it draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageDraw

from kinema.evaluate.exercises import Attempt

SHEET_TRIALS: Final = 2
"""Trials of which every task's clip is shown."""
FRAMES: Final = 10
FRAME_PX, BAR_PX, LABEL_PX = 96, 5, 14
KNOWN, PARTLY, INVENTED = (27, 127, 59), (214, 170, 40), (29, 95, 168)


def keep_strip(attempt: Attempt, path: Path) -> None:
    """The strip of an attempt as a picture at a path: frames evenly spread over the clip, each over its colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made, known = attempt.made, attempt.known
    columns = []
    for index in np.linspace(0, len(made) - 1, min(FRAMES, len(made))).round().astype(int):
        frame = Image.fromarray(made.frames[index]).resize((FRAME_PX, FRAME_PX), Image.Resampling.BOX)
        there = np.zeros(1, bool) if known is None else known[index]
        colour = KNOWN if there.all() else PARTLY if there.any() else INVENTED
        bar = np.broadcast_to(np.array(colour, np.uint8), (BAR_PX, FRAME_PX, 3))
        columns.append(np.concatenate([np.asarray(frame), bar]))
    Image.fromarray(np.concatenate(columns, 1)).save(path)


def sheet(strips: Sequence[tuple[str, Path]]) -> Image.Image | None:
    """Ten frames of each clip, over green where they were known, yellow where in part, blue where they are invented."""
    if not strips:
        return None
    row_px = LABEL_PX + FRAME_PX + BAR_PX
    whole = Image.new("RGB", (FRAMES * FRAME_PX, row_px * len(strips)), "white")
    pen = ImageDraw.Draw(whole)
    for row, (name, path) in enumerate(strips):
        pen.text((2, row * row_px + 1), name, fill="black")
        with Image.open(path) as strip:
            whole.paste(strip.convert("RGB"), (0, row * row_px + LABEL_PX))
    return whole
