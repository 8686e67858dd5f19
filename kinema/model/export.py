"""Export: both networks become a folder that the studio floor runs with OpenVINO, without torch.

Every number is kept once. `weights.safetensors` holds the weights in bf16, from which training may also start again,
and beside them the few constants that the conversion folded; the graphs (`text.xml`, `transformer.xml`, `encoder.xml`,
`decoder.xml`) are OpenVINO's own format, whose offsets point into that file. `networks.json` is the card
(kinema/backends/networks.py) and names the hash of each.
"""

import json
import struct
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import openvino
import torch
from openvino import opset13 as ops
from torch import Tensor, nn

from kinema.model import checkpoint
from kinema.model.autoencoder import Autoencoder
from kinema.model.checkpoint import WEIGHTS
from kinema.model.denoiser import Denoiser
from kinema.model.transformer import grid_positions
from kinema.model.upscaler import SEEN, Upscaler

SMALLEST = 32
"""Constants of fewer numbers are left in the graph: they are shapes and factors, not weights."""


def export(folder: Path, autoencoder: Autoencoder, denoiser: Denoiser, card: dict[str, Any]) -> None:
    """`folder` holds the networks in bf16 and their card; `card` says what cannot be read off the networks."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = nn.ModuleDict({"autoencoder": autoencoder, "denoiser": denoiser}).eval()
    weights = {name: tensor.detach().bfloat16().contiguous() for name, tensor in whole.state_dict().items()}
    shapes = {
        "autoencoder": asdict(autoencoder.config),
        "text": asdict(denoiser.text.config),
        "transformer": asdict(denoiser.transformer.config),
    }
    kept = {name: tensor.clone() for name, tensor in whole.state_dict().items()}
    try:
        whole.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
        graphs = {name: _in_bf16(graph, weights) for name, graph in _converted(autoencoder, denoiser)}
        _write(folder, graphs, weights, {"what": "networks", "words": card["words"], **shapes})
    finally:
        whole.load_state_dict(kept)  # only now: a graph's constants are the modules' own memory until it is written
    _write_card(folder / "networks.json", list(graphs), card)


def export_upscaler(folder: Path, model: Upscaler, card: dict[str, Any]) -> None:
    """`folder` holds the upscaler in bf16 and its card; `card` says what cannot be read off the network."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: tensor.detach().bfloat16().contiguous() for name, tensor in model.state_dict().items()}
    rounded = Upscaler(model.config).eval()
    rounded.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
    graph = _convert(rounded, {"frames": torch.zeros(1, SEEN * 3, 6, 10)})
    header = {"what": "upscaler", "upscaler": asdict(model.config)}
    _write(folder, {"upscaler": _in_bf16(graph, weights)}, weights, header)
    _write_card(folder / "upscaler.json", ["upscaler"], card)


def _write_card(path: Path, graphs: list[str], card: dict[str, Any]) -> None:
    """The card at `path`, with the hashes of the weights and graphs beside it."""
    names = [WEIGHTS, *(f"{name}.xml" for name in graphs)]
    files = {name: sha256((path.parent / name).read_bytes()).hexdigest() for name in names}
    path.write_text(json.dumps({**card, "files": files}, indent=1) + "\n")


def _converted(autoencoder: Autoencoder, denoiser: Denoiser) -> Iterator[tuple[str, openvino.Model]]:
    """The four networks as OpenVINO models with named inputs of any batch, length and size."""
    shape, text = denoiser.transformer.config, denoiser.text.config
    config = autoencoder.config
    values = 2 * shape.channels + shape.mask_channels
    positions = grid_positions(2, 3, 5)
    latent = torch.zeros(2, config.channels, 3, 5)
    examples: dict[str, tuple[nn.Module, dict[str, Tensor]]] = {
        "text": (denoiser.text, {"ids": torch.ones(2, text.length, dtype=torch.int64)}),
        "transformer": (
            denoiser.transformer,
            {
                "tokens": torch.zeros(2, len(positions), values),
                "positions": positions,
                "t": torch.ones(2),
                "text": torch.zeros(2, text.length, text.width),
            },
        ),
        "encoder": (
            autoencoder.encoder,
            {"frames": torch.zeros(2, config.chunk, 3, 3 * config.patch, 5 * config.patch)},
        ),
        "decoder": (autoencoder.decoder, {"latent": latent, "before": latent}),
    }
    for name, (module, inputs) in examples.items():
        yield name, _convert(module, inputs)


