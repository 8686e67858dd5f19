"""A recipe says the same thing in the same bytes, and says plainly what it cannot mean."""

import json
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.errors import DurationError, KinemaError, PromptError, RecipeError, SizeError
from kinema.recipe import MAX_SEED, Recipe, parse_size, whole_frames

PROMPTS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=60).filter(str.strip)
RATES = st.fractions(min_value=Fraction(1, 100), max_value=120, max_denominator=1001)


@given(PROMPTS, RATES, st.integers(1, 10**6), st.integers(0, MAX_SEED), st.floats(0, 100))
def test_canonical_json_comes_back_as_the_same_recipe(
    prompt: str, fps: Fraction, frames: int, seed: int, guidance: float
):
    recipe = Recipe(prompt=prompt, fps=fps, frames=frames, seconds=None, seed=seed, guidance=guidance)
    again = Recipe.model_validate_json(recipe.canonical())
    assert again == recipe
    assert again.canonical() == recipe.canonical() and again.digest() == recipe.digest()


def test_canonical_json_is_sorted_and_leaves_open_parts_out():
    parts = json.loads(Recipe(prompt="a dog", fps=8).canonical())
    assert list(parts) == sorted(parts) and "seed" not in parts and parts["fps"] == "8"


@pytest.mark.parametrize("part", [{"prompt": "a cat"}, {"seed": 2}, {"fps": "30000/1001"}, {"as_is": True}, {"n": 2}])
def test_any_part_changes_the_digest(part: dict[str, object]):
    recipe = Recipe(prompt="a dog", seed=1, fps=8)
    assert recipe.changed(**part).digest() != recipe.digest()


def test_a_rate_is_the_fraction_that_is_written():
    assert Recipe(prompt="a", fps=29.97).fps == Fraction(2997, 100)
    assert Recipe(prompt="a", fps="30000/1001").fps == Fraction(30000, 1001)


@given(st.integers(1, 10**4), RATES)
def test_whole_frames_are_counted_exactly(frames: int, fps: Fraction):
    assert whole_frames(frames / fps, fps) == frames


def test_the_nearest_whole_duration_can_be_typed_back():
    with pytest.raises(DurationError, match="the nearest is 4000/999 seconds"):
        whole_frames(Fraction(4), Fraction(2997, 100))
    assert whole_frames(Recipe(prompt="a", seconds="4000/999").seconds or Fraction(0), Fraction(2997, 100)) == 120


def test_each_of_n_recipes_makes_one_film():
    recipe = Recipe(prompt="a dog", seed=5, n=3)
    assert [(each.seed, each.n) for each in map(recipe.one_of, range(3))] == [(5, 1), (6, 1), (7, 1)]


@pytest.mark.parametrize(
    ("parts", "error", "says"),
    [
        ({"prompt": ""}, PromptError, "the prompt is empty"),
        ({"prompt": " \n\t "}, PromptError, "the prompt is empty"),
        ({"prompt": "x" * 32_001}, PromptError, "32,001 characters; at most 32,000"),
        ({"prompt": "a\x00b"}, PromptError, "'\\x00'"),
        ({"prompt": None}, PromptError, "prompt None"),
        ({"seconds": 0}, DurationError, "seconds 0 is of no use"),
        ({"seconds": "-4"}, DurationError, "should be a number such as"),
        ({"seconds": "nan"}, DurationError, "should be a number such as"),
        ({"seconds": float("inf")}, DurationError, "should be a number such as"),
        ({"seconds": "1e999999999"}, DurationError, "should be a number such as"),
        ({"frames": 10**30}, DurationError, "frames"),
        ({"fps": "8/0"}, DurationError, "should be a number such as"),
        ({"seconds": 4, "frames": 30, "fps": 8}, DurationError, "do not agree at 8 fps"),
        ({"frames": 8, "made_frames": 4}, DurationError, "4 made frames are fewer"),
        ({"width": 0}, SizeError, "width 0"),
        ({"height": "tall"}, SizeError, "height 'tall'"),
        ({"seed": -1}, RecipeError, "seed -1"),
        ({"seed": 2**60}, RecipeError, "at most 9007199254740991"),
        ({"steps": 0}, RecipeError, "steps 0"),
        ({"guidance": float("nan")}, RecipeError, "guidance nan"),
        ({"n": 0}, RecipeError, "n 0"),
        ({"colour": "red"}, RecipeError, "no part 'colour'; it has prompt"),
    ],
)
def test_each_useless_part_is_named(parts: dict[str, object], error: type[KinemaError], says: str):
    with pytest.raises(error) as raised:
        Recipe.model_validate({"prompt": "a dog", **parts})
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_recipe_without_a_prompt_says_so():
    with pytest.raises(PromptError, match="lacks its prompt"):
        Recipe.model_validate({})


