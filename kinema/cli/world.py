"""Verbs about the pocket world."""

from __future__ import annotations

import json
import random
from pathlib import Path

import click

from kinema.errors import ExtraMissingError


@click.group()
def world() -> None:
    """Look at the pocket world that the embedded model is trained on.

    \b
    Examples:
      kinema world sheet -o sheet.png
    """


@world.command()
@click.option("-o", "--output", type=click.Path(path_type=Path), default=Path("sheet.png"), show_default=True)
@click.option("-n", "count", type=click.IntRange(1, 400), default=24, show_default=True, help="Scenes to draw.")
@click.option("--seed", type=int, default=0, show_default=True, help="Which scenes.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a line.")
def sheet(output: Path, count: int, seed: int, as_json: bool) -> None:
    """Draw a contact sheet of scenes with their captions.

    \b
    Examples:
      kinema world sheet
      kinema world sheet -o sheet.png -n 48 --seed 3
    """
    from kinema.world.captions import caption
    from kinema.world.sampling import sample

    try:
        from kinema.world.render import render
        from kinema.world.sheet import sheet as draw
    except ModuleNotFoundError as error:
        if error.name == "cv2":
            raise ExtraMissingError("world", "kinema world sheet") from None
        raise
    from kinema.media import whole_file

    rng = random.Random(seed)
    scenes = [sample(rng) for _ in range(count)]
    captions = [caption(scene, rng) for scene in scenes]
    with whole_file(output) as part:
        draw([(render(scene), said) for scene, said in zip(scenes, captions, strict=True)], part)
    told = {"path": str(output), "scenes": count, "seed": seed, "captions": captions}
    click.echo(json.dumps(told) if as_json else f"{output} · {count} scenes · seed {seed}")
