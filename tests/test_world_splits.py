"""Held-out compositions are frozen, unseen in training, and made of parts that are common there."""

import random
from collections import Counter

import pytest

from kinema.errors import WorldError
from kinema.world import splits, vocabulary
from kinema.world.objects import OBJECTS
from kinema.world.sampling import sample, sample_split
from kinema.world.splits import SCENE_SPLITS, compute, held_out, role_held_out, split_of, splits_of


def test_file_equals_the_computation() -> None:
    assert splits._from_fields(compute()) == held_out()


def test_sizes_are_as_designed() -> None:
    held = held_out()
    assert {name for name, _ in held.object_colour} == {name for name, thing in OBJECTS.items() if thing.recolourable}
    assert len(held.object_colour) == len({name for name, _ in held.object_colour})
    sizes = {name: len(getattr(held, name)) for name in splits.SIZES}
    assert sizes == splits.SIZES


def test_no_split_takes_a_whole_row_of_a_table() -> None:
    """Each object keeps seven of eight colours, and most of its motions and places; each camera most motions."""
    held = held_out()
    for pairs, most in (
        (held.object_motion, 1),
        (held.object_place, 1),
        (held.camera_motion, 3),
        (held.place_time_weather, 1),
    ):
        assert max(Counter(parts[0] for parts in pairs).values()) <= most
    assert all(motion != "goes" for _, motion in held.camera_motion)


def test_training_is_free_of_held_out_compositions() -> None:
    rng = random.Random(0)
    assert all(splits_of(sample(rng)) == () for _ in range(1500))


def test_every_part_stays_common_in_training() -> None:
    rng = random.Random(1)
    scenes = [sample(rng) for _ in range(6000)]
    seen = Counter(
        value for scene in scenes for value in (scene.action, scene.camera, scene.place, scene.time, scene.speed)
    )
    names = (*vocabulary.MOTIONS, *vocabulary.RELATIONS, *vocabulary.CAMERAS, *vocabulary.PLACES, *vocabulary.SPEEDS)
    assert min(seen[name] for name in names) >= 50
    colours = Counter(thing.colour for scene in scenes for thing in scene.things)
    assert min(colours[colour] for colour in vocabulary.COLOURS) >= 120
    coloured = Counter((thing.name, thing.colour) for scene in scenes for thing in scene.things)
    held = held_out().object_colour
    pairs = [(name, colour) for name, _ in held for colour in vocabulary.COLOURS if colour != OBJECTS[name].base_colour]
    unseen = [pair for pair in pairs if pair not in held and not coloured[pair]]
    assert len(unseen) <= 0.02 * len(pairs)


@pytest.mark.parametrize("name", SCENE_SPLITS)
def test_split_and_its_seen_counterpart(name: str) -> None:
    rng = random.Random(2)
    unseen = [sample_split(rng, name) for _ in range(25)]
    seen = [sample_split(rng, name, seen=True) for _ in range(25)]
    assert {splits_of(scene) for scene in unseen} == {(name,)}
    assert {split_of(scene) for scene in seen} == {"train"}
    assert {len(scene.things) for scene in seen} <= {len(scene.things) for scene in unseen} | {1}


def test_never_both_orders_of_a_pair_are_held_out() -> None:
    names = list(OBJECTS)[:40]
    orders = [(one, other) for one in names for other in names if one < other]
    held = [(role_held_out(a, "chases", b), role_held_out(b, "chases", a)) for a, b in orders]
    assert not any(both == (True, True) for both in held)
    assert 0.1 < sum(any(both) for both in held) / len(held) < 0.3


def test_unknown_split_names_the_nearest() -> None:
    with pytest.raises(WorldError, match="'object_colour'"):
        sample_split(random.Random(0), "object_color")
