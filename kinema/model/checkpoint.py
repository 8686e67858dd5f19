"""Checkpoints: one safetensors file that holds the weights and the configuration, loadable without executing code.

The header's `kinema` entry is JSON: what the file is, the shape of each network, the words, and where it comes from.
"""

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from kinema.errors import CheckpointError
from kinema.model.autoencoder import Autoencoder, AutoencoderConfig
from kinema.model.denoiser import Denoiser
from kinema.model.text import TextConfig
from kinema.model.transformer import TransformerConfig

KEY = "kinema"
WEIGHTS = "weights.safetensors"
"""What a folder of exported networks keeps its numbers in."""
Model = TypeVar("Model", bound=nn.Module)


def fingerprint(tensors: dict[str, Tensor]) -> str:
    """SHA-256 over names, shapes and bytes, so that two equal sets of weights have the same one."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
        digest.update(tensor.detach().cpu().flatten().contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def write(path: Path, tensors: dict[str, Tensor], header: dict[str, Any]) -> None:
    """The file at `path` holds the tensors and the header; never a half-written one under that name."""
    partial = path.with_suffix(path.suffix + ".partial")
    packed = {name: tensor.detach().contiguous().clone() for name, tensor in tensors.items()}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(packed, partial, metadata={KEY: json.dumps(header, sort_keys=True)})
        partial.chmod(0o644)
        os.replace(partial, path)
    except (SafetensorError, OSError) as error:
        partial.unlink(missing_ok=True)
        raise CheckpointError(f"{path} cannot be written ({_in_one_line(error)}); free space or name another") from None


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and header of the file at `path`; CheckpointError where it is missing, cut off or not one of ours."""
    if not path.is_file():
        raise CheckpointError(f"no checkpoint at {path}; train one with runs/nano_cpu.sh or name another file")
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path} cannot be read as safetensors ({_in_one_line(error)}); fetch or train it again"
        ) from None
    try:
        header = json.loads(metadata.get(KEY, "null"))
    except json.JSONDecodeError:
        header = None
    if not isinstance(header, dict):
        raise CheckpointError(f"{path} is not a checkpoint of Kinema: its header has no {KEY!r}; name another file")
    return tensors, header


def save_autoencoder(path: Path, model: Autoencoder, **about: Any) -> None:
    write(path, model.state_dict(), {"what": "autoencoder", "autoencoder": asdict(model.config), **about})


def load_autoencoder(path: Path) -> Autoencoder:
    """The autoencoder at `path`, in fp32 and evaluation mode."""
    tensors, header = _expect(path, "autoencoder")
    return filled(path, lambda: Autoencoder(AutoencoderConfig(**shape_of(header["autoencoder"]))), tensors)


def save_denoiser(path: Path, model: Denoiser, words: tuple[str, ...], **about: Any) -> None:
    shape = {"text": asdict(model.text.config), "transformer": asdict(model.transformer.config)}
    write(path, model.state_dict(), {"what": "denoiser", "words": list(words), **shape, **about})


def load_denoiser(path: Path) -> tuple[Denoiser, dict[str, Any]]:
    """The denoiser at `path`, in fp32 and evaluation mode, and the file's header."""
    tensors, header = _expect(path, "denoiser")

    def empty() -> Denoiser:
        return Denoiser(TextConfig(**header["text"]), TransformerConfig(**shape_of(header["transformer"])))

    return filled(path, empty, tensors), header


def load_networks(folder: Path) -> tuple[Autoencoder, Denoiser, dict[str, Any]]:
    """Both networks of an exported folder, in fp32, and the file's header: what training may start from."""
    tensors, header = read(folder / WEIGHTS)
    if header.get("what") != "networks":
        raise CheckpointError(f"{folder / WEIGHTS} holds {header.get('what')!r}, not exported networks; name another")

    def empty() -> nn.ModuleDict:
        shapes = {name: shape_of(header[name]) for name in ("autoencoder", "text", "transformer")}
        autoencoder = Autoencoder(AutoencoderConfig(**shapes["autoencoder"]))
        denoiser = Denoiser(TextConfig(**shapes["text"]), TransformerConfig(**shapes["transformer"]))
        return nn.ModuleDict({"autoencoder": autoencoder, "denoiser": denoiser})

    weights = {name: tensor for name, tensor in tensors.items() if not name.startswith("graph.")}
    whole = filled(folder / WEIGHTS, empty, weights)
    autoencoder, denoiser = whole["autoencoder"], whole["denoiser"]
    assert isinstance(autoencoder, Autoencoder) and isinstance(denoiser, Denoiser)
    return autoencoder, denoiser, header


def _expect(path: Path, what: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    tensors, header = read(path)
    if header.get("what") != what:
        raise CheckpointError(f"{path} holds {header.get('what')!r}, not the {what} that is needed here")
    return tensors, header


def shape_of(shape: dict[str, Any]) -> dict[str, Any]:
    """A configuration as JSON kept it, with its lists as tuples again."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in shape.items()}


def filled(path: Path, empty: Callable[[], Model], tensors: dict[str, Tensor]) -> Model:
    """The network that `empty` makes as a header says, with the weights that came with it, in evaluation mode.

    Raises CheckpointError, which names `path`, where the header's shapes are not ours or the weights do not fit them.
    """
    try:
        model = empty()
        model.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    except (RuntimeError, KeyError, TypeError, ValueError) as error:
        reason = _in_one_line(error)
        raise CheckpointError(
            f"{path} does not fit its own configuration ({reason}); fetch or train it again"
        ) from None
    return model.eval()


def _in_one_line(error: Exception) -> str:
    """What an error says, without line breaks and not too long to be read."""
    said = " ".join(str(error).split())
    return said if len(said) <= 200 else f"{said[:200]}…"
