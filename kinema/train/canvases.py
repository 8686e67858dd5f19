"""Canvases to learn from: beside a clip's latents, those of what a task would know of it, and the mask.

Which pixels are known is drawn by running the tasks themselves (kinema/tasks.py), so every task is trained. The result
is kept in a store like any other, its channels being clean latents ⊕ canvas ⊕ mask.

B batch, K chunks, C latent channels, M mask channels, T frames, H W pixels, h w latents.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from hashlib import sha256

import numpy as np
import torch

from kinema.backends.native import known_share
from kinema.canvas import Canvas
from kinema.clip import Clip
from kinema.model.autoencoder import Autoencoder
from kinema.model.transformer import MASK_CHANNELS
from kinema.train.denoise import EncodeFrames
from kinema.train.precision import mixed

Draw = Callable[[np.random.Generator, Clip], Canvas]
"""A canvas as long as the clip, of which it knows what some task would know."""


@dataclass(frozen=True)
class EncodeCanvases:
    """Encodes clips at `fps` and, beside each, a canvas drawn from it; which one follows from the clip's pixels."""

    autoencoder: Autoencoder
    draw: Draw
    fps: Fraction

    def __call__(self, frames: np.ndarray) -> np.ndarray:
        """Latents (B, K, 2C + M, h, w) float32 of frames (B, T, H, W, 3) uint8."""
        clean = EncodeFrames(self.autoencoder)(frames)
        return np.stack([self._beside(each, latents) for each, latents in zip(frames, clean, strict=True)])

    def _beside(self, frames: np.ndarray, clean: np.ndarray) -> np.ndarray:
        """Clean latents (K, C, h, w), canvas and mask of one clip, side by side."""
        chunk, patch = self.autoencoder.config.chunk, self.autoencoder.config.patch
        rng = np.random.default_rng(int.from_bytes(sha256(frames.tobytes()).digest()[:8], "big"))
        canvas = self.draw(rng, Clip(frames, self.fps))
        mask = known_share(canvas.known, chunk, patch, MASK_CHANNELS).transpose(0, 3, 1, 2)
        return np.concatenate((clean, self._encode(canvas), mask), 1)

    def _encode(self, canvas: Canvas) -> np.ndarray:
        """Latents (K, C, h, w) of the canvas, unknown pixels 0 in [-1, 1]."""
        pixels = np.where(canvas.known[..., None], canvas.pixels.astype(np.float32) / 127.5 - 1, np.float32(0))
        with torch.no_grad(), mixed("cpu"):
            return self.autoencoder.encode(torch.from_numpy(pixels).permute(0, 3, 1, 2)[None])[0].float().numpy()
