"""Laws of the manifest: it names every clip, one root stands for all, and no byte changes unnoticed."""

import gzip
import hashlib
import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from kinema.data.manifest import Entry, manifest_of_shards, merkle_root, read_manifest, verify, write_manifest
from kinema.data.record import Record, sha256_of_frames
from kinema.data.shards import Sample, pack_frames, write_shard
from kinema.errors import DataError


def sample(number: int) -> Sample:
    frames = np.full((2, 2, 2, 3), number, np.uint8)
    sha256 = sha256_of_frames(frames)
    record = Record(f"clip-{number}", ("grey",), Fraction(8), 2, 2, 2, "a test", "CC0-1.0", sha256)
    return Sample(record, "npz", pack_frames(frames))


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    write_shard(tmp_path / "shard-000000.tar", [sample(0), sample(1)])
    write_shard(tmp_path / "shard-000001.tar", [sample(2)])
    manifest_of_shards(tmp_path)
    return tmp_path


def sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def test_the_root_is_the_tree_hash_of_rfc_6962() -> None:
    leaves = [sha256(bytes([number])) for number in range(3)]
    first, second, third = (sha256(b"\0" + leaf) for leaf in leaves)
    assert merkle_root([]) == sha256(b"").hex()
    assert merkle_root([leaves[0].hex()]) == first.hex()
    pair = sha256(b"\1" + first + second)
    assert merkle_root([leaf.hex() for leaf in leaves]) == sha256(b"\1" + pair + third).hex()


def test_the_manifest_names_every_clip_with_source_licence_and_hash(shards: Path) -> None:
    entries, summary = read_manifest(shards)
    assert entries[2] == Entry("clip-2", "a test", "CC0-1.0", sample(2).record.sha256, "train", "shard-000001.tar")
    assert summary["clips"] == 3 and summary["licences"] == {"CC0-1.0": 3} and summary["sources"] == {"a test": 3}
    assert set(summary["shards"]) == {"shard-000000.tar", "shard-000001.tar"}
    assert verify(shards).merkle_root == merkle_root([entry.sha256 for entry in entries])


def test_the_root_does_not_depend_on_how_clips_are_shared_among_shards(shards: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    write_shard(other / "shard-000000.tar", [sample(0), sample(1), sample(2)])
    assert manifest_of_shards(other)["merkle_root"] == read_manifest(shards)[1]["merkle_root"]


def test_clips_of_which_only_latents_were_kept_have_a_manifest_too(tmp_path: Path) -> None:
    write_manifest(tmp_path, [Entry.of(sample(number).record) for number in range(3)])
    entries, summary = read_manifest(tmp_path)
    assert [entry.shard for entry in entries] == [""] * 3 and summary["shards"] == {}


def test_one_flipped_byte_anywhere_in_a_shard_is_caught(shards: Path) -> None:
    path = shards / "shard-000001.tar"
    whole = path.read_bytes()
    for place in range(0, len(whole), 97):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        with pytest.raises(DataError, match=r"shard-000001\.tar was altered"):
            verify(shards)


def test_a_changed_manifest_is_caught(shards: Path) -> None:
    path = shards / "manifest.jsonl.gz"
    lines = gzip.decompress(path.read_bytes()).decode()
    path.write_bytes(gzip.compress(lines.replace(sample(1).record.sha256, "0" * 64).encode()))
    with pytest.raises(DataError, match="does not have the Merkle root"):
        verify(shards)
    path.write_bytes(gzip.compress(lines.replace("a test", "a rest", 1).encode()))
    with pytest.raises(DataError, match=r"clip clip-0, is not the next line of manifest\.jsonl"):
        verify(shards)
    path.write_bytes(gzip.compress(b'{"key": "x"}\n'))
    with pytest.raises(DataError, match="line 1 has other fields"):
        verify(shards)
    path.write_bytes(gzip.compress(lines.encode())[:-9])
    with pytest.raises(DataError, match="cannot be read"):
        verify(shards)


def test_missing_and_added_shards_are_caught(shards: Path) -> None:
    moved = (shards / "shard-000001.tar").rename(shards / "shard-000009.tar")
    with pytest.raises(DataError, match=r"shard-000009\.tar is not in manifest\.json"):
        verify(shards)
    moved.unlink()
    with pytest.raises(DataError, match=r"shard-000001\.tar is missing"):
        verify(shards)
    (shards / "manifest.json").unlink()
    with pytest.raises(DataError, match=r"manifest\.json cannot be read"):
        verify(shards)


def test_only_some_recipes_are_rendered_where_asked(shards: Path) -> None:
    summary = json.loads((shards / "manifest.json").read_text())
    told: list[tuple[int, int]] = []
    found = verify(shards, renders=0, on_clip=lambda done, total: told.append((done, total)))
    assert (found.clips, found.rendered, found.merkle_root) == (3, 0, summary["merkle_root"])
    assert told == [(1, 3), (2, 3), (3, 3)]
