"""Pictures of films for a person who watches a run."""

from pathlib import Path

import numpy as np
from PIL import Image


def save_film_rows(films: list[np.ndarray], path: Path, *, across: int = 6) -> None:
    """A PNG at `path` with a row for each film, (T, H, W, 3) uint8, of `across` frames spread over its length."""
    rows = [np.concatenate(film[np.linspace(0, len(film) - 1, across).astype(int)], axis=1) for film in films]
    width = max(row.shape[1] for row in rows)
    padded = [np.pad(row, ((0, 2), (0, width - row.shape[1]), (0, 0)), constant_values=255) for row in rows]
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.concatenate(padded)).save(path)
