"""A scene is a value that only says what can be, and what is sampled is sensible."""

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinema.errors import WorldError
from kinema.world import vocabulary
from kinema.world.objects import OBJECTS
from kinema.world.sampling import sample, sensible
from kinema.world.scene import Scene, Thing

DOG = Thing("dog")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_scene_survives_json(seed: int) -> None:
    scene = sample(random.Random(seed), split="any")
    assert Scene.from_json(scene.to_json()) == scene


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"place": "beech"}, "'beach'"),
        ({"time": "nigth"}, "'night'"),
        ({"camera": "zoom"}, "'zooms_in'"),
        ({"action": "jump"}, "'jumps'"),
        ({"weather": "rainy"}, "'rain'"),
        ({"place": "moon", "time": "day"}, "allowed: night"),
        ({"place": "beach", "weather": "rain"}, "allowed: clear"),
        ({"action": "chases"}, "motion of one thing"),
        ({"things": ()}, "one or two things"),
        ({"things": (DOG, Thing("cat", count=2)), "action": "chases"}, "set both counts to 1"),
    ],
)
def test_impossible_scene_names_what_is_allowed(fields: dict[str, object], named: str) -> None:
    with pytest.raises(WorldError, match=named):
        Scene(**({"things": (DOG,), "action": "goes"} | fields))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "colour", "count", "named"),
    [
        ("doog", None, 1, "'dog'"),
        ("dog", "blu", 1, "'blue'"),
        ("dog", None, 9, "nearest is 3"),
        ("zebra", "red", 1, "natural"),
    ],
)
def test_impossible_thing_names_what_is_allowed(name: str, colour: str | None, count: int, named: str) -> None:
    with pytest.raises(WorldError, match=named):
        Thing(name, colour, count)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"things":[{"nom":"dog"}],"action":"goes"}'])
def test_foreign_json_is_refused(text: str) -> None:
    with pytest.raises(WorldError):
        Scene.from_json(text)


def test_vocabulary_tables_cover_every_name() -> None:
    for table in (vocabulary.TIMES_OF, vocabulary.WEATHERS_OF, vocabulary.KINDS_OF, vocabulary.PLACE_PHRASES):
        assert set(table) == set(vocabulary.PLACES)
    assert set(vocabulary.MOTION_PHRASES) | {"goes"} == set(vocabulary.MOTIONS)
    assert set(vocabulary.RELATION_PHRASES) == set(vocabulary.RELATIONS)
    assert set(vocabulary.CAMERA_PHRASES) == set(vocabulary.CAMERAS)
    assert {thing.kind for thing in OBJECTS.values()} <= set(vocabulary.KINDS)
    assert set(OBJECTS) >= vocabulary.FACELESS and set(vocabulary.OWN_VERBS) <= set(OBJECTS)


def test_sampled_scenes_are_sensible_calm_and_even() -> None:
    rng = random.Random(5)
    scenes = [sample(rng) for _ in range(3000)]
    assert all(sensible(scene) for scene in scenes)
    assert sum(len(scene.things) == 1 for scene in scenes) >= 0.75 * len(scenes)
    assert sum(scene.camera == "static" for scene in scenes) >= 0.6 * len(scenes)
    assert sum(scene.weather != "clear" for scene in scenes) <= 0.08 * len(scenes)
    places = Counter(scene.place for scene in scenes)
    objects = Counter(thing.name for scene in scenes for thing in scene.things)
    assert min(places[place] for place in vocabulary.PLACES) > len(scenes) / len(vocabulary.PLACES) / 2
    assert min(objects[name] for name in OBJECTS) > len(scenes) / len(OBJECTS) / 3


def test_sampling_depends_on_its_generator_alone() -> None:
    random.seed(1)
    first = [sample(random.Random(7)) for _ in range(3)]
    random.seed(2)
    assert [sample(random.Random(7)) for _ in range(3)] == first


def test_unknown_split_is_refused() -> None:
    with pytest.raises(WorldError, match="'test' is neither"):
        sample(random.Random(0), split="test")
