"""The upscaler: frames twice as wide and twice as high, with the detail that Lanczos cannot know.

It adds to a Lanczos resize what is missing there, and starts at adding nothing, so that it begins as Lanczos and only
learns what is better. It works on squares of 2 x 2 pixels, four times cheaper than on pixels: what it is given is soft,
and at equal cost sees twice as far. The frames before and after are seen too, which steadies what stands still.

B batch, H W pixels of what is given.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from kinema.errors import CheckpointError
from kinema.model import checkpoint
from kinema.model.autoencoder import ConvBlock

SEEN = 3
"""Frames that are seen: the one before, the one that is upscaled, the one after."""


@dataclass(frozen=True)
class UpscalerConfig:
    """Shape of an upscaler: channels, and residual blocks of two convolutions each."""

    width: int = 64
    depth: int = 3


class Upscaler(nn.Module):
    """Detail (B, 3, 2H, 2W), to be added to a Lanczos resize, from neighbouring frames (B, 9, H, W) in [-1, 1]."""

    def __init__(self, config: UpscalerConfig) -> None:
        super().__init__()
        self.config = config
        self.enter = nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(SEEN * 3 * 4, config.width, 3, padding=1))
        self.blocks = nn.Sequential(*[ConvBlock(config.width) for _ in range(config.depth)])
        last = nn.Conv2d(config.width, 3 * 16, 3, padding=1)
        for parameter in last.parameters():
            nn.init.zeros_(parameter)
        self.leave = nn.Sequential(nn.SiLU(), last, nn.PixelShuffle(4))

    def forward(self, frames: Tensor) -> Tensor:
        return self.leave(self.blocks(self.enter(frames)))


def save(path: Path, model: Upscaler, **about: Any) -> None:
    checkpoint.write(path, model.state_dict(), {"what": "upscaler", "upscaler": asdict(model.config), **about})


def load(path: Path) -> tuple[Upscaler, dict[str, Any]]:
    """The upscaler at `path`, also an exported one, in fp32 for evaluation, and its header. Raises CheckpointError."""
    tensors, header = checkpoint.read(path)
    if header.get("what") != "upscaler":
        raise CheckpointError(f"{path} holds {header.get('what')!r}, not the upscaler that is needed here")
    weights = {name: tensor for name, tensor in tensors.items() if not name.startswith("graph.")}
    return checkpoint.filled(path, lambda: Upscaler(UpscalerConfig(**header["upscaler"])), weights), header
