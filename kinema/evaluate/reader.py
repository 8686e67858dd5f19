"""A reader: a small network that says what a clip shows, run by OpenVINO, with a card that says how far to believe it.

It stands apart from its training so that films are evaluated without torch. Letters: B clips.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from hashlib import sha256
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

import numpy as np

from kinema.clip import Clip
from kinema.errors import CheckpointError, EvaluationError
from kinema.evaluate.factors import CLASSES, FACTORS, MIRRORED
from kinema.evaluate.views import view

WEIGHTS: Final = Path(__file__).parent.parent / "weights" / "reader"
NAMES: Final = ("dev", "sealed")
ENDS: Final = tuple(accumulate(len(classes) for classes in CLASSES.values()))
SPANS: Final = {factor: (end - len(CLASSES[factor]), end) for factor, end in zip(FACTORS, ENDS, strict=True)}
"""Factor -> first and one past its last logit."""


def _unmirrored() -> np.ndarray:
    """(classes,): where the logit of each class stands when a mirror image was read."""
    places = np.arange(ENDS[-1])
    for factor, names in MIRRORED.items():
        one, other = (SPANS[factor][0] + CLASSES[factor].index(name) for name in names)
        places[[one, other]] = places[[other, one]]
    return places


UNMIRRORED: Final = _unmirrored()


@dataclass(frozen=True)
class Reading:
    """What a reader saw in one clip: factor -> class, and how sure it was of each, in (0, 1]."""

    facts: dict[str, str]
    sure: dict[str, float]


@dataclass(frozen=True)
class Card:
    """Where a reader comes from and how well it reads clips whose truth is known."""

    name: str
    architecture: str
    seed: int
    clips: int
    minutes: float
    machine: str
    classes_sha256: str
    weights_sha256: str
    true_clips: int
    true_right: dict[str, float]
    """Factor -> share of unseen true clips read rightly."""
    both_ways: bool = False
    """Whether it reads every clip and its mirror image, and says the mean of both."""


class Reader:
    """A named reader with its card. Raises CheckpointError where its files are missing, altered or of another world."""

    def __init__(self, name: str, folder: Path = WEIGHTS) -> None:
        if name not in NAMES:
            raise EvaluationError(f"reader {name!r} is not one of {', '.join(NAMES)}; take 'dev'")
        self.name, self.folder = name, folder
        self.card = read_card(folder / f"{name}.json")
        if self.card.classes_sha256 != classes_sha256():
            raise CheckpointError(f"reader {name!r} was trained on another vocabulary; train it anew with reader_train")

    @cached_property
    def _network(self) -> Callable[[np.ndarray], np.ndarray]:
        import openvino

        path = self.folder / f"{self.name}.xml"
        weights = path.with_suffix(".bin")
        if not path.is_file() or not weights.is_file():
            raise CheckpointError(f"{path} or its .bin is missing; install Kinema again or run reader_train")
        found = sha256(weights.read_bytes()).hexdigest()
        if found != self.card.weights_sha256:
            raise CheckpointError(f"{weights} is truncated or altered (SHA-256 {found[:12]}…); install Kinema again")
        options = {"INFERENCE_PRECISION_HINT": "f32"}
        compiled = openvino.Core().compile_model(path, "CPU", options)
        return lambda frames: compiled([frames])[0]

    def read(self, clip: Clip, at_seconds: float = 0.0) -> Reading:
        """What four seconds of the clip show, from that moment on."""
        frames = view(clip, at_seconds)
        said = log_shares(self._network(frames[None])[0])
        if self.card.both_ways:
            turned = log_shares(self._network(np.ascontiguousarray(frames[:, :, ::-1])[None])[0])
            said = (said + turned[UNMIRRORED]) / 2
        return reading(said)


def log_shares(logits: np.ndarray) -> np.ndarray:
    """Logits (classes,) as logarithms of shares, which sum to one within each factor."""
    parts = [logits[start:stop] - logits[start:stop].max() for start, stop in SPANS.values()]
    return np.concatenate([part - np.log(np.exp(part).sum()) for part in parts])


def reading(logits: np.ndarray) -> Reading:
    """The likeliest class of every factor in logits (classes,)."""
    facts, sure = {}, {}
    for factor in FACTORS:
        start, stop = SPANS[factor]
        shares = np.exp(logits[start:stop] - logits[start:stop].max())
        best = int(shares.argmax())
        facts[factor] = CLASSES[factor][best]
        sure[factor] = float(shares[best] / shares.sum())
    return Reading(facts, sure)


def read_card(path: Path) -> Card:
    """The card in a file. Raises CheckpointError."""
    if not path.is_file():
        raise CheckpointError(f"there is no reader at {path}; train one with `python -m kinema.evaluate.reader_train`")
    try:
        fields: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return Card(**fields)
    except (json.JSONDecodeError, TypeError) as error:
        raise CheckpointError(f"{path} is no card of a reader ({error}); install Kinema again") from None


def write_card(card: Card, folder: Path) -> Path:
    """The card beside its network."""
    path = folder / f"{card.name}.json"
    path.write_text(json.dumps(asdict(card), indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return path


def classes_sha256() -> str:
    """The hash of every class name in order: readers of another vocabulary must not be believed."""
    return sha256(json.dumps(CLASSES, sort_keys=False).encode()).hexdigest()
