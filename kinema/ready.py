"""Ready: all that a film is made of, before anything is made; where most of what can be wrong is found.

    recipe ─ policy ─ sources ─ review ─ settle

What a person left open is settled here with what the model is at home with, and what the sources show: words, size,
length, seed.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from fractions import Fraction

from pydantic import ValidationError

from kinema.backends import Backend, Reading, Unknown, check_asks, find, retimed
from kinema.backends.between import smooth
from kinema.backends.upscale import SizePlan, check_factor, plan_size
from kinema.backends.upscale import configuration as upscaler
from kinema.clip import Clip
from kinema.errors import DurationError, KinemaError
from kinema.how import Blend, Card, Storyboard
from kinema.media import Held, Shape
from kinema.recipe import Recipe, check_limits, frames_of, parse_size, whole_frames
from kinema.settings import Settings, read_settings
from kinema.tasks import Task, begin, check_sources, film_frames, settle_frames
from kinema.tasks.sources import Loaded, fitted, load_sources
from kinema.trust.policy import enforce
from kinema.trust.review.faces import LARGE_SIDE
from kinema.trust.review.reviewer import Uploads, review_uploads


@dataclass(frozen=True)
class Limits:
    """What a film may take, in watt-hours, and whether its words stay out of its file (a salted hash goes in).

    With review_all every frame is looked at, whatever the settings say.
    """

    max_energy_wh: float | None = None
    private: bool = False
    review_all: bool = False


@dataclass(frozen=True)
class Heard:
    """How several sentences were understood, or none."""

    rewritten: str
    unknown: tuple[Unknown, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Ready:
    """All that films are made of: the settled recipe, how its words were understood, its sources, read and fitted."""

    recipe: Recipe
    reading: Reading
    clips: tuple[Clip, ...]
    notes: tuple[str, ...]
    uploads: Uploads

    @property
    def canvas_size(self) -> tuple[int, int]:
        """Width and height of the canvases: the clips', which are the film's or what the model makes."""
        assert self.recipe.width and self.recipe.height
        clip = self.clips[0] if self.clips else None
        return (clip.width, clip.height) if clip else (self.recipe.width, self.recipe.height)

    def begin(self) -> Task:
        """The recipe's task, not yet started."""
        width, height = self.canvas_size
        return begin(self.recipe.model_copy(update={"width": width, "height": height}), self.clips)

    def one_of(self, index: int) -> Ready:
        """What the i-th of the recipe's n films is made of."""
        return replace(self, recipe=self.recipe.one_of(index))


def settle(recipe: Recipe, *, clips: Sequence[Clip] = ()) -> tuple[Recipe, Reading]:
    """The recipe with nothing left open, and how its words were understood. Raises what is wrong with it.

    Settling twice changes nothing.
    """
    ready = prepare(recipe, clips=clips)
    return ready.recipe, ready.reading


def prepare(recipe: Recipe, *, clips: Sequence[Clip] = (), limits: Limits | None = None) -> Ready:
    """The settled recipe with its sources, read once, reviewed and fitted. Raises what is wrong with any of them."""
    check_sources(recipe)
    with ThreadPoolExecutor(1) as beside:  # the policy and the networks take a second each to load
        allowed = beside.submit(enforce_all, said_in(recipe))
        backend = find(recipe.model or "native")
        allowed.result()
    asked = recipe
    loaded = load_sources(
        recipe, clips, lambda first, held: _decoded(_settle_size(asked, backend, [first, held]), held)
    )
    uploads = review_uploads(loaded, recipe.consent, every=limits is not None and limits.review_all)
    recipe, reading = _settle_words(recipe, backend, loaded)
    held = [each.media.held for each in loaded]
    recipe = _settle_size(recipe, backend, held)
    assert recipe.fps
    width, height = _canvas_size(recipe, held)
    loaded = [_smoothed(each, recipe.fps) for each in loaded]
    fits = [fitted(each, width, height, recipe.fps) for each in loaded]
    ready_clips = tuple(clip for clip, _ in fits)
    recipe, said_of_time = _settle_length(
        recipe, backend, ready_clips, exact=asked.fps is not None or all(each.frames == 1 for each in held)
    )
    recipe = recipe.changed(
        sources=tuple(each.source for each in loaded),
        seed=secrets.randbelow(2**32) if recipe.seed is None else recipe.seed,
        model=backend.name,
        configuration=f"{backend.configuration}; {upscaler()}" if recipe.upscale else backend.configuration,
    )
    notes = [f"{each.name}: {note}" for each in loaded for note in each.media.notes]
    notes += [said for _, said in fits if said] + said_of_time
    ready = Ready(recipe, reading, ready_clips, tuple(notes), uploads)
    check_asks(next(ready.begin()), backend)
    return ready


