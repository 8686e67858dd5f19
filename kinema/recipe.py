"""Recipe: the one request type, whichever door a request comes in by.

What a person left open is None until the engine settles it with what the model is at home with; a settled recipe makes
the same frames again. It goes into the queue, the manifest and the cache key as canonical JSON.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from fractions import Fraction
from hashlib import sha256
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    field_validator,
    model_validator,
)

from kinema.errors import DurationError, PromptError, RecipeError, SizeError, UsageError
from kinema.settings import Settings

MAX_PROMPT_CHARS = 32_000  # the Videos API's own limit
MAX_SEED = 2**53 - 1  # the largest integer that every JSON reader keeps exact
_NUMBER = re.compile(r"\d{1,9}(\.\d{1,18})?|\d{1,9}/[1-9]\d{0,8}", re.ASCII)
_ERROR_OF_FIELD: dict[str, type[UsageError]] = {
    **dict.fromkeys(("prompt", "rewritten_prompt"), PromptError),
    **dict.fromkeys(("seconds", "frames", "made_frames", "fps"), DurationError),
    **dict.fromkeys(("width", "height"), SizeError),
}


def _exact(value: object) -> object:
    """8, 7.5, '30000/1001' as the fraction that is written there, 29.97 being 2997/100 and not its binary neighbour."""
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        text = str(value).strip()
        if not _NUMBER.fullmatch(text):  # a bounded one: 1e999999999 would be worked out digit by digit
            raise ValueError("should be a number such as 8, 7.5 or 30000/1001")
        return Fraction(text)
    return value


Exact = Annotated[Fraction, BeforeValidator(_exact), PlainSerializer(str, return_type=str), Field(gt=0)]


class Recipe(BaseModel):
    """Everything that decides how a film looks. Raises the KinemaError that fits when a part is of no use."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt: str
    task: str = "generate"
    rewritten_prompt: str | None = None
    as_is: bool = Field(False, description="the prompt goes to the model unrewritten")
    seconds: Exact | None = None
    frames: int | None = Field(None, ge=1, le=10**9)
    made_frames: int | None = Field(
        None, ge=1, le=10**9, description="frames made, of which the first `frames` are the film"
    )
    fps: Exact | None = None
    width: int | None = Field(None, ge=1, le=10**9)
    height: int | None = Field(None, ge=1, le=10**9)
    seed: int | None = Field(None, ge=0, le=MAX_SEED)
    steps: int | None = Field(None, ge=1, le=10**9)
    guidance: float | None = Field(None, ge=0, le=100, allow_inf_nan=False)
    n: int = Field(1, ge=1, le=10**9, description="films, of which the i-th has the seed plus i")
    model: str | None = None
    configuration: str | None = Field(None, description="weights, runtime, precision and threads that frames depend on")

    @model_validator(mode="wrap")
    @classmethod
    def _speak_plainly(cls, data: Any, handler: Callable[[Any], Recipe]) -> Recipe:
        try:
            return handler(data)
        except ValidationError as error:
            first = error.errors()[0]
            field = str(first["loc"][0]) if first["loc"] else "recipe"
            if first["type"] == "extra_forbidden":
                raise RecipeError(f"a recipe has no part '{field}'; it has {', '.join(cls.model_fields)}") from None
            if first["type"] == "missing":
                raise _ERROR_OF_FIELD.get(field, RecipeError)(f"the recipe lacks its {field}") from None
            said = first["msg"].removeprefix("Value error, ")
            said = f"{said[:1].lower()}{said[1:]}"
            kind = _ERROR_OF_FIELD.get(field, RecipeError)
            raise kind(f"{field} {_shortened(first['input'])} is of no use: {said}") from None

    @field_validator("prompt", "rewritten_prompt")
    @classmethod
    def _readable(cls, prompt: str | None) -> str | None:
        if prompt is None:
            return None
        if not prompt.strip():
            raise PromptError(
                "the prompt is empty; say what should be seen, for instance 'a red ball bounces on a beach'"
            )
        if len(prompt) > MAX_PROMPT_CHARS:
            raise PromptError(f"the prompt has {len(prompt):,} characters; at most {MAX_PROMPT_CHARS:,} are read")
        strange = re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]", prompt)
        if strange:
            raise PromptError(f"the prompt holds the character {strange.group()!r}, which is no text; leave it out")
        return prompt

    @model_validator(mode="after")
    def _agrees(self) -> Recipe:
        if self.seconds and self.frames and self.fps and self.seconds * self.fps != self.frames:
            raise DurationError(
                f"{float(self.seconds):g} seconds and {self.frames} frames do not agree at {self.fps} fps; give one"
            )
        if self.made_frames and self.made_frames < (self.frames or 1):
            raise DurationError(f"{self.made_frames} made frames are fewer than the {self.frames} of the film")
        return self

    def canonical(self) -> bytes:
        """The recipe as JSON: sorted, without spaces and open parts; equal recipes give equal bytes."""
        parts = self.model_dump(mode="json", exclude_none=True)
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


def parse_size(text: str) -> tuple[int, int]:
    """Width and height of a text such as 128x96. Raises SizeError."""
    match = re.fullmatch(r"\s*(\d{1,6})\s*[x×X]\s*(\d{1,6})\s*", text)  # noqa: RUF001
    if not match:
        raise SizeError(f"size '{text}' is not WIDTHxHEIGHT, for instance 128x128")
    return int(match.group(1)), int(match.group(2))


def whole_frames(seconds: Fraction, fps: Fraction) -> int:
    """How many frames that is. Raises DurationError where they are not whole."""
    frames = seconds * fps
    if frames.denominator != 1:
        nearest = max(1, round(frames)) / fps
        raise DurationError(
            f"{float(seconds):g} seconds are {float(frames):g} frames at {float(fps):g} fps, which is not whole;"
            f" the nearest is {_plain(nearest)} seconds"
        )
    return int(frames)


def check_limits(recipe: Recipe, settings: Settings) -> None:
    """Raises where a settled recipe asks for more than the settings allow."""
    assert recipe.seconds and recipe.fps and recipe.width and recipe.height and recipe.steps
    if recipe.seconds > settings.max_seconds:
        raise DurationError(
            f"{float(recipe.seconds):g} seconds are too long; at most {settings.max_seconds:g} are made"
            " (KINEMA_MAX_SECONDS)"
        )
    if recipe.fps > settings.max_fps:
        raise DurationError(f"{float(recipe.fps):g} fps are too many; at most {settings.max_fps} are (KINEMA_MAX_FPS)")
    for name, side in (("width", recipe.width), ("height", recipe.height)):
        if side > settings.max_side_px:
            raise SizeError(f"{name} {side} is too large; at most {settings.max_side_px} is made (KINEMA_MAX_SIDE_PX)")
    if recipe.steps > settings.max_steps:
        raise RecipeError(
            f"{recipe.steps} steps are too many; at most {settings.max_steps} are made (KINEMA_MAX_STEPS)"
        )
    if recipe.n > settings.max_films:
        raise RecipeError(f"{recipe.n} films are too many; at most {settings.max_films} are made (KINEMA_MAX_FILMS)")


def _plain(value: Fraction) -> str:
    """4, 4.125 or, where no short decimal is exact, 1001/240: always what can be typed back in."""
    return str(value.numerator) if value.denominator == 1 else _decimal(value)


def _decimal(value: Fraction) -> str:
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    exact = rest == 1 and math.log10(value.denominator) < 9
    return f"{float(value):.10g}" if exact else str(value)


def _shortened(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
