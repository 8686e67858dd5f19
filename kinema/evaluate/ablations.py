"""What the shape of the model is worth: small transformers learn on latents of other autoencoders, and in other sizes.

    python -m kinema.evaluate.ablations FOLDER autoencoder      chunk, channels and start, with one small transformer
    python -m kinema.evaluate.ablations FOLDER size             3.5M, 9.8M and 22.6M transformers on the landed latents

Every transformer gets the same compute in floating-point operations, so that it does not matter what else the machine
does. What it learnt is told by films of scenes that no evaluation asks for, read by the reader `dev`, and where the
latents are the same by the loss on clips that it never saw. What is done already with the same clips and budgets is not
done again.

B clips, T frames, K chunks, C latent channels, h w latents, N tokens.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean

import click
import numpy as np
import torch
from einops import rearrange

from kinema.backends.networks import EMBEDDED
from kinema.clip import Clip
from kinema.data import world
from kinema.data.latents import LatentStore
from kinema.data.record import Record
from kinema.evaluate.gate import quotable
from kinema.evaluate.reader import Reader
from kinema.evaluate.score import ALL, MEAN, tally
from kinema.evaluate.tuning import scenes
from kinema.model.autoencoder import Autoencoder, AutoencoderConfig
from kinema.model.checkpoint import fingerprint, load_networks
from kinema.model.denoiser import Denoiser
from kinema.model.sizes import SIZES
from kinema.model.transformer import grid_positions
from kinema.model.words import word_ids
from kinema.train.denoise import Denoising, EncodeFrames, blank_latent
from kinema.train.loop import Plan, learn
from kinema.train.parallel import Ranks
from kinema.train.precision import mixed
from kinema.train.reconstruct import Reconstruction, psnr, to_frames, to_uint8
from kinema.train.sample import sample
from kinema.world import captions

RUN = world.Run(seed=9_001)
STILLS, TILT, GUIDANCE = 0.6, 0.7, 3.0
ALONE = Ranks()


@dataclass(frozen=True)
class Scale:
    """How large every trial is: its clips, an autoencoder's widths, samples a step, and what is asked afterwards.

    The last `unseen` clips are never learnt on; `exam` samples of them are asked for, and films of `scenes` scenes.
    """

    run: world.Run = RUN
    widths: tuple[int, int, int] = AutoencoderConfig.widths
    unseen: int = 32
    codec_batch: int = 16
    batch: int = 32
    exam: int = 128
    scenes: int = 32
    sampler_steps: int = 8


@dataclass(frozen=True)
class Codec:
    """An autoencoder to try: frames a chunk, channels, and whether it starts at the principal components."""

    chunk: int = 4
    channels: int = 64
    principal: bool = True

    @property
    def name(self) -> str:
        return f"{self.chunk} frames, {self.channels} channels" + ("" if self.principal else ", random start")


CODECS = (Codec(), Codec(chunk=2, channels=32), Codec(channels=32), Codec(principal=False))
"""The embedded shape; half the frames at the same compression; half the channels; no head start."""


@dataclass(frozen=True)
class Ablation:
    """Where the runs are kept, what they may cost in teraflops, and the clips that they learn on."""

    folder: Path
    codec_teraflops: float
    teraflops: float
    records: tuple[Record, ...]
    clips: np.ndarray
    """(B, T, H, W, 3) uint8."""
    scale: Scale = Scale()

    def found(self, name: str, size: str, codec: Codec | None) -> dict[str, float]:
        """What a transformer of that size learnt of those latents, the landed ones without a codec; tried only once."""
        known = self.folder / f"{name} {size}.json"
        if not known.is_file():
            autoencoder, near = self.codec(codec) if codec else (_landed(), float("nan"))
            learnt = self.transformer(name, size, autoencoder)
            known.write_text(json.dumps({"psnr_db": near, **learnt}))
        found: dict[str, float] = json.loads(known.read_text())
        return found

    def codec(self, codec: Codec) -> tuple[Autoencoder, float]:
        """The autoencoder after its compute, and its PSNR in dB on the unseen clips."""
        torch.manual_seed(0)
        model = Autoencoder(AutoencoderConfig(codec.channels, codec.chunk, widths=self.scale.widths))
        model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        seen = self.clips[: -self.scale.unseen]
        if codec.principal:
            values = model.start_at_principal_components(to_frames(seen[::8]), torch.Generator().manual_seed(0))
            model.set_scale(values.clamp_min(1e-6).sqrt(), TILT)
        lesson = Reconstruction(model, seen)
        steps = max(1, round(self.codec_teraflops * 1e12 / lesson.flops_per_sample / self.scale.codec_batch))
        plan = Plan(steps=steps, batch=self.scale.codec_batch, lr=5e-4, muon_lr=2e-3, cooldown=0.35, show_every_s=1e9)
        average = learn(lesson, plan, self.folder / codec.name / "autoencoder", ALONE).average
        if not codec.principal:
            self._whiten(average)
        with torch.no_grad(), mixed("cpu"):
            near = [
                psnr(average.decode(average.encode(clip)).float(), clip)
                for clip in _batches(self.clips[-self.scale.unseen :])
            ]
        return average, mean(near)

    def _whiten(self, model: Autoencoder) -> None:
        """Scales latents as the principal start would: by their own deviations."""
        with torch.no_grad(), mixed("cpu"):
            found = torch.cat([model.encode(clip).float() for clip in _batches(self.clips[: 2 * self.scale.unseen])])
        model.set_scale(found.std((0, 1, 3, 4)).clamp_min(1e-3), TILT)

    def transformer(self, name: str, size: str, autoencoder: Autoencoder) -> dict[str, float]:
        """What a transformer of that size has learnt of the autoencoder's latents: scores, and loss on unseen clips."""
        torch.manual_seed(0)
        words = captions.words()
        dial, channels = SIZES[size], autoencoder.config.channels
        model = Denoiser(dial.text(len(words)), replace(dial.transformer, channels=channels))
        seen, unseen = (self._store(name, autoencoder, part) for part in ("seen", "unseen"))
        chunks = self.scale.run.frames // autoencoder.config.chunk
        lesson = Denoising(model.train(), (seen,), words, autoencoder, chunks=chunks, stills=STILLS)
        steps = max(1, round(self.teraflops * 1e12 / lesson.flops_per_sample / self.scale.batch))
        plan = Plan(steps=steps, batch=self.scale.batch, cooldown=0.3, ema=0.99, show_every_s=1e9)
        average = learn(lesson, plan, self.folder / name / f"denoiser-{size}", ALONE).average
        exam = Denoising(average, (unseen,), words, autoencoder, chunks=chunks, ended=0.0)
        with torch.no_grad():
            losses = [float(exam.loss(average, range(at, at + 8), seed=5)) for at in range(0, self.scale.exam, 8)]
        return {"steps": steps, "loss": mean(losses), **_read(average, autoencoder, words, self.scale)}

    def _store(self, name: str, autoencoder: Autoencoder, part: str) -> LatentStore:
        """The latents of the seen or the unseen clips."""
        first_unseen = len(self.clips) - self.scale.unseen
        numbers = range(first_unseen) if part == "seen" else range(first_unseen, len(self.clips))

        def examples(start: int) -> Iterable[tuple[Record, Clip]]:
            return ((self.records[at], Clip(self.clips[at], self.scale.run.fps)) for at in numbers[start:])

        digest = fingerprint(autoencoder.encoder.state_dict())
        return LatentStore.build(self.folder / name / part, examples, EncodeFrames(autoencoder), digest, len(numbers))


