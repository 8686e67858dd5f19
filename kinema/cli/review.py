"""The verbs that say what the frame review sees, measure it, and teach it what an operator's own pictures show."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kinema.cli.progress import Progress
from kinema.cli.terminal import echo_json

if TYPE_CHECKING:
    from kinema.trust.review.decision import Look

_FILE = click.Path(path_type=Path)
_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.group()
def review() -> None:
    """Ask the frame review for its decision, measure it, or train heads of your own.

    \b
    Examples:
      kinema review check dog.mp4
      kinema review report
      kinema review train pictures -o heads.safetensors
    """


@review.command()
@click.argument("files", nargs=-1, required=True, type=_FILE)
@click.option("--all", "every", is_flag=True, help="Look at every frame, not at one a second and every cut.")
@click.option("--consent", metavar="WHO, HOW", default="", help="Who agreed to the real faces in them, and how.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per file instead of a line.")
def check(files: tuple[Path, ...], every: bool, consent: str, as_json: bool) -> int:
    """Decide on FILES as on uploads: block, review or allow, with the frame that led to it.

    The exit code is 3 where one of them is blocked, as it is when a film is to be made of it.

    \b
    Examples:
      kinema review check dog.mp4 cat.png
      kinema review check portrait.jpg --consent "Ada Lovelace, by letter of 3 May"
      kinema review check film.mp4 --all --json
    """
    from kinema.errors import RefusedError
    from kinema.media import read
    from kinema.trust.review import check as decide

    code = 0
    for path in files:
        with Progress(f"looking at {path.name}"):
            look = decide(read(path), str(path), every=every, consent=consent)
        code = max(code, RefusedError.exit_code if look.gravest.decision == "block" else 0)
        if as_json:
            echo_json(fields(path, look))
        else:
            sight = look.gravest
            said = "" if sight.decision == "allow" else f": {sight.reason}; {sight.appeal}"
            click.echo(f"{path}: {sight.decision}{said} ({look.looked} of {look.frames} frames looked at)")
    return code


def counting(progress: Progress) -> Callable[[int, int], None]:
    """Tells the progress how many of how many are done."""
    import numpy as np

    from kinema.backends import Step

    def count(done: int, total: int) -> None:
        progress.step(Step(done, total, lambda: np.zeros((1, 1, 3), np.uint8)))

    return count


def fields(path: Path, look: Look) -> dict[str, Any]:
    """What was seen of a file, in one JSON object."""
    said = {"path": str(path)} | vars(look.gravest)
    return said | {"faces": look.faces, "frames": look.frames, "looked": look.looked, "took_s": round(look.spent_s, 3)}


@review.command()
@click.argument("folder", required=False, type=_FOLDER)
@click.option("--films", type=click.IntRange(1), default=100, show_default=True, help="Films of the pocket world.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
def report(folder: Path | None, films: int, as_json: bool) -> None:
    """Measure false alarms on films of the pocket world, and milliseconds a frame.

    With a FOLDER that has a folder of pictures or films for each category (sexual, face, text, or one of your own
    heads') and one named 'ordinary', recall and false alarms on these as well.

    \b
    Examples:
      kinema review report
      kinema review report labelled --films 20 --json
    """
    from kinema.trust.review.report import measure

    with Progress("looking") as progress:
        found = measure(films, folder, counting(progress))
    if as_json:
        echo_json(found.to_fields())
        return
    for row in found.rows:
        low, high = row.interval
        click.echo(
            f"{row.measure:<14} {row.of:<28} {row.share:6.1%}  ({low:.1%} to {high:.1%})  {row.hits} of {row.total}"
        )
    for name, value in found.milliseconds.items():
        click.echo(f"{value:6.1f} ms {name}")
    for line in found.wrong:
        click.echo(f"  {line}")


@review.command()
@click.argument("folder", type=_FOLDER)
@click.option("-o", "--output", type=_FILE, default=Path("heads.safetensors"), show_default=True, help="File to write.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
def train(folder: Path, output: Path, as_json: bool) -> None:
    """Teach the review what the pictures in FOLDER show, for what no network that may be shipped can tell.

    FOLDER has a folder of pictures or films for each category, named after it, and one named 'ordinary'. Every fourth
    is kept apart to choose thresholds and to be measured on. KINEMA_REVIEW_HEADS names the file that is then used.

    \b
    Examples:
      kinema review train pictures -o heads.safetensors
      KINEMA_REVIEW_HEADS=heads.safetensors kinema review check dog.mp4
    """
    from kinema.trust.review.train import train as fit

    with Progress("reading pictures") as progress:
        found = fit(folder, output, counting(progress))
    if as_json:
        echo_json({"path": str(output), "categories": [row.to_fields() for row in found]})
        return
    for row in found:
        click.echo(
            f"{row.category:<20} {row.caught} of {row.held_out} caught, {row.false} of {row.ordinary} ordinary ones"
            f" blocked, learned from {row.pictures}; blocks from {row.threshold:.2f} on"
        )
    click.echo(f"{output}; use it with KINEMA_REVIEW_HEADS={json.dumps(str(output.resolve()))}")
