"""What the terminal at the other end can hold: its width, its letters, and one JSON object a line.

It stands alone because every verb prints, and none may fail on a narrow terminal, an old encoding or a closed pipe.
"""

from __future__ import annotations

import codecs
import json
import os
import sys
from collections.abc import Mapping
from typing import TextIO

import click

FALLBACK_COLUMNS = 80
_PLAIN = {
    "·": "-", "…": "...", "×": "x", "–": "-", "—": "-", "▀": "#", "█": "#", "░": ".", "\u2018": "'", "\u2019": "'",  # noqa: RUF001
    "\u201c": '"', "\u201d": '"', "→": "->", "≤": "<=", "≥": ">=", "é": "e", "ü": "u",
}  # fmt: skip


def speak_plainly() -> None:
    """Letters that the terminal's encoding lacks are said in those it has, instead of failing."""
    codecs.register_error("kinema.plain", _replace)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure and not is_utf8(stream):
            reconfigure(errors="kinema.plain")


def _replace(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    letters = error.object[error.start : error.end]
    return "".join(_PLAIN.get(letter, "?") for letter in letters), error.end


def is_utf8(stream: TextIO) -> bool:
    """Whether the stream holds every letter."""
    try:
        return codecs.lookup(stream.encoding or "ascii").name.startswith("utf")
    except LookupError:
        return False


def is_terminal(stream: TextIO) -> bool:
    """Whether a person watches the stream in a terminal that can move its cursor."""
    return stream.isatty() and os.environ.get("TERM", "") != "dumb"


def columns(stream: TextIO) -> int:
    """How many letters fit in a line."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or FALLBACK_COLUMNS
    except (OSError, ValueError):
        return FALLBACK_COLUMNS


def echo_json(fields: Mapping[str, object] | list[object]) -> None:
    """One JSON value on a line of stdout, exact in whatever encoding stdout has."""
    click.echo(json.dumps(fields, ensure_ascii=not is_utf8(sys.stdout)))