def _batches(clips: np.ndarray) -> Iterator[torch.Tensor]:
    return (to_frames(clips[at : at + 4]) for at in range(0, len(clips), 4))


def _read(model: Denoiser, autoencoder: Autoencoder, words: tuple[str, ...], scale: Scale) -> dict[str, float]:
    """Factor -> share of the tuning scenes whose film was read rightly."""
    asked, reader, run = scenes(scale.scenes), Reader("dev"), scale.run
    length, config = model.text.config.length, autoencoder.config
    chunks, side = run.frames // config.chunk, run.width // config.patch
    positions = grid_positions(chunks, side, side)
    with torch.no_grad(), mixed("cpu"):
        blank = blank_latent(autoencoder, side, side).float().repeat(chunks, 1)
        readings = []
        for at in range(0, len(asked), 4):
            said = [word_ids(captions.canonical(scene), words, length) for scene in asked[at : at + 4]]
            generator = torch.Generator().manual_seed(at)
            noise = torch.randn(len(said), len(positions), config.channels, generator=generator)
            x = sample(model, noise, blank, positions, torch.tensor(said), steps=scale.sampler_steps, guidance=GUIDANCE)
            latents = rearrange(x, "b (k h w) c -> b k c h w", k=chunks, h=side)
            films = to_uint8(autoencoder.decode(latents))
            readings += [reader.read(Clip(film, run.fps)).facts for film in films]
    shares = tally(asked, readings, quotable(reader))
    return {factor: shares[factor].value for factor in (*quotable(reader), MEAN, ALL) if factor in shares}


