"""Rebuilds the vendored sprite strips from the pinned npm packages: `python -m kinema.world.pack FOLDER`.

Nobody needs this to use Kinema: the strips travel with the code. It stands alone so that the pictures can be checked
against their source: the four packages (about 700 MB) are fetched with `npm pack` into FOLDER, or reused where they
already lie there, and refused unless their SHA-256 is the pinned one. A strip is 24 square frames side by side, one
loop of 3 s at 8 fps (or a single frame where the source does not move), lossy WebP with alpha. `provenance.json`
records where each came from and what was done to it.
"""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile
from pathlib import Path

import click
import numpy as np
from PIL import Image

from kinema.errors import WorldError
from kinema.world.objects import OBJECTS, PROPS

SCOPE = "@lobehub/fluent-emoji-anim"
VERSION = "1.0.0"
PACKAGE_SHA256 = {
    1: "4c03ac178c1eabf2e2a16dd498f3cc2b92dc30ec3466ae38fdc497d4774c99ea",
    2: "e431da8172e394036c330faa77648d6fbbae1fd3b0be95637c4497c9075019c0",
    3: "3624d0c34c819c1794b74ccf6ae9034adff7c4cb6318dd2a645145f0196feb43",
    4: "3d4c08f1e321f70808ef4996aba0ab575a9d97b6c56ffffc92cf6161a7836aa3",
}
LICENCE = "MIT"
COPYRIGHT = "Copyright (c) Microsoft Corporation"

STRIPS = Path(__file__).parent / "strips"
PROVENANCE = STRIPS / "provenance.json"
FRAMES = 24
SIZE_PX = 96
QUALITY = 88
ALPHA_QUALITY = 90
VISIBLE_ALPHA = 24
# Turtle, star, pufferfish, dolphin, heart: their loops hide, turn, swell or somersault, which only a caption may say.
# Of them only this span of source frames is played, there and back.
CALM_SPAN = {"1f422": (0, 24), "2b50": (45, 63), "1f421": (46, 60), "1f42c": (33, 71), "2764-fe0f": (24, 44)}
# The boats' own water would be a foreign slab in a painted sea: below this share of the height, blue is cut away.
WATER_BELOW = {"26f5": 0.7, "1f6a4": 0.7, "1f6a2": 0.84}
MIRRORED = frozenset({"1f6e9-fe0f", "1f680"})  # airplane and rocket: their sources fly to the right


def fetched(number: int, folder: Path) -> Path:
    """The package's tarball in `folder`, downloaded if it was absent, with the pinned SHA-256 (else WorldError)."""
    tarball = folder / f"{SCOPE[1:].replace('/', '-')}-{number}-{VERSION}.tgz"
    if not tarball.exists():
        package = f"{SCOPE}-{number}@{VERSION}"
        subprocess.run(["npm", "pack", package, "--pack-destination", str(folder)], check=True)
    with tarball.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != PACKAGE_SHA256[number]:
        raise WorldError(f"{tarball} has SHA-256 {found}, not {PACKAGE_SHA256[number]}; delete it and run again")
    return tarball


def sources(folder: Path, codes: set[str]) -> dict[str, tuple[int, bytes]]:
    """Package number and file content of every code in `codes`; WorldError names those no package holds."""
    found: dict[str, tuple[int, bytes]] = {}
    for number in PACKAGE_SHA256:
        with tarfile.open(fetched(number, folder)) as archive:
            for member in archive:
                code = Path(member.name).stem
                content = archive.extractfile(member) if code in codes and member.name.endswith(".webp") else None
                if content is not None:
                    found[code] = (number, content.read())
    if missing := sorted(codes - found.keys()):
        raise WorldError(f"no package holds {', '.join(missing)}; mend the codes in objects.py")
    return found


def without_water(frames: np.ndarray, below: float) -> np.ndarray:
    """RGBA frames (T, H, W, 4) uint8 whose blue pixels under `below` of the height are transparent."""
    start = round(frames.shape[1] * below)
    red, blue = frames[:, start:, :, 0].astype(np.float32), frames[:, start:, :, 2].astype(np.float32)
    dry = np.clip((60 - (blue - red)) / 40, 0, 1)
    out = frames.copy()
    out[:, start:, :, 3] = (out[:, start:, :, 3] * dry).astype(np.uint8)
    return out


