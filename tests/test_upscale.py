"""Upscaled films do not depend on how they are cut, and any exact size is reached."""

import json
from collections.abc import Callable, Iterator
from fractions import Fraction
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from kinema.backends import Grid, Home, upscale
from kinema.backends.upscale import SizePlan, fit_to, lanczos, load, plan_size
from kinema.clip import Clip, Sound
from kinema.errors import CheckpointError, RecipeError, SizeError
from kinema.recipe import Recipe

FPS = Fraction(8)
GRID, HOME = Grid(16, 4, (FPS,), 32), Home(128, 128, 32, FPS, steps=12, guidance=3.0, overlap=8)


def film(frames: int = 5, width: int = 24, height: int = 16) -> Clip:
    rng = np.random.default_rng(0)
    return Clip(rng.integers(0, 256, (frames, height, width, 3), np.uint8), FPS)


def cut(clip: Clip, *stops: int) -> list[Clip]:
    return [clip[start:stop] for start, stop in zip((0, *stops), (*stops, len(clip)), strict=True)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the embedded upscaler that a test may spoil."""
    for path in upscale.EMBEDDED.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


@pytest.mark.parametrize("factor", [2, 4])
def test_a_film_is_upscaled_alike_however_it_is_cut(factor: int):
    clip = film()
    whole = Clip.join(upscale.upscale([clip], factor))
    assert whole.frames.shape == (5, 16 * factor, 24 * factor, 3)
    assert whole.fps == FPS
    for stops in ((1,), (4,), (2, 3), (1, 2, 3, 4)):
        again = Clip.join(upscale.upscale(cut(clip, *stops), factor))
        assert np.array_equal(whole.frames, again.frames)


def test_long_segments_are_handed_on_in_pieces(monkeypatch: pytest.MonkeyPatch):
    clip = film()
    whole = Clip.join(upscale.upscale([clip], 2))
    monkeypatch.setattr(upscale, "PIECE", 2)
    pieces = list(upscale.upscale([clip], 2))
    assert max(len(piece) for piece in pieces) <= 2
    assert np.array_equal(Clip.join(pieces).frames, whole.frames)


def test_no_more_is_asked_for_than_the_next_frame_needs():
    asked = []

    def segments() -> Iterator[Clip]:
        for index, clip in enumerate(cut(film(6), 2, 4)):
            asked.append(index)
            yield clip

    made = upscale.upscale(segments(), 2)
    assert len(next(made)) == 1
    assert asked == [0]


def test_sound_is_kept_to_the_sample():
    samples = np.linspace(-1, 1, round(5 / 8 * 44100), dtype=np.float32)[:, None]
    clip = Clip(film().frames, FPS, Sound(samples, 44100))
    made = Clip.join(upscale.upscale([clip], 2))
    assert made.sound is not None
    assert np.array_equal(made.sound.samples, samples)


def test_a_frame_is_seen_with_its_neighbours_only():
    clip = film()
    changed = clip.frames.copy()
    changed[0] = 255 - changed[0]
    before = Clip.join(upscale.upscale([clip], 2)).frames
    after = Clip.join(upscale.upscale([Clip(changed, FPS)], 2)).frames
    differs = [not np.array_equal(a, b) for a, b in zip(before, after, strict=True)]
    assert differs == [True, True, False, False, False]


def test_odd_sides_are_doubled_too():
    clip = film(2, width=25, height=17)
    (frame, *_) = Clip.join(upscale.upscale([clip], 2)).frames
    assert frame.shape == (34, 50, 3)
    assert np.abs(frame.astype(int) - lanczos(clip.frames[0], 50, 34)).mean() < 60


@pytest.mark.parametrize(("factor", "nearest"), [(0, 2), (1, 2), (3, 2), (5, 4), (8, 4), (-2, 2)])
def test_other_factors_are_refused_before_anything_is_made(factor: int, nearest: int):
    def segments() -> Iterator[Clip]:
        raise AssertionError("nothing is asked for")
        yield

    with pytest.raises(RecipeError, match=f"^upscale {factor} is not one of 2 and 4; the nearest is {nearest}$"):
        upscale.upscale(segments(), factor)


def spoil_card(folder: Path) -> None:
    (folder / "upscaler.json").write_text('{"format": "another"}')


def lose_card(folder: Path) -> None:
    (folder / "upscaler.json").unlink()


def truncate(folder: Path) -> None:
    path = folder / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-1])


def lose_graph(folder: Path) -> None:
    (folder / "upscaler.xml").unlink()


def rewrite(folder: Path, text: str) -> None:
    """A graph of this text, with a card that vouches for it."""
    (folder / "upscaler.xml").write_text(text)
    card = json.loads((folder / "upscaler.json").read_text())
    card["files"]["upscaler.xml"] = sha256(text.encode()).hexdigest()
    (folder / "upscaler.json").write_text(json.dumps(card))


def no_graph(folder: Path) -> None:
    rewrite(folder, "<net/>")


def strange_graph(folder: Path) -> None:
    rewrite(folder, (folder / "upscaler.xml").read_text().replace("frames", "pictures"))


def unnamed_file(folder: Path) -> None:
    card = json.loads((folder / "upscaler.json").read_text())
    del card["files"]["upscaler.xml"]
    (folder / "upscaler.json").write_text(json.dumps(card))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (spoil_card, "is no card of an upscaler"),
        (lose_card, "there is no card of an upscaler in"),
        (truncate, "weights.safetensors is truncated or altered"),
        (lose_graph, "upscaler.xml is missing"),
        (no_graph, "upscaler.xml cannot be compiled"),
        (strange_graph, "takes pictures, not frames"),
        (unnamed_file, "names no upscaler.xml"),
    ],
)
def test_a_spoilt_upscaler_is_refused_by_name(folder: Path, spoil: Callable[[Path], None], said: str):
    spoil(folder)
    with pytest.raises(CheckpointError, match=said):
        load(folder)


def test_the_embedded_upscaler_was_taught_on_the_embedded_autoencoder():
    from kinema.backends import networks
    from kinema.model.checkpoint import fingerprint
    from kinema.model.checkpoint import load_networks as unpack

    autoencoder, _, _ = unpack(networks.EMBEDDED)
    assert upscale.read_card(upscale.EMBEDDED).autoencoder == fingerprint(autoencoder.state_dict())


def test_the_embedded_upscaler_is_small_and_says_what_it_runs_in():
    assert sum(path.stat().st_size for path in upscale.EMBEDDED.iterdir()) < 1_000_000
    assert upscale.configuration().startswith("upscaler ")
    assert upscale.configuration().endswith(", f32, 1 thread")


@pytest.mark.parametrize(
    ("asked", "native", "factor"),
    [
        ((128, 128), (128, 128), 1),
        ((256, 256), (128, 128), 2),
        ((720, 1280), (96, 176), 4),
        ((1280, 720), (176, 96), 4),
        ((1920, 1080), (176, 96), 4),
        ((320, 240), (144, 112), 4),
        ((64, 64), (64, 64), 1),
        ((192, 144), (192, 144), 1),
        ((100, 100), (128, 128), 1),
        ((129, 128), (128, 128), 2),
        ((4000, 10), (256, 16), 4),
    ],
)
def test_a_size_is_planned_from_the_nearest_native_one(asked: tuple[int, int], native: tuple[int, int], factor: int):
    plan = plan_size(*asked, GRID, HOME)
    assert (plan.native_width, plan.native_height, plan.factor) == (*native, factor)


@pytest.mark.parametrize("width", [1, 17, 96, 333, 720, 1000, 1921])
@pytest.mark.parametrize("height", [2, 64, 128, 479, 1280])
def test_a_plan_crops_inside_and_keeps_the_shape(width: int, height: int):
    plan = plan_size(width, height, GRID, HOME)
    GRID.check(plan.native_width, plan.native_height, FPS)
    left, upper, right, lower = plan.crop
    assert 0 <= left < right <= plan.factor * plan.native_width
    assert 0 <= upper < lower <= plan.factor * plan.native_height
    assert (right - left) * height == pytest.approx((lower - upper) * width)
    turned = plan_size(height, width, GRID, HOME)
    assert turned.native_width * turned.native_height == plan.native_width * plan.native_height


def test_a_plan_is_found_again_in_the_recipe_that_was_settled_by_it():
    plan = plan_size(1280, 720, GRID, HOME)
    sides = {"width": plan.native_width, "height": plan.native_height}
    assert SizePlan.of(Recipe(prompt="a dog", size="1280x720", upscale=plan.upscale, **sides)) == plan
    assert SizePlan.of(Recipe(prompt="a dog", width=128, height=96, upscale=2)) == SizePlan(256, 192, 128, 96, 2)


def test_a_plan_is_said_in_words():
    assert plan_size(128, 128, GRID, HOME).words == "128x128 is made at 128x128"
    assert plan_size(256, 256, GRID, HOME).words == "256x256 is made at 128x128, upscaled 2 times"
    said = plan_size(720, 1280, GRID, HOME).words
    assert said == "720x1280 is made at 96x176, upscaled 4 times, resized by 1.88, cropped by 3 %"


@pytest.mark.parametrize(("width", "height", "said"), [(0, 8, "width 0"), (8, -3, "height -3")])
def test_a_size_that_is_none_is_refused(width: int, height: int, said: str):
    with pytest.raises(SizeError, match=f"{said} makes no film; it must be at least 1"):
        plan_size(width, height, GRID, HOME)


@pytest.mark.parametrize("asked", [(48, 32), (50, 30), (24, 16), (11, 40), (96, 64)])
def test_a_film_is_fitted_to_exactly_the_asked_size(asked: tuple[int, int]):
    plan = SizePlan(*asked, native_width=24, native_height=16, factor=1 if asked == (24, 16) else 2)
    clip = film()
    made = Clip.join(fit_to(cut(clip, 3), plan))
    assert (made.width, made.height, len(made)) == (*asked, 5)
    if asked == (24, 16):
        assert np.array_equal(made.frames, clip.frames)
    if asked == (48, 32):
        assert np.array_equal(made.frames, Clip.join(upscale.upscale([clip], 2)).frames)


def test_frames_of_another_size_are_not_fitted():
    with pytest.raises(SizeError, match="frames of 40x40 are not the 24x16 of 24x16 is made at 24x16"):
        list(fit_to([film(1, 40, 40)], SizePlan(24, 16, 24, 16, 1)))


@pytest.mark.parametrize("factor", [2, 4])
def test_only_what_is_wanted_is_upscaled_and_comes_out_as_it_does_among_all(factor: int):
    clip, wanted = film(9), np.array([False, False, False, True, False, False, False, False, True])
    whole = Clip.join(upscale.upscale([clip], factor)).frames
    made = Clip.join(upscale.upscale(cut(clip, 2, 5), factor, wanted)).frames
    assert np.array_equal(made[wanted], whole[wanted]) and not made[~wanted].any()
    few = Clip.join(upscale.upscale([clip[:2]], factor, np.array([False, True]))).frames
    assert np.array_equal(few[1], Clip.join(upscale.upscale([clip[:2]], factor)).frames[1])
