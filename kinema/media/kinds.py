"""What a file is by its first bytes, whatever its name says.

Only what is named here is opened at all: FFmpeg would also take playlists that name other files and addresses.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kinema.errors import ClipError
from kinema.media.limits import Say

_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_AVIF_BRANDS = {b"avif", b"avis"}
_QUICKTIME_ATOMS = {b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot"}  # files from before ftyp begin with these


@dataclass(frozen=True)
class Kind:
    """A kind of media: its name, the endings it goes by, and FFmpeg's name for it if it is a film."""

    name: str
    endings: tuple[str, ...]
    demuxer: str | None = None


_MP4 = Kind("MP4 or QuickTime film", (".mp4", ".m4v", ".mov", ".qt", ".3gp"), "mov")
_MATROSKA = Kind("WebM or Matroska film", (".webm", ".mkv"), "matroska")
_AVI = Kind("AVI film", (".avi",), "avi")
_GIF = Kind("GIF picture", (".gif",))
_WEBP = Kind("WebP picture", (".webp",))
_PNG = Kind("PNG picture", (".png", ".apng"))
_JPEG = Kind("JPEG picture", (".jpg", ".jpeg"))
_BMP = Kind("BMP picture", (".bmp",))
_HEIF = Kind("HEIC picture", (".heic", ".heif"))
_AVIF = Kind("AVIF picture", (".avif",))
_KINDS = (_MP4, _MATROSKA, _AVI, _GIF, _WEBP, _PNG, _JPEG, _BMP, _HEIF, _AVIF)

READABLE = tuple(ending for kind in _KINDS for ending in kind.endings)
PICTURE_ENDINGS = tuple(ending for kind in _KINDS if kind.demuxer is None for ending in kind.endings)


def kind_of(path: Path, say: Say) -> Kind:
    """The kind that the file is by its content; a name that says otherwise is said. Raises ClipError for no media."""
    try:
        with open(path, "rb") as file:
            head = file.read(32)
    except OSError as error:
        raise ClipError(f"{path} cannot be opened: {error.strerror}; see who may read it") from None
    kind = _by_bytes(head)
    if kind is None:
        what = "it is empty" if not head else "its first bytes are of no kind that is known"
        raise ClipError(f"{path} cannot be read as a film or picture: {what}; known are {' '.join(READABLE)}")
    ending = path.suffix.lower()
    if ending in READABLE and ending not in kind.endings:
        say(f"its name ends in {ending}, but it is a {kind.name}")
    return kind


def _by_bytes(head: bytes) -> Kind | None:
    if head[4:8] == b"ftyp":
        brand = head[8:12]
        return _HEIF if brand in _HEIF_BRANDS else _AVIF if brand in _AVIF_BRANDS else _MP4
    if head[:4] == b"RIFF":
        return {b"WEBP": _WEBP, b"AVI ": _AVI}.get(head[8:12])
    starts = {
        b"\x1a\x45\xdf\xa3": _MATROSKA,
        b"GIF87a": _GIF,
        b"GIF89a": _GIF,
        b"\x89PNG\r\n\x1a\n": _PNG,
        b"\xff\xd8\xff": _JPEG,
        b"BM": _BMP,
    }
    for start, kind in starts.items():
        if head.startswith(start):
            return kind
    return _MP4 if head[4:8] in _QUICKTIME_ATOMS else None
