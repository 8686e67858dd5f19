"""Trains the heads: `python -m kinema.trust.policy.train [CACHE.npz]` writes `heads.safetensors`.

Every training sentence is learned as it is and after one obfuscation, both through the normaliser that requests pass;
but for those whose somebody or something is named and in the lists, or every name would do. Thresholds are chosen on
the `develop` split. Same sentences, same encoder, same heads; vectors are kept in the cache.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from kinema.trust.policy import corpus
from kinema.trust.policy.corpus import LEARNED, NAMED, ORDINARY, Sentence
from kinema.trust.policy.encoder import SHA256, encoder
from kinema.trust.policy.heads import CLASSES, FILE, Heads, of_many
from kinema.trust.policy.normalise import normalise
from kinema.trust.policy.obfuscate import OBFUSCATIONS, obfuscate
from kinema.trust.policy.phrases import phrases
from kinema.trust.policy.units import is_sentence, trim, units
from kinema.world.captions import caption
from kinema.world.sampling import sample

HIDDEN, DECAY, STEPS, RATE, BATCH, SEED = 200, 0.03, 1000, 0.01, 2048, 7
MEMBERS = 6
"""Networks whose logits are averaged: one is too sure of itself."""
DIRECTIONS = 512
"""Of the vectors' 768 directions those that are learned in, the strongest: the noise drowns the others anyway."""
NOISE = 0.6
WORLD_CAPTIONS = 500
STRETCH = 1000
FALSE_BLOCKS, FALSE_REVIEWS, FALSE_LIKENESSES = 0.0125, 0.04, 0.0125
"""What thresholds may cost on ordinary prompts of the develop split: all harm together, and celebrity and ip."""
PROSE = "WordNet"
"""The source of sentences that are no prompts: learned from, but no threshold is chosen by them."""
LIMITS = 0.3, 0.98


def examples(rows: list[Sentence]) -> list[tuple[str, str]]:
    """Text as the encoder sees it, and label: plain, and disguised in one of the ways; long harmless ones in pieces."""
    rng = random.Random(SEED)
    ways = [name for name in OBFUSCATIONS if name not in ("zero_width", "full_width")]
    texts = []
    for row in rows:
        disguised = [obfuscate(row.text, rng.choice(ways))] if row.language == "en" else []
        for plain in (normalise(text).lower() for text in [row.text, *disguised]):
            texts += [(unit, row.label) for unit in (units(plain) if row.label == ORDINARY else [trim(plain)])]
    return texts


def is_named(row: Sentence) -> bool:
    """Whether a likeness is one of the lists already: a head that learned it would take any name for one."""
    return row.label in NAMED and any(found.rule == "block" for found in phrases().find(normalise(row.text)))


def fit(vectors: np.ndarray, labels: np.ndarray) -> Heads:
    """Heads that were fitted to vectors (N, D) and classes (N,): MEMBERS networks side by side as one."""
    mean, scale = vectors.mean(axis=0), vectors.std(axis=0) + 1e-6
    x = (vectors - mean) / scale
    strongest = np.linalg.eigh(x.T @ x)[1][:, -DIRECTIONS:]
    members = [fit_one(x @ strongest, labels, np.random.default_rng(SEED + at)) for at in range(MEMBERS)]
    weights = np.hstack([np.vstack([strongest @ member[0][:-1], member[0][-1:]]) for member in members])
    last = np.vstack([member[1][:-1] for member in members] + [sum(member[1][-1:] for member in members)]) / MEMBERS
    return Heads(mean, scale, weights, last, np.zeros(3, np.float32))


