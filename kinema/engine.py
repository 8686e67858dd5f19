"""One recipe in, one film out: the chain, and the only place where it is.

    recipe ─ policy ─ sources ─ review ─ settle ─ task ─ canvas ─ fill ─ segments ─ upscale ─
    review ─ mark ─ write ─ sign ─ remember

Whatever door a request comes in by, it goes this way, so what holds for every film is held here. Segments are written
as they are made: a film can be watched from its first seconds, and needs no memory of its own however long it is.
What a stop leaves is a film too, marked and signed.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from kinema.backends import Backend, Reading, Step, Unknown, check_asks, find
from kinema.backends.networks import weights_folder
from kinema.backends.upscale import SizePlan, check_factor, fit_to, plan_size
from kinema.backends.upscale import configuration as upscaler
from kinema.canvas import Canvas, Cut
from kinema.clip import Clip
from kinema.data.record import sha256_of_frames
from kinema.energy import Budget, Meter, Receipt
from kinema.errors import DurationError, KinemaError, RecipeError
from kinema.media import VIDEO, check_place, check_suffix, whole_file, write
from kinema.recipe import Blend, Card, Recipe, Storyboard, check_limits, whole_frames
from kinema.settings import read_settings
from kinema.tasks import begin, check_sources, film_frames, settle_frames
from kinema.tasks.play import Spool, play
from kinema.tasks.sources import Loaded, fitted, load_sources
from kinema.trust.credentials import Model, Provenance, Watermark, ingredients_of, sign
from kinema.trust.policy import enforce
from kinema.trust.registry import remember
from kinema.trust.review.reviewer import Reviewer, Uploads, review_uploads
from kinema.trust.watermark import ID_BITS, METHOD, SMALLEST_PX, KeyRing, Marker

OnStep = Callable[[Step], None]


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
class Limits:
    """What a film may take, in watt-hours, and whether its words stay out of its file (a salted hash goes in).

    With review_all every frame is looked at, whatever the settings say.
    """

    max_energy_wh: float | None = None
    private: bool = False
    review_all: bool = False


@dataclass(frozen=True)
class _Mark:
    """The watermark of a film, if it gets one, its name in the credentials, and why it gets none."""

    marker: Marker | None = None
    binding: Watermark | None = None
    number: int | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Papers:
    """What is told of a film beside its frames: what it took, what was looked at; private films say no words."""

    meter: Meter
    reviewer: Reviewer
    private: bool


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

    def one_of(self, index: int) -> Ready:
        """What the i-th of the recipe's n films is made of."""
        return replace(self, recipe=self.recipe.one_of(index))


def settle(recipe: Recipe, *, clips: Sequence[Clip] = ()) -> tuple[Recipe, Reading]:
    """The recipe with nothing left open, and how its words were understood. Raises what is wrong with it.

    Settling twice changes nothing.
    """
    ready = prepare(recipe, clips=clips)
    return ready.recipe, ready.reading


def make(
    recipe: Recipe | Ready,
    path: Path | None = None,
    *,
    clips: Sequence[Clip] = (),
    on_step: OnStep | None = None,
    limits: Limits | None = None,
) -> Film:
    """One film, written to the path if there is one. The recipe's n is 1; clips are its sources that have no path.

    What is ready already (prepare) is not read again, so that a person can be told of it before it starts.
    The place is tried before anything is made, so that no work is lost to an unwritable one. The file bears its name
    only when it is whole; where KeyboardInterrupt or the energy's limit stops it, film.part.mp4 beside it holds what
    was made. The film's own clip is as the task returned it; the file's frames are marked.
    """
    wanted = (recipe.recipe if isinstance(recipe, Ready) else recipe).n
    if wanted != 1:
        raise RecipeError(f"make gives one film, not {wanted}; make_all gives as many as the recipe says")
    limits = limits or Limits()
    meter = Meter(read_settings())
    budget = Budget(limits.max_energy_wh, meter)
    ready = recipe if isinstance(recipe, Ready) else prepare(recipe, clips=clips, limits=limits)
    reviewer = Reviewer(ready.uploads, every=limits.review_all)

    def watched(step: Step) -> None:
        budget.check(step)
        if on_step:
            on_step(replace(step, look=reviewer.preview(step.look)))

    spool = Spool()
    segments = spool.through(reviewer.through(_segments(ready, watched)))
    if path is None:
        for _ in segments:
            pass
        notes: tuple[str, ...] = ()
    else:
        notes = _written(path, ready.recipe, spool, segments, _Papers(meter, reviewer, limits.private))
    clip = spool.clip()
    return Film(clip, ready.recipe, path, meter.read(), ready.notes + _lost_sound(ready.clips, clip, path) + notes)


def _written(path: Path, recipe: Recipe, spool: Spool, segments: Iterator[Clip], papers: _Papers) -> tuple[str, ...]:
    """Writes the film, marked and signed, or what a stop leaves of it; what a person should know of that."""
    check_place(path, *recipe.film_size)
    mark = _mark(recipe, papers.private)
    about = None if papers.private else recipe.canonical().decode()
    with whole_file(path) as part:
        try:
            write(mark.marker.mark(segments) if mark.marker else segments, part, about=about)
        except (KeyboardInterrupt, RecipeError):
            part.keep()
            if part.stat().st_size:
                _finish(part, recipe, spool, mark, papers)
            raise
        return mark.notes + _finish(part, recipe, spool, mark, papers)


