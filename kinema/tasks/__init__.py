"""Each task as a short generator over canvases: it yields what is known, and is sent the filled clip.

A task may ask for several canvases, one after the other; what it returns is the film. A canvas with a cut is part of
the film as it is filled, so whoever plays the task (play.py) can show it at once; where none has one, the film is what
the task returns.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from kinema.clip import Clip
from kinema.errors import DurationError, RecipeError
from kinema.how import Blend, Loop
from kinema.recipe import Recipe, frames_of
from kinema.tasks.boards import recut, recut_frames, storyboard, storyboard_frames
from kinema.tasks.joins import blend, loop
from kinema.tasks.masks import fill
from kinema.tasks.painting import Task, blank
from kinema.tasks.whole import animate, extend, generate, remix, still

__all__ = ["TASKS", "Kind", "Task", "begin", "blank", "check_sources", "draw_canvas", "film_frames", "settle_frames"]

Frames = Callable[[Recipe, tuple[Clip, ...], int], int]


@dataclass(frozen=True)
class Kind:
    """A task, how many films and pictures it starts from, and how many frames it makes of a recipe and these."""

    task: Callable[..., Task]
    sources: tuple[int, int]
    frames: Frames
    media: str = ""


def _as_asked(recipe: Recipe, clips: tuple[Clip, ...], home: int) -> int:
    return recipe.frames or home


def _as_given(recipe: Recipe, clips: tuple[Clip, ...], home: int) -> int:
    return len(clips[0])


def _of_bridge(recipe: Recipe, clips: tuple[Clip, ...], home: int) -> int:
    return recipe.frames or max(1, home // 2)


def _of_loop(recipe: Recipe, clips: tuple[Clip, ...], home: int) -> int:
    assert recipe.fps and isinstance(recipe.how, Loop)
    return frames_of(recipe.how.bridge, recipe.fps) if clips else recipe.frames or home


def _one(recipe: Recipe, clips: tuple[Clip, ...], home: int) -> int:
    return 1


TASKS: dict[str, Kind] = {
    "generate": Kind(generate, (0, 0), _as_asked),
    "still": Kind(still, (0, 0), _one),
    "animate": Kind(animate, (1, 2), _as_asked, "one picture, or a first and a last"),
    "extend": Kind(extend, (1, 1), _as_asked, "one film"),
    "fill": Kind(fill, (1, 2), _as_given, "one film, and a mask if one says what is lost"),
    "loop": Kind(loop, (0, 1), _of_loop, "one film or none"),
    "blend": Kind(blend, (2, 2), _of_bridge, "two films"),
    "remix": Kind(remix, (1, 1), _as_given, "one film"),
    "storyboard": Kind(storyboard, (0, 64), storyboard_frames),
    "recut": Kind(recut, (1, 64), recut_frames, "at least one film"),
}


def kind_of(recipe: Recipe) -> Kind:
    """The recipe's task. Raises RecipeError where there is none of that name."""
    if recipe.task not in TASKS:
        raise RecipeError(f"there is no task '{recipe.task}'; there are {', '.join(TASKS)}", part="task")
    return TASKS[recipe.task]


def check_sources(recipe: Recipe) -> None:
    """Raises RecipeError where the task does not exist or takes other media than the recipe has."""
    kind, count = kind_of(recipe), len(recipe.sources)
    fewest, most = kind.sources
    if not fewest <= count <= most:
        said = f"{recipe.task} takes {kind.media or 'no film or picture'}, not {count}"
        raise RecipeError(said, part="sources")


def begin(recipe: Recipe, clips: Sequence[Clip] = ()) -> Task:
    """The settled recipe's task on clips of its size and rate, not yet started. Raises RecipeError."""
    return kind_of(recipe).task(recipe, *clips)


def settle_frames(recipe: Recipe, clips: tuple[Clip, ...], home: int) -> int:
    """How many frames the task makes; `home` is the model's own length. Raises DurationError where more were asked."""
    frames = kind_of(recipe).frames(recipe, clips, home)
    if recipe.frames not in (None, frames):
        raise DurationError(f"{recipe.task} makes {frames} frames of this, not {recipe.frames}; leave its length out")
    return frames


def film_frames(recipe: Recipe, clips: tuple[Clip, ...]) -> int:
    """How long the film of a settled recipe is, with what is kept of the films that it starts from."""
    assert recipe.frames
    kept = sum(len(clip) for clip in clips)
    if recipe.task == "extend" or (isinstance(recipe.how, Loop) and recipe.how.keep == "all" and clips):
        return recipe.frames + kept
    if isinstance(recipe.how, Blend):
        return kept - recipe.frames if recipe.how.influence else kept + recipe.frames
    return kept if isinstance(recipe.how, Loop) and clips else recipe.frames


def __getattr__(name: str) -> Any:
    if name == "draw_canvas":
        from kinema.tasks.draw import draw_canvas

        return draw_canvas
    raise AttributeError(f"module 'kinema.tasks' has no attribute '{name}'")