def _settle_words(recipe: Recipe, backend: Backend, loaded: list[Loaded]) -> tuple[Recipe, Reading]:
    """The recipe with all that is said in the model's own words; without any, those of the film that it starts from.

    Raises RefusedError for words that the policy does not allow, a person's or the model's.
    """
    if not recipe.prompt and not isinstance(recipe.how, Storyboard):
        recipe = _with_own_words(recipe, [recipe_of(each.media.about) for each in loaded])
    enforce_all(said_in(recipe))
    readings: list[Reading] = []
    if recipe.prompt and not recipe.rewritten_prompt:
        readings += backend.understand([recipe.prompt], as_is=recipe.as_is)
        recipe = recipe.changed(rewritten_prompt=readings[0].rewritten)
    if isinstance(recipe.how, Storyboard) and any(card.text and not card.rewritten for card in recipe.how.cards):
        before = [recipe.prompt] if recipe.prompt else []
        told = backend.understand(
            [*before, *(card.text for card in recipe.how.cards if card.text)], as_is=recipe.as_is
        )[len(before) :]
        readings += told
        left = iter(told)
        cards = (_rewritten(card, next(left)) if card.text else card for card in recipe.how.cards)
        recipe = recipe.changed(how=Storyboard(cards=tuple(cards)))
    if isinstance(recipe.how, Blend) and recipe.how.then and not recipe.how.then_rewritten:
        readings += backend.understand([recipe.how.then], as_is=recipe.as_is)
        recipe = recipe.changed(how=recipe.how.model_copy(update={"then_rewritten": readings[-1].rewritten}))
    enforce_all(said_in(recipe))
    if len(readings) == 1:
        return recipe, readings[0]
    unknown = tuple(word for reading in readings for word in reading.unknown)
    notes = tuple(note for reading in readings for note in reading.notes)
    heard = " … ".join(reading.rewritten for reading in readings)
    return recipe, Heard(heard or recipe.rewritten_prompt or "", unknown, notes)


def said_in(recipe: Recipe) -> tuple[str, ...]:
    """Every sentence of a recipe, each once."""
    said = [recipe.prompt, recipe.rewritten_prompt]
    if isinstance(recipe.how, Storyboard):
        said += [text for card in recipe.how.cards for text in (card.text, card.rewritten)]
    if isinstance(recipe.how, Blend):
        said += [recipe.how.then, recipe.how.then_rewritten]
    return tuple(dict.fromkeys(text for text in said if text))


def enforce_all(sentences: tuple[str, ...]) -> None:
    """Raises RefusedError at the first sentence that the policy does not allow."""
    for sentence in sentences:
        enforce(sentence)


def _rewritten(card: Card, reading: Reading) -> Card:
    return card.model_copy(update={"rewritten": card.rewritten or reading.rewritten})


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


def recipe_of(about: str | None) -> Recipe | None:
    """The recipe that a film says it was made with, if it is one of Kinema's."""
    if about is None:
        return None
    try:
        return Recipe.model_validate_json(about)
    except (KinemaError, ValidationError):
        return None


def _settle_size(recipe: Recipe, backend: Backend, sources: Sequence[Held]) -> Recipe:
    """The recipe with how its size and its rate are made, on the backend's grid.

    What is left open is the size and rate of the film that it starts from, or the shape of a picture. The film's own
    size is said wherever the same way of making it follows from that.
    """
    settings, home, grid = read_settings(), backend.home, backend.grid
    recipe, first = _settle_rate(recipe, backend, sources), sources[0] if sources else None
    longest = max(settings.max_side_px, home.width, home.height)  # a backend may always make its own size
    settings = settings.model_copy(update={"max_side_px": longest})
    area = home.width * home.height
    size = recipe.size or own_size(recipe, first, settings)
    width, height, factor = recipe.width, recipe.height, recipe.upscale
    if size and width is None:
        sized_by = plan_size(*parse_size(size), grid, home)
        width, height, factor = sized_by.native_width, sized_by.native_height, sized_by.upscale
    elif recipe.shape:
        across, down = map(int, recipe.shape.split(":"))
        width, height = grid.nearest(across / down, area, settings.max_side_px)
    elif first and width is None and height is None:
        width, height = first.width, first.height
        if not home.suits(width, height, grid):
            width, height = grid.nearest(width / height, area, settings.max_side_px)
    sized = recipe.changed(
        size=size,
        shape=None,
        width=width or home.width,
        height=height or home.height,
        upscale=factor,
        steps=recipe.steps or home.steps,
        guidance=home.guidance if recipe.guidance is None else recipe.guidance,
        overlap=recipe.overlap or _at_film_rate(home.overlap, recipe),
    )
    check_limits(sized, settings)
    if sized.upscale:
        check_factor(sized.upscale)
    assert sized.width and sized.height and sized.fps
    grid.check(sized.width, sized.height, sized.made_fps or sized.fps)
    follows = plan_size(*sized.film_size, grid, home) == SizePlan.of(sized)
    return sized.changed(size="{}x{}".format(*sized.film_size)) if follows else sized


