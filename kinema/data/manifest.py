"""The manifest: source, licence and hash of every clip that a model sees, and one hash that stands for all of them.

`manifest.jsonl.gz` has a line for each clip, `manifest.json` the summary. It stands apart from the shards because it
travels with a model when the clips are long gone.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kinema.data.files import replace_file
from kinema.data.record import Record, check_sha256, parse_object, to_line
from kinema.data.shards import read_shard, shards_in
from kinema.errors import DataError

LINES, SUMMARY = "manifest.jsonl.gz", "manifest.json"


@dataclass(frozen=True)
class Entry:
    """One line of the manifest; `shard` is the file that holds the clip, empty where only its latents were kept."""

    key: str
    source: str
    licence: str
    sha256: str
    split: str
    shard: str = ""

    def __post_init__(self) -> None:
        check_sha256(self.sha256, self.key)

    @classmethod
    def of(cls, record: Record, shard: str = "") -> Entry:
        return cls(record.key, record.source, record.licence, record.sha256, record.split, shard)


@dataclass(frozen=True)
class Verified:
    """What was checked: shards by their bytes, `clips` by their hash, of these `rendered` from their scene."""

    shards: int
    clips: int
    rendered: int
    merkle_root: str


def merkle_root(hashes: Sequence[str]) -> str:
    """The root over the clips' hashes (hexadecimal) in order: the Merkle tree hash of RFC 6962, section 2.1."""
    if not hashes:
        return hashlib.sha256(b"").hexdigest()
    level = [hashlib.sha256(b"\0" + bytes.fromhex(leaf)).digest() for leaf in hashes]
    while len(level) > 1:
        pairs = [
            hashlib.sha256(b"\1" + left + right).digest() for left, right in zip(level[::2], level[1::2], strict=False)
        ]
        level = pairs + level[len(pairs) * 2 :]
    return level[0].hex()


def write_manifest(folder: Path, entries: Sequence[Entry], shards: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Writes the manifest of these clips into a folder and returns its summary; `shards` are file names with hashes."""
    summary = {
        "clips": len(entries),
        "sources": _counts(entry.source for entry in entries),
        "licences": _counts(entry.licence for entry in entries),
        "splits": _counts(entry.split for entry in entries),
        "merkle_root": merkle_root([entry.sha256 for entry in entries]),
        "shards": dict(sorted((shards or {}).items())),
    }
    lines = "".join(f"{to_line(asdict(entry))}\n" for entry in entries)
    replace_file(folder / LINES, gzip.compress(lines.encode(), mtime=0))  # no date: the same lines, the same bytes
    replace_file(folder / SUMMARY, (json.dumps(summary, indent=1, ensure_ascii=False) + "\n").encode())
    return summary


def manifest_of_shards(folder: Path) -> dict[str, Any]:
    """Writes the manifest of the shards in a folder beside them and returns its summary."""
    paths = shards_in(folder)
    entries = [Entry.of(sample.record, path.name) for path in paths for sample in read_shard(path)]
    return write_manifest(folder, entries, {path.name: _sha256_of_file(path) for path in paths})


def read_manifest(folder: Path) -> tuple[list[Entry], dict[str, Any]]:
    """The lines and the summary of a folder's manifest, which agree with each other. Raises DataError otherwise."""
    summary = parse_object(_text(folder / SUMMARY), str(folder / SUMMARY))
    entries = []
    for number, line in enumerate(_unpacked(folder / LINES).splitlines(), 1):
        where = f"{folder / LINES} line {number}"
        try:
            entries.append(Entry(**parse_object(line, where)))
        except TypeError:
            raise DataError(f"{where} has other fields than a manifest; make the manifest anew") from None
    if merkle_root([entry.sha256 for entry in entries]) != summary.get("merkle_root"):
        raise DataError(
            f"{folder / LINES} does not have the Merkle root of {SUMMARY}: one of them was altered; fetch both again"
        )
    return entries, summary


def verify(
    folder: Path, *, renders: int | None = None, on_clip: Callable[[int, int], None] = lambda done, total: None
) -> Verified:
    """Checks that the folder holds exactly what its manifest says: every byte of each shard, every clip's hash.

    Recipes are rendered for it, all of them or `renders` spread evenly. Raises DataError at the first that differs.
    """
    entries, summary = read_manifest(folder)
    known = summary.get("shards", {})
    for path in shards_in(folder):
        if known.get(path.name) != _sha256_of_file(path):
            said = "was altered" if path.name in known else f"is not in {SUMMARY}"
            raise DataError(f"shard {path} {said}; fetch it again, or delete it and run the command that made it")
    expected = iter(entries)
    clips = rendered = 0
    for name in sorted(known):
        for sample in read_shard(folder / name):
            if next(expected, None) != Entry.of(sample.record, name):
                raise DataError(f"{sample.where} is not the next line of {LINES}; make the manifest anew")
            if sample.form != "recipe" or _chosen(clips, len(entries), renders):
                sample.verified()
                rendered += sample.form == "recipe"
            clips += 1
            on_clip(clips, len(entries))
    if clips != len(entries):
        raise DataError(f"{folder} holds {clips} clips, its {LINES} names {len(entries)}; fetch what is missing")
    return Verified(len(known), clips, rendered, summary["merkle_root"])


def _chosen(index: int, total: int, wanted: int | None) -> bool:
    """Whether clip `index` is among `wanted` of `total`, spread evenly."""
    return wanted is None or (index + 1) * wanted // total > index * wanted // total


def _counts(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))


def _sha256_of_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unpacked(path: Path) -> str:
    try:
        return gzip.decompress(path.read_bytes()).decode()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {error}; run the command that made the shards again") from None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {error}; run the command that made the shards again") from None
