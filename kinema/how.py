"""How: the options of each task, and the numbers that they are written in.

They stand apart from the recipe that carries one of them, since tasks read nothing else of it, and doors fill them in.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, field_validator, model_validator

_NUMBER = re.compile(r"\d{1,12}(\.\d{1,18})?(e\+?\d)?|\d{1,9}/[1-9]\d{0,8}", re.ASCII)


def _exact(value: object) -> object:
    """8, 7.5, '30000/1001' as the fraction that is written there, 29.97 being 2997/100 and not its binary neighbour."""
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        text = str(value).strip()
        if not _NUMBER.fullmatch(text):  # a bounded one: 1e999999999 would be worked out digit by digit
            raise ValueError("should be a number such as 8, 7.5 or 30000/1001")
        return Fraction(text)
    return value


_Number = Annotated[Fraction, BeforeValidator(_exact), PlainSerializer(str, return_type=str)]
Exact = Annotated[_Number, Field(gt=0)]
Moment = Annotated[_Number, Field(ge=0)]
"""Seconds from the film's beginning."""
STRENGTHS = {"subtle": 0.4, "mild": 0.6, "strong": 0.8}


def _strength(value: object) -> object:
    """subtle, mild and strong as numbers, and a number that a terminal handed over as text."""
    if isinstance(value, str):
        if value in STRENGTHS:
            return STRENGTHS[value]
        if not _NUMBER.fullmatch(value):
            raise ValueError("should be subtle, mild, strong or a number above 0 and at most 1")
        return float(Fraction(value))
    return value


Strength = Annotated[float, BeforeValidator(_strength), Field(gt=0, le=1, allow_inf_nan=False)]


class Options(BaseModel):
    """What one task can be told beside the prompt."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Animate(Options):
    """A picture becomes the film's first frame, or its last; of two, one becomes the first and the other the last."""

    task: Literal["animate"] = "animate"
    at: Literal["first", "last"] = "first"


class Extend(Options):
    """A film goes on, or gets a beginning."""

    task: Literal["extend"] = "extend"
    direction: Literal["forward", "backward"] = "forward"


class Box(Options):
    """A box at a moment, its edges in shares of the picture's width and height; it moves evenly to the next one."""

    at: Moment = Fraction(0)
    left: float = Field(ge=0, le=1)
    top: float = Field(ge=0, le=1)
    right: float = Field(ge=0, le=1)
    bottom: float = Field(ge=0, le=1)

    @model_validator(mode="after")
    def _encloses(self) -> Box:
        if self.left >= self.right or self.top >= self.bottom:
            edges = ",".join(f"{edge:g}" for edge in (self.left, self.top, self.right, self.bottom))
            raise ValueError(f"the box {edges} encloses nothing; it is left,top,right,bottom, such as 0.2,0.2,0.8,0.8")
        return self


class Fill(Options):
    """What is lost of a film is invented: stretches, all but every k-th frame, moving boxes, or where a mask is white.

    The mask is the second source, an image or a film; `keep` turns it and the boxes round: what is marked is kept.
    """

    task: Literal["fill"] = "fill"
    lost: tuple[tuple[Moment, Moment], ...] = ()
    keep_every: int | None = Field(None, ge=2, le=10**6)
    boxes: tuple[Box, ...] = ()
    keep: bool = False

    @model_validator(mode="after")
    def _ordered(self) -> Fill:
        for start, stop in self.lost:
            _check_stretch(start, stop)
        _check_rising([box.at for box in self.boxes], "the boxes' moments")
        return self


class Loop(Options):
    """A film whose end meets its beginning, by a made bridge; of a film, it is added or takes the place of its ends."""

    task: Literal["loop"] = "loop"
    bridge: Exact = Fraction(2)
    keep: Literal["all", "middle"] = "all"


