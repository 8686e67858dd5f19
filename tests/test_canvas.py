"""What is painted is known and comes back bit for bit; what a canvas asks for follows from what is known."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.canvas import Asks, Canvas, Cue, Cut, Start
from kinema.clip import Clip, Sound
from kinema.errors import RecipeError

FPS = Fraction(8)


def drawn(frames: int, seed: int = 0) -> Clip:
    return Clip(np.random.default_rng(seed).integers(0, 256, (frames, 4, 6, 3), np.uint8), FPS)


def blank(frames: int = 8) -> Canvas:
    return Canvas.blank(frames, 4, 6, FPS, "a dog")


@given(st.integers(0, 2**32 - 1), st.integers(1, 8), st.data())
def test_known_pixels_survive_any_filling(seed: int, frames: int, data: st.DataObject):
    at = data.draw(st.integers(0, 8 - frames))
    where = np.random.default_rng(seed).random((frames, 4, 6)) < 0.5
    canvas = blank().paint(drawn(frames, 1), at, where)
    made = drawn(8, 2)
    restored = canvas.restore(made)
    assert np.array_equal(restored.frames[canvas.known], canvas.pixels[canvas.known])
    assert np.array_equal(restored.frames[~canvas.known], made.frames[~canvas.known])
    assert np.array_equal(restored.frames[at : at + frames][where], drawn(frames, 1).frames[where])


def test_painting_leaves_the_canvas_it_was_painted_on():
    canvas = blank()
    canvas.paint(drawn(2), at=0)
    assert not canvas.known.any() and not canvas.pixels.any()


def test_a_later_painting_covers_an_earlier_one():
    canvas = blank().paint(drawn(4, 1), at=0).paint(drawn(2, 2), at=1)
    assert np.array_equal(canvas.pixels[1:3], drawn(2, 2).frames)
    assert canvas.known[:4].all() and not canvas.known[4:].any()


@pytest.mark.parametrize(
    ("frames", "asks"),
    [
        ([], Asks.NOTHING),
        ([0], Asks.FIRST),
        ([7], Asks.LAST),
        ([0, 7], Asks.ENDS),
        ([0, 1, 2], Asks.PREFIX),
        ([5, 6, 7], Asks.SUFFIX),
        ([3], Asks.FRAMES),
        ([0, 4], Asks.FRAMES),
        ([0, 1, 7], Asks.FRAMES),
    ],
)
def test_asks_of_whole_frames(frames: list[int], asks: Asks):
    canvas = blank()
    for frame in frames:
        canvas = canvas.paint(drawn(1), at=frame)
    assert canvas.asks == asks


def test_asks_of_regions_cues_start_and_references():
    where = np.zeros((1, 4, 6), bool)
    where[0, 0, 0] = True
    assert blank().paint(drawn(1), 3, where).asks == Asks.REGIONS
    assert replace(blank(), captions=(Cue(0, "a"), Cue(4, "b"))).asks == Asks.NOTHING | Asks.CUES
    assert replace(blank(), captions=(Cue(2, "a"),)).asks == Asks.NOTHING | Asks.CUES
    assert replace(blank(), start=Start(drawn(8), 0.5)).asks == Asks.NOTHING | Asks.START
    assert replace(blank(), references=(drawn(1),)).asks == Asks.NOTHING | Asks.REFERENCES


def test_a_blank_canvas_takes_no_memory():
    canvas = Canvas.blank(10**6, 10**4, 10**4, FPS)
    assert not any(canvas.pixels.strides) and not any(canvas.known.strides)


@given(st.integers(0, 3), st.integers(0, 3))
def test_a_padded_canvas_knows_the_same_and_says_the_same_at_the_same_frames(before: int, after: int):
    canvas = replace(blank().paint(drawn(3), at=2), captions=(Cue(0, "a"), Cue(4, "b")), start=Start(drawn(8, 1), 0.5))
    padded = canvas.padded(before, after)
    inner = padded.part(before, before + 8)
    assert len(padded) == before + 8 + after
    assert np.array_equal(inner.pixels, canvas.pixels) and np.array_equal(inner.known, canvas.known)
    assert padded.known.sum() == canvas.known.sum()
    assert padded.captions == (Cue(0, "a"), Cue(4 + before, "b"))
    assert padded.start and np.array_equal(padded.start.clip.frames[before : before + 8], drawn(8, 1).frames)


@given(st.integers(0, 8), st.integers(0, 9), st.integers(1, 8))
def test_a_film_shown_in_segments_is_the_film_that_is_cut_at_once(start: int, stop: int, step: int):
    cut, made = Cut(start, stop, drawn(2, 5), drawn(3, 6)), drawn(8)
    shown = [cut.shown(made[at : at + step], at) for at in range(0, 8, step)]
    parts = [cut.before, *(each for each in shown if each), cut.after]
    assert np.array_equal(Clip.join([part for part in parts if part]).frames, cut.film(made).frames)


def test_the_sound_of_a_cut_is_that_of_its_film():
    sound = Sound(np.ones((100, 1), np.float32), 100)
    assert Cut(sound=sound).film(drawn(8)).sound is sound and Cut(before=drawn(2)).film(drawn(8)).sound is None


def test_what_is_invented_is_led_up_to_what_is_known_beside_it():
    """A filling that is 20 too dark everywhere meets the known half without a step, and far from it stays as it is."""
    where = np.zeros((1, 32, 64), bool)
    where[:, :, :32] = True
    canvas = Canvas.blank(2, 32, 64, FPS).paint(Clip(np.full((1, 32, 64, 3), 120, np.uint8), FPS), 0, where)
    made = Clip(np.full((2, 32, 64, 3), 100, np.uint8), FPS)
    eased = canvas.restore(canvas.eased(made)).frames
    row = eased[0, 16, :, 0].astype(int)
    assert row[31] == 120 and np.abs(np.diff(row)).max() < 6
    assert (row[48:] == 100).all() and np.array_equal(eased[1], made.frames[1])
    assert (eased[0, :, :32] == 120).all()


@pytest.mark.parametrize(
    ("painting", "says"),
    [
        (lambda: blank().paint(drawn(2), at=7), "2 frames from frame 7 on do not fit a canvas of 8 frames"),
        (lambda: blank().paint(drawn(2), at=-1), "from frame -1"),
        (lambda: Canvas.blank(8, 6, 6, FPS).paint(drawn(2), at=0), "6x4 at 8 fps does not fit a canvas of 6x6"),
        (lambda: blank().paint(drawn(2), 0, np.ones((1, 4, 6), bool)), "a mask of shape (1, 4, 6)"),
        (lambda: blank().restore(drawn(4)), "is no filling of a canvas"),
        (lambda: Start(drawn(1), 0), "strength 0 is not above 0"),
    ],
)
def test_what_does_not_fit_is_named(painting, says: str):
    with pytest.raises(RecipeError) as raised:
        painting()
    assert says in str(raised.value)
