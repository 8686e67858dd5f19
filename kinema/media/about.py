"""What a film says of its own making: a text, such as the recipe's JSON, in the file's own metadata.

mp4 and webm keep it as their comment, a gif as a comment extension, png as a text chunk named kinema, webp as the user
comment of its EXIF. A mark before it tells it from what others write there.
"""

from __future__ import annotations

from pathlib import Path

from PIL import ExifTags, Image, PngImagePlugin

from kinema.errors import ClipError, OutputError
from kinema.media.kinds import Kind, kind_of
from kinema.media.opened import open_film, open_picture

MARK = "kinema: "
_PNG_KEY = "kinema"
_MOST_BYTES = 65_536


def check_about(about: str | None) -> None:
    """Raises OutputError where a text is too long to be kept in a film."""
    if about is not None and len(about.encode()) > _MOST_BYTES:
        raise OutputError(f"{len(about.encode())} bytes about a film are too many; at most {_MOST_BYTES} fit into it")


def read_about(path: str | Path) -> str | None:
    """What a film that Kinema wrote says of its making; None where it says nothing. Raises ClipError for no media."""
    path = Path(path)
    if not path.is_file():
        raise ClipError(f"there is no file {path}")
    return about_of(path, kind_of(path, lambda note: None))


def about_of(path: Path, kind: Kind) -> str | None:
    """The same, of a file whose kind is known."""
    said = _in_video(path, kind.demuxer) if kind.demuxer else _in_picture(path)
    return said[len(MARK) :] if said and said.startswith(MARK) else None


def for_picture(about: str | None, suffix: str) -> dict[str, object]:
    """What Pillow is to be given when it saves a picture of that suffix."""
    if about is None:
        return {}
    said = MARK + about
    if suffix == ".gif":
        return {"comment": said.encode()}
    if suffix == ".png":
        chunks = PngImagePlugin.PngInfo()
        chunks.add_itxt(_PNG_KEY, said, zip=True)
        return {"pnginfo": chunks}
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = b"UNICODE\0" + said.encode("utf-16-be")
    return {"exif": exif.tobytes()}


def _in_video(path: Path, demuxer: str) -> str | None:
    with open_film(path, demuxer) as container:
        return next((value for key, value in container.metadata.items() if key.lower() == "comment"), None)


def _in_picture(path: Path) -> str | None:
    with open_picture(path) as image:
        comment = image.info.get("comment")
        if isinstance(comment, bytes):
            return comment.decode("utf-8", "replace")
        if isinstance(image, PngImagePlugin.PngImageFile):
            return image.info.get(_PNG_KEY)
        stored = image.getexif().get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.UserComment)
        if isinstance(stored, bytes) and stored.startswith(b"UNICODE\0"):
            return stored[8:].decode("utf-16-be", "replace")
    return None
