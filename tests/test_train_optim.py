"""Laws of the optimiser: Muon's updates are near orthogonal and as large as AdamW's, each weight has its one rule."""

import pytest
import torch
from tiny_models import tiny_autoencoder, tiny_denoiser
from torch import Tensor, nn

from kinema.train.optim import RMS_OF_ADAMW, MuonAdamW, hidden_matrices, orthogonalised


def drawn(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


@pytest.mark.parametrize("rows, columns", [(32, 32), (16, 64), (64, 16), (8, 72)])
def test_singular_values_end_near_one(rows: int, columns: int) -> None:
    values = torch.linalg.svdvals(orthogonalised(drawn(rows, columns)).float())
    # Five steps of the polynomial map [0.01, 1] into [0.68, 1.14]; bf16 may add a tenth. Of a square matrix a few
    # values are below 0.01 of its norm.
    assert values.max() < 1.25
    assert values.median() > 0.6
    if rows != columns:
        assert values.min() > 0.6


@pytest.mark.parametrize("scale", [2.0**-13, 2.0**13])
def test_the_size_of_a_gradient_does_not_matter_to_muon(scale: float) -> None:
    matrix = drawn(16, 32)
    # A power of two leaves bf16's digits alone; what remains is the 1e-7 that keeps zero from being divided by.
    torch.testing.assert_close(orthogonalised(matrix * scale), orthogonalised(matrix), rtol=0, atol=0.02)


def test_directions_are_kept() -> None:
    matrix = drawn(16, 48)
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    turned = left.T @ orthogonalised(matrix).float() @ right.T
    off = turned - torch.diag(turned.diagonal())
    assert off.abs().max() < 0.05


def test_muon_takes_the_matrices_inside_blocks_and_nothing_else() -> None:
    for model, parts in ((tiny_denoiser(), ("blocks.",)), (tiny_autoencoder(), (".first.", ".second."))):
        taken = hidden_matrices(model)
        for name, parameter in model.named_parameters():
            inside = any(part in name for part in parts)
            is_matrix = inside and name.endswith("weight") and parameter.ndim > 1
            assert (parameter in taken) == is_matrix, name


def test_every_parameter_is_in_one_group() -> None:
    model = tiny_denoiser()
    grouped = [p for group in MuonAdamW(model, 1e-3, muon_lr=5e-3).param_groups for p in group["params"]]
    assert len(grouped) == len(set(grouped)) == len(list(model.parameters()))


def test_updates_of_both_kinds_have_the_same_root_mean_square() -> None:
    model = tiny_denoiser()
    optimiser = MuonAdamW(model, 1.0, muon_lr=1.0, weight_decay=0.0)
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    for parameter in model.parameters():
        parameter.grad = drawn(*parameter.shape)
    optimiser.step()
    taken = hidden_matrices(model)
    for name, parameter in model.named_parameters():
        moved = (parameter - before[name]).square().mean().sqrt().item()
        if parameter in taken:
            # Near-orthogonal (m, n) times sqrt(max): root mean square about 1 before it is brought to AdamW's.
            assert 0.6 * RMS_OF_ADAMW < moved < 1.25 * RMS_OF_ADAMW, name
        else:
            assert moved == pytest.approx(1.0, rel=1e-3), name  # AdamW's first step is the gradient's sign


def test_the_first_step_of_adamw_is_torchs() -> None:
    ours, theirs = nn.Linear(5, 3), nn.Linear(5, 3)
    theirs.load_state_dict(ours.state_dict())
    mine = MuonAdamW(ours, 1e-2, muon_lr=1.0)
    torchs = torch.optim.AdamW(theirs.parameters(), 1e-2, betas=(0.9, 0.95), weight_decay=0.01)
    for step in range(5):
        for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
            a.grad = b.grad = drawn(*a.shape) * (step + 1)
        mine.step()
        torchs.step()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_rates_are_shares_of_each_groups_peak() -> None:
    optimiser = MuonAdamW(tiny_denoiser(), 1e-3, muon_lr=5e-3)
    optimiser.set_rate(0.5)
    assert [group["lr"] for group in optimiser.param_groups] == [2.5e-3, 5e-4]
