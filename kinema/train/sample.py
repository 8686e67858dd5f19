"""Sampling with torch, for the sheets of a run; films are sampled on the studio floor (backends/sampler.py)."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from kinema.model.transformer import MASK_CHANNELS
from kinema.model.words import PADDING


def sample(
    model: nn.Module, noise: Tensor, blank: Tensor, positions: Tensor, ids: Tensor, *, steps: int, guidance: float
) -> Tensor:
    """Clean latents (B, N, C) from noise (B, N, C), nothing known (`blank` (N, C) is the latent of that).

    Euler on the velocity, guided away from the empty caption.
    """
    x = noise
    unknown = torch.cat((blank, torch.zeros(len(blank), MASK_CHANNELS, device=blank.device)), -1).expand(
        len(noise), -1, -1
    )
    times = torch.linspace(1, 0, steps + 1, device=noise.device)
    for t, after in pairwise(times):
        tokens = torch.cat((x, unknown), -1).repeat(2, 1, 1)
        both = torch.cat((ids, torch.full_like(ids, PADDING)))
        told, untold = model(tokens, positions, t.expand(len(both)), both).float().chunk(2)
        clean = untold + guidance * (told - untold)
        x = x + (after - t) * (x - clean) / t
    return x
