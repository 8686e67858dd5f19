"""Characters: a name and the clip of whom it names, and how a model that resembles nobody from pictures plays them.

The embedded model draws whoever is called alike alike: every red dog of its world is the same red dog. So a character
whose clip was made by Kinema is played by the words that the clip's own recipe has for whom it shows. Of other clips
nothing is guessed: such a character is refused by name.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, insert, select

from kinema.backends import find
from kinema.errors import KinemaError, PromptError
from kinema.how import Storyboard
from kinema.ready import enforce_all, recipe_of, said_in
from kinema.recipe import Recipe
from kinema.serve.depot import Depot
from kinema.serve.intake import Intake
from kinema.serve.jobs import new_id, uploads_of
from kinema.serve.keys import Key
from kinema.serve.store import Store
from kinema.serve.tables import characters, uploads
from kinema.wire import Character, WireError


def keep(store: Store, key: Key, asked: Character, intake: Intake) -> dict[str, Any]:
    """The character is kept with its clip. Raises what is wrong with either."""
    taken = intake.take([asked.clip], asked.consent)[0]
    about = recipe_of(taken.holds.about)
    words = (about.rewritten_prompt or about.prompt or None) if about else None
    row = {"id": new_id("char"), "key_id": key.id, "name": asked.name, "created_at": time.time(), "words": words}
    with store.write() as connection:
        connection.execute(insert(characters), row)
        if taken.row:
            connection.execute(insert(uploads), taken.row | {"user_id": row["id"]})
    return _told(row)


def get(store: Store, key: Key, id: str) -> dict[str, Any]:
    """A character of the key, as it is answered. Raises WireError 404."""
    return _told(_row(store, key, id, "character_id")._mapping)


def remove(store: Store, depot: Depot, key: Key, id: str) -> None:
    """Nothing is left of the character: its clip first. Raises WireError 404."""
    _row(store, key, id, "character_id")
    for name in uploads_of(store, id):
        depot.remove(name)
    with store.write() as connection:
        connection.execute(delete(uploads).where(uploads.c.user_id == id))
        connection.execute(delete(characters).where(characters.c.id == id))


def _row(store: Store, key: Key, id: str, param: str) -> Any:
    with store.read() as connection:
        mine = (characters.c.id == id, characters.c.key_id == key.id)
        row = connection.execute(select(characters).where(*mine)).first()
    if row is None:
        raise WireError(404, f"there is no character '{id[:80]}'", code="not_found", param=param)
    return row


def _told(row: Any) -> dict[str, Any]:
    return {"id": row["id"], "created_at": int(row["created_at"]), "name": row["name"]}


def played(store: Store, key: Key, recipe: Recipe, ids: Sequence[str]) -> tuple[Recipe, list[str]]:
    """The recipe with its characters played, and how, in words. Raises WireError and KinemaErrors.

    The prompt and the cards of a storyboard stay as they were asked; what the model is given has whom they show in the
    place of their names.
    """
    if not ids:
        return recipe, []
    cards = recipe.how.cards if isinstance(recipe.how, Storyboard) else ()
    if recipe.rewritten_prompt or any(card.rewritten for card in cards):
        raise _refused("a request has characters or words rewritten by itself; leave one of them out")
    enforce_all(said_in(recipe))
    said, notes = [recipe.prompt, *(card.text or "" for card in cards)], []
    for id in dict.fromkeys(ids):
        row = _row(store, key, id, "characters")
        subject = _subject(row.name, row.words, recipe.model or "native")
        name = re.compile(rf"(?<!\w)@?{re.escape(row.name)}(?!\w)", re.IGNORECASE)
        if not any(map(name.search, said)):
            where = "neither the prompt nor a card names" if cards else "the prompt does not name"
            raise _refused(f"{where} the character '{row.name}'; say what {row.name} does")
        said = [name.sub(subject, each) for each in said]
        notes.append(f"{row.name} is {subject}, as the recipe of the character's clip says; its pictures are not used")
    return _understood(recipe, said), notes


def _understood(recipe: Recipe, said: Sequence[str]) -> Recipe:
    """The recipe, its prompt and its cards understood as what is said in their places. Raises WireError."""
    sentences = [each for each in said if each]
    enforce_all(tuple(sentences))
    try:
        readings = iter(find(recipe.model or "native").understand(sentences, as_is=recipe.as_is))
    except PromptError as error:
        raise WireError(400, str(error), code="invalid_value", param="prompt") from None
    if recipe.prompt:
        recipe = recipe.changed(rewritten_prompt=next(readings).rewritten)
    if not isinstance(recipe.how, Storyboard):
        return recipe
    cards = (
        card.model_copy(update={"rewritten": next(readings).rewritten}) if card.text else card
        for card in recipe.how.cards
    )
    return recipe.changed(how=Storyboard(cards=tuple(cards)))


def _subject(name: str, words: str | None, model: str) -> str:
    """Whom a clip shows, such as 'a red dog', by the sentence that it was made of. Raises WireError."""
    fix = f"leave it out of characters and say in the prompt what {name} looks like"
    if words is None:
        raise _refused(
            f"{model} cannot make a film that resembles '{name}' from pictures alone, and the clip of that character"
            f" does not say whom it shows, as films made here do; {fix}"
        )
    from kinema.world.captions import noun_phrase
    from kinema.world.understand import understand

    try:
        things = understand(words).scene.things
    except KinemaError:
        things = ()
    if len(things) != 1:
        shown = "two things" if things else "nothing that is known here"
        raise _refused(f"the clip of '{name}' shows {shown}, so nobody can tell who is {name}; {fix}")
    return noun_phrase(things[0], things[0].object.nouns[0], things[0].colour or "")


def _refused(said: str) -> WireError:
    return WireError(400, said, code="invalid_value", param="characters")
