"""Recipe: the one request type, whichever door a request comes in by.

What a person left open is None until the engine settles it with what the model is at home with; a settled recipe makes
the same frames again. It goes into the queue, the manifest and the cache key as canonical JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from fractions import Fraction
from hashlib import sha256
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from kinema.errors import DurationError, PromptError, RecipeError, SizeError, UsageError
from kinema.how import HOWS, Exact, How, Options, plain
from kinema.settings import Settings

MAX_PROMPT_CHARS = 32_000  # the Videos API's own limit
MAX_SEED = 2**53 - 1  # the largest integer that every JSON reader keeps exact
_EMPTY = "the prompt is empty; say what should be seen, for instance 'a red ball bounces on a beach'"
_ERROR_OF_FIELD: dict[str, type[UsageError]] = {
    **dict.fromkeys(("prompt", "rewritten_prompt"), PromptError),
    **dict.fromkeys(("seconds", "frames", "made_frames", "fps", "made_fps"), DurationError),
    **dict.fromkeys(("size", "width", "height", "shape"), SizeError),
}


class Source(BaseModel):
    """A film or picture that a recipe starts from: a file, or (with no path) a clip that is handed over in Python."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str = ""
    sha256: str | None = Field(None, pattern="^[0-9a-f]{64}$")


class Recipe(BaseModel):
    """Everything that decides how a film looks. Raises the KinemaError that fits when a part is of no use."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt: str = Field("", description="what should be seen; may be left out where there are sources")
    task: str = "generate"
    how: How | None = Field(None, description="the task's own options")
    sources: tuple[Source, ...] = Field((), max_length=64, description="the films and pictures that it starts from")
    rewritten_prompt: str | None = None
    as_is: bool = Field(False, description="the prompt goes to the model unrewritten")
    seconds: Exact | None = None
    frames: int | None = Field(None, ge=1, le=10**9)
    made_frames: int | None = Field(
        None, ge=1, le=10**9, description="frames made, of which the first `frames` are the film"
    )
    fps: Exact | None = Field(None, description="the film's rate, any; how it is made follows")
    made_fps: Exact | None = Field(None, description="the rate that the model makes, where the film has another")
    size: str | None = Field(None, description="WIDTHxHEIGHT of the film, any; how it is made follows")
    width: int | None = Field(None, ge=1, le=10**9, description="what the model makes, on its grid")
    height: int | None = Field(None, ge=1, le=10**9)
    shape: str | None = Field(None, description="16:9 and the like: the size nearest in area to the model's own")
    overlap: int | None = Field(None, ge=1, le=10**6, description="frames of a film that its continuation is made from")
    upscale: int | None = Field(None, ge=2, le=8, description="times the size that the model makes")
    seed: int | None = Field(None, ge=0, le=MAX_SEED)
    steps: int | None = Field(None, ge=1, le=10**9)
    guidance: float | None = Field(None, ge=0, le=100, allow_inf_nan=False)
    n: int = Field(1, ge=1, le=10**9, description="films, of which the i-th has the seed plus i")
    consent: str = Field("", max_length=300, description="who agreed to the real faces in the sources, and how")
    model: str | None = None
    configuration: str | None = Field(None, description="weights, runtime, precision and threads that frames depend on")

    @model_validator(mode="wrap")
    @classmethod
    def _speak_plainly(cls, data: Any, handler: Callable[[Any], Recipe]) -> Recipe:
        try:
            return handler(_with_how(data) if isinstance(data, dict) else data)
        except ValidationError as error:
            raise _in_plain_words(error) from None

    @field_validator("prompt", "rewritten_prompt")
    @classmethod
    def _readable(cls, prompt: str | None) -> str | None:
        if not prompt:
            return prompt
        if not prompt.strip():
            raise PromptError(_EMPTY)
        if len(prompt) > MAX_PROMPT_CHARS:
            raise PromptError(f"the prompt has {len(prompt):,} characters; at most {MAX_PROMPT_CHARS:,} are read")
        strange = re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]", prompt)
        if strange:
            raise PromptError(f"the prompt holds the character {strange.group()!r}, which is no text; leave it out")
        return prompt

    @field_validator("size")
    @classmethod
    def _is_size(cls, size: str | None) -> str | None:
        return None if size is None else "{}x{}".format(*parse_size(size))

    @field_validator("shape")
    @classmethod
    def _is_shape(cls, shape: str | None) -> str | None:
        if shape is not None and not re.fullmatch(r"[1-9]\d{0,3}:[1-9]\d{0,3}", shape):
            raise ValueError("should be WIDTH:HEIGHT, such as 16:9, 9:16, 1:1, 4:3 or 3:4")
        return shape

    @model_validator(mode="after")
    def _agrees(self) -> Recipe:
        if not self.prompt and not self.sources and self.task != "storyboard":
            raise PromptError(_EMPTY if "prompt" in self.model_fields_set else "the recipe lacks its prompt")
        if self.shape and (self.width or self.height):
            raise SizeError(f"shape {self.shape} and a width or height say the same thing; give one of them")
        if self.size and not (self.width and self.height) and (self.shape or self.width or self.height or self.upscale):
            raise SizeError(f"size {self.size} says it all; leave out shape, width, height and upscale")
        if self.seconds and self.frames and self.fps and self.seconds * self.fps != self.frames:
            raise DurationError(
                f"{float(self.seconds):g} seconds and {self.frames} frames do not agree at {self.fps} fps; give one"
            )
        if self.made_frames and not self.made_fps and self.made_frames < (self.frames or 1):
            raise DurationError(f"{self.made_frames} made frames are fewer than the {self.frames} of the film")
        return self

    @property
    def film_size(self) -> tuple[int, int]:
        """Width and height of the film, in pixels, of a recipe that says its size or is settled."""
        if self.size:
            return parse_size(self.size)
        assert self.width and self.height
        return self.width * (self.upscale or 1), self.height * (self.upscale or 1)

    def canonical(self) -> bytes:
        """The recipe as JSON: sorted, without spaces and open parts; equal recipes give equal bytes."""
        parts = self.model_dump(mode="json", exclude_none=True)
        parts = {name: value for name, value in parts.items() if value not in ("", [])}
        return json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    def digest(self) -> str:
        """SHA-256 of the canonical JSON, in hex."""
        return sha256(self.canonical()).hexdigest()

    def changed(self, **parts: Any) -> Recipe:
        """A recipe with these parts instead, checked like any other."""
        return Recipe(**(dict(self) | parts))

    def one_of(self, index: int) -> Recipe:
        """The recipe of the i-th of its n films, which makes that film alone again."""
        assert self.seed is not None, "a recipe is settled before it is shared out"
        return self.changed(n=1, seed=self.seed + index)


def _with_how(parts: dict[str, Any]) -> dict[str, Any]:
    """A task's options name the task, and the task has its options, whichever of the two was said."""
    how, task = parts.get("how"), parts.get("task")
    if isinstance(how, Options):
        how = how.model_dump()
    if how is None:
        how = {"task": task} if task in HOWS else None
    elif isinstance(how, dict):
        how = {"task": task} | how
        task = task or how["task"]
        if how["task"] != task:
            raise RecipeError(
                f"the options are those of '{how['task']}', not of '{task}'; leave one of them out", part="how"
            )
    return parts | ({"how": how} if how is not None else {}) | ({"task": task} if task is not None else {})


