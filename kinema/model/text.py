"""The text encoder: a small one, trained with the transformer on the caption language.

B batch, L words, D width.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kinema.model.layers import Attention, RMSNorm, SwiGLU
from kinema.model.words import PADDING


@dataclass(frozen=True)
class TextConfig:
    """Shape of the text encoder; `words` is the size of the vocabulary without padding."""

    words: int
    length: int = 40
    width: int = 192
    depth: int = 2
    head: int = 64


class TextBlock(nn.Module):
    """Pre-norm attention over the words, then SwiGLU."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.attention_norm, self.mlp_norm = RMSNorm(config.width), RMSNorm(config.width)
        self.attention = Attention(config.width, config.head)
        self.mlp = SwiGLU(config.width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.attention_norm(x))
        return x + self.mlp(self.mlp_norm(x))


class TextEncoder(nn.Module):
    """Word ids (B, L) to word states (B, L, D); states at padding are zero, so padding is inert further on."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.words + 1, config.width)
        self.positions = nn.Parameter(torch.randn(config.length, config.width) * 0.1)
        self.blocks = nn.ModuleList(TextBlock(config) for _ in range(config.depth))
        self.norm = RMSNorm(config.width)
        nn.init.normal_(self.embedding.weight, std=0.5)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.embedding(ids) + self.positions[: ids.shape[1]]
        for block in self.blocks:
            x = block(x)
        return self.norm(x) * (ids != PADDING).unsqueeze(-1)
