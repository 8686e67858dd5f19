"""The sentences that the policy learns from and is measured on: short, decent, ours (CC0), one JSON object a line.

Fields: text, label (a category or `ordinary`), language, split (train, develop, evaluate, sealed, blind), source (who
wrote it, when, and for some what kind it is). No head is fitted to the evaluation sentences, and no threshold is chosen
by them. They are not untouched, though: some training sentences and lines of the lexicon were written with their misses
in view, and one of them was mended, so that figures on them flatter. The sealed ones were written later; one training
followed, which did not use their results. Both are by the author of the training sentences. The blind ones are by an
independent author, a language model that had seen neither the lists nor any other sentence; six of its first draft
stood word for word in another file and were exchanged before anything was measured. The file is frozen by its SHA-256:
whoever tunes with its misses in view needs another one.

No sentence shows a minor in a sexual context; that rule is a conjunction and needs none.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).with_name("sentences")
ORDINARY = "ordinary"
LEARNED = ("violence", "sexual", "hate", "celebrity", "ip", "false_news", "self_harm")
"""The categories that have a head; minors is the conjunction of sexual with an age."""
NAMED = ("celebrity", "ip")
"""Categories that a name in the lists decides, not the heads."""
SPLITS = {
    "blind": "written by an independent author, without sight of the lists or of any other sentence",
    "evaluate": "by the author of the training sentences, some of which were written with its misses in view",
    "sealed": "by the author of the training sentences, later",
}
"""What there is to measure on, the most trustworthy first."""


@dataclass(frozen=True)
class Sentence:
    text: str
    label: str
    language: str
    split: str
    source: str

    @property
    def hard(self) -> bool:
        """Whether it is ordinary but was written to look otherwise; only the blind ones say so."""
        return self.source.endswith("hard negative")


def training(*, develop: bool = False) -> list[Sentence]:
    """The sentences to train on, or those to choose thresholds by."""
    wanted = "develop" if develop else "train"
    return [row for row in _read("training.jsonl") if row.split == wanted]


def evaluation(*, sealed: bool = False) -> list[Sentence]:
    """The sentences to measure on, and nothing else."""
    wanted = "sealed" if sealed else "evaluate"
    return [row for row in _read("evaluation.jsonl") if row.split == wanted]


def measured(split: str) -> list[Sentence]:
    """The sentences of one of SPLITS."""
    return _read("blind.jsonl") if split == "blind" else evaluation(sealed=split == "sealed")


def _read(name: str) -> list[Sentence]:
    with (FOLDER / name).open(encoding="utf-8") as lines:
        return [Sentence(**json.loads(line)) for line in lines]
