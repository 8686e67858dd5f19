"""A picture drawn in the terminal, in the best way that the terminal knows.

Kitty's graphics, iTerm2's inline images, sixels, or two pixels in every half block; none where nobody could see it.
Written here because term-image, the one library for it that is not bound to another terminal library, pins Pillow < 11.
Sources: sw.kovidgoyal.net/kitty/graphics-protocol, iterm2.com/documentation-images.html, DEC STD 070 (sixels).
"""

from __future__ import annotations

import base64
import io
import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TextIO

from kinema.cli.terminal import columns, is_terminal, is_utf8

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

WIDEST_COLUMNS = 48
CELL_PX = (10, 20)
"""A letter's width and height where the terminal does not tell them."""
_CHUNK = 4096  # the most of a picture that kitty takes in one escape sequence
_KITTY_ID = 7607
_SIXEL_COLOURS = 128
_ANSWER_SECONDS = 0.3
Painter = Callable[["np.ndarray", int, int], str]


def painter(stream: TextIO) -> Painter | None:
    """How pictures are drawn on this stream; None where it shows none."""
    if not is_terminal(stream):
        return None
    named = protocol(os.environ)
    if named == "blocks" and is_utf8(stream) and _answers_sixel(stream):
        named = "sixel"
    if named == "blocks" and not is_utf8(stream):
        return None
    return {"kitty": kitty, "iterm2": iterm2, "sixel": sixel, "blocks": half_blocks}[named]


def protocol(environment: Mapping[str, str]) -> str:
    """kitty, iterm2, sixel or blocks, as the terminal's own variables say; multiplexers pass no pictures on."""
    term, program = environment.get("TERM", ""), environment.get("TERM_PROGRAM", "")
    if "TMUX" in environment or term.startswith(("screen", "tmux")):
        return "blocks"
    if "KITTY_WINDOW_ID" in environment or term in ("xterm-kitty", "xterm-ghostty") or program == "ghostty":
        return "kitty"
    if program in ("iTerm.app", "WezTerm", "mintty"):
        return "iterm2"
    if "sixel" in term or term.startswith(("foot", "mlterm", "yaft")):
        return "sixel"
    return "blocks"


