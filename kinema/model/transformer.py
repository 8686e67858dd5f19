"""The transformer: predicts a canvas's clean latents from noisy ones, the known ones, the mask, the time and the text.

A token is one latent vector; the canvas is conditioned by channels (noisy latent ⊕ latent of the known pixels ⊕ mask),
so every task is the same call. Positions come with the tokens, so any duration, size and aspect is a list of tokens.

B batch, N tokens, C latent channels, M mask channels, L words, D width.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from kinema.model.layers import Attention, RMSNorm, Rotation, SwiGLU

MASK_CHANNELS = 16
"""Known share of each of 4 frames by 2 by 2 quarters of a token's patch."""


@dataclass(frozen=True)
class TransformerConfig:
    """Shape of the transformer; `axes` shares half a head's channels over (t, y, x)."""

    channels: int = 64
    mask_channels: int = MASK_CHANNELS
    text_width: int = 192
    width: int = 256
    depth: int = 10
    head: int = 64
    axes: tuple[int, int, int] = (8, 12, 12)


class TransformerBlock(nn.Module):
    """Attention over tokens and words, then SwiGLU, each shifted, scaled and gated by the time (adaLN).

    The modulation is computed once for all blocks and each adds its own offset, as in PixArt-alpha (arXiv 2310.00426).
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.norm = RMSNorm(config.width, gain=False)
        self.attention = Attention(config.width, config.head, extra_width=config.text_width)
        self.mlp = SwiGLU(config.width)
        self.offset = nn.Parameter(torch.randn(6, config.width) * 0.02)

    def forward(self, x: Tensor, modulation: Tensor, rotation: tuple[Tensor, Tensor], text: Tensor) -> Tensor:
        offset = (modulation + self.offset).to(x.dtype)  # else fp32 offsets would make all that follows fp32
        shift, scale, gate, mlp_shift, mlp_scale, mlp_gate = offset.unsqueeze(2).unbind(1)
        x = x + (1 + gate) * self.attention(self.norm(x) * (1 + scale) + shift, rotation, text)
        return x + (1 + mlp_gate) * self.mlp(self.norm(x) * (1 + mlp_scale) + mlp_shift)


class Transformer(nn.Module):
    """Clean latents (B, N, C) from tokens (B, N, 2C + M), positions (N, 3), times (B,) and words (B, L, D_text)."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        self.enter = nn.Linear(2 * config.channels + config.mask_channels, config.width)
        self.rotation = Rotation(config.head, config.axes)
        self.time = nn.Sequential(nn.Linear(128, config.width), nn.SiLU(), nn.Linear(config.width, config.width))
        self.pooled = nn.Linear(config.text_width, config.width)
        self.modulation = nn.Linear(config.width, 6 * config.width)
        self.blocks = nn.ModuleList(TransformerBlock(config) for _ in range(config.depth))
        self.norm = RMSNorm(config.width, gain=False)
        self.last = nn.Linear(config.width, 2 * config.width)
        self.leave = nn.Linear(config.width, config.channels)
        for layer in (self.modulation, self.last, self.leave):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, tokens: Tensor, positions: Tensor, t: Tensor, text: Tensor) -> Tensor:
        rotation = self.rotation(positions)
        condition = functional.silu(self.time(time_features(t)) + self.pooled(text.mean(1)))
        modulation = self.modulation(condition).unflatten(-1, (6, -1))
        x = self.enter(tokens)
        for block in self.blocks:
            x = block(x, modulation, rotation, text)
        shift, scale = self.last(condition).unsqueeze(1).chunk(2, -1)
        return self.leave(self.norm(x) * (1 + scale) + shift)


def time_features(t: Tensor, count: int = 128) -> Tensor:
    """Cosines and sines (B, count) of the times t (B,) in [0, 1] at frequencies from 1 to 1,000."""
    frequencies = torch.exp(torch.linspace(0, math.log(1000), count // 2, device=t.device))
    angles = t.float()[:, None] * frequencies
    return torch.cat((angles.cos(), angles.sin()), -1)


def grid_positions(chunks: int, height: int, width: int, *, first: int = 0) -> Tensor:
    """Positions (N, 3) as (t, y, x) of chunks by height by width latents; y and x are 0 in the picture's middle."""
    t = torch.arange(first, first + chunks, dtype=torch.float32)
    y = torch.arange(height, dtype=torch.float32) - (height - 1) / 2
    x = torch.arange(width, dtype=torch.float32) - (width - 1) / 2
    return torch.stack(torch.meshgrid(t, y, x, indexing="ij"), -1).reshape(-1, 3)
