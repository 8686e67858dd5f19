"""The sound of a film file, beside its frames."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
from av.container import InputContainer

from kinema.clip import Sound
from kinema.media.limits import Guard, Say

_SLACK_SECONDS = 0.02  # times in files are rounded: only a larger gap is a gap
_MOST_RATE = 48_000


def read_sound(container: InputContainer, begins: Fraction, seconds: Fraction, guard: Guard, say: Say) -> Sound | None:
    """The sound from a moment of the file on, exactly so long, in at most two channels; None where there is none.

    Sound that cannot be decoded is dropped, and that is said.
    """
    stream = next((each for each in container.streams.audio if each.codec_context is not None), None)
    if stream is None:
        return None
    if not stream.rate or not stream.channels:
        say("its sound is of no known kind and is dropped")
        return None
    rate = min(stream.rate, _MOST_RATE)
    if rate < stream.rate:
        say(f"its sound of {stream.rate} Hz is brought to {rate} Hz")
    if stream.channels > 2:
        say(f"its sound of {stream.channels} channels is mixed down to stereo")
    layout = "mono" if stream.channels == 1 else "stereo"
    resampler = av.AudioResampler(format="flt", layout=layout, rate=rate)
    samples = np.zeros((round(seconds * rate), 1 if layout == "mono" else 2), np.float32)
    cursor: int | None = None
    try:
        for frame in container.decode(stream):
            guard.clock()
            for part in resampler.resample(frame):
                block = part.to_ndarray().reshape(-1, samples.shape[1])
                start = _start(part, begins, rate, cursor)
                _lay(block, samples, start)
                cursor = start + len(block)
            if cursor is not None and cursor >= len(samples):
                break
    except (av.FFmpegError, ValueError) as error:
        if cursor is None:
            say(f"its sound cannot be decoded and is dropped: {_reason(error)}")
            return None
        say(f"its sound is damaged and ends early: {_reason(error)}")
    return Sound(samples, rate) if cursor is not None else None


def _start(frame: av.AudioFrame, begins: Fraction, rate: int, cursor: int | None) -> int:
    """The sample at which a decoded stretch begins: right behind the last one, unless its time says otherwise."""
    if frame.pts is None or frame.time_base is None:
        return cursor or 0
    at = round((frame.pts * frame.time_base - begins) * rate)
    return at if cursor is None or abs(at - cursor) > _SLACK_SECONDS * rate else cursor


def _lay(block: np.ndarray, samples: np.ndarray, start: int) -> None:
    """Lays a stretch of sound at its place, as far as there is room."""
    begin, stop = max(start, 0), min(start + len(block), len(samples))
    if begin < stop:
        samples[begin:stop] = np.clip(block[begin - start : stop - start], -1, 1)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
