"""Both networks in minutes, on one accelerator: what runs/nano_cpu.sh does in days, in one process.

The crew renders while the autoencoder learns; what was rendered is then encoded in place and the denoiser learns from
it, while more arrives; last it learns to see with one call what guidance takes two for. Or networks that are there
already go on learning: then the autoencoder stays as it is. Budgets are in minutes of wall time, the compiling of
kernels included.
"""

import json
import time
from collections.abc import Callable, Iterable
from copy import deepcopy
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
from kinema.model.checkpoint import (
    fingerprint,
    load_autoencoder,
    load_networks,
    save_autoencoder,
    save_denoiser,
)
from kinema.model.denoiser import Denoiser
from kinema.model.sizes import SIZES
from kinema.settings import read_settings
from kinema.train.crew import Crew, Order, Rendered
from kinema.train.loop import Lesson, Plan, State, learn
from kinema.train.parallel import Ranks
from kinema.train.pooled import Guided, PooledDenoising, PooledReconstruction, Unit, clean
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
    """A whole training; budgets in minutes. Learning begins once `first_clips` of the first shape are there.

    With `start`, a folder of exported networks, these go on learning, but for the autoencoder.
    """

    folder: Path
    shapes: tuple[Shape, ...]
    autoencoder_minutes: float
    denoiser_minutes: float
    guidance_minutes: float
    guidance: float = 4.5
    start: Path | None = None
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
        if self.start and self.autoencoder_minutes:
            raise TrainingError(
                f"{self.autoencoder_minutes:g} minutes for the autoencoder of {self.start}: it stays as it is; give 0"
            )

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
        self.about: dict[str, object] = {}
        """What the denoiser's file says beside its shape."""

    def run(self) -> None:
        """The folder holds both networks, averaged, and the manifest of what they saw, with logs, curves and sheets."""
        torch.manual_seed(self.whole.seed)
        torch.backends.cudnn.benchmark = True
        cards = (self.device.index or 0,) if self.device.type == "cuda" else ()
        meter = Meter(read_settings(), cards=cards)
        with Crew(Order(self.whole.runs, self.whole.crew, self.words, self.text.length)) as crew:
            feeder = Feeder(crew, self.device)
            try:
                autoencoder, denoiser, held = self._begun(feeder)
                self._denoisers(denoiser, Shelves(feeder, autoencoder, held, self.entries))
            finally:
                feeder.stop()
        write_manifest(self.whole.folder, sorted(self.entries, key=lambda entry: entry.key))
        spent = meter.read()
        receipt = {"energy_wh": spent.energy_wh, "wall_s": spent.wall_s, "method": spent.method}
        (self.whole.folder / ENERGY).write_text(json.dumps(receipt, indent=1) + "\n")

    def _begun(self, feeder: Feeder) -> tuple[Autoencoder, Denoiser, list[Latents]]:
        """The autoencoder as it stays, the denoiser to begin from, and what there is to learn from so far."""
        if not self.whole.start:
            autoencoder, held = self._autoencoder(feeder)
            return autoencoder, Denoiser(self.text, SIZES[self.whole.size].transformer), held
        autoencoder, denoiser, header = load_networks(self.whole.start)
        if tuple(header["words"]) != self.words:
            raise TrainingError(f"{self.whole.start} knows other words than this world's; begin anew, without --start")
        if (denoiser.text.config, denoiser.transformer.config) != (self.text, SIZES[self.whole.size].transformer):
            raise TrainingError(
                f"the denoiser of {self.whole.start} is not of the size {self.whole.size}; name its own"
            )
        save_autoencoder(self.whole.folder / "autoencoder.safetensors", deepcopy(autoencoder).bfloat16())
        self.about["started_from"] = fingerprint(denoiser.state_dict())
        autoencoder = _channels_last(autoencoder.to(self.device))
        return autoencoder, denoiser.train(), self._empty(autoencoder)

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

        _await(lambda: pools[0].count >= min(self.whole.first_clips, shapes[0].pixels), feed)
        model = self._at_components(pools[0])
        lesson = PooledReconstruction(model, pools[0], feed)
        plan = Plan(ANY_STEPS, self.whole.crops, lr=7e-4, muon_lr=3e-3, cooldown=0.35, seed=self.whole.seed)
        self._compile([model])
        state = self._learnt(lesson, plan, self.whole.autoencoder_minutes)
        file = self.whole.folder / "autoencoder.safetensors"
        save_autoencoder(file, state.average.bfloat16(), trained_steps=state.step)
        kept = _channels_last(load_autoencoder(file).to(self.device))  # latents are made with the weights as kept
        print(f"autoencoder: {lesson.exam(kept):.2f} dB on the first clips of {pools[0].count}", flush=True)
        held = self._empty(kept)
        for pool, latents in zip(pools, held, strict=True):
            for start in range(0, pool.count, ENCODED):
                part = slice(start, min(start + ENCODED, pool.count))
                latents.add(kept, pool.frames[part], pool.known[part], pool.ids[part])
        return kept, held

    def _at_components(self, pool: Pixels) -> Autoencoder:
        """The autoencoder as it starts: at the principal components of what is there."""
        model = _channels_last(Autoencoder(self.whole.code).to(self.device))
        first = pool.frames[: pool.count : max(1, pool.count // 100)]
        generator = torch.Generator().manual_seed(self.whole.seed)
        values = model.start_at_principal_components(to_frames(first), generator)
        model.set_scale(values.clamp_min(1e-6).sqrt(), self.whole.tilt)
        return model

    def _empty(self, autoencoder: Autoencoder) -> list[Latents]:
        """Room for all clips of each shape."""
        shapes, length = zip(self.whole.runs, self.whole.shapes, strict=True), self.text.length
        return [Latents.empty(shape.clips, run, length, autoencoder, self.device) for run, shape in shapes]

    def _denoisers(self, model: Denoiser, shelves: "Shelves") -> None:
        """The folder holds the denoiser and, where there is time for it, the one that is guided by itself."""
        _await(lambda: shelves.held[0].count >= min(self.whole.first_clips, self.whole.shapes[0].clips), shelves.feed)
        plan = Plan(ANY_STEPS, self.whole.films, cooldown=0.3, ema=0.999, seed=self.whole.seed)
        taught = Taught(model.to(self.device), "denoiser", self.whole.denoiser_minutes, plan)
        if self.whole.start:
            plan = replace(plan, lr=8e-4, muon_lr=4e-3, cooldown=0.7)
            taught = replace(taught, plan=plan, stills=(0.5, 0.25))
        teacher = self._kept(taught, shelves)
        if self.whole.guidance_minutes and not self.until():
            pupil = deepcopy(teacher).float().requires_grad_(True).train()
            plan = replace(plan, lr=5e-4, muon_lr=2e-3, warmup=20, cooldown=0.7, ema=0.99)
            self.about["guided"] = self.whole.guidance
            self._compile(_blocks(teacher))
            aim = Guided(teacher, self.whole.guidance)
            self._kept(Taught(pupil, "guided", self.whole.guidance_minutes, plan, (0.25, 0.25), aim, 1.0), shelves)
        print(f"denoiser: learnt on {[latents.count for latents in shelves.held]} clips", flush=True)

    def _kept(self, taught: "Taught", shelves: "Shelves") -> Denoiser:
        """What was learnt, averaged and rounded to bf16, as it is kept under its name."""
        begun = time.monotonic()
        lesson = PooledDenoising(
            taught.model,
            shelves.held,
            shelves.autoencoder,
            shelves.feed,
            gone=lambda: (time.monotonic() - begun) / 60 / taught.minutes,
            stills=taught.stills,
            unit=self.whole.unit,
            aim=taught.aim,
            shown_guidance=taught.shown_guidance,
            name=taught.name,
        )
        self._compile(_blocks(taught.model))
        state = self._learnt(lesson, taught.plan, taught.minutes)
        about = {"chunks": lesson.chunks, "autoencoder": fingerprint(shelves.autoencoder.state_dict()), **self.about}
        file = self.whole.folder / f"{taught.name}.safetensors"
        save_denoiser(file, state.average.bfloat16(), self.words, trained_steps=state.step, **about)
        return state.average.float()

    def _learnt(self, lesson: Lesson[Model], plan: Plan, minutes: float) -> State[Model]:
        """The lesson learnt for so many minutes."""
        folder = self.whole.folder / lesson.name
        return learn(lesson, replace(plan, minutes=minutes, save_every_s=1e9), folder, Ranks(), until=self.until)

    def _compile(self, parts: Iterable[nn.Module]) -> None:
        """These parts are compiled where that pays."""
        if self.device.type == "cuda":
            torch._dynamo.config.recompile_limit = 64  # a part is compiled for each shape, and equal ones count as one
            for part in parts:
                part.compile(dynamic=False)


@dataclass(frozen=True)
class Taught:
    """A denoiser to teach for so many minutes; the rest as in pooled.py."""

    model: Denoiser
    name: str
    minutes: float
    plan: Plan
    stills: tuple[float, float] = (0.75, 0.25)
    aim: Callable[[Unit], Tensor] = clean
    shown_guidance: float = 3.0


@dataclass
class Shelves:
    """The latents that are learnt from, one shelf a shape; `feed` encodes what has arrived by now, and lists it."""

    feeder: Feeder
    autoencoder: Autoencoder
    held: list[Latents]
    entries: list[Entry]

    def __post_init__(self) -> None:
        self._waiting: list[list[tuple[Tensor, Rendered]]] = [[] for _ in self.held]

    def feed(self) -> None:
        """Clips are encoded many at once; when the first shelf is full, no more are asked for."""
        while arrived := self.feeder.next():
            run = arrived[1].run
            room = min(ENCODED, len(self.held[run].x) - self.held[run].count)
            if room:
                self._waiting[run].append(arrived)
            if room and len(self._waiting[run]) == room:
                self._encode(self.held[run], self._waiting[run])
                self._waiting[run].clear()
        if self.held[0].count == len(self.held[0].x):
            self.feeder.stop()

    def _encode(self, held: Latents, clips: list[tuple[Tensor, Rendered]]) -> None:
        frames = torch.stack([frames for frames, _ in clips])
        known, ids = (
            torch.from_numpy(np.stack(each)).to(frames.device)
            for each in zip(*((rendered.known, rendered.ids) for _, rendered in clips), strict=True)
        )
        held.add(self.autoencoder, frames, known, ids)
        self.entries += [rendered.entry for _, rendered in clips]


def _await(enough: Callable[[], bool], feed: Callable[[], None]) -> None:
    """Takes in what arrives until there is enough."""
    while not enough():
        feed()
        time.sleep(0.02)


def _blocks(model: Denoiser) -> list[nn.Module]:
    return [*model.text.blocks, *model.transformer.blocks]


def _channels_last(model: Autoencoder) -> Autoencoder:
    torch.nn.Module.to(model, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return model
