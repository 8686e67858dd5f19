"""Kinema: open text to video. A sentence in, a film out.

    import kinema

    film = kinema.generate("a red dog jumps in a snowy forest at night", "dog.mp4", seed=7)
    film.clip.frames      # (T, H, W, 3) uint8
    film.recipe           # what makes the same frames again
    kinema.extend("dog.mp4", "longer.mp4", seconds=4)

Nothing heavy is imported before it is used.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING

from kinema import errors
from kinema.errors import KinemaError

if TYPE_CHECKING:
    from kinema.calls import animate, blend, extend, fill, generate, loop, recut, remix, still, storyboard
    from kinema.canvas import Asks, Canvas
    from kinema.clip import Clip
    from kinema.engine import Film, make, make_all
    from kinema.ready import Limits, settle
    from kinema.recipe import Recipe
    from kinema.remote import Server

__version__ = "0.1.0"

# OpenVINO reports every import to its maker, by forking a process in the middle of whatever threads run. Without that
# package it is silent; nothing of Kinema's speaks to anybody unasked.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

_HOMES = {
    "Asks": "kinema.canvas",
    "Canvas": "kinema.canvas",
    "Clip": "kinema.clip",
    "Film": "kinema.engine",
    "Limits": "kinema.ready",
    "Recipe": "kinema.recipe",
    "Server": "kinema.remote",
    "animate": "kinema.calls",
    "blend": "kinema.calls",
    "extend": "kinema.calls",
    "fill": "kinema.calls",
    "generate": "kinema.calls",
    "loop": "kinema.calls",
    "make": "kinema.engine",
    "make_all": "kinema.engine",
    "recut": "kinema.calls",
    "remix": "kinema.calls",
    "settle": "kinema.ready",
    "still": "kinema.calls",
    "storyboard": "kinema.calls",
}

__all__ = [
    "Asks",
    "Canvas",
    "Clip",
    "Film",
    "KinemaError",
    "Limits",
    "Recipe",
    "Server",
    "animate",
    "blend",
    "errors",
    "extend",
    "fill",
    "generate",
    "loop",
    "make",
    "make_all",
    "recut",
    "remix",
    "settle",
    "still",
    "storyboard",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'kinema' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
