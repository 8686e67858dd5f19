"""Changes, seams, loops, colours and distances of clips whose figures can be worked out by hand."""

from fractions import Fraction

import numpy as np
import pytest

from kinema.clip import Clip
from kinema.errors import EvaluationError
from kinema.evaluate import motion


def levels(*values: int) -> Clip:
    """Frames of one grey level each."""
    return Clip(np.array(values, np.uint8)[:, None, None, None] * np.ones((1, 4, 6, 3), np.uint8), Fraction(8))


def test_changes_are_mean_absolute_differences_in_either_direction() -> None:
    clip = levels(10, 13, 13, 3)
    assert motion.changes(clip).tolist() == [3, 0, 10]
    assert motion.energy(clip) == pytest.approx(13 / 3)
    assert motion.loop_change(clip) == 7
    assert motion.energy(levels(5)) == 0


def test_a_join_like_any_other_change_is_smooth_and_a_jump_is_not() -> None:
    steady = levels(*range(0, 40, 2))
    assert motion.seams(steady, [5, 10]) == [1, 1]
    jump = levels(*range(10), *range(30, 40))
    assert motion.seams(jump, [10]) == [21]
    assert motion.seams(levels(7, 7, 7), [1]) == [1]
    assert motion.seams(levels(7, 7, 9), [2]) == [motion.MOST]


def test_a_join_is_measured_against_changes_that_are_no_joins() -> None:
    assert motion.seams(levels(0, 1, 51, 52, 102, 103), [2, 4]) == [50, 50]


def test_a_join_outside_of_the_clip_is_told() -> None:
    with pytest.raises(EvaluationError, match="frame 3 of a clip of 3 frames is no join; 1 to 2 are"):
        motion.seams(levels(1, 2, 3), [3])


def test_a_colour_shift_is_a_share_of_the_whole_range() -> None:
    assert motion.mean_colour(levels(10, 20)) == [15, 15, 15]
    assert motion.colour_shift([0, 0, 0], [255, 0, 0]) == pytest.approx(1 / 3)


def test_a_border_is_seen_where_known_pixels_end() -> None:
    frames = np.full((2, 6, 8, 3), 50, np.uint8)
    known = np.ones((2, 6, 8), bool)
    known[:, 2:4, 3:5] = False
    assert motion.border(Clip(frames, Fraction(8)), known) == 0
    frames[:, 2:4, 3:5] = 90
    assert motion.border(Clip(frames, Fraction(8)), known) == 40
    with pytest.raises(EvaluationError, match="no border"):
        motion.border(levels(1, 2), np.ones((2, 4, 6), bool))


def test_psnr_is_that_of_the_chosen_pixels() -> None:
    one, other = levels(10, 20), levels(10, 30)
    where = np.zeros((2, 4, 6), bool)
    where[1, 0] = True
    assert motion.psnr(one, other, where) == pytest.approx(20 * np.log10(25.5))
    assert motion.psnr(one, one) == motion.MOST
    with pytest.raises(EvaluationError, match="no pixels"):
        motion.psnr(one, other, ~np.ones((2, 4, 6), bool))
