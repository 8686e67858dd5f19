"""Reads the vendored sprite strips: pictures of every object and prop, moving, in any of its colours.

Needs only NumPy and Pillow. Decoded strips and their shading are kept as bytes, and the float arrays handed out in a
bounded cache, so that a renderer may ask for a sprite per clip: a miss costs some 8 ms. What is handed out is shared,
hence read-only.
"""

from __future__ import annotations

import difflib
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from kinema.errors import WorldError
from kinema.world.objects import OBJECTS, PROPS
from kinema.world.recolour import RAMPS, Shading, painted, shading

STRIPS = Path(__file__).parent / "strips"
FRAMES = 24
FPS = 8
SIZE_PX = 96
SIZES_PX = (96, 48)


def sprite(name: str, colour: str | None = None, size: int = SIZE_PX) -> np.ndarray:
    """The loop of an object or prop, (24, size, size, 4) float32 premultiplied sRGB and alpha in [0, 1], read-only.

    24 frames at 8 fps are one loop of 3 s. The picture rests on the bottom edge and faces left. `colour` None keeps the
    natural colours; `size` is 96, or 48 for small drawings. WorldError if there is no such name, colour or size.
    """
    if size not in SIZES_PX:
        raise WorldError(f"sprite size {size} is not one of {SIZES_PX}; use 48 for drawings under 60 pixels, else 96")
    if name not in OBJECTS and name not in PROPS:
        raise WorldError(f"there is no sprite {name!r}; the nearest is {_nearest(name, (*OBJECTS, *PROPS))!r}")
    if colour is not None and colour not in RAMPS:
        raise WorldError(f"there is no colour {colour!r}; the nearest is {_nearest(colour, tuple(RAMPS))!r}")
    if colour is not None and not recolours(name):
        raise WorldError(f"{name!r} cannot be {colour}: it keeps its natural colours; ask for it without a colour")
    return _floats(name, colour, size)


def recolours(name: str) -> bool:
    """Whether `name` may be asked for in all eight colours."""
    return name in OBJECTS and OBJECTS[name].recolourable


def _nearest(word: str, allowed: tuple[str, ...]) -> str:
    return difflib.get_close_matches(word, allowed, n=1, cutoff=0.0)[0]


@cache
def strip(name: str) -> np.ndarray:
    """The decoded natural strip, straight RGBA uint8 (24 or 1, 96, 96, 4), read-only."""
    code = (OBJECTS[name] if name in OBJECTS else PROPS[name]).code
    with Image.open(STRIPS / f"{code}.webp") as picture:
        side_by_side = np.asarray(picture.convert("RGBA"))
    frames = np.ascontiguousarray(side_by_side.reshape(SIZE_PX, -1, SIZE_PX, 4).swapaxes(0, 1))
    frames.setflags(write=False)
    return frames


@cache
def _shading(name: str) -> Shading:
    return shading(strip(name), name)


@lru_cache(maxsize=96)  # at most 340 MB
def _floats(name: str, colour: str | None, size: int) -> np.ndarray:
    straight = strip(name) if colour is None else painted(strip(name), _shading(name), colour)
    frames = straight.astype(np.float32) / 255
    frames[..., :3] *= frames[..., 3:]
    if size != SIZE_PX:
        fold = SIZE_PX // size
        frames = frames.reshape(len(frames), size, fold, size, fold, 4).mean((2, 4))
    loop = np.broadcast_to(frames, (FRAMES, *frames.shape[1:]))
    loop.setflags(write=False)
    return loop
