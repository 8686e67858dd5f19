"""Prompts as people write them: half to tune with, half never looked at one by one, both scored by factor."""

import json
from pathlib import Path
from typing import Any

import pytest

from kinema.errors import PromptError
from kinema.world.listen import Listener
from kinema.world.matching import english
from kinema.world.scene import Scene, Thing
from kinema.world.understand import Reading, understand

FOLDER = Path(__file__).parent
FLOORS = {"prompts_tuned.json": 0.99, "prompts_heldout.json": 0.94}
"""Share of expected factors that must be right; the held-out prompts are for scoring, never for mending one by one."""


def rows(name: str) -> list[dict[str, Any]]:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


def read(prompt: str) -> Reading | None:
    try:
        return understand(prompt)
    except PromptError:
        return None


def words_of(thing: Thing) -> str:
    count = str(thing.count) if thing.count > 1 else None
    return " ".join(filter(None, (count, thing.colour, thing.name)))


def judged(row: dict[str, Any], reading: Reading | None) -> list[tuple[str, bool, object]]:
    """(factor, whether it is right, what was found) of all that the row expects."""
    if row.get("refused"):
        return [("refused", reading is None, reading and reading.rewritten)]
    found: list[tuple[str, bool, object]] = []
    for factor, wanted in row.get("expect", {}).items():
        if reading is None:
            found.append((factor, False, "refused"))
        elif factor == "things":
            things = [words_of(thing) for thing in reading.scene.things]
            found.append((factor, things == wanted, things))
        else:
            value = getattr(reading.scene, factor)
            found.append((factor, value == wanted, value))
    for word in row.get("told", ()):
        said = [] if reading is None else [*reading.notes, *(unknown.word for unknown in reading.unknown)]
        found.append((f"told {word}", any(word in text.lower() for text in said), ""))
    return found


def share_right(name: str) -> float:
    verdicts = [right for row in rows(name) for _, right, _ in judged(row, read(row["prompt"]))]
    return sum(verdicts) / len(verdicts)


@pytest.mark.parametrize(("name", "floor"), FLOORS.items())
def test_prompts_are_understood(name: str, floor: float) -> None:
    assert share_right(name) >= floor


TOLD_BY_ROLE = {"object", "colour", "strange_colour", "place", "water", "snowy", "time", "weather", "speed", "side",
                "camera", "action", "relation", "passive", "stranger", "style", "look"}  # fmt: skip


def shown(scene: Scene) -> set[str]:
    """Every value that a scene shows, with the words that say it in passing."""
    values = {scene.action, scene.direction, scene.speed, scene.place, scene.time, scene.weather, scene.camera}
    for thing in scene.things:
        values |= {thing.name, thing.colour or "", thing.object.base_colour or ""}
    return values | ({"water"} if scene.place in ("ocean", "underwater", "beach") else set())


def silently_dropped(prompt: str) -> list[str]:
    """Phrases with a meaning of which the scene shows nothing and the notes say nothing."""
    reading = understand(prompt)
    listener = Listener(english(prompt)[0])
    listener.listen()
    said = " ".join((*reading.notes, *(unknown.word for unknown in reading.unknown)))
    values = shown(reading.scene)
    return [
        match.text
        for match in listener.matches
        if match.sense.role in TOLD_BY_ROLE and match.sense.value not in values and match.text not in said
    ]


@pytest.mark.parametrize("name", FLOORS)
def test_nothing_is_dropped_in_silence(name: str) -> None:
    prompts = [row["prompt"] for row in rows(name) if not row.get("refused")]
    assert {prompt: dropped for prompt in prompts if (dropped := silently_dropped(prompt))} == {}
