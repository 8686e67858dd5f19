"""The verb that makes a film from a sentence, and how its progress looks in a terminal."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import numpy as np

    from kinema.backends import Reading, Step
    from kinema.engine import Film
    from kinema.recipe import Recipe

PREVIEW_COLUMNS = 48


@click.command()
@click.argument("prompt")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Film to write: .mp4 .webm .gif .webp .png.")
@click.option("--seconds", help="Length, such as 4 or 2.5.")
@click.option("--fps", help="Frames per second.")
@click.option("--size", help="WIDTHxHEIGHT in pixels, such as 128x128.")
@click.option("--seed", type=int, help="The same seed makes the same film; drawn and told where left out.")
@click.option("--steps", type=int, help="Steps of the solver: more take longer and look cleaner.")
@click.option("--guidance", type=float, help="How strictly the prompt is followed; 1 is not at all beyond the model.")
@click.option("-n", "n", type=int, default=1, show_default=True, help="Films, with seeds counting up.")
@click.option("--as-is", is_flag=True, help="Give the prompt to the model unrewritten.")
@click.option("--preview", is_flag=True, help="Show in the terminal what is there after each step.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per film instead of a line.")
def generate(output: Path | None, size: str | None, preview: bool, as_json: bool, **parts: Any) -> None:
    """Make a film of what PROMPT says.

    The last line says where the film is, its seed and how long it took. Without -o the film is named after the prompt
    and the seed, in the current folder.

    \b
    Examples:
      kinema generate "a red dog jumps in a snowy forest at night" -o dog.mp4
      kinema generate "two boats on the ocean at sunset" --seed 7 --steps 20 -n 4
      kinema generate "a rocket rises over the moon" -o rocket.gif --json
    """
    from kinema import engine
    from kinema.recipe import Recipe, parse_size

    begun = monotonic()
    width, height = parse_size(size) if size else (None, None)
    recipe, reading = engine.settle(Recipe(width=width, height=height, **parts))
    _tell(recipe, reading)
    path = output or Path(f"{_slug(recipe.prompt)}-{recipe.seed}.mp4")
    for index in range(recipe.n):
        with Progress(preview) as progress:
            film = engine.make(recipe.one_of(index), engine.numbered(path, index, recipe.n), on_step=progress.step)
        wall_s, begun = monotonic() - begun, monotonic()
        click.echo(json.dumps(_summary(film, wall_s), ensure_ascii=False) if as_json else _last_line(film, wall_s))


class Progress:
    """A bar on stderr with the time that remains, or the film itself in coloured half blocks; silent in a pipe."""

    def __init__(self, preview: bool) -> None:
        self.preview, self.drawn_rows = preview, 0
        self.bar: Any = None
        self.terminal = sys.stderr.isatty()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.render_finish()

    def step(self, step: Step) -> None:
        """Shows that one more step is done."""
        if self.preview:
            self._draw(step)
        elif self.terminal:
            if self.bar is None:
                self.bar = click.progressbar(length=step.total, label="filling", file=sys.stderr)
            self.bar.update(1)

    def _draw(self, step: Step) -> None:
        picture = half_blocks(step.look(), PREVIEW_COLUMNS)
        if self.drawn_rows and self.terminal:
            click.echo(f"\x1b[{self.drawn_rows}A", nl=False, err=True)
        click.echo(f"{picture}\nstep {step.done} of {step.total}", err=True, color=True)
        self.drawn_rows = picture.count("\n") + 2


def half_blocks(frame: np.ndarray, columns: int) -> str:
    """A frame (H, W, 3) uint8 as terminal text: two pixels in each upper half block, one above the other."""
    from PIL import Image

    height, width = frame.shape[:2]
    rows = max(1, round(columns * height / width / 2))
    pixels = Image.fromarray(frame).resize((columns, rows * 2), Image.Resampling.BOX)
    lines = []
    for row in range(rows):
        cells = []
        for column in range(columns):
            upper, lower = pixels.getpixel((column, 2 * row)), pixels.getpixel((column, 2 * row + 1))
            cells.append(f"\x1b[38;2;{_rgb(upper)};48;2;{_rgb(lower)}m▀")
        lines.append("".join(cells) + "\x1b[0m")
    return "\n".join(lines)


def _rgb(colour: Any) -> str:
    return ";".join(str(value) for value in colour)


def _tell(recipe: Recipe, reading: Reading) -> None:
    """Says, before anything is made, what the model does not know and what it was given instead."""
    for unknown in reading.unknown:
        nearest = f"; nearest: '{unknown.nearest}'" if unknown.nearest else ""
        click.echo(f"I do not know '{unknown.word}'{nearest}", err=True)
    for note in reading.notes:
        click.echo(f"Note: {note}", err=True)
    if recipe.rewritten_prompt != recipe.prompt:
        click.echo(f"I read: {recipe.rewritten_prompt}", err=True)
    if recipe.made_frames != recipe.frames:
        click.echo(f"I make {recipe.made_frames} frames, and keep the first {recipe.frames}", err=True)


def _slug(prompt: str) -> str:
    """The prompt's first words as a file name."""
    words = re.findall(r"\w+", prompt.lower())
    return "-".join(words[:8])[:60] or "film"


def _last_line(film: Film, wall_s: float) -> str:
    return f"{film.path} · seed {film.recipe.seed} · {wall_s:.1f} s"


def _summary(film: Film, wall_s: float) -> dict[str, object]:
    recipe = film.recipe
    fps = film.clip.fps
    return {
        "path": str(film.path),
        "task": recipe.task,
        "prompt": recipe.prompt,
        "rewritten_prompt": recipe.rewritten_prompt,
        "seed": recipe.seed,
        "frames": len(film.clip),
        "fps": fps.numerator if fps.denominator == 1 else float(fps),
        "size": f"{film.clip.width}x{film.clip.height}",
        "seconds": film.clip.seconds,
        "wall_s": round(wall_s, 3),
    }
