"""Laws of rendered clips, on real scenes at small sizes."""

import random
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kinema.clip import Clip
from kinema.errors import DurationError, OutputError, SizeError, WorldError
from kinema.world.places import LAYOUTS, backdrop, paint_place
from kinema.world.render import render, visibility
from kinema.world.sampling import sample
from kinema.world.scene import Scene, Thing
from kinema.world.sheet import sheet
from kinema.world.story import Shot, Story, invent
from kinema.world.vocabulary import CAMERAS, PLACES, TIMES_OF, WEATHERS_OF

DOG = (Thing("dog"),)
WALK = Scene(DOG, "goes", camera="pans_right", weather="rain", seed=5)
SMALL = {"width": 48, "height": 48}


def empty(scene: Scene, **size: int) -> np.ndarray:
    """The scene's place without anybody, (H, W, 3): the end of a clip in which its things vanish."""
    gone = Scene(scene.things, "vanishes", place=scene.place, time=scene.time, weather=scene.weather, seed=scene.seed)
    return render(gone, frames=32, **size).frames[-1]


def centre(scene: Scene, frame: int) -> tuple[float, float]:
    """Mean column and row of what differs from the empty place."""
    frames = render(scene, frames=frame + 1, **SMALL).frames
    rows, columns = np.nonzero(np.abs(frames[frame].astype(int) - empty(scene, **SMALL)).max(-1) > 24)
    return float(columns.mean()), float(rows.mean())


def test_same_scene_same_bytes() -> None:
    assert np.array_equal(render(WALK, frames=6).frames, render(WALK, frames=6).frames)
    first, second = (paint_place("forest", "night", "snow", 2, 48) for _ in range(2))
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(first.back, second.back, strict=True))


@pytest.mark.parametrize("camera", CAMERAS)
def test_a_shorter_render_is_the_beginning_of_a_longer_one(camera: str) -> None:
    scene = Scene(DOG, "goes", camera=camera, weather="snow")
    assert np.array_equal(render(scene, frames=5, **SMALL).frames, render(scene, frames=12, **SMALL).frames[:5])


def test_the_rate_changes_how_often_we_look_and_nothing_else() -> None:
    slow = render(WALK, frames=4, fps=Fraction(4), **SMALL).frames
    quick = render(WALK, frames=8, fps=Fraction(8), **SMALL).frames
    assert np.array_equal(slow, quick[::2])


@pytest.mark.parametrize("width, height", [(16, 16), (40, 24), (24, 40), (33, 57), (96, 20)])
@pytest.mark.parametrize("camera", ["static", "zooms_in", "tilts_up", "follows"])
def test_any_size_and_length(width: int, height: int, camera: str) -> None:
    clip = render(Scene(DOG, "goes", camera=camera), width=width, height=height, frames=3, fps=Fraction(30000, 1001))
    assert clip.frames.shape == (3, height, width, 3)
    assert clip.fps == Fraction(30000, 1001)


@pytest.mark.parametrize("place", PLACES)
def test_every_place_is_painted_to_its_edges_and_differs_by_layout(place: str) -> None:
    for time in TIMES_OF[place]:
        for weather in WEATHERS_OF[place]:
            painted = paint_place(place, time, weather, 0, 24)
            assert painted.back[0].pixels[..., 3].min() == 255
    layouts = {
        paint_place(place, TIMES_OF[place][0], "clear", layout, 24).back[-1].pixels.tobytes()
        for layout in range(LAYOUTS)
    }
    assert len(layouts) == LAYOUTS


@pytest.mark.parametrize("place", PLACES)
def test_times_of_day_change_the_light_and_keep_the_land(place: str) -> None:
    painted = [paint_place(place, time, "clear", 1, 24) for time in TIMES_OF[place]]
    nearest = [p.back[-1].pixels[..., 3] > 128 for p in painted]
    rows = min(map(len, nearest))  # a lamp that shines at night reaches higher than by day
    assert all(later[-rows:][nearest[0][-rows:]].all() for later in nearest)
    means = [np.concatenate([layer.pixels[..., :3].reshape(-1, 3) for layer in p.back]).mean(0) for p in painted]
    for index, mean in enumerate(means):
        assert all(np.abs(mean - other).max() > 6 for other in means[:index])


