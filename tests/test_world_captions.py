"""Captions say what the scene is, in words that are all known, and in grammatical English."""

import random
import re
from dataclasses import replace

import pytest

from kinema.world import vocabulary
from kinema.world.captions import (
    DROP_SHARE,
    STILL_CAMERA_SHARE,
    canonical,
    caption,
    paraphrases,
    tokens,
    unseen_caption,
    words,
)
from kinema.world.grammar import article, pluralise, progressive, third_person
from kinema.world.objects import OBJECTS
from kinema.world.sampling import sample
from kinema.world.scene import Scene, Thing
from kinema.world.splits import held_out

DOG = Scene((Thing("dog"),), "goes", place="beach", time="night")


def scenes(count: int, seed: int = 0) -> list[Scene]:
    rng = random.Random(seed)
    return [sample(rng, split="any") for _ in range(count)]


@pytest.mark.parametrize(
    ("scene", "said"),
    [
        (DOG, "A dog walks to the right on the beach at night."),
        (
            replace(DOG, things=(Thing("dog", "red", 2),), speed="fast"),
            "Two red dogs walk quickly to the right on the beach at night.",
        ),
        (replace(DOG, things=(Thing("sheep", None, 3),)), "Three sheep walk to the right on the beach at night."),
        (replace(DOG, things=(Thing("elephant"),), action="flips"), "An elephant does a flip on the beach at night."),
        (
            replace(DOG, action="jumps", direction="left", camera="pans_left"),
            "A dog facing left jumps up and down on the beach at night, the camera pans left.",
        ),
        (
            replace(DOG, things=(Thing("dog"), Thing("cat", "blue")), action="chases", direction="left"),
            "A dog chases a blue cat to the left on the beach at night.",
        ),
        (
            Scene((Thing("ufo"),), "goes", place="city", time="sunset", weather="snow"),
            "A ufo flies to the right in the city at sunset while it snows.",
        ),
        (Scene((Thing("fish"),), "goes", place="underwater"), "A fish swims to the right underwater."),
    ],
)
def test_canonical_captions_read_well(scene: Scene, said: str) -> None:
    assert canonical(scene) == said


def test_every_caption_is_made_of_known_words() -> None:
    rng, known = random.Random(1), set(words())
    for scene in scenes(800):
        for text in (caption(scene, rng), caption(scene, rng, drop=True), unseen_caption(scene, rng), canonical(scene)):
            assert set(tokens(text)) <= known, text
            assert re.fullmatch(r"[a-z',. -]+", text.lower()), text


def test_caption_language_is_small() -> None:
    assert len(words()) <= 460 and words() == tuple(sorted(set(words())))


def test_different_meanings_have_different_canonical_captions() -> None:
    meanings = {scene.meaning for scene in scenes(3000)}
    assert len({canonical(scene) for scene in meanings}) == len(meanings)


def test_training_captions_never_use_held_out_language() -> None:
    rng = random.Random(2)
    for name, noun in held_out().nouns.items():
        scene = Scene((Thing(name),), vocabulary.MOTIONS_OF[OBJECTS[name].kind][0])
        assert not any(f" {noun} " in caption(scene, rng).lower() for _ in range(60))
        assert f" {noun} " in f" {unseen_caption(scene, rng).lower()} "


def test_left_of_motion_and_left_of_camera_are_told_apart() -> None:
    rng = random.Random(3)
    moving, panning = replace(DOG, direction="left"), replace(DOG, camera="pans_left")
    for _ in range(60):
        assert "to the left" in caption(moving, rng) and "view" not in caption(moving, rng)
        assert "to the left" not in caption(panning, rng) and re.search(r"(pans|moves) left", caption(panning, rng))


def test_each_factor_is_dropped_about_as_often_as_meant() -> None:
    rng, count = random.Random(4), 3000
    scene = replace(DOG, things=(Thing("dog", "red"),), camera="zooms_in", speed="slow")
    texts = [caption(scene, rng, drop=True) for _ in range(count)]
    for pattern in (
        r"\bred\b",
        r"camera|view",
        r"night|dark|stars",
        r"beach|seaside",
        r"slowly|gently",
        r"to the right",
    ):
        missing = sum(not re.search(pattern, text) for text in texts) / count
        assert abs(missing - DROP_SHARE) < 0.03, pattern


def test_still_camera_is_said_now_and_then() -> None:
    rng = random.Random(5)
    said = sum("camera" in caption(DOG, rng) for _ in range(2000)) / 2000
    assert 0 < said < STILL_CAMERA_SHARE


def test_paraphrases_differ_and_begin_with_the_canonical_one() -> None:
    found = paraphrases(DOG, 5, random.Random(6))
    assert found[0] == canonical(DOG) and len(set(found)) == 5
    assert len(paraphrases(DOG, 1, random.Random(6))) == 1


def test_grammar() -> None:
    assert [article(noun) for noun in ("apple", "unicorn", "ufo", "umbrella", "dog")] == ["an", "a", "a", "an", "a"]
    assert [pluralise(noun) for noun in ("butterfly", "bus", "fire truck", "mouse", "fish", "toy")] == [
        "butterflies", "buses", "fire trucks", "mice", "fish", "toys",
    ]  # fmt: skip
    assert [third_person(verb) for verb in ("walk", "go", "pass", "fly")] == ["walks", "goes", "passes", "flies"]
    assert [progressive(verb) for verb in ("run", "chase", "fly", "be")] == ["running", "chasing", "flying", "being"]
