"""Laws of characters: the model is given whom their clips show in the place of their names, wherever these are said."""

import time

import pytest
from sqlalchemy import insert

from kinema.backends import find
from kinema.how import Card, Storyboard
from kinema.recipe import Recipe
from kinema.serve import keys
from kinema.serve.characters import played
from kinema.serve.keys import Key
from kinema.serve.store import Store
from kinema.serve.tables import characters
from kinema.wire import WireError

pytestmark = pytest.mark.usefixtures("tiny_model")


@pytest.fixture
def key(store: Store) -> Key:
    """Whose characters are Anna, a red dog, and Ben, a robot."""
    key = keys.local(store)
    clips = {"Anna": "a red dog jumps in the snow", "Ben": "a robot walks in a city at night"}
    with store.write() as connection:
        for name, words in clips.items():
            row = {"id": f"char_{name}", "key_id": key.id, "name": name, "created_at": time.time(), "words": words}
            connection.execute(insert(characters), row)
    return key


def board(*texts: str | None, **parts: object) -> Recipe:
    """A storyboard of these cards, a second apart; a card without a text shows a picture."""
    cards = tuple(Card(at=at, text=text) if text else Card(at=at, source=0, text=None) for at, text in enumerate(texts))
    return Recipe(task="storyboard", how=Storyboard(cards=cards), seconds="4", **parts)


def words_of(recipe: Recipe) -> list[str | None]:
    assert isinstance(recipe.how, Storyboard)
    return [card.rewritten for card in recipe.how.cards]


def test_cards_are_told_as_one_story_with_whom_the_names_mean(store: Store, key: Key):
    asked = board("Anna walks in a forest", None, "@anna jumps near ben")
    recipe, notes = played(store, key, asked, ["char_Anna", "char_Ben"])
    told = find("native").understand(["a red dog walks in a forest", "a red dog jumps near a robot"])
    assert words_of(recipe) == [told[0].rewritten, None, told[1].rewritten]
    assert isinstance(recipe.how, Storyboard) and isinstance(asked.how, Storyboard)
    assert [card.text for card in recipe.how.cards] == [card.text for card in asked.how.cards]
    assert [note.partition(",")[0] for note in notes] == ["Anna is a red dog", "Ben is a robot"]


def test_a_prompt_and_its_cards_are_understood_together(store: Store, key: Key):
    recipe, _ = played(store, key, board("it jumps", prompt="Anna walks in a forest"), ["char_Anna"])
    told = find("native").understand(["a red dog walks in a forest", "it jumps"])
    assert [recipe.rewritten_prompt, *words_of(recipe)] == [each.rewritten for each in told]


@pytest.mark.parametrize(
    ("recipe", "says"),
    [
        (board("a dog walks", "it jumps"), "neither the prompt nor a card names the character 'Anna'"),
        (board("Annator walks"), "neither the prompt nor a card names"),
        (Recipe(prompt="a dog walks"), "the prompt does not name the character 'Anna'"),
        (
            Recipe(task="storyboard", how=Storyboard(cards=(Card(at=0, text="Anna walks", rewritten="a dog walks"),))),
            "leave one of them out",
        ),
    ],
)
def test_who_is_not_named_or_is_said_twice_is_refused(store: Store, key: Key, recipe: Recipe, says: str):
    with pytest.raises(WireError, match=says) as raised:
        played(store, key, recipe, ["char_Anna"])
    assert raised.value.param == "characters"
