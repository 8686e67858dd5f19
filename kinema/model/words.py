"""Captions as word ids. The vocabulary is closed: the words of the caption language, stored in the checkpoint.

A person's own words are brought into that language before they come here (kinema/world/understand.py), so an unknown
word at this point is our own bug. It stands apart from text.py because the studio floor needs it without torch.
"""

import re

WORD = re.compile(r"[a-z0-9'-]+|[.,]")
PADDING = 0


def word_ids(caption: str, words: tuple[str, ...], length: int) -> list[int]:
    """Ids of a caption's words, `length` long: 0 pads, word i of `words` is i + 1. An unknown word is a KeyError."""
    index = {word: i + 1 for i, word in enumerate(words)}
    ids = [index[word] for word in WORD.findall(caption.lower())]
    assert len(ids) <= length, f"caption of {len(ids)} words and marks, {length} fit: {caption!r}"
    return ids + [PADDING] * (length - len(ids))
