"""What is invented meets what is known beside it, and nothing else changes."""

import numpy as np
import pytest

from kinema.backends.leading import evened, led, share


def levels(*values: float) -> np.ndarray:
    """One number each, as latents or frames of a single pixel."""
    return np.array(values, np.float32)[:, None, None, None]


def test_the_nearest_gets_the_whole_error_and_what_lies_beyond_its_reach_none():
    assert share(1, 4) == 1 and share(5, 4) == pytest.approx(0) and share(9, 4) == pytest.approx(0)
    made = led(levels(*[10] * 12), {-1: levels(6)[0]}, reach=4)[:, 0, 0, 0]
    assert made[0] == 16 and made[4:].tolist() == pytest.approx([10] * 8)
    assert (np.diff(made[:5]) < 0).all()


def test_known_ones_stay_as_they_are_made_and_lie_on_either_side():
    made = led(levels(1, 2, 3, 4, 5), {0: levels(7)[0], 4: levels(-3)[0]}, reach=8)[:, 0, 0, 0]
    assert (made[0], made[4]) == (1, 5)
    assert made[1] - 2 > made[2] - 3 > made[3] - 4, "the nearer of the two counts for more"


def test_between_equal_errors_all_is_moved_by_no_more_than_these():
    error = levels(5)[0]
    made = led(levels(0, 0, 0), {-1: error, 3: error}, reach=8)
    assert made.ravel().tolist() == pytest.approx([5, 5, 5])


def test_without_errors_nothing_changes():
    drawn = np.random.default_rng(0).normal(size=(4, 2, 2, 3)).astype(np.float32)
    assert np.array_equal(led(drawn, {}, reach=4), drawn)


def grey(*values: float) -> np.ndarray:
    """Frames of one level each, large enough to have surroundings."""
    return levels(*values) * np.ones((1, 4, 6, 3), np.float32)


def test_a_jump_between_chunks_is_spread_over_the_frames_beside_it():
    made = evened(grey(0, 0, 0, 0, 8, 8, 8, 8), 4, None, None)[:, 0, 0, 0]
    assert made.tolist() == pytest.approx([0, 0, 1, 3, 5, 7, 8, 8])


def test_a_change_like_those_beside_it_is_no_jump():
    steady = grey(*range(0, 24, 2))
    assert np.array_equal(evened(steady, 4, grey(-2)[0], grey(24)[0]), steady)


def test_a_frame_beside_them_is_met_and_left_in_peace():
    before, after = grey(100)[0], grey(0)[0]
    made = evened(grey(*[50] * 20), 4, before, after)
    assert np.array_equal(made[0], before) and made[-1] == pytest.approx(after, abs=1e-4)
    assert made[8:12].ravel().tolist() == pytest.approx([50] * made[8:12].size)


def test_a_known_frame_among_them_is_met_from_either_side_and_stays():
    made = evened(grey(*[0] * 8, 8, *[3] * 7), 4, None, None, known=[8])[:, 0, 0, 0]
    assert made[7:10].tolist() == pytest.approx([8, 8, 8])
    assert (np.diff(made[:8]) >= 0).all() and made[0] == pytest.approx(0, abs=1) and made[15] == pytest.approx(3, abs=1)


@pytest.mark.parametrize("known", [set(), {0}, {3, 4}, {5, 15}, {2, 6, 7, 12}, set(range(16))])
def test_known_frames_stay_as_they_are(known: set[int]):
    drawn = np.random.default_rng(1).uniform(0, 255, (16, 2, 2, 3)).astype(np.float32)
    made = evened(drawn, 4, drawn[3], drawn[5], known=known)
    assert np.array_equal(made[sorted(known)], drawn[sorted(known)])
