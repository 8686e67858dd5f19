"""Pictures into clips, through Pillow: stills, pictures that move, and folders of frames."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps

from kinema.clip import Clip
from kinema.errors import ClipError
from kinema.media.colour import over_black
from kinema.media.fit import Held, Into, Shape, place
from kinema.media.kinds import PICTURE_ENDINGS, kind_of
from kinema.media.limits import Guard, Limits, Say
from kinema.media.opened import open_picture
from kinema.media.timing import on_time, timing_of

_MOVING = ("GIF", "WEBP", "PNG", "AVIF")  # others hold several pictures that are no film: a preview, a second eye
_FOLDER_FPS = Fraction(24)
_UPRIGHT = 1
_ORIENTATION = 0x0112


Read = tuple[Clip, Held]


def read_pictures(path: Path, guard: Guard, into: Into | None, say: Say) -> Read:
    """The picture in a file as a clip of one frame, or of as many as it moves through. Raises ClipError."""
    with open_picture(path) as image:
        guard.picture(*image.size)
        if image.format not in _MOVING or getattr(image, "n_frames", 1) == 1:
            pixels = _still(image, say)
            held = Held(pixels.shape[1], pixels.shape[0], 1, Fraction(1))
            shape = into(held) if into else None
            return Clip(_placed(pixels, shape)[None], shape.fps if shape and shape.fps else Fraction(1)), held
        if image.format == "GIF" and not _tail(path).endswith(b";"):
            say(f"it has no end and may be cut off; {getattr(image, 'n_frames', 1)} frames are there")
        return _moving(image, guard, into, say)


def read_folder(folder: Path, limits: Limits, into: Into | None, say: Say) -> Read:
    """The pictures of a folder, in the natural order of their names, one after the other. Raises ClipError."""
    guard = Guard(folder, limits)
    paths = sorted((path for path in folder.iterdir() if _is_frame(path)), key=_natural)
    if not paths:
        raise ClipError(f"the folder {folder} holds no pictures; frames are {' '.join(PICTURE_ENDINGS)}")
    guard.length(len(paths), float(len(paths) / _FOLDER_FPS))
    frames, held, shape = None, None, None
    for index, path in enumerate(paths):
        guard.clock()
        kind_of(path, say)
        one = Guard(path, limits)
        one.file()
        with open_picture(path) as image:
            one.picture(*image.size)
            pixels = _still(image, say)
        if frames is None or held is None:
            held = Held(pixels.shape[1], pixels.shape[0], len(paths), _FOLDER_FPS)
            shape = into(held) if into else None
            width, height = (shape.width, shape.height) if shape else (held.width, held.height)
            guard.memory(len(paths), width, height)
            frames = np.empty((len(paths), height, width, 3), np.uint8)
        if pixels.shape[:2] != (held.height, held.width):
            raise ClipError(
                f"{path} is {pixels.shape[1]}x{pixels.shape[0]}, but {paths[0].name} is "
                f"{held.width}x{held.height}; bring the frames of a folder to one size"
            )
        frames[index] = _placed(pixels, shape)
    assert frames is not None and held is not None
    fps = shape.fps if shape and shape.fps else _FOLDER_FPS
    say(f"a folder has no rate; its {len(paths)} pictures are shown at {fps} fps")
    return Clip(frames, fps), held


def _tail(path: Path) -> bytes:
    """The last bytes of a file, but for zeros that others have filled it up with."""
    with open(path, "rb") as file:
        file.seek(max(0, path.stat().st_size - 256))
        return file.read().rstrip(b"\0")


def _is_frame(path: Path) -> bool:
    return path.suffix.lower() in PICTURE_ENDINGS and path.is_file() and not path.name.startswith(".")


def _natural(path: Path) -> list[tuple[int, str]]:
    """A key that sorts frame9 before frame10."""
    return [(int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"(\d+)", path.name.lower())]


def _moving(image: Image.Image, guard: Guard, into: Into | None, say: Say) -> Read:
    """The frames of a picture that moves, each as often as it is shown at a constant rate."""
    frames: list[np.ndarray] = []
    durations: list[float] = []
    held, shape = None, None
    for index in range(getattr(image, "n_frames", 1)):
        guard.clock()
        image.seek(index)
        if index == 0 and getattr(image, "default_image", False):
            continue  # what a viewer shows that cannot animate is no part of the film
        pixels = _still(image, say)
        if held is None:
            held = Held(pixels.shape[1], pixels.shape[0], getattr(image, "n_frames", 1), None)
            shape = into(held) if into else None
        frames.append(_placed(pixels, shape))
        durations.append(float(image.info.get("duration", 0)) / 1000)
        guard.length(len(frames), sum(durations))
        guard.memory(len(frames), frames[0].shape[1], frames[0].shape[0])
    if min(durations) <= 0:
        say("some of its frames say not how long they stay; each is shown for a tenth of a second")
        durations = [duration if duration > 0 else 0.1 for duration in durations]
    ends = np.cumsum(durations)
    starts = np.concatenate([[0.0], ends[:-1]])
    timing = timing_of(starts, float(ends[-1]), 0.01 if image.format == "GIF" else 0.001)
    if not timing.on_grid:
        say(f"its frames stay for unequal times; they are shown at a constant {float(timing.fps):g} fps")
    fps = shape.fps if shape and shape.fps else timing.fps
    count = max(1, round(timing.count / timing.fps * fps))
    guard.memory(count, frames[0].shape[1], frames[0].shape[0])
    picks = on_time(((timing.snap(start), index) for index, start in enumerate(starts)), fps, count)
    assert held is not None
    held = replace(held, frames=timing.count, fps=timing.fps)
    return Clip(np.stack([frames[index] for index in picks]), fps), held


def _placed(pixels: np.ndarray, shape: Shape | None) -> np.ndarray:
    return place(pixels, shape) if shape else pixels


def _still(image: Image.Image, say: Say) -> np.ndarray:
    """The picture on show as it is meant to be seen: (H, W, 3) uint8 sRGB, upright."""
    image.load()
    picture = image
    if image.getexif().get(_ORIENTATION, _UPRIGHT) != _UPRIGHT and image.format not in _MOVING[:1]:
        say("it is turned upright, as its orientation flag says")
        picture = ImageOps.exif_transpose(image)
    if picture.mode.startswith("I;16"):
        say("its 16-bit greys are brought to 8 bits")
        pixels = np.repeat((np.asarray(picture) >> 8).astype(np.uint8)[..., None], 3, -1)
    elif picture.has_transparency_data:
        pixels = over_black(np.asarray(_in_srgb(picture.convert("RGBA"), image.info.get("icc_profile"), say)), say)
    else:
        pixels = np.asarray(_in_srgb(picture, image.info.get("icc_profile"), say).convert("RGB"))
    return pixels


def _in_srgb(picture: Image.Image, stored: object, say: Say) -> Image.Image:
    """The picture with the colours of its ICC profile brought to sRGB."""
    if not isinstance(stored, bytes) or not stored or picture.mode not in ("RGB", "RGBA", "L", "CMYK"):
        return picture
    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(stored))
        name = ImageCms.getProfileDescription(profile).strip()
        if "srgb" in name.lower():
            return picture
        mode = "RGBA" if picture.mode == "RGBA" else "RGB"
        converted = ImageCms.profileToProfile(picture, profile, ImageCms.createProfile("sRGB"), outputMode=mode)
    except (ImageCms.PyCMSError, OSError) as error:
        say(f"its colour profile cannot be used and is ignored: {error}")
        return picture
    assert converted is not None
    say(f"its colours ({name}) are brought to sRGB")
    return converted
