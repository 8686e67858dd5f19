"""The networks that look at frames: where they lie, their hashes, and how they are run.

Four small networks that others trained, frozen here; `pack.py` writes them again from the packages they came in. Their
card's hash stands in this file and the card holds those of the others, so an altered one is refused, and nothing is
shown where one cannot be loaded. Numbers are float32 on every processor: a decision does not depend on the machine.

    B pictures of a batch, H W pixels
"""

from __future__ import annotations

import json
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinema.compiled import compiled
from kinema.errors import CheckpointError
from kinema.settings import read_settings

if TYPE_CHECKING:
    from openvino import CompiledModel, Model

FOLDER = Path(__file__).parents[2] / "weights" / "review"
CARD = "review.json"
CARD_SHA256 = "191a58e4226370ca6698c49a07c1831ccb690f89410d5b07a6f3a671ed5f535e"
NAMES = ("sexual", "faces", "lines", "letters")
_FIX = "install Kinema again; nothing is shown that was not looked at"


class Networks:
    """The networks of a folder, each loaded when it is first asked for. Raises CheckpointError.

    `characters` are what the classes of the network `letters` stand for; the first stands for nothing.
    """

    def __init__(self, folder: Path = FOLDER, *, digest: str = CARD_SHA256) -> None:
        self._folder = folder
        card = json.loads(_read(folder / CARD, digest))
        self.files: dict[str, str] = card["files"]
        self.characters = "\0" + card["characters"]
        self._compiled: dict[tuple[str, tuple[int, ...]], CompiledModel] = {}

    def run(self, name: str, pictures: np.ndarray) -> dict[str, np.ndarray]:
        """The network's results by their names, for pictures (B, …) float32, one batch of any size."""
        single = self._network(name, (1, *pictures.shape[1:]))
        found = [single(each[None]) for each in np.ascontiguousarray(pictures, np.float32)]
        return {
            part: np.concatenate([results[port] for results in found])
            for port in single.outputs
            for part in sorted(port.names)
        }

    def digest(self, name: str) -> str:
        """What tells a network from all others, in hex."""
        return sha256((self.files[f"{name}.xml"] + self.files[f"{name}.bin"]).encode()).hexdigest()

    def _network(self, name: str, shape: tuple[int, ...]) -> CompiledModel:
        if (name, shape) not in self._compiled:
            self._compiled[name, shape] = self._compile(name, shape)
        return self._compiled[name, shape]

    def _compile(self, name: str, shape: tuple[int, ...]) -> CompiledModel:
        """The network for pictures of one shape: compiled for a fixed shape it loads and runs a third faster."""
        import openvino

        graph, numbers = (_read(self._folder / part, self.files[part]) for part in (f"{name}.xml", f"{name}.bin"))
        settings = read_settings()
        options: dict[str, object] = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
        options |= {"ENABLE_CPU_PINNING": False}
        if settings.threads:
            options["INFERENCE_NUM_THREADS"] = settings.threads
        core = openvino.Core()

        def read() -> Model:
            model = core.read_model(graph, numbers)
            model.reshape(list(shape))
            return model

        try:
            return compiled(core, f"{name}-{'x'.join(map(str, shape))}", self.digest(name), read, options)
        except RuntimeError as error:
            said = str(error).splitlines()[0]
            raise CheckpointError(f"the review's network {name} cannot be compiled: {said}; {_FIX}") from None


@cache
def networks() -> Networks:
    """The one set of networks of this process."""
    return Networks()


def _read(path: Path, digest: str) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"the review's {path} cannot be read: {error.strerror}; {_FIX}") from None
    found = sha256(data).hexdigest()
    if found != digest:
        raise CheckpointError(f"the review's {path} has the hash {found[:12]}, not {digest[:12]}; {_FIX}")
    return data
