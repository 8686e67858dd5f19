"""The sentences that the policy learns from and is measured on: decent, one JSON object a line.

What is harmful is ours (CC0). Ordinary training sentences are in part by others, as `source` says: prompts of
VBench-2.0 and examples of WordNet 3.1, so that a story or a camera's movement is no news to the heads.

Fields: text, label (a category or `ordinary`), language, split (train, develop, or one of SPLITS), source (who
wrote it, when, and for some what kind it is).

No head is fitted to the sentences of SPLITS, and no threshold is chosen by them. Those by independent authors, language
models, were written without sight of the lists or of any other sentence, and frozen by their SHA-256 before anything
was measured; whoever tunes with their misses in view needs others. The blind ones were looked at in numbers in several
rounds; seven of them, on celebrities, were read, and names for five of them put in the lists. The unseen ones were
written beside the fifth round of training sentences, the long ones beside the seventh, and measured twice at its end.
The strangers' are the prompts of VBench, a benchmark of text-to-video, all of them ordinary; those that name a
character were left out by a pattern, unread like the rest. Splits that were looked at while something was settled,
three by the authors of the training sentences and an older one of paragraphs, became training sentences.

No sentence shows a minor in a sexual context; that rule is a conjunction and needs none.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
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
    "long": "paragraphs of 50 to 150 words by two independent authors, half of them harmful in one clause alone",
    "blind": "written by an independent author, without sight of the lists or of any other sentence",
    "strangers": "ordinary prompts alone, those of the benchmark VBench, unread",
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


def foreign() -> Iterator[str]:
    """The training sentences in other languages than English, without the others in memory."""
    with (FOLDER / "training.jsonl").open(encoding="utf-8") as lines:
        rows = (json.loads(line) for line in lines if '"language": "en"' not in line)
        yield from (row["text"] for row in rows if row["split"] == "train")


def measured(split: str) -> list[Sentence]:
    """The sentences of one of SPLITS."""
    return _read(f"{split}.jsonl")


def _read(name: str) -> list[Sentence]:
    with (FOLDER / name).open(encoding="utf-8") as lines:
        return [Sentence(**json.loads(line)) for line in lines]
