"""Trains and measures the learned witness (trust/witness.py): python -m kinema.evaluate.witness [FILM ...] [--json]

It learns from films that the embedded model makes here and now, against true renders of the pocket world, crisp, large
and softened, and drifting fields of noise; each is encoded at some rate factor, and half of each kind carry a
watermark, so that nobody is known by theirs. Every third film is held out. Films given by name are never learned from,
only measured: windows of them are strangers.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image

from kinema.backends.networks import weights_folder
from kinema.calls import generate
from kinema.clip import Clip
from kinema.interval import wilson
from kinema.media import read
from kinema.settings import read_settings
from kinema.trust.watermark.attacks import encoded, scaled
from kinema.trust.watermark.keys import Key
from kinema.trust.watermark.marker import Marker
from kinema.trust.watermark.measure import pocket
from kinema.trust.witness import FILE, NO, YES, Weights, network_hash, traces, verdict
from kinema.world.captions import canonical
from kinema.world.sampling import sample

SEED = 611
SECONDS, FPS = 2, Fraction(8)
FRAMES = 16
OWN, TRUE, LARGE, NOISE = "films of the embedded model", "true renders", "large true renders", "drifting noise"
RATE_FACTORS = (0, 18, 23, 28)
"""Of H.264; 0 leaves a film as it is."""
SOFT_SHARE = 0.3
WINDOWS = 40
RIDGE, STEPS, RATE = 3e-3, 4000, 0.3
LIKE_OWN = 0.98
"""Share of the model's own films, held out, that are near enough to be judged."""


@dataclass(frozen=True)
class Row:
    """What the witness said of films of a kind that it had not learned from."""

    films: str
    total: int
    yes: int
    cannot_tell: int
    no: int


@dataclass(frozen=True)
class Traced:
    """A kind of films: the traces of each, (N, D), and which were held out, (N,)."""

    name: str
    values: np.ndarray
    held: np.ndarray


def train(films: int, strangers: Sequence[Path], show: Callable[[str], None]) -> tuple[Weights, list[Row]]:
    """The weights, fitted and measured."""
    rng = random.Random(SEED)
    kinds = []
    for name, clips, copies in _kinds(films, rng, show):
        values = [traces(_sent(clip, name == OWN, rng)) for clip in clips for _ in range(copies)]
        held = np.repeat(np.arange(len(values) // copies) % 3 == 2, copies)
        kinds.append(Traced(name, np.stack(values), held))
        show(f"{name}: {len(values)}")
    weights = fitted(kinds[0], kinds[1:], network_hash(weights_folder(read_settings())))
    rows = [_row(kind.name, kind.values[kind.held], weights) for kind in kinds]
    for path in strangers:
        windows = [traces(_sent(window, False, rng)) for window in _windows(read(path), rng)]
        rows.append(_row(path.name, np.stack(windows), weights))
    wrong, total = (sum(counts) for counts in zip(*((row.yes, row.total) for row in rows[1:]), strict=True))
    return replace(weights, wrong=wilson(wrong, total)[1], basis=f"{wrong} of {total} strangers, held out"), rows


def fitted(own: Traced, others: Sequence[Traced], network: str) -> Weights:
    """Weights that tell one kind from the others by what is not held out of each."""
    values = np.concatenate([kind.values[~kind.held] for kind in (own, *others)])
    is_own = np.arange(len(values)) < (~own.held).sum()
    mean, scale = values.mean(axis=0), values.std(axis=0) + 1e-6
    x = (values - mean) / scale
    share = np.where(is_own, 0.5 / is_own.sum(), 0.5 / (~is_own).sum())
    weights, bias = np.zeros(x.shape[1]), 0.0
    for _ in range(STEPS):
        error = (1 / (1 + np.exp(-(x @ weights + bias))) - is_own) * share
        weights -= RATE * (x.T @ error + RIDGE * weights)
        bias -= RATE * error.sum()
    spread = np.cov(x[is_own].T)
    inverse = np.linalg.inv(spread + 0.01 * np.diag(np.diag(spread)) + 1e-6 * np.eye(len(spread)))
    found = Weights(mean, scale, weights, values[is_own].mean(axis=0), inverse, bias, 0.0, network, 1.0, "")
    return replace(found, limit=float(np.quantile(found.distance(own.values[own.held]), LIKE_OWN)))


def _kinds(films: int, rng: random.Random, show: Callable[[str], None]) -> Iterator[tuple[str, list[Clip], int]]:
    """Every kind of films, the model's own first, and how often each is sent."""
    made = []
    for index in range(films):
        made.append(generate(canonical(sample(rng)), seconds=SECONDS, seed=SEED + index).clip)
        show(f"made {index + 1} of {films}")
    yield OWN, [replace(clip, latents=None) for clip in made], 3
    yield TRUE, pocket(128, SECONDS, 3 * films, SEED), 1
    yield LARGE, pocket(192, SECONDS, films, SEED + 1), 1
    yield NOISE, [_drifting(rng) for _ in range(films)], 1


def _sent(clip: Clip, is_own: bool, rng: random.Random) -> Clip:
    """The film as somebody may find it: marked or not, encoded or not; what is not the model's own may be soft too."""
    if not is_own and rng.random() < SOFT_SHARE:
        smaller = scaled(clip, rng.choice([0.5, 0.6, 0.75]))
        size = (clip.width, clip.height)
        soft = [np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.BICUBIC)) for frame in smaller.frames]
        clip = replace(clip, frames=np.stack(soft))
    if rng.random() < 0.5:
        clip = Clip.join(Marker(Key("drawn", rng.randbytes(32)), rng.randrange(2**24)).mark([clip]))
    factor = rng.choice(RATE_FACTORS)
    return encoded(clip, factor) if factor else clip


