"""Renders a run of the pocket world into shards, by several processes, and goes on where an earlier one was stopped.

A finished shard is never touched again and an unfinished one never seen, so a kill loses at most one shard a process.
It stands apart from world.py, which says what the clips are, since who renders them changes nothing about them.
"""

from __future__ import annotations

import itertools
import json
import multiprocessing
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from multiprocessing.queues import SimpleQueue
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Any

from kinema.clip import Clip
from kinema.data import world
from kinema.data.files import make_folder, replace_file
from kinema.data.manifest import manifest_of_shards
from kinema.data.record import Record, parse_object, sha256_of_bytes
from kinema.data.shards import FORMS, PATTERN, Sample, pack_film, pack_frames, write_shard
from kinema.data.world import Run
from kinema.errors import DataError, KinemaError

RUN = "run.json"
POLL_SECONDS = 0.25


@dataclass(frozen=True)
class Order:
    """Clips 0 to `count` of a run, in shards of `per_shard` in a folder; `form` is 'recipe', 'npz' or 'mp4'."""

    folder: Path
    run: Run
    count: int
    form: str = "recipe"
    per_shard: int = 256

    def __post_init__(self) -> None:
        if self.form not in FORMS:
            raise DataError(f"form {self.form!r} is not one of {', '.join(FORMS)}")
        if self.count < 1 or self.per_shard < 1:
            raise DataError(f"{self.count} clips in shards of {self.per_shard} make no shard; both must be at least 1")

    def path(self, shard: int) -> Path:
        """The file of a shard."""
        return self.folder / f"shard-{shard:06d}.tar"

    def indices(self, shard: int) -> range:
        """The numbers of the clips in a shard."""
        return range(shard * self.per_shard, min(self.count, (shard + 1) * self.per_shard))

    def missing(self) -> list[int]:
        """The shards that are not there yet."""
        shards = range(-(-self.count // self.per_shard))
        return [shard for shard in shards if not self.path(shard).exists()]

    def to_fields(self, first: Record) -> dict[str, Any]:
        """What must be the same for a later run to go on with this folder; `first` is the record of clip 0."""
        run = {**asdict(self.run), "fps": str(self.run.fps)}
        return {**run, "count": self.count, "form": self.form, "per_shard": self.per_shard, "first": first.sha256}


def render_shards(
    order: Order, *, workers: int = 1, on_clips: Callable[[int, int], None] = lambda done, total: None
) -> dict[str, Any]:
    """Renders what is missing of an order, then writes the manifest and returns its summary.

    `on_clips` is told how many of the missing clips have been begun. Raises DataError for a folder that holds
    another order, or the same one rendered by another version of the world.
    """
    make_folder(order.folder)
    _claim(order)
    for abandoned in order.folder.glob(f".{PATTERN}.*.part"):
        abandoned.unlink(missing_ok=True)
    missing = order.missing()
    total = sum(len(order.indices(shard)) for shard in missing)
    if workers == 1:
        started = itertools.count(1)
        for shard in missing:
            _render_shard(order, shard, lambda: on_clips(next(started), total))
    elif missing:
        _share_out(order, missing, workers, lambda done: on_clips(done, total))
    return manifest_of_shards(order.folder)


def _claim(order: Order) -> None:
    """The folder is this order's. Clip 0 is rendered to see that the world still draws what it drew."""
    first, _ = world.render(order.run, 0)
    path = order.folder / RUN
    fields = order.to_fields(first)
    if not path.exists():
        if list(order.folder.glob(PATTERN)):
            raise DataError(f"{order.folder} holds shards that are no run of the world; choose an empty folder")
        return replace_file(path, (json.dumps(fields, indent=1) + "\n").encode())
    found = parse_object(path.read_text(encoding="utf-8"), str(path))
    for name, value in fields.items():
        if found.get(name) == value:
            continue
        if name == "first":
            raise DataError(f"{order.folder} was rendered by another version of the world; choose an empty folder")
        raise DataError(
            f"{order.folder} holds a run with {name} {found.get(name)}, not {value}; use that value or an empty folder"
        )


def _render_shard(order: Order, shard: int, on_clip: Callable[[], None]) -> None:
    """The shard is there; `on_clip` is called before each of its clips is rendered."""

    def samples() -> Iterator[Sample]:
        for index in order.indices(shard):
            on_clip()
            yield _sample(order.form, *world.render(order.run, index))

    write_shard(order.path(shard), samples())


def _sample(form: str, record: Record, clip: Clip) -> Sample:
    if form == "recipe":
        return Sample(record, form)
    if form == "npz":
        return Sample(record, form, pack_frames(clip.frames))
    film = pack_film(clip)
    fields = {**record.to_fields(), "sha256": sha256_of_bytes(film)}
    return Sample(Record.from_fields(fields, record.key), form, film)


def _share_out(order: Order, missing: list[int], workers: int, on_clips: Callable[[int], None]) -> None:
    """Each process renders every workers-th missing shard. Raises DataError with the first trouble that one tells."""
    context = multiprocessing.get_context("spawn")  # a fork would inherit the locks of torch's and OpenCV's threads
    counter, troubles = context.Value("l", 0), context.SimpleQueue()
    processes = [
        context.Process(target=_work, args=(order, missing[first::workers], counter, troubles), daemon=True)
        for first in range(min(workers, len(missing)))
    ]
    try:
        for process in processes:
            process.start()
        while any(process.is_alive() for process in processes):
            for process in processes:
                process.join(POLL_SECONDS / len(processes))
            on_clips(counter.value)
            if any(process.exitcode for process in processes):
                break
    finally:
        for process in processes:
            process.terminate()
            process.join()
    on_clips(counter.value)
    if not troubles.empty():
        raise DataError(troubles.get())
    if order.missing():
        codes = sorted({process.exitcode or 0 for process in processes})
        raise DataError(f"rendering into {order.folder} stopped with exit codes {codes}; run it again to go on")


def _work(order: Order, shards: list[int], counter: Synchronized, troubles: SimpleQueue) -> None:
    """The body of one process, which takes one thread and ends with the process that started it."""
    import cv2

    cv2.setNumThreads(1)
    parent = multiprocessing.parent_process()

    def count() -> None:
        if parent is not None and not parent.is_alive():
            sys.exit("the process that asked for these clips is gone")
        with counter.get_lock():
            counter.value += 1

    try:
        for shard in shards:
            _render_shard(order, shard, count)
    except KinemaError as error:
        troubles.put(str(error))
        sys.exit(1)
