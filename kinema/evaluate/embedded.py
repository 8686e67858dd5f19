"""The embedded model as an evaluation uses it: films from prompts, and clips through its autoencoder."""

from __future__ import annotations

import numpy as np

from kinema.backends.native import Native, load
from kinema.backends.windows import plan
from kinema.calls import generate
from kinema.clip import Clip
from kinema.engine import make
from kinema.evaluate.exercises import Studio
from kinema.evaluate.run import Makers

SECONDS = 4


def makers(*, films: bool = True) -> Makers:
    """The embedded model's films and reconstructions. Raises CheckpointError where there is no model."""
    native = load()
    return Makers(film=film if films else None, rebuild=lambda clip: rebuilt(native, clip))


def configuration() -> str:
    """What the films depend on, in words."""
    return load().configuration


def film(prompt: str, seed: int, seconds: int = SECONDS) -> Clip:
    """So many seconds of what the prompt says, as anybody would get them."""
    return generate(prompt, seconds=seconds, seed=seed).clip


def window_joins(frames: int) -> list[int]:
    """The frames of so long a film, made of a prompt, at which one window of the model meets another."""
    card = load().card
    unknown = np.zeros(-(-frames // card.chunk), bool)
    windows = plan(unknown, unknown, card.window, card.overlap)
    return sorted(window.keep_start * card.chunk for window in windows if window.keep_start)


def studio() -> Studio:
    """Tasks as anybody would call them, on clips of the model's own size and rate."""
    home = load().home
    return Studio(home.width, home.height, home.fps, lambda recipe, clips: make(recipe, clips=clips).clip)


def rebuilt(native: Native, clip: Clip) -> Clip:
    """The clip encoded and decoded; its length must be whole chunks."""
    chunk = native.card.chunk
    frames = clip.frames.astype(np.float32) / 127.5 - 1
    chunks = frames.reshape(-1, chunk, *frames.shape[1:]).transpose(0, 1, 4, 2, 3)
    latents = native.networks.encoder(np.ascontiguousarray(chunks))
    before = np.concatenate([np.zeros_like(latents[:1]), latents[:-1]])
    made = native.networks.decoder(latents, before)
    pixels = np.clip(np.rint((made + 1) * 127.5), 0, 255).astype(np.uint8)
    return Clip(pixels.transpose(0, 1, 3, 4, 2).reshape(clip.frames.shape), clip.fps)
