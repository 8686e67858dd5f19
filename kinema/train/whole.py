"""Both networks from nothing in minutes, on one accelerator: what runs/nano_cpu.sh does in days, in one process.

The crew renders while the autoencoder learns; what was rendered is then encoded in place and the denoiser learns from
it, while more arrives. Budgets are in minutes of wall time, the compiling of kernels included.
"""

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from kinema.data.manifest import Entry, write_manifest
from kinema.data.world import Run
from kinema.energy import Meter
from kinema.errors import TrainingError
from kinema.model.autoencoder import Autoencoder, AutoencoderConfig
from kinema.model.checkpoint import fingerprint, load_autoencoder, save_autoencoder, save_denoiser
from kinema.model.denoiser import Denoiser
from kinema.model.sizes import SIZES
from kinema.settings import read_settings
from kinema.train.crew import Crew, Order, Rendered
from kinema.train.loop import Lesson, Plan, State, learn
from kinema.train.parallel import Ranks
from kinema.train.pooled import PooledDenoising, PooledReconstruction
from kinema.train.pools import ENCODED, Feeder, Latents, Pixels
from kinema.train.reconstruct import to_frames
from kinema.world import captions

Model = TypeVar("Model", bound=nn.Module)
ENERGY = "energy.json"
"""What a training took; its networks' card repeats it."""
ANY_STEPS = 1_000_000
"""More than any budget has room for."""


@dataclass(frozen=True)
class Shape:
    """A shape of picture in pixels, and how many clips of it the pools have room for: as pixels, and in all."""

    width: int
    height: int
    pixels: int
    clips: int


@dataclass(frozen=True)
class Whole:
    """A whole training; budgets in minutes. The autoencoder begins once `first_clips` of the first shape are there."""

    folder: Path
    shapes: tuple[Shape, ...]
    autoencoder_minutes: float
    denoiser_minutes: float
    size: str = "nano"
    code: AutoencoderConfig = field(default_factory=AutoencoderConfig)
    workers: int = 15
    crops: int = 128
    films: int = 192
    unit: int = 64
    tilt: float = 0.7
    seed: int = 0
    first_clips: int = 600

    def __post_init__(self) -> None:
        if self.films % self.unit:
            raise TrainingError(f"{self.films} films a step are no whole number of units of {self.unit}")

    @property
    def runs(self) -> tuple[Run, ...]:
        """A run of the world for each shape; none shares a seed with those of runs/nano_cpu.sh."""
        seed = 1001 + 100 * self.seed
        return tuple(Run(seed + index, shape.width, shape.height) for index, shape in enumerate(self.shapes))

    @property
    def crew(self) -> tuple[int, ...]:
        """Processes that render each shape: one for each but the first, which gets all the others."""
        others = len(self.shapes) - 1
        return (max(1, self.workers - others), *([1] * others))


