"""Laws of what an accelerator learns from: the crew sends the world's own clips, pools hold what the encoders make."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from tiny_models import noise_clips, tiny_autoencoder

from kinema.backends.native import known_share
from kinema.canvas import Canvas
from kinema.clip import Clip
from kinema.data import world
from kinema.data.manifest import Entry
from kinema.model.transformer import MASK_CHANNELS
from kinema.model.words import word_ids
from kinema.train.canvases import EncodeCanvases
from kinema.train.crew import Crew, Order
from kinema.train.pools import Feeder, Latents, Pixels, known_shares, unpacked
from kinema.world import captions

CPU = torch.device("cpu")
RUN = world.Run(seed=5, width=32, height=32, frames=16)
LENGTH = 40


def drawn_masks(count: int) -> np.ndarray:
    return np.random.default_rng(count).random((count, 16, 32, 32)) < 0.5


def test_packed_masks_unpack_to_themselves() -> None:
    masks = drawn_masks(3)
    assert np.array_equal(unpacked(torch.from_numpy(np.packbits(masks, axis=-1))).numpy(), masks)


def test_known_shares_are_those_of_the_studio_floor() -> None:
    masks = drawn_masks(2)
    shares = known_shares(torch.from_numpy(masks), 4, 16).numpy()
    for mask, share in zip(masks, shares, strict=True):
        assert np.allclose(share, known_share(mask, 4, 16, MASK_CHANNELS))


def test_latents_of_a_pool_are_those_of_a_store_of_canvases() -> None:
    autoencoder, clips, masks = tiny_autoencoder(), noise_clips(2), drawn_masks(2)
    pool = Latents.empty(5, RUN, LENGTH, autoencoder, CPU)
    ids = torch.ones(2, RUN.captions, LENGTH, dtype=torch.int16)
    packed = torch.from_numpy(np.packbits(masks, axis=-1))
    pool.add(autoencoder, torch.from_numpy(clips), packed, ids)
    held = iter(masks)

    def draw(_: np.random.Generator, clip: Clip) -> Canvas:
        known = next(held)
        return Canvas(np.where(known[..., None], clip.frames, 0), known, clip.fps)

    expected = EncodeCanvases(autoencoder, draw, Fraction(8))(clips).transpose(0, 1, 3, 4, 2)
    found = torch.cat((pool.x[:2], pool.canvas[:2], pool.mask[:2]), -1).float().numpy()
    assert pool.count == 2
    assert np.abs(found - expected).max() < 0.02


def test_a_full_pool_takes_no_more() -> None:
    autoencoder, clips = tiny_autoencoder(), torch.from_numpy(noise_clips(3))
    pool = Latents.empty(2, RUN, LENGTH, autoencoder, CPU)
    packed = torch.zeros(3, 16, 32, 4, dtype=torch.uint8)
    for _ in range(2):
        pool.add(autoencoder, clips, packed, torch.zeros(3, RUN.captions, LENGTH, dtype=torch.int16))
    assert pool.count == 2


def test_a_crew_sends_the_clips_of_its_runs_with_their_words_and_hashes() -> None:
    runs = (RUN, world.Run(seed=6, width=48, height=32, frames=16))
    words = captions.words()
    with Crew(Order(runs, (1, 1), words, LENGTH), slots=3) as crew:
        feeder = Feeder(crew, CPU)
        pools = [Pixels.empty(4, run, LENGTH, CPU) for run in runs]
        entries: list[list[Entry]] = [[], []]
        while min(pool.count for pool in pools) < 2:
            if arrived := feeder.next():
                frames, rendered = arrived
                if not pools[rendered.run].is_full:
                    pools[rendered.run].add(frames, rendered)
                    entries[rendered.run].append(rendered.entry)
        feeder.stop()
    for run, pool, lines in zip(runs, pools, entries, strict=True):
        for index in range(2):
            record, clip = world.render(run, index)
            assert np.array_equal(pool.frames[index].numpy(), clip.frames)
            assert lines[index] == Entry.of(record)
            assert pool.ids[index, 0].tolist() == word_ids(record.captions[0], words, LENGTH)
            assert not unpacked(pool.known[index]).all()


@pytest.mark.parametrize("capacity", [0, 1])
def test_pixels_know_when_they_are_full(capacity: int) -> None:
    pool = Pixels.empty(capacity, RUN, LENGTH, CPU)
    assert pool.is_full == (capacity == 0)
