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
from pathlib import Path

import numpy as np

from kinema.backends import Step, check_asks, find
from kinema.backends.networks import weights_folder
from kinema.backends.resized import fill_at_size
from kinema.backends.retimed import Fill, fill_at_rate
from kinema.backends.upscale import SizePlan, fit_to
from kinema.canvas import Canvas, Cut
from kinema.clip import Clip
from kinema.data.record import sha256_of_frames
from kinema.energy import Budget, Meter, Receipt
from kinema.errors import RecipeError
from kinema.media import VIDEO, check_place, check_suffix, whole_file, write
from kinema.ready import Limits, Ready, prepare
from kinema.recipe import Recipe
from kinema.settings import read_settings
from kinema.tasks.play import Spool, play
from kinema.trust.credentials import Model, Provenance, Watermark, ingredients_of, sign
from kinema.trust.registry import remember
from kinema.trust.review.reviewer import Reviewer
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
class _Mark:
    """The watermark of a film, if it gets one, its name in the credentials, and why it gets none."""

    marker: Marker | None = None
    binding: Watermark | None = None
    number: int | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Papers:
    """What is told of a film beside its frames: what it took, what was looked at, what it was made from.

    Private films say no words.
    """

    meter: Meter
    reviewer: Reviewer
    private: bool
    given: tuple[Clip, ...]


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

    told: list[str] = []

    def watched(step: Step) -> None:
        budget.check(step)
        told.extend(step.notes)
        if on_step:
            on_step(replace(step, look=reviewer.preview(step.look)))

    spool = Spool()
    segments = spool.through(reviewer.through(_segments(ready, watched)))
    if path is None:
        for _ in segments:
            pass
        notes: tuple[str, ...] = ()
    else:
        notes = _written(path, ready.recipe, spool, segments, _Papers(meter, reviewer, limits.private, ready.clips))
    clip = spool.clip()
    notes = (*ready.notes, *told, *_lost_sound(ready.clips, clip, path), *notes)
    return Film(clip, ready.recipe, path, meter.read(), notes)


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


def _segments(ready: Ready, on_step: OnStep) -> Iterator[Clip]:
    """The film's segments, in order, as they are made."""
    recipe, plan = ready.recipe, SizePlan.of(ready.recipe)
    rng = np.random.default_rng(recipe.seed)

    def fill(canvas: Canvas) -> Iterator[Clip]:
        return _fill(canvas, recipe, rng, on_step)

    if ready.canvas_size == (recipe.width, recipe.height):
        return fit_to(play(ready.begin(), _at_rate(recipe, fill)), plan)
    return play(ready.begin(), _at_rate(recipe, lambda canvas: fill_at_size(canvas, plan, fill)))


def _at_rate(recipe: Recipe, fill: Fill) -> Fill:
    """What fills canvases of the film's rate, where another rate is made too."""
    made = recipe.made_fps
    return fill if made is None else lambda canvas: fill_at_rate(canvas, made, fill)


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
    notes = _sign(part, recipe, clip, mark, papers) if settings.credentials else ()
    if not settings.registry:
        return notes
    return notes + remember(clip, part, recipe.digest(), mark.number, given=papers.given)


def _sign(part: Path, recipe: Recipe, clip: Clip, mark: _Mark, papers: _Papers) -> tuple[str, ...]:
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
    return sign(part, said)


def _lost_sound(clips: tuple[Clip, ...], film: Clip, path: Path | None) -> tuple[str, ...]:
    if film.sound:
        silent = path is not None and path.suffix.lower() not in VIDEO
        return (f"The sound was dropped, since {path.suffix} holds none.",) if silent and path else ()
    if not any(clip.sound for clip in clips):
        return ()
    return ("The sound was dropped, since the pictures do not keep their time.",)
