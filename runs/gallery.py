"""Makes docs/gallery.md and docs/gallery/: a small film for every task, with the command that made it.

    python runs/gallery.py

The commands are run in order, in the folder of the films, exactly as the page shows them; later ones start from films
of earlier ones. Nothing is chosen: the seed of a film is its place in the list, and none is made twice.
"""

import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from kinema import cli
from kinema.errors import EvaluationError

DOCS = Path(__file__).parent.parent / "docs"
LARGEST_KB = 300


@dataclass(frozen=True)
class Piece:
    """A part of the gallery: what there is to see, and the command, which lacks only its seed."""

    says: str
    command: str


PIECES = (
    Piece("A sentence becomes a film.", 'generate "a red dog jumps in a snowy forest" -o dog.webp'),
    Piece("A sentence becomes a picture.", 'still "a blue elephant walks in a meadow" -o elephant.png'),
    Piece("The picture begins to move.", "animate elephant.png -o walks.webp"),
    Piece("The first film goes on.", "extend dog.webp --seconds 2 -o extended.webp"),
    Piece("It gets a beginning.", "extend dog.webp --backward --seconds 2 -o backward.webp"),
    Piece("Two seconds were lost, and are invented.", "fill dog.webp --lost 1-3 -o gap.webp"),
    Piece("Only every eighth frame was known.", "fill dog.webp --keep-every 8 -o eighth.webp"),
    Piece(
        "What lay in a box is invented anew, in other words.",
        'fill dog.webp "a snowman in a snowy forest" --box 0.2,0.2,0.8,0.9 -o region.webp',
    ),
    Piece("The end meets the beginning.", "loop --film dog.webp --bridge 2 -o loop.webp"),
    Piece("Two films, joined by a made bridge.", "blend dog.webp walks.webp --seconds 1 -o bridge.webp"),
    Piece(
        "Two films run into one another along a curve.",
        "blend dog.webp walks.webp --seconds 3 --influence 0:1,1:0 -o influence.webp",
    ),
    Piece(
        "The film is made anew with another animal, from a little noise ...",
        'remix dog.webp "a red cat jumps in a snowy forest" --strength subtle -o subtle.webp',
    ),
    Piece("... from more ...", 'remix dog.webp "a red cat jumps in a snowy forest" --strength mild -o mild.webp'),
    Piece(
        "... and from most of it.",
        'remix dog.webp "a red cat jumps in a snowy forest" --strength strong -o strong.webp',
    ),
    Piece(
        "Cards on a time line: what is asked for changes after four seconds.",
        'storyboard --card "0: a red car drives to the right in the city" --card "4: a red car drives on the moon"'
        " --seconds 8 -o story.webp",
    ),
    Piece(
        "Pieces of two films, half a second invented between them, one after.",
        'recut "dog.webp[0-2]" "walks.webp[2-4]" --gap 0.5 --add 1 -o recut.webp',
    ),
    Piece("One sentence, three seeds.", 'generate "a rocket rises over the moon" --seconds 2 -n 3 -o rocket.webp'),
    Piece("Another shape.", "animate elephant.png --shape 9:16 --seconds 2 -o tall.webp"),
    Piece("Twice the model's own size.", "animate elephant.png --upscale 2 --seconds 2 -o large.webp"),
)


def make(piece: Piece, seed: int) -> tuple[str, list[Path]]:
    """Runs the piece's command in the current folder; the command, and the films that it made."""
    command = f"{piece.command} --seed {seed}"
    before = {path: path.stat().st_mtime_ns for path in Path().iterdir()}
    if cli.run([*shlex.split(command), "--no-progress"]):
        raise EvaluationError(f"`kinema {command}` made no film; what it said stands above")
    made = sorted(path for path in Path().iterdir() if before.get(path) != path.stat().st_mtime_ns)
    for film in made:
        size_kb = film.stat().st_size / 1000
        if size_kb > LARGEST_KB:
            raise EvaluationError(f"{film} has {size_kb:.0f} kB, and the page holds {LARGEST_KB}; make it shorter")
    return f"kinema {command}", made


def main() -> None:
    """Makes every piece and writes the page."""
    folder = DOCS / "gallery"
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder)
    parts = ["# Gallery", "A film for every task, above the command that made it. `python runs/gallery.py` makes all."]
    begun = monotonic()
    for seed, piece in enumerate(PIECES, start=1):
        command, films = make(piece, seed)
        shown = " ".join(f"![{piece.says}](gallery/{film})" for film in films)
        parts.append(f"{piece.says}\n\n{shown}\n\n```\n{command}\n```")
    (DOCS / "gallery.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    print(f"{len(PIECES)} commands, {monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
