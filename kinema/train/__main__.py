"""`python -m kinema.train STAGE`: the stages that runs/nano_cpu.sh strings together, each resumable.

Under torchrun the two training stages share their samples among the ranks; the others are one process each.
"""

import json
import os
import signal
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import FrameType
from typing import Any

import click
import numpy as np
import torch

from kinema.clip import Clip
from kinema.data import world
from kinema.data.latents import Encode, LatentStore
from kinema.data.manifest import Entry, read_manifest, write_manifest
from kinema.data.record import Record
from kinema.errors import CheckpointError, DataError, KinemaError
from kinema.model import upscaler as upscalers
from kinema.model.autoencoder import Autoencoder, AutoencoderConfig
from kinema.model.checkpoint import (
    fingerprint,
    load_autoencoder,
    load_denoiser,
    load_networks,
    save_autoencoder,
    save_denoiser,
)
from kinema.model.denoiser import Denoiser
from kinema.model.sizes import SIZES
from kinema.recipe import parse_size
from kinema.train.canvases import EncodeCanvases
from kinema.train.denoise import Denoising, EncodeFrames
from kinema.train.loop import Plan, learn
from kinema.train.parallel import ranks
from kinema.train.reconstruct import Reconstruction, to_frames
from kinema.train.upscale import Pairs, Upscaling, render_pairs
from kinema.train.whole import ENERGY, Shape, Training, Whole
from kinema.world import captions

FOLDER = click.Path(path_type=Path)
STOPPED = 130


class Stopped:
    """Turns true at the first interrupt or termination, so that a run ends after its step and saves."""

    def __init__(self) -> None:
        self.asked = False
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, self._ask)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.asked = True

    def __call__(self) -> bool:
        return self.asked


@click.group()
def train() -> None:
    """Train the embedded model, stage by stage."""


@train.command()
@click.argument("file", type=FOLDER)
@click.option("--count", default=1600, show_default=True, help="clips to render")
@click.option("--seed", default=101, show_default=True, help="which clips of the world")
@click.option("--size", default=128, show_default=True, help="pixels a side")
def clips(file: Path, count: int, seed: int, size: int) -> None:
    """Render clips of the pocket world as one array (n, 32, size, size, 3), for the autoencoder's crops.

    Their records, which the manifest is made of, go beside it as .jsonl.
    """
    run = world.Run(seed=seed, width=size, height=size, fps=Fraction(8))
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    out = np.lib.format.open_memmap(partial, "w+", np.uint8, (count, run.frames, size, size, 3))
    with (
        file.with_suffix(".jsonl").open("w") as records,
        click.progressbar(range(count), label="rendering", width=0) as numbers,
    ):
        for number in numbers:
            record, clip = world.render(run, number)
            out[number] = clip.frames
            records.write(f"{record.to_line()}\n")
    out.flush()
    partial.rename(file)


