"""A person's folder of clips as shards: the same files that the pocket world makes, so the same training reads them.

Each clip has its captions in `captions.csv` (columns `file` and `caption`; a file may stand in several rows) or, one a
line, in a text file of the same name (`dog.mp4`, `dog.txt`). Films in mp4 are kept byte for byte, all other
formats as pixels. It stands apart because here alone other people's files come in, and every doubt is an error.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kinema.clip import Clip
from kinema.data.files import make_folder
from kinema.data.licences import check_licence
from kinema.data.manifest import manifest_of_shards
from kinema.data.record import Record, sha256_of_bytes, sha256_of_frames
from kinema.data.shards import PATTERN, Sample, pack_frames, write_shard
from kinema.errors import ClipError, DataError

SUFFIXES = (".mp4", ".webm", ".mov", ".mkv", ".avi", ".m4v", ".gif", ".webp", ".png", ".jpg", ".jpeg")
TABLE = "captions.csv"


@dataclass(frozen=True)
class Origin:
    """Where clips come from, under which licence they may be used, and what for ('train' or the name of a test)."""

    source: str
    licence: str
    split: str = "train"

    def __post_init__(self) -> None:
        if not self.source.strip():
            raise DataError("clips need a source; say with --source who made them and where they were found")
        check_licence(self.licence)


def pack_folder(
    folder: Path,
    output: Path,
    origin: Origin,
    *,
    per_shard: int = 256,
    on_clips: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Packs every clip below a folder into shards, writes their manifest and returns its summary.

    Nothing is written before all captions are found. Raises DataError for a clip without a caption, a caption without a
    clip, an unreadable clip, and an output folder that already holds shards.
    """
    paths = _clips_in(folder)
    captions = _captions(folder, paths)
    make_folder(output)
    if any(output.glob(PATTERN)):
        raise DataError(f"{output} already holds shards; choose an empty folder with -o")

    def samples(start: int) -> Iterator[Sample]:
        for index in range(start, min(start + per_shard, len(paths))):
            path = paths[index]
            yield _sample(path, _key(index, path.relative_to(folder)), captions[path], origin)
            on_clips(index + 1, len(paths))

    for number, start in enumerate(range(0, len(paths), per_shard)):
        write_shard(output / f"shard-{number:06d}.tar", samples(start))
    return manifest_of_shards(output)


def _clips_in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder; name the folder that holds your clips")
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if not paths:
        raise DataError(f"{folder} holds no clips; those read are {', '.join(SUFFIXES)}")
    return paths


def _captions(folder: Path, paths: list[Path]) -> dict[Path, tuple[str, ...]]:
    """The captions of every clip, out of the table where it names the clip, else out of the text file beside it."""
    table = _table(folder)
    known = {path.relative_to(folder).as_posix() for path in paths}
    for name in table:
        if name not in known:
            raise DataError(f"{folder / TABLE} names {name!r}, which is not below {folder}; mend or delete that row")
    captions = {}
    missing = []
    for path in paths:
        beside = path.with_suffix(".txt")
        found = table.get(path.relative_to(folder).as_posix()) or (_lines(beside) if beside.is_file() else [])
        captions[path] = tuple(found)
        if not found:
            missing.append(path.relative_to(folder).as_posix())
    if missing:
        others = f" and {len(missing) - 1} more have" if len(missing) > 1 else " has"
        raise DataError(
            f"{missing[0]}{others} no caption: write it into {Path(missing[0]).with_suffix('.txt')} beside the clip, "
            f"or into {folder / TABLE} with the columns file,caption"
        )
    return captions


def _table(folder: Path) -> dict[str, list[str]]:
    """Captions by file name, out of captions.csv; none where there is no such file."""
    path = folder / TABLE
    if not path.is_file():
        return {}
    captions: dict[str, list[str]] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file, strict=True)
            if not {"file", "caption"} <= set(rows.fieldnames or ()):
                raise DataError(f"{path} has the columns {rows.fieldnames}; its first line must hold file,caption")
            for row in rows:
                if not row["file"] or not (row["caption"] or "").strip():
                    raise DataError(f"{path} line {rows.line_num} lacks a file or its caption; fill it in or delete it")
                captions.setdefault(row["file"], []).append(row["caption"].strip())
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {error}; save it as CSV in UTF-8") from None
    return captions


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} cannot be read: {error}; save it as text in UTF-8") from None
    return [line.strip() for line in text.splitlines() if line.strip()]


def _sample(path: Path, key: str, captions: tuple[str, ...], origin: Origin) -> Sample:
    try:
        clip = Clip.read(path)
    except ClipError as error:
        raise DataError(f"{error}; mend it or take it out of the folder") from None
    if path.suffix.lower() == ".mp4":
        form, payload = "mp4", path.read_bytes()
        sha256 = sha256_of_bytes(payload)
    else:
        form, payload = "npz", pack_frames(clip.frames)
        sha256 = sha256_of_frames(clip.frames)
    record = Record(
        key=key,
        captions=captions,
        fps=clip.fps,
        width=clip.width,
        height=clip.height,
        frames=len(clip),
        source=origin.source,
        licence=origin.licence,
        sha256=sha256,
        split=origin.split,
    )
    return Sample(record, form, payload)


def _key(index: int, path: Path) -> str:
    """A name that sorts like the clips and that a shard can hold: its number, then what is plain in its own name."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", path.with_suffix("").as_posix()).strip("-")
    return f"{index:08d}-{plain[:60]}".rstrip("-")
