"""The chain, run on real OpenVINO networks of tiny size."""

import os
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import kinema
from kinema import engine
from kinema.backends import Asks, Step, check_asks, find
from kinema.backends.leading import evened
from kinema.backends.native import Native, known_share, load
from kinema.canvas import Canvas
from kinema.clip import Clip
from kinema.errors import BackendError, DurationError, KinemaError, OutputError, PromptError, RecipeError, SizeError
from kinema.media import read_about
from kinema.ready import prepare, recipe_of, settle
from kinema.recipe import Recipe

PROMPT = "a red dog jumps in the snow."
pytestmark = pytest.mark.usefixtures("tiny_model")


def recipe(**parts: object) -> Recipe:
    return Recipe.model_validate({"prompt": PROMPT, "as_is": True, "seed": 7, **parts})


def test_same_recipe_same_frames_whatever_ran_before():
    first = engine.make(recipe())
    engine.make(recipe(seed=8, width=64, height=64))
    again = engine.make(recipe())
    assert np.array_equal(first.clip.frames, again.clip.frames)
    assert first.recipe == again.recipe


def test_a_settled_recipe_makes_the_same_film_from_its_json():
    film = engine.make(recipe(seed=None))
    again = engine.make(Recipe.model_validate_json(film.recipe.canonical()))
    assert np.array_equal(film.clip.frames, again.clip.frames)
    assert again.recipe == film.recipe


def test_seed_prompt_and_guidance_each_change_the_frames():
    plain = engine.make(recipe()).clip.frames
    for other in (recipe(seed=8), recipe(prompt="a blue robot jumps."), recipe(guidance=5.0), recipe(steps=2)):
        assert not np.array_equal(plain, engine.make(other).clip.frames)


def test_what_was_left_open_is_settled_and_recorded():
    settled, _ = settle(Recipe(prompt=PROMPT, as_is=True))
    assert (settled.width, settled.height, settled.frames, settled.fps) == (48, 32, 32, 8)
    assert (settled.seconds, settled.steps, settled.guidance, settled.model) == (4, 3, 2.0, "native")
    assert settled.seed is not None and settled.rewritten_prompt == PROMPT
    assert (
        settled.configuration and settled.configuration.startswith("tiny ") and "f32, 1 thread" in settled.configuration
    )
    assert settle(settled)[0] == settled


@pytest.mark.parametrize(
    ("size", "made"),
    [("48x32", (48, 32, None)), ("96x64", (48, 32, 2)), ("100x41", (80, 32, 2)), ("31x200", (16, 96, 4))],
)
def test_any_size_is_made_at_the_nearest_shape_and_delivered_exactly(size: str, made: tuple[int, int, int | None]):
    film = engine.make(recipe(size=size, frames=4))
    assert (film.recipe.width, film.recipe.height, film.recipe.upscale) == made
    assert f"{film.clip.width}x{film.clip.height}" == film.recipe.size == size
    again = engine.make(Recipe.model_validate_json(film.recipe.canonical()))
    assert np.array_equal(again.clip.frames, film.clip.frames) and again.recipe == film.recipe


def test_a_size_and_the_upscaling_that_it_means_are_one_recipe():
    by_factor, _ = settle(recipe(upscale=2))
    assert by_factor == settle(recipe(size="96x64"))[0] and by_factor.size == "96x64"
    larger, _ = settle(recipe(width=96, height=64))
    assert larger.size is None, "made at 96x64 itself, which asking for that size does not mean"


def test_what_is_ready_is_made_without_being_read_again(tmp_path: Path):
    Clip(np.zeros((1, 32, 48, 3), np.uint8), Fraction(8)).write(tmp_path / "first.png")
    asked = recipe(task="animate", sources=[{"path": str(tmp_path / "first.png")}], frames=8, n=2)
    ready = prepare(asked)
    films = list(engine.make_all(asked))
    (tmp_path / "first.png").unlink()
    for index, film in enumerate(films):
        made = engine.make(ready.one_of(index))
        assert made.recipe == film.recipe and np.array_equal(made.clip.frames, film.clip.frames)


def test_a_drawn_seed_differs_from_time_to_time():
    seeds = {settle(recipe(seed=None))[0].seed for _ in range(8)}
    assert len(seeds) > 1


def test_frames_between_the_grid_are_made_longer_and_cut():
    whole = engine.make(recipe(frames=8))
    cut = engine.make(recipe(frames=6))
    assert (cut.recipe.frames, cut.recipe.made_frames, cut.recipe.seconds) == (6, 8, Fraction(6, 8))
    assert np.array_equal(cut.clip.frames, whole.clip.frames[:6])


def test_a_film_longer_than_a_window_begins_like_a_shorter_one():
    short = engine.make(recipe(frames=32)).clip
    long = engine.make(recipe(frames=84)).clip
    assert len(long) == 84
    assert np.array_equal(long.frames[:32], short.frames)


