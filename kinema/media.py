"""Media files in and out of clips, through PyAV and Pillow.

mp4 (H.264) and webm (VP9) are video; gif, webp and png are pictures that move. A clip of one frame becomes a plain
still in these three; a longer one as png becomes an animated PNG, which keeps every pixel bit for bit and of which a
viewer that cannot animate shows the first frame. It stands apart from clip.py so that a Clip costs no codec to import.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import chain, pairwise
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
from av.video.reformatter import ColorRange, Interpolation
from PIL import Image, ImageSequence, UnidentifiedImageError

from kinema.clip import Clip
from kinema.errors import ClipError, OutputError

VIDEO = (".mp4", ".webm")
PICTURES = (".gif", ".webp", ".png")
_STILLS = (".jpg", ".jpeg", ".bmp")
_EXACT = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT  # else a level darker
_BT709 = 1  # the number of that colour space in ITU-T H.273, which both PyAV and the files use


def check_suffix(path: Path) -> None:
    """Raises OutputError unless the path's ending names a format that can be written."""
    if path.suffix.lower() not in VIDEO + PICTURES:
        allowed = ", ".join(VIDEO + PICTURES)
        ending = f"'{path.suffix}'" if path.suffix else "no ending"
        raise OutputError(
            f"{path} has {ending}; a film is written as {allowed}, for instance {path.with_suffix('.mp4')}"
        )


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Lends a path beside the final one, which takes the final name only if the body succeeds.

    Whatever happens inside, an interrupt and a full disk included, nothing half-written bears the final name.
    Raises OutputError when the place is unwritable or fills up.
    """
    check_suffix(path)
    if path.is_dir():
        raise OutputError(f"{path} is a folder; name a file in it, for instance {path / 'film.mp4'}")
    if not path.parent.is_dir():
        raise OutputError(f"the folder {path.parent} does not exist; make it first: mkdir -p '{path.parent}'")
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem[:80]}.", suffix=path.suffix.lower())
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}; choose another place with -o") from None
    os.close(handle)
    part = Path(name)
    try:
        yield part
        os.chmod(part, 0o666 & ~_umask())
        os.replace(part, path)
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written: {error.strerror or error}; free or choose another place"
        ) from None
    finally:
        part.unlink(missing_ok=True)


def write(clips: Iterable[Clip], path: Path) -> None:
    """Writes the clips, one after the other, as one film in the format that the path's ending names.

    Frames are encoded as they come: a video needs no more memory than its longest clip.
    """
    check_suffix(path)
    suffix = path.suffix.lower()
    try:
        with open(path, "wb") as file:
            if suffix in VIDEO:
                _write_video(iter(clips), file, suffix)
            else:
                _write_pictures(Clip.join(clips), file, suffix)
            file.flush()
            os.fsync(file.fileno())
    except av.FFmpegError as error:
        raise OutputError(f"{path} cannot be encoded: {error.strerror}") from None


def read(path: Path) -> Clip:
    """The film or picture in a file as a clip. Raises ClipError where there is none."""
    if not path.is_file():
        raise ClipError(f"there is no file {path}")
    if path.suffix.lower() in PICTURES + _STILLS:
        return _read_pictures(path)
    return _read_video(path)


def _umask() -> int:
    """The permissions that new files lack; asking for it needs setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _write_video(clips: Iterator[Clip], file: BinaryIO, suffix: str) -> None:
    first = next(clips)
    if suffix == ".mp4" and (first.width % 2 or first.height % 2):
        raise OutputError(f"{first.width}x{first.height} is odd, which H.264 cannot hold; write .webm, .webp or .png")
    if suffix == ".mp4":
        codec, options, settings = "libx264", {"crf": "18", "preset": "medium"}, {"movflags": "+faststart"}
    else:
        codec, options, settings = "libvpx-vp9", {"crf": "24", "b": "0", "deadline": "good", "cpu-used": "4"}, {}
    with av.open(file, "w", format=suffix[1:], options=settings) as container:
        stream = container.add_stream(codec, rate=first.fps, options=options)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = first.width, first.height, "yuv420p"
        context = stream.codec_context
        context.time_base = 1 / first.fps
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = ColorRange.MPEG
        index = 0
        for clip in chain([first], clips):
            for pixels in clip.frames:
                picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
                picture = picture.reformat(format="yuv420p", dst_colorspace="ITU709", interpolation=_EXACT)
                picture.pts, picture.time_base = index, 1 / first.fps
                container.mux(stream.encode(picture))
                index += 1
        container.mux(stream.encode())


