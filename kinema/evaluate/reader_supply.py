"""Where a reader's lessons come from: rendered as they are asked for, or from a stock that was rendered beforehand.

A stock is for accelerators, which learn faster than processors render: `python -m kinema.evaluate.reader_supply FOLDER
--reader dev` fills one with several processes, each writing its own lessons in place; one that is cut short serves as
far as it came. From a stock each lesson is given several times, half the times mirrored, and toned anew each time.

Letters: B clips, T frames, S steps in time, G cells a side, P pixels of a portrait's side.
"""

import argparse
import multiprocessing
import random
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from kinema.errors import TrainingError
from kinema.evaluate.factors import CLASSES, FACTORS, MIRRORED
from kinema.evaluate.lessons import Lessons, draw, lessons
from kinema.evaluate.portraits import PORTRAIT_PX, Studio
from kinema.evaluate.reader_networks import Folded, TwoStreams
from kinema.evaluate.views import FRAMES, SIDE_PX
from kinema.world import places
from kinema.world.sampling import sample

Network = TwoStreams | Folded
READERS: dict[str, tuple[type[Network], int]] = {"dev": (TwoStreams, 11), "sealed": (Folded, 7_000_003)}
"""Name -> architecture and seed."""
STUDIO_PLACES = 160
QUIZ_CLIPS = 160
PAINTED_BYTES = 1_500_000_000


class Taught(NamedTuple):
    """A batch: frames (B, T, H, W, 3) uint8, labels (B, factors), where (B, T, 2, G, G); see lessons.py."""

    frames: Tensor
    labels: Tensor
    where: Tensor


class Faces(NamedTuple):
    """Portraits: frames (B, T, P, P, 3) uint8, labels (B, 2), middles (B, T, 2) in [0, 1)."""

    frames: Tensor
    labels: Tensor
    middles: Tensor


class Supply(Protocol):
    """Batch number `step` of lessons and of portraits, and a quiz of lessons that are never given."""

    def lessons(self, step: int, count: int) -> Taught: ...

    def quiz(self) -> Taught: ...

    def portraits(self, step: int, count: int) -> Faces: ...


class Rendered:
    """Lessons rendered as they are asked for: a function of the reader's seed and the step alone."""

    def __init__(self, name: str, places: int = STUDIO_PLACES) -> None:
        architecture, self.seed = READERS[name]
        self.grid, self.frames = architecture.grid, architecture.portrait_frames
        self.studio = Studio(random.Random(f"studio {self.seed}"), places)

    def lessons(self, step: int, count: int) -> Taught:
        rng = random.Random(f"lessons {self.seed} {step}")
        taught = lessons([draw(rng) for _ in range(count)], self.grid, np.random.default_rng([self.seed, step]))
        return _tensors(taught)

    @cached_property
    def _quiz(self) -> Taught:
        rng = random.Random(f"quiz {self.seed}")
        return _tensors(lessons([sample(rng, split="any") for _ in range(QUIZ_CLIPS)], self.grid))

    def quiz(self) -> Taught:
        """True renders as the model's own world draws them, not roughened."""
        return self._quiz

    def portraits(self, step: int, count: int) -> Faces:
        taken = self.studio.portraits(count, self.frames, np.random.default_rng([self.seed, 1, step]))
        return Faces(*(torch.from_numpy(each) for each in (taken.frames, taken.labels, taken.middles)))


def _tensors(taught: Lessons) -> Taught:
    return Taught(*(torch.from_numpy(each) for each in (taught.frames, taught.labels, taught.where)))


@dataclass(frozen=True)
class Stock:
    """The files of a stock. Lesson i and portrait i are whole where `done` says 1; each process knows `places`."""

    folder: Path
    name: str
    places: int = 40

    def arrays(self, mode: str, lessons: int = 0, portraits: int = 0) -> tuple[dict[str, np.ndarray], ...]:
        """The lessons' and the portraits' arrays, opened as NumPy does; 'w+' makes them. Raises TrainingError."""
        architecture = READERS[self.name][0]
        grid, taken = architecture.grid, architecture.portrait_frames
        clip, face = (FRAMES, SIDE_PX, SIDE_PX, 3), (taken, PORTRAIT_PX, PORTRAIT_PX, 3)
        forms: tuple[tuple[str, int, dict[str, tuple[tuple[int, ...], type]]], ...] = (
            ("lessons", lessons, {"frames": (clip, np.uint8), "labels": ((len(FACTORS),), np.int64),
                                  "where": ((FRAMES, 2, grid, grid), np.float16), "done": ((), np.uint8)}),
            ("portraits", portraits, {"frames": (face, np.uint8), "labels": ((2,), np.int64),
                                      "middles": ((taken, 2), np.float32), "done": ((), np.uint8)}),
        )  # fmt: skip
        found: list[dict[str, np.ndarray]] = []
        for kind, count, parts in forms:
            files = {part: self.folder / f"{self.name}-{kind}-{part}.npy" for part in parts}
            missing = [str(file) for file in files.values() if mode != "w+" and not file.is_file()]
            if missing:
                raise TrainingError(
                    f"{missing[0]} is not there; fill the stock with kinema.evaluate.reader_supply first"
                )
            found.append({
                part: np.lib.format.open_memmap(
                    file, mode, *((parts[part][1], (count, *parts[part][0])) if mode == "w+" else ())
                )
                for part, file in files.items()
            })  # fmt: skip
        return tuple(found)


