"""How long a film will take: by this machine's own past, and before there is one by the model's size.

An estimate for the eyes alone: no film depends on it, and losing the file that remembers loses nothing else.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from kinema.errors import CheckpointError
from kinema.settings import read_settings

if TYPE_CHECKING:
    from kinema.recipe import Recipe

GUESSED_SECONDS = 3.8e-15
"""Of one pass over one pixel, for each byte of weights: the embedded model on two busy cores."""
LEARNS = 0.5
"""Share of the newest film in what is remembered."""
MOST_REMEMBERED = 32


def expected_seconds(recipe: Recipe) -> float | None:
    """About how long a settled recipe's film will take; None where neither past nor weights tell."""
    known = _remembered().get(_key(recipe))
    if known is not None:
        return known * _passes(recipe)
    size = _weights_bytes() if recipe.model == "native" else 0
    return GUESSED_SECONDS * size * _passes(recipe) if size else None


def remember(recipe: Recipe, seconds: float) -> None:
    """Takes a finished film's wall time into account."""
    paces = _remembered()
    key, pace = _key(recipe), seconds / _passes(recipe)
    paces[key] = pace if key not in paces else LEARNS * pace + (1 - LEARNS) * paces.pop(key)
    while len(paces) > MOST_REMEMBERED:
        del paces[next(iter(paces))]
    path = _path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(paces))
    except OSError:
        return  # a home that cannot be written only makes the next estimate worse


def _passes(recipe: Recipe) -> float:
    """Pixels that the model goes over, counted once for each step and, where guidance needs it, twice."""
    assert recipe.made_frames and recipe.width and recipe.height and recipe.steps
    calls = 1 if recipe.guidance == _guided(recipe) else 2
    return float(recipe.made_frames * recipe.width * recipe.height * recipe.steps * calls)


def _guided(recipe: Recipe) -> float:
    """Guidance that takes no second call."""
    from kinema.backends.networks import read_card, weights_folder

    try:
        return read_card(weights_folder(read_settings())).guided if recipe.model == "native" else 1.0
    except CheckpointError:
        return 1.0


def _key(recipe: Recipe) -> str:
    larger = f" {recipe.upscale} {recipe.size}" if recipe.upscale else ""
    faster = f" {recipe.fps} fps" if recipe.made_fps else ""
    return f"{recipe.task} {recipe.model} {recipe.configuration}{larger}{faster}"


def _path() -> Path:
    return read_settings().home / "pace.json"


def _remembered() -> dict[str, float]:
    try:
        known = json.loads(_path().read_text())
    except (OSError, ValueError):
        return {}
    rows = known.items() if isinstance(known, dict) else ()
    return {key: float(value) for key, value in rows if isinstance(value, int | float) and value > 0}


def _weights_bytes() -> int:
    from kinema.backends.networks import weights_folder

    folder = weights_folder(read_settings())
    return sum(path.stat().st_size for path in folder.glob("*.safetensors")) if folder.is_dir() else 0
