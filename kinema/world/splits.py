"""Compositions held out of training, chosen by a stable hash before any training and frozen in `splits.json`.

Each split leaves out combinations of which every part stays common elsewhere: an object in one of its colours, an
object in one of its motions, and so on. What a model makes of them is judged beside as many seen ones.
`python -m kinema.world.splits --write` writes the file; a test holds that it equals this computation.
"""

import argparse
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from kinema.errors import WorldError
from kinema.world import vocabulary
from kinema.world.objects import OBJECTS
from kinema.world.scene import Scene, nearest

SALT = "kinema pocket world 1"
PATH = Path(__file__).with_name("splits.json")
SCENE_SPLITS = (
    "object_colour", "object_motion", "object_place", "place_time_weather", "roles", "count_object", "camera_motion",
)  # fmt: skip
SPLITS = (*SCENE_SPLITS, "language")
HELD_TEMPLATES = ("fronted", "video", "tags", "two_sentences", "time_first", "in_this_scene", "there_is")
"""Templates of captions of which some are held out; the plain sentence never is."""
SIZES = {
    "object_motion": 50,
    "object_place": 60,
    "place_time_weather": 6,
    "count_object": 8,
    "camera_motion": 12,
    "nouns": 10,
    "templates": 2,
}
ROLE_SHARE = 10
"""One ordered pair in ten is held out for each relation, never both orders of a pair."""
ONE_WAY = ("chases", "passes_behind", "passes_in_front", "jumps_over", "circles_around", "moves_away")
"""Relations that differ when the two things change places."""

Pairs = frozenset[tuple[str, ...]]


@dataclass(frozen=True)
class HeldOut:
    """What training never sees. Counts are written as digits."""

    object_colour: Pairs
    object_motion: Pairs
    object_place: Pairs
    place_time_weather: Pairs
    count_object: Pairs
    camera_motion: Pairs
    nouns: Mapping[str, str]
    templates: tuple[str, ...]


@cache
def held_out() -> HeldOut:
    """The frozen choice in splits.json."""
    return _from_fields(json.loads(PATH.read_text(encoding="utf-8")))


def split_of(scene: Scene) -> str:
    """`train`, or the first of SCENE_SPLITS that holds this scene out."""
    return next(iter(splits_of(scene)), "train")


def splits_of(scene: Scene) -> tuple[str, ...]:
    """Every one of SCENE_SPLITS that holds this scene out."""
    held, names = held_out(), [thing.name for thing in scene.things]
    alone = len(scene.things) == 1
    holds = {
        "object_colour": any((thing.name, thing.colour) in held.object_colour for thing in scene.things),
        "object_motion": (names[0], scene.action) in held.object_motion,
        "object_place": any((name, scene.place) in held.object_place for name in names),
        "place_time_weather": (scene.place, scene.time, scene.weather) in held.place_time_weather,
        "roles": not alone and role_held_out(names[0], scene.action, names[-1]),
        "count_object": (str(scene.things[0].count), names[0]) in held.count_object,
        "camera_motion": (scene.camera, scene.action) in held.camera_motion,
    }
    return tuple(name for name in SCENE_SPLITS if holds[name])


def role_held_out(first: str, relation: str, second: str) -> bool:
    """Whether `first relation second` is unseen; then `second relation first` is not."""
    if relation not in ONE_WAY or first == second or not _chosen_role(first, relation, second):
        return False
    return first < second or not _chosen_role(second, relation, first)


def compute() -> dict[str, Any]:
    """The choice by hash, as splits.json holds it."""
    lists: dict[str, list[tuple[str, ...]]] = {
        "object_colour": [_rank(pairs)[0] for pairs in _colours_by_object() if pairs],
        "object_motion": _choose("object_motion", _object_motions(), caps={0: 1, 1: 5}),
        "object_place": _choose("object_place", _object_places(), caps={0: 1, 1: 8}),
        "place_time_weather": _choose("place_time_weather", _skies(), caps={0: 1, 1: 3, 2: 3}),
        "count_object": _choose("count_object", _counts(), caps={1: 1, 0: 4}),
        "camera_motion": _choose("camera_motion", _cameras(), caps={0: 3, 1: 1}),
    }
    synonyms = _rank((name, thing.nouns[-1]) for name, thing in OBJECTS.items() if len(thing.nouns) > 1)
    nouns = {parts[0]: parts[1] for parts in sorted(synonyms[: SIZES["nouns"]])}
    templates = sorted(name for (name,) in _rank((name,) for name in HELD_TEMPLATES)[: SIZES["templates"]])
    fields: dict[str, Any] = {name: sorted(map(list, chosen)) for name, chosen in lists.items()}
    return {"salt": SALT, **fields, "nouns": nouns, "templates": templates}


