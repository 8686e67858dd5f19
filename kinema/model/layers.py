"""Layers shared by the text encoder and the transformer.

B batch, N tokens, D width, H heads, E width of a head.
"""

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional


class RMSNorm(nn.Module):
    """x / rms(x) over the last axis, times a learnt gain (none where `gain` is False). Zhang and Sennrich 2019."""

    def __init__(self, width: int, gain: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width)) if gain else None

    def forward(self, x: Tensor) -> Tensor:
        normed = x * torch.rsqrt(x.float().square().mean(-1, keepdim=True) + 1e-6).to(x.dtype)
        return normed if self.weight is None else normed * self.weight


class SwiGLU(nn.Module):
    """Gated feed-forward layer of about the parameters of a fourfold one. Shazeer 2020 (arXiv 2002.05202)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        hidden = -(-width * 8 // 3 // 64) * 64
        self.enter = nn.Linear(width, 2 * hidden, bias=False)
        self.leave = nn.Linear(hidden, width, bias=False)
        nn.init.zeros_(self.leave.weight)

    def forward(self, x: Tensor) -> Tensor:
        gate, value = self.enter(x).chunk(2, -1)
        return self.leave(functional.silu(gate) * value)


class Rotation(nn.Module):
    """Cosines and sines (N, E) for rotary positions over several axes. Su et al. 2021 (arXiv 2104.09864).

    Each axis gets its share of the head's channels; position unit is one latent.
    """

    spread: Tensor

    def __init__(self, head: int, axes: tuple[int, ...]) -> None:
        super().__init__()
        assert sum(axes) == head // 2, "the axes share out half of the head's channels"
        angles = [torch.pi * 8.0 ** (-torch.linspace(0, 1, n)) / 2 for n in axes]
        spread = torch.zeros(len(axes), head // 2)
        start = 0
        for axis, angle in enumerate(angles):
            spread[axis, start : start + len(angle)] = angle
            start += len(angle)
        self.register_buffer("spread", spread, persistent=False)

    def forward(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        # Not a matrix product: autocast would round the angles to bf16.
        angles = (positions.float().unsqueeze(-1) * self.spread).sum(-2)
        return torch.cat((angles.cos(), angles.cos()), -1), torch.cat((angles.sin(), angles.sin()), -1)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """x (B, H, N, E) turned by its positions' angles (N, E)."""
    first, second = x.chunk(2, -1)
    return x * cos + torch.cat((-second, first), -1) * sin


class Attention(nn.Module):
    """Self-attention with normalised queries and keys, over the tokens and, where given, extra keys and values.

    QK-norm: Dehghani et al. 2023 (arXiv 2302.05442). An extra key of zero with a zero value (padding) has logit 0 and
    adds nothing but to the denominator: attention may rest there.
    """

    def __init__(self, width: int, head: int, extra_width: int | None = None) -> None:
        super().__init__()
        self.heads = width // head
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.leave = nn.Linear(width, width, bias=False)
        self.query_norm, self.key_norm = RMSNorm(head), RMSNorm(head)
        self.extra = nn.Linear(extra_width, 2 * width, bias=False) if extra_width else None
        self.extra_key_norm = RMSNorm(head) if extra_width else None
        nn.init.zeros_(self.leave.weight)

    def forward(self, x: Tensor, rotation: tuple[Tensor, Tensor] | None = None, extra: Tensor | None = None) -> Tensor:
        q, k, v = rearrange(self.qkv(x), "b n (three h e) -> three b h n e", three=3, h=self.heads)
        q, k = self.query_norm(q), self.key_norm(k)
        if rotation is not None:
            cos, sin = (r.to(q.dtype) for r in rotation)
            q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        if self.extra is not None and self.extra_key_norm is not None and extra is not None:
            more_k, more_v = rearrange(self.extra(extra), "b l (two h e) -> two b h l e", two=2, h=self.heads)
            k = torch.cat((k, self.extra_key_norm(more_k)), 2)
            v = torch.cat((v, more_v), 2)
        return self.leave(rearrange(_attended(q, k, v), "b h n e -> b n (h e)"))


def _attended(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Values (B, H, N, E) gathered by softmax attention, in the values' type."""
    if q.is_cuda:
        return functional.scaled_dot_product_attention(q.to(v.dtype), k.to(v.dtype), v)
    # Written out: on a CPU this is faster in bf16 than the fused kernel at these lengths.
    weights = torch.softmax(q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5, -1)
    return weights.to(v.dtype) @ v