def draw(frame: np.ndarray, paint: Painter, stream: TextIO, last_rows: int) -> int:
    """Draws the frame (H, W, 3) over the picture of so many rows that stands there; how many rows it takes.

    The cursor stands at the beginning of a line before, and of the line under the picture after.
    """
    height, width = frame.shape[:2]
    wide = max(2, min(WIDEST_COLUMNS, columns(stream) - 1))
    rows = max(1, round(wide * height / width * CELL_PX[0] / CELL_PX[1]))
    most = max(1, _lines(stream) - 2)
    if rows > most:
        wide, rows = max(1, wide * most // rows), most
    up = f"\x1b[{last_rows}A\r\x1b[J" if last_rows else "\r\x1b[J"
    if paint is half_blocks:
        stream.write(f"{up}{paint(frame, wide, rows)}\n")
    else:  # room first: a picture that scrolled the screen would lose its place
        stream.write(f"{up}{chr(10) * rows}\x1b[{rows}A\x1b7{paint(frame, wide, rows)}\x1b8\x1b[{rows}B\r")
    stream.flush()
    return rows


def half_blocks(frame: np.ndarray, wide: int, rows: int) -> str:
    """The frame as text: two pixels in each upper half block, one above the other."""
    pixels = _resized(frame, wide, rows * 2).tobytes()
    lines = []
    for row in range(rows):
        cells, before = [], ""
        for column in range(wide):
            upper, lower = 3 * (2 * row * wide + column), 3 * ((2 * row + 1) * wide + column)
            colours = f"\x1b[38;2;{_rgb(pixels, upper)};48;2;{_rgb(pixels, lower)}m"
            cells.append("▀" if colours == before else f"{colours}▀")
            before = colours
        lines.append("".join(cells) + "\x1b[0m")
    return "\n".join(lines)


def kitty(frame: np.ndarray, wide: int, rows: int) -> str:
    """The frame in kitty's graphics protocol; the next one with the same number takes its place."""
    data = base64.standard_b64encode(_png(frame)).decode()
    parts = [data[start : start + _CHUNK] for start in range(0, len(data), _CHUNK)]
    head = f"a=T,f=100,i={_KITTY_ID},p=1,q=2,C=1,c={wide},r={rows},"
    written = []
    for index, part in enumerate(parts):
        more = int(index + 1 < len(parts))
        written.append(f"\x1b_G{head if index == 0 else ''}m={more};{part}\x1b\\")
    return "".join(written)


def iterm2(frame: np.ndarray, wide: int, rows: int) -> str:
    """The frame as an inline image of iTerm2."""
    data = _png(frame)
    sizes = f"size={len(data)};width={wide};height={rows};preserveAspectRatio=1"
    return f"\x1b]1337;File=inline=1;{sizes}:{base64.standard_b64encode(data).decode()}\a"


def sixel(frame: np.ndarray, wide: int, rows: int) -> str:
    """The frame as sixels: bands six pixels high, one pass for each colour of a band, runs written as counts."""
    import numpy as np
    from PIL import Image

    picture = _resized(frame, wide * CELL_PX[0], rows * CELL_PX[1]).quantize(
        _SIXEL_COLOURS, method=Image.Quantize.MEDIANCUT
    )
    index = np.asarray(picture)
    palette = picture.getpalette() or []
    said = [f'\x1bPq"1;1;{index.shape[1]};{index.shape[0]}']
    for colour in np.unique(index).tolist():
        red, green, blue = (round(value * 100 / 255) for value in palette[3 * colour : 3 * colour + 3])
        said.append(f"#{colour};2;{red};{green};{blue}")
    for top in range(0, index.shape[0], 6):
        band = index[top : top + 6]
        bits = 1 << np.arange(len(band))[:, None]
        passes = []
        for colour in np.unique(band).tolist():
            passes.append(f"#{colour}{_runs(((band == colour) * bits).sum(0).tolist())}")
        said.append("$".join(passes) + "-")
    return "".join(said) + "\x1b\\"


def _runs(columns_of_six: list[int]) -> str:
    said, start = [], 0
    for index in range(1, len(columns_of_six) + 1):
        if index == len(columns_of_six) or columns_of_six[index] != columns_of_six[start]:
            letter, count = chr(63 + columns_of_six[start]), index - start
            said.append(f"!{count}{letter}" if count > 3 else letter * count)
            start = index
    return "".join(said)


def _resized(frame: np.ndarray, width: int, height: int) -> Image.Image:
    from PIL import Image

    shrinks = width <= frame.shape[1] and height <= frame.shape[0]
    return Image.fromarray(frame).resize((width, height), Image.Resampling.BOX if shrinks else Image.Resampling.BICUBIC)


def _png(frame: np.ndarray) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(frame).save(file, "PNG", compress_level=1)
    return file.getvalue()


def _rgb(pixels: bytes, at: int) -> str:
    return f"{pixels[at]};{pixels[at + 1]};{pixels[at + 2]}"


def _lines(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).lines or 24
    except (OSError, ValueError):
        return 24


def _answers_sixel(stream: TextIO) -> bool:
    """Whether the terminal, asked what it is, names sixels (attribute 4 of its answer to DA1)."""
    if os.name != "posix" or not sys.stdin.isatty():
        return False
    import select
    import termios
    import tty

    keyboard = sys.stdin.fileno()
    before = termios.tcgetattr(keyboard)
    answer = b""
    try:
        tty.setcbreak(keyboard)
        stream.write("\x1b[c")
        stream.flush()
        while not answer.endswith(b"c") and select.select([keyboard], [], [], _ANSWER_SECONDS)[0]:
            answer += os.read(keyboard, 64)
    except termios.error:
        return False
    finally:
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)
    return b"4" in answer.removeprefix(b"\x1b[?").removesuffix(b"c").split(b";")[1:]
