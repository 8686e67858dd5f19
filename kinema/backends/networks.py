"""The native networks on disk: a card, networks.json, beside the files whose SHA-256 it names.

Every number lies in weights.safetensors; the OpenVINO graphs beside it point into that file (kinema/model/export.py).
This file stands apart from native.py so that the backend sees four functions and never a file.
Letters: B batch, L words, D text width, N tokens, C latent channels, M mask channels, F frames in a chunk,
h w latents, H W pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kinema.backends.processor import Numerics
from kinema.errors import CheckpointError
from kinema.settings import Settings

CARD, WEIGHTS = "networks.json", "weights.safetensors"
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
    path = folder / CARD
    if not path.is_file():
        raise CheckpointError(f"there are no native networks in {folder} ({CARD} is missing); {_FIX}")
    try:
        return Card.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        part = ".".join(str(step) for step in first["loc"]) or "the whole"
        raise CheckpointError(
            f"{path} is no card of native networks ({part}: {first['msg'].lower()}); {_FIX}"
        ) from None


def check_files(folder: Path, card: Card) -> None:
    """Raises CheckpointError unless every file that the card names is there with its hash."""
    for name, expected in card.files.items():
        path = folder / name
        if path.parent != folder or not path.is_file():
            raise CheckpointError(f"{path} is missing; {_FIX}")
        found = sha256(path.read_bytes()).hexdigest()
        if found != expected:
            raise CheckpointError(
                f"{path} is truncated or altered (SHA-256 {found[:12]}…, not {expected[:12]}…); {_FIX}"
            )


def _weights(folder: Path, card: Card) -> np.ndarray:
    """The bytes that all graphs share."""
    if WEIGHTS not in card.files:
        raise CheckpointError(f"{folder / CARD} names no {WEIGHTS}; {_FIX}")
    return np.fromfile(folder / WEIGHTS, np.uint8)


def load_networks(folder: Path, card: Card, numerics: Numerics) -> Networks:
    """The networks of a folder, compiled for this processor. Raises CheckpointError."""
    import openvino

    check_files(folder, card)
    core = openvino.Core()
    weights = _weights(folder, card)
    options = {
        "INFERENCE_PRECISION_HINT": numerics.precision,
        "INFERENCE_NUM_THREADS": numerics.threads,
        "NUM_STREAMS": 1,
        "ENABLE_CPU_PINNING": False,
    }

    def network(name: str, *inputs: str) -> Callable[..., np.ndarray]:
        path = folder / f"{name}.xml"
        if path.name not in card.files:
            raise CheckpointError(f"{folder / CARD} names no {path.name}; {_FIX}")
        try:
            graph = core.read_model(path.read_text(encoding="utf-8"), openvino.Tensor(weights, shared_memory=True))
            compiled = core.compile_model(graph, "CPU", options)
            named = [port.names for port in compiled.inputs]  # compiling adds the names of what it melts together
        except RuntimeError as error:
            raise CheckpointError(f"{path} cannot be compiled: {str(error).splitlines()[0]}; {_FIX}") from None
        if len(named) != len(inputs) or any(name not in set().union(*named) for name in inputs):
            found = ", ".join(sorted(min(names) for names in named))
            raise CheckpointError(f"{path} takes {found}, not {', '.join(inputs)}; {_FIX}")

        def run(*values: np.ndarray, held: np.ndarray = weights) -> np.ndarray:
            fed: dict[Any, np.ndarray] = dict(zip(inputs, values, strict=True))
            return compiled(fed)[0]

        return run

    identity = sha256("".join(sorted(card.files.values())).encode()).hexdigest()[:12]
    version = openvino.__version__.split("-")[0]
    threads = f"{numerics.threads} thread{'s' if numerics.threads > 1 else ''}"
    return Networks(
        text=network("text", "ids"),
        transformer=network("transformer", "tokens", "positions", "t", "text"),
        encoder=network("encoder", "frames"),
        decoder=network("decoder", "latent", "before"),
        maker=f"{card.name} {identity}, openvino {version}, {numerics.precision}, {threads}",
    )