def _write_pictures(clip: Clip, file: BinaryIO, suffix: str) -> None:
    pictures = [Image.fromarray(pixels) for pixels in clip.frames]
    options: dict[str, object] = {}
    if suffix == ".gif":
        pictures = _one_palette(pictures)
        options = {"loop": 0, "disposal": 1}
    elif suffix == ".webp":
        options = {"quality": 88, "method": 4, "loop": 0}
    if len(pictures) > 1:
        durations = _durations_ms(len(pictures), clip.fps, grain=10 if suffix == ".gif" else 1)
        options |= {"save_all": True, "append_images": pictures[1:], "duration": durations}
    pictures[0].save(file, format=suffix[1:], **options)


def _one_palette(pictures: list[Image.Image]) -> list[Image.Image]:
    """The pictures in 256 colours drawn from all of them, so that colours do not flicker from frame to frame."""
    chosen = pictures[:: max(1, len(pictures) // 16)][:16]
    width, height = chosen[0].size
    sheet = Image.new("RGB", (width * len(chosen), height))
    for column, picture in enumerate(chosen):
        sheet.paste(picture, (column * width, 0))
    palette = sheet.quantize(256, method=Image.Quantize.MEDIANCUT)
    return [picture.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG) for picture in pictures]


def _durations_ms(frames: int, fps: Fraction, grain: int) -> list[int]:
    """How long each frame is shown, in whole grains of milliseconds, so that the film as a whole keeps its time."""
    ticks = [round(index * 1000 / fps / grain) for index in range(frames + 1)]
    return [(after - before) * grain for before, after in pairwise(ticks)]


def _read_video(path: Path) -> Clip:
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise ClipError(f"{path} holds no pictures")
            stream = container.streams.video[0]
            pictures = (picture.reformat(format="rgb24", interpolation=_EXACT) for picture in container.decode(stream))
            frames = [picture.to_ndarray() for picture in pictures]
            fps = stream.average_rate or stream.guessed_rate
    except av.FFmpegError as error:
        raise ClipError(f"{path} cannot be read as a film: {error.strerror}") from None
    if not frames:
        raise ClipError(f"{path} holds no frames")
    return Clip(np.stack(frames), Fraction(fps or 1))


def _read_pictures(path: Path) -> Clip:
    """The pictures in a file; one that was stored with a longer duration counts as often as it is shown."""
    frames: list[np.ndarray] = []
    durations: list[float] = []
    try:
        with Image.open(path) as image:
            for picture in ImageSequence.Iterator(image):
                picture.load()
                frames.append(np.asarray(picture.convert("RGB")))
                durations.append(float(picture.info.get("duration", 0)))
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise ClipError(f"{path} cannot be read as a picture: {error}") from None
    shortest = min(durations)
    if shortest <= 0:
        return Clip(np.stack(frames), Fraction(1))
    times = [max(1, round(duration / shortest)) for duration in durations]
    return Clip(np.repeat(np.stack(frames), times, axis=0), _rate(sum(times), sum(durations)))


def _rate(frames: int, duration_ms: float) -> Fraction:
    """Frames per second; the whole number where the file's grain of at most 10 ms allows it."""
    whole = max(1, round(frames * 1000 / duration_ms))
    if abs(frames * 1000 / whole - duration_ms) < 10:
        return Fraction(whole)
    return Fraction(frames * 1000 / duration_ms).limit_denominator(1001)
