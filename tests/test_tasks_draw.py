"""Canvases to learn from know what some task would know of a clip, and nothing else."""

from fractions import Fraction

import numpy as np
import pytest

from kinema.backends import Asks
from kinema.canvas import Canvas
from kinema.clip import Clip
from kinema.tasks import draw_canvas

CLIP = Clip(np.random.default_rng(0).integers(1, 256, (32, 32, 48, 3), np.uint8), Fraction(8))


def drawn(seed: int, clip: Clip = CLIP) -> Canvas:
    return draw_canvas(np.random.default_rng(seed), clip)


@pytest.mark.parametrize("frames", [8, 9, 32])
def test_a_drawn_canvas_knows_the_clip_in_part_and_bit_for_bit(frames: int):
    clip = CLIP[:frames]
    for seed in range(60):
        canvas = drawn(seed, clip)
        assert canvas.pixels.shape == clip.frames.shape and canvas.fps == clip.fps
        assert canvas.known.any() and not canvas.known.all()
        assert np.array_equal(canvas.pixels[canvas.known], clip.frames[canvas.known])
        assert not canvas.pixels[~canvas.known].any()


def test_all_kinds_of_canvases_are_drawn():
    asked = {drawn(seed).asks for seed in range(200)}
    assert asked == {Asks.FIRST, Asks.LAST, Asks.ENDS, Asks.PREFIX, Asks.SUFFIX, Asks.FRAMES, Asks.REGIONS}


def test_the_same_draw_gives_the_same_canvas():
    assert all(np.array_equal(drawn(seed).known, drawn(seed).known) for seed in range(20))
    assert len({drawn(seed).known.tobytes() for seed in range(40)}) > 30
