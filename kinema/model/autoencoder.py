"""The autoencoder: four frames of 16 x 16 pixels become one latent vector, and back.

Every chunk of frames is encoded alone and only the decoder sees the chunk before, so that for a shift of whole chunks
`encode(clip[4k:]) == encode(clip)[k:]` exactly. Both halves are a linear map plus a learnt residual; the linear map
starts at the principal components of the data, which is most of the way there after seconds (docs/LOG.md), and the
residual starts at zero. There is no normalisation over space, so away from its borders a crop is encoded as it would be
inside the whole picture.

B batch, K chunks, F frames in a chunk, H W pixels, C latent channels, h w latents (H / patch, W / patch).
"""

from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class AutoencoderConfig:
    """Shape of an autoencoder; `widths` are the channels at 1/4, 1/8 and 1/16 of the size, `depth` blocks at each."""

    channels: int = 64
    chunk: int = 4
    patch: int = 16
    widths: tuple[int, int, int] = (64, 128, 256)
    depth: int = 2

    @property
    def patch_values(self) -> int:
        """Numbers in one patch of one chunk: what a latent vector stands for."""
        return self.chunk * 3 * self.patch * self.patch


class ConvBlock(nn.Module):
    """Pre-activation residual block of two 3 x 3 convolutions; the identity until it is trained."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = _zero_conv(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(functional.silu(self.first(functional.silu(x))))


def _zero_conv(width: int, channels: int) -> nn.Conv2d:
    conv = nn.Conv2d(width, channels, 3, padding=1)
    for parameter in conv.parameters():
        nn.init.zeros_(parameter)
    return conv


def _blocks(width: int, depth: int) -> nn.Sequential:
    return nn.Sequential(*[ConvBlock(width) for _ in range(depth)])


class Encoder(nn.Module):
    """Latent of one chunk, (B, C, h, w), from its frames, (B, F, 3, H, W) in [-1, 1]; unknown pixels are 0."""

    scale: Tensor

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        fine, middle, coarse = config.widths
        folded = config.chunk * 3
        self.linear = nn.Conv2d(folded, config.channels, config.patch, stride=config.patch)
        self.residual = nn.Sequential(
            nn.PixelUnshuffle(4),
            nn.Conv2d(folded * 16, fine, 1),
            _blocks(fine, config.depth - 1),
            nn.PixelUnshuffle(2),
            nn.Conv2d(fine * 4, middle, 1),
            _blocks(middle, config.depth),
            nn.PixelUnshuffle(2),
            nn.Conv2d(middle * 4, coarse, 1),
            _blocks(coarse, config.depth),
            nn.SiLU(),
            _zero_conv(coarse, config.channels),
        )
        self.register_buffer("scale", torch.ones(config.channels))

    def forward(self, frames: Tensor) -> Tensor:
        folded = frames.flatten(1, 2).contiguous(memory_format=torch.channels_last)
        return (self.linear(folded) + self.residual(folded)) * self.scale[:, None, None]


class Decoder(nn.Module):
    """Frames of one chunk, (B, F, 3, H, W) around [-1, 1], from its latent and the one before, (B, C, h, w) each.

    Where nothing came before, the latent before is zero.
    """

    scale: Tensor

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        fine, middle, coarse = config.widths
        folded = config.chunk * 3
        self.chunk = config.chunk
        self.linear = nn.ConvTranspose2d(config.channels, folded, config.patch, stride=config.patch)
        self.enter = nn.Conv2d(2 * config.channels, coarse, 3, padding=1)
        self.coarse = nn.Sequential(_blocks(coarse, config.depth), nn.Conv2d(coarse, middle * 4, 1), nn.PixelShuffle(2))
        self.middle = nn.Sequential(_blocks(middle, config.depth), nn.Conv2d(middle, fine * 4, 1), nn.PixelShuffle(2))
        self.glance = nn.Conv2d(2 * folded * 16, fine, 1)
        self.fine = _blocks(fine, config.depth)
        self.leave = nn.Sequential(nn.SiLU(), _zero_conv(fine, folded * 16), nn.PixelShuffle(4))
        self.register_buffer("scale", torch.ones(config.channels))

    def forward(self, latent: Tensor, before: Tensor) -> Tensor:
        latent, before = (z / self.scale[:, None, None] for z in (latent, before))
        linear = self.linear(latent)
        seen = functional.pixel_unshuffle(torch.cat((linear, self.linear(before)), 1), 4)
        x = self.enter(torch.cat((latent, before), 1).contiguous(memory_format=torch.channels_last))
        x = self.middle(self.coarse(x)) + self.glance(seen)
        return rearrange(linear + self.leave(self.fine(x)), "b (f c) h w -> b f c h w", f=self.chunk)


class Autoencoder(nn.Module):
    """Clips to latents and back, chunk by chunk."""

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)

    def latent_shape(self, height: int, width: int) -> tuple[int, int, int]:
        """(C, h, w) of the latent of one chunk of frames of this size in pixels."""
        return self.config.channels, height // self.config.patch, width // self.config.patch

    def forward(self, frames: Tensor, noise: Tensor) -> Tensor:
        """Frames (B, T, 3, H, W) through their latents and back, the latents disturbed by noise (B, K, C, h, w)."""
        return self.decode(self.encode(frames) + noise)

    def encode(self, frames: Tensor) -> Tensor:
        """Latents (B, K, C, h, w) of frames (B, K·F, 3, H, W) in [-1, 1]; each chunk is encoded alone."""
        chunks = rearrange(frames, "b (k f) c h w -> (b k) f c h w", f=self.config.chunk)
        return rearrange(self.encoder(chunks), "(b k) c h w -> b k c h w", b=len(frames))

    def decode(self, latents: Tensor, before: Tensor | None = None) -> Tensor:
        """Frames (B, K·F, 3, H, W) of latents (B, K, C, h, w); `before` (B, C, h, w) is the latent that came before."""
        first = torch.zeros_like(latents[:, 0]) if before is None else before
        befores = torch.cat((first[:, None], latents[:, :-1]), 1)
        chunks = self.decoder(latents.flatten(0, 1), befores.flatten(0, 1))
        return rearrange(chunks, "(b k) f c h w -> b (k f) c h w", b=len(latents))

    @torch.no_grad()
    def start_at_principal_components(self, frames: Tensor, generator: torch.Generator) -> Tensor:
        """Set both linear maps to the principal components of patches of `frames`, (B, K·F, 3, H, W).

        Returns the eigenvalues, (C,), largest first. Up to 30,000 patches are drawn with `generator`.
        """
        config = self.config
        patches = rearrange(
            frames, "b (k f) c (h p) (w q) -> (b k h w) (f c p q)", f=config.chunk, p=config.patch, q=config.patch
        )
        drawn = torch.randperm(len(patches), generator=generator)[:30_000]
        patches = patches[drawn].float()
        mean = patches.mean(0)
        values, basis = _principal(patches - mean, config.channels)
        shape = (config.channels, config.chunk * 3, config.patch, config.patch)
        # The mean of a folded channel over its patch is kept by the bias; what varies inside a patch, by the residual.
        level = rearrange(mean, "(f p q) -> f (p q)", f=config.chunk * 3, p=config.patch).mean(1)
        for linear, bias in ((self.encoder.linear, -basis @ mean), (self.decoder.linear, level)):
            assert linear.bias is not None
            linear.weight.copy_(basis.reshape(shape))
            linear.bias.copy_(bias)
        return values

    @torch.no_grad()
    def set_scale(self, deviations: Tensor, tilt: float) -> None:
        """Scale latents so that channel c has deviation ∝ deviations[c] ** tilt, with mean square 1 over channels.

        `deviations`, (C,), are measured with the scale at one. `tilt` 0 whitens, 1 keeps the energies as they are.
        """
        target = deviations**tilt
        target = target / target.square().mean().sqrt()
        self.encoder.scale.copy_(target / deviations)
        self.decoder.scale.copy_(target / deviations)


def _principal(centred: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The largest eigenvalues (C,) of the covariance of rows (N, V) around 0, and their vectors (C, V)."""
    if count <= len(centred) < centred.shape[1]:  # the same, and quicker where rows are few
        _, roots, vectors = torch.linalg.svd(centred, full_matrices=False)
        return roots[:count].square() / len(centred), vectors[:count]
    values, columns = torch.linalg.eigh(centred.T @ centred / len(centred))
    return values.flip(0)[:count], columns.flip(1)[:, :count].T
