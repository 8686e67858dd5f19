"""Media files as others write them, made on the spot: odd codecs, times, rotations, colours, sound and lies."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange

from kinema.clip import Clip, Sound

FPS = Fraction(8)
RATE = 16_000


def smooth(frames: int = 16, fps: Fraction = FPS, height: int = 96, width: int = 128) -> Clip:
    """A film such as codecs are made for: colours that change slowly over a picture that moves."""
    t, y, x = np.mgrid[:frames, :height, :width]
    red = 128 + 90 * np.sin((x + 3 * t) / 14)
    return Clip(np.stack([red, y * 255 / height, 255 - x * 255 / width], -1).clip(0, 255).astype(np.uint8), fps)


def corners(frames: int = 4, height: int = 32, width: int = 48) -> np.ndarray:
    """Frames whose four quarters are red, green, blue and grey, so that every turn and flip shows."""
    pixels = np.zeros((frames, height, width, 3), np.uint8)
    pixels[:, : height // 2, : width // 2] = (200, 30, 30)
    pixels[:, : height // 2, width // 2 :] = (30, 200, 30)
    pixels[:, height // 2 :, : width // 2] = (30, 30, 200)
    pixels[:, height // 2 :, width // 2 :] = (128, 128, 128)
    return pixels


def clicks(seconds: Fraction, at: Sequence[float], rate: int = RATE) -> Sound:
    """Silence with short, loud bursts that begin at the given seconds."""
    samples = np.zeros((round(seconds * rate), 1), np.float32)
    for moment in at:
        begin = round(moment * rate)
        room = samples[begin : begin + rate // 50]
        room[:] = np.sin(np.arange(len(room)) * 0.6)[:, None] * 0.9
    return Sound(samples, rate)


def first_loud(sound: Sound) -> float:
    """When the sound first passes a third of what it can be, in seconds."""
    return float(np.argmax(np.abs(sound.samples).max(1) > 0.3)) / sound.rate


def film(
    path: Path,
    frames: np.ndarray,
    *,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    times: Sequence[int] | None = None,
    fps: Fraction = FPS,
    tune: Callable[[av.VideoStream], None] | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """A film of frames (T, H, W, 3 or 4), shown at times in milliseconds, or else at fps, which the header tells."""
    base = Fraction(1, 1000) if times else 1 / fps
    times = times or range(len(frames))
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream(codec, rate=fps, options={"qp": "8"} if codec == "libx264" else {})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = frames.shape[2], frames.shape[1], pix_fmt
        stream.codec_context.time_base = base
        if tune:
            tune(stream)
        for pixels, time in zip(frames, times, strict=True):
            plain = {3: "rgb24", 4: "rgba"}[pixels.shape[-1]] if pixels.dtype == np.uint8 else "rgb48le"
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format=plain)
            picture = picture.reformat(format=pix_fmt, dst_colorspace=int(stream.codec_context.colorspace) or None)
            picture.pts, picture.time_base = time, base
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    return path


def coloured(matrix: int, primaries: int, curve: int) -> Callable[[av.VideoStream], None]:
    """Tells a stream its colours by the numbers of ITU-T H.273."""

    def tune(stream: av.VideoStream) -> None:
        context = stream.codec_context
        context.colorspace, context.color_primaries, context.color_trc = matrix, primaries, curve
        context.color_range = ColorRange.MPEG

    return tune


def turned(path: Path, matrix: tuple[int, int, int, int]) -> Path:
    """Writes a display matrix (a, b, c, d) into an MP4's track header."""
    content = bytearray(path.read_bytes())
    at = content.find(b"tkhd") + 4 + 4 + 20 + 16
    a, b, c, d = (value << 16 for value in matrix)
    content[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(content)
    return path


def boxes(content: bytes) -> list[str]:
    """The names of an MP4's outermost boxes, in order."""
    names, at = [], 0
    while at < len(content):
        (size,) = struct.unpack(">I", content[at : at + 4])
        names.append(content[at + 4 : at + 8].decode())
        at += size or len(content)
    return names
