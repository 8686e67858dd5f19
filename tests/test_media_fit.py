"""Fitting: sizes by crop, pad and stretch, rates by the frame on screen, sound by its length; and times in files."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.clip import Clip, Sound
from kinema.errors import ClipError, DurationError, SizeError
from kinema.media import Shape, fit, load
from kinema.media.fit import picks_at
from kinema.media.timing import on_time, timing_of
from tests.media_files import FPS, clicks, corners, film, smooth

RATES = st.sampled_from([Fraction(8), Fraction(24), Fraction(25), Fraction(30), Fraction(30000, 1001), Fraction(60)])


def flat(pixels: np.ndarray) -> tuple[int, ...]:
    return tuple(int(level) for level in pixels)


def test_what_agrees_is_the_same_clip():
    clip = smooth()
    assert fit(clip, clip.width, clip.height, clip.fps) is clip


@given(st.integers(1, 200), RATES, RATES)
def test_the_frame_on_screen_is_shown_and_the_length_is_kept(frames: int, fps: Fraction, wanted: Fraction):
    picks = picks_at(frames, fps, wanted)
    assert abs(len(picks) / wanted - frames / fps) <= max(1 / wanted / 2, 1 / wanted if len(picks) == 1 else 0)
    assert picks[0] == 0 and all(0 <= pick < frames for pick in picks)
    for index, pick in enumerate(picks):
        assert pick / fps <= index / wanted and (index / wanted < (pick + 1) / fps or pick == frames - 1)
    if fps == wanted:
        assert picks == list(range(frames))


def test_rates_are_met_by_whole_frames_with_their_sound():
    clip = Clip(smooth(16).frames, FPS, clicks(Fraction(2), [1.0]))
    double = fit(clip, clip.width, clip.height, Fraction(16))
    assert np.array_equal(double.frames, clip.frames.repeat(2, 0))
    back = fit(double, clip.width, clip.height, FPS)
    assert np.array_equal(back.frames, clip.frames)
    assert back.sound is not None and clip.sound is not None
    assert np.array_equal(back.sound.samples, clip.sound.samples)
    third = fit(clip, clip.width, clip.height, Fraction(3))
    assert third.sound is not None and len(third.sound.samples) == 2 * clip.sound.rate


def test_sound_is_cut_or_filled_to_the_pictures():
    for seconds in (Fraction(1, 2), Fraction(3)):
        clip = Clip(smooth(8).frames, FPS, Sound(np.ones((int(seconds * 8000), 2), np.float32), 8000))
        sound = fit(clip, 64, 48, Fraction(4)).sound
        assert sound is not None and len(sound.samples) == 8000
        assert sound.samples.sum() == 2 * 8000 * min(1, seconds)


def test_crop_keeps_the_middle_and_pad_keeps_all():
    clip = Clip(corners(1, 32, 64), FPS)
    cropped = fit(clip, 32, 32, FPS, "crop").frames[0]
    assert np.array_equal(cropped, clip.frames[0, :, 16:48])
    padded = fit(clip, 64, 64, FPS, "pad").frames[0]
    assert np.array_equal(padded[16:48], clip.frames[0]) and not padded[:16].any() and not padded[48:].any()
    stretched = fit(clip, 32, 64, FPS, "stretch").frames[0]
    for row, column in ((8, 8), (8, 24), (48, 8), (48, 24)):
        assert flat(stretched[row, column]) == flat(clip.frames[0, row // 2, column * 2])


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from(["crop", "pad", "stretch"]))
def test_every_size_can_be_met(width: int, height: int, mode):
    made = fit(Clip(np.full((2, 9, 16, 3), 200, np.uint8), FPS), width, height, FPS, mode)
    assert made.frames.shape == (2, height, width, 3)
    assert (made.frames == 200).all() if mode != "pad" else made.frames.max() == 200


def test_shrinking_averages_instead_of_dropping():
    """Stripes finer than the new pixels become their mean, not a moiré."""
    stripes = np.zeros((1, 64, 64, 3), np.uint8)
    stripes[:, :, ::2] = 255
    small = fit(Clip(stripes, FPS), 16, 16, FPS).frames
    assert small.min() > 110 and small.max() < 145


@pytest.mark.parametrize(
    ("shape", "error", "says"),
    [
        ({"width": 0, "height": 8}, SizeError, "nothing can be fitted to 0x8"),
        ({"width": 8, "height": 8, "fps": Fraction(0)}, DurationError, "0 frames per second"),
        ({"width": 8, "height": 8, "mode": "zoom"}, ClipError, "there are crop, pad, stretch"),
    ],
)
def test_what_cannot_be_fitted_is_named(shape: dict, error: type[Exception], says: str):
    with pytest.raises(error, match=says):
        Shape(**shape)


@pytest.mark.parametrize("mode", ["crop", "pad", "stretch"])
def test_fitting_while_decoding_gives_what_fitting_afterwards_gives(tmp_path: Path, mode):
    path = film(tmp_path / "film.mkv", smooth(12, height=96, width=128).frames, codec="ffv1", pix_fmt="yuv444p")
    for width, height, fps in ((96, 96, FPS), (24, 16, Fraction(4)), (200, 100, Fraction(12))):
        shape = Shape(width, height, fps, mode)
        at_once = load(path, into=shape).clip
        after = fit(load(path).clip, width, height, fps, mode)
        assert at_once.frames.shape == after.frames.shape and at_once.fps == after.fps
        assert np.abs(at_once.frames.astype(int) - after.frames).mean() < 1


@given(RATES, st.lists(st.integers(1, 5), min_size=2, max_size=60))
def test_times_on_a_grid_give_back_the_grid(fps: Fraction, stays: list[int]):
    """Every frame of a film whose frames stay for whole numbers of moments is shown for as many moments."""
    ends = np.cumsum(stays)
    starts = np.array([0, *ends[:-1]]) / float(fps)
    timing = timing_of(np.round(starts, 3), round(float(ends[-1] / fps), 3), 0.001, fps)
    assert (timing.fps, timing.count, timing.on_grid) == (fps, sum(stays), True)
    assert timing.even == (set(stays) == {1})
    shown = list(on_time(((timing.snap(start), index) for index, start in enumerate(starts)), fps, timing.count))
    assert shown == [index for index, stay in enumerate(stays) for _ in range(stay)]


@given(st.lists(st.floats(0.01, 0.4), min_size=3, max_size=40))
def test_uneven_times_are_met_within_a_frame(stays: list[float]):
    ends = np.cumsum(stays)
    starts = np.array([0.0, *ends[:-1]])
    timing = timing_of(starts, float(ends[-1]), 1e-6)
    shown = list(on_time(((timing.snap(start), index) for index, start in enumerate(starts)), timing.fps, timing.count))
    assert len(shown) == timing.count and shown == sorted(shown)
    assert abs(timing.count / timing.fps - ends[-1]) <= 1 / timing.fps
    for moment, index in enumerate(shown):
        assert starts[index] <= moment / timing.fps + 1 / timing.fps
        assert ends[index] >= moment / timing.fps - 1 / timing.fps
