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


def orthogonalised(matrix: Tensor, steps: int = 5) -> Tensor:
    """The matrix (rows, columns) with its singular values moved towards 1, in bf16."""
    a, b, c = NEWTON_SCHULZ
    x = matrix.bfloat16()
    x = x / (x.norm() + 1e-7)
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if tall else x


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
            update = self._muon if group["muon"] else self._adamw
            for parameter in group["params"]:
                if parameter.grad is not None:
                    parameter.mul_(1 - group["lr"] * group["weight_decay"])
                    parameter.add_(update(parameter, parameter.grad), alpha=-group["lr"])

    def _muon(self, parameter: nn.Parameter, gradient: Tensor) -> Tensor:
        state = self.state[parameter]
        if not state:
            state["momentum"] = torch.zeros_like(parameter)
        momentum = state["momentum"].lerp_(gradient, 0.05)
        ahead = torch.lerp(gradient, momentum, 0.95).flatten(1)
        scale = RMS_OF_ADAMW * max(ahead.shape) ** 0.5
        return (orthogonalised(ahead) * scale).view_as(parameter).to(parameter.dtype)

    def _adamw(self, parameter: nn.Parameter, gradient: Tensor) -> Tensor:
        state = self.state[parameter]
        if not state:
            state.update(step=torch.zeros(()), mean=torch.zeros_like(parameter), square=torch.zeros_like(parameter))
        state["step"] += 1
        state["mean"].lerp_(gradient, 0.1)
        state["square"].lerp_(gradient.square(), 0.05)
        n = state["step"].item()
        mean, square = state["mean"] / (1 - 0.9**n), state["square"] / (1 - 0.95**n)
        return mean / (square.sqrt() + 1e-8)
