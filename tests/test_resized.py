"""A film that is taken further keeps its own pixels at its own size, and what is invented beside them is led up to."""

import sys
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from subprocess import run

import av
import numpy as np
import pytest

import kinema
from kinema.backends.resized import fill_at_size, shrunk
from kinema.backends.upscale import SizePlan
from kinema.canvas import Canvas
from kinema.clip import Clip
from kinema.engine import Film
from kinema.media import Held
from kinema.ready import own_size, prepare
from kinema.recipe import Recipe
from kinema.settings import Settings
from tests.media_files import film

FPS = Fraction(8)
WIDTH, HEIGHT = 150, 92
ASKED = {"prompt": "a red dog jumps in the snow.", "as_is": True, "seed": 7, "steps": 1}
PLAN = SizePlan(WIDTH, HEIGHT, 48, 32, 4)


def drawn(frames: int = 12, seed: int = 0, *, width: int = WIDTH, height: int = HEIGHT) -> Clip:
    """A film several times larger than the tiny model makes, no pixel like its neighbour."""
    pixels = np.random.default_rng(seed).integers(1, 256, (frames, height, width, 3), np.uint8)
    return Clip(pixels, FPS)


BOX = {"left": 0.2, "top": 0.25, "right": 0.7, "bottom": 0.75}
IN_BOX = np.zeros((12, HEIGHT, WIDTH), bool)
IN_BOX[:, 23:69, 30:105] = True
TASKS: dict[str, tuple[Callable[[Clip], Film], Callable[[np.ndarray], np.ndarray], Callable[[Clip], np.ndarray]]] = {
    "extend": (lambda film: kinema.extend(film, frames=9, **ASKED), lambda made: made[:12], lambda film: film.frames),
    "extend backward": (
        lambda film: kinema.extend(film, direction="backward", frames=9, **ASKED),
        lambda made: made[-12:],
        lambda film: film.frames,
    ),
    "fill": (
        lambda film: kinema.fill(film, boxes=[BOX], **ASKED),
        lambda made: made[~IN_BOX],
        lambda film: film.frames[~IN_BOX],
    ),
    "loop": (lambda film: kinema.loop(film, bridge=1, **ASKED), lambda made: made[:12], lambda film: film.frames),
    "blend": (
        lambda film: kinema.blend(film, drawn(8, 1), frames=5, **ASKED),
        lambda made: np.concatenate([made[:12], made[17:]]),
        lambda film: np.concatenate([film.frames, drawn(8, 1).frames]),
    ),
    "recut": (
        lambda film: kinema.recut([{"source": 0, "start": "1/2"}], [film], add=1, **ASKED),
        lambda made: made[:8],
        lambda film: film.frames[4:],
    ),
}


@pytest.mark.usefixtures("tiny_model")
@pytest.mark.parametrize("task", TASKS)
def test_a_film_comes_back_in_its_own_size_with_its_own_pixels(task: str):
    make, kept, given = TASKS[task]
    film = make(drawn())
    assert (film.clip.width, film.clip.height) == (WIDTH, HEIGHT)
    assert (film.recipe.size, film.recipe.width, film.recipe.height) == (f"{WIDTH}x{HEIGHT}", 48, 32)
    assert np.array_equal(kept(film.clip.frames), given(drawn()))


@pytest.mark.usefixtures("tiny_model")
def test_the_frames_of_a_remix_come_back_in_the_films_size_and_are_made_again_from_its_recipe(tmp_path: Path):
    drawn().write(tmp_path / "film.png")
    film = kinema.remix(tmp_path / "film.png", **ASKED)
    assert (film.clip.width, film.clip.height) == (WIDTH, HEIGHT)
    again = kinema.make(Recipe.model_validate_json(film.recipe.canonical()))
    assert np.array_equal(again.clip.frames, film.clip.frames) and again.recipe == film.recipe


@pytest.mark.usefixtures("tiny_model")
def test_a_film_smaller_than_the_model_makes_keeps_its_size_and_pixels_too():
    small = drawn(width=30, height=22)
    made = kinema.extend(small, frames=4, **ASKED).clip
    assert (made.width, made.height) == (30, 22) and np.array_equal(made.frames[:12], small.frames)


@pytest.mark.usefixtures("tiny_model")
def test_a_picture_lends_its_shape_and_a_size_that_was_asked_for_is_kept():
    picture = drawn(1)
    assert prepare(recipe("animate", frames=4), clips=[picture]).recipe.film_size == (48, 32)
    large = prepare(recipe("animate", frames=4, size="150x92"), clips=[picture])
    assert np.array_equal(large.clips[0].frames, picture.frames)
    half = prepare(recipe("extend", frames=4, size="74x46"), clips=[drawn()])
    assert half.canvas_size == half.recipe.film_size == (74, 46)
    doubled = prepare(recipe("extend", frames=4, upscale=2), clips=[drawn(width=48, height=32)])
    assert (doubled.canvas_size, doubled.recipe.film_size) == ((48, 32), (96, 64)), "all of it is upscaled alike"


