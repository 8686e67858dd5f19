"""One recipe in, one film out: the chain, and the only place where it is.

    recipe ─ settle ─ sources ─ task ─ canvas ─ fill ─ segments ─ upscale ─ write ─ film + receipt

Whatever door a request comes in by, it goes this way, so what holds for every film is held here. Segments are written
as they are made: a film can be watched from its first seconds, and needs no memory of its own however long it is.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from time import monotonic

import numpy as np
from pydantic import ValidationError

from kinema.backends import Backend, Reading, Step, Unknown, check_asks, find
from kinema.backends.upscale import check_factor, upscale
from kinema.backends.upscale import configuration as upscaler
from kinema.canvas import Canvas, Cut
from kinema.clip import Clip
from kinema.energy import Receipt, receipt
from kinema.errors import DurationError, KinemaError, RecipeError
from kinema.media import check_suffix, whole_file, write
from kinema.recipe import HOWS, Blend, Card, Recipe, Source, Storyboard, check_limits, whole_frames
from kinema.settings import read_settings
from kinema.tasks import begin, check_sources, film_frames, settle_frames
from kinema.tasks.play import Spool, play
from kinema.tasks.sources import Loaded, fitted, load_sources

OnStep = Callable[[Step], None]
Medium = str | Path | Clip
"""A film or picture: a file, a folder of frames, or a clip."""


@dataclass(frozen=True, eq=False)
class Film:
    """A clip, the settled recipe that makes it again, where it was written (if it was), and what it took.

    Notes say, in plain sentences, whatever was done to the films and pictures that it started from.
    """

    clip: Clip
    recipe: Recipe
    path: Path | None
    receipt: Receipt
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Heard:
    """How several sentences were understood, or none."""

    rewritten: str
    unknown: tuple[Unknown, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class _Ready:
    """All that a film is made of."""

    recipe: Recipe
    reading: Reading
    clips: tuple[Clip, ...]
    notes: tuple[str, ...]


def settle(recipe: Recipe, *, clips: Sequence[Clip] = ()) -> tuple[Recipe, Reading]:
    """The recipe with nothing left open, and how its words were understood. Raises what is wrong with it.

    Cheap beside a film, so that a person can be told before it starts. Settling twice changes nothing.
    """
    ready = _prepare(recipe, clips)
    return ready.recipe, ready.reading


def make(
    recipe: Recipe, path: Path | None = None, *, clips: Sequence[Clip] = (), on_step: OnStep | None = None
) -> Film:
    """One film, written to the path if there is one. The recipe's n is 1; clips are its sources that have no path.

    The place is tried before anything is made, so that no work is lost to an unwritable one. The file bears its name
    only when it is whole; where KeyboardInterrupt stops it, film.part.mp4 beside it holds what was made.
    """
    if recipe.n != 1:
        raise RecipeError(f"make gives one film, not {recipe.n}; make_all gives as many as the recipe says")
    begun = monotonic()
    ready = _prepare(recipe, clips)
    spool = Spool()
    segments = spool.through(_segments(ready, on_step))
    if path is None:
        for _ in segments:
            pass
    else:
        with whole_file(path) as part:
            try:
                write(segments, part, about=ready.recipe.canonical().decode())
            except KeyboardInterrupt:
                part.keep()
                raise
    settings = read_settings()
    took = receipt(monotonic() - begun, watts=settings.watts, grams_per_kwh=settings.grams_per_kwh)
    clip = spool.clip()
    return Film(clip, ready.recipe, path, took, ready.notes + _lost_sound(ready.clips, clip))


def make_all(
    recipe: Recipe, path: Path | None = None, *, clips: Sequence[Clip] = (), on_step: OnStep | None = None
) -> Iterator[Film]:
    """The recipe's n films, one after the other; film.mp4 becomes film-1.mp4, film-2.mp4, … where there are several."""
    settled, _ = settle(recipe, clips=clips)
    for index in range(settled.n):
        yield make(settled.one_of(index), numbered(path, index, settled.n), clips=clips, on_step=on_step)