def make_all(
    recipe: Recipe,
    path: Path | None = None,
    *,
    clips: Sequence[Clip] = (),
    on_step: OnStep | None = None,
    limits: Limits | None = None,
) -> Iterator[Film]:
    """The recipe's n films, one after the other; film.mp4 becomes film-1.mp4, film-2.mp4, … where there are several."""
    ready = prepare(recipe, clips=clips, limits=limits)
    count = ready.recipe.n
    for index in range(count):
        yield make(ready.one_of(index), numbered(path, index, count), on_step=on_step, limits=limits)


def numbered(path: Path | None, index: int, count: int) -> Path | None:
    """The path of the i-th of so many films; a single one keeps the path."""
    if path is None or count == 1:
        return path
    check_suffix(path)
    return path.with_stem(f"{path.stem}-{index + 1}")


def prepare(recipe: Recipe, *, clips: Sequence[Clip] = (), limits: Limits | None = None) -> Ready:
    """The settled recipe with its sources, read once, reviewed and fitted. Raises what is wrong with any of them."""
    check_sources(recipe)
    backend = find(recipe.model or "native")
    loaded = load_sources(recipe, clips)
    uploads = review_uploads(loaded, recipe.consent, every=limits is not None and limits.review_all)
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
    return Ready(recipe, reading, ready_clips, (*notes, *(said for _, said in fits if said)), uploads)


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


def _settle_size(recipe: Recipe, backend: Backend, loaded: list[Loaded]) -> Recipe:
    """The recipe with how its size is made, on the backend's grid; what is left open is the first source's shape.

    The film's own size is said wherever the same way of making it follows from that.
    """
    settings, home, grid = read_settings(), backend.home, backend.grid
    area = home.width * home.height
    width, height, factor = recipe.width, recipe.height, recipe.upscale
    if recipe.size and width is None:
        sized_by = plan_size(*recipe.film_size, grid, home)
        width, height, factor = sized_by.native_width, sized_by.native_height, sized_by.upscale
    elif recipe.shape:
        across, down = map(int, recipe.shape.split(":"))
        width, height = grid.nearest(across / down, area, settings.max_side_px)
    elif loaded and width is None and height is None:
        clip = loaded[0].clip
        width, height = clip.width, clip.height
        if not home.suits(width, height, grid):
            width, height = grid.nearest(width / height, area, settings.max_side_px)
    sized = recipe.changed(
        shape=None,
        fps=recipe.fps or home.fps,
        width=width or home.width,
        height=height or home.height,
        upscale=factor,
        steps=recipe.steps or home.steps,
        guidance=home.guidance if recipe.guidance is None else recipe.guidance,
        overlap=recipe.overlap or home.overlap,
    )
    check_limits(sized, settings)
    if sized.upscale:
        check_factor(sized.upscale)
    assert sized.width and sized.height and sized.fps
    grid.check(sized.width, sized.height, sized.fps)
    follows = plan_size(*sized.film_size, grid, home) == SizePlan.of(sized)
    return sized.changed(size="{}x{}".format(*sized.film_size)) if follows else sized


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


def _segments(ready: Ready, on_step: OnStep) -> Iterator[Clip]:
    """The film's segments, in order, as they are made."""
    recipe = ready.recipe
    rng = np.random.default_rng(recipe.seed)
    segments = play(begin(recipe, ready.clips), lambda canvas: _fill(canvas, recipe, rng, on_step))
    return fit_to(segments, SizePlan.of(recipe))


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


def _mark(recipe: Recipe, private: bool) -> _Mark:
    """The mark of a film: its id is the beginning of its recipe's digest, so the same recipe has the same.

    A private film's is drawn, since a guessed prompt could be tried against a digest.
    """
    if not read_settings().watermark:
        return _Mark()
    if min(recipe.film_size) < SMALLEST_PX:
        small = "{}x{}".format(*recipe.film_size)
        return _Mark(notes=(f"A film of {small} carries no watermark; from {SMALLEST_PX}x{SMALLEST_PX} on they do.",))
    number = secrets.randbits(ID_BITS) if private else int(recipe.digest()[: ID_BITS // 4], 16)
    key = KeyRing().current()
    return _Mark(Marker(key, number), Watermark(METHOD, f"{key.name}:{number:0{ID_BITS // 4}x}"), number)


def _finish(part: Path, recipe: Recipe, spool: Spool, mark: _Mark, papers: _Papers) -> tuple[str, ...]:
    """Signs the film, by credentials in it or beside it, and remembers it; what a person should know of that."""
    settings, clip = read_settings(), spool.clip()
    if settings.credentials:
        _sign(part, recipe, clip, mark, papers)
    return remember(clip, part, recipe.digest(), mark.number) if settings.registry else ()


def _sign(part: Path, recipe: Recipe, clip: Clip, mark: _Mark, papers: _Papers) -> None:
    settings = read_settings()
    model = Model.in_folder(weights_folder(settings)) if recipe.model == "native" else None
    said = Provenance(
        recipe.canonical().decode(),
        sha256_of_frames(clip.frames),
        ingredients_of(recipe),
        model,
        mark.binding,
        papers.meter.read(),
        review=papers.reviewer.said(private=papers.private),
        private=papers.private,
    )
    sign(part, said)


def _lost_sound(clips: tuple[Clip, ...], film: Clip, path: Path | None) -> tuple[str, ...]:
    if film.sound:
        silent = path is not None and path.suffix.lower() not in VIDEO
        return (f"The sound was dropped, since {path.suffix} holds none.",) if silent and path else ()
    if not any(clip.sound for clip in clips):
        return ()
    return ("The sound was dropped, since the pictures do not keep their time.",)
