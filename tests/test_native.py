"""Which captions a window hears: those that something it keeps is under, and no other costs a call."""

import numpy as np
import pytest

from kinema.backends.native import _Told
from kinema.backends.windows import Window

TOLD = _Told(np.zeros((2, 40, 8), np.float32), np.array([0.0, 8.0]), None)


@pytest.mark.parametrize(
    ("window", "heard"),
    [
        (Window(0, 8, 0, 7), [True, False]),
        (Window(0, 8, 0, 8), [True, True]),
        (Window(4, 12, 6, 12), [True, True]),
        (Window(6, 14, 9, 14), [False, True]),
        (Window(20, 28, 22, 28), [False, True]),
    ],
)
def test_a_caption_is_heard_where_something_that_is_kept_is_under_it(window: Window, heard: list[bool]):
    shares, which = TOLD.heard(window)
    assert which.tolist() == heard and len(shares) == sum(heard)
    assert shares.sum(0) == pytest.approx(1) and (shares >= 0).all()
    kept = slice(window.keep_start - window.start, window.keep_stop - window.start)
    whole = TOLD.shares(window.start, window.stop)[which]
    assert np.array_equal(shares[:, kept], whole[:, kept])
