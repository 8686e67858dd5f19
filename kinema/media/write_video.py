"""Clips into mp4 and webm while they come.

An mp4 grows as fragments of a second each, so that it can be watched from its first second on and is a film whenever
it stops. When it ends, its packets are laid anew, without encoding, with the index in front (faststart): the same
pictures in a file that every player seeks in. Encoding looks at no frame ahead, since a fragment would wait for it.
It runs on one thread and writes no dates and no drawn numbers, so that equal clips make equal bytes.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from itertools import chain
from math import ceil
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange

from kinema.clip import Clip, Sound
from kinema.errors import OutputError
from kinema.media.about import MARK
from kinema.media.colour import EXACT
from kinema.media.place import check_place

_BT709 = 1  # the number of that colour space in ITU-T H.273, which both PyAV and the files use
_SOUND_RATES = {".mp4": (8000, 16000, 22050, 24000, 32000, 44100, 48000, 96000), ".webm": (48000,)}
_FRAGMENTS = "+frag_keyframe+empty_moov+delay_moov+default_base_moof"  # no index before the sound's delay is known
_GROWING = {"movflags": _FRAGMENTS, "flush_packets": "1", "fflags": "+bitexact"}
_WHOLE = {"movflags": "+faststart", "fflags": "+bitexact"}


def write_video(clips: Iterator[Clip], path: Path, about: str | None) -> None:
    """Encodes the clips into the path as they come; whatever stops them, the film of those that came is finished.

    The first clip decides on size, rate and whether there is sound: silence fills in for later clips without.
    """
    first = next(clips, None)
    if first is None:
        raise OutputError("there are no clips to write; a film has at least one")
    film = _Film(first, path, about)
    try:
        for clip in chain([first], clips):
            film.add(clip)
    finally:
        film.close()


class _Film:
    """A film that grows."""

    def __init__(self, first: Clip, path: Path, about: str | None) -> None:
        self.path, self.suffix = path, path.suffix.lower()
        self.shape, self.fps, self.done = (first.height, first.width), first.fps, 0
        self.failed = False
        check_place(path, first.width, first.height)
        options = _GROWING if self.suffix == ".mp4" else {"fflags": "+bitexact"}
        self.container = av.open(f"file:{path}", "w", format=self.suffix[1:], options=options)
        if about is not None:
            self.container.metadata["comment"] = MARK + about
        self.pictures = self._add_pictures(first)
        self.kind = (first.sound.rate, first.sound.samples.shape[1]) if first.sound else None
        self.voice = self._add_sound(*self.kind) if self.kind else None

    def add(self, clip: Clip) -> None:
        """Encodes one more clip, a second at a time, so that pictures and sound lie side by side in the file."""
        self._check(clip)
        second = ceil(self.fps)
        for begin in range(0, len(clip), second):
            part = clip[begin : begin + second]
            for pixels in part.frames:
                picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
                picture = picture.reformat(format="yuv420p", dst_colorspace="ITU709", interpolation=EXACT)
                picture.pts, picture.time_base, picture.duration = self.done, 1 / self.fps, 1
                self._mux(self.pictures.encode(picture))
                self.done += 1
            if self.voice is not None:
                self._add_samples(self.voice, part.sound, len(part))

    def close(self) -> None:
        """The film is whole, as far as it has come."""
        with self.container:
            if not self.failed:
                self._mux(self.pictures.encode())
                if self.voice is not None:
                    self._mux(self.voice.encode())
        if self.suffix == ".mp4" and not self.failed:
            _lay_anew(self.path)

    def _mux(self, packets: list[av.Packet]) -> None:
        """Writes packets; a container that could not be written to once may not be asked again."""
        try:
            self.container.mux(packets)
        except av.FFmpegError:
            self.failed = True
            raise

    def _add_pictures(self, first: Clip) -> av.VideoStream:
        second = str(ceil(self.fps))
        if self.suffix == ".mp4":
            codec = "libx264"
            options = {"crf": "18", "preset": "medium", "bf": "0", "rc-lookahead": "0", "g": second, "threads": "1"}
        else:
            codec = "libvpx-vp9"
            options = {"crf": "24", "b": "0", "deadline": "good", "cpu-used": "4", "threads": "1"}
        stream = self.container.add_stream(codec, rate=self.fps, options=options)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = first.width, first.height, "yuv420p"
        context = stream.codec_context
        context.time_base = 1 / self.fps
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = ColorRange.MPEG
        return stream

    def _add_sound(self, rate: int, channels: int) -> av.AudioStream:
        if channels > 2:
            raise OutputError(f"sound of {channels} channels cannot be written; mix it down to one or two")
        kept = rate if rate in _SOUND_RATES[self.suffix] else 48000
        codec = "aac" if self.suffix == ".mp4" else "libopus"
        stream = self.container.add_stream(codec, rate=kept, layout="mono" if channels == 1 else "stereo")
        assert isinstance(stream, av.AudioStream)
        return stream

    def _add_samples(self, voice: av.AudioStream, sound: Sound | None, frames: int) -> None:
        """Encodes the sound of the last frames, silence where there is none."""
        assert self.kind is not None
        rate, channels = self.kind
        begin, stop = (round(Fraction(at) / self.fps * rate) for at in (self.done - frames, self.done))
        room = np.zeros((stop - begin, channels), np.float32)
        if sound is not None:
            samples = sound.samples[: len(room)]
            room[: len(samples)] = samples
        layout = "mono" if channels == 1 else "stereo"
        frame = av.AudioFrame.from_ndarray(room.reshape(1, -1), format="flt", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, begin, Fraction(1, rate)
        self._mux(voice.encode(frame))

    def _check(self, clip: Clip) -> None:
        if (clip.height, clip.width) != self.shape or clip.fps != self.fps:
            raise OutputError(
                f"{clip.shape_words} does not go on from one of {self.shape[1]}x{self.shape[0]} at {self.fps} fps; "
                "fit it first"
            )
        if clip.sound is not None and (clip.sound.rate, clip.sound.samples.shape[1]) != self.kind:
            begun = "without sound" if self.kind is None else f"with sound of (rate, channels) {self.kind}"
            raise OutputError(
                f"the film began {begun}; sound of {(clip.sound.rate, clip.sound.samples.shape[1])} cannot follow"
            )


def _lay_anew(path: Path) -> None:
    """The same packets in an mp4 with its index in front, in place of the fragments."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".mp4")
    os.close(handle)
    try:
        with av.open(f"file:{path}") as fragments, av.open(f"file:{name}", "w", options=_WHOLE) as whole:
            whole.metadata.update({key: text for key, text in fragments.metadata.items() if key == "comment"})
            streams = {each.index: whole.add_stream_from_template(each) for each in fragments.streams}
            for packet in fragments.demux():
                if packet.dts is not None:
                    packet.stream = streams[packet.stream_index]
                    whole.mux(packet)
        os.chmod(name, path.stat().st_mode & 0o777)
        os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)