def test_the_cache_returns_what_was_painted() -> None:
    assert backdrop("room", "day", "clear", 3, 24) is backdrop("room", "day", "clear", 3, 24)


@pytest.mark.parametrize("place", ["meadow", "city", "moon", "room"])
def test_nothing_but_the_subject_moves_before_a_still_camera(place: str) -> None:
    scene = Scene(DOG, "stays", place=place, time=TIMES_OF[place][0])
    frames = render(scene, frames=16, **SMALL).frames.astype(int)
    moved = np.abs(frames - empty(scene, **SMALL)).max((0, 3)) > 0
    rows, columns = np.nonzero(moved)
    assert columns.min() > 8 and columns.max() < 40
    assert rows.min() > 16


@pytest.mark.parametrize("direction, sign", [("left", -1), ("right", 1)])
@pytest.mark.parametrize("action", ["goes", "rolls"])
def test_who_goes_left_moves_left(action: str, direction: str, sign: int) -> None:
    scene = Scene((Thing("soccer ball"),), action, direction=direction)
    travelled = centre(scene, 28)[0] - centre(scene, 4)[0]
    assert travelled * sign > 15


def test_who_rises_moves_up_and_who_falls_moves_down() -> None:
    assert centre(Scene(DOG, "rises"), 28)[1] < centre(Scene(DOG, "rises"), 2)[1] - 12
    assert centre(Scene(DOG, "falls"), 28)[1] > centre(Scene(DOG, "falls"), 2)[1] + 12


@pytest.mark.parametrize("camera, sign", [("pans_left", 1), ("pans_right", -1)])
@pytest.mark.parametrize("place", PLACES)
def test_a_pan_is_seen_in_every_place_and_goes_the_right_way(place: str, camera: str, sign: int) -> None:
    scene = Scene((Thing("balloon"),), "vanishes", place=place, time=TIMES_OF[place][-1], camera=camera)
    ground = render(scene, frames=31).frames[:, 64:].astype(int)
    before, after = ground[26], ground[30]
    inner = slice(16, 112)
    errors = {shift: np.abs(after[:, inner] - np.roll(before, shift, 1)[:, inner]).mean() for shift in range(-12, 13)}
    best = min(errors, key=errors.__getitem__)
    assert best * sign > 0
    assert errors[0] > 1.2 * errors[best]


@pytest.mark.parametrize("camera", ["zooms_in", "zooms_out", "tilts_up"])
@pytest.mark.parametrize("place", PLACES)
def test_zooms_and_tilts_are_seen_in_every_place(place: str, camera: str) -> None:
    scene = Scene((Thing("balloon"),), "vanishes", place=place, time=TIMES_OF[place][-1], camera=camera)
    frames = render(scene, frames=31, **SMALL).frames.astype(int)
    assert np.abs(frames[30] - frames[24]).mean() > 2


def test_sampled_scenes_keep_their_subjects_in_sight() -> None:
    rng = random.Random(0)
    kept = [((visibility(sample(rng)) >= 0.6).mean(1) >= 0.75).all() for _ in range(120)]
    assert np.mean(kept) > 0.94


def test_visibility_has_a_row_for_each_thing() -> None:
    pair = Scene((Thing("dog"), Thing("car")), "chases")
    assert visibility(pair, frames=9).shape == (2, 9)
    assert visibility(Scene((Thing("dog", count=3),), "stays"), frames=9).shape == (1, 9)
    assert visibility(Scene(DOG, "stays")).min() == 1.0


def test_a_red_car_is_red_at_night() -> None:
    scene = Scene((Thing("car", "red"),), "stays", place="city", time="night")
    frame = render(scene).frames[0].astype(int)
    changed = np.abs(frame - empty(scene)).max(-1) > 40
    red = (frame[..., 0] > 150) & (frame[..., 0] > 1.8 * frame[..., 1]) & (frame[..., 0] > 1.3 * frame[..., 2])
    assert (red & changed).sum() > 0.25 * changed.sum()


