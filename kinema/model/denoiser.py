"""The denoiser: text encoder and transformer as the one network that is trained together.

B batch, N tokens, C latent channels, M mask channels, L words.
"""

from dataclasses import replace

from torch import Tensor, nn

from kinema.model.text import TextConfig, TextEncoder
from kinema.model.transformer import Transformer, TransformerConfig


class Denoiser(nn.Module):
    """Clean latents (B, N, C) from tokens (B, N, 2C + M), their positions (N, 3), times (B,) and word ids (B, L)."""

    def __init__(self, text: TextConfig, transformer: TransformerConfig) -> None:
        super().__init__()
        self.text = TextEncoder(text)
        self.transformer = Transformer(replace(transformer, text_width=text.width))

    def forward(self, tokens: Tensor, positions: Tensor, t: Tensor, ids: Tensor) -> Tensor:
        return self.transformer(tokens, positions, t, self.text(ids))
