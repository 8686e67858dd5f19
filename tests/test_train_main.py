"""What a person meets who starts a stage wrongly: one line that names value and fix, and a non-zero exit code."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from tiny_models import WORDS, tiny_autoencoder, tiny_denoiser

from kinema.errors import KinemaError
from kinema.model.checkpoint import fingerprint, load_autoencoder, load_denoiser, save_autoencoder, save_denoiser
from kinema.model.checkpoint import read as safetensors_read
from kinema.train.__main__ import _end, _named, train

ROOT = Path(__file__).parent.parent


def refusal(*arguments: object) -> str:
    """What a stage says before it is of no use."""
    result = CliRunner().invoke(train, [str(argument) for argument in arguments])
    assert isinstance(result.exception, KinemaError), result.output
    assert "\n" not in str(result.exception)
    return str(result.exception)


def test_an_error_is_one_line_and_an_exit_code(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "kinema.train", "latents", "--autoencoder", "none.safetensors", "--folder", "x"]
    result = subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("kinema.train: no checkpoint at none.safetensors; train one with")


@pytest.mark.parametrize("content", [b"", b"no array", None])
def test_clips_that_are_none_are_refused(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "clips.npy"
    if content is None:
        np.save(file, np.zeros((3, 4), np.uint8))
    else:
        file.write_bytes(content)
    assert str(file) in refusal("autoencoder", "--clips", file, "--folder", tmp_path / "run")
    assert "cannot be read" in refusal("autoencoder", "--clips", tmp_path / "none.npy", "--folder", tmp_path / "run")


def test_only_networks_that_belong_together_are_exported(tmp_path: Path) -> None:
    first, other, denoiser = (tmp_path / f"{name}.safetensors" for name in ("first", "other", "denoiser"))
    save_autoencoder(first, tiny_autoencoder(seed=1))
    save_autoencoder(other, tiny_autoencoder(seed=2))
    save_denoiser(denoiser, tiny_denoiser(), WORDS, autoencoder="0" * 64)
    data = ("--clips", tmp_path / "clips.npy", "--latents", tmp_path / "latents")
    arguments = ("export", "--autoencoder", first, "--denoiser", denoiser, "--folder", tmp_path / "out", *data)
    assert "was trained on latents of the autoencoder 000000000000" in refusal(*arguments)
    assert "holds 'autoencoder', not the denoiser" in refusal(
        "export", "--autoencoder", first, "--denoiser", other, "--folder", "x", *data
    )
    assert not (tmp_path / "out").exists()


def test_exported_networks_are_unpacked_for_training(tiny_weights: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(train, ["unpack", str(tiny_weights), str(tmp_path)], catch_exceptions=False)
    assert result.exit_code == 0
    exported, _ = safetensors_read(tiny_weights / "weights.safetensors")
    model, header = load_denoiser(tmp_path / "denoiser.safetensors")
    encoder = load_autoencoder(tmp_path / "autoencoder.safetensors")
    assert header["autoencoder"] == fingerprint(encoder.state_dict())
    for prefix, network in (("denoiser", model), ("autoencoder", encoder)):
        for name, tensor in network.state_dict().items():
            assert torch.equal(tensor, exported[f"{prefix}.{name}"].float())


def test_only_a_finished_run_bears_the_final_name() -> None:
    assert _named("denoiser", 10, 10) == "denoiser.safetensors"
    assert _named("denoiser", 9, 10) == "denoiser-so-far.safetensors"
    _end(10, 10)
    with pytest.raises(SystemExit) as stopped:
        _end(9, 10)
    assert stopped.value.code == 130


def test_the_script_knows_its_options(tmp_path: Path) -> None:
    script = ["bash", str(ROOT / "runs" / "nano_cpu.sh"), "--smok"]
    result = subprocess.run(script, cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 2
    assert "knows no --smok; it takes --smoke and a folder" in result.stderr