@pytest.mark.parametrize("size", [{"width": 8}, {"height": 4000}])
def test_sizes_out_of_bounds_are_refused(size: dict[str, int]) -> None:
    with pytest.raises(SizeError, match="the nearest is"):
        render(WALK, **size)


def test_no_frames_and_no_rate_are_refused() -> None:
    with pytest.raises(DurationError, match="0 frames"):
        render(WALK, frames=0)
    with pytest.raises(DurationError, match="must be above 0"):
        render(WALK, fps=Fraction(0))


# stories

DAY_TO_NIGHT = Story(
    (
        Shot(Scene(DOG, "goes"), Fraction(2), until="night"),
        Shot(Scene(DOG, "jumps", place="beach"), Fraction(1, 2)),
        Shot(Scene(DOG, "spins", place="moon", time="night"), Fraction(1)),
    )
)


def test_cuts_land_on_their_frames() -> None:
    assert DAY_TO_NIGHT.cuts() == (0, 16, 20, 28)
    frames = DAY_TO_NIGHT.render(**SMALL).frames
    assert len(frames) == 28
    assert np.array_equal(frames[16:20], render(DAY_TO_NIGHT.shots[1].scene, frames=4, **SMALL).frames)
    steps = np.abs(np.diff(frames.astype(int), axis=0)).mean((1, 2, 3))
    assert {int(frame) + 1 for frame in np.argsort(steps)[-2:]} == {16, 20}


def test_a_day_passes_into_night_without_a_cut() -> None:
    frames = DAY_TO_NIGHT.render(frames=16, **SMALL).frames
    scene = DAY_TO_NIGHT.shots[0].scene
    assert np.array_equal(frames[0], render(scene, frames=1, **SMALL).frames[0])
    night = Scene(DOG, "goes", time="night")
    assert np.array_equal(frames[15], render(night, frames=16, **SMALL).frames[15])
    assert DAY_TO_NIGHT.shots[0].times == ("day", "sunset", "night")
    assert Shot(Scene(DOG, "stays", time="night"), Fraction(4), until="day").times == ("night", "sunset", "day")


def test_a_story_says_what_is_seen_when() -> None:
    assert [frame for frame, _ in DAY_TO_NIGHT.cues(Fraction(16))] == [0, 32, 40]
    assert "The day passes into night." in DAY_TO_NIGHT.cues()[0][1]
    assert DAY_TO_NIGHT.caption.startswith("From 0 to 2 seconds: A dog")
    assert "From 2 to 2.5 seconds:" in DAY_TO_NIGHT.caption


def test_the_beginning_of_a_story_is_a_prefix() -> None:
    assert np.array_equal(DAY_TO_NIGHT.render(frames=18, **SMALL).frames, DAY_TO_NIGHT.render(**SMALL).frames[:18])


def test_invented_stories_last_as_long_as_asked_and_repeat() -> None:
    for seconds in (3, 20, 60):
        story = invent(random.Random(seconds), Fraction(seconds))
        assert story.seconds == seconds
        assert story == invent(random.Random(seconds), Fraction(seconds))
    assert len(story.shots) >= 5


def test_impossible_stories_are_refused() -> None:
    with pytest.raises(WorldError, match="moon has no 'day'"):
        Shot(Scene(DOG, "stays", place="moon", time="night"), Fraction(2), until="day")
    with pytest.raises(DurationError, match="must be above 0"):
        Shot(Scene(DOG, "stays"), Fraction(0))
    with pytest.raises(WorldError, match="at least one"):
        Story(())
    with pytest.raises(DurationError, match="ask for 1 to 28"):
        DAY_TO_NIGHT.render(frames=29)


def test_a_contact_sheet_shows_every_clip(tmp_path: Path) -> None:
    clip = Clip(np.full((4, 20, 30, 3), 200, np.uint8), Fraction(8))
    path = tmp_path / "sheet.part"
    sheet([(clip, "A dog walks."), (clip, "A cat walks."), (clip, "")], path, columns=2, frames_each=2)
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        assert picture.width == 2 * (2 * 30 + 2 + 10)
        assert (np.asarray(picture) == 200).all(-1).sum() == 3 * 2 * 20 * 30
    with pytest.raises(OutputError, match="at least one"):
        sheet([], tmp_path / "none.png")
