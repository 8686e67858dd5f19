"""Writes `phrases.json` and `words.json` out of the readable lists in `lists/`.

    python -m kinema.trust.policy.gazetteer [frequency_dictionary_en_82_765.txt]

The names and words were written down for Kinema from public knowledge (CC0). The dictionary of common English words is
the one of the PyPI package symspellpy 6.10 (MIT); without it `words.json` is kept as it is.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from kinema.errors import DataError
from kinema.trust.policy import corpus
from kinema.trust.policy.normalise import fold
from kinema.trust.policy.phrases import FILE
from kinema.trust.policy.segment import COMMON_WORDS, WORDS_FILE
from kinema.world.captions import words as world_words

LISTS = Path(__file__).with_name("lists")
NAMES = {"people.txt": "celebrity", "works.txt": "ip"}
HEADER = re.compile(r"\[(block|review|allow|age) (\w+)\]")


def compile_phrases(folder: Path = LISTS) -> dict[str, list[str]]:
    """`rule category`: its phrases, folded.

    Raises DataError where one is a word of the pocket world, or hides one of childhood.
    """
    found: dict[str, dict[str, None]] = {}
    for name, category in NAMES.items():
        for line in _lines(folder / name):
            if not line.startswith("["):
                for phrase in re.split("[,=]", line):
                    found.setdefault(f"block {category}", {})[_folded(phrase)] = None
    key = ""
    for line in _lines(folder / "lexicon.txt"):
        header = HEADER.fullmatch(line)
        if header:
            key = " ".join(header.groups())
            continue
        for phrase in line.split(","):
            found.setdefault(key, {})[_folded(phrase)] = None
    everyday = set(world_words())
    for key, members in found.items():
        clash = everyday & set(members) if not key.startswith("age") else set()
        if clash:
            raise DataError(f"{sorted(clash)} under '{key}' are words of the pocket world; write them with more words")
    ages = {phrase.replace(" ", "") for phrase in found.get("age minors", {})}
    for key, members in found.items():
        hidden = {name for name in members if name.lstrip("^").replace(" ", "") in ages} - set(
            found.get("age minors", {})
        )
        if hidden:
            raise DataError(f"{sorted(hidden)} under '{key}' would hide words of childhood; write them with more words")
    return {key: sorted(members) for key, members in found.items()}


def common_words(dictionary: Path) -> list[str]:
    """The most frequent words, then those of the lists and of the training sentences."""
    counted = [line.split()[0] for line in dictionary.read_text(encoding="utf-8-sig").splitlines()[:COMMON_WORDS]]
    trained = {
        word for row in corpus.training() if row.language == "en" and row.is_ours for word in fold(row.text).split()
    }
    listed = {word for name in (*NAMES, "lexicon.txt") for line in _lines(LISTS / name) for word in fold(line).split()}
    extra = sorted(word for word in trained | listed | set(world_words()) if word.isascii() and word.isalpha())
    return list(dict.fromkeys([word for word in counted if len(word) > 1 or word in "ai"] + extra))


def _lines(path: Path) -> list[str]:
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _folded(phrase: str) -> str:
    phrase = phrase.strip()
    return "^" * phrase.startswith("^") + fold(phrase)


if __name__ == "__main__":
    compiled = compile_phrases()
    FILE.write_text(json.dumps(compiled, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
    print(FILE, {key: len(members) for key, members in compiled.items()})
    if sys.argv[1:]:
        chosen = common_words(Path(sys.argv[1]))
        WORDS_FILE.write_text(json.dumps(chosen, separators=(",", ":")) + "\n", encoding="utf-8")
        print(WORDS_FILE, len(chosen))