def _in_plain_words(error: ValidationError) -> UsageError:
    """The first thing that is wrong with a recipe, as the error that fits."""
    first = error.errors()[0]
    path = [str(step) for step in first["loc"]] or ["recipe"]
    field, kind = path[0], _ERROR_OF_FIELD.get(path[0], RecipeError)
    if field == "how" and path[2:]:
        path = path[2:]  # an option of the task goes by its own name
    part = path[0]
    if first["type"] == "extra_forbidden":
        if field != "how":
            return RecipeError(f"a recipe has no part '{field}'; it has {', '.join(Recipe.model_fields)}", part=part)
        options = ", ".join(name for name in HOWS[str(first["loc"][1])].model_fields if name != "task")
        return RecipeError(f"{first['loc'][1]} has no option '{'.'.join(path)}'; it has {options}", part=part)
    if first["type"] == "missing":
        return kind(f"the recipe lacks its {_named(path)}", part=part)
    said = _BOUNDS.get(first["type"], "").format_map(first.get("ctx", {})) or first["msg"].removeprefix("Value error, ")
    value = first["input"]
    if isinstance(value, dict | list | tuple | BaseModel):  # what is wrong in it is said better than it can be shown
        return kind(f"{said[:1].lower()}{said[1:]}" if field == "how" else f"{_named(path)}: {said}", part=part)
    return kind(f"{_named(path)} {_shortened(value)} is of no use: {said[:1].lower()}{said[1:]}", part=part)


