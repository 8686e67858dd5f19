"""What tasks refuse, each in one line that names the fix."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

import kinema
from kinema.clip import Clip
from kinema.errors import ClipError, DurationError, KinemaError, RecipeError
from kinema.ready import settle
from kinema.recipe import Recipe

FPS = Fraction(8)
ASKED = {"prompt": "a red dog jumps in the snow.", "as_is": True, "seed": 7, "steps": 2}
pytestmark = pytest.mark.usefixtures("tiny_model")


def drawn(frames: int = 24) -> Clip:
    return Clip(np.random.default_rng(0).integers(1, 256, (frames, 32, 48, 3), np.uint8), FPS)


def masked(frames: int = 1, *, left: int = 16, right: int = 32) -> Clip:
    pixels = np.zeros((frames, 32, 48, 3), np.uint8)
    pixels[:, :, left:right] = 255
    return Clip(pixels, FPS)


BOX = {"left": 0, "top": 0, "right": 0.5, "bottom": 1}


WRONG: list[tuple[Callable[[], object], type[KinemaError], str]] = [
    (lambda: kinema.animate(drawn(2), **ASKED), RecipeError, "this film has 2 frames; extend goes on with films"),
    (
        lambda: kinema.extend(drawn(), seconds=58, **ASKED),
        DurationError,
        "a film of 61 seconds is too long; at most 60",
    ),
    (lambda: kinema.fill(drawn(), **ASKED), RecipeError, "nothing says what is lost"),
    (
        lambda: kinema.fill(drawn(), boxes=[BOX], keep_every=2, **ASKED),
        RecipeError,
        "2 ways of saying what is lost",
    ),
    (lambda: kinema.fill(drawn(), lost=[("0", "3")], **ASKED), RecipeError, "all of the film would be invented"),
    (
        lambda: kinema.fill(drawn(), lost=[("2", "4")], **ASKED),
        RecipeError,
        "2 to 4 s lies beyond the end of a film of 3 s",
    ),
    (
        lambda: kinema.fill(drawn(), lost=[("2", "1")], **ASKED),
        RecipeError,
        "the stretch 2-1 is empty or ends before it begins",
    ),
    (lambda: kinema.fill(drawn(), mask=masked(left=0, right=48), **ASKED), RecipeError, "all of the film would be"),
    (
        lambda: kinema.fill(drawn(), mask=masked(right=0), **ASKED),
        RecipeError,
        "nothing of the film would be invented",
    ),
    (
        lambda: kinema.fill(drawn(), mask=masked(5), **ASKED),
        RecipeError,
        "5 frames at 8 fps does not match clip 1 of 24",
    ),
    (
        lambda: kinema.fill(drawn(), mask=Clip(np.zeros((1, 32, 32, 3), np.uint8), FPS), **ASKED),
        RecipeError,
        "mask clip 2 of 32x32 does not match clip 1 of 48x32",
    ),
    (
        lambda: kinema.fill(drawn(), boxes=[BOX | {"right": 0}], **ASKED),
        RecipeError,
        "encloses nothing; it is left,top,right,bottom",
    ),
    (
        lambda: kinema.fill(drawn(), boxes=[BOX | {"right": 2}], **ASKED),
        RecipeError,
        "right of box 1 2 is of no use: it must be at most 1",
    ),
    (
        lambda: kinema.fill(drawn(), boxes=[BOX | {"at": 1}, BOX | {"at": 1}], **ASKED),
        RecipeError,
        "the boxes' moments rise from one to the next, but 1 follows 1",
    ),
    (lambda: kinema.loop(frames=8, bridge=1, **ASKED), DurationError, "a loop of 1 s has no room for a bridge of 1 s"),
    (
        lambda: kinema.loop(drawn(8), keep="middle", bridge=1, **ASKED),
        DurationError,
        "a film of 1 s has no middle beside a bridge of 1 s; a bridge of at most 0.875 s leaves one",
    ),
    (lambda: kinema.remix(drawn(), frames=8, **ASKED), DurationError, "makes 24 frames of this, not 8"),
    (
        lambda: kinema.remix(drawn(), strength="wild", **ASKED),
        RecipeError,
        "should be subtle, mild, strong or a number",
    ),
    (lambda: kinema.remix(drawn(), strength=0, **ASKED), RecipeError, "strength 0 is of no use: it must be above 0"),
    (
        lambda: kinema.blend(drawn(), drawn(), influence=[(0, 1)], **ASKED),
        RecipeError,
        "does not go from 0 to 1, as 0:1,1:0 does",
    ),
    (
        lambda: kinema.blend(drawn(), drawn(), influence=[(0, 2), (1, 0)], **ASKED),
        RecipeError,
        "two numbers from 0 to 1",
    ),
    (
        lambda: kinema.blend(drawn(), drawn(), influence=[(0, 1), (0.5, 1), (0.5, 0), (1, 0)], **ASKED),
        RecipeError,
        "the points of an influence curve rise from one to the next, but 0.5 follows 0.5",
    ),
    (
        lambda: kinema.blend(drawn(), drawn(8), influence=[(0, 1), (1, 0)], frames=9, **ASKED),
        DurationError,
        "films of 3 and 1 s cannot run together for 1.125 s; at most 1 s can",
    ),
    (lambda: kinema.storyboard([], [], **ASKED), RecipeError, "at least 1 must be given"),
    (lambda: kinema.storyboard([{"at": 1}], [], **ASKED), RecipeError, "a card has a text, a picture or a film"),
    (
        lambda: kinema.storyboard([{"at": 2, "text": "a dog"}, {"at": 1, "text": "a dog"}], [], **ASKED),
        RecipeError,
        "the cards' moments rise from one to the next, but 1 follows 2",
    ),
    (
        lambda: kinema.storyboard([{"at": 0, "source": 0}, {"at": 2, "text": "a dog"}], [drawn()], **ASKED),
        RecipeError,
        "card 2 (at 2 s) begins before the one before it has ended, at 3 s",
    ),
    (
        lambda: kinema.storyboard([{"at": 9, "text": "a dog"}], [], seconds=5, **ASKED),
        DurationError,
        "card 1 (at 9 s) lies beyond the end of a film of 5 s",
    ),
    (
        lambda: kinema.storyboard([{"at": 3, "source": 0}], [drawn()], seconds=5, **ASKED),
        DurationError,
        "ends 8 frames beyond the end; trim it or make 6 s",
    ),
    (
        lambda: kinema.storyboard([{"at": 0, "source": 3}], [drawn()], **ASKED),
        RecipeError,
        "shows source 3, but there are 1",
    ),
    (
        lambda: kinema.recut([{"source": 0, "start": 5}], [drawn()], **ASKED),
        DurationError,
        "piece 1 takes 5 to 3 s of a film of 3 s",
    ),
    (lambda: kinema.extend("nowhere.mp4", **ASKED), ClipError, "there is no file nowhere.mp4"),
    (lambda: kinema.extend(drawn(), speed=2, **ASKED), RecipeError, "a recipe has no part 'speed'"),
    (
        lambda: settle(Recipe(prompt="a", task="extend", how={"pace": 2}, sources=[{}]), clips=[drawn()]),
        RecipeError,
        "extend has no option 'pace'; it has direction",
    ),
    (
        lambda: settle(Recipe(prompt="a", task="blend", sources=[{}])),
        RecipeError,
        "blend takes two films, not 1",
    ),
    (
        lambda: settle(Recipe(prompt="a", sources=[{}])),
        RecipeError,
        "generate takes no film or picture, not 1",
    ),
    (lambda: kinema.generate(upscale=3, **ASKED), RecipeError, "upscale 3 is not one of 2 and 4"),
]


def test_what_cannot_be_is_named_with_its_fix():
    """One test of many cases, since each test loads the networks anew."""
    for asking, error, says in WRONG:
        with pytest.raises(error) as raised:
            asking()
        assert says in str(raised.value) and "\n" not in str(raised.value)
