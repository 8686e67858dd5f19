"""The twelve places of the world, painted once per time, weather, layout and size, then kept.

Painting costs about as much as rendering a clip, so finished layers stay in a cache that is bounded by bytes.
"""

from __future__ import annotations

import random
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from kinema.world import elsewhere, outdoors
from kinema.world.easel import Easel
from kinema.world.light import light_of
from kinema.world.paint import Layer

LAYOUTS = 4
"""Painted variants of every place; a scene's seed chooses one."""
CACHE_BYTES = 400_000_000

PAINTERS: dict[str, Callable[[Easel], None]] = {
    "meadow": outdoors.meadow,
    "beach": outdoors.beach,
    "desert": outdoors.desert,
    "snow": outdoors.snow,
    "forest": outdoors.forest,
    "city": outdoors.city,
    "mountains": outdoors.mountains,
    "ocean": elsewhere.ocean,
    "underwater": elsewhere.underwater,
    "moon": elsewhere.moon,
    "clouds": elsewhere.clouds,
    "room": elsewhere.room,
}


@dataclass(frozen=True)
class Backdrop:
    """The painted layers of a place: those behind the subject, farthest first, and those before it."""

    back: tuple[Layer, ...]
    front: tuple[Layer, ...]

    @property
    def nbytes(self) -> int:
        """Bytes of all pixels."""
        return sum(layer.pixels.nbytes for layer in (*self.back, *self.front))


_Key = tuple[str, str, str, int, int]
_cache: OrderedDict[_Key, Backdrop] = OrderedDict()
_lock = threading.Lock()


def backdrop(place: str, time: str, weather: str, layout: int, frame_height: int) -> Backdrop:
    """The painted layers of a place for frames of this height, from the cache where it has them."""
    key = (place, time, weather, layout, frame_height)
    with _lock:
        if key in _cache:
            _cache.move_to_end(key)
            return _cache[key]
    painted = paint_place(place, time, weather, layout, frame_height)
    with _lock:
        _cache[key] = painted
        while sum(entry.nbytes for entry in _cache.values()) > CACHE_BYTES and len(_cache) > 1:
            _cache.popitem(last=False)
    return painted


def paint_place(place: str, time: str, weather: str, layout: int, frame_height: int) -> Backdrop:
    """Paint a place anew. The layout's generator ignores time and weather, so that hills stay where they are."""
    rng = random.Random(f"{place} {layout}")
    easel = Easel(frame_height, time, weather, light_of(time, weather), rng)
    PAINTERS[place](easel)
    return Backdrop(tuple(easel.back), tuple(easel.front))