def _settle_rate(recipe: Recipe, backend: Backend, sources: Sequence[Held]) -> Recipe:
    """The recipe with its rate, and with the one that is made where that is another: the nearest on the grid."""
    film = next((held for held in sources if held.frames > 1), None)
    fps = recipe.fps or (film and own_rate(film, read_settings())) or backend.home.fps
    made = recipe.made_fps or min(backend.grid.rates, key=lambda rate: abs(rate - fps))
    return recipe.changed(fps=fps, made_fps=None if made == fps else made)


def own_rate(film: Held, settings: Settings) -> Fraction | None:
    """The rate of a film, as far as it is known; of one that is faster than films are made, every so-many-th frame."""
    return film.fps and film.fps / math.ceil(film.fps / settings.max_fps)


def _at_film_rate(made: int, recipe: Recipe) -> int:
    """How many frames of the film last as long as so many that are made."""
    assert recipe.fps
    return frames_of(Fraction(made) / (recipe.made_fps or recipe.fps), recipe.fps)


def own_size(recipe: Recipe, first: Held | None, settings: Settings) -> str | None:
    """The size of the film that a recipe starts from, where it says nothing of its own; None where there is no film.

    It is even, as mp4 asks for, and no larger than films are made.
    """
    if first is None or first.frames == 1 or recipe.width or recipe.height or recipe.shape or recipe.upscale:
        return None
    scale = min(1.0, settings.max_film_side_px / max(first.width, first.height))
    width, height = (max(2, int(side * scale) // 2 * 2) for side in (first.width, first.height))
    return f"{width}x{height}"


def _canvas_size(recipe: Recipe, sources: list[Held]) -> tuple[int, int]:
    """The film's size where the sources show more at it than at what the model makes; else that, to be upscaled."""
    assert recipe.width and recipe.height
    made, film = (recipe.width, recipe.height), recipe.film_size
    more = any(held.width > made[0] or held.height > made[1] for held in sources)
    return film if more or (film[0] <= made[0] and film[1] <= made[1]) else made


def _decoded(recipe: Recipe, held: Held) -> Shape:
    """The least size and rate at which a source shows all that the film and the review take of it, of what it has."""
    assert recipe.width and recipe.height and recipe.fps
    if held.frames == 1:
        return Shape(held.width, held.height, recipe.fps)
    fps = held.fps and min(held.fps, recipe.fps)
    (width, height), looked_at = recipe.film_size, Fraction(LARGE_SIDE, max(held.width, held.height))
    needed = max(
        *(Fraction(side, held.width) for side in (width, recipe.width)),
        *(Fraction(side, held.height) for side in (height, recipe.height)),
        looked_at,
    )
    scale = min(Fraction(1), needed)
    return Shape(math.ceil(held.width * scale), math.ceil(held.height * scale), fps, "stretch")


def _smoothed(loaded: Loaded, fps: Fraction) -> Loaded:
    """The source with frames between its own where it has fewer than the film."""
    clip = loaded.media.clip
    if len(clip) == 1 or clip.fps >= fps:
        return loaded
    note = f"it is brought to {float(fps):.4g} fps; the frames between its own follow what moves in these"
    media = replace(loaded.media, clip=smooth(clip, fps), notes=(*loaded.media.notes, note))
    return replace(loaded, media=media)


def _settle_length(
    recipe: Recipe, backend: Backend, clips: tuple[Clip, ...], *, exact: bool
) -> tuple[Recipe, list[str]]:
    """The recipe with its length, and what there is to say of its time.

    At a rate that nobody asked for (exact is False) seconds may be no whole frames: then the nearest are made. Raises
    DurationError where the film would be longer than the settings allow.
    """
    assert recipe.fps
    made, notes, asked = recipe.made_fps or recipe.fps, [], recipe.frames
    if recipe.seconds and not asked:
        asked = whole_frames(recipe.seconds, recipe.fps) if exact else frames_of(recipe.seconds, recipe.fps)
        if asked != recipe.seconds * recipe.fps:
            given = f"{float(recipe.seconds):g} s are no whole frames at {float(recipe.fps):.4g} fps"
            notes.append(f"{given}; {asked} are made, {float(asked / recipe.fps):.4g} s")
    home = _at_film_rate(backend.home.frames, recipe)
    frames = settle_frames(recipe.changed(seconds=None, frames=asked), clips, home)
    settled = recipe.changed(
        frames=frames,
        seconds=Fraction(frames) / recipe.fps,
        made_frames=backend.grid.made_frames(retimed.made_frames(frames, recipe.fps, made)),
    )
    if words := retimed.rate_words(settled):
        notes.append(f"the film has {words}")
    longest = read_settings().max_seconds
    whole = film_frames(settled, clips) / recipe.fps
    if whole > longest:
        raise DurationError(
            f"a film of {float(whole):g} seconds is too long; at most {longest:g} are made (KINEMA_MAX_SECONDS)"
        )
    return settled, notes