def squared(frames: np.ndarray) -> list[Image.Image]:
    """RGBA frames (T, H, W, 4) uint8 cropped to their common content, each on a square, resting on its bottom edge."""
    visible = frames[..., 3].max(0) > VISIBLE_ALPHA
    rows, columns = np.flatnonzero(visible.any(1)), np.flatnonzero(visible.any(0))
    content = frames[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height, width = content.shape[1:3]
    side = max(height, width)
    left = (side - width) // 2
    square = np.zeros((len(frames), side, side, 4), np.uint8)
    square[:, side - height :, left : left + width] = content
    return [Image.fromarray(frame).resize((SIZE_PX, SIZE_PX), Image.Resampling.HAMMING) for frame in square]


def chosen(code: str, source_frames: int) -> list[int]:
    """Which source frames make the strip: 24 spread evenly, a calm span there and back, or the only one."""
    if source_frames == 1:
        return [0]
    if code not in CALM_SPAN:
        return [index * source_frames // FRAMES for index in range(FRAMES)]
    first, last = CALM_SPAN[code]
    there = [first + round((last - first) * index / (FRAMES // 2)) for index in range(FRAMES // 2 + 1)]
    return there + there[-2:0:-1]


def strip(content: bytes, code: str) -> tuple[bytes, int]:
    """One animated WebP as a strip of frames side by side, and how many frames its source had."""
    with Image.open(io.BytesIO(content)) as source:
        source_frames = getattr(source, "n_frames", 1)
        frames = []
        for index in chosen(code, source_frames):
            source.seek(index)
            frames.append(np.asarray(source.convert("RGBA")))
    dry = without_water(np.stack(frames), WATER_BELOW.get(code, 1.0))
    side_by_side = np.concatenate([np.asarray(frame) for frame in squared(dry)], axis=1)
    if code in MIRRORED:
        count = len(frames)
        side_by_side = side_by_side.reshape(SIZE_PX, count, SIZE_PX, 4)[:, :, ::-1].reshape(side_by_side.shape)
    buffer = io.BytesIO()
    picture = Image.fromarray(np.ascontiguousarray(side_by_side))
    picture.save(buffer, "WEBP", quality=QUALITY, alpha_quality=ALPHA_QUALITY, method=6)
    return buffer.getvalue(), source_frames


def rebuild(folder: Path) -> list[dict[str, object]]:
    """Strips and `provenance.json` are written afresh; returns the provenance, one record per sprite."""
    names = {thing.code: thing.name for thing in (*OBJECTS.values(), *PROPS.values())}
    found = sources(folder, set(names))
    STRIPS.mkdir(exist_ok=True)
    for stale in STRIPS.glob("*.webp"):
        stale.unlink()
    records: list[dict[str, object]] = []
    for code, name in names.items():
        number, content = found[code]
        packed, source_frames = strip(content, code)
        (STRIPS / f"{code}.webp").write_bytes(packed)
        records.append(
            {
                "name": name,
                "strip": f"{code}.webp",
                "strip_sha256": hashlib.sha256(packed).hexdigest(),
                "package": f"{SCOPE}-{number}",
                "version": VERSION,
                "file": f"assets/{code}.webp",
                "source_sha256": hashlib.sha256(content).hexdigest(),
                "source_frames": source_frames,
                "mirrored": code in MIRRORED,
                "calm_span": CALM_SPAN.get(code),
                "water_cut_below": WATER_BELOW.get(code),
                "licence": LICENCE,
                "copyright": COPYRIGHT,
            }
        )
    PROVENANCE.write_text(json.dumps(records, indent=1) + "\n", encoding="utf-8")
    return records


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def main(folder: Path) -> None:
    """Rebuild the sprite strips from the npm packages in FOLDER (downloaded there if absent, about 700 MB)."""
    folder.mkdir(parents=True, exist_ok=True)
    records = rebuild(folder)
    size = sum(path.stat().st_size for path in STRIPS.glob("*.webp"))
    click.echo(f"{len(records)} strips, {size / 2**20:.2f} MiB, in {STRIPS}")


if __name__ == "__main__":
    main()
