"""Sentences become vectors: a small multilingual encoder that was trained by others and is frozen here.

The weights are multilingual-e5-small (Wang et al. 2024, arXiv 2402.05672; MIT), four bits a weight, with the pieces of
its vocabulary that matter most; `prune.py` writes the file. OpenVINO runs the layers; the vocabulary's rows and the
pieces of a sentence (SentencePiece unigram, Kudo 2018) are looked up here. The file's hash is checked before use.

    N pieces of a text, D width 384, L the layers that are read: what is meant lies in the last, who and what is named
    shows better some layers below
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinema.errors import CheckpointError

if TYPE_CHECKING:
    from openvino import CompiledModel, Node

FILE = Path(__file__).with_name("encoder.safetensors")
SHA256 = "b2f9a4e14e166c0b80f04ebbadba0dafdec382e284258040d1f69dbb094bd0ac"
LAYERS, HEADS, WIDTH, EPSILON = 12, 12, 384, 1e-12
START, END, UNKNOWN, BLOCK, ZERO = 0, 2, 3, 32, 8
READ_LAYERS = (8, 11)
LONGEST_PIECE = 16
LONGEST = 160
"""The most pieces that are read at once; `units` cuts longer texts."""
TOGETHER = 1024
"""Pieces of texts of one length that are read at once, about: more take memory and no less time."""
SPACE = "\u2581"
PREFIX = "query: "


class Encoder:
    """Texts become vectors of length one, (L * D,) float32.

    Raises CheckpointError where the weights were altered.
    """

    def __init__(self, path: Path = FILE, *, digest: str = SHA256) -> None:
        from safetensors.numpy import load

        self._stored = load(_read(path, digest))
        pieces = self._stored["pieces"].tobytes().decode().split("\n")
        self.vocabulary = {piece: row for row, piece in enumerate(pieces) if row > UNKNOWN}
        self.scores = self._stored["scores"].astype(np.float64)
        self.unknown_score = float(self.scores.min()) - 10
        self._network = self._compile()

    def pieces(self, text: str) -> list[int]:
        """The rows of the vocabulary for a text, without start and end."""
        return cut(text, self.vocabulary, self.scores, self.unknown_score)

    def embed_all(self, texts: Sequence[str]) -> np.ndarray:
        """The vectors of texts, (N, L * D), of each of which the first LONGEST pieces are read.

        Those of one length are read together, which takes a third of the time.
        """
        rows = [self._rows(text) for text in texts]
        vectors = np.zeros((len(texts), len(READ_LAYERS) * WIDTH), np.float32)
        order = sorted(range(len(texts)), key=lambda at: len(rows[at]))
        for _, alike in groupby(order, key=lambda at: len(rows[at])):
            members = list(alike)
            count = max(1, TOGETHER // len(rows[members[0]]))
            for at in range(0, len(members), count):
                some = members[at : at + count]
                vectors[some] = self._vectors([rows[each] for each in some])
        return vectors

    def _rows(self, text: str) -> np.ndarray:
        return np.array([START, *self.pieces(PREFIX + text)[:LONGEST], END])

    def _vectors(self, rows: list[np.ndarray]) -> np.ndarray:
        """The vectors of texts of one length, (N, L * D): the mean over the pieces, each layer of equal length."""
        words = _unpack(self._stored, "words", np.concatenate(rows)).reshape(len(rows), -1, WIDTH)
        given = words + self._stored["positions"][: words.shape[1]].astype(np.float32)
        found = self._network(given)
        means = [found[at].astype(np.float64).mean(axis=1) for at in range(len(READ_LAYERS))]
        alike = [mean / np.linalg.norm(mean, axis=1, keepdims=True) for mean in means]
        return np.hstack(alike).astype(np.float32) / np.float32(len(READ_LAYERS) ** 0.5)

    def _compile(self) -> CompiledModel:
        import openvino as ov
        from openvino import opset13 as op

        given = op.parameter([-1, -1, WIDTH], np.float32, name="pieces")
        x: Node = _normal(given, self._stored, "embedding")
        read = []
        for layer in range(LAYERS):
            x = _block(x, self._stored, f"{layer}")
            read += [op.result(x)] if layer in READ_LAYERS else []
        self._stored = {name: self._stored[name] for name in ("words.nibbles", "words.scales", "positions")}
        model = ov.Model(read, [given], "encoder")
        hints = {
            "INFERENCE_PRECISION_HINT": "f32",
            "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0",
            "PERFORMANCE_HINT": "LATENCY",
        }
        return ov.Core().compile_model(model, "CPU", hints)


def cut(text: str, vocabulary: dict[str, int], scores: np.ndarray, unknown_score: float) -> list[int]:
    """The most probable pieces of a text (Viterbi), by their rows; `scores` are the rows' log probabilities."""
    marked = SPACE + SPACE.join(text.split())
    best = [0.0] + [-np.inf] * len(marked)
    back: list[tuple[int, int]] = [(0, UNKNOWN)] * (len(marked) + 1)
    for start in range(len(marked)):
        if best[start] + unknown_score > best[start + 1]:
            best[start + 1], back[start + 1] = best[start] + unknown_score, (start, UNKNOWN)
        for end in range(start + 1, min(len(marked), start + LONGEST_PIECE) + 1):
            row = vocabulary.get(marked[start:end])
            if row is not None and best[start] + scores[row] > best[end]:
                best[end], back[end] = best[start] + scores[row], (start, row)
    rows, end = [], len(marked)
    while end:
        end, row = back[end]
        rows.append(row)
    return rows[::-1]


