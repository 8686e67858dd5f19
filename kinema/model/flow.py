"""Rectified flow: how noise becomes a latent, for training (samplers without torch live in backends/sampler.py).

Time t is in [0, 1], 1 = noise: x_t = (1 - t) x + t ε. The network predicts x itself, and the loss is that of the
velocity ε - x = (x_t - x) / t, so an error in x weighs 1 / t² (with t held at 0.1 or above), as in Li and He 2025
(arXiv 2511.13720). Rectified flow: Liu et al. 2022 (arXiv 2209.03003). Logit-normal times: Esser et al. 2024
(arXiv 2403.03206), section 3.1.
"""

import torch
from torch import Tensor

LEAST_TIME = 0.1


def draw_times(count: int, mean: float, generator: torch.Generator) -> Tensor:
    """Times (count,) in (0, 1), logit-normal around sigmoid(mean); a larger mean trains more on noise."""
    return torch.sigmoid(torch.randn(count, generator=generator) + mean)


def noised(x: Tensor, noise: Tensor, t: Tensor) -> Tensor:
    """x_t = (1 - t) x + t noise; x and noise (B, N, C), t (B,)."""
    return torch.lerp(x, noise, t[:, None, None])


def velocity_loss(predicted: Tensor, x: Tensor, t: Tensor, weight: Tensor | None = None) -> Tensor:
    """Mean squared velocity error, (B,), of the predicted x; `weight`, (B, N), is how much each token counts."""
    error = (predicted.float() - x.float()).square().mean(-1)
    if weight is not None:
        error = error * weight / weight.mean(-1, keepdim=True).clamp_min(1e-6)
    return error.mean(-1) / t.clamp_min(LEAST_TIME).square()
