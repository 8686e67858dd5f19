"""Films into clips, through PyAV: one pass over the packets tells the times, a second one decodes.

The first pass costs no decoding, and what is too long is refused by it whatever the header says. The second holds one
decoded picture at a time beside the clip that it fills, and converts only pictures that are shown.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
import numpy as np
from av.buffer import Buffer
from av.container import InputContainer
from av.stream import Disposition

from kinema.clip import Clip
from kinema.errors import ClipError
from kinema.media.colour import rgb
from kinema.media.fit import Held, Into, Shape, place
from kinema.media.limits import Guard, Say
from kinema.media.opened import open_film
from kinema.media.read_sound import read_sound
from kinema.media.timing import Timing, on_time, timing_of

_SLACK_SECONDS = Fraction(1, 4)  # by so much, sound may outlast pictures
_WITH_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}  # FFmpeg's own decoders of these do not see alpha


@dataclass(frozen=True)
class _Plan:
    """What the packets say: when the first picture begins (None where they bear no times), their rate and count."""

    begins: Fraction | None
    timing: Timing
    frames: int


def read_video(path: Path, demuxer: str, guard: Guard, into: Into | None, say: Say) -> tuple[Clip, Held]:
    """The film in a file as a clip, fitted into a shape if there is one; what there was. Raises ClipError."""
    plan = _plan(path, demuxer, guard, say)
    if not plan.timing.even:
        say(f"its frames stay for unequal times; they are shown at a constant {_words(plan.timing.fps)} fps")
    frames, wanted, held = _decode(path, demuxer, guard, plan, _Asked(into, say))
    with open_film(path, demuxer) as container:
        sound = read_sound(container, plan.begins or Fraction(0), len(frames) / wanted, guard, say)
    return Clip(frames, wanted, sound), held


@dataclass(frozen=True)
class _Asked:
    into: Into | None
    say: Say


@contextmanager
def _opened(path: Path, demuxer: str) -> Iterator[tuple[InputContainer, av.VideoStream]]:
    """The container and its pictures. Nothing but this one file is opened, whatever the file names."""
    with open_film(path, demuxer) as container:
        films = [film for film in container.streams.video if film.codec_context is not None]
        films = [film for film in films if not film.disposition & Disposition.attached_pic]
        if not films:
            raise ClipError(f"{path} holds no pictures that can be read")
        stream = max(films, key=lambda film: film.width * film.height)
        yield container, stream


def _plan(path: Path, demuxer: str, guard: Guard, say: Say) -> _Plan:
    """The times of all packets, which are read but not decoded; stops where a limit is passed."""
    with _opened(path, demuxer) as (container, stream):
        guard.picture(stream.width, stream.height)
        if stream.metadata.get("enc_key_id"):
            raise _encrypted(path)
        base, rate = _base(stream), stream.average_rate or stream.guessed_rate
        step = 1 / rate if rate else Fraction(1, 25)
        times: list[Fraction] = []
        stays: list[Fraction] = []
        stamped = demuxer != "avi"  # which keeps nothing but the order of decoding
        for packet in _packets(container, stream):
            if not packet.size or packet.is_discard:
                continue
            if packet.has_sidedata("encryption_info"):
                raise _encrypted(path)
            stamped = stamped and packet.pts is not None
            times.append(len(times) * step if packet.pts is None else packet.pts * base)
            stays.append((packet.duration or 0) * base)
            guard.length(len(times), float(times[-1] - times[0]))
            guard.clock()
        promised = Fraction(container.duration or 0, 1_000_000)
        slack = _SLACK_SECONDS if container.streams.audio else step * Fraction(3, 4)
    if not times:
        raise ClipError(f"{path} holds no frames; it may be damaged or cut off")
    begins = min(times)
    starts = np.array(sorted({float(time - begins) for time in times}))
    end = starts[-1] + _last_stay(np.array(times, float) - float(begins), np.array(stays, float), float(step))
    if promised - end > slack:
        say(
            f"its header says that it lasts {float(promised):.2f} seconds, but its pictures last {end:.2f}; "
            "it may be cut off"
        )
    if not stamped:
        return _Plan(None, Timing(1 / step, len(times), True, True), len(times))
    grain = 0 if (step / base).denominator == 1 else base  # a rate of whole ticks needs no rounding
    return _Plan(begins, timing_of(starts, float(end), float(grain), rate), len(starts))


def _last_stay(starts: np.ndarray, stays: np.ndarray, step: float) -> float:
    """How long the last frame is shown: as its packet says, unless others say what cannot be true."""
    order = np.argsort(starts)
    gaps = np.diff(starts[order])
    if not len(gaps):
        return float(stays[0]) or step
    if stays[order[-1]] <= 0 or (stays[order[:-1]] > gaps + 0.0015).any():
        return float(np.median(gaps)) or step
    return float(stays[order[-1]])


def _encrypted(path: Path) -> ClipError:
    return ClipError(f"{path} is encrypted and cannot be read; use a copy without copy protection")


def _packets(container: InputContainer, stream: av.VideoStream) -> Iterator[av.Packet]:
    """The packets of a stream as far as the file goes: one that is cut off just ends."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.EOFError, av.InvalidDataError):
            return
        yield packet


