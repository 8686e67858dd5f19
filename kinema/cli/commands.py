"""A settled recipe as the words of the terminal's command that makes it again.

The inverse of what the verbs in generate.py and tasks.py make of their options. What no option can say, such as a card
that shows a file with a blank in its name, needs `kinema make`, which plays the recipe that a film carries.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import click

from kinema.how import Animate, Blend, Box, Card, Extend, Fill, Loop, Piece, Recut, Remix, Storyboard
from kinema.recipe import Recipe

COMMON = ("seconds", "fps", "seed", "steps", "guidance", "as_is", "overlap", "consent")
_PLAIN_PATH = re.compile(r"[^\s\[\]@-][^\s\[\]]*")


def command_of(recipe: Recipe, output: str) -> list[str] | None:
    """The words of the command, each option by its own name; None where options cannot say all of the recipe."""
    from kinema.cli import kinema

    verb = kinema.get_command(click.Context(kinema), recipe.task)
    parts = said_by_options(recipe)
    if verb is None or parts is None:
        return None
    parts["output"] = output
    arguments: list[str] = []
    options: list[str] = []
    for parameter in verb.params:
        value = parts.get(str(parameter.name))
        if value is None or value is False or value in ("", ()) or value == parameter.default:
            continue
        if isinstance(parameter, click.Argument):
            arguments += _words(value)
        elif isinstance(parameter, click.Option) and parameter.is_flag:
            options.append(_name(parameter))
        else:
            name = _name(parameter)
            for word in _words(value):
                options += [f"{name}={word}"] if word.startswith("-") else [name, word]
    if any(word.startswith("-") for word in arguments):
        return ["kinema", recipe.task, *options, "--", *arguments]
    return ["kinema", recipe.task, *arguments, *options]


def said_by_options(recipe: Recipe) -> dict[str, Any] | None:
    """What each option of the recipe's verb is given; None where some part has no option for it."""
    paths = [source.path for source in recipe.sources]
    own = _how(recipe, paths)
    if own is None or not all(paths):
        return None
    parts = {name: getattr(recipe, name) for name in COMMON} | {"prompt": recipe.prompt} | own
    parts |= {"size": recipe.size} if recipe.size else _made_size(recipe)
    parts |= {"model": recipe.model} if recipe.model != "native" else {}
    if not recipe.as_is and recipe.prompt and recipe.rewritten_prompt != recipe.prompt:
        parts["rewritten_prompt"] = recipe.rewritten_prompt
    return parts


def _made_size(recipe: Recipe) -> dict[str, Any]:
    """The size that the model makes, and how many times that the film has."""
    return {"size": f"{recipe.width}x{recipe.height}", "upscale": recipe.upscale or 1}


def _how(recipe: Recipe, paths: list[str]) -> dict[str, Any] | None:
    """The task's own options and its media."""
    how = recipe.how
    if how is None:
        return {} if not paths else None
    say: Mapping[type, Callable[[Any, list[str]], dict[str, Any] | None]] = {
        Animate: lambda how, paths: {"picture": paths[0], "at": how.at} | ({"last": paths[1]} if paths[1:] else {}),
        Extend: lambda how, paths: {"film": paths[0], "backward": how.direction == "backward"},
        Fill: _fill,
        Loop: _loop,
        Blend: _blend,
        Remix: lambda how, paths: {"film": paths[0], "strength": number(how.strength)},
        Storyboard: _storyboard,
        Recut: _recut,
    }
    return say[type(how)](how, paths)


def _fill(how: Fill, paths: list[str]) -> dict[str, Any]:
    return {
        "film": paths[0],
        "mask": paths[1] if len(paths) > 1 else None,
        "boxes": tuple(_box(box) for box in how.boxes),
        "lost": tuple(f"{number(start)}-{number(stop)}" for start, stop in how.lost),
        "keep_every": how.keep_every,
        "keep": how.keep,
    }


def _box(box: Box) -> str:
    edges = ",".join(number(edge) for edge in (box.left, box.top, box.right, box.bottom))
    return f"{number(box.at)}:{edges}"


def _loop(how: Loop, paths: list[str]) -> dict[str, Any]:
    if not paths:
        return {"bridge": how.bridge}
    return {"film": paths[0], "bridge": how.bridge, "keep": how.keep, "seconds": None}


def _blend(how: Blend, paths: list[str]) -> dict[str, Any]:
    curve = ",".join(f"{number(when)}:{number(share)}" for when, share in how.influence)
    own = {"influence": curve, "strength": number(how.strength), "then": how.then}
    return {"first": paths[0], "second": paths[1]} | own


def _storyboard(how: Storyboard, paths: list[str]) -> dict[str, Any] | None:
    cards = [_card(card, paths) for card in how.cards]
    return {"cards": tuple(cards)} if all(cards) else None


def _card(card: Card, paths: list[str]) -> str | None:
    if card.source is None:
        return None if card.text and card.text.lstrip().startswith("@") else f"{number(card.at)}: {card.text}"
    if not _PLAIN_PATH.fullmatch(paths[card.source]):
        return None
    medium = f"@{paths[card.source]}{_stretch(card.start, card.stop)}"
    return f"{number(card.at)}: {medium}" + (f" {card.text}" if card.text else "")


def _recut(how: Recut, paths: list[str]) -> dict[str, Any] | None:
    pieces = [_piece(piece, paths) for piece in how.pieces]
    return {"pieces": tuple(pieces), "gap": how.gap, "add": how.add} if all(pieces) else None


def _piece(piece: Piece, paths: list[str]) -> str | None:
    path = paths[piece.source]
    return None if re.search(r"[\[\]]", path) else f"{path}{_stretch(piece.start or None, piece.stop)}"


def _stretch(start: Fraction | None, stop: Fraction | None) -> str:
    if start is None and stop is None:
        return ""
    return f"[{number(start) if start is not None else ''}-{number(stop) if stop is not None else ''}]"


def number(value: Fraction | float) -> str:
    """A number as short as is exact: 2, 0.5 or 1001/240."""
    exact = Fraction(value) if isinstance(value, Fraction) else Fraction(repr(value))
    if exact.denominator == 1:
        return str(exact.numerator)
    short = f"{float(exact):.12f}".rstrip("0")
    return short if Fraction(short) == exact else str(exact)


def _words(value: object) -> list[str]:
    if isinstance(value, tuple | list):
        return [word for each in value for word in _words(each)]
    if isinstance(value, float):
        return [repr(value).removesuffix(".0")]
    return [number(value)] if isinstance(value, Fraction) else [str(value)]


def _name(parameter: click.Parameter) -> str:
    return max(parameter.opts, key=len)
