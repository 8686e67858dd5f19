"""Shards: tar files in the WebDataset layout, each clip as KEY.npz or KEY.mp4 with what is known of it in KEY.json.

In a recipe shard KEY.json stands alone: its scene is rendered when the clip is asked for, and the hash of the pixels
tells whether it is still the same clip. A shard's bytes follow from its clips alone: no times, no users, keys in order.
"""

from __future__ import annotations

import io
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from kinema.clip import Clip
from kinema.data.files import whole_file
from kinema.data.record import Record, parse_object, sha256_of_bytes, sha256_of_frames, to_line
from kinema.errors import DataError, ExtraMissingError, KinemaError

FORMS = ("recipe", "npz", "mp4")
"""Nothing but the scene, every pixel bit for bit, or a film in H.264."""
PATTERN = "shard-*.tar"
_ARCHIVE_END_BYTES = 1024


@dataclass(frozen=True, eq=False)
class Sample:
    """One clip as it lies in a shard: `payload` are the bytes of its npz or mp4, empty in a recipe."""

    record: Record
    form: str
    payload: bytes = b""
    where: str = "a clip"

    def clip(self) -> Clip:
        """The clip itself, read or rendered. Raises DataError, which names the shard, where it cannot be had."""
        record = self.record
        clip = {"recipe": self._rendered, "npz": self._unpacked, "mp4": self._decoded}[self.form]()
        shape = (record.frames, record.height, record.width, 3)
        if clip.frames.shape != shape:
            raise DataError(
                f"{self.where} has frames {clip.frames.shape}, its record says {shape}; make the shard anew"
            )
        return clip

    def verified(self) -> Clip:
        """The clip, once its hash is the recorded one. Raises DataError otherwise."""
        clip = self.clip()
        found = sha256_of_bytes(self.payload) if self.form == "mp4" else sha256_of_frames(clip.frames)
        if found != self.record.sha256:
            cause = "or rendered by another version of the world" if self.form == "recipe" else "since it was written"
            raise DataError(
                f"{self.where} has the hash {found[:12]}, its record says {self.record.sha256[:12]}: "
                f"it was altered {cause}; fetch the shard again, or delete it and render it anew"
            )
        return clip

    def _rendered(self) -> Clip:
        from kinema.world.render import render
        from kinema.world.scene import Scene

        record = self.record
        if record.spec is None:
            raise DataError(f"{self.where} has neither pixels nor a scene to render; fetch the shard again")
        try:
            scene = Scene.from_json(to_line(record.spec))
        except KinemaError as error:
            raise DataError(f"{self.where} cannot be rendered: {error}") from None
        return render(scene, width=record.width, height=record.height, frames=record.frames, fps=record.fps)

    def _unpacked(self) -> Clip:
        try:
            with np.load(io.BytesIO(self.payload), allow_pickle=False) as arrays:
                return Clip(arrays["frames"], self.record.fps)
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, KinemaError) as error:
            raise DataError(f"{self.where} cannot be unpacked: {error}; fetch the shard again") from None

    def _decoded(self) -> Clip:
        with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
            file.write(self.payload)
            file.flush()
            try:
                return Clip.read(file.name)
            except KinemaError as error:
                raise DataError(f"{self.where} cannot be decoded: {error}; fetch the shard again") from None


def pack_frames(frames: np.ndarray) -> bytes:
    """The npz file of frames (T, H, W, 3) uint8: the same bytes for the same frames."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, frames=frames)
    return buffer.getvalue()


def pack_film(clip: Clip) -> bytes:
    """The mp4 file of a clip; OutputError where H.264 cannot hold it."""
    with tempfile.TemporaryDirectory() as folder:
        return clip.write(Path(folder) / "clip.mp4").read_bytes()


def write_shard(path: Path, samples: Iterable[Sample]) -> None:
    """The shard holds these clips, whole or not at all; their keys must come in order. Raises DataError."""
    writer_of = _webdataset().TarWriter
    last = ""
    with whole_file(path) as file, writer_of(file, user="", group="", mode=0o644, encoder=False, mtime=0) as writer:
        for sample in samples:
            key = sample.record.key
            assert key > last, f"{key} after {last}"
            last = key
            fields = sample.record.to_fields()
            del fields["key"]
            entry: dict[str, Any] = {"__key__": key, "json": to_line(fields).encode()}
            if sample.form != "recipe":
                entry[sample.form] = sample.payload
            writer.write(entry)


def shards_in(folder: Path) -> list[Path]:
    """The shards of a folder in order. Raises DataError where there is none."""
    paths = sorted(folder.glob(PATTERN))
    if not paths:
        raise DataError(f"{folder} holds no shards ({PATTERN}); make them with kinema data render or kinema data pack")
    return paths


def read_shard(path: Path, *, verify: bool = False) -> Iterator[Sample]:
    """The clips of one shard in order; with `verify` each one's hash is checked first (recipes are rendered for it).

    Raises DataError for a shard that is missing, truncated or altered, before its first clip.
    """
    _check_whole(path)
    iterators = _webdataset().tariterators
    with path.open("rb") as stream:
        members = iterators.tar_file_expander([{"url": str(path), "stream": stream}])
        try:
            for entry in iterators.group_by_keys(members):
                sample = _sample(path, entry)
                if verify:
                    sample.verified()
                yield sample
        except (tarfile.TarError, ValueError) as error:
            raise _broken(path, f"it cannot be read ({error.args[0]})") from None


def read_shards(paths: Iterable[Path], *, verify: bool = False) -> Iterator[Sample]:
    """The clips of all shards, one after the other."""
    for path in paths:
        yield from read_shard(path, verify=verify)


def _sample(path: Path, entry: dict[str, Any]) -> Sample:
    key = entry["__key__"]
    where = f"{path}, clip {key},"
    if "json" not in entry:
        raise DataError(f"{where} has no {key}.json; a shard has KEY.json beside each KEY.npz or KEY.mp4")
    try:
        text = entry["json"].decode()
    except UnicodeDecodeError:
        raise _broken(path, f"{key}.json is not text") from None
    record = Record.from_fields({**parse_object(text, where), "key": key}, where)
    form = next((form for form in FORMS[1:] if form in entry), "recipe")
    return Sample(record, form, entry.get(form, b""), where)


def _check_whole(path: Path) -> None:
    """Every byte of the shard is accounted for: tar readers take a cut, or a spoilt header, for the end of the file."""
    try:
        with tarfile.open(path, "r:") as archive:
            members = archive.getmembers()
    except FileNotFoundError:
        raise DataError(f"{path} is missing; render or fetch it again") from None
    except (tarfile.TarError, OSError) as error:
        raise _broken(path, str(error)) from None
    end = 0
    if members:
        end = members[-1].offset_data + -(-members[-1].size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
    with path.open("rb") as file:
        file.seek(end)
        rest = file.read()
    if len(rest) < _ARCHIVE_END_BYTES or rest.strip(b"\0"):
        raise _broken(path, f"it ends or breaks off after {members[-1].name if members else 'nothing'}")


def _broken(path: Path, why: str) -> DataError:
    return DataError(
        f"shard {path} is truncated or altered: {why}; fetch it again, or delete it and run the same command, "
        "which makes only what is missing"
    )


def _webdataset() -> ModuleType:
    """The library, imported only when a shard is opened: it brings torch along where torch is installed."""
    try:
        import webdataset
    except ModuleNotFoundError:
        raise ExtraMissingError("train", "reading and writing shards") from None
    return webdataset
