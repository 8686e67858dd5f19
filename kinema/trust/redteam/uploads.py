"""Attacks by files: what is no picture or film must be refused with a reason, and what is one must be read.

A file that is refused by a named error is a stopped attack; anything else that it does, from a crash to a clip, is not.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from kinema.errors import KinemaError
from kinema.media import read
from kinema.trust.redteam.attempt import Attempt, Tick
from kinema.trust.redteam.workshop import own_home, waves

TARGET = "uploads"


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png(width_px: int, height_px: int, rows: bytes) -> bytes:
    """A PNG that says it is so large, with these compressed rows."""
    header = struct.pack(">IIBBBBB", width_px, height_px, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")


def _written(suffix: str, folder: Path) -> bytes:
    return waves().write(folder / f"whole{suffix}").read_bytes()


Make = Callable[[Path], bytes]
BAD: dict[str, tuple[str, Make]] = {
    "empty": ("empty.png", lambda folder: b""),
    "a web page named picture": ("page.png", lambda folder: b"<html><script>alert(1)</script></html>"),
    "words named film": ("words.mp4", lambda folder: b"no film at all " * 400),
    "a picture in vectors": ("drawing.png", lambda folder: b'<svg xmlns="http://www.w3.org/2000/svg"><rect/></svg>'),
    "a huge picture": ("huge.png", lambda folder: _png(60_000, 60_000, zlib.compress(bytes(100_000)))),
    "a picture that unpacks for ever": ("bomb.png", lambda folder: _png(20_000, 20_000, zlib.compress(bytes(1 << 26)))),
    "half a picture": ("half.png", lambda folder: _written(".png", folder)[:200]),
    "half a film": ("half.mp4", lambda folder: _written(".mp4", folder)[:1_500]),
    "a playlist of other files": ("list.mp4", lambda folder: b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"),
    "a program": ("tool.gif", lambda folder: b"\x7fELF" + bytes(4_000)),
    "a signature without content": ("thin.webp", lambda folder: b"RIFF\x10\0\0\0WEBPVP8 \0\0\0\0"),
}


def _picture(mode: str, kind: str, **options: object) -> bytes:
    memory = io.BytesIO()
    pixels = np.asarray(waves().frames[0])
    Image.fromarray(pixels).convert(mode).save(memory, kind, **options)
    return memory.getvalue()


FAIR: dict[str, tuple[str, Make]] = {
    "a picture": ("a.png", lambda folder: _picture("RGB", "PNG")),
    "a picture with alpha": ("b.png", lambda folder: _picture("RGBA", "PNG")),
    "a grey picture": ("c.png", lambda folder: _picture("L", "PNG")),
    "a photo": ("d.jpg", lambda folder: _picture("RGB", "JPEG", quality=90)),
    "a still that is named otherwise": ("e.png", lambda folder: _picture("RGB", "WEBP")),
    "a film": ("f.mp4", lambda folder: _written(".mp4", folder)),
    "a film of the web": ("g.webm", lambda folder: _written(".webm", folder)),
    "a moving picture": ("h.gif", lambda folder: _written(".gif", folder)),
}


def attack(tick: Tick) -> Iterator[Attempt]:
    """Every bad file and every fair one, once."""
    with own_home() as folder:
        for is_bad, files in ((True, BAD), (False, FAIR)):
            for attack, (name, make) in files.items():
                path = folder / name
                path.write_bytes(make(folder))
                yield Attempt(TARGET, attack, path.suffix, "", is_bad, _is_refused(path), attack)
                tick(TARGET)


def _is_refused(path: Path) -> bool:
    try:
        read(path)
    except KinemaError:
        return True
    return False