class Training:
    """A whole training on one device. `run` is all of it."""

    def __init__(self, whole: Whole, device: torch.device, until: Callable[[], bool]) -> None:
        self.whole, self.device, self.until = whole, device, until
        self.words = captions.words()
        self.text = SIZES[whole.size].text(len(self.words))
        self.entries: list[Entry] = []
        """The manifest's lines of all clips that were learnt from."""

    def run(self) -> None:
        """The folder holds both networks, averaged, and the manifest of what they saw, with logs, curves and sheets."""
        torch.manual_seed(self.whole.seed)
        torch.backends.cudnn.benchmark = True
        cards = (self.device.index or 0,) if self.device.type == "cuda" else ()
        meter = Meter(read_settings(), cards=cards)
        with Crew(Order(self.whole.runs, self.whole.crew, self.words, self.text.length)) as crew:
            feeder = Feeder(crew, self.device)
            try:
                autoencoder, latents = self._autoencoder(feeder)
                self._denoiser(feeder, autoencoder, latents)
            finally:
                feeder.stop()
        write_manifest(self.whole.folder, sorted(self.entries, key=lambda entry: entry.key))
        spent = meter.read()
        receipt = {"energy_wh": spent.energy_wh, "wall_s": spent.wall_s, "method": spent.method}
        (self.whole.folder / ENERGY).write_text(json.dumps(receipt, indent=1) + "\n")

    def _autoencoder(self, feeder: Feeder) -> tuple[Autoencoder, list[Latents]]:
        """The autoencoder, and all clips that arrived while it learnt as its latents."""
        shapes, runs = self.whole.shapes, self.whole.runs
        pools = [
            Pixels.empty(shape.pixels, run, self.text.length, self.device)
            for run, shape in zip(runs, shapes, strict=True)
        ]

        def feed() -> None:
            while arrived := feeder.next():
                frames, rendered = arrived
                if not pools[rendered.run].is_full:
                    pools[rendered.run].add(frames, rendered)
                    self.entries.append(rendered.entry)

        while pools[0].count < min(self.whole.first_clips, shapes[0].pixels):
            feed()
            time.sleep(0.02)
        model = self._begun(pools[0])
        lesson = PooledReconstruction(model, pools[0], feed)
        plan = Plan(ANY_STEPS, self.whole.crops, lr=7e-4, muon_lr=3e-3, cooldown=0.35, seed=self.whole.seed)
        state = self._learnt(lesson, plan, self.whole.autoencoder_minutes, [model])
        file = self.whole.folder / "autoencoder.safetensors"
        save_autoencoder(file, state.average.bfloat16(), trained_steps=state.step)
        kept = load_autoencoder(file).to(self.device)  # latents are made with the weights as they are kept
        torch.nn.Module.to(kept, memory_format=torch.channels_last)  # type: ignore[call-overload]
        print(f"autoencoder: {lesson.exam(kept):.2f} dB on the first clips of {pools[0].count}", flush=True)
        return kept, self._encoded(pools, kept)

    def _begun(self, pool: Pixels) -> Autoencoder:
        """The autoencoder as it starts: at the principal components of what is there."""
        model = Autoencoder(self.whole.code).to(self.device)
        torch.nn.Module.to(model, memory_format=torch.channels_last)  # type: ignore[call-overload]
        first = pool.frames[: pool.count : max(1, pool.count // 100)]
        generator = torch.Generator().manual_seed(self.whole.seed)
        values = model.start_at_principal_components(to_frames(first), generator)
        model.set_scale(values.clamp_min(1e-6).sqrt(), self.whole.tilt)
        return model

    def _encoded(self, pools: Sequence[Pixels], autoencoder: Autoencoder) -> list[Latents]:
        """The pools' clips as latents, with room for all that are still to come."""
        shelves = []
        for run, shape, pool in zip(self.whole.runs, self.whole.shapes, pools, strict=True):
            shelf = Latents.empty(shape.clips, run, self.text.length, autoencoder, self.device)
            for start in range(0, pool.count, ENCODED):
                part = slice(start, min(start + ENCODED, pool.count))
                shelf.add(autoencoder, pool.frames[part], pool.known[part], pool.ids[part])
            shelves.append(shelf)
        return shelves

    def _denoiser(self, feeder: Feeder, autoencoder: Autoencoder, shelves: list[Latents]) -> None:
        waiting: list[list[tuple[Tensor, Rendered]]] = [[] for _ in shelves]

        def feed() -> None:
            while arrived := feeder.next():
                run = arrived[1].run
                room = min(ENCODED, len(shelves[run].x) - shelves[run].count)
                if room:
                    waiting[run].append(arrived)
                if room and len(waiting[run]) == room:
                    self._shelve(shelves[run], autoencoder, waiting[run])
                    waiting[run].clear()
            if shelves[0].count == len(shelves[0].x):
                feeder.stop()

        minutes = self.whole.denoiser_minutes
        begun = time.monotonic()
        model = Denoiser(self.text, SIZES[self.whole.size].transformer).to(self.device)
        lesson = PooledDenoising(
            model,
            shelves,
            autoencoder,
            feed,
            gone=lambda: (time.monotonic() - begun) / 60 / minutes,
            unit=self.whole.unit,
        )
        plan = Plan(ANY_STEPS, self.whole.films, cooldown=0.3, ema=0.999, seed=self.whole.seed)
        state = self._learnt(lesson, plan, minutes, [*model.text.blocks, *model.transformer.blocks])
        about = {"chunks": lesson.chunks, "autoencoder": fingerprint(autoencoder.state_dict())}
        file = self.whole.folder / "denoiser.safetensors"
        save_denoiser(file, state.average.bfloat16(), self.words, trained_steps=state.step, **about)
        print(f"denoiser: learnt on {[shelf.count for shelf in shelves]} clips", flush=True)

    def _learnt(self, lesson: Lesson[Model], plan: Plan, minutes: float, parts: Iterable[nn.Module]) -> State[Model]:
        """The lesson learnt for so many minutes, these parts of its model compiled where that pays."""
        if self.device.type == "cuda":
            torch._dynamo.config.recompile_limit = 64  # a part is compiled for each shape, and equal ones count as one
            for part in parts:
                part.compile(dynamic=False)
        folder = self.whole.folder / lesson.name
        return learn(lesson, replace(plan, minutes=minutes, save_every_s=1e9), folder, Ranks(), until=self.until)

    def _shelve(self, shelf: Latents, autoencoder: Autoencoder, clips: list[tuple[Tensor, Rendered]]) -> None:
        frames = torch.stack([frames for frames, _ in clips])
        known, ids = (
            torch.from_numpy(np.stack(each)).to(self.device)
            for each in zip(*((rendered.known, rendered.ids) for _, rendered in clips), strict=True)
        )
        shelf.add(autoencoder, frames, known, ids)
        self.entries += [rendered.entry for _, rendered in clips]
