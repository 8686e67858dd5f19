"""LatentStore: what the transformer trains on, each clip already encoded, in files that open at once at any size.

Latents belong to one autoencoder and mean nothing to another, so a store carries the hash of its autoencoder and opens
for no other. It stands apart from the networks: how to encode is handed in, and nothing here imports torch.

A store is a folder: `latents.npy` (n, K, C, h, w) float16, `clips.jsonl` with one record a clip (captions, scene,
source, licence, hash of the pixels), and `meta.json`, which is replaced as a whole after each batch and alone says how
many clips count. Several workers build `part-000`, `part-001`, … in one folder, which opens as one store.
Letters: B clips of a batch, T frames, H W pixels, K latent frames, C channels, h w latent cells.
"""

from __future__ import annotations

import bisect
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np

from kinema.clip import Clip
from kinema.data.files import flush, make_folder, replace_file, writing
from kinema.data.record import Record, parse_object
from kinema.errors import DataError

Encode = Callable[[np.ndarray], np.ndarray]
"""frames (B, T, H, W, 3) uint8 -> latents (B, K, C, h, w) float32."""
ExamplesFrom = Callable[[int], Iterable[tuple[Record, Clip]]]
"""start -> the examples from number `start` on; it is asked again, further on, when a build resumes."""

LATENTS, CLIPS, META = "latents.npy", "clips.jsonl", "meta.json"


@dataclass(frozen=True)
class Meta:
    """What a store holds. `shape` is (K, C, h, w), `frames` the frames of one clip, `fps` its rate as text.

    The file has room for `count` clips; the first `count_done` are there, their records fill `clips_bytes` bytes.
    """

    autoencoder: str
    frames: int
    fps: str
    width: int
    height: int
    shape: tuple[int, ...]
    count: int
    count_done: int = 0
    clips_bytes: int = 0

    @classmethod
    def read(cls, folder: Path) -> Meta:
        """The meta.json of a store; DataError where there is none or it is of another kind."""
        path = folder / META
        if not path.is_file():
            raise DataError(f"{folder} holds no latents: it has no {META}; build them first")
        fields = parse_object(path.read_text(encoding="utf-8"), str(path))
        try:
            return cls(**{**fields, "shape": tuple(fields["shape"])})
        except (TypeError, KeyError):
            raise DataError(f"{path} is not of a store of latents; delete {folder} and build it anew") from None

    def write(self, folder: Path) -> None:
        replace_file(folder / META, json.dumps(asdict(self), indent=1).encode())

    @property
    def kind(self) -> tuple[str, int, str, int, int, tuple[int, ...]]:
        """What all parts of one store share."""
        return self.autoencoder, self.frames, self.fps, self.width, self.height, self.shape


