"""Laws of checkpoints: what is saved comes back, and what is not a checkpoint is refused in one line."""

import json
import resource
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from tiny_models import WORDS, awake, tiny_autoencoder, tiny_denoiser

from kinema.errors import CheckpointError
from kinema.model import checkpoint
from kinema.model.checkpoint import fingerprint, load_autoencoder, load_denoiser, save_autoencoder, save_denoiser


def refusal(path: Path) -> str:
    """What is said of a file that is no autoencoder; always one line that names the file."""
    with pytest.raises(CheckpointError) as caught:
        load_autoencoder(path)
    message = str(caught.value)
    assert "\n" not in message and str(path) in message
    return message


def test_an_autoencoder_comes_back_with_its_shape_and_every_bit(tmp_path: Path) -> None:
    model = awake(tiny_autoencoder())
    save_autoencoder(tmp_path / "new" / "a.safetensors", model, trained_steps=7)
    back = load_autoencoder(tmp_path / "new" / "a.safetensors")
    assert back.config == model.config and not back.training
    assert fingerprint(back.state_dict()) == fingerprint(model.state_dict())
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.safetensors"]


def test_a_denoiser_comes_back_with_its_words_and_what_was_said_of_it(tmp_path: Path) -> None:
    model = awake(tiny_denoiser())
    save_denoiser(tmp_path / "d.safetensors", model, WORDS, chunks=8)
    back, header = load_denoiser(tmp_path / "d.safetensors")
    assert back.transformer.config == model.transformer.config and back.text.config == model.text.config
    assert tuple(header["words"]) == WORDS and header["chunks"] == 8
    assert fingerprint(back.state_dict()) == fingerprint(model.state_dict())


def test_the_order_of_weights_in_memory_is_no_part_of_the_fingerprint() -> None:
    model = awake(tiny_autoencoder())
    before = fingerprint(model.state_dict())
    assert fingerprint(model.to(memory_format=torch.channels_last).state_dict()) == before
    with torch.no_grad():
        model.encoder.linear.weight[0, 0, 0, 0] += 1
    assert fingerprint(model.state_dict()) != before


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert "no checkpoint at" in refusal(tmp_path / "none.safetensors")


@pytest.mark.parametrize("kept", [0.0, 0.001, 0.5, 0.999])
def test_a_truncated_file_is_refused(tmp_path: Path, kept: float) -> None:
    path = tmp_path / "a.safetensors"
    save_autoencoder(path, tiny_autoencoder())
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept * len(whole))])
    assert "cannot be read as safetensors" in refusal(path)


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"GIF89a, for example " * 10)
    assert "cannot be read as safetensors" in refusal(path)
    for metadata in (None, {"kinema": "no JSON"}, {"kinema": "[1]"}):
        save_file({"weight": torch.zeros(3)}, path, metadata=metadata)
        assert "not a checkpoint of Kinema" in refusal(path)


def test_another_network_is_refused_by_its_name(tmp_path: Path) -> None:
    save_denoiser(tmp_path / "d.safetensors", tiny_denoiser(), WORDS)
    assert "holds 'denoiser', not the autoencoder" in refusal(tmp_path / "d.safetensors")


def test_weights_that_do_not_fit_their_header_are_refused(tmp_path: Path) -> None:
    path, model = tmp_path / "a.safetensors", tiny_autoencoder()
    save_autoencoder(path, model)
    tensors, header = checkpoint.read(path)
    wide = json.loads(json.dumps(header))
    wide["autoencoder"]["channels"] = 9
    strange = json.loads(json.dumps(header))
    strange["autoencoder"]["rooms"] = 3
    for wrong in (wide, strange, {"what": "autoencoder"}):
        checkpoint.write(path, tensors, wrong)
        assert "does not fit its own configuration" in refusal(path)


def test_a_full_disk_leaves_the_file_that_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save_autoencoder(path, tiny_autoencoder(seed=1))
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, hard))
    try:
        with pytest.raises(CheckpointError, match="cannot be written") as caught:
            save_autoencoder(path, tiny_autoencoder(seed=2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
