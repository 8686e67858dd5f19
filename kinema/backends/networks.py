"""The native networks on disk: a card, networks.json, beside the files whose SHA-256 it names.

Every number lies in weights.safetensors; the OpenVINO graphs beside it point into that file (graphs.py). It stands
apart from native.py so that the backend sees four functions and never a file.
Letters: B batch, L words, D text width, N tokens, C latent channels, M mask channels, F frames in a chunk,
h w latents, H W pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from kinema.backends import graphs
from kinema.backends.processor import Numerics
from kinema.settings import Settings

CARD = "networks.json"
EMBEDDED = Path(__file__).parent.parent / "weights" / "nano"
_FIX = "install Kinema again, or point KINEMA_WEIGHTS at a folder of exported networks"


class Card(BaseModel):
    """What the networks are, how they are best used, and the hash of every file."""

    model_config = ConfigDict(frozen=True)

    format: Literal["kinema-native-1"]
    name: str
    licence: str
    trained_on: str
    latent_channels: int = Field(ge=1)
    mask_channels: int = Field(ge=1)
    chunk: int = Field(ge=1, description="frames of one latent")
    patch: int = Field(ge=1, description="pixels of one latent, each way")
    window: int = Field(ge=1, description="latents in time that the transformer was trained on")
    overlap: int = Field(ge=1, description="latents that a window shares with the one before")
    words: tuple[str, ...]
    text_length: int = Field(ge=1)
    fps: int = Field(ge=1)
    width: int = Field(ge=1)
    height: int = Field(ge=1)
    steps: int = Field(ge=1)
    guidance: float
    guided: float = Field(1.0, gt=0, description="guidance that the transformer gives by itself, without a second call")
    solver: Literal["euler", "heun"]
    shift: float = Field(gt=0)
    merkle_root: str = Field("", description="over the hashes of all clips that the networks were trained on")
    files: dict[str, str] = Field(description="SHA-256, in hex, of every file beside the card")

    @property
    def rates(self) -> tuple[Fraction, ...]:
        return (Fraction(self.fps),)


@dataclass(frozen=True)
class Networks:
    """Four networks as functions of float32 arrays, and what tells them from all others."""

    text: Callable[[np.ndarray], np.ndarray]
    """(B, L, D) from word ids (B, L) int64; zero at padding."""
    transformer: Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], np.ndarray]
    """Clean latents (B, N, C) from tokens (B, N, 2C + M), positions (N, 3), times (B,) and text (B, L, D)."""
    encoder: Callable[[np.ndarray], np.ndarray]
    """Latents (B, C, h, w) of frames (B, F, 3, H, W) in [-1, 1], unknown pixels 0."""
    decoder: Callable[[np.ndarray, np.ndarray], np.ndarray]
    """Frames (B, F, 3, H, W) around [-1, 1] from latents (B, C, h, w) and those before them (zero where none)."""
    maker: str
    """Name, hash, runtime, precision and threads."""


def weights_folder(settings: Settings) -> Path:
    """Where the native networks are looked for."""
    return settings.weights or EMBEDDED


def read_card(folder: Path) -> Card:
    """The card of a folder of networks. Raises CheckpointError where it is missing or foreign."""
    return graphs.read_card(folder / CARD, Card, "native networks", _FIX)


def check_files(folder: Path, card: Card) -> None:
    """Raises CheckpointError unless every file that the card names is there with its hash."""
    graphs.check_files(folder, card.files, _FIX)


def load_networks(folder: Path, card: Card, numerics: Numerics) -> Networks:
    """The networks of a folder, compiled for this processor. Raises CheckpointError."""
    compiled = graphs.Graphs(folder, card.files, numerics, _FIX)
    return Networks(
        text=compiled.network("text", "ids"),
        transformer=compiled.network("transformer", "tokens", "positions", "t", "text"),
        encoder=compiled.network("encoder", "frames"),
        decoder=compiled.network("decoder", "latent", "before"),
        maker=compiled.maker(card.name),
    )