class LatentStore:
    """Encoded clips with their records, read as one sequence, whatever parts they lie in."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._metas = [Meta.read(folder) for folder in folders]
        self._latents = [_open_latents(folder, meta) for folder, meta in zip(folders, self._metas, strict=True)]
        self._ends = list(np.cumsum([meta.count_done for meta in self._metas]))
        self.records = tuple(
            record for folder, meta in zip(folders, self._metas, strict=True) for record in _read_records(folder, meta)
        )
        self.autoencoder = self._metas[0].autoencoder
        self.frames = self._metas[0].frames
        self.fps = Fraction(self._metas[0].fps)
        self.shape = self._metas[0].shape

    @classmethod
    def open(cls, folder: str | Path, autoencoder_hash: str) -> LatentStore:
        """The store in a folder, or in all its parts; what is still being built shows the clips finished so far.

        Raises DataError where there is none, where parts do not match, and for latents of another autoencoder.
        """
        folder = Path(folder)
        parts = [folder] if (folder / META).is_file() else sorted(path.parent for path in folder.glob(f"part-*/{META}"))
        if not parts:
            raise DataError(f"{folder} holds no latents: neither {META} nor part-000/{META} is there; build them first")
        for part in parts:
            _check_autoencoder(part, Meta.read(part), autoencoder_hash)
        store = cls(parts)
        for part, meta in zip(parts, store._metas, strict=True):
            if meta.kind != store._metas[0].kind:
                raise DataError(
                    f"{part} holds clips of {meta.kind[1:]}, {parts[0]} of {store._metas[0].kind[1:]} "
                    f"(frames, fps, width, height, latent shape); keep them in separate stores"
                )
        return store

    @classmethod
    def build(
        cls,
        folder: str | Path,
        examples_from: ExamplesFrom,
        encode: Encode,
        autoencoder_hash: str,
        count: int,
        *,
        batch: int = 16,
    ) -> LatentStore:
        """The store in `folder` with `count` clips; goes on where an earlier build stopped, or grows a smaller store.

        A kill loses at most one batch. Raises DataError for another autoencoder's folder, for examples that end too
        early or are of unlike sizes, for latents that are not finite, and for a full disk.
        """
        folder = Path(folder)
        make_folder(folder)
        meta = Meta.read(folder) if (folder / META).is_file() else None
        if meta is not None:
            _check_autoencoder(folder, meta, autoencoder_hash)
        done = meta.count_done if meta else 0
        examples = iter(examples_from(done)) if done < count else iter(())
        while done < count:
            pairs = list(islice(examples, min(batch, count - done)))
            if not pairs:
                raise DataError(f"the clips for {folder} end after {done} of {count}; ask for {done} or give more")
            frames = _stack([clip for _, clip in pairs], folder)
            latents = _half(encode(frames), len(pairs), folder)
            with writing(folder):
                if meta is None or meta.count != count:
                    meta = _make_room(folder, meta, pairs[0][1], latents.shape[1:], autoencoder_hash, count)
                meta = _append(folder, meta, [record for record, _ in pairs], latents, pairs[0][1])
            done = meta.count_done
        return cls([folder])

    def __len__(self) -> int:
        return len(self.records)

    @property
    def captions(self) -> list[tuple[str, ...]]:
        """The captions of every clip."""
        return [record.captions for record in self.records]

    def read(self, indices: Iterable[int]) -> np.ndarray:
        """The latents of these clips, (n, K, C, h, w) float16, in the order asked for; IndexError beyond the last."""
        wanted = [int(index) for index in indices]
        out = np.empty((len(wanted), *self.shape), np.float16)
        for row, index in enumerate(wanted):
            if not 0 <= index < len(self):
                raise IndexError(f"clip {index} of a store of {len(self)}")
            part = bisect.bisect_right(self._ends, index)
            start = self._ends[part - 1] if part else 0
            out[row] = self._latents[part][index - start]
        return out


def _check_autoencoder(folder: Path, meta: Meta, autoencoder_hash: str) -> None:
    if meta.autoencoder != autoencoder_hash:
        raise DataError(
            f"{folder} holds latents of the autoencoder {meta.autoencoder[:12]}, not of {autoencoder_hash[:12]}; "
            f"encode the clips anew in another folder"
        )


def _open_latents(folder: Path, meta: Meta) -> np.ndarray:
    path = folder / LATENTS
    try:
        latents = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be opened: {error}; delete {folder} and build it anew") from None
    if latents.shape[1:] != meta.shape or len(latents) < meta.count_done or latents.dtype != np.float16:
        raise DataError(
            f"{path} holds {latents.shape} {latents.dtype}, its {META} says {(meta.count_done, *meta.shape)} float16; "
            f"delete {folder} and build it anew"
        )
    return latents


def _read_records(folder: Path, meta: Meta) -> Iterator[Record]:
    path = folder / CLIPS
    with path.open("rb") as file:
        lines = file.read(meta.clips_bytes).splitlines()
    if len(lines) != meta.count_done:
        raise DataError(
            f"{path} has {len(lines)} records where {meta.count_done} clips are kept; delete {folder} and build it anew"
        )
    for number, line in enumerate(lines):
        yield Record.from_line(line.decode(), f"{path} line {number + 1}")


def _stack(clips: Sequence[Clip], folder: Path) -> np.ndarray:
    """The frames of all clips, (B, T, H, W, 3) uint8."""
    shapes = {clip.frames.shape for clip in clips}
    if len(shapes) > 1:
        raise DataError(f"clips of unlike shapes {sorted(shapes)} cannot share {folder}; keep each in its own store")
    return np.stack([clip.frames for clip in clips])


def _half(latents: np.ndarray, clips: int, folder: Path) -> np.ndarray:
    """The latents (B, K, C, h, w) as float16, which must all be finite."""
    if latents.ndim != 5 or len(latents) != clips:
        raise DataError(f"{clips} clips were encoded as an array of {latents.shape}; (B, K, C, h, w) was expected")
    limit = np.finfo(np.float16).max
    if not np.all(np.abs(latents) <= limit):
        raise DataError(f"latents for {folder} are not finite or beyond {limit:.0f}; the autoencoder is not yet usable")
    return latents.astype(np.float16)


def _make_room(
    folder: Path, meta: Meta | None, clip: Clip, shape: tuple[int, ...], autoencoder_hash: str, count: int
) -> Meta:
    """Meta of a store with room for `count` clips, the file already of that length; kept clips stay where they are."""
    if meta is None:
        fps = str(clip.fps)
        meta = Meta(autoencoder_hash, len(clip), fps, clip.width, clip.height, tuple(shape), count)
        (folder / CLIPS).write_bytes(b"")
    with (folder / LATENTS).open("r+b" if meta.count_done else "w+b") as file:
        header = {"descr": "<f2", "fortran_order": False, "shape": (count, *meta.shape)}
        np.lib.format.write_array_header_1_0(file, header)  # padded by numpy so that a longer first axis fits in place
        file.truncate(file.tell() + count * _bytes_each(meta))
    return replace(meta, count=count)


def _append(folder: Path, meta: Meta, records: Sequence[Record], latents: np.ndarray, clip: Clip) -> Meta:
    """Meta after these clips are on disk, in the order latents, records, meta, so that a kill never shows half a batch.

    Latents are written, not mapped: a full disk is then an error that can be told instead of a bus error.
    """
    found = (len(clip), str(clip.fps), clip.width, clip.height, latents.shape[1:])
    if found != meta.kind[1:]:
        raise DataError(f"clips of {found} cannot join {folder}, which holds {meta.kind[1:]}; use another folder")
    lines = "".join(f"{record.to_line()}\n" for record in records).encode()
    with (folder / LATENTS).open("r+b") as file:
        np.lib.format.read_magic(file)
        np.lib.format.read_array_header_1_0(file)
        file.seek(meta.count_done * _bytes_each(meta), os.SEEK_CUR)
        file.write(np.ascontiguousarray(latents).tobytes())
        flush(file)
    with (folder / CLIPS).open("r+b") as file:
        file.truncate(meta.clips_bytes)
        file.seek(meta.clips_bytes)
        file.write(lines)
        flush(file)
    meta = replace(meta, count_done=meta.count_done + len(records), clips_bytes=meta.clips_bytes + len(lines))
    meta.write(folder)
    return meta


def _bytes_each(meta: Meta) -> int:
    return 2 * int(np.prod(meta.shape))
