"""What a film took, and how near it is to what its model was trained on; both go into its credentials.

Nearest training clips need no training data on disk: the manifest's clips of the pocket world are functions of their
keys, so those whose captions are nearest to the film's are drawn again, small, and compared.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kinema.clip import Clip
from kinema.data.files import replace_file
from kinema.data.manifest import Entry, read_manifest
from kinema.data.record import sha256_of_frames
from kinema.errors import DataError, ExtraMissingError
from kinema.media import fit
from kinema.trust.verify import Verdict

if TYPE_CHECKING:
    from kinema.data.world import Drawn

CANDIDATES, SHOWN, LOOKED_AT = 24, 3, 32
"""Training clips that are compared, those of them that are shown, and the most frames of each."""
SIDE_PX, RATE = 32, Fraction(8)
HOME_PX, HOME_FRAMES = 128, (32, 16, 1)
"""What the embedded model's clips were drawn at; the manifest does not say, so each is tried."""
_KEY = re.compile(r"world-(\d+)-(\d+)")


@dataclass(frozen=True)
class Bill:
    """One film's line in the table: the receipt that its signer vouches for, as far as the signer is trusted."""

    path: Path
    state: str
    wall_s: float | None = None
    energy_wh: float | None = None
    co2_g: float | None = None
    method: str = "its credentials hold no receipt"
    grid: str = ""

    @classmethod
    def of(cls, verdict: Verdict) -> Bill:
        """The receipt in a film's credentials; broken credentials have none."""
        said = verdict.part("receipt") if verdict.state in ("trusted", "intact") else {}
        figures = [said.get(name) for name in ("wall_s", "energy_wh", "co2_g")]
        if not all(isinstance(each, int | float) and 0 <= each < 1e12 for each in figures):
            return cls(verdict.path, verdict.state)
        grid = f"{said.get('grams_per_kwh')} g/kWh, {said.get('grid')}"
        wall_s, energy_wh, co2_g = (float(each) for each in figures if each is not None)
        return cls(verdict.path, verdict.state, wall_s, energy_wh, co2_g, str(said.get("method"))[:200], grid[:200])


@dataclass(frozen=True)
class Nearest:
    """The training clips nearest to a film, nearest first, and the memorisation score.

    Likeness is the correlation of small frames, 1 for the same clip. The score is 0 where the film is no nearer to a
    training clip than these clips are to one another, and 1 where it is one of them. `verified` says that the nearest,
    drawn again whole, has the hash of the manifest; where it is False, this version of the world draws other clips.
    """

    keys: tuple[str, ...]
    captions: tuple[str, ...]
    likeness: tuple[float, ...]
    memorisation: float
    compared: int
    of_clips: int
    verified: bool

    def to_fields(self) -> dict[str, Any]:
        """The JSON object for the credentials."""
        rows = zip(self.keys, self.captions, self.likeness, strict=True)
        clips = [{"key": key, "caption": caption, "likeness": round(value, 4)} for key, caption, value in rows]
        return {
            "clips": clips,
            "memorisation": round(self.memorisation, 4),
            "compared": self.compared,
            "of_clips": self.of_clips,
            "verified": self.verified,
        }


