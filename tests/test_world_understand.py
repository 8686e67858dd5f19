"""A prompt is understood as far as the world goes, and all the rest of it is told."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinema.errors import PromptError
from kinema.world.captions import canonical, caption, tokens, unseen_caption, words
from kinema.world.objects import OBJECTS
from kinema.world.sampling import sample
from kinema.world.understand import LONGEST, Unknown, understand, understand_story


def test_captions_are_understood_as_they_are_meant() -> None:
    rng = random.Random(0)
    for _ in range(500):
        scene = sample(rng, split="any")
        for text in (caption(scene, rng), unseen_caption(scene, rng), canonical(scene)):
            reading = understand(text)
            assert reading.rewritten == canonical(scene), text
            assert reading.scene == scene.meaning and not reading.unknown, text
            assert all("goes without saying" in note for note in reading.notes), text


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
        ("The cat is not red, it is blue.", "A blue cat walks to the right in a meadow during the day."),
        ("a cat holding a red balloon", "A cat is next to a balloon in a meadow during the day."),
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
        ("a fish at night", "underwater it is always day: 'at night' left out"),
        ("a dog on the moon at sunset", "on the moon it is always night: 'at sunset' left out"),
        ("a cat at home at sunset", "in a room it is day or night, so 'at sunset' is read as 'night'"),
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
        ("a red ball", "'red' goes without saying: so is every ball here by nature"),
        ("a brown horse", "'brown' goes without saying: so is every horse here by nature"),
        ("a dog in a red hat", "'red hat' left out: it is a small thing beside what is shown"),
        ("a dog wearing a red hat", "what is worn or held is not shown: red, hat"),
        ("a cowboy wearing a blue motorcycle jacket", "what is worn or held is not shown: blue, motorcycle"),
        ("a red cape on a dog", "'red' left out: it is said of 'cape'"),
        ("a drone shot flying over a ship", "the camera has no such move: 'flying' left out"),
        ("a sleeping dog jumps", "a scene has one action: 'sleeping' left out"),
        ("un perro azul", "read as Spanish, in English: 'a blue dog'"),
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
        ("czerwony pies biegnie po plaży", "a red dog walks on the beach at sunset"),
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


@pytest.mark.parametrize(
    ("prompt", "rewritten"),
    [
        ("un perro rojo salta en la playa", "A red dog jumps up and down on the beach during the day."),
        ("deux poissons bleus nagent à gauche", "Two fish swim to the left underwater."),
        ("ein weißer Hund läuft nachts im Wald", "A white dog walks quickly to the right in the forest at night."),
        ("um gato verde dorme no campo", "A green cat stays still in a meadow during the day."),
        ("l'elefante rosa salta nel deserto al tramonto", "A pink elephant jumps up and down in the desert at sunset."),
    ],
)
def test_other_tongues(prompt: str, rewritten: str) -> None:
    assert understand(prompt).rewritten == rewritten


def test_a_story_goes_on_from_card_to_card() -> None:
    readings = understand_story(
        (
            "a red dog walks to the left in a snowy forest at night",
            "it then jumps",
            "The dog runs. The camera follows.",
            "now it is day",
            "it chases a cat",
            "a blue fish",
            "suddenly it spins on the beach",
        )
    )
    assert [reading.rewritten for reading in readings] == [
        "A red dog walks to the left in the forest at night while it snows.",
        "A red dog facing left jumps up and down in the forest at night while it snows.",
        "A red dog walks quickly to the left in the forest at night while it snows, the camera follows.",
        "A red dog walks quickly to the left in the forest during the day while it snows.",
        "A red dog chases a cat to the left in the forest during the day while it snows.",
        "A fish swims to the right in the forest during the day while it snows.",
        "A fish spins around on the beach during the day.",
    ]
    assert "as on the card before: a red dog, in the forest, at night, while it snows" in readings[1].notes


def test_a_story_of_two_and_what_they_are_called() -> None:
    chase, stop, pair = understand_story(("a cat chases a dog in the city", "the dog spins", "they meet a cat"))
    assert [thing.name for thing in stop.scene.things] == ["dog"] and stop.scene.place == "city"
    assert (chase.scene.action, pair.scene.action) == ("chases", "meets")


def test_a_card_alone_is_read_as_a_prompt() -> None:
    for prompt in ("a red dog jumps", "two fish, the camera pans left", "it rains on a cat"):
        assert understand_story((prompt,)) == [understand(prompt)]


def test_a_story_names_the_card_that_says_nothing() -> None:
    with pytest.raises(PromptError, match="card 1: nothing in"):
        understand_story(("mumble mumble", "a dog"))