def check_name(name: str) -> None:
    """Raises WorldError unless `name` is a split of scenes."""
    if name not in SCENE_SPLITS:
        raise WorldError(
            f"split {name!r} is not one of {', '.join(SCENE_SPLITS)}; the nearest is {nearest(name, SCENE_SPLITS)!r}"
        )


def _from_fields(fields: Mapping[str, Any]) -> HeldOut:
    pairs = {name: frozenset(map(tuple, fields[name])) for name in SCENE_SPLITS if name != "roles"}
    return HeldOut(**pairs, nouns=fields["nouns"], templates=tuple(fields["templates"]))


# The choice


def _hash(*parts: str) -> int:
    return int.from_bytes(hashlib.sha256("\x1f".join((SALT, *parts)).encode()).digest()[:8], "big")


def _rank(candidates: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
    return sorted(candidates, key=lambda parts: _hash(*parts))


def _choose(split: str, candidates: Iterable[tuple[str, ...]], caps: Mapping[int, int]) -> list[tuple[str, ...]]:
    """The first candidates by hash, at most `caps[i]` of them sharing their part i."""
    chosen: list[tuple[str, ...]] = []
    used: Counter[tuple[int, str]] = Counter()
    for parts in _rank(candidates):
        if len(chosen) < SIZES[split] and all(used[i, parts[i]] < cap for i, cap in caps.items()):
            chosen.append(parts)
            used.update((i, parts[i]) for i in caps)
    return chosen


def _chosen_role(first: str, relation: str, second: str) -> bool:
    return _hash("roles", first, relation, second) % ROLE_SHARE == 0


def _colours_by_object() -> list[list[tuple[str, ...]]]:
    return [
        [(name, colour) for colour in vocabulary.COLOURS if colour != thing.base_colour]
        for name, thing in OBJECTS.items()
        if thing.recolourable
    ]


def _object_motions() -> list[tuple[str, ...]]:
    return [(name, motion) for name, thing in OBJECTS.items() for motion in vocabulary.MOTIONS_OF[thing.kind]]


def _object_places() -> list[tuple[str, ...]]:
    """Objects of kinds that live in three places at least."""
    homes = {
        kind: [place for place in vocabulary.PLACES if kind in vocabulary.KINDS_OF[place]] for kind in vocabulary.KINDS
    }
    return [
        (name, place) for name, thing in OBJECTS.items() if len(homes[thing.kind]) >= 3 for place in homes[thing.kind]
    ]


def _skies() -> list[tuple[str, ...]]:
    return [
        (place, time, weather)
        for place in vocabulary.PLACES
        for time in vocabulary.TIMES_OF[place]
        for weather in vocabulary.WEATHERS_OF[place]
        if len(vocabulary.TIMES_OF[place]) > 1 and (time, weather) != ("day", "clear")
    ]


def _counts() -> list[tuple[str, ...]]:
    """Two or three of an object, where both counts are possible."""
    return [
        (str(count), name) for name, thing in OBJECTS.items() if vocabulary.fits(thing.height, 3) for count in (2, 3)
    ]


def _cameras() -> list[tuple[str, ...]]:
    """Cameras that go with every motion, and motions other than the commonest."""
    cameras = [camera for camera in vocabulary.CAMERAS if camera not in ("static", "follows")]
    return [(camera, motion) for camera in cameras for motion in vocabulary.MOTIONS if motion != "goes"]


def main() -> None:
    """Prints the choice, or writes it beside this module."""
    parser = argparse.ArgumentParser(description="Choose the held-out compositions.")
    parser.add_argument("--write", action="store_true", help=f"write {PATH.name} instead of printing")
    text = json.dumps(compute(), indent=1) + "\n"
    if parser.parse_args().write:
        PATH.write_text(text, encoding="utf-8")
    else:
        print(text, end="")


if __name__ == "__main__":
    main()
