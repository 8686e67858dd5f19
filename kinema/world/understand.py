"""A person's own words, brought into the caption language.

The embedded model knows a few hundred words in a fixed manner of speaking. `understand` finds what a prompt means,
settles it into a scene that can be, and says it again as a canonical caption, offline and in milliseconds. What it does
not know, leaves out or changes, it tells: nothing is ignored in silence. `understand_story` reads the cards of a
storyboard one after the other, so that `it then jumps` is about the same red dog in the same forest.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from kinema.errors import PromptError
from kinema.world import vocabulary
from kinema.world.captions import canonical, noun_phrase, place_phrases
from kinema.world.lexicon import Sense
from kinema.world.listen import Listener
from kinema.world.matching import Unknown, english
from kinema.world.scene import Scene
from kinema.world.settle import Heard, HeardThing, settle

__all__ = ["LONGEST", "Reading", "Unknown", "understand", "understand_story"]

LONGEST = 32_000
EXAMPLE = "a red dog walks on the beach at sunset"


@dataclass(frozen=True)
class Reading:
    """What was understood of a prompt: the scene, its canonical caption, and all that was changed on the way."""

    prompt: str
    rewritten: str
    unknown: tuple[Unknown, ...]
    scene: Scene
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Card:
    """A reading with what its prompt said in so many words: what was only assumed need not last."""

    reading: Reading
    said: frozenset[str]


def understand(prompt: str) -> Reading:
    """The prompt as a scene and its canonical caption. PromptError if it is empty, endless or wholly unknown."""
    return _read(prompt, None).reading


def understand_story(prompts: Sequence[str]) -> list[Reading]:
    """Prompts that follow one another, each read as `understand` does, with what it leaves unsaid as it was before.

    Subject, colour, action, direction, place, time and weather last until they are changed; pronouns are understood.
    PromptError names the card that says nothing and follows none.
    """
    cards: list[_Card] = []
    for prompt in prompts:
        try:
            cards.append(_read(prompt, cards[-1] if cards else None))
        except PromptError as error:
            raise PromptError(f"card {len(cards) + 1}: {error}") from None
    return [card.reading for card in cards]


def _read(prompt: str, before: _Card | None) -> _Card:
    _check(prompt)
    tokens, tongue = english(prompt)
    listener = Listener(tokens, _things_of(before) if before else ())
    if tongue:
        listener.heard.notes.append(f"read as {tongue}, in English: {' '.join(tokens)!r}")
    listener.listen()
    if not listener.understood:
        raise PromptError(
            f"nothing in {_shortened(prompt)!r} was understood; say in English what should be seen, such as {EXAMPLE!r}"
        )
    said = frozenset((*listener.heard.said, *(("things",) if listener.heard.things else ())))
    if before:
        _carry(listener.heard, before)
        said |= before.said
    scene = settle(listener.heard)
    unknown = sorted(listener.unknown.values(), key=lambda stranger: tokens.index(stranger.word.split()[0]))
    notes = tuple(dict.fromkeys(listener.heard.notes))
    return _Card(Reading(prompt, canonical(scene), tuple(unknown), scene, notes), said)


def _check(prompt: str) -> None:
    if len(prompt) > LONGEST:
        raise PromptError(
            f"the prompt has {len(prompt)} characters; at most {LONGEST} are read, so shorten it to one sentence"
        )
    if not any(character.isalnum() for character in prompt):
        raise PromptError(
            f"the prompt {_shortened(prompt)!r} holds no words; say what should be seen, such as {EXAMPLE!r}"
        )


def _shortened(prompt: str) -> str:
    return prompt if len(prompt) <= 60 else f"{prompt[:57]}..."


# From card to card


def _carry(heard: Heard, before: _Card) -> None:
    """What a card leaves unsaid is as it was on the card before, as far as it fits; a note says so."""
    last = before.reading.scene
    kept: list[str] = []
    if not heard.things:
        heard.things = list(_things_of(before))
    same = [(thing.name, thing.count) for thing in heard.things] == [(thing.name, thing.count) for thing in last.things]
    for thing in heard.things:
        known = next((other for other in last.things if other.name == thing.name), None)
        if known and not thing.anew:
            thing.colour = thing.colour or known.colour
            kept.append(noun_phrase(known, thing.noun, thing.colour or ""))
    if same and not heard.said.keys() & {"action"} and not heard.weak and not heard.passive:
        _keep(heard, "action", last.action, "relation" if last.action in vocabulary.RELATIONS else "action")
        if last.speed != "normal":
            _keep(heard, "speed", last.speed)
    if last.direction == "left" and "direction" not in heard.said and kept:
        _keep(heard, "direction", last.direction)
    kept += _carry_setting(heard, before)
    if kept:
        heard.notes.append(f"as on the card before: {', '.join(kept)}")


def _things_of(card: _Card) -> tuple[HeardThing, ...]:
    return tuple(HeardThing(thing.name, thing.count, thing.colour) for thing in card.reading.scene.things)


def _carry_setting(heard: Heard, before: _Card) -> list[str]:
    """Place, time and weather last; a place that nobody named does not hold a thing that does not belong there."""
    last, kept = before.reading.scene, []
    kinds = {thing.kind for thing in heard.things}
    moved = bool(heard.said.keys() & {"place", "water", "snowy"})
    named = bool(before.said & {"place", "water", "snowy"})
    if not moved and (named or kinds <= set(vocabulary.KINDS_OF[last.place])):
        _keep(heard, "place", last.place)
        kept.append(place_phrases(last)[0])
    place = heard.value("place")
    times = vocabulary.TIMES_OF[place] if place else vocabulary.TIMES
    weathers = vocabulary.WEATHERS_OF[place] if place else vocabulary.WEATHERS
    if "time" not in heard.said and ("time" in before.said or not moved) and last.time in times:
        _keep(heard, "time", last.time)
        kept.append(vocabulary.TIME_PHRASES[last.time][0])
    if "weather" not in heard.said and last.weather != "clear" and last.weather in weathers:
        _keep(heard, "weather", last.weather)
        kept.append(vocabulary.WEATHER_PHRASES[last.weather][0])
    return kept


def _keep(heard: Heard, role: str, value: str, sense_role: str | None = None) -> None:
    heard.said[role] = Sense(sense_role or role, value)
    heard.words[role] = (value,)
