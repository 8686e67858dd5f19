"""Muon for hidden matrices, AdamW for the rest, as one optimiser.

Muon orthogonalises the momentum of a matrix by five Newton-Schulz steps (Jordan et al. 2024,
kellerjordan.github.io/posts/muon), scaled so that an update has the root mean square of AdamW's (Liu et al. 2025,
arXiv 2502.16982, eq. 4). A convolution is the matrix (out, in · kernel).
"""

import torch
from torch import Tensor, nn

from kinema.model.autoencoder import ConvBlock
from kinema.model.text import TextBlock
from kinema.model.transformer import TransformerBlock

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
RMS_OF_ADAMW = 0.2
BLOCKS = (ConvBlock, TextBlock, TransformerBlock)


def orthogonalised(matrices: Tensor, steps: int = 5) -> Tensor:
    """The matrices (..., rows, columns) with their singular values moved towards 1, in bf16."""
    a, b, c = NEWTON_SCHULZ
    x = matrices.bfloat16()
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    tall = x.shape[-2] > x.shape[-1]
    x = x.mT if tall else x
    for _ in range(steps):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if tall else x


def hidden_matrices(model: nn.Module) -> set[Tensor]:
    """Weights of the linear maps and convolutions inside blocks: for Muon; no embedding, first or last layer."""
    inside = (part for block in model.modules() if isinstance(block, BLOCKS) for part in block.modules())
    return {part.weight for part in inside if isinstance(part, nn.Linear | nn.Conv2d)}


class MuonAdamW(torch.optim.Optimizer):
    """One step of Muon on hidden matrices and of AdamW on everything else. `lr` is AdamW's; Muon's has the same RMS."""

    def __init__(self, model: nn.Module, lr: float, *, muon_lr: float, weight_decay: float = 0.01) -> None:
        matrices = hidden_matrices(model)
        hidden = [p for p in model.parameters() if p in matrices]
        rest = [p for p in model.parameters() if p not in matrices]
        groups = [{"params": hidden, "muon": True, "peak": muon_lr}, {"params": rest, "muon": False, "peak": lr}]
        super().__init__([g for g in groups if g["params"]], {"lr": lr, "weight_decay": weight_decay})

    def set_rate(self, share: float) -> None:
        """Every group's rate becomes `share` of its peak."""
        for group in self.param_groups:
            group["lr"] = group["peak"] * share

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Every parameter that has a gradient moves by one update of its group's kind, at its group's rate."""
        assert closure is None, "no closures here"
        for group in self.param_groups:
            moved = [parameter for parameter in group["params"] if parameter.grad is not None]
            if moved:
                gradients = [parameter.grad for parameter in moved]
                torch._foreach_mul_(moved, 1 - group["lr"] * group["weight_decay"])
                updates = (self._muon if group["muon"] else self._adamw)(moved, gradients)
                torch._foreach_add_(moved, updates, alpha=-group["lr"])

    def _muon(self, parameters: list[nn.Parameter], gradients: list[Tensor]) -> list[Tensor]:
        """Each parameter's update; matrices of one shape are orthogonalised together."""
        for parameter in parameters:
            if not self.state[parameter]:
                self.state[parameter]["momentum"] = torch.zeros_like(parameter)
        momenta = [self.state[parameter]["momentum"] for parameter in parameters]
        torch._foreach_lerp_(momenta, gradients, 0.05)
        ahead = [each.flatten(1) for each in torch._foreach_lerp(gradients, momenta, 0.95)]
        alike: dict[tuple[int, ...], list[int]] = {}
        for index, matrix in enumerate(ahead):
            alike.setdefault(tuple(matrix.shape), []).append(index)
        updates = list(ahead)
        for shape, indices in alike.items():
            turned = orthogonalised(torch.stack([ahead[index] for index in indices])) * RMS_OF_ADAMW * max(shape) ** 0.5
            for index, update in zip(indices, turned, strict=True):
                updates[index] = update.view_as(parameters[index]).to(parameters[index].dtype)
        return updates

    def _adamw(self, parameters: list[nn.Parameter], gradients: list[Tensor]) -> list[Tensor]:
        """Each parameter's update; all have the same number of steps behind them."""
        for parameter in parameters:
            if not self.state[parameter]:
                mean, square = torch.zeros_like(parameter), torch.zeros_like(parameter)
                self.state[parameter].update(step=0, mean=mean, square=square)
        states = [self.state[parameter] for parameter in parameters]
        for state in states:
            state["step"] += 1
        means, squares = ([state[name] for state in states] for name in ("mean", "square"))
        torch._foreach_lerp_(means, gradients, 0.1)
        torch._foreach_lerp_(squares, torch._foreach_mul(gradients, gradients), 0.05)
        roots = torch._foreach_div(squares, [1 - 0.95 ** state["step"] for state in states])
        torch._foreach_sqrt_(roots)
        torch._foreach_add_(roots, 1e-8)
        updates = torch._foreach_div(means, [1 - 0.9 ** state["step"] for state in states])
        torch._foreach_div_(updates, roots)
        return list(updates)
