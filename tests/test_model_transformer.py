"""Laws of the denoiser's networks: what starts at zero, what padding may do, what a place is, how large they are."""

import pytest
import torch
from tiny_models import WORDS, awake, tiny_denoiser
from torch import Tensor

from kinema.model.layers import RMSNorm, Rotation, rotate
from kinema.model.sizes import SIZES
from kinema.model.transformer import Transformer, grid_positions, time_features
from kinema.model.words import PADDING, word_ids


def given(batch: int, seed: int = 0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Tokens, positions, times and word ids for a canvas of 2 by 2 by 3 latents."""
    generator = torch.Generator().manual_seed(seed)
    positions = grid_positions(2, 2, 3)
    tokens = torch.randn(batch, len(positions), 32, generator=generator)
    ids = torch.stack(
        [torch.tensor(word_ids("a red ball rolls" if i % 2 else "a ball", WORDS, 6)) for i in range(batch)]
    )
    return tokens, positions, torch.rand(batch, generator=generator), ids


@torch.no_grad()
def test_a_fresh_denoiser_says_zero() -> None:
    assert not tiny_denoiser()(*given(2)).any()


@torch.no_grad()
def test_fresh_blocks_change_nothing() -> None:
    model = tiny_denoiser().transformer
    tokens, positions, _, _ = given(1)
    text = torch.randn(1, 6, 32)
    x = model.enter(tokens)
    modulation = torch.zeros(1, 6, 32)
    for block in model.blocks:
        assert torch.equal(block(x, modulation, model.rotation(positions), text), x)


@torch.no_grad()
def test_a_batch_of_two_is_two_singles_within_rounding() -> None:
    model = awake(tiny_denoiser())
    tokens, positions, t, ids = given(2)
    singles = [model(tokens[i : i + 1], positions, t[i : i + 1], ids[i : i + 1]) for i in range(2)]
    torch.testing.assert_close(model(tokens, positions, t, ids), torch.cat(singles), rtol=0, atol=1e-5)


@torch.no_grad()
def test_every_input_matters() -> None:
    model = awake(tiny_denoiser())
    tokens, positions, t, ids = given(1)
    said = model(tokens, positions, t, ids)
    others = ((tokens + 1, positions, t, ids), (tokens, positions * 2, t, ids), (tokens, positions, t / 2, ids))
    for other in (*others, (tokens, positions, t, torch.roll(ids, 1, 1))):
        assert not torch.allclose(model(*other), said, atol=1e-3)


@torch.no_grad()
def test_states_at_padding_are_zero() -> None:
    model = awake(tiny_denoiser())
    ids = torch.tensor([[1, 2, PADDING, PADDING, PADDING, PADDING], [PADDING] * 6])
    states = model.text(ids)
    assert not states[0, 2:].any() and not states[1].any()
    assert states[0, :2].any()


@torch.no_grad()
def test_padding_is_inert_to_the_transformer_wherever_it_stands() -> None:
    model = awake(tiny_denoiser())
    tokens, positions, t, ids = given(2)
    text = model.text(ids)
    moved = torch.roll(text, 3, 1)
    torch.testing.assert_close(
        model.transformer(tokens, positions, t, moved),
        model.transformer(tokens, positions, t, text),
        rtol=0,
        atol=1e-5,
    )


@torch.no_grad()
def test_tokens_may_come_in_any_order_with_their_positions() -> None:
    model = awake(tiny_denoiser())
    tokens, positions, t, ids = given(1)
    order = torch.randperm(len(positions), generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(
        model(tokens[:, order], positions[order], t, ids), model(tokens, positions, t, ids)[:, order], rtol=0, atol=1e-5
    )


@torch.no_grad()
def test_only_differences_of_positions_count() -> None:
    model = awake(tiny_denoiser())
    tokens, positions, t, ids = given(1)
    # Words have no place, so the canvas alone is looked at.
    silent = torch.full_like(ids, PADDING)
    moved = positions + torch.tensor([3.0, -1.0, 2.0])
    torch.testing.assert_close(model(tokens, moved, t, silent), model(tokens, positions, t, silent), rtol=0, atol=1e-4)


def test_rotation_keeps_lengths_and_turns_dot_products_by_the_distance() -> None:
    rotation = Rotation(16, (2, 3, 3))
    q, k = torch.randn(2, 1, 1, 1, 16, generator=torch.Generator().manual_seed(0))
    products = []
    for start in (0.0, 2.5):
        at = [rotation(torch.tensor([[start + offset, start, start]])) for offset in (0.0, 1.0)]
        turned_q, turned_k = rotate(q, *at[0]), rotate(k, *at[1])
        torch.testing.assert_close(turned_q.norm(), q.norm())
        products.append((turned_q * turned_k).sum())
    torch.testing.assert_close(products[0], products[1], rtol=0, atol=1e-5)


def test_a_norm_leaves_unit_root_mean_square() -> None:
    x = 7 * torch.randn(3, 64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(RMSNorm(64)(x).square().mean(-1), torch.ones(3))


def test_positions_go_through_time_then_rows_then_columns_around_the_middle() -> None:
    positions = grid_positions(2, 3, 2, first=5)
    assert positions[0].tolist() == [5, -1, -0.5]
    assert positions[1].tolist() == [5, -1, 0.5]
    assert positions[2].tolist() == [5, 0, -0.5]
    assert positions[6].tolist() == [6, -1, -0.5]
    assert positions[:, 1:].sum() == 0


def test_times_apart_have_features_apart() -> None:
    features = time_features(torch.linspace(0, 1, 101))
    distances = torch.cdist(features, features) + 1000 * torch.eye(101)
    assert distances.min() > 1
    assert features.abs().max() <= 1


def test_a_caption_becomes_the_numbers_of_its_words_then_padding() -> None:
    assert word_ids("A red ball", WORDS, 6) == [1, 4, 2, PADDING, PADDING, PADDING]
    with pytest.raises(KeyError, match="samurai"):
        word_ids("a samurai", WORDS, 6)
    with pytest.raises(AssertionError, match="7 words"):
        word_ids("a a a a a a a", WORDS, 6)


@pytest.mark.parametrize("name", SIZES)
def test_the_formula_counts_the_parameters_that_are_there(name: str) -> None:
    with torch.device("meta"):
        model = Transformer(SIZES[name].transformer)
    assert SIZES[name].parameters == sum(parameter.numel() for parameter in model.parameters())


def test_the_dial_turns_one_way() -> None:
    counts = [size.parameters for size in SIZES.values()]
    assert counts == sorted(counts) and counts[-1] > 1e9
    assert all(size.flops(512) > size.flops(64) * 8 for size in SIZES.values())
