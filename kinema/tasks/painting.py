"""What every task begins with: its kind of generator and a blank canvas."""

from collections.abc import Generator
from dataclasses import replace

from kinema.canvas import Canvas, Cut
from kinema.clip import Clip
from kinema.recipe import Recipe

Task = Generator[Canvas, Clip, Clip]


def caption(recipe: Recipe) -> str:
    """What should be seen, in the model's words; empty where nothing was said."""
    return recipe.rewritten_prompt or recipe.prompt


def blank(recipe: Recipe, frames: int) -> Canvas:
    """So many frames of a settled recipe's size, with nothing known and its caption from the first frame on."""
    assert recipe.height and recipe.width and recipe.fps
    return Canvas.blank(frames, recipe.height, recipe.width, recipe.fps, caption(recipe))


def shown(canvas: Canvas, cut: Cut) -> Task:
    """The film that is cut from the filled canvas; whoever plays the task can show it while it is filled."""
    made = yield replace(canvas, cut=cut)
    return cut.film(made)