def _decode(path: Path, demuxer: str, guard: Guard, plan: _Plan, asked: _Asked) -> tuple[np.ndarray, Fraction, Held]:
    """The frames (T, H, W, 3), of pictures that are decoded one after the other, their rate, and what there was."""
    with _opened(path, demuxer) as (container, stream):
        pictures = _pictures(container, stream, guard, plan, asked.say)
        first = next(pictures, None)
        if first is None:
            raise ClipError(f"{path} holds no frames that can be decoded; it may be damaged or cut off")
        width, height = _upright(first[1], _stretched(first[1][0], stream.sample_aspect_ratio, asked.say, guard))
        held = Held(width, height, plan.timing.count, plan.timing.fps)
        shape = asked.into(held) if asked.into else None
        fps, count = plan.timing.fps, plan.timing.count
        if shape and shape.fps is not None:
            fps, count = shape.fps, max(1, round(count / fps * shape.fps))
        width, height = (shape.width, shape.height) if shape else (width, height)
        guard.memory(count, width, height)
        frames = np.empty((count, height, width, 3), np.uint8)
        last, pixels = None, None
        for index, (picture, turn) in enumerate(on_time(chain([first], pictures), fps, count)):
            if picture is not last or pixels is None:
                size = _stretched(picture, stream.sample_aspect_ratio, asked.say, guard)
                last, pixels = picture, _shown((picture, turn), size, shape, asked.say)
            if frames.shape[1:] != pixels.shape:
                asked.say("its size changes on the way; all frames are brought to the size of the first")
                pixels = place(pixels, Shape(width, height, mode="pad"))
            frames[index] = pixels
    return frames, fps, held


_Turn = Callable[[np.ndarray], np.ndarray]
_Seen = tuple[av.VideoFrame, _Turn]


def _pictures(
    container: InputContainer, stream: av.VideoStream, guard: Guard, plan: _Plan, say: Say
) -> Iterator[tuple[Fraction, _Seen]]:
    """Decoded pictures with the times they begin at, in seconds from the first. What fails is left out, and said."""
    decoder = _decoder(stream, guard.limits.side_px**2, say)
    base, seen, failed = _base(stream), 0, 0
    turn: _Turn = np.ascontiguousarray
    for packet in _packets(container, stream):
        guard.clock()
        try:
            pictures = decoder.decode(packet if packet.size else None)
        except av.FFmpegError:
            failed += 1
            continue
        for picture in pictures:
            guard.picture(picture.width, picture.height)
            if not seen:
                turn = _turn(picture, say)
            begins = Fraction(seen) / plan.timing.fps
            if picture.pts is not None and plan.begins is not None:
                begins = plan.timing.snap(float(picture.pts * (picture.time_base or base) - plan.begins))
            seen += 1
            yield begins, (picture, turn)
    if failed or seen < plan.frames:
        say(f"it is damaged or cut off: {seen} of its {plan.frames} frames could be decoded, and hold for the others")