@cache
def encoder() -> Encoder:
    """The one encoder of this process."""
    return Encoder()


def _read(path: Path, digest: str) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CheckpointError(
            f"the policy's encoder {path} cannot be read: {error.strerror}; reinstall kinema"
        ) from None
    found = sha256(data).hexdigest()
    if found != digest:
        raise CheckpointError(
            f"the policy's encoder {path} has the hash {found[:12]}, not {digest[:12]}; reinstall kinema"
        )
    return data


def _unpack(stored: dict[str, np.ndarray], name: str, rows: np.ndarray) -> np.ndarray:
    """Rows of four-bit numbers in blocks of 32 with one scale each become float32, (rows, in)."""
    numbers = _numbers(stored[f"{name}.nibbles"][rows]).astype(np.float32) - ZERO
    return (numbers * stored[f"{name}.scales"][rows].astype(np.float32)[..., None]).reshape(len(numbers), -1)


def _numbers(nibbles: np.ndarray) -> np.ndarray:
    """Four-bit numbers, (rows, blocks, 32) uint8 below 16: a block's bytes hold its first half, then its second."""
    packed = nibbles.reshape(len(nibbles), -1, BLOCK // 2)
    return np.concatenate([packed & 15, packed >> 4], axis=2)


def _linear(x: Node, stored: dict[str, np.ndarray], name: str) -> Node:
    """The weights stay as they are in memory, four bits each, and are unpacked exactly while they are multiplied."""
    import openvino as ov
    from openvino import opset13 as op

    numbers = _numbers(stored[f"{name}.nibbles"])
    held = ov.Tensor(ov.Type.u4, ov.Shape(list(numbers.shape)))
    held.data.reshape(-1)[:] = numbers.reshape(-1)[0::2] | numbers.reshape(-1)[1::2] << 4
    scales = op.constant(stored[f"{name}.scales"].astype(np.float32)[..., None])
    signed = op.subtract(op.convert(op.constant(held), "f32"), op.constant(np.full((1, 1, 1), ZERO, np.float32)))
    weight = op.reshape(op.multiply(signed, scales), op.constant(np.array([len(numbers), -1])), False)
    return op.add(op.matmul(x, weight, False, True), op.constant(stored[f"{name}.bias"].astype(np.float32)))


def _normal(x: Node, stored: dict[str, np.ndarray], name: str) -> Node:
    from openvino import opset13 as op

    scale, shift = (op.constant(stored[f"{name}.{part}"].astype(np.float32)) for part in ("scale", "shift"))
    level = op.mvn(x, op.constant(np.array([-1], np.int64)), True, EPSILON, "inside_sqrt")
    return op.add(op.multiply(level, scale), shift)


def _block(x: Node, stored: dict[str, np.ndarray], name: str) -> Node:
    """Attention, then the feed-forward network, each normalised after its sum (BERT)."""
    from openvino import opset13 as op

    def heads(part: str) -> Node:
        split = op.constant(np.array([0, 0, HEADS, WIDTH // HEADS], np.int64))
        return op.transpose(op.reshape(_linear(x, stored, f"{name}.{part}"), split, True), op.constant([0, 2, 1, 3]))

    seen = op.scaled_dot_product_attention(heads("query"), heads("key"), heads("value"))
    joined = op.reshape(op.transpose(seen, op.constant([0, 2, 1, 3])), op.constant(np.array([0, 0, WIDTH])), True)
    x = _normal(op.add(x, _linear(joined, stored, f"{name}.output")), stored, f"{name}.after_attention")
    wide = op.gelu(_linear(x, stored, f"{name}.wide"), "erf")
    return _normal(op.add(x, _linear(wide, stored, f"{name}.narrow")), stored, f"{name}.after_feed")