class Blend(Options):
    """Two films are joined: by a made bridge, or, with an influence curve, while both run.

    A point of the curve is (when, influence of the first film), both from 0 to 1; straight lines run between them.
    Where it is 1 the first film is kept, where it is 0 the second; between, a mixture of both is noised to `strength`.
    `then` says what should be seen from the middle on.
    """

    task: Literal["blend"] = "blend"
    influence: tuple[tuple[float, float], ...] = ()
    strength: Strength = 0.5
    then: str | None = None
    then_rewritten: str | None = None

    @field_validator("influence")
    @classmethod
    def _is_curve(cls, points: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
        if not points:
            return points
        for when, share in points:
            if not (0 <= when <= 1 and 0 <= share <= 1):
                said = f"{when:g}:{share:g} is no point of an influence curve"
                raise ValueError(f"{said}; it has two numbers from 0 to 1, such as 0.5:0.5")
        if len(points) < 2 or points[0][0] != 0 or points[-1][0] != 1:
            curve = ",".join(f"{when:g}:{share:g}" for when, share in points)
            raise ValueError(f"the influence curve {curve} does not go from 0 to 1, as 0:1,1:0 does")
        _check_rising([when for when, _ in points], "the points of an influence curve")
        return points


class Remix(Options):
    """A film is noised that far and made anew from there."""

    task: Literal["remix"] = "remix"
    strength: Strength = STRENGTHS["mild"]


class Card(Options):
    """From a moment on: what should be seen, a picture or a stretch of a film (one of the sources), or both."""

    at: Moment
    text: str | None = None
    rewritten: str | None = None
    source: int | None = Field(None, ge=0)
    start: Moment | None = None
    stop: Moment | None = None

    @model_validator(mode="after")
    def _shows_something(self) -> Card:
        if self.source is None and (self.text is None or not self.text.strip()):
            raise ValueError("a card has a text, a picture or a film")
        _check_stretch(self.start, self.stop)
        return self


class Storyboard(Options):
    """Cards on a time line; what they leave open is invented."""

    task: Literal["storyboard"] = "storyboard"
    cards: tuple[Card, ...] = Field(min_length=1)

    @field_validator("cards")
    @classmethod
    def _in_order(cls, cards: tuple[Card, ...]) -> tuple[Card, ...]:
        _check_rising([card.at for card in cards], "the cards' moments")
        return cards


class Piece(Options):
    """A stretch of one of the sources."""

    source: int = Field(ge=0)
    start: Moment = Fraction(0)
    stop: Moment | None = None

    @model_validator(mode="after")
    def _lasts(self) -> Piece:
        _check_stretch(self.start, self.stop)
        return self


class Recut(Options):
    """Trimmed pieces one after the other, `gap` seconds invented between them and `add` after the last."""

    task: Literal["recut"] = "recut"
    pieces: tuple[Piece, ...] = Field(min_length=1)
    gap: Moment = Fraction(0)
    add: Moment = Fraction(0)


How = Annotated[
    Animate | Extend | Fill | Loop | Blend | Remix | Storyboard | Recut,
    Field(discriminator="task"),
]
HOWS: dict[str, type[Options]] = {
    each.model_fields["task"].default: each for each in (Animate, Extend, Fill, Loop, Blend, Remix, Storyboard, Recut)
}
"""The options of each task that has any."""


def _check_rising(values: Sequence[Fraction | float], what: str) -> None:
    for before, after in pairwise(values):
        if before >= after:
            said = f"{float(after):g} follows {float(before):g}; put them in order, no two at one moment"
            raise ValueError(f"{what} rise from one to the next, but {said}")


def _check_stretch(start: Fraction | None, stop: Fraction | None) -> None:
    if start is not None and stop is not None and start >= stop:
        raise ValueError(
            f"the stretch {plain(start)}-{plain(stop)} is empty or ends before it begins; say it as FROM-TO"
        )


def plain(value: Fraction) -> str:
    """4, 4.125 or, where no short decimal is exact, 1001/240: always what can be typed back in."""
    return str(value.numerator) if value.denominator == 1 else _decimal(value)


def _decimal(value: Fraction) -> str:
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    return f"{float(value):.10g}" if rest == 1 and math.log10(value.denominator) < 9 else str(value)
