"""Verbs about the watermark."""

from __future__ import annotations

from pathlib import Path

import click

from kinema.cli.progress import Progress
from kinema.cli.terminal import echo_json


@click.group()
def watermark() -> None:
    """Look for our mark in films, see what it changes, and change its key.

    \b
    Examples:
      kinema watermark check found.mp4
      kinema watermark look dog.mp4 -o mark.png
      kinema watermark rotate
    """


@watermark.command()
@click.argument("film", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines.")
def check(film: Path, as_json: bool) -> None:
    """Say whether FILM bears a mark of this machine's keys: yes, no or cannot tell, and which id.

    'yes' is wrong for at most one film in a thousand million. A film too small, too short or too worn to say is
    answered 'cannot tell'.

    \b
    Examples:
      kinema watermark check found.mp4
      kinema watermark check found.mp4 --json
    """
    from dataclasses import asdict

    from kinema.clip import Clip
    from kinema.trust.watermark import KeyRing, read

    keys = KeyRing().all()
    with Progress("looking for marks"):
        clip = Clip.read(film)
        reading = read(clip, keys)
    if as_json:
        echo_json({"path": str(film), **asdict(reading)})
        return
    click.echo(f"{reading.verdict}: {reading.evidence}")
    click.echo(f"z         {reading.z:.1f}, reached by at most a share of {reading.false_positive_bound:.1g} of films")
    if reading.verdict == "yes":
        top, bottom, left, right = (f"{100 * edge:.0f} %" for edge in reading.crop)
        turned = ", mirrored" if reading.mirrored else ""
        click.echo(f"shown     {top} to {bottom} of the marked film's height, {left} to {right} of its width{turned}")
        click.echo(f"plainest  {reading.seconds[0]:g} to {reading.seconds[1]:g} s")


@watermark.command()
@click.argument("film", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), default=Path("mark.png"), show_default=True)
@click.option("--frame", type=click.IntRange(0), default=0, show_default=True, help="Which frame to show.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a line.")
def look(film: Path, output: Path, frame: int, as_json: bool) -> None:
    """Draw a frame of FILM, the same frame marked, and the difference, magnified 16 times.

    \b
    Examples:
      kinema watermark look dog.mp4
      kinema watermark look dog.mp4 -o mark.png --frame 12
    """
    from kinema.clip import Clip
    from kinema.errors import ClipError
    from kinema.media import whole_file
    from kinema.trust.watermark import KeyRing
    from kinema.trust.watermark.measure import MAGNIFIED, difference, mark, psnr_db

    with Progress("marking"):
        clip = Clip.read(film)
        if frame >= len(clip):
            raise ClipError(f"{film} has no frame {frame}; its last one is {len(clip) - 1}")
        marked = mark(clip, KeyRing().current())
        with whole_file(output) as part:
            difference(clip, marked, frame).save(part, format="PNG")
    told = {"path": str(output), "frame": frame, "psnr_db": round(psnr_db(clip, marked), 2), "magnified": MAGNIFIED}
    if as_json:
        echo_json(told)
        return
    click.echo(f"{output} · frame {frame} · PSNR {told['psnr_db']} dB · difference x {MAGNIFIED}")


@watermark.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines.")
def keys(as_json: bool) -> None:
    """Name the keys that marks are read with, the one that marks new films first.

    \b
    Examples:
      kinema watermark keys
    """
    from kinema.trust.watermark import KeyRing

    ring = KeyRing()
    names = [key.name for key in ring.all()]
    if as_json:
        echo_json({"folder": str(ring.folder), "keys": names})
        return
    click.echo("\n".join(names))


@watermark.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a line.")
def rotate(as_json: bool) -> None:
    """Make a new key for new films; the old ones are kept, and their marks are still read.

    \b
    Examples:
      kinema watermark rotate
    """
    from kinema.trust.watermark import KeyRing

    key = KeyRing().rotate()
    if as_json:
        echo_json({"key": key.name})
        return
    click.echo(f"films are marked with {key.name} from now on")
