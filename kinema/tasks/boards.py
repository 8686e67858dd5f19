"""Tasks on a time line: cards of text, pictures and films at their moments, and films cut anew."""

from dataclasses import replace
from fractions import Fraction

from kinema.canvas import Canvas, Cue, Cut
from kinema.clip import Clip
from kinema.errors import DurationError, RecipeError
from kinema.how import Card, Recut, Storyboard
from kinema.recipe import Recipe
from kinema.tasks.painting import Task, blank, caption, shown


def storyboard(recipe: Recipe, *clips: Clip) -> Task:
    """What the cards show is known from their moments on, what they say is to be seen from there on."""
    assert recipe.frames and recipe.fps and isinstance(recipe.how, Storyboard)
    cards, fps = recipe.how.cards, recipe.fps
    places = [round(card.at * fps) for card in cards]
    canvas, free, said = blank(recipe, recipe.frames), 0, caption(recipe)
    cues: list[Cue] = []
    for number, (card, at) in enumerate(zip(cards, places, strict=True), start=1):
        name = f"card {number} (at {float(card.at):g} s)"
        if at >= recipe.frames:
            raise DurationError(
                f"{name} lies beyond the end of a film of {float(recipe.frames / fps):g} s; make it longer"
            )
        if at < free:
            raise RecipeError(
                f"{name} begins before the one before it has ended, at {float(free / fps):g} s; begin it there, or trim"
            )
        if card.text:
            said = card.rewritten or card.text
        cues.append(Cue(at if cues else 0, said))
        clip = _of_card(card, clips, name)
        if clip:
            canvas = _laid(canvas, clip, at, name)
            free = at + len(clip)
        else:
            free = at + 1
    return (yield from shown(replace(canvas, captions=_told(cues)), Cut()))


def _laid(canvas: Canvas, clip: Clip, at: int, name: str) -> Canvas:
    if at + len(clip) > len(canvas):
        raise DurationError(
            f"the film of {name} ends {at + len(clip) - len(canvas)} frames beyond the end;"
            f" trim it or make {float((at + len(clip)) / canvas.fps):g} s"
        )
    return canvas.paint(clip, at)


def _told(cues: list[Cue]) -> tuple[Cue, ...]:
    """The cues that say something other than the one before."""
    return tuple(cue for index, cue in enumerate(cues) if not index or cue.text != cues[index - 1].text)


def _of_card(card: Card, clips: tuple[Clip, ...], name: str) -> Clip | None:
    return None if card.source is None else _trimmed(clips, card.source, card.start, card.stop, name)


def _trimmed(clips: tuple[Clip, ...], source: int, start: Fraction | None, stop: Fraction | None, name: str) -> Clip:
    """The stretch of a source, without its sound."""
    if source >= len(clips):
        raise RecipeError(f"{name} shows source {source}, but there are {len(clips)}, counted from 0")
    clip = replace(clips[source], sound=None)
    first = round((start or 0) * clip.fps)
    last = len(clip) if stop is None else round(stop * clip.fps)
    if last > len(clip) or first >= last:
        raise DurationError(
            f"{name} takes {float(start or 0):g} to {float(last / clip.fps):g} s of a film of {clip.seconds:g} s;"
            " take a stretch that lies in it"
        )
    return clip[first:last]


def storyboard_frames(recipe: Recipe, clips: tuple[Clip, ...], home: int) -> int:
    """As long as was asked for; else until the last card's film ends, or for a film's usual length after it."""
    assert recipe.fps and isinstance(recipe.how, Storyboard)
    last = recipe.how.cards[-1]
    clip = _of_card(last, clips, f"card {len(recipe.how.cards)}")
    return recipe.frames or round(last.at * recipe.fps) + (len(clip) if clip and len(clip) > 1 else home)


def recut(recipe: Recipe, *clips: Clip) -> Task:
    """The pieces in order on a new storyboard, with what lies between and after them invented."""
    assert recipe.fps and isinstance(recipe.how, Recut)
    at, cards = Fraction(0), []
    for piece, clip in zip(recipe.how.pieces, _pieces(recipe, clips), strict=True):
        start = round(piece.start * recipe.fps) / recipe.fps
        cards.append(Card(at=at, source=piece.source, start=start, stop=start + len(clip) / recipe.fps))
        at += len(clip) / recipe.fps + _gap(recipe) / recipe.fps
    board = recipe.model_copy(update={"task": "storyboard", "how": Storyboard(cards=tuple(cards))})
    return (yield from storyboard(board, *clips))


def recut_frames(recipe: Recipe, clips: tuple[Clip, ...], home: int) -> int:
    """The pieces, the gaps between them and what is added."""
    assert recipe.fps and isinstance(recipe.how, Recut)
    pieces = _pieces(recipe, clips)
    added = round(recipe.how.add * recipe.fps)
    return sum(len(piece) for piece in pieces) + _gap(recipe) * (len(pieces) - 1) + added


def _pieces(recipe: Recipe, clips: tuple[Clip, ...]) -> list[Clip]:
    assert isinstance(recipe.how, Recut)
    return [
        _trimmed(clips, piece.source, piece.start, piece.stop, f"piece {number}")
        for number, piece in enumerate(recipe.how.pieces, start=1)
    ]


def _gap(recipe: Recipe) -> int:
    assert recipe.fps and isinstance(recipe.how, Recut)
    return round(recipe.how.gap * recipe.fps)