@train.command()
@click.option("--clips", "files", multiple=True, required=True, type=FOLDER, help="arrays that `clips` rendered")
@click.option("--folder", "folder", required=True, type=FOLDER, help="where the run keeps its state and pictures")
@click.option("--steps", default=6000, show_default=True)
@click.option("--batch", default=8, show_default=True, help="crops a step, over all ranks")
@click.option("--tilt", default=0.7, show_default=True, help="0 whitens the latents, 1 keeps their energies")
@click.option("--seed", default=0, show_default=True)
def autoencoder(files: tuple[Path, ...], folder: Path, steps: int, batch: int, tilt: float, seed: int) -> None:
    """Train the autoencoder; writes FOLDER/autoencoder.safetensors.

    A run that is interrupted leaves autoencoder-so-far.safetensors instead, and goes on when it is started again.
    """
    rendered = [_read_clips(file) for file in files]
    pool = rendered[0] if len(rendered) == 1 else np.concatenate(rendered)
    stopped = Stopped()
    with ranks() as place:
        torch.manual_seed(seed)
        model = _channels_last(Autoencoder(AutoencoderConfig()))
        generator = torch.Generator().manual_seed(seed)
        values = model.start_at_principal_components(to_frames(pool[:: max(1, len(pool) // 60)]), generator)
        model.set_scale(values.clamp_min(1e-6).sqrt(), tilt)
        plan = Plan(steps=steps, batch=batch, lr=5e-4, muon_lr=2e-3, cooldown=0.35, seed=seed)
        state = learn(Reconstruction(model, pool), plan, folder, place, until=stopped)
        if place.leads:
            file = folder / _named("autoencoder", state.step, steps)
            save_autoencoder(file, state.average, trained_steps=state.step)
    _end(state.step, steps)


@train.command()
@click.option("--autoencoder", "file", required=True, type=FOLDER, help="autoencoder.safetensors")
@click.option("--folder", required=True, type=FOLDER, help="where the store of latents is built")
@click.option("--count", default=20_000, show_default=True, help="clips")
@click.option("--seed", default=1, show_default=True, help="which clips of the world")
@click.option("--part", default=0, show_default=True, help="build the clips of one of `--parts` processes")
@click.option("--parts", default=1, show_default=True)
@click.option(
    "--size", default="128x128", show_default=True, help="WIDTHxHEIGHT in pixels; each shape has its own store"
)
@click.option("--canvases", is_flag=True, help="keep beside each clip what some task would know of it")
def latents(file: Path, folder: Path, count: int, seed: int, part: int, parts: int, size: str, canvases: bool) -> None:
    """Render clips of the pocket world, encode them and keep the latents; goes on where it stopped."""
    torch.set_num_threads(1)
    encoder = _channels_last(load_autoencoder(file))
    width, height = parse_size(size)
    run = world.Run(seed=seed, width=width, height=height)
    mine = range(part, count, parts)

    def examples(start: int) -> Iterator[tuple[Record, Clip]]:
        with click.progressbar(mine[start:], label=f"encoding part {part}", width=0) as numbers:
            yield from world.clips(run, numbers)

    into = folder / f"part-{part:03d}"
    encode: Encode = EncodeFrames(encoder)
    if canvases:
        from kinema.tasks import draw_canvas

        encode = EncodeCanvases(encoder, draw_canvas, run.fps)
    LatentStore.build(into, examples, encode, fingerprint(encoder.state_dict()), len(mine))


@train.command()
@click.option("--autoencoder", "file", required=True, type=FOLDER, help="autoencoder.safetensors")
@click.option("--latents", "stores", multiple=True, required=True, type=FOLDER, help="stores that `latents` built")
@click.option("--folder", required=True, type=FOLDER, help="where the run keeps its state and pictures")
@click.option("--start", type=FOLDER, help="a denoiser.safetensors to start from, such as the stage before left")
@click.option("--chunks", default=1, show_default=True, help="latent frames of a window: 1 for stills, 8 for films")
@click.option("--stills", default=0.0, show_default=True, help="share of the samples that are that many stills instead")
@click.option("--size", default="nano", show_default=True, type=click.Choice(list(SIZES)), help="width of the model")
@click.option("--steps", default=2000, show_default=True)
@click.option("--batch", default=128, show_default=True, help="windows a step, over all ranks")
@click.option("--lr", default=1e-3, show_default=True, help="AdamW's peak rate")
@click.option("--muon-lr", default=5e-3, show_default=True, help="Muon's peak rate")
@click.option("--cooldown", default=0.2, show_default=True, help="share of the steps over which rates fall to zero")
@click.option("--seed", default=0, show_default=True)
def denoiser(file: Path, stores: tuple[Path, ...], folder: Path, start: Path | None, size: str, **options: Any) -> None:
    """Train the text encoder and the transformer; writes FOLDER/denoiser.safetensors.

    A run that is interrupted leaves denoiser-so-far.safetensors instead, and goes on when it is started again.
    """
    encoder = load_autoencoder(file)
    held = tuple(LatentStore.open(store, fingerprint(encoder.state_dict())) for store in stores)
    drawing = {name: options.pop(name) for name in ("chunks", "stills")}
    plan = Plan(**options)
    words = captions.words()
    stopped = Stopped()
    with ranks() as place:
        torch.manual_seed(plan.seed)
        if start:
            model, header = load_denoiser(start)
            words = tuple(header["words"])
        else:
            model = Denoiser(SIZES[size].text(len(words)), SIZES[size].transformer)
        lesson = Denoising(model.train(), held, words, encoder, **drawing)
        state = learn(lesson, plan, folder, place, until=stopped)
        if place.leads:
            path = folder / _named("denoiser", state.step, plan.steps)
            about = {"chunks": drawing["chunks"], "autoencoder": held[0].autoencoder, "trained_steps": state.step}
            save_denoiser(path, state.average, words, **about)
    _end(state.step, plan.steps)


@train.command()
@click.argument("folder", type=FOLDER)
@click.option("--minutes", nargs=3, type=float, required=True, help="for autoencoder, denoiser, guidance in one call")
@click.option("--guidance", default=4.5, show_default=True, help="how strict the denoiser that is guided by itself is")
@click.option("--start", type=FOLDER, help="exported networks to go on from, such as kinema/weights/nano")
@click.option("--shape", "shapes", multiple=True, required=True, help="WIDTHxHEIGHT:PIXELS:CLIPS: room for these")
@click.option("--size", default="nano", show_default=True, type=click.Choice(list(SIZES)), help="width of the model")
@click.option("--device", default="cuda", show_default=True, help="what learns, such as cuda or cpu")
@click.option("--workers", default=max(1, (os.cpu_count() or 2) - 1), show_default=True, help="processes that render")
@click.option("--crops", default=128, show_default=True, help="crops a step of the autoencoder")
@click.option("--films", default=192, show_default=True, help="films a step of the denoiser")
@click.option("--unit", default=64, show_default=True, help="films of one kind in a step")
@click.option("--first-clips", default=600, show_default=True, help="clips to wait for before the autoencoder begins")
@click.option("--seed", default=0, show_default=True)
def whole(
    folder: Path, minutes: tuple[float, float, float], shapes: tuple[str, ...], device: str, **options: Any
) -> None:
    """Train both networks at once on an accelerator, rendering beside it; FOLDER holds them and their manifest.

    It leaves two denoisers: denoiser.safetensors takes two calls a step to be guided, guided.safetensors learnt from it
    to be guided by itself.

    The weights are written as they are embedded, in bf16; a run that is interrupted writes what it has.
    """
    folder.mkdir(parents=True, exist_ok=True)
    held = []
    for shape in shapes:
        size, *rooms = shape.split(":")
        if len(rooms) != 2 or not all(room.isdigit() for room in rooms):
            raise click.BadParameter(f"{shape!r} is not WIDTHxHEIGHT:PIXELS:CLIPS, such as 128x128:20000:36000")
        held.append(Shape(*parse_size(size), *map(int, rooms)))
    Training(Whole(folder, tuple(held), *minutes, **options), torch.device(device), Stopped()).run()


@train.command()
@click.option("--autoencoder", "file", required=True, type=FOLDER, help="autoencoder.safetensors")
@click.option("--denoiser", "denoiser_file", required=True, type=FOLDER, help="denoiser.safetensors")
@click.option("--clips", "files", multiple=True, type=FOLDER, help="what the autoencoder learnt on")
@click.option("--latents", "stores", multiple=True, type=FOLDER, help="what the denoiser learnt on")
@click.option("--manifest", "manifests", multiple=True, type=FOLDER, help="a folder whose manifest lists what was seen")
@click.option("--folder", required=True, type=FOLDER, help="where the networks, their card and the manifest are put")
@click.option("--name", default="nano", show_default=True)
@click.option("--steps-per-film", "steps", default=12, show_default=True, help="the solver's steps, unless asked")
@click.option("--guidance", type=float, help="how strictly prompts are followed, unless asked; as learnt, else 3")
@click.option("--solver", default="euler", show_default=True, type=click.Choice(["euler", "heun"]))
@click.option("--shift", default=1.0, show_default=True, help="above 1 spends more of the steps on noise")
def export(file: Path, denoiser_file: Path, folder: Path, **options: Any) -> None:
    """Write both networks as a folder for OpenVINO, with the manifest: what KINEMA_WEIGHTS may point at."""
    from kinema.model.export import export as export_networks  # OpenVINO is not where an accelerator trains

    torch.set_num_threads(1)
    encoder = load_autoencoder(file)
    model, header = load_denoiser(denoiser_file)
    expected, found = header.get("autoencoder"), fingerprint(encoder.state_dict())
    if expected != found:
        raise CheckpointError(
            f"{denoiser_file} was trained on latents of the autoencoder {str(expected)[:12]}, "
            f"{file} is {found[:12]}; name the autoencoder that made its latents"
        )
    files, stores, manifests = (options.pop(name) for name in ("files", "stores", "manifests"))
    records = [record for clips in files for record in _read_records(clips)]
    records += [record for store in stores for record in LatentStore.open(store, found).records]
    seen = [Entry.of(record) for record in records]
    seen += [entry for manifest in manifests for entry in read_manifest(manifest)[0]]
    if not seen:
        raise DataError("nothing says what the networks were trained on; name --clips and --latents, or a --manifest")
    card = {
        "format": "kinema-native-1",
        "licence": "Apache-2.0",
        "trained_on": f"{world.SOURCE} ({world.LICENCE})",
        "latent_channels": encoder.config.channels,
        "mask_channels": model.transformer.config.mask_channels,
        "chunk": encoder.config.chunk,
        "patch": encoder.config.patch,
        "window": 8,
        "overlap": 2,
        "words": header["words"],
        "text_length": model.text.config.length,
        "fps": 8,
        "width": 128,
        "height": 128,
        **options,
    }
    folder.mkdir(parents=True, exist_ok=True)
    card["guided"] = header.get("guided", 1.0)
    if card["guidance"] is None:
        card["guidance"] = header.get("guided", 3.0)
    card |= {"started_from": header["started_from"]} if "started_from" in header else {}
    if energy := _energy_of(manifests):
        card["training_energy"] = energy
    summary = write_manifest(folder, seen)
    export_networks(folder, encoder, model, card | {"merkle_root": summary["merkle_root"]})
    size_mb = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
    click.echo(f"{folder} · {size_mb:.1f} MB")


@train.command()
@click.argument("networks", type=FOLDER)
@click.argument("folder", type=FOLDER)
def unpack(networks: Path, folder: Path) -> None:
    """Write exported NETWORKS, such as kinema/weights/nano, as FOLDER/autoencoder.safetensors and denoiser.safetensors.

    Training may start from these where the run that made them is gone; latents have to be encoded anew.
    """
    encoder, model, header = load_networks(networks)
    save_autoencoder(folder / "autoencoder.safetensors", encoder)
    made = fingerprint(load_autoencoder(folder / "autoencoder.safetensors").state_dict())
    save_denoiser(folder / "denoiser.safetensors", model, tuple(header["words"]), autoencoder=made)
    click.echo(f"{folder}")


@train.command()
@click.argument("folder", type=FOLDER)
@click.option("--networks", required=True, type=FOLDER, help="exported networks, such as kinema/weights/nano")
@click.option("--count", default=480, show_default=True, help="clips")
@click.option("--frames", default=16, show_default=True, help="frames of each")
@click.option("--seed", default=301, show_default=True, help="which clips of the world")
@click.option("--size", default=128, show_default=True, help="pixels a side of the small ones")
@click.option("--noise", default=0.3, show_default=True, help="deviation of the strongest latent noise")
def pairs(folder: Path, networks: Path, count: int, frames: int, seed: int, size: int, noise: float) -> None:
    """Render what the upscaler learns from: clips through the autoencoder, and the same at twice the size."""
    torch.set_num_threads(1)
    encoder, _, _ = load_networks(networks)
    run = world.Run(seed=seed, width=size, height=size, frames=frames)
    with click.progressbar(length=count, label="rendering pairs", width=0) as shown:
        render_pairs(folder, run, count, _channels_last(encoder), noise, lambda: shown.update(1))


@train.command()
@click.option("--pairs", "pool", required=True, type=FOLDER, help="what `pairs` rendered")
@click.option("--folder", required=True, type=FOLDER, help="where the run keeps its state and pictures")
@click.option("--start", type=FOLDER, help="an upscaler's weights to start from, such as exported ones")
@click.option("--steps", default=8000, show_default=True)
@click.option("--batch", default=16, show_default=True, help="crops a step, over all ranks")
@click.option("--seed", default=0, show_default=True)
def upscaler(pool: Path, folder: Path, start: Path | None, steps: int, batch: int, seed: int) -> None:
    """Train the upscaler; writes FOLDER/upscaler.safetensors.

    A run that is interrupted leaves upscaler-so-far.safetensors instead, and goes on when it is started again.
    """
    held = Pairs.open(pool)
    stopped = Stopped()
    with ranks() as place:
        torch.manual_seed(seed)
        fresh = upscalers.load(start)[0].train() if start else upscalers.Upscaler(upscalers.UpscalerConfig())
        model = fresh.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        plan = Plan(steps=steps, batch=batch, lr=1e-3, muon_lr=2e-3, cooldown=0.4, ema=0.995, seed=seed)
        state = learn(Upscaling(model, held), plan, folder, place, until=stopped)
        if place.leads:
            upscalers.save(folder / _named("upscaler", state.step, steps), state.average, trained_steps=state.step)
    _end(state.step, steps)


@train.command("export-upscaler")
@click.argument("file", type=FOLDER)
@click.argument("folder", type=FOLDER)
@click.option("--networks", required=True, type=FOLDER, help="the exported networks whose frames it was taught on")
def export_the_upscaler(file: Path, folder: Path, networks: Path) -> None:
    """Write the upscaler FILE as FOLDER for OpenVINO, with its card: what kinema/weights/upscaler holds."""
    from kinema.model.export import export_upscaler

    torch.set_num_threads(1)
    model, _ = upscalers.load(file)
    encoder, _, _ = load_networks(networks)
    card = {
        "format": "kinema-upscaler-1",
        "name": "upscaler",
        "licence": "Apache-2.0",
        "trained_on": f"{world.SOURCE} ({world.LICENCE})",
        "autoencoder": fingerprint(encoder.state_dict()),
    }
    export_upscaler(folder, model, card)
    click.echo(f"{folder} · {sum(path.stat().st_size for path in folder.iterdir()) / 1e6:.2f} MB")


def _read_clips(file: Path) -> np.ndarray:
    """Clips (n, T, H, W, 3) uint8, mapped. Raises DataError where the file holds no such array."""
    try:
        pool = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(
            f"{file} cannot be read as clips ({error}); render it with python -m kinema.train clips"
        ) from None
    if pool.ndim != 5 or pool.shape[-1] != 3 or pool.dtype != np.uint8 or not len(pool):
        raise DataError(f"{file} holds {pool.shape} {pool.dtype}, not clips (n, T, H, W, 3) uint8; render it anew")
    return pool


def _read_records(clips: Path) -> list[Record]:
    """The records of an array of clips. Raises DataError where they are not beside it."""
    file = clips.with_suffix(".jsonl")
    if not file.is_file():
        raise DataError(f"{clips} has no records beside it ({file.name}); render it with python -m kinema.train clips")
    return [Record.from_line(line, f"{file} line {i + 1}") for i, line in enumerate(file.read_text().splitlines())]


def _energy_of(manifests: tuple[Path, ...]) -> dict[str, Any] | None:
    """What the trainings behind these manifests took together; None where one of them is not known.

    It lies beside a manifest where `whole` left it, or in the card of networks that one began from.
    """
    spent = []
    for folder in manifests:
        receipt, card = folder / ENERGY, folder / "networks.json"
        if receipt.is_file():
            spent.append(json.loads(receipt.read_text()))
        elif card.is_file():
            spent.append(json.loads(card.read_text()).get("training_energy"))
    if not spent or len(spent) != len(manifests) or None in spent:
        return None
    together = {name: round(sum(each[name] for each in spent), 2) for name in ("energy_wh", "wall_s")}
    return together | {"method": "; ".join(dict.fromkeys(each["method"] for each in spent))}


def _channels_last(model: Autoencoder) -> Autoencoder:
    """The autoencoder with its weights in the order that convolutions on a CPU are fastest in."""
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _named(what: str, step: int, steps: int) -> str:
    """The checkpoint's file name: its final one only when every step is done."""
    return f"{what}.safetensors" if step >= steps else f"{what}-so-far.safetensors"


def _end(step: int, steps: int) -> None:
    """Leaves with the code of an interruption when steps remain."""
    if step < steps:
        click.echo(f"stopped after {step} of {steps} steps; the same command goes on from there", err=True)
        sys.exit(STOPPED)


def main() -> None:
    """Runs the stage that the terminal asks for; an error that a person can put right is one line."""
    try:
        train(prog_name="python -m kinema.train")
    except KinemaError as error:
        click.echo(f"kinema.train: {' '.join(str(error).split())}", err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
