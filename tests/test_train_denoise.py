"""Laws of both lessons: samples follow from their numbers, fresh models learn, and what does not fit is refused."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_models import WORDS, awake, noise_clips, tiny_autoencoder, tiny_denoiser, tiny_store

from kinema.data.latents import LatentStore
from kinema.errors import TrainingError
from kinema.model.autoencoder import Autoencoder
from kinema.model.transformer import MASK_CHANNELS, grid_positions
from kinema.train.denoise import Denoising, EncodeFrames, blank_latent
from kinema.train.loop import Plan, learn
from kinema.train.parallel import Ranks
from kinema.train.reconstruct import Reconstruction, reconstruction_loss, to_frames, to_uint8
from kinema.train.sample import sample


@pytest.fixture(scope="module")
def autoencoder() -> Autoencoder:
    """An autoencoder at the principal components of the clips that are learnt."""
    model = tiny_autoencoder()
    values = model.start_at_principal_components(to_frames(noise_clips(3)), torch.Generator().manual_seed(0))
    model.set_scale(values.clamp_min(1e-6).sqrt(), 0.5)
    return model.eval()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, autoencoder: Autoencoder) -> LatentStore:
    return tiny_store(tmp_path_factory.mktemp("store"), autoencoder, noise_clips(3))


def lesson(store: LatentStore, autoencoder: Autoencoder, **parts: float) -> Denoising:
    return Denoising(tiny_denoiser(), (store,), WORDS, autoencoder, **parts)  # type: ignore[arg-type]


def test_a_sample_is_a_function_of_the_seed_and_its_number(store: LatentStore, autoencoder: Autoencoder) -> None:
    first, again = lesson(store, autoencoder, chunks=2), lesson(store, autoencoder, chunks=2)
    model = awake(tiny_denoiser())
    with torch.no_grad():
        alone = [first.loss(model, range(i, i + 1), seed=5) for i in range(8)]
        together = again.loss(model, range(8), seed=5)
    torch.testing.assert_close(torch.stack(alone).mean(), together, rtol=0.01, atol=0)
    assert len({loss.item() for loss in alone}) == 8


def test_known_chunks_are_in_the_canvas_and_told_by_the_mask(store: LatentStore, autoencoder: Autoencoder) -> None:
    taught = lesson(store, autoencoder, chunks=4, ended=1.0, end_noise=0.0)
    seen: list[torch.Tensor] = []

    def watching(tokens: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
        seen.append(tokens)
        return torch.zeros(*tokens.shape[:2], 8)

    taught.loss(watching, range(40), seed=0)  # type: ignore[arg-type]
    x_t, canvas, mask = seen[0].split((8, 8, MASK_CHANNELS), -1)
    shelf = taught.shelves[0]
    x = torch.stack([taught._draw(shelf, 4, torch.Generator().manual_seed(i)).x for i in range(40)])
    known = mask[..., 0]
    assert torch.equal(mask, known[..., None].expand_as(mask))
    assert torch.equal(canvas[known > 0], x[known > 0])
    assert torch.equal(canvas[known == 0], shelf.blank.repeat(4, 1).expand_as(x)[known == 0])
    chunks = {tuple(row) for row in known.reshape(40, 4, -1).amin(-1).int().tolist()}
    assert chunks == {(1, 0, 0, 0), (1, 1, 0, 0), (0, 0, 0, 1), (0, 0, 1, 1), (1, 0, 0, 1)}
    assert not torch.equal(x_t[known > 0], x[known > 0])


def test_noise_lies_on_what_is_known_alone(store: LatentStore, autoencoder: Autoencoder) -> None:
    taught = lesson(store, autoencoder, chunks=4, ended=1.0, end_noise=0.5)
    window = taught._draw(taught.shelves[0], 4, torch.Generator().manual_seed(0))
    known = window.mask[:, 0] > 0
    off = (window.canvas - window.x)[known]
    assert 0 < off.std() < 0.6
    assert torch.equal(window.canvas[~known], taught.shelves[0].blank.repeat(4, 1)[~known])


def test_stills_and_films_share_a_run_and_cost_the_same(store: LatentStore, autoencoder: Autoencoder) -> None:
    taught = lesson(store, autoencoder, chunks=4, stills=0.5)
    seen: list[torch.Size] = []

    def watching(tokens: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
        seen.append(tokens.shape)
        return torch.zeros(*tokens.shape[:2], 8)

    taught.loss(watching, range(64), seed=0)  # type: ignore[arg-type]
    stills, films = seen
    assert stills[0] + 4 * films[0] == 4 * 64
    assert stills[1] * 4 == films[1]
    assert 28 <= films[0] <= 36


def test_a_store_of_canvases_is_learnt_with_what_it_knows(tmp_path: Path, autoencoder: Autoencoder) -> None:
    def encode(frames: np.ndarray) -> np.ndarray:
        clean = EncodeFrames(autoencoder)(frames)
        mask = np.full((*clean.shape[:2], MASK_CHANNELS, *clean.shape[3:]), 0.25, np.float32)
        return np.concatenate((clean, -clean, mask), 2)

    canvases = tiny_store(tmp_path / "canvases", autoencoder, noise_clips(2), encode=encode)
    taught = lesson(canvases, autoencoder, chunks=4)
    window = taught._draw(taught.shelves[0], 4, torch.Generator().manual_seed(0))
    assert torch.equal(window.canvas, -window.x)
    assert torch.equal(window.mask, torch.full((len(window.x), MASK_CHANNELS), 0.25))
    assert torch.isfinite(taught.loss(awake(tiny_denoiser()), range(4), seed=0))


def test_captions_are_dropped_and_varied_in_their_shares(store: LatentStore, autoencoder: Autoencoder) -> None:
    taught = lesson(store, autoencoder, dropped=0.25, canonical=0.5)
    shelf = taught.shelves[0]
    ids = torch.stack([taught._draw(shelf, 1, torch.Generator().manual_seed(i)).ids for i in range(1000)])
    empty = (ids == 0).all(1).float().mean()
    full = (ids == shelf.ids[0][0]).all(1).float().mean()
    # Four standard errors of 1,000 draws; of the two captions half of the rest is the canonical one again.
    assert abs(empty - 0.25) < 0.055
    assert abs(full - 0.75 * 0.75) < 0.065


def test_the_blank_canvas_is_what_the_encoder_says_of_nothing_known(autoencoder: Autoencoder) -> None:
    with torch.no_grad():
        blank = blank_latent(autoencoder, 2, 3)
        latents = autoencoder.encode(torch.zeros(1, 4, 3, 32, 48))[0, 0]
    assert torch.equal(blank, latents.flatten(1).T)


def test_a_fresh_model_overfits_one_clip(tmp_path: Path, autoencoder: Autoencoder) -> None:
    store = tiny_store(tmp_path / "store", autoencoder, noise_clips(1))
    taught = lesson(store, autoencoder, chunks=4, dropped=0.0, ended=0.0)
    plan = Plan(steps=80, batch=16, lr=5e-3, muon_lr=1e-2, warmup=10, cooldown=0.5, ema=0.9, show_every_s=1e9)
    model = learn(taught, plan, tmp_path / "run", Ranks()).average
    shelf, positions = taught.shelves[0], grid_positions(4, 2, 2)
    noise = torch.randn(4, len(positions), 8, generator=torch.Generator().manual_seed(9))
    ids = shelf.ids[0][0].expand(4, -1)
    with torch.no_grad():
        made = sample(model, noise, shelf.blank.repeat(4, 1), positions, ids, steps=8, guidance=1.0)
    clip = torch.from_numpy(store.read([0])[0]).float().permute(0, 2, 3, 1).reshape(-1, 8)
    error = (made - clip).square().mean() / clip.square().mean()
    assert error < 0.1


def test_a_fresh_autoencoder_learns_beyond_its_start(tmp_path: Path) -> None:
    model = tiny_autoencoder()
    clips = noise_clips(2)
    values = model.start_at_principal_components(to_frames(clips), torch.Generator().manual_seed(0))
    model.set_scale(values.clamp_min(1e-6).sqrt(), 0.5)
    taught = Reconstruction(model, clips, crop_px=32, crop_frames=16, noise=0.05, masked=0.0)

    def distance() -> float:
        frames = to_frames(clips)
        with torch.no_grad():
            return reconstruction_loss(model.decode(model.encode(frames)), frames).item()

    before = distance()
    plan = Plan(steps=30, batch=4, lr=2e-3, muon_lr=5e-3, warmup=5, cooldown=0.5)
    learn(taught, plan, tmp_path, Ranks())
    assert distance() < 0.95 * before


def test_crops_are_cut_from_the_clips_and_masked_ones_are_zero_where_unknown() -> None:
    clips = noise_clips(2, side=48)
    for masked in (0.0, 1.0):
        taught = Reconstruction(tiny_autoencoder(), clips, crop_px=32, crop_frames=8, masked=masked)
        frames = taught._crop(torch.Generator().manual_seed(1))
        cuts = [
            to_frames(clips[n : n + 1, t : t + 8, y : y + 32, x : x + 32])[0]
            for n in range(2)
            for t in (0, 4, 8)
            for y in (0, 8, 16)
            for x in (0, 8, 16)
        ]
        # Whole squares of 8 by 8 are unknown; grey of 128 is 1 / 255 and never 0.
        assert any(torch.equal(torch.where(frames == 0, cut, frames), cut) for cut in cuts)
        assert bool((frames == 0).any()) == (masked == 1.0)


def test_pixels_survive_the_way_to_frames_and_back() -> None:
    clips = np.arange(256, dtype=np.uint8).repeat(12).reshape(1, 4, 16, 16, 3)
    assert np.array_equal(to_uint8(to_frames(clips)), clips)


def test_encoding_a_store_does_not_depend_on_its_batches(autoencoder: Autoencoder) -> None:
    clips = noise_clips(5)
    whole, single = EncodeFrames(autoencoder, batch=4)(clips), EncodeFrames(autoencoder, batch=1)(clips)
    np.testing.assert_allclose(whole, single, rtol=0, atol=0.02 * float(np.abs(whole).max()))


def test_operations_are_counted_as_the_networks_grow(store: LatentStore, autoencoder: Autoencoder) -> None:
    still, film = lesson(store, autoencoder), lesson(store, autoencoder, chunks=4)
    assert film.flops_per_sample > 2 * still.flops_per_sample > 0
    small = Reconstruction(tiny_autoencoder(), noise_clips(1), crop_px=32, crop_frames=4)
    large = Reconstruction(tiny_autoencoder(), noise_clips(1), crop_px=32, crop_frames=8)
    assert large.flops_per_sample == 2 * small.flops_per_sample > 0


def test_a_lesson_that_does_not_fit_is_refused(store: LatentStore, autoencoder: Autoencoder) -> None:
    with pytest.raises(TrainingError, match="5 chunks do not fit clips of 4; take 1 to 4"):
        lesson(store, autoencoder, chunks=5)
    with pytest.raises(TrainingError, match="says 'ball', which is no word"):
        Denoising(tiny_denoiser(), (store,), ("a", "red", "rolls"), autoencoder)
