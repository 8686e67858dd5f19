"""Laws of the sprites: where they come from, how they lie, and that a colour word is true of what is drawn."""

import hashlib
import json
import math
from functools import cache

import numpy as np
import pytest

from kinema.errors import WorldError
from kinema.world.objects import OBJECTS, PROPS
from kinema.world.pack import PACKAGE_SHA256, PROVENANCE, SCOPE, STRIPS, VERSION
from kinema.world.recolour import RAMPS, hue_saturation_value
from kinema.world.sprites import sprite, strip

RECOLOURABLE = [name for name, thing in OBJECTS.items() if thing.recolourable]
EVERYTHING = {**OBJECTS, **PROPS}


@cache
def repainted_area(name: str) -> np.ndarray:
    """Where a sprite's frames (24, 96, 96) show any colour that is asked for: red and blue differ there."""
    red, blue = sprite(name, "red"), sprite(name, "blue")
    return np.abs(red - blue)[..., :3].max(-1) > 0.35


def mean_colour(name: str, colour: str) -> tuple[float, float, float]:
    """Hue (degrees), saturation and value of the mean colour of the repainted area."""
    pixels = sprite(name, colour)[repainted_area(name)]
    hue, saturation, value = hue_saturation_value(pixels[:, :3].mean(0) / pixels[:, 3].mean())
    return float(hue), float(saturation), float(value)


def hue_of_word(colour: str) -> float:
    return float(hue_saturation_value(np.array(RAMPS[colour][1]) / 255)[0])


def test_every_strip_has_a_complete_and_true_provenance():
    records = {record["strip"]: record for record in json.loads(PROVENANCE.read_text(encoding="utf-8"))}
    assert records.keys() == {f"{thing.code}.webp" for thing in EVERYTHING.values()}
    assert records.keys() == {path.name for path in STRIPS.glob("*.webp")}
    for file, record in records.items():
        assert hashlib.sha256((STRIPS / file).read_bytes()).hexdigest() == record["strip_sha256"]
        assert EVERYTHING[record["name"]].code == file.removesuffix(".webp")
        assert record["package"] in {f"{SCOPE}-{number}" for number in PACKAGE_SHA256}
        assert (record["version"], record["licence"]) == (VERSION, "MIT")
        assert "Microsoft" in record["copyright"] and len(record["source_sha256"]) == 64
        assert record["file"] == f"assets/{file}"


def test_the_vendored_pack_is_small():
    assert sum(path.stat().st_size for path in STRIPS.iterdir()) <= 5 * 2**20


def test_names_and_nouns_are_each_one_thing():
    nouns = [noun for thing in OBJECTS.values() for noun in thing.nouns]
    assert len(nouns) == len(set(nouns))
    codes = [thing.code for thing in EVERYTHING.values()]
    assert len(codes) == len(set(codes))
    assert not OBJECTS.keys() & PROPS.keys()
    for name, thing in OBJECTS.items():
        assert name == thing.name == thing.nouns[0]
        assert 0.28 <= thing.height <= 0.62
        assert thing.base_colour is None or thing.base_colour in RAMPS


def test_sizes_keep_the_order_of_nature():
    height = {name: thing.height for name, thing in OBJECTS.items()}
    for small, large in (("chick", "dog"), ("dog", "horse"), ("horse", "elephant"), ("scooter", "car"), ("car", "bus")):
        assert height[small] < height[large]


@pytest.mark.parametrize("size", [96, 48])
def test_sprites_are_premultiplied_loops_that_rest_on_the_bottom_edge(size):
    for name in EVERYTHING:
        frames = sprite(name, size=size)
        assert frames.shape == (24, size, size, 4) and frames.dtype == np.float32
        assert frames.min() >= 0 and frames.max() <= 1
        assert (frames[..., :3] <= frames[..., 3:] + 1e-6).all()
        assert (frames[..., 3].mean((1, 2)) > 0.03).all(), f"{name} has an empty frame"
        assert frames[:, -2:, :, 3].max() > 0.5, f"{name} floats"


def test_sprites_without_motion_in_the_source_are_still_and_others_move():
    for record in json.loads(PROVENANCE.read_text(encoding="utf-8")):
        assert len(strip(record["name"])) == (24 if record["source_frames"] > 1 else 1)


def test_a_named_colour_is_the_nearest_of_all_words():
    hues = {colour: hue_of_word(colour) for colour in RAMPS if colour != "white"}
    for name in RECOLOURABLE:
        for colour in hues:
            hue, saturation, _ = mean_colour(name, colour)
            distance = {word: abs((hue - other + 180) % 360 - 180) for word, other in hues.items()}
            assert min(distance, key=distance.__getitem__) == colour, f"{colour} {name}: hue {hue:.0f}"
            assert distance[colour] < 10 and saturation > 0.35


def test_white_is_bright_and_without_colour():
    for name in RECOLOURABLE:
        _, saturation, value = mean_colour(name, "white")
        assert saturation < 0.12 and value > 0.8, name


def test_a_colour_covers_enough_to_be_seen():
    for name in RECOLOURABLE:
        visible = sprite(name)[..., 3] > 0.5
        assert (repainted_area(name) & visible).sum() > 0.35 * visible.sum(), name


def test_recolouring_keeps_the_outline_and_the_shading():
    for name in RECOLOURABLE:
        natural, purple = sprite(name), sprite(name, "purple")
        assert np.array_equal(natural[..., 3], purple[..., 3])
        pixels = purple[repainted_area(name)]
        assert (pixels[:, :3] / pixels[:, 3:]).sum(1).std() > 0.08, f"{name} is flat"


def test_a_natural_colour_word_is_true_of_the_natural_picture():
    for name, thing in OBJECTS.items():
        if not thing.recolourable or thing.base_colour in (None, "white"):
            continue
        hue, saturation, _ = hue_saturation_value(sprite(name)[repainted_area(name)][:, :3].mean(0))
        assert saturation > 0.2
        assert abs((float(hue) - hue_of_word(thing.base_colour) + 180) % 360 - 180) < 36, f"{name}: {hue}"


def test_colours_are_the_same_whatever_wears_them():
    for colour in set(RAMPS) - {"white"}:
        hues = np.radians([mean_colour(name, colour)[0] for name in RECOLOURABLE])
        agreement = math.hypot(np.cos(hues).mean(), np.sin(hues).mean())
        assert agreement > 0.995, colour


def test_the_same_sprite_is_the_same_bytes_and_cannot_be_spoiled():
    first = sprite("dog", "blue").copy()
    for name in EVERYTHING:
        sprite(name)
        sprite(name, size=48)
    assert np.array_equal(first, sprite("dog", "blue"))
    with pytest.raises(ValueError, match="read-only"):
        sprite("dog", "blue")[0] = 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("elefant",), "'elefant'; the nearest is 'elephant'"),
        (("dog", "bleu"), "'bleu'; the nearest is 'blue'"),
        (("zebra", "red"), "'zebra' cannot be red"),
        (("tree", "red"), "'tree' cannot be red"),
        (("dog", None, 64), "size 64 is not one of"),
    ],
)
def test_what_does_not_exist_is_refused_with_the_nearest(arguments, message):
    with pytest.raises(WorldError, match=message):
        sprite(*arguments)