@pytest.mark.parametrize(
    "parts",
    [
        {"task": "extend", "how": {"direction": "backward"}},
        {"task": "fill", "how": {"lost": [["1/3", 2]], "keep": True}},
        {"task": "fill", "how": {"boxes": [{"left": 0.1, "top": 0, "right": 0.5, "bottom": 1}]}},
        {"task": "blend", "how": {"influence": [[0, 1], [1, 0]], "then": "a cat"}},
        {"task": "storyboard", "how": {"cards": [{"at": "1.5", "text": "a dog"}]}},
        {"task": "recut", "how": {"pieces": [{"source": 0}], "gap": 1}},
        {"task": "remix", "how": {"strength": "subtle"}},
    ],
)
def test_the_options_of_a_task_come_back_as_they_were(parts: dict[str, object]):
    recipe = Recipe.model_validate({"sources": [{"path": "a.mp4"}], **parts})
    again = Recipe.model_validate_json(recipe.canonical())
    assert again == recipe and again.canonical() == recipe.canonical()
    assert recipe.changed(seed=1).how == recipe.how


def test_a_task_and_its_options_name_each_other():
    assert Recipe(prompt="a", how={"task": "loop", "bridge": 1}).task == "loop"  # type: ignore[arg-type]
    assert Recipe(prompt="a", task="loop").how == Recipe(prompt="a", task="loop", how={}).how  # type: ignore[arg-type]
    assert Recipe(prompt="a").how is None
    with pytest.raises(RecipeError, match="the options are those of 'loop', not of 'remix'"):
        Recipe(prompt="a", task="remix", how={"task": "loop"})  # type: ignore[arg-type]


def test_a_prompt_may_be_missing_where_there_is_something_to_start_from():
    assert Recipe(sources=[{"path": "a.mp4"}], task="extend").prompt == ""  # type: ignore[list-item]
    with pytest.raises(PromptError, match="the prompt is empty"):
        Recipe(prompt="")


def test_a_shape_is_a_ratio_and_stands_alone():
    assert Recipe(prompt="a", shape="16:9").shape == "16:9"
    for shape in ("16x9", "0:9", "wide", "1.5:1"):
        with pytest.raises(SizeError, match="should be WIDTH:HEIGHT, such as 16:9"):
            Recipe(prompt="a", shape=shape)
    with pytest.raises(SizeError, match="say the same thing; give one"):
        Recipe(prompt="a", shape="1:1", width=128)


def test_a_size_says_all_of_it_until_it_is_settled():
    assert Recipe(prompt="a", size=" 1280X0720 ").size == "1280x720"
    assert Recipe(prompt="a", size="1280x720", width=176, height=96, upscale=4).film_size == (1280, 720)
    assert Recipe(prompt="a", width=176, height=96, upscale=4).film_size == (704, 384)
    for parts in ({"shape": "1:1"}, {"upscale": 2}, {"width": 128}):
        with pytest.raises(SizeError, match="size 64x64 says it all; leave out shape, width, height and upscale"):
            Recipe.model_validate({"prompt": "a", "size": "64x64", **parts})


def test_sizes_are_read_and_others_refused():
    assert parse_size("256x128") == parse_size(" 256 × 128 ") == (256, 128)  # noqa: RUF001
    for text in ("", "0x8", "8x00", "256", "x128", "-1x5", "1e3x5", "256x128x3"):
        with pytest.raises(SizeError, match="is not WIDTHxHEIGHT"):
            parse_size(text)
