"""Every task on real networks of tiny size: what is known comes back bit for bit, the rest follows the recipe."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import kinema
from kinema import engine, tasks
from kinema.backends import Asks
from kinema.canvas import Canvas
from kinema.clip import Clip, Sound
from kinema.engine import Film
from kinema.errors import RecipeError
from kinema.ready import settle
from kinema.recipe import Recipe
from kinema.tasks.play import IN_MEMORY_BYTES, Spool, play

PROMPT = "a red dog jumps in the snow."
FPS = Fraction(8)
pytestmark = pytest.mark.usefixtures("tiny_model")
ASKED = {"prompt": PROMPT, "as_is": True, "seed": 7, "steps": 2}


def drawn(frames: int = 24, seed: int = 0, *, sound: bool = False) -> Clip:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(1, 256, (frames, 32, 48, 3), np.uint8)
    samples = rng.uniform(-1, 1, (frames * 1000, 2)).astype(np.float32)
    return Clip(pixels, FPS, Sound(samples, 8000) if sound else None)


def masked(frames: int = 1, *, left: int = 16, right: int = 32) -> Clip:
    pixels = np.zeros((frames, 32, 48, 3), np.uint8)
    pixels[:, :, left:right] = 255
    return Clip(pixels, FPS)


def same(made: np.ndarray, given: np.ndarray) -> bool:
    return np.array_equal(made, given)


def test_animate_begins_or_ends_with_its_pictures():
    first, last = drawn(1, 1), drawn(1, 2)
    begun = kinema.animate(first, frames=12, **ASKED).clip.frames
    ended = kinema.animate(first, at="last", frames=12, **ASKED).clip.frames
    both = kinema.animate(first, last=last, frames=12, **ASKED).clip.frames
    assert same(begun[:1], first.frames) and same(ended[-1:], first.frames)
    assert same(both[:1], first.frames) and same(both[-1:], last.frames)
    assert not same(begun[1:], both[1:])


@pytest.mark.parametrize("frames", [5, 24, 48])
def test_extend_keeps_the_whole_film_at_either_end(frames: int):
    film = drawn()
    after = kinema.extend(film, frames=frames, **ASKED).clip.frames
    before = kinema.extend(film, frames=frames, direction="backward", **ASKED).clip.frames
    assert len(after) == len(before) == 24 + frames
    assert same(after[:24], film.frames) and same(before[-24:], film.frames)


def test_a_long_beginning_is_made_from_the_film_backwards():
    one, other = (kinema.extend(drawn(24, seed), frames=64, direction="backward", **ASKED).clip for seed in (0, 1))
    assert not same(one.frames[:8], other.frames[:8]), "what was invented far from the film follows from it"


@pytest.mark.parametrize(
    ("how", "kept"),
    [
        ({"lost": [("1", "2")]}, lambda t, y, x: (t < 8) | (t >= 16)),
        ({"lost": [("0", "1/4"), ("23/8", "3")]}, lambda t, y, x: (t >= 2) & (t < 23)),
        ({"keep_every": 5}, lambda t, y, x: t % 5 == 0),
        ({"boxes": [{"left": 0, "top": 0, "right": 0.5, "bottom": 1}]}, lambda t, y, x: x >= 24),
        ({"boxes": [{"left": 0, "top": 0, "right": 0.5, "bottom": 1}], "keep": True}, lambda t, y, x: x < 24),
        (
            {
                "boxes": [
                    {"at": 0, "left": 0, "top": 0, "right": 0.25, "bottom": 1},
                    {"at": "23/8", "left": 0, "top": 0, "right": 1, "bottom": 1},
                ]
            },
            lambda t, y, x: x + 0.5 >= 48 * (0.25 + 0.75 * t / 23),
        ),
    ],
)
def test_fill_keeps_all_but_what_is_lost(how: dict[str, object], kept: Callable[..., np.ndarray]):
    film = drawn()
    made = kinema.fill(film, **how, **ASKED).clip
    known = np.broadcast_to(kept(*np.mgrid[:24, :32, :48]), made.frames.shape[:3])
    assert same(made.frames[known], film.frames[known])
    assert not same(made.frames[~known], film.frames[~known])


@pytest.mark.parametrize("frames", [1, 24])
@pytest.mark.parametrize("keep", [False, True])
def test_a_mask_is_white_where_the_film_is_invented(frames: int, keep: bool):
    film, mask = drawn(), masked(frames)
    made = kinema.fill(film, mask=mask, keep=keep, **ASKED).clip
    lost = np.broadcast_to(mask.frames[..., 0] > 0, made.frames.shape[:3]) ^ keep
    assert same(made.frames[~lost], film.frames[~lost]) and not same(made.frames[lost], film.frames[lost])


def test_a_loop_keeps_the_film_and_leads_back_to_it():
    film = drawn()
    added = kinema.loop(film, bridge=1, **ASKED).clip
    assert len(added) == 32 and same(added.frames[:24], film.frames)
    remade = kinema.loop(film, bridge="9/8", keep="middle", **ASKED).clip
    assert len(remade) == 24 and same(remade.frames[4:19], film.frames[4:19])
    assert not same(remade.frames[:4], film.frames[:4]) and not same(remade.frames[19:], film.frames[19:])


def test_a_loop_of_a_prompt_begins_like_a_film_of_it():
    made = kinema.loop(frames=24, bridge=1, **ASKED).clip
    assert len(made) == 24
    assert same(made.frames[:16], kinema.generate(frames=16, **ASKED).clip.frames)


def test_a_blend_keeps_both_films_beside_its_bridge():
    first, second = drawn(24, 1), drawn(20, 2)
    made = kinema.blend(first, second, frames=9, **ASKED).clip.frames
    assert len(made) == 53
    assert same(made[:24], first.frames) and same(made[33:], second.frames)


def test_an_influence_curve_says_which_frames_of_both_stay():
    first, second = drawn(24, 1), drawn(20, 2)
    curve = [(0, 1), (0.3, 1), (0.7, 0), (1, 0)]
    made = kinema.blend(first, second, frames=11, influence=curve, **ASKED).clip.frames
    assert len(made) == 33
    assert same(made[:17], first.frames[:17]) and same(made[20:], second.frames[7:])
    assert not same(made[18:19], first.frames[18:19]) and not same(made[18:19], second.frames[5:6])


def test_a_blend_says_what_each_film_said(tmp_path: Path):
    for name, words in (("a", "a red dog."), ("b", "a blue robot.")):
        kinema.generate(words, tmp_path / f"{name}.png", as_is=True, seed=1, steps=1, frames=8)
    made = kinema.blend(tmp_path / "a.png", tmp_path / "b.png", frames=8, steps=1, seed=1)
    canvas = next(tasks.begin(made.recipe, (drawn(8), drawn(8))))
    assert [(cue.frame, cue.text) for cue in canvas.captions] == [(0, "a red dog."), (12, "a blue robot.")]


def test_a_remix_of_full_strength_is_a_new_film_and_a_subtle_one_is_not():
    film = drawn(16)
    free = kinema.remix(film, strength=1, **ASKED).clip.frames
    assert same(free, kinema.generate(frames=16, **ASKED).clip.frames)
    subtle, strong = (kinema.remix(film, strength=word, **ASKED).recipe.how for word in ("subtle", "strong"))
    assert subtle.strength < strong.strength < 1  # type: ignore[union-attr]
    assert not same(free, kinema.remix(drawn(16, 1), strength=0.5, **ASKED).clip.frames)


def test_a_storyboard_keeps_what_its_cards_show_and_hears_what_they_say():
    picture, film = drawn(1, 1), drawn(24, 2)
    cards = [
        {"at": 0, "text": "a red dog."},
        {"at": 1, "source": 0},
        {"at": 2, "text": "a blue robot."},
        {"at": 3, "source": 1, "start": 1, "stop": 2},
    ]
    made = kinema.storyboard(cards, [picture, film], seconds=5, as_is=True, seed=7, steps=2)
    frames = made.clip.frames
    assert len(frames) == 40 and same(frames[8:9], picture.frames) and same(frames[24:32], film.frames[8:16])
    canvas = next(tasks.begin(made.recipe, (picture, film)))
    assert [(cue.frame, cue.text) for cue in canvas.captions] == [(0, "a red dog."), (16, "a blue robot.")]
    assert Asks.CUES in canvas.asks and not canvas.known[32:].any()


def test_a_storyboard_of_one_sentence_is_the_film_of_it():
    board = kinema.storyboard([{"at": 0, "text": PROMPT}], frames=40, as_is=True, seed=7, steps=2)
    assert same(board.clip.frames, kinema.generate(frames=40, **ASKED).clip.frames)
    twice = [{"at": 0, "text": PROMPT}, {"at": 3, "text": "a blue robot."}]
    changed = kinema.storyboard(twice, frames=40, as_is=True, seed=7, steps=2).clip.frames
    assert not same(changed[24:], board.clip.frames[24:])


def test_a_recut_keeps_its_pieces_in_order():
    first, second = drawn(24, 1), drawn(24, 2)
    pieces = [{"source": 1, "start": 1, "stop": 2}, {"source": 0, "stop": "1/2"}]
    made = kinema.recut(pieces, [first, second], gap=1, add="3/4", **ASKED).clip.frames
    assert len(made) == 8 + 8 + 4 + 6
    assert same(made[:8], second.frames[8:16]) and same(made[16:20], first.frames[:4])


def test_a_still_is_one_frame(tmp_path: Path):
    film = kinema.still(path=tmp_path / "dog.png", **ASKED)
    assert len(film.clip) == 1 and same(Clip.read(tmp_path / "dog.png").frames, film.clip.frames)


TASKS: dict[str, Callable[[], Film]] = {
    "generate": lambda: kinema.generate(frames=40, **ASKED),
    "animate": lambda: kinema.animate(drawn(1), frames=9, **ASKED),
    "extend": lambda: kinema.extend(drawn(), frames=9, **ASKED),
    "fill": lambda: kinema.fill(drawn(), keep_every=5, **ASKED),
    "loop": lambda: kinema.loop(frames=24, bridge=1, **ASKED),
    "blend": lambda: kinema.blend(drawn(), drawn(24, 1), frames=9, influence=[(0, 1), (1, 0)], **ASKED),
    "remix": lambda: kinema.remix(drawn(), **ASKED),
    "storyboard": lambda: kinema.storyboard([{"at": 1, "source": 0}], [drawn()], **ASKED),
    "recut": lambda: kinema.recut([{"source": 0}], [drawn()], add=1, **ASKED),
}


@pytest.mark.parametrize("task", TASKS)
def test_the_same_recipe_makes_the_same_frames_whatever_ran_before(task: str):
    first = TASKS[task]()
    kinema.generate("a blue robot.", as_is=True, seed=1, frames=4, steps=1)
    again = TASKS[task]()
    assert same(first.clip.frames, again.clip.frames) and first.recipe == again.recipe


@pytest.mark.parametrize("task", ["loop", "blend", "extend", "fill"])
def test_what_is_shown_while_it_is_made_is_the_film_that_the_task_returns(task: str):
    film = TASKS[task]()
    clips = [drawn(), drawn(24, 1)][: len(film.recipe.sources)]
    rng = np.random.default_rng(3)

    def fill(canvas: Canvas) -> list[Clip]:
        return [Clip(rng.integers(0, 256, canvas.pixels.shape, np.uint8), FPS)]

    rng_state = rng.bit_generator.state
    seen = Clip.join(play(tasks.begin(film.recipe, clips), fill)).frames
    rng.bit_generator.state = rng_state
    task_run = tasks.begin(film.recipe, clips)
    canvas = next(task_run)
    while True:
        try:
            made = fill(canvas)[0]
            canvas = task_run.send(canvas.restore(canvas.eased(made)))
        except StopIteration as end:
            assert same(end.value.frames, seen)
            return


def test_a_settled_recipe_is_replayed_from_its_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    drawn().write("dog.png")
    film = kinema.extend("dog.png", "longer.png", frames=8, **ASKED)
    again = engine.make(Recipe.model_validate_json(film.recipe.canonical()))
    assert same(again.clip.frames, film.clip.frames) and again.recipe == film.recipe
    drawn(24, 5).write("dog.png")
    with pytest.raises(RecipeError, match=r"dog\.png is not what the recipe was made with"):
        engine.make(film.recipe)


def test_a_recipe_of_clips_is_replayed_with_the_same_clips():
    film = kinema.extend(drawn(), frames=8, **ASKED)
    again = engine.make(film.recipe, clips=[drawn()])
    assert same(again.clip.frames, film.clip.frames)
    with pytest.raises(RecipeError, match="clip 1 is not what the recipe was made with"):
        engine.make(film.recipe, clips=[drawn(24, 5)])
    with pytest.raises(RecipeError, match="1 of the recipe's sources were clips in memory, and 0 clips"):
        engine.make(film.recipe)


def test_a_film_of_kinema_needs_no_new_prompt(tmp_path: Path):
    kinema.generate(path=tmp_path / "dog.mp4", frames=8, **ASKED)
    film = kinema.extend(tmp_path / "dog.mp4", frames=4, seed=1, steps=1)
    assert (film.recipe.prompt, film.recipe.rewritten_prompt, film.recipe.as_is) == (PROMPT, PROMPT, True)
    told = kinema.extend(tmp_path / "dog.mp4", prompt="a blue robot.", as_is=True, frames=4, seed=1, steps=1)
    assert told.recipe.prompt == "a blue robot."


def test_a_foreign_film_can_be_extended_without_a_word():
    film = kinema.extend(drawn(), frames=8, seed=7, steps=2)
    assert film.recipe.prompt == "" and settle(film.recipe, clips=[drawn()])[0] == film.recipe


def test_sound_stays_where_the_picture_keeps_its_time():
    film = drawn(24, sound=True)
    assert film.sound
    ahead = kinema.extend(film, frames=8, **ASKED)
    assert ahead.clip.sound and same(ahead.clip.sound.samples[:24000], film.sound.samples) and not ahead.notes
    assert len(ahead.clip.sound.samples) == 32000 and not ahead.clip.sound.samples[24000:].any()
    before = kinema.extend(film, frames=8, direction="backward", **ASKED).clip.sound
    assert before and same(before.samples[8000:], film.sound.samples) and not before.samples[:8000].any()
    for made in (kinema.fill(film, keep_every=4, **ASKED), kinema.remix(film, **ASKED)):
        assert made.clip.sound and same(made.clip.sound.samples, film.sound.samples)
    looped = kinema.loop(film, bridge=1, **ASKED)
    assert looped.clip.sound is None and looped.notes == (
        "The sound was dropped, since the pictures do not keep their time.",
    )


def test_what_was_done_to_a_source_is_said():
    large = Clip(np.zeros((1, 64, 128, 3), np.uint8), Fraction(1))
    film = kinema.animate(large, frames=8, width=48, height=32, **ASKED)
    assert film.notes == ("clip 1: 128x64 was fitted to 48x32 at 8 fps, and 25 % of it cut off at the edges",)


def test_a_film_takes_the_shape_of_its_source_or_the_one_that_is_asked_for():
    tall = Clip(np.zeros((1, 960, 540, 3), np.uint8), Fraction(1))
    recipe = kinema.animate(tall, frames=4, **ASKED).recipe
    assert (recipe.width, recipe.height) == (32, 48)
    wide = kinema.generate(frames=4, shape="3:2", **ASKED).recipe
    assert (wide.width, wide.height, wide.shape) == (48, 32, None)
    square = kinema.generate(frames=4, shape="1:1", **ASKED).recipe
    assert square.width == square.height


def test_a_long_film_lies_on_disk_and_cannot_be_changed():
    spool, frame = Spool(), np.zeros((1, 500, 500, 3), np.uint8)
    count = IN_MEMORY_BYTES // frame.size + 1
    for index in range(count):
        spool.add(Clip(frame + np.uint8(index), FPS))
    clip = spool.clip()
    assert len(clip) == count and [int(pixels[0, 0, 0]) for pixels in clip.frames] == list(range(count))
    assert isinstance(clip.frames.base, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        clip.frames[0] = 1