def numbered(path: Path | None, index: int, count: int) -> Path | None:
    """The path of the i-th of so many films; a single one keeps the path."""
    if path is None or count == 1:
        return path
    check_suffix(path)
    return path.with_stem(f"{path.stem}-{index + 1}")


def _prepare(recipe: Recipe, clips: Sequence[Clip]) -> _Ready:
    """The settled recipe with its sources, fitted. Raises what is wrong with any of them."""
    check_sources(recipe)
    backend = find(recipe.model or "native")
    loaded = load_sources(recipe, clips)
    recipe, reading = _settle_words(recipe, backend, loaded)
    recipe = _settle_size(recipe, backend, loaded)
    assert recipe.width and recipe.height and recipe.fps
    fits = [fitted(each, recipe.width, recipe.height, recipe.fps) for each in loaded]
    ready_clips = tuple(clip for clip, _ in fits)
    recipe = _settle_length(recipe, backend, ready_clips)
    recipe = recipe.changed(
        sources=tuple(each.source for each in loaded),
        seed=secrets.randbelow(2**32) if recipe.seed is None else recipe.seed,
        model=backend.name,
        configuration=f"{backend.configuration}; {upscaler()}" if recipe.upscale else backend.configuration,
    )
    check_asks(next(begin(recipe, ready_clips)), backend)
    notes = [f"{each.name}: {note}" for each in loaded for note in each.media.notes]
    return _Ready(recipe, reading, ready_clips, (*notes, *(said for _, said in fits if said)))


def _settle_words(recipe: Recipe, backend: Backend, loaded: list[Loaded]) -> tuple[Recipe, Reading]:
    """The recipe with all that is said in the model's own words; without any, those of the film that it starts from."""
    if not recipe.prompt and not isinstance(recipe.how, Storyboard):
        recipe = _with_own_words(recipe, [recipe_of(each.media.about) for each in loaded])
    readings: list[Reading] = []

    def understood(text: str) -> str:
        readings.append(backend.understand(text, as_is=recipe.as_is))
        return readings[-1].rewritten

    rewritten = understood(recipe.prompt) if recipe.prompt else ""
    recipe = recipe.changed(rewritten_prompt=recipe.rewritten_prompt or rewritten)
    if isinstance(recipe.how, Storyboard):
        cards = [_settled_card(card, understood) for card in recipe.how.cards]
        recipe = recipe.changed(how=Storyboard(cards=tuple(cards)))
    if isinstance(recipe.how, Blend) and recipe.how.then:
        rewritten = recipe.how.then_rewritten or understood(recipe.how.then)
        recipe = recipe.changed(how=recipe.how.model_copy(update={"then_rewritten": rewritten}))
    if len(readings) == 1:
        return recipe, readings[0]
    unknown = tuple(word for reading in readings for word in reading.unknown)
    notes = tuple(note for reading in readings for note in reading.notes)
    return recipe, Heard(" … ".join(reading.rewritten for reading in readings), unknown, notes)


def _with_own_words(recipe: Recipe, owns: list[Recipe | None]) -> Recipe:
    """The recipe with the words of the films that it starts from; two that are blended each have theirs."""
    own = next((own for own in owns if own and own.prompt), None)
    if own is None:
        return recipe
    recipe = recipe.changed(prompt=own.prompt, rewritten_prompt=own.rewritten_prompt, as_is=own.as_is)
    last = owns[-1]
    if isinstance(recipe.how, Blend) and not recipe.how.then and last and last.prompt:
        words = {"then": last.prompt, "then_rewritten": last.rewritten_prompt}
        return recipe.changed(how=recipe.how.model_copy(update=words))
    return recipe


def _settled_card(card: Card, understood: Callable[[str], str]) -> Card:
    rewritten = understood(card.text) if card.text else None
    return card.model_copy(update={"rewritten": card.rewritten or rewritten})


