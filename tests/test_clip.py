"""Clips: cutting and joining them, and media files there and back."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.clip import Clip, Latents, Sound
from kinema.errors import ClipError, OutputError
from kinema.media import whole_file, write

FPS = Fraction(8)


def drawn(frames: int = 8, seed: int = 0) -> Clip:
    return Clip(np.random.default_rng(seed).integers(0, 256, (frames, 4, 6, 3), np.uint8), FPS)


def full(frames: int = 8) -> Clip:
    """A clip with sound and latents."""
    rng = np.random.default_rng(1)
    sound = Sound(rng.uniform(-1, 1, (frames * 1000, 2)).astype(np.float32), rate=8000)
    latents = Latents(rng.standard_normal((frames // 4, 2, 1, 1)).astype(np.float32), 4, "tiny")
    return Clip(drawn(frames).frames, FPS, sound, latents)


def smooth(frames: int = 16, fps: Fraction = FPS) -> Clip:
    """A film such as codecs are made for: colours that change slowly over a picture that moves."""
    t, y, x = np.mgrid[:frames, :96, :128]
    red = 128 + 90 * np.sin((x + 3 * t) / 14)
    return Clip(np.stack([red, y * 2, 255 - x * 1.9], -1).clip(0, 255).astype(np.uint8), fps)


@given(st.integers(1, 7))
def test_a_cut_clip_joins_to_itself(at: int):
    clip = full()
    joined = clip[:at] + clip[at:]
    assert np.array_equal(joined.frames, clip.frames) and joined.fps == clip.fps
    assert joined.sound is not None and clip.sound is not None
    assert np.array_equal(joined.sound.samples, clip.sound.samples)


def test_latents_are_kept_where_whole_and_dropped_where_not():
    clip = full()
    assert clip.latents is not None
    cut = clip[4:].latents
    assert cut is not None and np.array_equal(cut.values, clip.latents.values[1:])
    assert clip[3:].latents is None
    joined = (clip[:4] + clip[4:]).latents
    assert joined is not None and np.array_equal(joined.values, clip.latents.values)
    assert (clip[:3] + clip[3:]).latents is None


def test_silence_fills_in_where_one_clip_has_no_sound():
    joined = drawn(4) + full(4)
    assert joined.sound is not None and len(joined.sound.samples) == 8000
    assert not joined.sound.samples[:4000].any() and joined.sound.samples[4000:].any()


@pytest.mark.parametrize(
    ("making", "says"),
    [
        (lambda: Clip(np.zeros((0, 4, 6, 3), np.uint8), FPS), "(0, 4, 6, 3) make no clip"),
        (lambda: Clip(np.zeros((4, 6, 3), np.uint8), FPS), "(4, 6, 3) make no clip"),
        (lambda: Clip(np.zeros((1, 4, 6, 3)), FPS), "float64"),
        (lambda: Clip(np.zeros((1, 4, 6, 3), np.uint8), Fraction(0)), "a rate of 0"),
        (lambda: drawn()[5:5], "nothing lies between frame 5 and frame 5 of a clip of 8 frames"),
        (lambda: drawn()[::2], "in steps of 1, not 2"),
        (lambda: drawn() + Clip(drawn().frames, Fraction(9)), "at 8 fps cannot be joined to a clip of 6x4 at 9 fps"),
        (lambda: Clip.join([]), "join at least one"),
    ],
)
def test_what_makes_no_clip_is_named(making, says: str):
    with pytest.raises(ClipError) as raised:
        making()
    assert says in str(raised.value)


@pytest.mark.parametrize("fps", [Fraction(8), Fraction(24), Fraction(30000, 1001)])
@pytest.mark.parametrize(
    ("suffix", "psnr"), [(".mp4", 36), (".webm", 36), (".gif", 20), (".webp", 34), (".png", np.inf)]
)
def test_a_written_film_is_read_back(tmp_path: Path, suffix: str, psnr: float, fps: Fraction):
    clip = smooth(fps=fps)
    again = Clip.read(clip.write(tmp_path / f"film{suffix}"))
    assert again.frames.shape == clip.frames.shape
    assert abs(again.seconds - clip.seconds) < 0.01
    mse = np.square(again.frames.astype(float) - clip.frames).mean()
    assert mse == 0 or 10 * np.log10(255**2 / mse) > psnr


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_video_keeps_its_colours_within_a_level(tmp_path: Path, suffix: str):
    clip = smooth()
    shift = Clip.read(clip.write(tmp_path / f"film{suffix}")).frames.mean((0, 1, 2)) - clip.frames.mean((0, 1, 2))
    assert np.abs(shift).max() < 1


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_frames_that_repeat_are_counted(tmp_path: Path, suffix: str):
    frames = smooth(6).frames.copy()
    frames[3] = frames[4] = frames[2]
    again = Clip.read(Clip(frames, FPS).write(tmp_path / f"film{suffix}"))
    assert len(again) == 6 and again.fps == FPS


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_one_frame_is_a_still(tmp_path: Path, suffix: str):
    from PIL import Image

    with Image.open(smooth(1).write(tmp_path / f"still{suffix}")) as image:
        assert getattr(image, "n_frames", 1) == 1


def test_a_film_is_encoded_segment_by_segment(tmp_path: Path):
    clip = smooth()
    asked: list[int] = []

    def segments() -> Iterator[Clip]:
        for start in range(0, 16, 4):
            asked.append(start)
            yield clip[start : start + 4]

    write(segments(), tmp_path / "parts.webm")
    assert asked == [0, 4, 8, 12]
    whole = clip.write(tmp_path / "whole.webm")
    assert np.array_equal(Clip.read(tmp_path / "parts.webm").frames, Clip.read(whole).frames)


def test_only_a_whole_film_takes_the_final_name(tmp_path: Path):
    path = tmp_path / "film.mp4"
    with pytest.raises(ZeroDivisionError), whole_file(path) as part:
        part.write_bytes(b"half a film")
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_odd_sizes_are_refused_by_h264_alone(tmp_path: Path):
    odd = Clip(smooth().frames[:, :95, :127], FPS)
    with pytest.raises(OutputError, match=r"127x95 has an odd side, which \.mp4 .* the nearest is 126x94"):
        odd.write(tmp_path / "odd.mp4")
    assert Clip.read(odd.write(tmp_path / "odd.webm")).frames.shape == odd.frames.shape


@pytest.mark.parametrize("name", ["film.mp4", "film.webm", "film.gif", "film.png", "film.mov", "film.txt"])
@pytest.mark.parametrize("content", [b"", b"no film at all", bytes(range(256)) * 9])
def test_what_is_no_media_is_a_clip_error(tmp_path: Path, name: str, content: bytes):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ClipError, match="cannot be read as a"):
        Clip.read(tmp_path / name)


@pytest.mark.parametrize("suffix", [".mp4", ".gif", ".webp", ".png"])
def test_a_truncated_file_is_a_clip_error(tmp_path: Path, suffix: str):
    path = drawn(1).write(tmp_path / f"film{suffix}")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ClipError):
        Clip.read(path)


def test_a_file_that_is_not_there(tmp_path: Path):
    with pytest.raises(ClipError, match="there is no file"):
        Clip.read(tmp_path / "none.mp4")
