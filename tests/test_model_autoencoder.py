"""Laws of the autoencoder: it shifts with whole chunks, sees no further than it should, starts at a linear map."""

import torch
from tiny_models import awake, tiny_autoencoder
from torch import Tensor

from kinema.model.autoencoder import Autoencoder, AutoencoderConfig


def frames_of(batch: int, chunks: int, latents: int, seed: int = 0) -> Tensor:
    """Frames (B, 4K, 3, 16h, 16w) in [-1, 1]."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(batch, 4 * chunks, 3, 16 * latents, 16 * latents, generator=generator) * 2 - 1


@torch.no_grad()
def test_a_clip_shifted_by_whole_chunks_has_the_shifted_latents_to_the_bit() -> None:
    model, frames = awake(tiny_autoencoder()), frames_of(1, 4, 2)
    latents = model.encode(frames)
    for shift in (1, 2, 3):
        assert torch.equal(model.encode(frames.roll(-4 * shift, 1)), latents.roll(-shift, 1))
        # A shorter clip is another batch to the convolutions, which may add up in another order.
        torch.testing.assert_close(model.encode(frames[:, 4 * shift :]), latents[:, shift:], rtol=0, atol=1e-5)


@torch.no_grad()
def test_a_shift_by_part_of_a_chunk_is_another_clip() -> None:
    model, frames = awake(tiny_autoencoder()), frames_of(1, 4, 2)
    assert not torch.allclose(model.encode(frames.roll(-2, 1)).roll(1, 1), model.encode(frames), atol=0.1)


@torch.no_grad()
def test_the_decoder_sees_only_its_latent_and_the_one_before() -> None:
    model = awake(tiny_autoencoder())
    latents = model.encode(frames_of(1, 5, 2))
    changed = latents.clone()
    changed[:, 2] += 1
    same = (model.decode(latents) == model.decode(changed)).flatten(2).all(2)[0].reshape(5, 4).all(1)
    assert same.tolist() == [True, True, False, False, True]


@torch.no_grad()
def test_decoding_goes_on_from_the_latent_before() -> None:
    model = awake(tiny_autoencoder())
    latents = model.encode(frames_of(1, 4, 2))
    rest = model.decode(latents[:, 2:], before=latents[:, 1])
    torch.testing.assert_close(rest, model.decode(latents)[:, 8:], rtol=0, atol=1e-5)


@torch.no_grad()
def test_away_from_its_borders_a_crop_is_encoded_as_inside_the_whole_picture() -> None:
    model, frames = awake(tiny_autoencoder()), frames_of(1, 1, 12)
    whole = model.encode(frames)
    crop = model.encode(frames[..., 16:, 16:])
    # At depth 1 a latent sees less than 4 latents far, so 4 away from the cut nothing of the border is left.
    torch.testing.assert_close(crop[..., 4:, 4:], whole[..., 5:, 5:], rtol=0, atol=1e-5)
    assert not torch.allclose(crop[..., 0, 0], whole[..., 1, 1], rtol=0, atol=1e-5)


@torch.no_grad()
def test_a_batch_of_two_is_two_singles_within_rounding() -> None:
    model, frames = awake(tiny_autoencoder()), frames_of(2, 2, 2)
    latents = model.encode(frames)
    singles = torch.cat([model.encode(clip[None]) for clip in frames])
    torch.testing.assert_close(latents, singles, rtol=0, atol=1e-5)
    decoded = torch.cat([model.decode(latent[None]) for latent in latents])
    torch.testing.assert_close(model.decode(latents), decoded, rtol=0, atol=1e-5)


def low_rank_frames(config: AutoencoderConfig, rank: int) -> Tensor:
    """Clips whose patches are `rank` patterns mixed, each mixture with its opposite, over a grey for each channel."""
    generator = torch.Generator().manual_seed(0)
    patterns = torch.randn(rank, 4, 3, 16, 16, generator=generator) * 0.1
    mixture = torch.randn(64, rank, generator=generator)
    grey = torch.tensor([0.1, -0.2, 0.3])[:, None, None]
    patches = torch.einsum("nr,rfcpq->nfcpq", torch.cat((mixture, -mixture)), patterns) + grey
    assert config.chunk == 4 and config.patch == 16
    return patches


@torch.no_grad()
def test_at_the_principal_components_a_clip_of_low_rank_is_reconstructed() -> None:
    model = tiny_autoencoder()
    frames = low_rank_frames(model.config, rank=8)
    values = model.start_at_principal_components(frames, torch.Generator().manual_seed(0))
    assert torch.equal(values, values.sort(descending=True).values)
    torch.testing.assert_close(model.decode(model.encode(frames)), frames, rtol=0, atol=1e-4)


@torch.no_grad()
def test_the_scale_sets_deviations_and_leaves_reconstructions_alone() -> None:
    model = tiny_autoencoder()
    frames = low_rank_frames(model.config, rank=8)
    values = model.start_at_principal_components(frames, torch.Generator().manual_seed(0))
    for tilt in (0.0, 0.5, 1.0):
        model.set_scale(values.sqrt(), tilt)
        latents = model.encode(frames)
        measured = latents.transpose(0, 2).flatten(1).square().mean(1).sqrt()
        expected = values.sqrt() ** tilt
        torch.testing.assert_close(measured, expected / expected.square().mean().sqrt(), rtol=1e-3, atol=0)
        torch.testing.assert_close(model.decode(latents), frames, rtol=0, atol=1e-4)


def test_the_learnt_residual_starts_at_nothing() -> None:
    model = Autoencoder(AutoencoderConfig(channels=8, widths=(8, 16, 16), depth=2))
    frames = frames_of(1, 1, 2)
    with torch.no_grad():
        assert not model.encoder.residual(frames.flatten(1, 2)).any()
        latents = model.encode(frames)
        assert torch.equal(model.decode(latents)[0].reshape(12, 32, 32), model.decoder.linear(latents[:, 0])[0])