def _drifting(rng: random.Random) -> Clip:
    """A field of coloured noise, finer or coarser, that drifts, grows and is grainy."""
    noise, side = np.random.default_rng(rng.getrandbits(32)), 256
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side)[None])
    frequency[0, 0] = 1
    spectra = np.fft.fft2(noise.normal(size=(3, side, side))) / frequency ** rng.uniform(0.8, 1.6)
    field = np.fft.ifft2(spectra).real.transpose(1, 2, 0)
    field -= field.min((0, 1))
    picture = Image.fromarray((255 * field / field.max((0, 1))).astype(np.uint8))
    left, top, width, grain = 40.0, 40.0, rng.uniform(80, 140), rng.uniform(0, 3)
    right, down, growth = rng.uniform(-2, 2), rng.uniform(-2, 2), rng.uniform(0.99, 1.01)
    frames = []
    for _ in range(FRAMES):
        frame = picture.resize((128, 128), Image.Resampling.BICUBIC, box=(left, top, left + width, top + width))
        frames.append(np.clip(np.asarray(frame) + noise.normal(0, grain, (128, 128, 3)), 0, 255).astype(np.uint8))
        left, top, width = left + right, top + down, width * growth
    return Clip(np.stack(frames), FPS)


def _windows(clip: Clip, rng: random.Random) -> Iterator[Clip]:
    """Pieces of a film, square or not, at several paces."""
    for _ in range(WINDOWS):
        pace = rng.choice([1, 1, 2, 3])
        first = rng.randrange(max(1, len(clip) - pace * FRAMES))
        frames = clip.frames[first : first + pace * FRAMES : pace]
        side = round(min(clip.width, clip.height) * rng.uniform(0.5, 1)) // 2 * 2
        left, top = rng.randrange(clip.width - side + 1), rng.randrange(clip.height - side + 1)
        yield Clip(np.ascontiguousarray(frames[:, top : top + side, left : left + side]), FPS)


def _row(films: str, values: np.ndarray, weights: Weights) -> Row:
    answers = [verdict(weights, each)[0] for each in values]
    return Row(films, len(answers), *(answers.count(said) for said in ("yes", "cannot tell", "no")))


def main(arguments: list[str] | None = None) -> None:
    """Trains, writes the file and prints how the witness did on what it had not learned from."""
    parser = argparse.ArgumentParser(prog="python -m kinema.evaluate.witness", description=__doc__)
    parser.add_argument("strangers", nargs="*", type=Path, metavar="FILM", help="films of others, measured alone")
    parser.add_argument("--films", type=int, default=72, help="films that the model makes")
    parser.add_argument("--output", type=Path, default=FILE, help="where the weights are written")
    parser.add_argument("--json", action="store_true", help="one JSON object a row")
    asked = parser.parse_args(arguments)
    weights, rows = train(
        asked.films, asked.strangers, lambda said: print(said, flush=True) if not asked.json else None
    )
    weights.save(asked.output)
    for row in rows:
        said = f"{row.films:<32} {row.yes:>4} yes {row.cannot_tell:>4} cannot tell {row.no:>4} no, of {row.total}"
        print(json.dumps(asdict(row)) if asked.json else said)
    if not asked.json:
        print(f"yes from {YES} on, no down to {NO}; a yes is wrong for at most {weights.wrong:.1%} ({weights.basis})")


if __name__ == "__main__":
    main()
