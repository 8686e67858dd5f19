"""Verbs about our own model."""

from __future__ import annotations

import json
from pathlib import Path

import click

from kinema.errors import ExtraMissingError


@click.group()
def model() -> None:
    """Look at the model.

    \b
    Examples:
      kinema model sizes
      kinema model certificate
    """


@model.command()
@click.option("--summary", is_flag=True, help="The public summary of training content (EU AI Act, Article 53(1)(d)).")
@click.option("--provider", help="Who offers the model and how they are reached, for the summary.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="A Markdown file to write instead of printing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a page.")
def certificate(summary: bool, provider: str | None, output: Path | None, as_json: bool) -> None:
    """Write the model's birth certificate: its weights, what each was trained on, under which licence, at what energy.

    It is made from the weights' card and manifest, whose Merkle root is checked against every training clip's line.

    \b
    Examples:
      kinema model certificate
      kinema model certificate --summary --provider "Anna Maier, anna@example.org" -o SUMMARY.md
      kinema model certificate --json
    """
    from kinema.backends.networks import weights_folder
    from kinema.errors import OutputError
    from kinema.settings import read_settings
    from kinema.trust.certificate import birth_certificate, certificate_page, training_summary

    found = birth_certificate(weights_folder(read_settings()))
    page = training_summary(found, provider) if summary else certificate_page(found)
    if output is not None:
        try:
            output.write_text(page, encoding="utf-8")
        except OSError as error:
            raise OutputError(f"{output} cannot be written: {error.strerror}; choose another place with -o") from None
    if as_json:
        click.echo(json.dumps(found))
    else:
        click.echo(str(output) if output is not None else page)


@model.command()
@click.argument("film", type=click.Path(path_type=Path))
@click.option("--caption", help="What the film shows; by default what its recipe says.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines.")
def nearest(film: Path, caption: str | None, as_json: bool) -> None:
    """Print the training clips that FILM is nearest to, and a memorisation score from 0 to 1.

    Training clips are drawn again from their keys in the manifest. The first call may take half an hour, as every
    caption is drawn, and says how long is left; the next ones take about a second.

    \b
    Examples:
      kinema model nearest dog.mp4
      kinema model nearest dog.mp4 --json
    """
    from kinema.backends.networks import weights_folder
    from kinema.cli.evaluate import Clock
    from kinema.cli.show import recipe_of
    from kinema.media import read
    from kinema.settings import read_settings
    from kinema.trust.receipts import nearest as nearest_to

    settings = read_settings()
    if caption is None:
        recipe = recipe_of(film)
        caption = recipe.rewritten_prompt or recipe.prompt
    found = nearest_to(read(film), caption, weights_folder(settings), settings.home, Clock().show)
    if as_json:
        click.echo(json.dumps(found.to_fields()))
        return
    for key, said, likeness in zip(found.keys, found.captions, found.likeness, strict=True):
        click.echo(f"{likeness:.3f}  {key}  {said}")
    click.echo(
        f"memorisation {found.memorisation:.2f} (0 none, 1 a copy), {found.compared} of {found.of_clips} clips drawn"
    )
    if not found.verified:
        click.echo("this version of the world draws other clips than the model saw, so nothing follows from it")


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