_BOUNDS = {
    "greater_than": "it must be above {gt}",
    "greater_than_equal": "it must be at least {ge}",
    "less_than": "it must be below {lt}",
    "less_than_equal": "it must be at most {le}",
    "int_parsing": "it must be a whole number",
    "int_from_float": "it must be a whole number",
    "too_short": "at least {min_length} must be given",
    "too_long": "at most {max_length} may be given",
}
_ONE_OF = {"boxes": "box", "cards": "card", "pieces": "piece", "lost": "stretch", "sources": "source"}


def _named(path: list[str]) -> str:
    """`left of box 1` for boxes.0.left."""
    words: list[str] = []
    for step in path:
        if step.isdecimal() and words:
            words[-1] = f"{_ONE_OF.get(words[-1], words[-1])} {int(step) + 1}"
        else:
            words.append(step)
    return " of ".join(reversed(words))


def parse_size(text: str) -> tuple[int, int]:
    """Width and height of a text such as 128x96. Raises SizeError."""
    match = re.fullmatch(r"\s*0*([1-9]\d{0,5})\s*[x×X]\s*0*([1-9]\d{0,5})\s*", text)  # noqa: RUF001
    if not match:
        raise SizeError(f"size '{text}' is not WIDTHxHEIGHT, for instance 128x128")
    return int(match.group(1)), int(match.group(2))


def frames_of(seconds: Fraction, fps: Fraction) -> int:
    """The whole frames nearest to so many seconds, at least one."""
    return max(1, round(seconds * fps))


def whole_frames(seconds: Fraction, fps: Fraction) -> int:
    """How many frames that is. Raises DurationError where they are not whole."""
    frames = seconds * fps
    if frames.denominator != 1:
        nearest = max(1, round(frames)) / fps
        raise DurationError(
            f"{float(seconds):g} seconds are {float(frames):g} frames at {float(fps):g} fps, which is not whole;"
            f" the nearest is {plain(nearest)} seconds"
        )
    return int(frames)


def check_limits(recipe: Recipe, settings: Settings) -> None:
    """Raises where a recipe with a size asks for more than the settings allow."""
    assert recipe.fps and recipe.width and recipe.height and recipe.steps
    if recipe.seconds and recipe.seconds > settings.max_seconds:
        raise DurationError(
            f"{float(recipe.seconds):g} seconds are too long; at most {settings.max_seconds:g} are made"
            " (KINEMA_MAX_SECONDS)"
        )
    if recipe.fps > settings.max_fps:
        said = f"{float(recipe.fps):g} fps are too many; at most {settings.max_fps} are (KINEMA_MAX_FPS)"
        raise DurationError(said, part="fps")
    for name, side in (("width", recipe.width), ("height", recipe.height)):
        if side > settings.max_side_px:
            raise SizeError(f"{name} {side} is too large; at most {settings.max_side_px} is made (KINEMA_MAX_SIDE_PX)")
    if max(recipe.film_size) > (most := settings.max_film_side_px):
        said = "{}x{}".format(*recipe.film_size)
        raise SizeError(f"a film of {said} is too large; sides of at most {most} are made (KINEMA_MAX_FILM_SIDE_PX)")
    if recipe.steps > settings.max_steps:
        raise RecipeError(
            f"{recipe.steps} steps are too many; at most {settings.max_steps} are made (KINEMA_MAX_STEPS)", part="steps"
        )
    if recipe.n > settings.max_films:
        said = f"{recipe.n} films are too many; at most {settings.max_films} are made (KINEMA_MAX_FILMS)"
        raise RecipeError(said, part="n")


def _shortened(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
