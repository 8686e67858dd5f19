"""Record: what is known of one clip, and the hash that proves the clip is still that one.

The same fields are written as KEY.json in a shard, as a line of the manifest and as a line beside kept latents, so it
stands below all three.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from kinema.data.licences import check_licence
from kinema.errors import DataError

_KINDS: dict[str, type | tuple[type, ...]] = {
    "captions": list,
    "fps": (int, str),
    "width": int,
    "height": int,
    "frames": int,
    "spec": (dict, type(None)),
    "source": str,
    "licence": str,
    "sha256": str,
    "split": str,
}


def check_sha256(sha256: str, key: str) -> None:
    """Raises DataError unless this is a hash."""
    if not re.fullmatch("[0-9a-f]{64}", sha256):
        raise DataError(f"clip {key} has the hash {sha256[:80]!r}; 64 hexadecimal digits were expected")


def sha256_of_bytes(payload: bytes) -> str:
    """The hash of a file's bytes, 64 hexadecimal digits."""
    return hashlib.sha256(payload).hexdigest()


def sha256_of_frames(frames: np.ndarray) -> str:
    """The hash of pixels (T, H, W, 3) uint8 and their shape, so that no other clip has it, whatever file holds it."""
    digest = hashlib.sha256("x".join(map(str, frames.shape)).encode())
    digest.update(np.ascontiguousarray(frames).data)
    return digest.hexdigest()


@dataclass(frozen=True)
class Record:
    """One clip: `frames` is a count, `spec` the scene it was rendered from or None, `key` its name within its data set.

    `sha256` is that of the pixels, or of the file where the clip is a film that somebody encoded.
    """

    key: str
    captions: tuple[str, ...]
    fps: Fraction
    width: int
    height: int
    frames: int
    source: str
    licence: str
    sha256: str
    split: str = "train"
    spec: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        check_licence(self.licence)
        if not self.key or "." in self.key or self.key.startswith("__"):
            raise DataError(f"key {self.key!r} cannot name a clip in a shard; leave out dots and a leading '__'")
        check_sha256(self.sha256, self.key)
        if not self.source:
            raise DataError(f"clip {self.key} has no source; say where it comes from")

    def to_fields(self) -> dict[str, Any]:
        """The JSON object of this record, the key included."""
        return {
            "key": self.key,
            "captions": list(self.captions),
            "fps": self.fps.numerator if self.fps.denominator == 1 else str(self.fps),
            "width": self.width,
            "height": self.height,
            "frames": self.frames,
            "spec": None if self.spec is None else dict(self.spec),
            "source": self.source,
            "licence": self.licence,
            "sha256": self.sha256,
            "split": self.split,
        }

    def to_line(self) -> str:
        """One line of JSON, always the same bytes for the same record, that `from_line` reads back."""
        return to_line(self.to_fields())

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any], where: str) -> "Record":
        """The record of a JSON object; DataError, which names `where` it stood, for anything else."""
        for name, kind in _KINDS.items():
            if name not in fields:
                raise DataError(f"{where} lacks the field '{name}'; a clip's record has {', '.join(_KINDS)}")
            if not isinstance(fields[name], kind):
                raise DataError(f"{where} holds {fields[name]!r} as '{name}', which is of another type in a record")
        try:
            fps = Fraction(fields["fps"])
        except (ValueError, ZeroDivisionError):
            raise DataError(f"{where} holds fps {fields['fps']!r}; a whole number or '24000/1001' is a rate") from None
        known = {name: fields[name] for name in _KINDS if name not in ("captions", "fps")}
        return cls(key=str(fields["key"]), captions=tuple(map(str, fields["captions"])), fps=fps, **known)

    @classmethod
    def from_line(cls, line: str, where: str) -> "Record":
        """The record in one line of JSON; DataError, which names `where` it stood, for anything else."""
        return cls.from_fields({"key": "", **parse_object(line, where)}, where)


def to_line(fields: Mapping[str, Any]) -> str:
    """JSON in one line, sorted, so that equal objects give equal bytes."""
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def parse_object(text: str, where: str) -> dict[str, Any]:
    """The JSON object in a text; DataError, which names `where` it stood, for anything else."""
    try:
        fields = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"{where} is not JSON: {error}; fetch or make it anew") from None
    if not isinstance(fields, dict):
        raise DataError(f"{where} is JSON of another kind than an object; fetch or make it anew")
    return fields