def recipe_of(about: str | None) -> Recipe | None:
    """The recipe that a film says it was made with, if it is one of Kinema's."""
    if about is None:
        return None
    try:
        return Recipe.model_validate_json(about)
    except (KinemaError, ValidationError):
        return None


def _settle_size(recipe: Recipe, backend: Backend, loaded: list[Loaded]) -> Recipe:
    """The recipe with a size and a rate on the backend's grid; what is left open is the first source's shape."""
    settings, home, grid = read_settings(), backend.home, backend.grid
    area = home.width * home.height
    width, height = recipe.width, recipe.height
    if recipe.shape:
        across, down = map(int, recipe.shape.split(":"))
        width, height = grid.nearest(across / down, area, settings.max_side_px)
    elif loaded and width is None and height is None:
        clip = loaded[0].clip
        width, height = clip.width, clip.height
        if width % grid.side_step_px or height % grid.side_step_px or width * height > 2 * area:
            width, height = grid.nearest(width / height, area, settings.max_side_px)
    sized = recipe.changed(
        shape=None,
        fps=recipe.fps or home.fps,
        width=width or home.width,
        height=height or home.height,
        steps=recipe.steps or home.steps,
        guidance=home.guidance if recipe.guidance is None else recipe.guidance,
        overlap=recipe.overlap or home.overlap,
    )
    check_limits(sized, settings)
    if sized.upscale:
        check_factor(sized.upscale)
    assert sized.width and sized.height and sized.fps
    grid.check(sized.width, sized.height, sized.fps)
    return sized


def _settle_length(recipe: Recipe, backend: Backend, clips: tuple[Clip, ...]) -> Recipe:
    """The recipe with its length. Raises DurationError where the film would be longer than the settings allow."""
    assert recipe.fps
    asked = recipe.frames or (whole_frames(recipe.seconds, recipe.fps) if recipe.seconds else None)
    frames = settle_frames(recipe.changed(seconds=None, frames=asked), clips, backend.home.frames)
    settled = recipe.changed(
        frames=frames, seconds=Fraction(frames) / recipe.fps, made_frames=backend.grid.made_frames(frames)
    )
    longest = read_settings().max_seconds
    whole = film_frames(settled, clips) / recipe.fps
    if whole > longest:
        raise DurationError(
            f"a film of {float(whole):g} seconds is too long; at most {longest:g} are made (KINEMA_MAX_SECONDS)"
        )
    return settled


def _segments(ready: _Ready, on_step: OnStep | None) -> Iterator[Clip]:
    """The film's segments, in order, as they are made."""
    recipe = ready.recipe
    rng = np.random.default_rng(recipe.seed)
    segments = play(begin(recipe, ready.clips), lambda canvas: _fill(canvas, recipe, rng, on_step or _unwatched))
    return upscale(segments, recipe.upscale) if recipe.upscale else segments


def _fill(canvas: Canvas, recipe: Recipe, rng: np.random.Generator, on_step: OnStep) -> Iterator[Clip]:
    """The canvas filled by the recipe's backend, made longer to fit its grid and cut again.

    It grows away from what is known, so that known chunks stay whole.
    """
    assert recipe.model and recipe.steps and recipe.guidance is not None
    backend = find(recipe.model)
    check_asks(canvas, backend)
    missing = backend.grid.made_frames(len(canvas)) - len(canvas)
    before = missing if canvas.known[-1].all() and not canvas.known[0].any() else 0
    padded = canvas.padded(before, missing - before)
    wanted, at = Cut(before, before + len(canvas)), 0
    for segment in backend.fill(padded, steps=recipe.steps, guidance=recipe.guidance, rng=rng, on_step=on_step):
        shown = wanted.shown(segment, at)
        at += len(segment)
        if shown:
            yield shown


def _lost_sound(clips: tuple[Clip, ...], film: Clip) -> tuple[str, ...]:
    if film.sound or not any(clip.sound for clip in clips):
        return ()
    return ("The sound was dropped, since the pictures do not keep their time.",)


def _unwatched(step: Step) -> None:
    """Nobody watches."""