def _base(stream: av.VideoStream) -> Fraction:
    return stream.time_base or Fraction(1, 1000)


def _decoder(stream: av.VideoStream, most_pixels: int, say: Say) -> av.VideoCodecContext:
    """A decoder that refuses pictures of more pixels, and sees alpha where there is some."""
    decoder = stream.codec_context
    if stream.metadata.get("alpha_mode", "0") != "0" and decoder.name in _WITH_ALPHA:
        other = av.CodecContext.create(_WITH_ALPHA[decoder.name], "r")
        assert isinstance(other, av.VideoCodecContext)
        decoder = other
    decoder.options = {"max_pixels": str(most_pixels)}
    return decoder


def _stretched(picture: av.VideoFrame, aspect: Fraction | None, say: Say, guard: Guard) -> tuple[int, int]:
    """The width and height of a decoded picture with square pixels, not yet upright."""
    width, height = picture.width, picture.height
    if aspect and aspect > 0 and aspect != 1:
        say(f"its pixels are not square ({aspect.numerator}:{aspect.denominator}); it is stretched to its shape")
        width = max(1, round(width * aspect))
        guard.picture(width, height)
    return width, height


def _upright(seen: _Seen, size: tuple[int, int]) -> tuple[int, int]:
    """The width and height of a picture of that size when it is turned upright."""
    height, width = seen[1](np.empty((size[1], size[0], 0), np.uint8)).shape[:2]
    return width, height


def _shown(seen: _Seen, size: tuple[int, int], shape: Shape | None, say: Say) -> np.ndarray:
    """A decoded picture as it is meant to be seen: (H, W, 3) uint8 sRGB, upright, of square pixels, in its shape."""
    picture, turn = seen
    if shape is None:
        return turn(rgb(picture, *size, say))
    upright = _upright(seen, size)
    across, down = shape.coarse(*upright)
    if upright != size:
        across, down = down, across
    return place(turn(rgb(picture, across, down, say)), shape, upright)


def _turn(picture: av.VideoFrame, say: Say) -> _Turn:
    """What brings a picture upright, by the display matrix that its file gives it (ISO/IEC 14496-12, 8.5.3)."""
    a, b, c, d = _matrix(picture)
    if (a, b, c, d) == (1, 0, 0, 1):
        return np.ascontiguousarray
    if not (a == d == 0 or b == c == 0):
        say("its rotation is by no quarter of a circle and is ignored")
        return np.ascontiguousarray
    swapped = a == d == 0
    across, down = (c, b) if swapped else (a, d)
    say("it is turned upright, as its rotation flag says")

    def turn(pixels: np.ndarray) -> np.ndarray:
        if swapped:
            pixels = pixels.swapaxes(0, 1)
        return np.ascontiguousarray(pixels[:: -1 if down < 0 else 1, :: -1 if across < 0 else 1])

    return turn


def _matrix(picture: av.VideoFrame) -> tuple[float, float, float, float]:
    """Where a step to the right, (a, b), and one down, (c, d), lead when the picture is shown."""
    try:
        stored = picture.side_data.get("DISPLAYMATRIX")
    except ValueError:  # PyAV knows not all that FFmpeg lays beside a picture; then it still tells quarter turns
        turns = {90: (0, -1, 1, 0), -90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), -180: (-1, 0, 0, -1)}
        return turns.get(round(picture.rotation), (1, 0, 0, 1))
    if not isinstance(stored, Buffer):
        return 1, 0, 0, 1
    a, b, _, c, d = (value / 65536 for value in struct.unpack("<5i", bytes(stored)[:20]))
    return a, b, c, d


def _words(fps: Fraction) -> str:
    return str(fps) if fps.denominator == 1 else f"{float(fps):.3f}"
