"""A home of the red team's own: keys, registry and films that vanish, so that no attack touches a person's."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from hashlib import sha256
from pathlib import Path

import numpy as np

from kinema.clip import Clip
from kinema.data.record import sha256_of_frames
from kinema.trust.credentials import Provenance, sign

RECIPE = json.dumps({"configuration": "red team", "prompt": "a red dog", "seed": 7, "task": "generate"})
DIGEST = sha256(RECIPE.encode()).hexdigest()
NUMBER = int(DIGEST[:6], 16)


@contextmanager
def own_home() -> Iterator[Path]:
    """A folder of its own, which is the home of everything inside; what the environment says of trust is set aside."""
    before = {name: value for name, value in os.environ.items() if name.startswith("KINEMA_")}
    with tempfile.TemporaryDirectory(prefix="kinema-redteam-") as folder:
        try:
            enter(Path(folder) / "home")
            yield Path(folder)
        finally:
            for name in [name for name in os.environ if name.startswith("KINEMA_")]:
                del os.environ[name]
            os.environ.update(before)


def enter(home: Path) -> None:
    """From here on that folder is home, and all parts of trust are on."""
    for name in [name for name in os.environ if name.startswith("KINEMA_")]:
        del os.environ[name]
    os.environ["KINEMA_HOME"] = str(home)


def waves(seed: int = 0, frames: int = 8) -> Clip:
    """Smooth frames that no two seeds share, (frames, 64, 96)."""
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(range(frames), range(64), range(96), indexing="ij")).reshape(3, -1)
    moved = 127 + 120 * np.sin(rng.uniform(0.02, 0.2, (3, 3)) @ grid)
    return Clip(moved.astype(np.uint8).T.reshape(frames, 64, 96, 3), Fraction(8))


def signed(path: Path, clip: Clip) -> Path:
    """The clip as a file with credentials of this home."""
    clip.write(path)
    sign(path, Provenance(RECIPE, sha256_of_frames(clip.frames)))
    return path
