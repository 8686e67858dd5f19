"""The real networks at a size that a test can afford, and a store of latents to teach them with."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import nn

from kinema.clip import Clip
from kinema.data.latents import Encode, LatentStore
from kinema.data.record import Record, sha256_of_frames
from kinema.model.autoencoder import Autoencoder, AutoencoderConfig
from kinema.model.checkpoint import fingerprint
from kinema.model.denoiser import Denoiser
from kinema.model.text import TextConfig
from kinema.model.transformer import TransformerConfig
from kinema.train.denoise import EncodeFrames

torch.set_num_threads(1)  # as training does (kinema/train/parallel.py): more collapse when anything else runs

WORDS = ("a", "ball", "blue", "red", "rolls")
FPS = Fraction(8)
Model = TypeVar("Model", bound=nn.Module)


def awake(model: Model, seed: int = 0) -> Model:
    """The model with a little noise on every parameter, so that nothing that starts at zero hides."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.05 * torch.randn(parameter.shape, generator=generator)
    return model.eval()


def tiny_autoencoder(seed: int = 0) -> Autoencoder:
    torch.manual_seed(seed)
    return Autoencoder(AutoencoderConfig(channels=8, widths=(8, 16, 16), depth=1))


def tiny_denoiser(seed: int = 0) -> Denoiser:
    torch.manual_seed(seed)
    text = TextConfig(words=len(WORDS), length=6, width=32, depth=1, head=16)
    return Denoiser(text, TransformerConfig(channels=8, text_width=32, width=32, depth=2, head=16, axes=(2, 3, 3)))


def noise_clips(count: int, *, frames: int = 16, side: int = 32, seed: int = 0) -> np.ndarray:
    """Clips (count, frames, side, side, 3) uint8 of coloured squares that drift; no two alike."""
    rng = np.random.default_rng(seed)
    clips = np.full((count, frames, side, side, 3), 128, np.uint8)
    for clip in clips:
        colour, top, step = rng.integers(0, 255, 3), rng.integers(side // 2), rng.integers(1, 3)
        for index, frame in enumerate(clip):
            left = (index * step) % (side // 2)
            frame[top : top + side // 2, left : left + side // 2] = colour
    return clips


def tiny_store(folder: Path, autoencoder: Autoencoder, clips: np.ndarray, encode: Encode | None = None) -> LatentStore:
    """The clips' latents, or what `encode` makes of them, each clip captioned 'a red ball rolls' and 'a ball'."""

    def examples(start: int) -> Iterable[tuple[Record, Clip]]:
        for index, frames in enumerate(clips[start:], start):
            record = Record(
                key=f"clip-{index}",
                captions=("a red ball rolls", "a ball"),
                fps=FPS,
                width=frames.shape[2],
                height=frames.shape[1],
                frames=len(frames),
                source="a test",
                licence="CC0-1.0",
                sha256=sha256_of_frames(frames),
            )
            yield record, Clip(frames, FPS)

    weights = fingerprint(autoencoder.state_dict())
    return LatentStore.build(folder, examples, encode or EncodeFrames(autoencoder), weights, len(clips))
