"""The sentences that the policy learns from and is measured on: short, decent, one JSON object a line.

What is harmful is ours (CC0). Ordinary training sentences are in part by others, as `source` says: prompts of
VBench-2.0 and examples of WordNet 3.1, so that a story or a camera's movement is no news to the heads.

Fields: text, label (a category or `ordinary`), language, split (train, develop, or one of SPLITS), source (who
wrote it, when, and for some what kind it is). No head is fitted to the evaluation sentences, and no threshold is chosen
by them. They are not untouched, though: some training sentences and lines of the lexicon were written with their misses
in view, and one of them was mended, so that figures on them flatter. The sealed ones were written later; one training
followed, which did not use their results. Both are by the author of the training sentences. The blind ones are by an
independent author, a language model that had seen neither the lists nor any other sentence; six of its first draft
stood word for word in another file and were exchanged before anything was measured. The file is frozen by its SHA-256:
whoever tunes with its misses in view needs another one. A second round of training sentences and names was written
without reading it. The second split was written by the author of that round when it was closed, before anything was
measured: it is no more independent than the sealed one, and larger. Three more rounds of training sentences followed,
written without reading it or the blind one; seven blind sentences on celebrities were read after that, and names for
five of them put in the lists. The unseen ones are the blind ones' like, by another such author, written
beside the fifth round: neither saw the other, and one of them ("cam girl") was mended before anything was measured. A
language model wrote the fifth round too, as six authors who saw no other sentence. The strangers' are the prompts of
VBench, a benchmark of text-to-video, all of them ordinary; those that name a character were left out by a pattern,
unread like the rest.

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
"""Categories that a name in the lists decides first, and the heads by a threshold of their own."""
SPLITS = {
    "unseen": "by an independent author beside the fifth round of training sentences, without sight of any other",
    "blind": "written by an independent author, without sight of the lists or of any other sentence",
    "second": "by the author of the second round of training sentences, when it was closed, before it was measured",
    "strangers": "ordinary prompts alone, those of the benchmark VBench, unread",
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
    def is_ours(self) -> bool:
        """Whether it was written for Kinema; what is ordinary is in part by others."""
        return self.source.startswith("written for Kinema")

    @property
    def hard(self) -> bool:
        """Whether it is ordinary but was written to look otherwise; not every round of sentences says so."""
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
    return evaluation(sealed=split == "sealed") if split in ("evaluate", "sealed") else _read(f"{split}.jsonl")


def _read(name: str) -> list[Sentence]:
    with (FOLDER / name).open(encoding="utf-8") as lines:
        return [Sentence(**json.loads(line)) for line in lines]
