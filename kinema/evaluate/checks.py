"""What can be measured in a clip without any training: camera, the subject's own motion, flicker, stillness, identity.

These stand beside the readers as a second opinion that nobody can overfit. Numpy alone. Letters: T frames, H W pixels.
Distances are in frame heights, x to the right and y upwards, seconds as the clip counts them.
"""

from dataclasses import asdict, dataclass

import numpy as np

from kinema.clip import Clip

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
STEP_SECONDS = 0.5
"""Registration compares frames this far apart: far enough for slow pans, near enough for fast ones."""
STILL_ENERGY = 0.05
"""Mean absolute change between frames, in 0..255, below which nothing visibly happens."""
PAN_MIN = 0.06
TILT_MIN = 0.05
ZOOM_MIN = 0.06
"""Camera travel over the whole clip, in frame heights (zoom: in natural logarithm), that counts as a move."""
SUBJECT_SHARE = 0.04
"""The share of pixels that stand out most from the background is taken for the subject."""
CELL_PX = 8
TEXTURE = 4.0
"""Standard deviation of brightness above which a cell has something to recognise."""
SAME_CELL, SAME_SHARE = 0.8, 0.5
"""The camera stood still where this share of textured cells correlates this well with the beginning."""


@dataclass(frozen=True)
class Checks:
    """One clip in numbers; None where the background gave nothing to hold on to."""

    camera: str
    pan: float
    tilt: float
    zoom: float
    subject_dx: float
    subject_dy: float
    energy: float
    flicker: float
    still: bool
    identity_drift: float

    def to_fields(self) -> dict[str, object]:
        """Plain values, rounded, for JSON."""
        return {name: round(value, 4) if isinstance(value, float) else value for name, value in asdict(self).items()}


def check(clip: Clip) -> Checks:
    """All checks of one clip."""
    pan, tilt, zoom = (0.0, 0.0, 0.0) if stood_still(clip) else camera_travel(clip)
    track, masks = subject_track(clip)
    moved = track[-1] - track[0]
    energy = change_energy(clip)
    return Checks(
        camera=name_camera(pan, tilt, zoom),
        pan=pan,
        tilt=tilt,
        zoom=zoom,
        subject_dx=float(moved[0] + pan),
        subject_dy=float(moved[1] + tilt),
        energy=energy,
        flicker=flicker(clip),
        still=energy < STILL_ENERGY,
        identity_drift=identity_drift(clip, masks),
    )


def gray(clip: Clip) -> np.ndarray:
    """Luminance (T, H, W) float32 in 0..255."""
    return clip.frames.astype(np.float32) @ LUMA


def shift_between(before: np.ndarray, after: np.ndarray) -> tuple[float, float]:
    """How far the picture moved (right, down) in pixels, from `before` to `after` (H, W), by phase correlation.

    Kuglin and Hines 1975, with a Hann window and a parabola through the peak for fractions of a pixel.
    """
    height, width = before.shape
    window = np.outer(np.hanning(height), np.hanning(width))
    one, other = ((frame - frame.mean()) * window for frame in (before, after))
    cross = np.fft.rfft2(other) * np.conj(np.fft.rfft2(one))
    surface = np.fft.irfft2(cross / (np.abs(cross) + 1e-3 * np.abs(cross).max() + 1e-9), s=(height, width))
    row, column = np.unravel_index(int(surface.argmax()), surface.shape)
    down = row + _parabola(surface[:, column], int(row))
    right = column + _parabola(surface[row], int(column))
    return (right + width / 2) % width - width / 2, (down + height / 2) % height - height / 2


