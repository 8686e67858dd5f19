"""Scores: Wilson intervals, perfect and shuffled readings, what is asked and what cannot be told."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.errors import EvaluationError
from kinema.evaluate.factors import CLASSES, FACTORS, asked, facts, swappable
from kinema.evaluate.plan import SEEN, TWIN, plan
from kinema.evaluate.score import ALL, MEAN, Share, floor, spread, tally, verdicts
from kinema.world.sampling import sample
from kinema.world.scene import Scene, Thing
from kinema.world.splits import SPLITS, split_of


def scenes(count: int, seed: int = 3) -> list[Scene]:
    rng = random.Random(seed)
    return [sample(rng, split="any") for _ in range(count)]


@given(st.integers(1, 500), st.data())
def test_an_interval_holds_its_share_and_lies_within_0_and_1(of: int, data: st.DataObject) -> None:
    share = Share(data.draw(st.integers(0, of)), of)
    low, high = share.interval
    assert 0 <= low <= share.value <= high <= 1
    assert low < high


@given(st.integers(1, 200), st.integers(2, 20))
def test_more_scenes_narrow_an_interval(of: int, times: int) -> None:
    few, many = Share(of / 3, of), Share(of * times / 3, of * times)
    assert many.interval[1] - many.interval[0] < few.interval[1] - few.interval[0]


def test_wilson_at_nothing_right_is_the_rule_of_z_squared() -> None:
    low, high = Share(0, 10).interval
    assert low == 0
    assert high == pytest.approx(1.959963984540054**2 / (10 + 1.959963984540054**2))


def test_a_share_of_nothing_has_no_value() -> None:
    with pytest.raises(EvaluationError, match="no scenes"):
        _ = Share(0, 0).value


def test_every_fact_is_a_class_and_what_is_asked_is_a_fact() -> None:
    for scene in scenes(300):
        shown = facts(scene)
        assert all(shown[factor] in CLASSES[factor] for factor in shown)
        assert asked(scene).items() <= shown.items()


def test_what_cannot_be_told_is_not_asked() -> None:
    fish = Scene((Thing("fish"),), "spins", place="underwater")
    assert not {"time", "weather", "direction", "colour", "second"} & asked(fish).keys()
    assert asked(fish)["count"] == "1"
    red = Scene((Thing("cat", "red"),), "goes", direction="left", place="meadow", time="night")
    assert {"colour": "red", "direction": "left", "time": "night", "weather": "clear"}.items() <= asked(red).items()


def test_a_flier_comes_closer_only_by_growing() -> None:
    near = Scene((Thing("eagle"),), "comes_closer", place="forest")
    grown = Scene((Thing("eagle"),), "grows", place="forest")
    assert facts(near) == facts(grown)
    assert verdicts(grown, facts(grown) | {"action": "comes_closer"})["action"]
    walker = Scene((Thing("dog"),), "grows", place="forest")
    assert not verdicts(walker, facts(walker) | {"action": "comes_closer"})["action"]


def test_true_facts_score_one_and_derangements_score_less() -> None:
    drawn = scenes(120)
    readings = [facts(scene) for scene in drawn]
    perfect = tally(drawn, readings)
    assert all(share.value == 1 for share in perfect.values())
    shuffled = floor(drawn, readings, random.Random(1))
    assert shuffled[ALL].value < 0.05
    assert shuffled["object"].value < 0.1
    assert shuffled[MEAN].value < 0.6


def test_one_wrong_factor_spoils_all_correct_only_where_it_counts() -> None:
    drawn = scenes(40)
    readings = [facts(scene) | {"action": "nothing"} for scene in drawn]
    shares = tally(drawn, readings)
    assert shares["action"].value == 0
    assert shares[ALL].value == 0
    without = tally(drawn, readings, [factor for factor in FACTORS if factor != "action"])
    assert without[ALL].value == 1
    assert "action" not in without


def test_films_of_one_scene_count_as_one() -> None:
    scene = scenes(1)[0]
    right, wrong = facts(scene), facts(scene) | {"place": "nowhere"}
    share = tally([scene] * 4, [right, right, right, wrong])["place"]
    assert (share.right, share.of) == (0.75, 1)


def test_only_relations_alike_from_both_sides_may_be_read_the_other_way_round() -> None:
    def pair(action: str) -> Scene:
        return Scene((Thing("dog"), Thing("cat")), action, place="meadow")

    for action, either in (("next_to", True), ("meets", True), ("chases", False), ("jumps_over", False)):
        scene = pair(action)
        turned = facts(scene) | {"object": "cat", "second": "dog"}
        assert swappable(scene) is either
        assert verdicts(scene, turned)["object"] is either
        assert verdicts(scene, turned)["second"] is either


def test_spread_is_lowest_and_highest_over_seeds() -> None:
    seeds = {1: {"place": Share(1, 4)}, 2: {"place": Share(3, 4)}, 3: {"place": Share(2, 4), "time": Share(1, 1)}}
    assert spread(seeds) == {"place": (0.25, 0.75), "time": (1, 1)}


def test_a_plan_asks_for_seen_held_out_and_twins_evenly() -> None:
    trials = plan(32, 2)
    assert trials == plan(32, 2)
    first = [trial for trial in trials if trial.seed == 1]
    assert len(trials) == 2 * len(first) == 2 * 64
    assert sum(trial.split == SEEN for trial in first) == 32
    for split in SPLITS:
        held = [trial for trial in first if trial.split == split]
        twins = [trial for trial in first if trial.split == TWIN + split]
        assert len(held) == len(twins) == 2
        if split != "language":
            assert all(split_of(trial.scene) == split for trial in held)
            assert all(split_of(trial.scene) == "train" for trial in twins)


def test_any_beginning_of_a_plan_is_fair() -> None:
    begun = plan(32)[:32]
    assert sum(trial.split == SEEN for trial in begun) == 16
    assert sum(trial.split.startswith(TWIN) for trial in begun) == 8


@pytest.mark.parametrize(("prompts", "seeds"), [(0, 1), (-3, 1), (10**6, 1), (5, 0), (5, 99)])
def test_senseless_plans_are_refused_with_the_nearest_sense(prompts: int, seeds: int) -> None:
    with pytest.raises(EvaluationError, match="nearest"):
        plan(prompts, seeds)
