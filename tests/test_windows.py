"""Where windows lie: all that is unknown is kept once, nothing is longer than a window, and neighbours are seen."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kinema.backends.windows import Window, plan

WINDOW, OVERLAP = 8, 2
CHUNKS = st.lists(st.sampled_from(["unknown", "pinned", "whole"]), min_size=1, max_size=60)


def arrays(chunks: list[str]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([each == "whole" for each in chunks]), np.array([each != "unknown" for each in chunks])


def blank(count: int) -> list[Window]:
    return plan(np.zeros(count, bool), np.zeros(count, bool), WINDOW, OVERLAP)


@given(CHUNKS)
def test_what_is_unknown_is_kept_from_exactly_one_window(chunks: list[str]):
    whole, pinned = arrays(chunks)
    times = np.zeros(len(whole), int)
    for window in plan(whole, pinned, WINDOW, OVERLAP):
        times[window.keep_start : window.keep_stop] += 1
    assert np.array_equal(times, (~whole).astype(int))


@given(CHUNKS)
def test_windows_are_full_and_lie_within_the_canvas(chunks: list[str]):
    whole, pinned = arrays(chunks)
    for window in plan(whole, pinned, WINDOW, OVERLAP):
        assert window.stop - window.start == min(WINDOW, len(whole))
        assert 0 <= window.start <= window.keep_start < window.keep_stop <= window.stop <= len(whole)


@given(CHUNKS)
def test_every_window_sees_what_is_known_or_made_beside_what_it_keeps(chunks: list[str]):
    whole, pinned = arrays(chunks)
    there = whole.copy()
    for window in plan(whole, pinned, WINDOW, OVERLAP):
        for beside in (window.keep_start - 1, window.keep_stop):
            if 0 <= beside < len(whole) and there[beside]:
                assert window.start <= beside < window.stop
        there[window.keep_start : window.keep_stop] = True
    assert there.all()


@given(st.integers(1, 40), st.integers(1, 40))
def test_a_longer_film_has_the_windows_of_a_shorter_one_but_for_its_last(short: int, more: int):
    first, second = blank(short), blank(short + more)
    assert first[:-1] == second[: len(first) - 1]
    assert len(second) <= 1 + -(-max(0, short + more - WINDOW) // (WINDOW - OVERLAP))


def test_what_comes_before_a_known_end_is_filled_from_that_end():
    whole = np.arange(20) >= 18
    windows = plan(whole, whole, WINDOW, OVERLAP)
    assert [window.keep_stop for window in windows] == sorted((window.keep_stop for window in windows), reverse=True)
    assert windows[0].stop == 20 and windows[-1].start == 0


def test_a_pin_just_after_a_window_is_not_reached_at_once():
    pinned = np.zeros(30, bool)
    pinned[8] = True
    reaching = next(w for w in plan(np.zeros(30, bool), pinned, WINDOW, OVERLAP) if w.keep_start <= 8 < w.keep_stop)
    assert 8 - reaching.keep_start >= (WINDOW - OVERLAP) // 2


def test_only_windows_with_something_unknown_are_filled():
    whole = np.ones(100, bool)
    whole[50:53] = False
    assert plan(whole, whole, WINDOW, OVERLAP) == [Window(48, 56, 50, 53)]
