"""A prompt is understood as far as the world goes, and all the rest of it is told."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinema.errors import PromptError
from kinema.world.captions import canonical, caption, tokens, unseen_caption, words
from kinema.world.objects import OBJECTS
from kinema.world.sampling import sample
from kinema.world.understand import LONGEST, Unknown, understand


def test_captions_are_understood_as_they_are_meant() -> None:
    rng = random.Random(0)
    for _ in range(500):
        scene = sample(rng, split="any")
        for text in (caption(scene, rng), unseen_caption(scene, rng), canonical(scene)):
            reading = understand(text)
            assert reading.rewritten == canonical(scene), text
            assert reading.scene == scene.meaning and not reading.unknown and not reading.notes, text


def test_incomplete_captions_are_completed_within_what_they_say() -> None:
    rng = random.Random(1)
    for _ in range(200):
        scene = sample(rng, split="any")
        reading = understand(caption(scene, rng, drop=True))
        assert [thing.name for thing in reading.scene.things] == [thing.name for thing in scene.things]
        assert reading.scene.action == scene.action and not reading.unknown
        assert understand(reading.rewritten).rewritten == reading.rewritten


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=80))
def test_any_text_is_read_or_refused_by_name(text: str) -> None:
    try:
        reading = understand(text)
    except PromptError:
        return
    assert set(tokens(reading.rewritten)) <= set(words())


@pytest.mark.parametrize("thing", OBJECTS.values(), ids=lambda thing: thing.name)
def test_every_object_by_every_noun(thing: object) -> None:
    for noun in thing.nouns:  # type: ignore[attr-defined]
        assert understand(f"a {noun}").scene.things[0].name == thing.name  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("prompt", "rewritten"),
    [
        ("kitty running downtown at dusk", "A cat walks quickly to the right in the city at sunset."),
        ("2 pups are strolling in the woods", "Two dogs walk to the right in the forest during the day."),
        ("a pair of azure elephants", "Two blue elephants walk to the right in a meadow during the day."),
        ("an automobile", "A car drives to the right in the city during the day."),
        ("a fish", "A fish swims to the right underwater."),
        ("spaceship taking off", "A rocket rises up on the moon."),
        ("sunset over the ocean", "A sailboat sails to the right on the ocean at sunset."),
        ("a dog is chased by a cat", "A cat chases a dog to the right in a meadow during the day."),
        ("a bird flies over the mountains", "An eagle flies to the right in the mountains during the day."),
        ("a snowy forest with a deer", "A deer walks to the right in the forest during the day while it snows."),
        ("a dog in the snow", "A dog walks to the right in the snow during the day."),
        (
            "tracking shot of a galloping horse in the desert",
            "A horse walks quickly to the right in the desert during the day, the camera follows.",
        ),
        (
            "slow zoom out from a boat sailing left",
            "A ship sails to the left on the ocean during the day, the camera zooms out.",
        ),
        (
            "the camera slowly moves left past a chair",
            "A chair sways from side to side in a room during the day, the camera pans left.",
        ),
        ("a green apple dropping down", "A green apple falls down in a room during the day."),
        ("The horse is purple. It trots to the left.", "A purple horse walks to the left in a meadow during the day."),
        ("a red bus turns left", "A red bus drives to the left in the city during the day."),
        ("a dog not moving", "A dog stays still in a meadow during the day."),
        ("a red apple", "An apple rolls to the right in a room during the day."),
        ("a cat next to a dog behind it", "A cat is next to a dog in a meadow during the day."),
    ],
)
def test_own_words(prompt: str, rewritten: str) -> None:
    assert understand(prompt).rewritten == rewritten


@pytest.mark.parametrize(
    ("prompt", "unknown"),
    [
        ("a samurai walks in the city", Unknown("samurai", "robot")),
        ("a lion on the beach", Unknown("lion", "tiger")),
        ("a black cat", Unknown("black", "purple")),
        ("a dog juggles zorblaxes", Unknown("zorblaxes", None)),
        ("three bananas", Unknown("bananas", "apple")),
        ("a pirate ship", Unknown("pirate", "robot")),
        ("an orange", Unknown("orange", "apple")),
    ],
)
def test_unknown_words_are_told(prompt: str, unknown: Unknown) -> None:
    assert unknown in understand(prompt).unknown
    assert unknown.message.startswith(f"I do not know '{unknown.word}'")


@pytest.mark.parametrize(
    ("prompt", "note"),
    [
        ("a fish at night", "underwater it is always day"),
        ("a dog on the moon at sunset", "on the moon it is always night"),
        ("a cat at home at sunset", "in a room it is day or night, so sunset is read as night"),
        ("a crab on the beach in the rain", "there is no rain on the beach in this world: it is clear"),
        ("a blue zebra", "a zebra has only its natural colour: 'blue' left out"),
        ("five dogs", "at most three of a kind are shown: 'five' is read as three"),
        ("a dog, a cat and a pig", "a scene has at most two things: 'pig' left out"),
        ("a dog walks and jumps", "a scene has one action: 'jumps' left out"),
        ("a dog falls slowly", "this action has one speed: 'slowly' left out"),
        ("a dog spins, the camera follows", "the camera can only follow what goes somewhere: it stays still"),
        ("a cute dog, cinematic, 4k", "style words are not used by this model: cinematic, 4k"),
        ("a tiny dog", "words for sizes, moods and looks are not used by this model: tiny"),
        ("an elefant", "'elefant' is read as 'elephant'"),
        ("a dog at dawn", "'dawn' is read as 'sunset'"),
        ("a dog without rain", "left out, as the prompt says not to show it: rain"),
        ("a dog flies", "a dog does not fly in this world: it walks"),
        ("two cats chase each other", "'chase' needs a second thing, and none was understood"),
        ("a dog on the ocean", "training does not show a dog on the ocean: the film may not either"),
        ("a dog in a blue city", "places keep their own colours: 'blue' left out"),
    ],
)
def test_what_is_changed_is_noted(prompt: str, note: str) -> None:
    assert note in understand(prompt).notes


@pytest.mark.parametrize(
    ("prompt", "named"),
    [
        ("", "holds no words"),
        (" ... !?", "holds no words"),
        ("a" * (LONGEST + 1), f"{LONGEST + 1} characters; at most {LONGEST}"),
        ("一只猫在海滩上", "nothing in '一只猫在海滩上' was understood"),
        ("un perro rojo en la playa", "a red dog walks on the beach at sunset"),
        ("ein roter Hund läuft am Strand", "nothing in"),
        ("very beautiful, of the", "nothing in"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_fix(prompt: str, named: str) -> None:
    with pytest.raises(PromptError, match=named):
        understand(prompt)


def test_an_adverb_that_agrees_with_its_verb_is_not_left_out():
    reading = understand("a truck is racing quickly to the left in the city")
    assert "quickly" in reading.rewritten
    assert not any("left out" in note for note in reading.notes)
    assert any("'slowly' left out" in note for note in understand("a truck is racing slowly in the city").notes)