def test_latents_of_a_film_are_those_that_its_frames_show():
    clip = engine.make(recipe(frames=40)).clip
    assert clip.latents is not None and len(clip.latents.values) == 10
    native = find("native")
    first = clip.latents.values[:8].transpose(0, 2, 3, 1)  # of the first window, before which there is nothing
    shown = evened(native._decode(first, None).astype(np.float32), 4, None, None)  # type: ignore[attr-defined]
    assert np.abs(shown - clip.frames[:32]).max() <= 1


def test_known_pixels_are_bit_equal_after_restoring_and_condition_the_rest():
    native = find("native")
    film = engine.make(recipe(frames=8)).clip
    canvas = Canvas.blank(8, 32, 48, Fraction(8), PROMPT)
    painted = canvas.paint(Clip(255 - film.frames[:4], Fraction(8)), at=0)

    def fill(canvas: Canvas) -> Clip:
        segments = native.fill(canvas, steps=3, guidance=2.0, rng=np.random.default_rng(7), on_step=lambda step: None)
        return canvas.restore(Clip.join(segments))

    made = fill(painted)
    assert np.array_equal(made.frames[painted.known], painted.pixels[painted.known])
    assert not np.array_equal(made.frames[4:], fill(canvas).frames[4:])


def test_networks_that_are_guided_by_themselves_are_asked_once_a_step(tiny_model: Path):
    """Guided by 2 already, they give at 2 what others give at 1, in as many calls, and at 3 what others give at 1.5."""
    plain = load()
    batches: list[int] = []

    def counted(*fed: np.ndarray) -> np.ndarray:
        batches.append(len(fed[0]))
        return plain.networks.transformer(*fed)

    networks = replace(plain.networks, transformer=counted)
    guided = Native(plain.card.model_copy(update={"guided": 2.0}), networks)
    canvas = Canvas.blank(8, 32, 48, Fraction(8), PROMPT)

    def fill(native: Native, guidance: float) -> np.ndarray:
        rng = np.random.default_rng(7)
        return Clip.join(native.fill(canvas, steps=2, guidance=guidance, rng=rng, on_step=lambda step: None)).frames

    assert np.array_equal(fill(guided, 2.0), fill(plain, 1.0)) and set(batches) == {1}
    assert np.array_equal(fill(guided, 3.0), fill(plain, 1.5)) and batches[-1] == 2


def test_the_mask_names_the_known_share_of_each_frame_and_quarter():
    known = np.zeros((4, 32, 16), bool)
    known[1, :8, 8:] = True
    known[3, 16:] = True
    shares = known_share(known, chunk=4, patch=16, channels=16)
    expected = np.zeros((1, 2, 1, 4, 2, 2), np.float32)
    expected[0, 0, 0, 1, 0, 1] = 1
    expected[0, 1, 0, 3] = 1
    assert np.array_equal(shares, expected.reshape(1, 2, 1, 16))


def test_progress_counts_every_step_and_shows_a_frame():
    seen: list[Step] = []
    engine.make(recipe(frames=40), on_step=seen.append)
    assert [(step.done, step.total) for step in seen] == [(done, 6) for done in range(1, 7)]
    assert all(step.look().shape == (32, 48, 3) for step in seen)


def test_n_films_have_seeds_that_count_up_and_can_be_made_alone(tmp_path: Path):
    films = list(engine.make_all(recipe(n=2, frames=4), tmp_path / "film.png"))
    assert [film.path for film in films] == [tmp_path / "film-1.png", tmp_path / "film-2.png"]
    assert [film.recipe.seed for film in films] == [7, 8]
    alone = engine.make(recipe(seed=8, frames=4))
    assert np.array_equal(alone.clip.frames, films[1].clip.frames)