class Stocked:
    """Lessons of a stock, those that are done by now, in an accelerator's memory."""

    def __init__(self, stock: Stock, device: torch.device, quiz_clips: int = QUIZ_CLIPS) -> None:
        self.device, self._quiz_clips = device, quiz_clips
        opened = stock.arrays("r")
        self._held = [
            {part: torch.empty(array.shape, dtype=torch.from_numpy(array[:0].copy()).dtype, device=device)
             for part, array in kind.items() if part != "done"}
            for kind in opened
        ]  # fmt: skip
        self._counts = [self._take_in(*each) for each in zip(opened, self._held, strict=True)]

    def _take_in(self, opened: dict[str, np.ndarray], held: dict[str, Tensor]) -> int:
        """What is done is in memory, one after the other; how many these are."""
        done = np.flatnonzero(np.asarray(opened["done"]) == 1)
        for start in range(0, len(done), 256):
            some = done[start : start + 256]
            for part, memory in held.items():
                rows = torch.from_numpy(np.ascontiguousarray(opened[part][some]))
                memory[start : start + len(some)] = rows.to(self.device)
        return len(done)

    def lessons(self, step: int, count: int) -> Taught:
        generator = torch.Generator(self.device).manual_seed(2 * step)
        which = torch.randint(self._quiz_clips, self._counts[0], (count,), generator=generator, device=self.device)
        taught = self._given(which)
        half = count // 2
        taught = Taught(*(torch.cat(pair) for pair in zip(mirrored(Taught(*(t[:half] for t in taught))),
                                                          (t[half:] for t in taught), strict=True)))  # fmt: skip
        return taught._replace(frames=toned(taught.frames, generator))

    def quiz(self) -> Taught:
        """The first lessons of the stock, which `lessons` leaves out."""
        return self._given(torch.arange(self._quiz_clips, device=self.device))

    def _given(self, which: Tensor) -> Taught:
        held = self._held[0]
        return Taught(held["frames"][which], held["labels"][which], held["where"][which].float())

    def portraits(self, step: int, count: int) -> Faces:
        held, generator = self._held[1], torch.Generator(self.device).manual_seed(2 * step + 1)
        which = torch.randint(self._counts[1], (count,), generator=generator, device=self.device)
        return Faces(toned(held["frames"][which], generator), held["labels"][which], held["middles"][which])


def mirrored(taught: Taught) -> Taught:
    """The lessons as a mirror shows them, with what it exchanges exchanged."""
    labels = taught.labels.clone()
    for factor, (one, other) in MIRRORED.items():
        column, classes = FACTORS.index(factor), CLASSES[factor]
        turned = labels[:, column].clone()
        for before, after in ((one, other), (other, one)):
            turned[labels[:, column] == classes.index(before)] = classes.index(after)
        labels[:, column] = turned
    return Taught(taught.frames.flip(3), labels, taught.where.flip(4))


def toned(frames: Tensor, generator: torch.Generator) -> Tensor:
    """Frames (B, T, H, W, 3) uint8 a little brighter or darker, each clip as a whole, and with a little grain."""
    shape = (len(frames), 1, 1, 1, 1)
    gain = 0.95 + 0.1 * torch.rand(shape, generator=generator, device=frames.device)
    grain = 3 * torch.rand(shape, generator=generator, device=frames.device)
    noise = torch.randn(frames.shape, generator=generator, device=frames.device, dtype=torch.float16)
    return (frames * gain + grain * noise).clamp_(0, 255).round_().byte()


def fill(stock: Stock, lessons_count: int, portraits_count: int, workers: int) -> None:
    """The stock holds so many lessons and portraits. Another one of that name in the folder is lost."""
    stock.folder.mkdir(parents=True, exist_ok=True)
    stock.arrays("w+", lessons_count, portraits_count)
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_fill, args=(stock, worker, workers)) for worker in range(workers)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        raise TrainingError(f"the stock in {stock.folder} was not filled (see above); fill it anew")


def _fill(stock: Stock, worker: int, workers: int) -> None:
    """The body of one process: first its portraits, then its lessons."""
    import cv2

    cv2.setNumThreads(1)
    places.CACHE_BYTES = PAINTED_BYTES
    kinds = stock.arrays("r+")
    supply = Rendered(stock.name, stock.places)
    for arrays, make in ((kinds[1], supply.portraits), (kinds[0], supply.lessons)):
        for number in range(worker, len(arrays["done"]), workers):
            for part, values in make(number, 1)._asdict().items():
                arrays[part][number] = values[0].numpy()
            arrays["done"][number] = 1


def main() -> None:
    """Fills a stock."""
    parser = argparse.ArgumentParser(description="Render a reader's lessons beforehand, for an accelerator.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--reader", choices=sorted(READERS), required=True)
    parser.add_argument("--lessons", type=int, default=16_000)
    parser.add_argument("--portraits", type=int, default=20_000)
    parser.add_argument("--workers", type=int, default=8)
    chosen = parser.parse_args()
    fill(Stock(chosen.folder, chosen.reader), chosen.lessons, chosen.portraits, chosen.workers)


if __name__ == "__main__":
    main()
