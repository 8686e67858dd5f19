"""Each task as a short generator over canvases: it yields what is known, and is sent the filled clip.

A task may ask for several canvases, one after the other; what it returns is the film. The engine plays it.
"""

from collections.abc import Callable, Generator

from kinema.canvas import Canvas
from kinema.clip import Clip
from kinema.errors import RecipeError
from kinema.recipe import Recipe

Task = Generator[Canvas, Clip, Clip]


def blank(recipe: Recipe) -> Canvas:
    """The canvas of a settled recipe, with nothing known and its caption from the first frame on."""
    assert recipe.made_frames and recipe.height and recipe.width and recipe.fps
    caption = recipe.rewritten_prompt or recipe.prompt
    return Canvas.blank(recipe.made_frames, recipe.height, recipe.width, recipe.fps, caption)


def generate(recipe: Recipe) -> Task:
    """Text to video: nothing is known."""
    made = yield blank(recipe)
    return made[: recipe.frames]


TASKS: dict[str, Callable[[Recipe], Task]] = {"generate": generate}


def begin(recipe: Recipe) -> Task:
    """The recipe's task, not yet started. Raises RecipeError where there is none of that name."""
    if recipe.task not in TASKS:
        raise RecipeError(f"there is no task '{recipe.task}'; there are {', '.join(TASKS)}")
    return TASKS[recipe.task](recipe)