def test_the_receipt_is_wall_time_by_declared_watts(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KINEMA_WATTS", "3600")
    monkeypatch.setenv("KINEMA_GRAMS_PER_KWH", "1000")
    took = engine.make(recipe(frames=4)).receipt
    assert took.energy_wh == pytest.approx(took.wall_s)
    assert took.co2_g == pytest.approx(took.wall_s)
    assert "estimate" in took.method


def test_python_writes_the_frames_it_returns(tmp_path: Path):
    film = kinema.generate(PROMPT, tmp_path / "film.png", as_is=True, seed=7, frames=8)
    assert np.array_equal(Clip.read(tmp_path / "film.png").frames, film.clip.frames)


class Stop(BaseException):
    """Stands for Ctrl-C, which pytest would take for its own."""


def test_an_interrupt_leaves_nothing_behind_and_the_old_film_untouched(tmp_path: Path):
    path = tmp_path / "film.mp4"
    path.write_bytes(b"an older film")

    def interrupt(step: Step) -> None:
        if step.done == 2:
            raise Stop

    with pytest.raises(Stop):
        engine.make(recipe(), path, on_step=interrupt)
    assert [entry.name for entry in tmp_path.iterdir()] == ["film.mp4"]
    assert path.read_bytes() == b"an older film"


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_a_stopped_film_plays_what_was_made_under_another_name(tmp_path: Path, suffix: str):
    def stop(step: Step) -> None:
        if step.done == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine.make(recipe(frames=84), tmp_path / f"film{suffix}", on_step=stop)
    assert [entry.name for entry in tmp_path.iterdir()] == [f"film.part{suffix}"]
    assert len(Clip.read(tmp_path / f"film.part{suffix}")) == 56


def test_a_film_is_shown_while_it_is_made(tmp_path: Path):
    """When the second of three windows begins, the first one's frames can be read."""
    seen: list[int] = []

    def look(step: Step) -> None:
        if step.done == 4:
            seen.append(len(Clip.read(tmp_path / "film.part.mp4")))

    engine.make(recipe(frames=80), tmp_path / "film.mp4", on_step=look)
    assert seen and seen[0] >= 24


def test_a_film_carries_its_recipe(tmp_path: Path):
    film = engine.make(recipe(frames=4), tmp_path / "film.mp4")
    assert recipe_of(read_about(tmp_path / "film.mp4")) == film.recipe
    assert recipe_of("a holiday film") is None and recipe_of(None) is None


@pytest.mark.parametrize(
    ("name", "says"),
    [("film.avi", "'.avi'"), ("film", "no ending"), ("nowhere/film.mp4", "mkdir -p"), ("folder.mp4", "is a folder")],
)
def test_an_impossible_place_is_refused_before_anything_is_made(tmp_path: Path, name: str, says: str):
    (tmp_path / "folder.mp4").mkdir()
    seen: list[Step] = []
    with pytest.raises(OutputError, match=says):
        engine.make(recipe(), tmp_path / name, on_step=seen.append)
    assert seen == []


def test_a_folder_that_may_not_be_written_is_named():
    if not Path("/proc/self").is_dir():
        pytest.skip("no folder here refuses even root")
    with pytest.raises(OutputError, match=r"/proc/self/film\.mp4 cannot be written"):
        engine.make(recipe(), Path("/proc/self/film.mp4"))


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device here is always full")
@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".gif", ".webp", ".png"])
def test_a_full_disk_is_an_output_error(tmp_path: Path, suffix: str):
    from kinema.media import whole_file, write

    clip = engine.make(recipe(frames=4)).clip
    path = tmp_path / f"film{suffix}"
    with pytest.raises(OutputError, match="No space left"), whole_file(path) as part:
        part.unlink()
        part.symlink_to("/dev/full")
        write([clip], part)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("parts", "error", "says"),
    [
        ({"width": 100}, SizeError, "width 100 is not a multiple of 16; the nearest is 96"),
        ({"height": 3}, SizeError, "height 3 is not a multiple of 16; the nearest is 16"),
        ({"width": 16000}, SizeError, "width 16000 is too large; at most 512"),
        ({"seconds": 100000}, DurationError, "at most 60 are made"),
        ({"seconds": "4.1"}, DurationError, "32.8 frames at 8 fps, which is not whole; the nearest is 4.125 seconds"),
        ({"made_fps": 24}, DurationError, "24 fps are not made; 8 are, the nearest is 8"),
        ({"fps": 1000}, DurationError, "KINEMA_MAX_FPS"),
        ({"steps": 1000}, RecipeError, "KINEMA_MAX_STEPS"),
        ({"n": 1000}, RecipeError, "KINEMA_MAX_FILMS"),
        ({"model": "sora"}, BackendError, "there is no model 'sora'; there are native"),
        ({"task": "dream"}, RecipeError, "there is no task 'dream'; there are generate"),
        ({"prompt": "xylophone quartz"}, PromptError, "knows no word"),
        (
            {"prompt": "a dog runs to the left in the snow " * 4 + "a dog and a cat"},
            PromptError,
            "has 41 words and marks",
        ),
        ({"rewritten_prompt": "a samurai"}, PromptError, "does not know 'samurai' in 'a samurai'"),
    ],
)
def test_each_wrong_request_is_named_with_its_fix(parts: dict[str, object], error: type[KinemaError], says: str):
    with pytest.raises(error) as raised:
        list(engine.make_all(recipe(**parts)))
    assert says in str(raised.value)


def test_a_canvas_that_asks_for_more_is_refused_by_name():
    canvas = Canvas.blank(8, 32, 48, Fraction(8), PROMPT)
    asking = replace(canvas, references=(Clip(np.zeros((1, 32, 48, 3), np.uint8), Fraction(8)),))
    with pytest.raises(BackendError, match="native cannot fill a canvas that asks for references; no backend here can"):
        check_asks(asking, find("native"))
    check_asks(canvas, find("native"))
    assert canvas.asks is Asks.NOTHING


def test_words_that_are_unknown_are_told_with_the_nearest():
    settled, reading = settle(recipe(prompt="a rred dog yodels"))
    assert [(unknown.word, unknown.nearest) for unknown in reading.unknown] == [("rred", "red"), ("yodels", None)]
    assert settled.rewritten_prompt == "a dog"


def test_a_prompt_is_rewritten_into_the_words_of_the_model():
    asked = Recipe(prompt="Jumping in the snow: one red dog!", seed=7, frames=4)
    settled, reading = settle(asked)
    assert settled.rewritten_prompt == reading.rewritten != asked.prompt
    film = engine.make(asked)
    plain = engine.make(asked.changed(prompt=reading.rewritten, as_is=True))
    assert np.array_equal(film.clip.frames, plain.clip.frames)
