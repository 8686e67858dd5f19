"""Laws of motions, relations and the camera, on numbers alone."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.world.camera import CAMERAS, Camera, Lens
from kinema.world.motions import MOTIONS, PACE, Actor, glide, patrol
from kinema.world.objects import OBJECTS
from kinema.world.relations import RELATIONS
from kinema.world.scene import Scene, Thing
from kinema.world.stage import stage
from kinema.world.vocabulary import CAMERAS as CAMERA_NAMES
from kinema.world.vocabulary import COUNTED, KINDS_OF, MOTIONS_OF
from kinema.world.vocabulary import MOTIONS as MOTION_NAMES
from kinema.world.vocabulary import RELATIONS as RELATION_NAMES

WALKER = Actor("land", 1, "normal", 0.42, 0.4, 0.38, 0.0, 0.11, 0.11)
FLIER = Actor("air", -1, "normal", 0.36, 0.34, 0.3, 0.0, 0.4, 0.11)
TICKS = [tick / 16 for tick in range(16 * 12)]


def pair(action: str, direction: str = "right") -> list:
    scene = Scene((Thing("dog"), Thing("car")), action, direction=direction)
    return [stage(scene).poses(seconds) for seconds in TICKS]


def test_every_word_has_a_function() -> None:
    assert set(MOTIONS) == set(MOTION_NAMES)
    assert set(RELATIONS) == set(RELATION_NAMES)
    assert set(CAMERAS) == set(CAMERA_NAMES)


@given(st.floats(0, 60), st.sampled_from(sorted(PACE)))
def test_a_patrol_never_exceeds_its_pace_nor_its_beat(seconds: float, speed: str) -> None:
    pace = PACE[speed]
    here, _ = patrol(seconds, pace, False)
    there, _ = patrol(seconds + 0.125, pace, False)
    assert abs(there - here) <= pace * 0.125 + 1e-9
    assert abs(here) <= max(0.32, 2 * pace + 0.02) + 1e-9


@pytest.mark.parametrize("speed", sorted(PACE))
def test_a_patrol_crosses_home_after_two_seconds_and_comes_back(speed: str) -> None:
    pace = PACE[speed]
    assert patrol(0.0, pace, False)[0] == pytest.approx(-2 * pace)
    assert patrol(2.0, pace, False)[0] == pytest.approx(0.0)
    assert patrol(3.99, pace, False)[1] == 1.0
    assert min(patrol(second, pace, False)[1] for second in range(30)) == -1.0


def test_an_endless_patrol_never_turns() -> None:
    assert patrol(60.0, 0.15, True) == (pytest.approx(0.15 * 58), 1.0)


@given(st.floats(0, 10), st.floats(0, 10))
def test_a_glide_never_goes_back(first: float, second: float) -> None:
    low, high = sorted((first, second))
    assert 0.0 <= glide(low, 3.6) <= glide(high, 3.6) + 1e-12 <= 1.0 + 1e-9


@pytest.mark.parametrize("actor", [WALKER, FLIER], ids=["walker", "flier"])
@pytest.mark.parametrize("name", sorted(MOTIONS))
def test_motions_are_calm(name: str, actor: Actor) -> None:
    """Nothing jumps from one place to another between two moments."""
    poses = [MOTIONS[name](actor, seconds) for seconds in TICKS]
    for before, after in pairwise(poses):
        assert abs(after.x - before.x) < 0.04
        assert abs(after.y - before.y) < 0.12
        assert abs(after.wide - before.wide) < 0.12
        assert math.cos(after.turn - before.turn) > 0.9


@pytest.mark.parametrize("name", ["goes", "zigzags"])
def test_facing_follows_heading(name: str) -> None:
    poses = [MOTIONS[name](FLIER, seconds) for seconds in TICKS]
    for before, after in pairwise(poses):
        if abs(after.x - before.x) > 1e-6 and abs(before.facing) == abs(after.facing) == 1:
            assert math.copysign(1, after.x - before.x) == before.facing


def test_circles_and_spins_close_after_four_seconds() -> None:
    start, end = MOTIONS["circles"](FLIER, 0.0), MOTIONS["circles"](FLIER, 4.0)
    assert (end.x, end.y) == (pytest.approx(start.x), pytest.approx(start.y))
    assert abs(MOTIONS["spins"](FLIER, 4.0).turn) == pytest.approx(2 * math.pi)


def test_what_falls_rests_on_the_floor_and_what_rises_stays_up() -> None:
    fallen = [MOTIONS["falls"](FLIER, seconds) for seconds in (0.0, 3.5, 9.0)]
    assert fallen[0].y > 0.7
    assert fallen[1].y == fallen[2].y == FLIER.floor
    risen = [MOTIONS["rises"](WALKER, seconds).y for seconds in (0.0, 3.7, 9.0)]
    assert risen[0] == pytest.approx(WALKER.floor)
    assert risen[1] == pytest.approx(risen[2], abs=0.03)
    assert risen[1] > 0.5


def test_growing_and_shrinking_are_opposite() -> None:
    assert MOTIONS["grows"](WALKER, 5.0).tall == pytest.approx(MOTIONS["shrinks"](WALKER, 0.0).tall)
    assert MOTIONS["grows"](WALKER, 0.0).tall < 0.5 * MOTIONS["grows"](WALKER, 5.0).tall


@pytest.mark.parametrize("direction", ["left", "right"])
def test_a_chaser_stays_behind_and_both_look_ahead(direction: str) -> None:
    for chaser, fleeing in pair("chases", direction):
        assert chaser.facing == fleeing.facing
        if abs(chaser.facing) == 1:
            assert (fleeing.x - chaser.x) * chaser.facing > 0.2


def test_passing_behind_is_drawn_behind_and_passing_in_front_before() -> None:
    assert all(first.depth < second.depth for first, second in pair("passes_behind"))
    assert all(first.depth > second.depth for first, second in pair("passes_in_front"))
    for action in ("passes_behind", "passes_in_front"):
        first_four_seconds = pair(action)[:64]
        assert first_four_seconds[0][0].x < -0.3 < 0.3 < first_four_seconds[-1][0].x


def test_a_leap_clears_what_it_leaps_over() -> None:
    scene = Scene((Thing("dog"), Thing("car")), "jumps_over")
    set_up = stage(scene)
    crossing = min((set_up.poses(seconds) for seconds in TICKS), key=lambda poses: abs(poses[0].x - poses[1].x))
    assert crossing[0].y >= crossing[1].y + set_up.actors[1].tall


@pytest.mark.parametrize("direction", ["left", "right"])
def test_neighbours_look_the_same_way_and_those_who_meet_look_at_each_other(direction: str) -> None:
    side = 1 if direction == "right" else -1
    assert all(first.facing == second.facing == side for first, second in pair("next_to", direction))
    for first, second in pair("meets", direction):
        assert first.facing == -second.facing
        assert (second.x - first.x) * first.facing > 0


def test_those_who_meet_come_closer_and_those_who_part_go_further() -> None:
    meeting = [abs(first.x - second.x) for first, second in pair("meets")]
    parting = [abs(first.x - second.x) for first, second in pair("moves_away")]
    assert all(later <= earlier + 1e-9 for earlier, later in pairwise(meeting))
    assert all(later >= earlier - 1e-9 for earlier, later in pairwise(parting))
    assert meeting[0] - meeting[-1] > 0.25
    assert parting[-1] - parting[0] > 0.25


def test_going_round_leads_behind_and_before_on_both_sides() -> None:
    round_trip = pair("circles_around")[:64]
    assert min(first.depth for first, _ in round_trip) < 0 < max(first.depth for first, _ in round_trip)
    assert min(first.x for first, _ in round_trip) < -0.2 < 0.2 < max(first.x for first, _ in round_trip)


@pytest.mark.parametrize("count", [2, 3])
def test_things_of_a_kind_stand_side_by_side_in_the_frame(count: int) -> None:
    for thing in OBJECTS.values():
        place = next(place for place, kinds in KINDS_OF.items() if thing.kind in kinds)
        action = next(action for action in MOTIONS_OF[thing.kind] if action in COUNTED)
        actors = stage(Scene((Thing(thing.name, count=count),), action, place=place)).actors
        edges = [(actor.x - actor.wide / 2, actor.x + actor.wide / 2) for actor in actors]
        assert len(edges) == count
        assert edges[0][0] > -0.5 and edges[-1][1] < 0.5
        assert all(right < left for (_, right), (left, _) in pairwise(edges))


@pytest.mark.parametrize("width, height", [(128, 128), (192, 108), (72, 128)])
def test_every_frame_shows_the_unit_square(width: int, height: int) -> None:
    lens = Lens(width, height, 0.3)
    for x, y in ((-0.5, 0.0), (0.5, 1.0)):
        column, row = lens.place(Camera(), x, y)
        assert -1e-6 <= column <= width + 1e-6
        assert -1e-6 <= row <= height + 1e-6


@pytest.mark.parametrize("name, sign", [("pans_left", 1), ("pans_right", -1)])
def test_a_pan_shifts_what_stands_the_other_way_and_far_things_less(name: str, sign: int) -> None:
    lens = Lens(128, 128, 0.3)
    before, after = CAMERAS[name](0.0, 0.0), CAMERAS[name](4.0, 0.0)
    shifts = [lens.origin(after, parallax)[0] - lens.origin(before, parallax)[0] for parallax in (1.0, 0.5, 0.0)]
    assert shifts[0] * sign > shifts[1] * sign > 10
    assert shifts[2] == 0


def test_a_zoom_keeps_its_focus_and_a_tilt_lowers_the_world() -> None:
    lens = Lens(128, 128, 0.3)
    for name in ("zooms_in", "zooms_out"):
        spots = [lens.place(CAMERAS[name](seconds, 0.0), 0.0, 0.3) for seconds in (0.0, 2.0, 4.0)]
        assert spots[1] == pytest.approx(spots[0])
        assert spots[2] == pytest.approx(spots[0])
    assert CAMERAS["zooms_in"](9.0, 0.0).zoom == CAMERAS["zooms_out"](0.0, 0.0).zoom > 1.3
    rows = [lens.place(CAMERAS["tilts_up"](seconds, 0.0), 0.0, 0.5)[1] for seconds in (0.0, 4.0)]
    assert rows[1] > rows[0] + 20
