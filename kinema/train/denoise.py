"""The denoiser's lesson: guess the clean latents of a window from noisy ones, what is known of it, and its caption.

First stills (one chunk, 64 tokens: what things look like), then films (eight chunks: how they move). In a share of the
films the first chunks are known, which is what joining the windows of a longer film asks for.

B batch, K chunks, C latent channels, h w latents, N tokens, M mask channels, L words.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from einops import rearrange
from torch import Tensor, nn

from kinema.data.latents import LatentStore
from kinema.errors import TrainingError
from kinema.model.autoencoder import Autoencoder
from kinema.model.denoiser import Denoiser
from kinema.model.flow import draw_times, noised, velocity_loss
from kinema.model.transformer import MASK_CHANNELS, grid_positions
from kinema.model.words import PADDING, word_ids
from kinema.train.reconstruct import to_uint8
from kinema.train.sample import sample
from kinema.train.sheets import save_film_rows


@dataclass
class Denoising:
    """Learns `model` on windows of `chunks` chunks from `store`; `words` is the vocabulary, `time_mean` as in flow.py.

    `canonical` is the share of samples whose caption is the canonical one, `dropped` of those without a caption,
    `prefixed` of those whose first chunks are known. Raises TrainingError where store, words and model do not fit.
    """

    model: Denoiser
    store: LatentStore
    words: tuple[str, ...]
    autoencoder: Autoencoder
    chunks: int = 1
    time_mean: float = 0.4
    canonical: float = 0.6
    dropped: float = 0.1
    prefixed: float = 0.2
    name: str = field(default="denoiser", init=False)

    def __post_init__(self) -> None:
        length = self.model.text.config.length
        clip_chunks, channels = self.store.shape[:2]
        expected = self.model.transformer.config.channels
        if not len(self.store):
            raise TrainingError("the store of latents holds no clip yet; wait for the stage `latents`")
        if not 1 <= self.chunks <= clip_chunks:
            raise TrainingError(
                f"windows of {self.chunks} chunks do not fit clips of {clip_chunks}; take 1 to {clip_chunks}"
            )
        if channels != expected:
            raise TrainingError(f"latents of {channels} channels do not fit a model of {expected}; choose another size")
        try:
            self.ids = [torch.tensor([word_ids(c, self.words, length) for c in said]) for said in self.store.captions]
        except KeyError as error:
            raise TrainingError(f"a caption says {error}, which is no word of the model's; start a new model") from None
        self.positions = grid_positions(self.chunks, *self.store.shape[2:])
        with torch.no_grad():
            self.blank = blank_latent(self.autoencoder, *self.store.shape[2:]).repeat(self.chunks, 1)

    @property
    def flops_per_sample(self) -> float:
        """Forward and backward of one window: the matrices once a token, and attention (12 N² D a block)."""
        shape = self.model.transformer.config
        tokens = len(self.positions)
        matrices = sum(p.numel() for p in self.model.transformer.blocks.parameters() if p.ndim == 2)
        text = sum(p.numel() for p in self.model.text.blocks.parameters()) * self.model.text.config.length
        attention = 12.0 * tokens * (tokens + self.model.text.config.length) * shape.width * shape.depth
        return 6.0 * (matrices * tokens + text) + attention

    def loss(self, model: nn.Module, samples: range, seed: int) -> Tensor:
        drawn = [self._draw(torch.Generator().manual_seed(seed * 1_000_003 + i)) for i in samples]
        x, noise, t, ids, known = (torch.stack(column) for column in zip(*drawn, strict=True))
        x_t = noised(x, noise, t)
        canvas = torch.where(known[..., None] > 0, x, self.blank)
        tokens = torch.cat((x_t, canvas, known[..., None].expand(-1, -1, MASK_CHANNELS)), -1)
        with torch.autocast("cpu", torch.bfloat16):
            predicted = model(tokens, self.positions, t, ids)
        return velocity_loss(predicted, x, t, 1 - known).mean()

    def _draw(self, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """One sample: clean latents (N, C), noise (N, C), time (), word ids (L,), known (N,) as 0 or 1."""

        def chance() -> float:
            return float(torch.rand((), generator=generator))

        clip = int(torch.randint(len(self.store), (), generator=generator))
        start = int(torch.randint(self.store.shape[0] - self.chunks + 1, (), generator=generator))
        latents = torch.from_numpy(self.store.read([clip])[0, start : start + self.chunks]).float()
        x = rearrange(latents, "k c h w -> (k h w) c")
        said = self.ids[clip]
        which = 0 if chance() < self.canonical else int(torch.randint(len(said), (), generator=generator))
        ids = said[which] if chance() >= self.dropped else torch.full_like(said[0], PADDING)
        known = torch.zeros(self.chunks, len(x) // self.chunks)
        if self.chunks > 1 and chance() < self.prefixed:
            known[: int(torch.randint(1, self.chunks // 2 + 1, (), generator=generator))] = 1
        t = draw_times(1, self.time_mean, generator)[0]
        return x, torch.randn(x.shape, generator=generator), t, ids, known.flatten()

    def show(self, model: nn.Module, path: Path) -> None:
        """Eight prompts of the store as the averaged model sees them now, always from the same noise."""
        ids = torch.stack([said[0] for said in self.ids[:8]])
        generator = torch.Generator().manual_seed(0)
        noise = torch.randn(len(ids), len(self.positions), self.store.shape[1], generator=generator)
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            x = sample(model, noise, self.blank, self.positions, ids, steps=12, guidance=3.0)
            _, height, width = self.store.shape[1:]
            latents = rearrange(x, "b (k h w) c -> b k c h w", k=self.chunks, h=height, w=width)
            films = to_uint8(self.autoencoder.decode(latents))
        save_film_rows(list(films), path, across=6 if self.chunks > 1 else 2)
        path.with_suffix(".txt").write_text("\n".join(said[0] for said in self.store.captions[:8]) + "\n")


def blank_latent(autoencoder: Autoencoder, height: int, width: int) -> Tensor:
    """Latents (h w, C) of a chunk in which nothing is known: the canvas of whatever is to be invented."""
    patch, chunk = autoencoder.config.patch, autoencoder.config.chunk
    latent = autoencoder.encode(torch.zeros(1, chunk, 3, height * patch, width * patch))
    return rearrange(latent, "1 1 c h w -> (h w) c")


@dataclass(frozen=True)
class EncodeFrames:
    """Encodes whole clips, `batch` at a time, in bf16."""

    autoencoder: Autoencoder
    batch: int = 4

    def __call__(self, frames: np.ndarray) -> np.ndarray:
        parts = []
        for start in range(0, len(frames), self.batch):
            clip = torch.from_numpy(frames[start : start + self.batch]).permute(0, 1, 4, 2, 3).float() / 127.5 - 1
            with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
                parts.append(self.autoencoder.encode(clip).float().numpy())
        return np.concatenate(parts)