def nearest(
    clip: Clip, caption: str, folder: Path, home: Path, on_clip: Callable[[int, int], None] = lambda done, total: None
) -> Nearest:
    """The training clips of the model in a folder that are nearest to a film of such a caption.

    The first call draws every caption again, some 20 ms each, and keeps them under home. Raises DataError where the
    manifest is altered or holds no clips of the pocket world, ExtraMissingError where the world is not installed.
    """
    entries, _ = read_manifest(folder)
    captions = _captions(entries, _place(folder, home), on_clip)
    wanted = _words(caption)
    ranked = sorted(captions, key=lambda key: -_overlap(wanted, _words(captions[key])))[:CANDIDATES]
    small = fit(clip, SIDE_PX, SIDE_PX, RATE, "stretch")[:LOOKED_AT]
    looked = _fingerprint(small)
    drawn = np.stack([_fingerprint(_drawn(key, SIDE_PX, len(small))) for key in ranked])
    among = drawn @ drawn.T - 2 * np.eye(len(drawn))
    usual = float(among.max(1).mean()) if len(drawn) > 1 else 0.0
    likely = [ranked[index] for index in np.argsort(-(drawn @ looked), kind="stable")[:SHOWN]]
    likeness = {key: float(_whole(key, clip, len(small)) @ looked) for key in likely}
    order = sorted(likely, key=lambda key: -likeness[key])
    hashes = {entry.key: entry.sha256 for entry in entries}
    return Nearest(
        tuple(order),
        tuple(captions[key] for key in order),
        tuple(likeness[key] for key in order),
        float(np.clip((likeness[order[0]] - usual) / max(1 - usual, 1e-6), 0, 1)),
        len(ranked),
        len(captions),
        _is_itself(order[0], hashes[order[0]]),
    )


def _place(folder: Path, home: Path) -> Path:
    """Where the captions of this manifest's clips are kept; another manifest has another place."""
    with (folder / "manifest.json").open("rb") as file:
        return home / "nearest" / f"{sha256(file.read()).hexdigest()[:16]}.json"


def _captions(entries: Sequence[Entry], place: Path, on_clip: Callable[[int, int], None]) -> dict[str, str]:
    """The canonical caption of each clip of the pocket world, by its key; drawn once, then kept."""
    if place.is_file():
        try:
            return dict(json.loads(place.read_text(encoding="utf-8")))
        except ValueError:
            place.unlink()
    world = [entry.key for entry in entries if _KEY.fullmatch(entry.key)]
    if not world:
        raise DataError(
            "the model's manifest names no clips of the pocket world, so none can be drawn again to compare"
        )
    captions = {}
    for done, key in enumerate(world):
        on_clip(done, len(world))
        captions[key] = _scene(key).captions[0]
    on_clip(len(world), len(world))
    place.parent.mkdir(parents=True, exist_ok=True)
    replace_file(place, json.dumps(captions).encode())
    return captions


def _scene(key: str) -> Drawn:
    """Scene and captions of a training clip, by its key."""
    try:
        from kinema.data.world import Run, draw
    except ModuleNotFoundError as error:
        if error.name == "cv2":
            raise ExtraMissingError("world", "drawing training clips again") from None
        raise
    match = _KEY.fullmatch(key)
    assert match, f"{key} is a clip of the pocket world"
    return draw(Run(seed=int(match[1])), int(match[2]))


def _drawn(key: str, side_px: int, frames: int) -> Clip:
    from kinema.world.render import render

    return render(_scene(key).scene, width=side_px, height=side_px, frames=frames, fps=RATE)


def _whole(key: str, like: Clip, frames: int) -> np.ndarray:
    """The fingerprint of the clip drawn in the film's own size, and made small as the film was."""
    from kinema.world.render import render

    whole = render(_scene(key).scene, width=like.width, height=like.height, frames=frames, fps=RATE)
    return _fingerprint(fit(whole, SIDE_PX, SIDE_PX, RATE, "stretch"))


def _is_itself(key: str, expected: str) -> bool:
    """Whether the clip, drawn again whole, has the manifest's hash."""
    return any(sha256_of_frames(_drawn(key, HOME_PX, frames).frames) == expected for frames in HOME_FRAMES)


def _fingerprint(clip: Clip) -> np.ndarray:
    """All pixels as one vector of mean 0 and length 1, so that a product of two is their correlation."""
    values = clip.frames.astype(np.float32).ravel()
    values -= values.mean()
    return values / max(float(np.linalg.norm(values)), 1e-6)


def _words(caption: str) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z]+", caption.lower()))


def _overlap(one: frozenset[str], other: frozenset[str]) -> float:
    """Words in common, of all that either has."""
    return len(one & other) / max(1, len(one | other))