def fit_one(x: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """The two matrices of one network: AdamW on the balanced cross-entropy, with noise on what it is given."""
    y = np.eye(len(CLASSES), dtype=np.float32)[labels]
    share = 1 / np.sqrt(np.bincount(labels, minlength=len(CLASSES)) + 1)
    weight = (share / share[labels].mean())[labels][:, None].astype(np.float32)
    parameters = [
        rng.normal(0, x.shape[1] ** -0.5, (x.shape[1] + 1, HIDDEN)).astype(np.float32),
        np.zeros((HIDDEN + 1, len(CLASSES)), np.float32),
    ]
    moments = [(np.zeros_like(p), np.zeros_like(p)) for p in parameters]
    ones = np.ones((BATCH, 1), np.float32)
    noise = NOISE * rng.standard_normal(
        (4 * BATCH, x.shape[1]), np.float32
    )  # drawn once: drawing took most of the time
    for step in range(1, STEPS + 1):
        some, first_noise = rng.integers(len(x), size=BATCH), rng.integers(3 * BATCH)
        given = np.hstack([x[some] + noise[first_noise : first_noise + BATCH], ones])
        hidden = np.tanh(given @ parameters[0])
        logits = np.hstack([hidden, ones]) @ parameters[1]
        grown = np.exp(logits - logits.max(axis=1, keepdims=True))
        error = (grown / grown.sum(axis=1, keepdims=True) - y[some]) * weight[some] / BATCH
        back = (error @ parameters[1][:-1].T) * (1 - hidden**2)
        slopes = [given.T @ back, np.hstack([hidden, ones]).T @ error]
        rate = RATE * 0.5 * (1 + np.cos(np.pi * step / STEPS))
        for at, slope in enumerate(slopes):
            first = 0.9 * moments[at][0] + 0.1 * slope
            second = 0.99 * moments[at][1] + 0.01 * slope**2
            moments[at] = first, second
            move = first / (1 - 0.9**step) / (np.sqrt(second / (1 - 0.99**step)) + 1e-8)
            parameters[at] = parameters[at] * (1 - rate * DECAY) - rate * move
    return parameters


def harm(scores: np.ndarray) -> np.ndarray:
    """The probability of the categories that the heads decide, together, (N,)."""
    return scores[:, [CLASSES.index(category) for category in LEARNED if category not in NAMED]].sum(axis=1)


def likeness(scores: np.ndarray) -> np.ndarray:
    """The probability that somebody or something is meant that a name in the lists would decide, (N,)."""
    return scores[:, [CLASSES.index(category) for category in NAMED]].sum(axis=1)


def opinions(found: Heads, rows: list[Sentence], read: Callable[[list[str]], np.ndarray]) -> np.ndarray:
    """The greatest harm and the greatest likeness in a prompt, (N, 2), unit by unit as a decision weighs them."""
    each = [(at, *unit) for at, row in enumerate(rows) for unit in units(normalise(row.text).lower()).items()]
    scores, count = found.scores(read([unit for _, unit, _ in each])), [of for _, _, of in each]
    described = of_many(likeness(scores), count) * [is_sentence(unit) for _, unit, _ in each]
    greatest = np.zeros((len(rows), 2))
    np.maximum.at(greatest, [at for at, _, _ in each], np.stack([of_many(harm(scores), count), described], axis=1))
    return greatest


def thresholds(ordinary: np.ndarray) -> np.ndarray:
    """Thresholds of block, review and likeness, (3,), from the opinions on ordinary prompts, (N, 2).

    The smallest that cost no more false blocks than they may (Neyman and Pearson).
    """
    costs = ((0, FALSE_BLOCKS), (0, FALSE_REVIEWS), (1, FALSE_LIKENESSES))
    return np.array([np.clip(np.quantile(ordinary[:, at], 1 - cost), *LIMITS) for at, cost in costs], np.float32)


def embedded(texts: list[str], cache: Path | None, show: Callable[[int, int], None]) -> np.ndarray:
    """The vectors of texts, (N, D); those in the cache are not made again."""
    kept: dict[str, np.ndarray] = {}
    if cache and cache.exists():
        with np.load(cache) as stored:
            if str(stored["encoder"]) == SHA256:
                kept = dict(zip(stored["texts"].tolist(), stored["vectors"], strict=True))
    lacking = [text for text in dict.fromkeys(texts) if text not in kept]
    for at in range(0, len(lacking), STRETCH):
        some = lacking[at : at + STRETCH]
        kept.update(zip(some, encoder().embed_all(some), strict=True))
        show(at + len(some), len(lacking))
    if cache and lacking:
        np.savez(cache, encoder=SHA256, texts=np.array(list(kept)), vectors=np.stack(list(kept.values())))
    return np.stack([kept[text] for text in texts])


def main(cache: Path | None) -> None:
    """Trains, chooses thresholds, writes the file and says how the develop split fares."""
    from safetensors.numpy import save_file

    def show(done: int, total: int) -> None:
        print(f"{done:,} of {total:,} sentences read", file=sys.stderr)

    def prepared(rows: list[Sentence]) -> tuple[np.ndarray, np.ndarray]:
        pairs = examples(rows)
        return embedded([text for text, _ in pairs], cache, show), np.array([CLASSES.index(c) for _, c in pairs])

    rng = random.Random(SEED)
    world = [Sentence(caption(sample(rng), rng), "ordinary", "en", "train", "") for _ in range(WORLD_CAPTIONS)]
    found = fit(*prepared([row for row in corpus.training() + world if not is_named(row)]))
    rows = [row for row in corpus.training(develop=True) if not row.source.startswith(PROSE)]
    said = opinions(found, rows, lambda texts: embedded(texts, cache, show))
    labels = np.array([CLASSES.index(row.label) for row in rows])
    found = replace(found, thresholds=thresholds(said[labels == 0]))
    kept = {name: np.float16 if name == "weights" else np.float32 for name in vars(found)}
    save_file({name: np.asarray(value, kept[name]) for name, value in vars(found).items()}, FILE)
    block, review, named = found.thresholds
    print(f"block at {block:.2f}, review at {review:.2f}, a likeness at {named:.2f}")
    blocked = (said[:, 0] >= block) | (said[:, 1] >= named) | [is_named(row) for row in rows]
    for column, name in enumerate(CLASSES):
        print(f"{name:<12} blocked {blocked[labels == column].mean():.1%} of {(labels == column).sum():,}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else None)
