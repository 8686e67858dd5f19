"""Makes the films of a plan, reads them, and reads what they could have been at best: true clips, and these rebuilt.

How a film is made and how a clip goes through the autoencoder are handed in, so that this file knows no model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import numpy as np
from PIL import Image

from kinema.clip import Clip
from kinema.evaluate.book import Book, Entry, Kind
from kinema.evaluate.checks import check
from kinema.evaluate.gate import true_clip
from kinema.evaluate.plan import Trial
from kinema.evaluate.reader import Reader

STILLS = 24
"""Films of which a strip of frames is kept for the sheet."""
STILL_FRAMES = 5


@dataclass(frozen=True)
class Makers:
    """Where the clips of an evaluation come from; None leaves that kind out."""

    film: Callable[[str, int], Clip] | None
    """A prompt and a seed to a film of four seconds."""
    rebuild: Callable[[Clip], Clip] | None
    true: Callable[..., Clip] = true_clip


Watch = Callable[[int, int], None]
"""Called with clips done and clips in all."""


def run(trials: Sequence[Trial], makers: Makers, reader: Reader, book: Book, watch: Watch) -> None:
    """Fills the book with every clip of the plan that is not in it yet. May be stopped at any moment."""
    jobs = [(kind, trial) for trial in trials for kind in _kinds(trial, makers)]
    for done, (kind, trial) in enumerate(jobs):
        watch(done, len(jobs))
        if (kind, trial.split, trial.scene.to_json(), trial.prompt, trial.seed) in book:
            continue
        begun = monotonic()
        clip = _clip(kind, trial, makers)
        wall_s = monotonic() - begun
        read = reader.read(clip)
        entry = Entry(
            kind,
            trial.split,
            trial.scene,
            trial.prompt,
            trial.seed,
            read.facts,
            sure={factor: round(share, 3) for factor, share in read.sure.items()},
            checks=check(clip).to_fields(),
            wall_s=round(wall_s, 3),
        )
        if kind == "film" and sum(kept.kind == "film" for kept in book) < STILLS:
            keep_still(clip, still_path(book.path, entry))
        book.write(entry)
    watch(len(jobs), len(jobs))


def still_path(book: Path, entry: Entry) -> Path:
    """Where the strip of an entry's frames is kept."""
    slug = "".join(letter if letter.isalnum() else "-" for letter in entry.prompt.lower())[:60]
    return book.with_suffix("") / f"{entry.split.replace(' ', '-')}-{slug}-{entry.seed}.png"


def keep_still(clip: Clip, path: Path) -> None:
    """A strip of frames, evenly spread over the clip, side by side."""
    path.parent.mkdir(parents=True, exist_ok=True)
    frames = clip.frames[np.linspace(0, len(clip) - 1, STILL_FRAMES).round().astype(int)]
    Image.fromarray(np.concatenate(list(frames), 1)).save(path)


def _kinds(trial: Trial, makers: Makers) -> list[Kind]:
    """Truth has no seed of the model's, so it is read once."""
    kinds: list[Kind] = []
    if makers.film:
        kinds.append("film")
    if trial.seed == 1:
        kinds.append("true")
        if makers.rebuild:
            kinds.append("rebuilt")
    return kinds


def _clip(kind: Kind, trial: Trial, makers: Makers) -> Clip:
    if kind == "film":
        assert makers.film, "films are only asked for where they can be made"
        return makers.film(trial.prompt, trial.seed)
    clip = makers.true(trial.scene)
    if kind == "true":
        return clip
    assert makers.rebuild, "rebuilt clips are only asked for where they can be made"
    return makers.rebuild(clip)