def stood_still(clip: Clip) -> bool:
    """Whether most of what is textured in the first frame is where it was, halfway and at the end."""
    cells = _cells(gray(clip)[[0, len(clip) // 2, len(clip) - 1]])
    deviation = cells.std(-1)
    textured = deviation.min(0) > TEXTURE
    if not textured.any():
        return True
    levelled = (cells - cells.mean(-1, keepdims=True)) / deviation.clip(1e-6)[..., None]
    alike = (levelled[0] * levelled[1:]).mean(-1) > SAME_CELL
    return bool((alike[:, textured].mean(1) >= SAME_SHARE).all())


def camera_travel(clip: Clip) -> tuple[float, float, float]:
    """How far the camera went over the clip: right, up (frame heights of background) and in (log of magnification).

    Four overlapping corners are registered on their own. Their median shift is a pan or tilt; how far they part is a
    zoom. Subjects are mostly in the middle, so corners see the background.
    """
    frames = gray(clip)
    step = max(1, round(STEP_SECONDS * float(clip.fps)))
    height, width = frames.shape[1:]
    half_h, half_w = round(height * 0.55), round(width * 0.55)
    corners = [(slice(y, y + half_h), slice(x, x + half_w)) for y in (0, height - half_h) for x in (0, width - half_w)]
    arms = np.array([((-1) ** (i % 2 == 0), (-1) ** (i < 2)) for i in range(4)], np.float64)
    right = down = grown = 0.0
    for index in range(0, len(frames) - 1, step):
        later = min(index + step, len(frames) - 1)
        shifts = np.array([shift_between(frames[index][corner], frames[later][corner]) for corner in corners])
        shifts[np.abs(shifts).max(1) > height / 5] = 0.0
        centre = np.median(shifts, 0)
        right, down = right + centre[0], down + centre[1]
        reach = np.array([(width - half_w) / 2, (height - half_h) / 2])
        grown += float(np.median(((shifts - centre) * arms / reach).ravel()))
    return float(-right / height), float(down / height), grown


def name_camera(pan: float, tilt: float, zoom: float) -> str:
    """The camera move that the travel looks like; `follows` looks like a pan from the background alone."""
    strengths = {
        "zooms_in": zoom / ZOOM_MIN,
        "zooms_out": -zoom / ZOOM_MIN,
        "pans_right": pan / PAN_MIN,
        "pans_left": -pan / PAN_MIN,
        "tilts_up": tilt / TILT_MIN,
    }
    name = max(strengths, key=lambda move: strengths[move])
    return name if strengths[name] > 1 else "static"


def subject_track(clip: Clip) -> tuple[np.ndarray, np.ndarray]:
    """Where the subject is in each frame, (T, 2) in frame heights from the middle, and its mask (T, H, W) bool.

    The subject is what stands out from the median frame and changes from frame to frame.
    """
    frames = clip.frames.astype(np.float32)
    background = np.median(frames, 0)
    differs = np.abs(frames - background).sum(-1)
    busy = np.abs(np.diff(frames, axis=0, prepend=frames[:1])).sum(-1)
    standing_out = differs + busy + 0.25 * _saturation(frames)
    count = max(1, int(SUBJECT_SHARE * standing_out[0].size))
    limits = np.partition(standing_out.reshape(len(frames), -1), -count, axis=1)[:, -count]
    masks = (standing_out >= limits[:, None, None]) & (standing_out > 0)
    height, width = masks.shape[1:]
    rows, columns = np.arange(height) + 0.5, np.arange(width) + 0.5
    weight = masks.sum((1, 2)).clip(1)
    x = (masks.sum(1) @ columns / weight - width / 2) / height
    y = (height / 2 - masks.sum(2) @ rows / weight) / height
    return np.stack([x, y], 1), masks


def change_energy(clip: Clip) -> float:
    """Mean absolute change from frame to frame, 0..255; near 0 when the clip has collapsed to a still."""
    if len(clip) < 2:
        return 0.0
    return float(np.abs(np.diff(clip.frames.astype(np.int16), axis=0)).mean())


def flicker(clip: Clip) -> float:
    """Mean absolute second difference in time of the brightness of 8x8 cells, 0..255: light that comes and goes."""
    if len(clip) < 3:
        return 0.0
    cells = _cells(gray(clip)).mean(-1)
    return float(np.median(np.abs(np.diff(cells, n=2, axis=0)), axis=1).mean())


def identity_drift(clip: Clip, masks: np.ndarray) -> float:
    """How far the subject's colours end from how they began, in [0, 1]: half the L1 distance of 4x4x4 histograms."""
    histograms = np.stack([_histogram(frame[mask]) for frame, mask in zip(clip.frames, masks, strict=True)])
    edge = max(1, len(histograms) // 4)
    return float(np.abs(histograms[:edge].mean(0) - histograms[-edge:].mean(0)).sum() / 2)


def _cells(frames: np.ndarray) -> np.ndarray:
    """Brightness (T, H, W) as cells of 8x8 pixels, (T, cells, 64)."""
    rows, columns = (side // CELL_PX for side in frames.shape[1:])
    whole = frames[:, : rows * CELL_PX, : columns * CELL_PX].reshape(len(frames), rows, CELL_PX, columns, CELL_PX)
    return whole.swapaxes(2, 3).reshape(len(frames), rows * columns, CELL_PX**2)


def _histogram(pixels: np.ndarray) -> np.ndarray:
    bins = (pixels.astype(np.int64) // 64) @ np.array([16, 4, 1])
    return np.bincount(bins, minlength=64) / max(1, len(pixels))


def _saturation(frames: np.ndarray) -> np.ndarray:
    return frames.max(-1) - frames.min(-1)


def _parabola(values: np.ndarray, peak: int) -> float:
    """Where between its neighbours a ring's maximum lies, in [-0.5, 0.5]."""
    before, top, after = values[peak - 1], values[peak], values[(peak + 1) % len(values)]
    bend = before - 2 * top + after
    return float(np.clip((before - after) / (2 * bend), -0.5, 0.5)) if bend < 0 else 0.0
