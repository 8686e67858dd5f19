"""Verbs about our own model."""

from __future__ import annotations

import json

import click

from kinema.errors import ExtraMissingError


@click.group()
def model() -> None:
    """Look at the model.

    \b
    Examples:
      kinema model sizes
    """


@model.command()
@click.option(
    "--size", default="128x128", show_default=True, help="WIDTHxHEIGHT in pixels that tokens are counted for."
)
@click.option("--frames", type=click.IntRange(4), default=32, show_default=True, help="Frames that are counted for.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list instead of a table.")
def sizes(size: str, frames: int, as_json: bool) -> None:
    """Print the sizes on the one dial: parameters, tokens and floating-point operations of one pass.

    \b
    Examples:
      kinema model sizes
      kinema model sizes --size 1280x720 --frames 120
      kinema model sizes --json
    """
    from kinema.recipe import parse_size

    rows = _rows(*parse_size(size), frames)
    if as_json:
        click.echo(json.dumps(rows))
        return
    cells = [list(rows[0]), *[[_short(value) for value in row.values()] for row in rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    for row in cells:
        click.echo("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))


def _rows(width_px: int, height_px: int, frames: int) -> list[dict[str, str | int | float]]:
    """One row of figures for each size, for films of that shape."""
    try:
        from kinema.model.autoencoder import AutoencoderConfig
        from kinema.model.sizes import SIZES
    except ModuleNotFoundError as error:
        if error.name in ("torch", "einops"):
            raise ExtraMissingError("train", "kinema model sizes") from None
        raise
    latent = AutoencoderConfig()
    tokens = -(-frames // latent.chunk) * -(-height_px // latent.patch) * -(-width_px // latent.patch)
    return [
        {
            "name": size.name,
            "width": size.transformer.width,
            "depth": size.transformer.depth,
            "parameters": size.parameters,
            "tokens": tokens,
            "flops": size.flops(tokens),
        }
        for size in SIZES.values()
    ]


def _short(value: object) -> str:
    """A count such as 8,123,456 as 8.12M; words and small numbers as they are."""
    if not isinstance(value, int | float):
        return str(value)
    for unit, size in (("P", 1e15), ("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e4)):
        if abs(value) >= size:
            return f"{value / (1e3 if unit == 'k' else size):.3g}{unit}"
    return f"{value:g}"