def _convert(module: nn.Module, inputs: dict[str, Tensor]) -> openvino.Model:
    """The module as an OpenVINO model whose inputs bear these names."""
    with torch.no_grad(), warnings.catch_warnings():
        # OpenVINO traces, which torch has deprecated; einops counts axes while traced, which is as it should be.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        graph = openvino.convert_model(module, example_input=tuple(inputs.values()))
    for port, given in zip(graph.inputs, inputs, strict=True):
        port.get_tensor().set_names({given})
    return graph


def _in_bf16(graph: openvino.Model, weights: dict[str, Tensor]) -> openvino.Model:
    """The graph with each constant that is a weight stored as bf16 and widened where it is used."""
    known = {tensor.float().numpy().tobytes(): tensor for tensor in weights.values() if tensor.numel() >= SMALLEST}
    for node in graph.get_ops():
        if node.get_type_name() != "Constant" or node.get_element_type() != openvino.Type.f32:
            continue
        weight = known.get(np.ascontiguousarray(node.data).tobytes())
        if weight is None:
            continue
        bits = weight.view(torch.int16).numpy().reshape(node.data.shape)
        narrow = openvino.Tensor(bits, node.output(0).shape, openvino.Type.bf16)
        wide = ops.convert(ops.constant(narrow), "f32")
        for user in node.output(0).get_target_inputs():
            user.replace_source_output(wide.output(0))
    graph.validate_nodes_and_infer_types()
    return graph


def _write(folder: Path, graphs: dict[str, openvino.Model], weights: dict[str, Tensor], header: dict[str, Any]) -> None:
    """The weights and what the graphs need beside them in one file, and each graph with its offsets into that file."""
    trees, places, extras = {}, {}, {}
    owner = {tensor.view(torch.int16).numpy().tobytes(): name for name, tensor in weights.items()}
    for name, graph in graphs.items():
        trees[name], blob = _serialised(graph)
        places[name], extras[f"graph.{name}"] = _sorted_out(trees[name], blob, owner)
    checkpoint.write(folder / WEIGHTS, {**weights, **extras}, header)
    start = _offsets(folder / WEIGHTS)
    for name, tree in trees.items():
        for data, tensor, within in places[name]:
            data.set("offset", str(start[tensor or f"graph.{name}"] + within))
        tree.write(folder / f"{name}.xml")


def _serialised(graph: openvino.Model) -> tuple[Any, bytes]:
    """The graph as an ElementTree, and the bytes of its constants."""
    with tempfile.TemporaryDirectory() as scratch:
        xml, blob = Path(scratch) / "graph.xml", Path(scratch) / "graph.bin"
        openvino.serialize(graph, str(xml), str(blob))
        return ElementTree.parse(xml), blob.read_bytes()


def _sorted_out(
    tree: Any, blob: bytes, owner: dict[bytes, str]
) -> tuple[list[tuple[ElementTree.Element, str | None, int]], Tensor]:
    """Where each constant lies (its element, the weight it is or None, offset within), and the bytes of no weight."""
    places: list[tuple[ElementTree.Element, str | None, int]] = []
    rest = bytearray()
    for data in tree.findall("./layers/layer[@type='Const']/data"):
        offset, size = int(data.get("offset", 0)), int(data.get("size", 0))
        constant = blob[offset : offset + size]
        name = owner.get(constant) if data.get("element_type") == "bf16" else None
        places.append((data, name, 0 if name else len(rest)))
        if not name:
            rest += constant + bytes(-size % 8)
    # As 64-bit numbers: safetensors puts the widest type first, which aligns them.
    return places, torch.frombuffer(rest or bytearray(8), dtype=torch.int64).clone()


def _offsets(path: Path) -> dict[str, int]:
    """Where each tensor's bytes begin in a safetensors file."""
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    return {name: 8 + length + entry["data_offsets"][0] for name, entry in header.items() if name != "__metadata__"}
