"""Exported networks on disk: graphs of OpenVINO beside the one file that all their numbers lie in.

A card names every file with its SHA-256. Whoever runs networks of ours (networks.py, upscale.py) reads its card, checks
its files and compiles its graphs here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from pydantic import BaseModel, ValidationError

from kinema.backends.processor import Numerics
from kinema.compiled import compiled
from kinema.errors import CheckpointError

if TYPE_CHECKING:
    from openvino import Model

WEIGHTS = "weights.safetensors"
Card = TypeVar("Card", bound=BaseModel)
Run = Callable[..., np.ndarray]
"""float32 arrays in, the network's only result out."""


def read_card(path: Path, kind: type[Card], what: str, fix: str) -> Card:
    """The card at a path. Raises CheckpointError, saying of what, where it is missing or foreign."""
    if not path.is_file():
        raise CheckpointError(f"there is no card of {what} in {path.parent} ({path.name} is missing); {fix}")
    try:
        return kind.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        part = ".".join(str(step) for step in first["loc"]) or "the whole"
        raise CheckpointError(f"{path} is no card of {what} ({part}: {first['msg'].lower()}); {fix}") from None


def check_files(folder: Path, files: Mapping[str, str], fix: str) -> None:
    """Raises CheckpointError unless every file that a card names is there with its hash."""
    for name, expected in files.items():
        path = folder / name
        if path.parent != folder or not path.is_file():
            raise CheckpointError(f"{path} is missing; {fix}")
        found = sha256(path.read_bytes()).hexdigest()
        if found != expected:
            raise CheckpointError(
                f"{path} is truncated or altered (SHA-256 {found[:12]}…, not {expected[:12]}…); {fix}"
            )


class Graphs:
    """The checked graphs of a folder, for this processor. Raises CheckpointError."""

    def __init__(self, folder: Path, files: Mapping[str, str], numerics: Numerics, fix: str) -> None:
        import openvino

        check_files(folder, files, fix)
        if WEIGHTS not in files:
            raise CheckpointError(f"the card in {folder} names no {WEIGHTS}; {fix}")
        self._folder, self._files, self._numerics, self._fix = folder, files, numerics, fix
        self._core, self._weights = openvino.Core(), np.fromfile(folder / WEIGHTS, np.uint8)

    def network(self, name: str, *inputs: str) -> Run:
        """The network in name.xml, its inputs in this order. Raises CheckpointError where it takes others."""
        import openvino

        path, weights = self._folder / f"{name}.xml", self._weights
        if path.name not in self._files:
            raise CheckpointError(f"the card in {self._folder} names no {path.name}; {self._fix}")
        options = {
            "INFERENCE_PRECISION_HINT": self._numerics.precision,
            "INFERENCE_NUM_THREADS": self._numerics.threads,
            "NUM_STREAMS": 1,
            "ENABLE_CPU_PINNING": False,
        }

        def read() -> Model:
            return self._core.read_model(path.read_text(encoding="utf-8"), openvino.Tensor(weights, shared_memory=True))

        digest = self._files[path.name] + self._files[WEIGHTS]
        try:
            made = compiled(self._core, name, digest, read, options)
            named = [port.names for port in made.inputs]  # compiling adds the names of what it melts together
        except RuntimeError as error:
            raise CheckpointError(f"{path} cannot be compiled: {str(error).splitlines()[0]}; {self._fix}") from None
        if len(named) != len(inputs) or any(name not in set().union(*named) for name in inputs):
            found = ", ".join(sorted(min(names) for names in named))
            raise CheckpointError(f"{path} takes {found}, not {', '.join(inputs)}; {self._fix}")

        def run(*values: np.ndarray, held: np.ndarray = weights) -> np.ndarray:
            fed: dict[Any, np.ndarray] = dict(zip(inputs, values, strict=True))
            return made(fed)[0]

        return run

    def maker(self, name: str) -> str:
        """Name, hash, runtime, precision and threads: all that a network's results depend on."""
        import openvino

        identity = sha256("".join(sorted(self._files.values())).encode()).hexdigest()[:12]
        version = openvino.__version__.split("-")[0]
        threads = f"{self._numerics.threads} thread{'s' if self._numerics.threads > 1 else ''}"
        return f"{name} {identity}, openvino {version}, {self._numerics.precision}, {threads}"
