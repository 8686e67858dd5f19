"""The embedded networks as they are in the repository: whole, of this caption language, and the same film twice."""

from pathlib import Path

import numpy as np

import kinema
from kinema import backends
from kinema.backends.networks import EMBEDDED, check_files, read_card
from kinema.data.manifest import read_manifest
from kinema.world.captions import words

LARGEST_MB = 40


def test_the_card_names_the_files_that_are_there():
    check_files(EMBEDDED, read_card(EMBEDDED))


def test_the_networks_know_the_words_of_the_caption_language():
    assert read_card(EMBEDDED).words == words()


def test_the_manifest_is_that_of_the_card():
    _, summary = read_manifest(EMBEDDED)
    assert summary["merkle_root"] == read_card(EMBEDDED).merkle_root


def test_the_networks_are_small():
    assert sum(path.stat().st_size for path in EMBEDDED.glob("*.safetensors")) < LARGEST_MB * 1e6


def test_the_same_recipe_makes_the_same_frames(tmp_path: Path):
    first = kinema.generate("a red dog jumps in the snow at night", seed=3, steps=2)
    backends.loaded.cache_clear()
    again = kinema.generate("a red dog jumps in the snow at night", tmp_path / "dog.mp4", seed=3, steps=2)
    other = kinema.generate("a red dog jumps in the snow at night", seed=4, steps=2)
    assert first.clip.frames.shape == (32, 128, 128, 3)
    assert np.array_equal(first.clip.frames, again.clip.frames)
    assert not np.array_equal(first.clip.frames, other.clip.frames)
