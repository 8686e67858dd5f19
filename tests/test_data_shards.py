"""Laws of shards: what goes in comes out bit for bit, what was altered is noticed, a recipe renders to its hash."""

import io
import tarfile
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinema.data import world
from kinema.data.record import Record, sha256_of_frames
from kinema.data.shards import Sample, pack_frames, read_shard, shards_in, write_shard
from kinema.errors import DataError

RUN = world.Run(width=32, height=32, frames=4)


def noise_sample(number: int) -> Sample:
    frames = np.random.default_rng(number).integers(0, 256, (3, 4, 6, 3), np.uint8)
    record = Record(
        key=f"clip-{number:03d}",
        captions=("Ein Hund läuft.", "a dog, walking"),
        fps=Fraction(24000, 1001),
        width=6,
        height=4,
        frames=3,
        source="a test",
        licence="CC0-1.0",
        sha256=sha256_of_frames(frames),
    )
    return Sample(record, "npz", pack_frames(frames))


def recipe(index: int) -> Sample:
    return Sample(world.render(RUN, index)[0], "recipe")


def test_pixels_and_records_come_back_bit_for_bit(tmp_path: Path) -> None:
    written = [noise_sample(number) for number in range(3)]
    write_shard(tmp_path / "shard-0.tar", written)
    read = list(read_shard(tmp_path / "shard-0.tar", verify=True))
    assert [sample.record for sample in read] == [sample.record for sample in written]
    for number, sample in enumerate(read):
        clip = sample.clip()
        assert np.array_equal(clip.frames, np.random.default_rng(number).integers(0, 256, (3, 4, 6, 3), np.uint8))
        assert clip.fps == Fraction(24000, 1001)


def test_a_shard_has_the_same_bytes_each_time_and_no_times_in_it(tmp_path: Path) -> None:
    for name in ("a.tar", "b.tar"):
        write_shard(tmp_path / name, [noise_sample(0), noise_sample(1)])
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()
    with tarfile.open(tmp_path / "a.tar") as archive:
        names = archive.getnames()
        assert {member.mtime for member in archive} == {0}
    assert names == sorted(names) == ["clip-000.json", "clip-000.npz", "clip-001.json", "clip-001.npz"]


def test_a_recipe_renders_to_its_hash_and_takes_hundreds_of_bytes(tmp_path: Path) -> None:
    samples = [recipe(0), recipe(1)]
    write_shard(tmp_path / "shard.tar", samples)
    for index, sample in enumerate(read_shard(tmp_path / "shard.tar", verify=True)):
        assert np.array_equal(sample.clip().frames, world.render(RUN, index)[1].frames)
        assert len(sample.record.to_line()) < 1500


def test_a_recipe_of_another_scene_than_its_hash_is_refused() -> None:
    first, second = recipe(0), recipe(1)
    forged = Sample(replace(first.record, spec=second.record.spec), "recipe", where="shard-7.tar, clip x,")
    with pytest.raises(DataError, match=r"shard-7\.tar, clip x, has the hash .* another version of the world"):
        forged.verified()


def test_a_flipped_byte_is_noticed_or_changes_no_pixel(tmp_path: Path) -> None:
    path = tmp_path / "shard.tar"
    write_shard(path, [noise_sample(0)])
    whole = path.read_bytes()
    with tarfile.open(path) as archive:
        npz = archive.getmember("clip-000.npz")
    for place in range(npz.offset_data, npz.offset_data + npz.size, 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        try:
            read = list(read_shard(path, verify=True))
        except DataError:
            continue
        assert sha256_of_frames(read[0].clip().frames) == noise_sample(0).record.sha256  # a byte nobody looks at


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 1.0])
def test_a_truncated_shard_is_named_before_its_first_clip(tmp_path: Path, share: float) -> None:
    path = tmp_path / "shard-000003.tar"
    write_shard(path, [noise_sample(number) for number in range(40)])
    whole = path.read_bytes().rstrip(b"\0")
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(DataError, match=r"shard-000003\.tar is truncated or altered: .* run the same command"):
        next(read_shard(path))


def test_a_shard_cut_between_two_clips_or_with_a_spoilt_header_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "shard.tar"
    write_shard(path, [noise_sample(0), noise_sample(1)])
    whole = path.read_bytes()
    with tarfile.open(path) as archive:
        second = archive.getmember("clip-001.json").offset
    path.write_bytes(whole[:second])
    with pytest.raises(DataError, match=r"breaks off after clip-000\.npz"):
        next(read_shard(path))
    path.write_bytes(whole[: second + 150] + b"?" + whole[second + 151 :])
    with pytest.raises(DataError, match=r"breaks off after clip-000\.npz"):
        next(read_shard(path))


def test_missing_shards_and_empty_folders_are_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"shard-9\.tar is missing"):
        next(read_shard(tmp_path / "shard-9.tar"))
    with pytest.raises(DataError, match=r"holds no shards .* kinema data render"):
        shards_in(tmp_path)


def foreign_shard(path: Path, **files: bytes) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name.replace("_", "."))
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a_npz": b"x"}, r"clip a, has no a\.json"),
        ({"a_json": b"{"}, "clip a, is not JSON"),
        ({"a_json": b"[]"}, "another kind than an object"),
        ({"a_json": b"\xff"}, r"a\.json is not text"),
        ({"a_json": b"{}"}, "lacks the field 'captions'"),
    ],
)
def test_a_foreign_shard_is_refused_by_name(tmp_path: Path, files: dict[str, bytes], message: str) -> None:
    with pytest.raises(DataError, match=message):
        next(read_shard(foreign_shard(tmp_path / "shard.tar", **files)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"licence": "CC-BY"}, "'CC-BY' is not known; the nearest is CC-BY-"),
        ({"licence": ""}, "no licence"),
        ({"source": ""}, "no source"),
        ({"key": "a.b"}, "cannot name a clip"),
        ({"sha256": "no"}, "64 hexadecimal digits"),
    ],
)
def test_a_record_without_source_licence_or_hash_cannot_be(change: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        replace(noise_sample(0).record, **change)


@pytest.mark.parametrize("licence", ["MIT", "Apache-2.0 AND MIT", "LicenseRef-own", "CC0-1.0 OR CC-BY-4.0"])
def test_spdx_names_and_their_combinations_are_licences(licence: str) -> None:
    record = replace(noise_sample(0).record, licence=licence)
    assert Record.from_line(record.to_line(), "a line") == record
