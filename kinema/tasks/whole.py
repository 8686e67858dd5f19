"""Tasks of whole frames: nothing is known, or the frames at one end, or all of them but only as a beginning."""

from dataclasses import replace
from fractions import Fraction

import numpy as np

from kinema.canvas import Cut, Start
from kinema.clip import Clip, Sound
from kinema.errors import RecipeError
from kinema.how import Animate, Extend, Remix
from kinema.recipe import Recipe
from kinema.tasks.painting import Task, blank, shown


def generate(recipe: Recipe) -> Task:
    """Text to video: nothing is known."""
    assert recipe.frames
    return (yield from shown(blank(recipe, recipe.frames), Cut()))


def still(recipe: Recipe) -> Task:
    """Text to picture: a film of one frame."""
    return (yield from shown(blank(recipe, 1), Cut()))


def animate(recipe: Recipe, picture: Clip, last: Clip | None = None) -> Task:
    """Picture to film: the first frame is known, or the last, or both."""
    assert recipe.frames and isinstance(recipe.how, Animate)
    for clip in (picture, last):
        if clip and len(clip) > 1:
            raise RecipeError(
                f"animate moves a picture, and this film has {len(clip)} frames; extend goes on with films"
            )
    end = recipe.frames - 1
    if last and not end:
        raise RecipeError("a film of 1 frame has no room for a first and a last picture; make it longer")
    canvas = blank(recipe, recipe.frames)
    if last:
        canvas = canvas.paint(picture, at=0).paint(last, at=end)
    else:
        canvas = canvas.paint(picture, at=0 if recipe.how.at == "first" else end)
    return (yield from shown(canvas, Cut()))


def extend(recipe: Recipe, film: Clip) -> Task:
    """A film goes on, or gets a beginning: a stretch at one end of the canvas is known."""
    assert recipe.frames and recipe.overlap and isinstance(recipe.how, Extend)
    new, overlap = recipe.frames, min(recipe.overlap, len(film))
    canvas = blank(recipe, overlap + new)
    if recipe.how.direction == "forward":
        canvas = canvas.paint(film[-overlap:], at=0)
        return (yield from shown(canvas, Cut(start=overlap, before=film, sound=film.sound)))
    canvas = canvas.paint(film[:overlap], at=new)
    sound = film.sound and _delayed(film.sound, new / film.fps)
    return (yield from shown(canvas, Cut(stop=new, after=film, sound=sound)))


def remix(recipe: Recipe, film: Clip) -> Task:
    """A film made anew from its noised self: nothing is known, but where to start from."""
    assert isinstance(recipe.how, Remix)
    canvas = replace(blank(recipe, len(film)), start=Start(film, recipe.how.strength))
    return (yield from shown(canvas, Cut(sound=film.sound)))


def _delayed(sound: Sound, seconds: Fraction) -> Sound:
    """The sound after so much silence."""
    return replace(sound, samples=np.pad(sound.samples, ((round(seconds * sound.rate), 0), (0, 0))))