def generate(prompt: str, path: str | Path | None = None, *, on_step: OnStep | None = None, **parts: object) -> Film:
    """A film of what the prompt says; parts are those of a Recipe: seconds, fps, width, height, seed, steps, …

    The same prompt, seed and parts give the same frames as the terminal's `kinema generate`.
    """
    return _ask("generate", [], path, on_step, {"prompt": prompt, **parts})


def still(prompt: str, path: str | Path | None = None, *, on_step: OnStep | None = None, **parts: object) -> Film:
    """A picture of what the prompt says."""
    return _ask("still", [], path, on_step, {"prompt": prompt, **parts})


def animate(
    picture: Medium,
    path: str | Path | None = None,
    *,
    last: Medium | None = None,
    on_step: OnStep | None = None,
    **parts: object,
) -> Film:
    """A film that begins with the picture (at="last": ends with it); with `last`, it leads from one to the other."""
    return _ask("animate", [picture] if last is None else [picture, last], path, on_step, parts)


def extend(film: Medium, path: str | Path | None = None, *, on_step: OnStep | None = None, **parts: object) -> Film:
    """The film with `seconds` more at its end, or (direction="backward") at its beginning."""
    return _ask("extend", [film], path, on_step, parts)


def fill(
    film: Medium,
    path: str | Path | None = None,
    *,
    mask: Medium | None = None,
    on_step: OnStep | None = None,
    **parts: object,
) -> Film:
    """The film with what is lost of it invented: where the mask is white, or by lost=, keep_every= or boxes=."""
    return _ask("fill", [film] if mask is None else [film, mask], path, on_step, parts)


def loop(
    film: Medium | None = None, path: str | Path | None = None, *, on_step: OnStep | None = None, **parts: object
) -> Film:
    """A film that can be shown round and round: of a film, or of prompt="…"."""
    return _ask("loop", [] if film is None else [film], path, on_step, parts)


def blend(
    first: Medium, second: Medium, path: str | Path | None = None, *, on_step: OnStep | None = None, **parts: object
) -> Film:
    """The first film, a made bridge of `seconds`, the second; with influence=[(0, 1), (1, 0)] both run into another."""
    return _ask("blend", [first, second], path, on_step, parts)


def remix(film: Medium, path: str | Path | None = None, *, on_step: OnStep | None = None, **parts: object) -> Film:
    """The film made anew from itself, noised to strength= subtle, mild, strong or a number up to 1."""
    return _ask("remix", [film], path, on_step, parts)


def storyboard(
    cards: Sequence[Card | dict[str, object]],
    media: Sequence[Medium] = (),
    path: str | Path | None = None,
    *,
    on_step: OnStep | None = None,
    **parts: object,
) -> Film:
    """A film of cards on a time line; a card's source is the place of its film or picture in `media`."""
    return _ask("storyboard", media, path, on_step, {"cards": tuple(cards), **parts})


def recut(
    pieces: Sequence[object],
    media: Sequence[Medium],
    path: str | Path | None = None,
    *,
    on_step: OnStep | None = None,
    **parts: object,
) -> Film:
    """Trimmed pieces of the media in order, with gap= seconds invented between them and add= after the last."""
    return _ask("recut", media, path, on_step, {"pieces": tuple(pieces), **parts})


def _ask(
    task: str,
    media: Sequence[Medium],
    path: str | Path | None,
    on_step: OnStep | None,
    parts: dict[str, object],
) -> Film:
    """The film of a task on these media; parts are those of a recipe and the task's own options."""
    options = set(HOWS[task].model_fields) if task in HOWS else set()
    how = {name: value for name, value in parts.items() if name in options}
    rest = {name: value for name, value in parts.items() if name not in options}
    sources = tuple(Source() if isinstance(each, Clip) else Source(path=str(each)) for each in media)
    recipe = Recipe.model_validate({"task": task, "sources": sources, **({"how": how} if how else {}), **rest})
    clips = [each for each in media if isinstance(each, Clip)]
    return make(recipe, Path(path) if path is not None else None, clips=clips, on_step=on_step)
