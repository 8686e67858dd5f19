"""Verbs about what the models are trained on."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

import click

from kinema.errors import ExtraMissingError

LINE_SECONDS_TERMINAL, LINE_SECONDS_PIPE = 0.2, 10.0
FOLDER = click.Path(path_type=Path, file_okay=False)
Result = TypeVar("Result")


@click.group()
def data() -> None:
    """Make and check what the models are trained on: shards of clips and their manifest.

    \b
    Examples:
      kinema data render -n 1000 -o shards/
      kinema data pack my-clips/ -o my-shards/ --licence LicenseRef-own --source "my own camera"
      kinema data verify shards/
    """


@data.command()
@click.option("-o", "--output", type=FOLDER, default=Path("shards"), show_default=True, help="Folder for the shards.")
@click.option("-n", "count", type=click.IntRange(1), default=256, show_default=True, help="Clips to render.")
@click.option("--seed", type=int, default=0, show_default=True, help="Which clips: the same seed draws the same ones.")
@click.option(
    "--form",
    type=click.Choice(["recipe", "npz", "mp4"]),
    default="recipe",
    show_default=True,
    help="Scenes to be rendered again bit for bit, every pixel, or films.",
)
@click.option("--size", default="128x128", show_default=True, help="WIDTHxHEIGHT in pixels.")
@click.option("--frames", type=click.IntRange(1), default=32, show_default=True, help="Frames of each clip, at 8 fps.")
@click.option("--per-shard", type=click.IntRange(1), default=256, show_default=True, help="Clips in each shard.")
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes, one thread each.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a line.")
def render(output: Path, count: int, size: str, as_json: bool, workers: int, **parts: Any) -> None:
    """Render clips of the pocket world into shards with a manifest; after a stop, the same command goes on.

    \b
    Examples:
      kinema data render -n 1000
      kinema data render -n 10000 -o more-shards/ --seed 7 --workers 2
      kinema data render -n 64 -o films/ --form mp4 --size 256x256 --json
    """
    from kinema.recipe import parse_size

    width, height = parse_size(size)

    def work(on_clips: Callable[[int, int], None]) -> dict[str, Any]:
        from kinema.data.workers import Order, render_shards
        from kinema.data.world import Run

        run = Run(seed=parts["seed"], width=width, height=height, frames=parts["frames"])
        order = Order(output, run, count, parts["form"], parts["per_shard"])
        return render_shards(order, workers=workers, on_clips=on_clips)

    _tell_summary(output, _with_progress("kinema data render", work), as_json)


@data.command()
@click.argument("folder", type=FOLDER)
@click.option("-o", "--output", type=FOLDER, default=Path("shards"), show_default=True, help="Folder for the shards.")
@click.option("--source", required=True, help="Who made the clips and where they were found.")
@click.option("--licence", required=True, help="SPDX name such as CC0-1.0, or LicenseRef-own for your own footage.")
@click.option("--split", default="train", show_default=True, help="What the clips are for.")
@click.option("--per-shard", type=click.IntRange(1), default=256, show_default=True, help="Clips in each shard.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a line.")
def pack(folder: Path, output: Path, source: str, licence: str, split: str, per_shard: int, as_json: bool) -> None:
    """Pack the clips in FOLDER into shards with a manifest.

    Captions stand in FOLDER/captions.csv (columns file,caption) or in a text file beside each clip (dog.mp4, dog.txt).

    \b
    Examples:
      kinema data pack my-clips/ --licence LicenseRef-own --source "my own camera"
      kinema data pack birds/ -o bird-shards/ --licence CC-BY-4.0 --source "A. Person, example.org/birds" --json
    """

    def work(on_clips: Callable[[int, int], None]) -> dict[str, Any]:
        from kinema.data.folder import Origin, pack_folder

        return pack_folder(folder, output, Origin(source, licence, split), per_shard=per_shard, on_clips=on_clips)

    _tell_summary(output, _with_progress("kinema data pack", work), as_json)


@data.command()
@click.argument("folder", type=FOLDER, default=Path("shards"))
@click.option("--renders", type=click.IntRange(0), help="Render only so many recipes, spread evenly; all if left out.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a line.")
def verify(folder: Path, renders: int | None, as_json: bool) -> None:
    """Check that FOLDER holds exactly what its manifest says, byte for byte and clip for clip.

    \b
    Examples:
      kinema data verify shards/
      kinema data verify shards/ --renders 100 --json
    """

    def work(on_clips: Callable[[int, int], None]) -> Any:
        from kinema.data.manifest import verify as check

        return check(folder, renders=renders, on_clip=on_clips)

    found = _with_progress("kinema data verify", work)
    if as_json:
        click.echo(json.dumps({"path": str(folder), **asdict(found)}))
        return
    counts = f"shards: {found.shards} · clips: {found.clips}, each as its hash says · rendered again: {found.rendered}"
    click.echo(f"{folder} · {counts} · root {found.merkle_root[:16]}")


class ProgressLine:
    """Clips done, clips per second, time left: a moving line on a terminal, a line now and then in a pipe."""

    def __init__(self) -> None:
        self.terminal = sys.stderr.isatty()
        self.every = LINE_SECONDS_TERMINAL if self.terminal else LINE_SECONDS_PIPE
        self.begun = self.told = monotonic()

    def __call__(self, done: int, total: int) -> None:
        now = monotonic()
        if now - self.told < self.every or not done:
            return
        self.told = now
        rate = done / (now - self.begun)
        left_s = round((total - done) / rate)
        line = (
            f"{done}/{total} clips · {rate:.1f} clips/s · {left_s // 3600}:{left_s // 60 % 60:02}:{left_s % 60:02} left"
        )
        click.echo(f"\r{line:<70}" if self.terminal else line, nl=not self.terminal, err=True)

    def close(self) -> None:
        """The terminal's next line is free."""
        if self.terminal and self.told > self.begun:
            click.echo(err=True)


def _with_progress(verb: str, work: Callable[[Callable[[int, int], None]], Result]) -> Result:
    """What the work returns; a missing part of the installation is told by the name of its extra."""
    line = ProgressLine()
    try:
        return work(line)
    except ModuleNotFoundError as error:
        if error.name == "cv2":
            raise ExtraMissingError("train", verb) from None
        raise
    finally:
        line.close()


def _tell_summary(output: Path, summary: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"path": str(output), **summary}, ensure_ascii=False))
        return
    licences = ", ".join(summary["licences"])
    counts = f"shards: {len(summary['shards'])} · clips: {summary['clips']}"
    click.echo(f"{output} · {counts} · {licences} · root {summary['merkle_root'][:16]}")