def rendered(folder: Path, count: int, run: world.Run) -> tuple[tuple[Record, ...], np.ndarray]:
    """So many clips of the world with their records, rendered once."""
    frames, lines = folder / "clips.npy", folder / "clips.jsonl"
    if not lines.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        out = np.lib.format.open_memmap(frames, "w+", np.uint8, (count, run.frames, run.height, run.width, 3))
        said = []
        with click.progressbar(range(count), label="rendering", width=0) as numbers:
            for number in numbers:
                record, clip = world.render(run, number)
                out[number] = clip.frames
                said.append(record.to_line())
        out.flush()
        lines.write_text("\n".join(said))
    records = tuple(Record.from_line(line, str(lines)) for line in lines.read_text().splitlines())
    return records, np.load(frames, mmap_mode="c")  # torch wants clips that it could write to


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("what", type=click.Choice(["autoencoder", "size"]))
@click.option("--clips", default=1_000, show_default=True)
@click.option("--teraflops", default=60.0, show_default=True, help="for each transformer")
@click.option("--codec-teraflops", default=10.0, show_default=True, help="for each autoencoder")
def main(folder: Path, what: str, clips: int, teraflops: float, codec_teraflops: float) -> None:
    """Print one line for each shape: what was learnt with the same compute."""
    torch.set_num_threads(1)
    folder = folder / f"{clips} clips, {codec_teraflops:g} and {teraflops:g} teraflops"
    ablation = Ablation(folder, codec_teraflops, teraflops, *rendered(folder, clips, RUN))
    for name, size, codec in _trials(what):
        found = ablation.found(name, size, codec)
        about = found.pop("psnr_db"), found.pop("steps"), found.pop("loss")
        marks = "  ".join(f"{factor} {100 * share:.0f}" for factor, share in found.items())
        click.echo("{}, {}: {:.1f} dB, {} steps, loss {:.3f}; ".format(name, size, *about) + f"{marks} %")


def _trials(what: str) -> Iterator[tuple[str, str, Codec | None]]:
    """Name of the latents, size of the transformer, and the autoencoder to train first, if any."""
    if what == "size":
        yield from (("landed", size, None) for size in ("pico", "nano", "micro"))
    else:
        yield from ((codec.name, "pico", codec) for codec in CODECS)


def _landed() -> Autoencoder:
    return load_networks(EMBEDDED)[0].to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


if __name__ == "__main__":
    main()