def recipe(task: str, **parts: object) -> Recipe:
    return Recipe.model_validate(ASKED | {"task": task, "sources": [{}]} | parts)


def test_a_films_own_size_is_even_and_no_larger_than_films_are_made():
    asked, settings = recipe("extend"), Settings()
    sizes = {
        (1280, 720): "1280x720",
        (97, 55): "96x54",
        (3840, 2160): "2048x1152",
        (2160, 3840): "1152x2048",
        (1, 1): "2x2",
    }
    assert {held: own_size(asked, Held(*held, 8, FPS), settings) for held in sizes} == sizes
    assert own_size(asked, Held(1280, 720, 1, FPS), settings) is None, "a picture is no film"
    for said in ({"shape": "1:1"}, {"width": 64, "height": 64}, {"upscale": 2}):
        assert own_size(recipe("extend", **said), Held(1280, 720, 8, FPS), settings) is None


def test_a_shrunk_canvas_knows_what_is_known_whole_and_shows_the_mean_of_it():
    pixels = np.arange(4 * 4 * 3, dtype=np.uint8).reshape(1, 4, 4, 3)
    where = np.ones((1, 4, 4), bool)
    where[0, 0, 0] = False
    small = shrunk(Canvas.blank(1, 4, 4, FPS).paint(Clip(pixels, FPS), 0, where), 2, 2)
    assert small.known.tolist() == [[[False, True], [True, True]]]
    assert not small.pixels[0, 0, 0].any()
    assert np.abs(small.pixels[0, 1, 1] - pixels[0, 2:, 2:].mean((0, 1))).max() <= 0.5


def frozen(small: Canvas) -> Iterator[Clip]:
    """Every frame as the first of the canvas."""
    yield Clip(np.repeat(small.pixels[:1], len(small), 0), FPS)


def dark(small: Canvas) -> Iterator[Clip]:
    yield Clip(np.zeros(small.pixels.shape, np.uint8), FPS)


def test_detail_goes_on_where_nothing_moves_fading_out_and_nowhere_else():
    known = Clip(128 + drawn(1).frames // 8, FPS)
    canvas = Canvas.blank(12, HEIGHT, WIDTH, FPS).paint(known, at=0)
    made = Clip.join(fill_at_size(canvas, PLAN, frozen)).frames.astype(int)
    lacking = [np.abs(frame - known.frames[0].astype(int)).mean() for frame in made[1:]]
    assert len(made) == 12 and lacking[0] < 1
    assert all(before < after for before, after in pairwise(lacking[:8]))
    assert lacking[8] == pytest.approx(lacking[10], abs=0.01), "beyond its reach nothing is laid"
    other = Clip.join(fill_at_size(canvas, PLAN, dark)).frames[3:]  # the upscaler sees two frames beside each
    unled = Clip.join(fill_at_size(Canvas.blank(12, HEIGHT, WIDTH, FPS), PLAN, dark)).frames[3:]
    assert np.array_equal(other, unled), "on another picture nothing is laid"


READ = """
import sys
from kinema.evaluate.bench import peak_mib
from kinema.ready import prepare
from kinema.recipe import Recipe
before = peak_mib()
ready = prepare(Recipe(task="extend", sources=[{"path": sys.argv[1]}], size=sys.argv[2], seed=1))
print(peak_mib() - before, *ready.clips[0].frames.shape)
"""


@pytest.mark.usefixtures("tiny_model")
def test_ten_seconds_of_4k_are_read_in_the_memory_of_what_the_film_shows_of_them(tmp_path: Path):
    """At 3840x2160 they take two gigabytes, more than may be read at all."""
    path = film(tmp_path / "one.mkv", np.full((1, 2160, 3840, 3), 90, np.uint8), codec="mjpeg", pix_fmt="yuvj420p")
    told = run(
        [sys.executable, "-c", READ, str(_repeated(path, tmp_path / "4k.mkv", 80)), "96x54"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    took_mib, *shape = told.split()
    assert shape == ["80", "54", "96", "3"] and float(took_mib) < 700


def _repeated(one: Path, path: Path, frames: int) -> Path:
    """The only frame of a film so many times over, which costs no encoding."""
    with av.open(str(one)) as source, av.open(str(path), "w") as target:
        packet = next(source.demux(source.streams.video[0]))
        stream = target.add_stream_from_template(source.streams.video[0])
        for index in range(frames):
            packet.stream, packet.time_base = stream, 1 / FPS
            packet.pts = packet.dts = index
            packet.duration = 1
            target.mux_one(packet)
    return path
