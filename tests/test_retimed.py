"""A film that is taken further keeps its own rate and frames, and what is invented is brought to that rate."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

import kinema
from kinema.backends.between import Between, smooth
from kinema.backends.retimed import PIECE, fill_at_rate, made_frames, rate_words, slowed
from kinema.canvas import Canvas, Cue, Start
from kinema.clip import Clip
from kinema.engine import Film
from kinema.errors import DurationError
from kinema.media import Held
from kinema.ready import own_rate, prepare
from kinema.recipe import Recipe
from kinema.settings import Settings

MADE = Fraction(8)
NTSC = Fraction(30000, 1001)
ASKED = {"prompt": "a red dog jumps in the snow.", "as_is": True, "seed": 7, "steps": 1}


def drawn(frames: int, fps: Fraction = Fraction(24), seed: int = 0) -> Clip:
    """A film of the size that the tiny model makes, no frame like its neighbour."""
    return Clip(np.random.default_rng(seed).integers(1, 256, (frames, 32, 48, 3), np.uint8), fps)


def disc(x: float, y: float = 32) -> np.ndarray:
    """A soft bright disc on a shaded ground, (64, 64, 3) uint8."""
    rows, columns = np.mgrid[:64, :64]
    inside = np.clip(10 - np.hypot(columns - x, rows - y), 0, 1)[..., None]
    ground = (40 + rows + columns / 2)[..., None] * np.array([0.5, 1, 0.8])
    return (ground * (1 - inside) + inside * np.array([240, 90, 60])).astype(np.uint8)


TASKS: dict[str, tuple[Callable[[Clip], Film], slice, slice]] = {
    "extend": (lambda film: kinema.extend(film, seconds=1, **ASKED), slice(0, 40), slice(0, 40)),
    "extend backward": (
        lambda film: kinema.extend(film, direction="backward", seconds=1, **ASKED),
        slice(-40, None),
        slice(0, 40),
    ),
    "fill": (lambda film: kinema.fill(film, lost=[("1/2", 1)], **ASKED), slice(30, 40), slice(30, 40)),
    "loop": (lambda film: kinema.loop(film, bridge=1, **ASKED), slice(0, 40), slice(0, 40)),
    "blend": (
        lambda film: kinema.blend(film, drawn(20, film.fps, 1), seconds=1, **ASKED),
        slice(0, 40),
        slice(0, 40),
    ),
    "recut": (
        lambda film: kinema.recut([{"source": 0, "stop": 1}], [film], add=1, **ASKED),
        slice(0, 20),
        slice(0, 20),
    ),
}


@pytest.mark.usefixtures("tiny_model")
@pytest.mark.parametrize("fps", [Fraction(24), Fraction(25), NTSC, Fraction(4)])
@pytest.mark.parametrize("task", TASKS)
def test_a_film_comes_back_at_its_own_rate_with_its_own_frames(task: str, fps: Fraction):
    make, kept, given = TASKS[task]
    if fps == 4 and task in ("fill", "recut"):
        kept = given = slice(4, 40) if task == "fill" else slice(0, 4)
    film = make(drawn(40, fps))
    assert film.clip.fps == film.recipe.fps == fps and film.recipe.made_fps == MADE
    assert np.array_equal(film.clip.frames[kept], drawn(40, fps).frames[given])
    assert any("is made at 8 fps" in note for note in film.notes)


@pytest.mark.usefixtures("tiny_model")
def test_a_region_of_a_film_of_another_rate_is_filled_and_the_rest_is_as_it_was():
    film = drawn(30)
    box = {"left": 0.25, "top": 0.25, "right": 0.75, "bottom": 0.75}
    made = kinema.fill(film, boxes=[box], **ASKED).clip.frames
    where = np.zeros((30, 32, 48), bool)
    where[:, 8:24, 12:36] = True
    assert np.array_equal(made[~where], film.frames[~where])
    assert not np.array_equal(made[where], film.frames[where])


@pytest.mark.usefixtures("tiny_model")
def test_a_prompt_at_another_rate_shows_the_same_frames_at_the_same_moments():
    slow = kinema.generate(seconds=2, **ASKED).clip
    fast = kinema.generate(seconds=2, fps=24, **ASKED)
    assert (len(fast.clip), fast.clip.fps) == (48, 24)
    assert np.array_equal(fast.clip.frames[::3], slow.frames)
    again = kinema.make(Recipe.model_validate_json(fast.recipe.canonical()))
    assert again.recipe == fast.recipe and np.array_equal(again.clip.frames, fast.clip.frames)


@pytest.mark.usefixtures("tiny_model")
def test_a_rate_that_is_asked_for_is_obeyed_and_a_film_that_has_less_is_brought_to_it():
    film = drawn(8, MADE)
    made = kinema.extend(film, seconds=1, fps=16, **ASKED)
    assert (made.clip.fps, len(made.clip)) == (16, 32)
    assert np.array_equal(made.clip.frames[:16:2], film.frames)
    assert sum("follow what moves" in note for note in made.notes) == 2
    slower = kinema.extend(drawn(24), seconds=1, fps=8, **ASKED)
    assert slower.recipe.made_fps is None and np.array_equal(slower.clip.frames[:8], drawn(24).frames[::3])


@pytest.mark.usefixtures("tiny_model")
def test_seconds_that_are_no_whole_frames_of_a_film_are_the_nearest_and_said():
    ready = prepare(
        Recipe.model_validate(ASKED | {"task": "extend", "sources": [{}], "seconds": 2}), clips=[drawn(8, NTSC)]
    )
    assert ready.recipe.frames == 60 and ready.recipe.seconds == 60 / NTSC
    assert "2 s are no whole frames at 29.97 fps; 60 are made, 2.002 s" in ready.notes
    with pytest.raises(DurationError, match="which is not whole"):
        prepare(Recipe.model_validate(ASKED | {"seconds": 2, "fps": NTSC}))


def test_a_film_that_is_faster_than_films_are_made_keeps_every_so_manyth_frame():
    rates = {Fraction(24): 24, Fraction(60): 60, Fraction(120): 60, Fraction(100): 50, Fraction(120000, 1001): NTSC * 2}
    assert {fps: own_rate(Held(64, 64, 9, fps), Settings()) for fps in rates} == rates


def whole(canvas: Canvas) -> list[int]:
    return np.flatnonzero(canvas.known.all((1, 2))).tolist()


def test_a_slowed_canvas_shows_what_is_known_at_its_moments():
    film = drawn(24)
    canvas = Canvas.blank(48, 32, 48, film.fps).paint(film, at=0)
    slow = slowed(canvas, MADE)
    assert len(slow) == 16 == made_frames(48, film.fps, MADE) and slow.fps == MADE
    assert whole(slow) == list(range(8)) and np.array_equal(slow.pixels[:8], film.frames[::3])
    assert not slow.pixels[8:].any()
    late = slowed(Canvas.blank(48, 32, 48, film.fps).paint(film, at=23), MADE)
    assert whole(late) == list(range(8, 16)) and np.array_equal(late.pixels[8], film.frames[1])


def test_lone_frames_between_its_moments_are_shown_at_the_nearer():
    canvas = Canvas.blank(25, 32, 48, Fraction(24))
    film = drawn(25)
    for at in (0, 7, 14, 20):
        canvas = canvas.paint(film[at : at + 1], at=at)
    slow = slowed(canvas, MADE)
    assert whole(slow) == [0, 2, 5, 7]
    assert np.array_equal(slow.pixels[[0, 2, 5, 7]], film.frames[[0, 7, 14, 20]])


def test_a_last_frame_after_the_last_moment_is_led_to():
    film = drawn(96)
    canvas = Canvas.blank(96, 32, 48, film.fps).paint(film[:1], at=0).paint(film[-1:], at=95)
    slow = slowed(canvas, MADE)
    assert len(slow) == 32 and whole(slow) == [0, 31] and np.array_equal(slow.pixels[31], film.frames[95])


def test_how_a_film_gets_its_rate_is_said_where_it_is_not_made_so():
    def said(**parts: object) -> str | None:
        return rate_words(Recipe.model_validate(ASKED | parts))

    assert said(fps=8) is None and said(task="still", fps=24, made_fps=8) is None
    assert said(fps=24, made_fps=8) == "24 fps; it is made at 8 fps, and the frames between follow what moves in these"
    assert str(said(fps=4, made_fps=8)).startswith("4 fps; it is made at 8 fps, of which")


def test_between_frames_that_are_near_one_another_what_moves_is_followed_and_nothing_is_made():
    truth = Clip(np.stack([disc(16 + frame) for frame in range(25)]), Fraction(24))
    canvas = Canvas.blank(25, 64, 64, truth.fps)
    for at in range(0, 25, 4):
        canvas = canvas.paint(truth[at : at + 1], at=at)
    slow = slowed(canvas, MADE)
    assert whole(slow) == list(range(9))
    frames = Clip.join(fill_at_rate(canvas, MADE, lambda slow: [Clip(slow.pixels, MADE)])).frames
    off = [np.abs(made.astype(int) - true).mean() for made, true in zip(frames, truth.frames, strict=True)]
    held = [np.abs(truth.frames[at].astype(int) - truth.frames[at - at % 4]).mean() for at in range(25)]
    assert max(off[at] / held[at] for at in range(25) if at % 4) < 0.4


def test_a_canvas_slower_than_the_model_leaves_the_moments_between_its_frames_open():
    film = drawn(4, Fraction(4))
    slow = slowed(Canvas.blank(6, 32, 48, film.fps).paint(film, at=0), MADE)
    assert len(slow) == 11 and whole(slow) == [0, 2, 4, 6]


def test_words_and_beginnings_keep_their_moments():
    film = drawn(24)
    canvas = Canvas.blank(24, 32, 48, film.fps)
    cues = (Cue(0, "a dog"), Cue(12, "a cat"))
    slow = slowed(Canvas(canvas.pixels, canvas.known, film.fps, cues, Start(film, 0.5)), MADE)
    assert [cue.frame for cue in slow.captions] == [0, 4]
    assert slow.start and np.array_equal(slow.start.clip.frames, film.frames[::3])


def test_what_moves_is_followed_between_known_and_made_frames():
    fps, truth = Fraction(24), [disc(12 + frame) for frame in range(37)]
    canvas = Canvas.blank(37, 64, 64, fps).paint(Clip(np.stack(truth[:10]), fps), at=0)

    def made(slow: Canvas) -> Iterator[Clip]:
        for start in range(0, len(slow), 4):
            yield Clip(np.stack([truth[3 * index] for index in range(start, min(start + 4, len(slow)))]), slow.fps)

    segments = list(fill_at_rate(canvas, MADE, made))
    assert max(len(segment) for segment in segments) == PIECE
    frames = Clip.join(segments).frames
    assert np.array_equal(frames[:10], np.stack(truth[:10])) and np.array_equal(frames[9::3], np.stack(truth[9::3]))
    off = [np.abs(frame.astype(int) - true).mean() for frame, true in zip(frames, truth, strict=True)]
    held = [np.abs(truth[at].astype(int) - truth[at - at % 3]).mean() for at in range(37)]
    assert max(off[at] / held[at] for at in range(10, 37) if at % 3) < 0.35


def test_motion_goes_on_beyond_the_last_frame_that_is_made():
    canvas = Canvas.blank(9, 64, 64, Fraction(24))
    frames = Clip.join(fill_at_rate(canvas, MADE, lambda slow: [Clip(np.stack([disc(20), disc(23), disc(26)]), MADE)]))
    assert len(frames) == 9
    off = [np.abs(frames.frames[8].astype(int) - disc(x)).mean() for x in (26, 28)]
    assert off[1] < off[0] / 2


def test_frames_are_handed_on_while_later_ones_are_made():
    asked: list[int] = []

    def made(slow: Canvas) -> Iterator[Clip]:
        for index in range(len(slow)):
            asked.append(index)
            yield Clip(np.zeros((1, 32, 48, 3), np.uint8), MADE)

    next(fill_at_rate(Canvas.blank(240, 32, 48, Fraction(24)), MADE, made))
    assert len(asked) <= 7


def test_between_two_frames_things_are_moved_and_not_mixed():
    before, after = disc(20), disc(32, 36)
    middle = Between(before, after).at(0.5).astype(int)
    mixed = (before.astype(int) + after) // 2
    assert np.abs(middle - disc(26, 34)).mean() < np.abs(mixed - disc(26, 34)).mean() / 4


def test_a_cut_stays_a_cut():
    rng = np.random.default_rng(0)
    before, after = rng.integers(0, 60, (64, 64, 3), np.uint8), rng.integers(190, 256, (64, 64, 3), np.uint8)
    shares = [Between(before, after).at(share).mean() for share in (0.2, 0.4, 0.6, 0.8)]
    assert max(shares[:2]) < 60 and min(shares[2:]) > 190


def test_the_ends_are_the_frames_themselves_and_a_still_stays_still():
    before, after = drawn(2).frames
    assert np.array_equal(Between(before, after).at(0), before) and np.array_equal(Between(before, after).at(1), after)
    assert np.array_equal(Between(before, before).at(0.4), before)
    for size in ((1, 1), (1, 40), (2, 3)):
        tiny = np.random.default_rng(1).integers(0, 256, (2, *size, 3), np.uint8)
        assert Between(tiny[0], tiny[1]).at(0.4).shape == (*size, 3)


def test_a_smoothed_clip_keeps_its_frames_at_their_moments_and_its_length():
    clip = Clip(np.stack([disc(x) for x in range(20, 36, 4)]), MADE)
    made = smooth(clip, Fraction(24))
    assert len(made) == 12 and np.array_equal(made.frames[::3], clip.frames)
    assert all(not np.array_equal(before, after) for before, after in pairwise(made.frames))
    assert len(smooth(clip[:1], Fraction(24))) == 3
