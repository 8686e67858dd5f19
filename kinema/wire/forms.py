"""Multipart fields as the object that JSON would have been.

The official client sends `video[id]`, `input_reference[image_url]` and `characters[][id]`; numbers inside brackets are
places in a list, and a field that holds an object may also be JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from kinema.errors import RecipeError

MOST_FIELDS = 500
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}(\[[A-Za-z0-9_-]{0,64}\]){0,4}")
_OBJECTS = {"how", "sources", "video", "input_reference", "characters", "mask"}
"""Fields that are objects or lists, so that JSON in one of them is read as such."""


def read_form(fields: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """The fields, in their order, as one object; a file stays what it is. Raises RecipeError for a name of no use."""
    whole: dict[str, Any] = {}
    for count, (name, value) in enumerate(fields):
        if count >= MOST_FIELDS:
            raise RecipeError(f"a request has more than {MOST_FIELDS} fields; leave some out")
        if not _NAME.fullmatch(name):
            raise RecipeError(
                f"the field {name[:60]!r} is of no use; names look like prompt, video[id], sources[0][id]",
                part=name[:60],
            )
        steps = [name.partition("[")[0], *re.findall(r"\[([^]]*)\]", name)]
        _put(whole, steps, _parsed(name, value) if len(steps) == 1 and steps[0] in _OBJECTS else value, name)
    return {name: _listed(value) for name, value in whole.items()}


def _parsed(name: str, value: Any) -> Any:
    """JSON where the text is an object or a list, else the value."""
    if not isinstance(value, str) or value.strip()[:1] not in ("{", "["):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise RecipeError(f"{value[:40]!r} begins like JSON but is none: {error}", part=name) from None


def _put(into: dict[str, Any], steps: list[str], value: Any, name: str) -> None:
    """Lays the value down at its steps; an empty step is the list's next place, or its last that lacks the key."""
    head, *rest = steps
    if not rest:
        if head in into:
            raise RecipeError(f"the field {name} is given twice; give it once", part=name)
        into[head] = value
        return
    inner = into.setdefault(head, {})
    if not isinstance(inner, dict):
        raise RecipeError(f"the field {head} is given both whole and in parts ({name}); give it once", part=head)
    if rest[0] == "":
        last = str(len(inner) - 1)
        goes_on = len(rest) > 1 and last in inner and isinstance(inner[last], dict) and rest[1] not in inner[last]
        rest[0] = last if goes_on else str(len(inner))
    _put(inner, rest, value, name)


def _listed(value: Any) -> Any:
    """Objects whose keys are 0, 1, 2, … as lists."""
    if not isinstance(value, dict):
        return value
    inner = {key: _listed(each) for key, each in value.items()}
    if inner and set(inner) == {str(place) for place in range(len(inner))}:
        return [inner[str(place)] for place in range(len(inner))]
    return inner
