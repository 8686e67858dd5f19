"""Laws of the latent store: resumed equals uninterrupted, parts are one, no other autoencoder may read it."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from kinema.clip import Clip
from kinema.data.latents import META, LatentStore, Meta
from kinema.data.record import Record, sha256_of_frames
from kinema.errors import DataError

MINE, OTHER = "a" * 64, "b" * 64
FPS = Fraction(8)
Example = tuple[Record, Clip]


def example(index: int, frames: int = 8) -> Example:
    pixels = np.random.default_rng(index).integers(0, 256, (frames, 8, 8, 3), np.uint8)
    record = Record(
        key=f"clip-{index:04d}",
        captions=(f"clip {index}", "anything"),
        fps=FPS,
        width=8,
        height=8,
        frames=frames,
        source="a test",
        licence="CC0-1.0",
        sha256=sha256_of_frames(pixels),
        spec={"number": index},
    )
    return record, Clip(pixels, FPS)


def examples(begin: int = 0, end: int = 1000, frames: int = 8) -> Callable[[int], Iterator[Example]]:
    return lambda start: (example(index, frames) for index in range(begin + start, end))


def encode(frames: np.ndarray) -> np.ndarray:
    """(B, T, 8, 8, 3) uint8 -> (B, T / 4, 3, 2, 2): one pixel of each corner of each fourth frame."""
    return frames[:, ::4, ::4, ::4].transpose(0, 1, 4, 2, 3).astype(np.float32) / 16


def overflowing(value: float, frames: np.ndarray) -> np.ndarray:
    return np.full_like(encode(frames), value)


def expected(indices: range) -> np.ndarray:
    return encode(np.stack([example(index)[1].frames for index in indices])).astype(np.float16)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


class Killed(Exception):
    """Stands for a kill in mid-build."""


def dies_after(batches: int) -> Callable[[np.ndarray], np.ndarray]:
    left = iter(range(batches))

    def dying(frames: np.ndarray) -> np.ndarray:
        if next(left, None) is None:
            raise Killed
        return encode(frames)

    return dying


def test_latents_captions_and_records_come_back(tmp_path: Path) -> None:
    LatentStore.build(tmp_path, examples(), encode, MINE, 10, batch=4)
    store = LatentStore.open(tmp_path, MINE)
    assert len(store) == 10 and store.shape == (2, 3, 2, 2) and store.frames == 8 and store.fps == 8
    assert np.array_equal(store.read([7, 0, 9]), expected(range(10))[[7, 0, 9]])
    assert store.captions[3] == ("clip 3", "anything")
    assert store.records == tuple(example(index)[0] for index in range(10))


def test_a_build_resumed_after_a_kill_equals_an_uninterrupted_one(tmp_path: Path) -> None:
    LatentStore.build(tmp_path / "whole", examples(), encode, MINE, 11, batch=4)
    with pytest.raises(Killed):
        LatentStore.build(tmp_path / "killed", examples(), dies_after(2), MINE, 11, batch=4)
    assert len(LatentStore.open(tmp_path / "killed", MINE)) == 8
    with (tmp_path / "killed" / "clips.jsonl").open("ab") as file:
        file.write(b'{"half a rec')
    LatentStore.build(tmp_path / "killed", examples(), encode, MINE, 11, batch=4)
    assert files(tmp_path / "killed") == files(tmp_path / "whole")


def test_a_store_grows_in_place(tmp_path: Path) -> None:
    LatentStore.build(tmp_path / "once", examples(), encode, MINE, 120, batch=40)
    for count in (3, 9, 120):
        LatentStore.build(tmp_path / "grown", examples(), encode, MINE, count, batch=40)
    assert files(tmp_path / "grown") == files(tmp_path / "once")


def test_parts_of_several_workers_are_one_store(tmp_path: Path) -> None:
    for part, indices in enumerate((range(5), range(5, 6), range(6, 10))):
        folder = tmp_path / f"part-{part:03d}"
        LatentStore.build(folder, examples(indices.start, indices.stop), encode, MINE, len(indices))
    store = LatentStore.open(tmp_path, MINE)
    assert np.array_equal(store.read(range(10)), expected(range(10)))
    assert [record.key for record in store.records] == [example(index)[0].key for index in range(10)]


def test_stills_of_one_chunk_are_a_store_too_but_do_not_mix_with_clips(tmp_path: Path) -> None:
    stills = LatentStore.build(tmp_path / "part-000", examples(frames=4), encode, MINE, 2)
    assert stills.shape == (1, 3, 2, 2) and stills.frames == 4
    LatentStore.build(tmp_path / "part-001", examples(), encode, MINE, 2)
    with pytest.raises(DataError, match="keep them in separate stores"):
        LatentStore.open(tmp_path, MINE)
    with pytest.raises(DataError, match="cannot join"):
        LatentStore.build(tmp_path / "part-000", examples(), encode, MINE, 4)


def test_latents_of_another_autoencoder_are_neither_read_nor_added_to(tmp_path: Path) -> None:
    LatentStore.build(tmp_path, examples(), encode, MINE, 2)
    before = files(tmp_path)
    with pytest.raises(DataError, match="autoencoder aaaaaaaaaaaa, not of bbbbbbbbbbbb"):
        LatentStore.open(tmp_path, OTHER)
    with pytest.raises(DataError, match="autoencoder aaaaaaaaaaaa, not of bbbbbbbbbbbb"):
        LatentStore.build(tmp_path, examples(), encode, OTHER, 4)
    assert files(tmp_path) == before


def test_what_cannot_be_kept_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="end after 3 of 5"):
        LatentStore.build(tmp_path / "short", examples(0, 3), encode, MINE, 5)
    for bad in (np.nan, np.inf, 1e6):
        with pytest.raises(DataError, match="not finite or beyond 65504"):
            LatentStore.build(tmp_path / "bad", examples(), partial(overflowing, bad), MINE, 2)
    with pytest.raises(DataError, match=r"\(B, K, C, h, w\) was expected"):
        LatentStore.build(tmp_path / "flat", examples(), lambda frames: encode(frames)[0], MINE, 2)
    with pytest.raises(DataError, match="unlike shapes"):
        LatentStore.build(tmp_path / "mixed", lambda start: [example(0), example(1, 4)], encode, MINE, 2)


def test_a_damaged_store_names_its_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no latents"):
        LatentStore.open(tmp_path, MINE)
    LatentStore.build(tmp_path, examples(), encode, MINE, 4)
    whole = files(tmp_path)
    (tmp_path / "latents.npy").write_bytes(whole["latents.npy"][:-50])
    with pytest.raises(DataError, match=r"latents\.npy cannot be opened"):
        LatentStore.open(tmp_path, MINE)
    (tmp_path / "latents.npy").write_bytes(whole["latents.npy"])
    (tmp_path / "clips.jsonl").write_bytes(whole["clips.jsonl"].split(b"\n", 1)[1])
    with pytest.raises(DataError, match=r"clips\.jsonl has 3 records where 4 clips are kept"):
        LatentStore.open(tmp_path, MINE)
    (tmp_path / META).write_text("{}")
    with pytest.raises(DataError, match=r"meta\.json is not of a store of latents"):
        Meta.read(tmp_path)
