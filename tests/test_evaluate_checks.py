"""Analytic checks on clips whose camera, subject and flaws are known because the test made them."""

import random
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinema.clip import Clip
from kinema.evaluate.checks import camera_travel, check, name_camera, shift_between, subject_track
from kinema.evaluate.gate import true_clip
from kinema.world.scene import Scene, Thing

FPS = Fraction(8)


def world(height: int, width: int, seed: int = 0) -> np.ndarray:
    """A textured field (H, W) float32 in 0..255, smooth enough to register."""
    noise = np.random.default_rng(seed).standard_normal((height, width))
    spectrum = np.fft.rfft2(noise)
    rows, columns = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    smooth = np.fft.irfft2(spectrum * np.exp(-((rows**2 + columns**2) * 40)), s=(height, width))
    return (127 + 45 * smooth / smooth.std()).clip(0, 255).astype(np.float32)


def clip_of(frames: list[np.ndarray]) -> Clip:
    gray = np.stack(frames).round().astype(np.uint8)
    return Clip(np.repeat(gray[..., None], 3, -1), FPS)


@settings(max_examples=25)
@given(st.integers(-12, 12), st.integers(-12, 12))
def test_a_known_shift_is_found(right: int, down: int) -> None:
    field = world(128, 128)
    found = shift_between(field[24:88, 24:88], field[24 - down : 88 - down, 24 - right : 88 - right])
    assert found == pytest.approx((right, down), abs=0.75)


@pytest.mark.parametrize(("step", "name"), [((2, 0), "pans_right"), ((-2, 0), "pans_left"), ((0, -1), "tilts_up")])
def test_a_camera_that_travels_is_named(step: tuple[int, int], name: str) -> None:
    field = world(256, 256)
    frames = [field[64 + step[1] * k : 192 + step[1] * k, 64 + step[0] * k : 192 + step[0] * k] for k in range(32)]
    measured = check(clip_of(frames))
    assert measured.camera == name
    travel = measured.pan if step[0] else measured.tilt
    assert travel == pytest.approx((step[0] or -step[1]) * 31 / 128, abs=0.03)


def test_a_camera_at_rest_is_static_whatever_the_subject_does() -> None:
    frames = [world(128, 128) for _ in range(32)]
    for index, frame in enumerate(frames):
        frame[50:90, 10 + 2 * index : 40 + 2 * index] = 255
    measured = check(clip_of(frames))
    assert measured.camera == "static"
    assert measured.subject_dx == pytest.approx(2 * 31 / 128, abs=0.12)


def test_collapse_to_a_still_and_flicker_are_seen() -> None:
    calm = [world(64, 64) for _ in range(16)]
    assert check(clip_of(calm)).still
    blinking = [frame + 12 * (index % 2) for index, frame in enumerate(calm)]
    assert not check(clip_of(blinking)).still
    assert check(clip_of(blinking)).flicker > 10 > check(clip_of(calm)).flicker


def test_the_track_follows_a_thing_that_moves() -> None:
    frames = [np.full((64, 64), 90, np.float32) for _ in range(16)]
    for index, frame in enumerate(frames):
        frame[20:32, 4 + 3 * index : 16 + 3 * index] = 220
    track, masks = subject_track(clip_of(frames))
    assert track[-1, 0] - track[0, 0] == pytest.approx(3 * 15 / 64, abs=0.08)
    assert np.ptp(track[:, 1]) < 0.1
    assert masks.any((1, 2)).all()


def test_a_subject_that_turns_into_another_drifts() -> None:
    rng = np.random.default_rng(0)
    frames = np.full((16, 64, 64, 3), 120, np.uint8) + rng.integers(0, 4, (16, 64, 64, 3), np.uint8)
    same, other = frames.copy(), frames.copy()
    for index in range(16):
        box = (index, slice(20, 34), slice(5 + 2 * index, 19 + 2 * index))
        same[box] = (230, 30, 30)
        other[box] = (230, 30, 30) if index < 8 else (30, 60, 230)
    assert check(Clip(same, FPS)).identity_drift + 0.3 < check(Clip(other, FPS)).identity_drift


def test_cameras_of_true_renders_are_mostly_named_rightly() -> None:
    cameras = ("static", "pans_left", "pans_right", "zooms_in", "zooms_out", "tilts_up")
    rng = random.Random(2)
    right = 0
    for camera in cameras:
        for place in ("meadow", "desert", "mountains"):
            scene = Scene((Thing("eagle"),), "stays", place=place, camera=camera, seed=rng.randrange(99))
            right += check(true_clip(scene)).camera == camera
    assert right >= 15


def test_no_travel_is_static() -> None:
    assert name_camera(0.0, 0.0, 0.0) == "static"
    assert camera_travel(clip_of([world(64, 64)] * 9)) == pytest.approx((0, 0, 0), abs=1e-6)
