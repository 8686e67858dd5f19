"""What happens to films on their way through the world, as functions from clip to clip; marks are measured by them.

None of them knows anything of marks. Sizes are kept even, which H.264 asks for.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
from PIL import Image, ImageFilter

from kinema.clip import Clip

Attack = Callable[[Clip], Clip]


def packed(clip: Clip, crf: int) -> io.BytesIO:
    """The clip as an mp4 in memory: H.264 (x264, medium) at that constant rate factor."""
    memory = io.BytesIO()
    with av.open(memory, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=clip.fps, options={"crf": str(crf), "preset": "medium"})
        stream.width, stream.height, stream.pix_fmt = clip.width // 2 * 2, clip.height // 2 * 2, "yuv420p"
        stream.codec_context.thread_count = 1
        for pixels in clip.frames:
            even = np.ascontiguousarray(pixels[: stream.height, : stream.width])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(even, format="rgb24")))
        container.mux(stream.encode())
    return memory


def encoded(clip: Clip, crf: int) -> Clip:
    """Through H.264 at that constant rate factor and back."""
    memory = packed(clip, crf)
    memory.seek(0)
    with av.open(memory, "r") as film:
        frames = [picture.to_ndarray(format="rgb24") for picture in film.decode(video=0)]
    return Clip(np.stack(frames), clip.fps)


def scaled(clip: Clip, factor: float) -> Clip:
    """So many times as wide and as high, through a bicubic filter."""
    size = (round(clip.width * factor / 2) * 2, round(clip.height * factor / 2) * 2)
    return _each(clip, lambda picture: picture.resize(size, Image.Resampling.BICUBIC))


def cropped(clip: Clip, top: float, bottom: float, left: float, right: float) -> Clip:
    """Without these shares of its height and width."""
    rows = slice(round(top * clip.height), clip.height - round(bottom * clip.height))
    columns = slice(round(left * clip.width), clip.width - round(right * clip.width))
    return replace(clip, frames=clip.frames[:, rows, columns])


def mirrored(clip: Clip) -> Clip:
    """Left for right."""
    return replace(clip, frames=clip.frames[:, :, ::-1])


def thinned(clip: Clip) -> Clip:
    """Every third frame dropped, the rest shown as fast as before."""
    return replace(clip, frames=clip.frames[np.arange(len(clip)) % 3 != 2])


def slowed_to(clip: Clip, share: Fraction) -> Clip:
    """At so much of its rate, the nearest frame for each moment: 3/5 is 25 to 15."""
    count = max(1, int(len(clip) * share))
    return Clip(clip.frames[(np.arange(count) / float(share)).round().astype(int)], clip.fps * share)


def brightened(clip: Clip, factor: float) -> Clip:
    """Every level so many times as high."""
    return replace(clip, frames=np.clip(np.rint(clip.frames * np.float32(factor)), 0, 255).astype(np.uint8))


def blurred(clip: Clip, sigma_px: float) -> Clip:
    """Through a Gaussian of that deviation."""
    return _each(clip, lambda picture: picture.filter(ImageFilter.GaussianBlur(sigma_px)))


def noisy(clip: Clip, deviation: float) -> Clip:
    """With Gaussian noise of that many levels on every number."""
    rng = np.random.default_rng(0)
    noise = rng.normal(0, deviation, clip.frames.shape).astype(np.float32)
    return replace(clip, frames=np.clip(np.rint(clip.frames + noise), 0, 255).astype(np.uint8))


def recorded(clip: Clip) -> Clip:
    """As a screen recording shows it: larger, softer, brighter, grainy, at another rate, encoded again."""
    shown = blurred(scaled(clip, 1.37), 0.8)
    return encoded(slowed_to(noisy(brightened(shown, 1.08), 2.0), Fraction(3, 4)), 28)


def _each(clip: Clip, change: Callable[[Image.Image], Image.Image]) -> Clip:
    return replace(clip, frames=np.stack([np.asarray(change(Image.fromarray(pixels))) for pixels in clip.frames]))


PROMISED: dict[str, Attack] = {
    "as written (CRF 18)": lambda clip: clip,
    "CRF 28": lambda clip: encoded(clip, 28),
    "CRF 35": lambda clip: encoded(clip, 35),
    "half size + CRF 23": lambda clip: encoded(scaled(clip, 0.5), 23),
    "double size + CRF 28": lambda clip: encoded(scaled(clip, 2.0), 28),
    "crop 10 % + CRF 28": lambda clip: encoded(cropped(clip, 0.05, 0.05, 0.05, 0.05), 28),
    "uneven crop + CRF 28": lambda clip: encoded(cropped(clip, 0.1, 0.0, 0.02, 0.06), 28),
    "mirrored + CRF 28": lambda clip: encoded(mirrored(clip), 28),
    "every third frame dropped + CRF 28": lambda clip: encoded(thinned(clip), 28),
    "25 to 15 fps + CRF 28": lambda clip: encoded(slowed_to(clip, Fraction(3, 5)), 28),
    "brightness + 20 % + CRF 28": lambda clip: encoded(brightened(clip, 1.2), 28),
    "brightness - 20 % + CRF 28": lambda clip: encoded(brightened(clip, 0.8), 28),
    "blur 1 px + CRF 28": lambda clip: encoded(blurred(clip, 1.0), 28),
    "noise 5 levels + CRF 28": lambda clip: encoded(noisy(clip, 5.0), 28),
    "screen recording": recorded,
}
"""What a mark is promised to outlive in films from 256 x 256 and 4 s on; each starts from the film as we write it."""

BEYOND: dict[str, Attack] = {
    "half size + CRF 28": lambda clip: encoded(scaled(clip, 0.5), 28),
    "crop 10 %, half size + CRF 28": lambda clip: encoded(scaled(cropped(clip, 0.05, 0.05, 0.05, 0.05), 0.5), 28),
    "CRF 42": lambda clip: encoded(clip, 42),
    "blur 3 px + CRF 28": lambda clip: encoded(blurred(clip, 3.0), 28),
}
"""What is not promised: measured so that it is known, and that 'no' is not said of a mark worn away."""
