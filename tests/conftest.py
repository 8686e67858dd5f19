"""What several tests share: an environment and a store of their own, our networks at tiny size, exported and run."""

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kinema.world.captions import words
from tests.serving import Server, running

if TYPE_CHECKING:
    from kinema.serve.keys import Key
    from kinema.serve.store import Store

CARD: dict[str, Any] = {
    "format": "kinema-native-1",
    "name": "tiny",
    "licence": "Apache-2.0",
    "trained_on": "nothing",
    "latent_channels": 6,
    "mask_channels": 16,
    "chunk": 4,
    "patch": 16,
    "window": 8,
    "overlap": 2,
    "words": words(),
    "text_length": 40,
    "fps": 8,
    "width": 48,
    "height": 32,
    "steps": 3,
    "guidance": 2.0,
    "solver": "heun",
    "shift": 1.0,
}


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No variable of the person who runs the tests is seen."""
    import os

    for name in [name for name in os.environ if name.startswith("KINEMA_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("KINEMA_HOME", str(tmp_path_factory.getbasetemp() / "home"))
    monkeypatch.setenv("KINEMA_PRECISION", "f32")
    monkeypatch.setenv("KINEMA_THREADS", "1")
    # On in test_engine_trust.py and test_review_engine.py, which test them: together they take a second a film.
    for name in ("WATERMARK", "CREDENTIALS", "REGISTRY", "REVIEW"):
        monkeypatch.setenv(f"KINEMA_{name}", "off")


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of native networks with drawn weights: the real ones, thousands of times smaller."""
    import torch

    from kinema.model.autoencoder import Autoencoder, AutoencoderConfig
    from kinema.model.denoiser import Denoiser
    from kinema.model.export import export
    from kinema.model.text import TextConfig
    from kinema.model.transformer import TransformerConfig

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("tiny")
    autoencoder = Autoencoder(AutoencoderConfig(channels=CARD["latent_channels"], widths=(8, 8, 8), depth=1))
    text = TextConfig(words=len(CARD["words"]), length=CARD["text_length"], width=32, depth=1, head=32)
    shape = TransformerConfig(channels=CARD["latent_channels"], width=32, depth=1, head=32, axes=(4, 6, 6))
    denoiser = Denoiser(text, shape)
    with torch.no_grad():
        for parameter in denoiser.parameters():
            parameter += 0.2 * torch.randn(parameter.shape)
    export(folder, autoencoder, denoiser, CARD)
    return folder


@pytest.fixture
def tiny_model(tiny_weights: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tiny networks stand in the place of the embedded ones."""
    monkeypatch.setenv("KINEMA_WEIGHTS", str(tiny_weights))
    return tiny_weights


@pytest.fixture(scope="session")
def server(tiny_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A whole server on the tiny networks, in processes of its own, without keys; it may tell hooks of this machine."""
    with running(tmp_path_factory.mktemp("served"), tiny_weights, PRIVATE_ADDRESSES="on") as server:
        yield server


@pytest.fixture
def database(tmp_path: Path) -> str:
    """The URL of a database of the test's own, with nothing in it."""
    return f"sqlite:///{tmp_path / 'films.db'}"


@pytest.fixture
def store(database: str) -> Iterator["Store"]:
    """The store in that database, which is the server's."""
    from kinema.serve.store import open_store
    from kinema.settings import Settings

    store = open_store(Settings(database=database))
    store.migrate()
    yield store
    store.close()


@pytest.fixture
def key(store: "Store") -> "Key":
    """Whose jobs in the store are."""
    from kinema.serve import keys

    return keys.create(store, "mine")[0]


def write_card(folder: Path, **changes: object) -> None:
    """The card of the networks that lie in a folder."""
    files = sorted(path for path in folder.iterdir() if path.suffix in (".xml", ".safetensors"))
    hashes = {path.name: sha256(path.read_bytes()).hexdigest() for path in files}
    (folder / "networks.json").write_text(json.dumps({**CARD, "files": hashes, **changes}))
