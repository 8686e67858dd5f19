"""The autoencoder's lesson: crops of clips, encoded, disturbed a little and decoded again.

The decoder learns under latent noise of a random strength, because what it will meet is a transformer's guess and not
an encoder's truth. Some crops have unknown pixels (zero), since the canvas of a task is encoded by this encoder too.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from kinema.model.autoencoder import Autoencoder
from kinema.train.precision import mixed
from kinema.train.sheets import save_film_rows


@dataclass
class Reconstruction:
    """Learns `model` on `clips`, (n, T, H, W, 3) uint8; a sample is a crop of `crop_px` and `crop_frames`."""

    model: Autoencoder
    clips: np.ndarray
    crop_px: int = 64
    crop_frames: int = 16
    noise: float = 0.15
    masked: float = 0.15
    name: str = field(default="autoencoder", init=False)

    @property
    def flops_per_sample(self) -> float:
        return crop_flops(self.model, self.crop_frames, self.crop_px)

    @property
    def _latent_shape(self) -> tuple[int, int, int, int]:
        """(K, C, h, w) of a crop."""
        return self.crop_frames // self.model.config.chunk, *self.model.latent_shape(self.crop_px, self.crop_px)

    def loss(self, model: nn.Module, samples: range, seed: int) -> Tensor:
        generators = [torch.Generator().manual_seed(seed * 1_000_003 + i) for i in samples]
        frames = torch.stack([self._crop(generator) for generator in generators])
        shape = self._latent_shape
        noise = [self.noise * torch.rand((), generator=g) * torch.randn(shape, generator=g) for g in generators]
        with mixed("cpu"):
            out = model(frames, torch.stack(noise))
        return reconstruction_loss(out.float(), frames)

    def _crop(self, generator: torch.Generator) -> Tensor:
        """Frames (T, 3, H, W) in [-1, 1] of a random crop that begins on whole chunks and on every eighth pixel."""

        def draw(limit: int) -> int:
            return int(torch.randint(limit, (), generator=generator))

        chunk = self.model.config.chunk
        count, length, height, width = self.clips.shape[:4]
        clip = self.clips[draw(count)]
        start = chunk * draw((length - self.crop_frames) // chunk + 1)
        top, left = 8 * draw((height - self.crop_px) // 8 + 1), 8 * draw((width - self.crop_px) // 8 + 1)
        cut = clip[start : start + self.crop_frames, top : top + self.crop_px, left : left + self.crop_px]
        frames = torch.from_numpy(np.ascontiguousarray(cut)).permute(0, 3, 1, 2).float() / 127.5 - 1
        if torch.rand((), generator=generator) < self.masked:
            known = torch.rand(len(frames), 1, self.crop_px // 8, self.crop_px // 8, generator=generator) < 0.7
            known &= torch.rand(len(frames), 1, 1, 1, generator=generator) < 0.7
            frames = frames * known.repeat_interleave(8, 2).repeat_interleave(8, 3)
        return frames

    def show(self, model: Autoencoder, path: Path) -> None:
        """Originals above reconstructions of six clips."""
        frames = to_frames(self.clips[:: max(1, len(self.clips) // 6)][:6])
        with torch.no_grad(), mixed("cpu"):
            out = model.decode(model.encode(frames))
        rows = [row for pair in zip(to_uint8(frames), to_uint8(out), strict=True) for row in pair]
        save_film_rows(rows, path)


def crop_flops(model: Autoencoder, frames: int, side_px: int) -> float:
    """Forward and backward of one crop: the forward pass's operations, counted, three times."""
    device = model.encoder.scale.device
    crop = torch.zeros(1, frames, 3, side_px, side_px, device=device)
    noise = torch.zeros(1, frames // model.config.chunk, *model.latent_shape(side_px, side_px), device=device)
    with torch.no_grad(), mixed(device.type), FlopCounterMode(display=False) as counter:
        model(crop, noise)
    return 3.0 * counter.get_total_flops()


def reconstruction_loss(out: Tensor, frames: Tensor) -> Tensor:
    """Charbonnier distance plus half that of neighbouring differences, so that edges and stillness count. A scalar.

    For clips (B, T, 3, H, W), whose neighbours in time count too, or pictures (B, 3, H, W).
    """
    error = out - frames
    axes = (-1, -2, -4) if error.ndim == 5 else (-1, -2)
    edges = torch.stack([error.diff(dim=axis).abs().mean() for axis in axes]).sum()
    return torch.sqrt(error.square() + 1e-3).mean() + 0.5 * edges


def psnr(out: Tensor, frames: Tensor) -> float:
    """Peak signal-to-noise ratio in dB of frames around [-1, 1], the error averaged over everything."""
    return float(-10 * ((out.clamp(-1, 1) - frames) / 2).square().mean().log10())


def to_frames(clips: np.ndarray | Tensor) -> Tensor:
    """(B, T, H, W, 3) uint8 to (B, T, 3, H, W) in [-1, 1], where a tensor is."""
    held = clips if isinstance(clips, Tensor) else torch.from_numpy(np.array(clips))
    return held.permute(0, 1, 4, 2, 3).float() / 127.5 - 1


def to_uint8(frames: Tensor) -> np.ndarray:
    """(B, T, 3, H, W) around [-1, 1] to (B, T, H, W, 3) uint8."""
    return ((frames.float().clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 1, 3, 4, 2).cpu().numpy()
