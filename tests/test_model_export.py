"""Laws of the export: OpenVINO says what torch says at any shape; each weight is kept once."""

import json
import re
from hashlib import sha256
from pathlib import Path

import numpy as np
import openvino
import pytest
import torch
from safetensors import safe_open
from tiny_models import WORDS, awake, tiny_autoencoder, tiny_denoiser
from torch import nn

from kinema.errors import CheckpointError
from kinema.model import checkpoint, export
from kinema.model.autoencoder import Autoencoder
from kinema.model.checkpoint import load_networks
from kinema.model.denoiser import Denoiser
from kinema.model.transformer import grid_positions

NAMES = ("text", "transformer", "encoder", "decoder")


@pytest.fixture(scope="module")
def trained() -> tuple[Autoencoder, Denoiser]:
    """Networks that are no longer as they were made, with a scale for each latent channel."""
    autoencoder = awake(tiny_autoencoder())
    autoencoder.set_scale(torch.linspace(2, 0.1, 8), 0.5)
    return autoencoder, awake(tiny_denoiser())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, trained: tuple[Autoencoder, Denoiser]) -> Path:
    path = tmp_path_factory.mktemp("exported") / "tiny"
    export.export(path, *trained, {"name": "tiny", "words": WORDS})
    return path


def compiled(folder: Path, name: str) -> openvino.CompiledModel:
    """One network as the studio floor loads it, in fp32."""
    weights = np.fromfile(folder / export.WEIGHTS, np.uint8)
    graph = openvino.Core().read_model((folder / f"{name}.xml").read_text(), openvino.Tensor(weights))
    return openvino.Core().compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1})


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


@pytest.mark.parametrize("batch, chunks, height, width", [(1, 1, 2, 2), (3, 2, 4, 3)])
def test_openvino_says_what_torch_says_at_any_shape(
    folder: Path, batch: int, chunks: int, height: int, width: int
) -> None:
    autoencoder, denoiser, _ = load_networks(folder)
    positions = grid_positions(chunks, height, width)
    ids = torch.tensor([[1, 4, 2, 5, 0, 0], [1, 2, 0, 0, 0, 0], [0] * 6])[:batch]
    text = denoiser.text(ids)
    given: dict[str, tuple[nn.Module, dict[str, torch.Tensor]]] = {
        "text": (denoiser.text, {"ids": ids}),
        "transformer": (
            denoiser.transformer,
            {"tokens": drawn(batch, len(positions), 32), "positions": positions, "t": torch.rand(batch), "text": text},
        ),
        "encoder": (autoencoder.encoder, {"frames": drawn(batch, 4, 3, 16 * height, 16 * width).clamp(-1, 1)}),
        "decoder": (
            autoencoder.decoder,
            {"latent": drawn(batch, 8, height, width), "before": drawn(batch, 8, height, width) / 2},
        ),
    }
    for name, (module, inputs) in given.items():
        with torch.no_grad():
            expected = module(*inputs.values()).numpy()
        found = compiled(folder, name)({key: value.detach().numpy() for key, value in inputs.items()})[0]
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * max(1.0, float(np.abs(expected).max())))


def test_weights_come_back_as_the_nearest_bf16(folder: Path, trained: tuple[Autoencoder, Denoiser]) -> None:
    loaded = load_networks(folder)
    for before, after in zip(trained, loaded, strict=False):
        rounded = {name: tensor.bfloat16().float() for name, tensor in before.state_dict().items()}
        assert checkpoint.fingerprint(rounded) == checkpoint.fingerprint(after.state_dict())
    assert tuple(loaded[2]["words"]) == WORDS


def test_the_networks_that_were_exported_are_left_as_they_were(
    folder: Path, trained: tuple[Autoencoder, Denoiser]
) -> None:
    autoencoder = awake(tiny_autoencoder())
    autoencoder.set_scale(torch.linspace(2, 0.1, 8), 0.5)
    for made_anew, exported in zip((autoencoder, awake(tiny_denoiser())), trained, strict=True):
        assert checkpoint.fingerprint(made_anew.state_dict()) == checkpoint.fingerprint(exported.state_dict())


def test_every_weight_is_kept_once(folder: Path) -> None:
    with safe_open(folder / export.WEIGHTS, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    weights = {name: tensor for name, tensor in tensors.items() if not name.startswith("graph.")}
    extras = b"".join(tensor.numpy().tobytes() for name, tensor in tensors.items() if name.startswith("graph."))
    assert all(tensor.dtype == torch.bfloat16 for tensor in weights.values())
    for name, tensor in weights.items():
        if tensor.numel() >= export.SMALLEST:
            assert tensor.view(torch.int16).numpy().tobytes() not in extras, name
            assert tensor.float().numpy().tobytes() not in extras, name


def test_the_graphs_read_their_weights_where_the_file_keeps_them(folder: Path) -> None:
    starts = {begin: name for name, begin in export._offsets(folder / export.WEIGHTS).items()}
    size = (folder / export.WEIGHTS).stat().st_size
    shared = 0
    for name in NAMES:
        for element, offset, length in re.findall(
            r'element_type="(\w+)"[^>]*? offset="(\d+)" size="(\d+)"', (folder / f"{name}.xml").read_text()
        ):
            assert int(offset) + int(length) <= size
            if element == "bf16":
                assert not starts[int(offset)].startswith("graph.")
                shared += 1
    assert shared > 30


def test_the_card_names_the_hash_of_every_file(folder: Path) -> None:
    card = json.loads((folder / "networks.json").read_text())
    assert sorted(card["files"]) == sorted([export.WEIGHTS, *(f"{name}.xml" for name in NAMES)])
    for name, expected in card["files"].items():
        assert sha256((folder / name).read_bytes()).hexdigest() == expected


def test_what_is_no_export_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no checkpoint at"):
        load_networks(tmp_path)
    for header in ({"what": "autoencoder"}, {"what": "networks"}):
        checkpoint.write(tmp_path / export.WEIGHTS, {"weight": torch.zeros(3)}, header)
        with pytest.raises(CheckpointError, match=r"not exported networks|does not fit") as caught:
            load_networks(tmp_path)
        assert "\n" not in str(caught.value)
