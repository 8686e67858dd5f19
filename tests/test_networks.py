"""Checkpoints that are missing, truncated, foreign or altered are refused by name."""

import shutil
from pathlib import Path

import pytest
from conftest import write_card

from kinema.backends.processor import numerics, processor_flags
from kinema.errors import CheckpointError
from kinema.ready import settle
from kinema.recipe import Recipe
from kinema.settings import read_settings


@pytest.fixture
def folder(tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the tiny networks that a test may spoil."""
    copy = tmp_path / "weights"
    shutil.copytree(tiny_weights, copy)
    monkeypatch.setenv("KINEMA_WEIGHTS", str(copy))
    return copy


def refusal() -> str:
    with pytest.raises(CheckpointError) as raised:
        settle(Recipe(prompt="a dog", as_is=True))
    return str(raised.value)


def test_no_folder(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KINEMA_WEIGHTS", "/nowhere")
    assert "there is no card of native networks in /nowhere" in refusal()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": "another"}', "\x00\x01"])
def test_a_foreign_card(folder: Path, text: str):
    (folder / "networks.json").write_text(text)
    assert "is no card of native networks" in refusal()


def test_a_truncated_file(folder: Path):
    path = folder / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    assert "weights.safetensors is truncated or altered" in refusal()


def test_a_missing_file(folder: Path):
    (folder / "decoder.xml").unlink()
    assert "decoder.xml is missing" in refusal()


def test_a_card_that_reaches_out_of_its_folder(folder: Path):
    write_card(folder, files={"../escape.xml": "0" * 64})
    assert "escape.xml is missing" in refusal()


def test_a_network_that_is_none(folder: Path):
    (folder / "text.xml").write_text("<net/>")
    write_card(folder)
    assert "text.xml cannot be compiled" in refusal()


def test_a_network_that_takes_something_else(folder: Path):
    shutil.copy(folder / "encoder.xml", folder / "decoder.xml")
    write_card(folder)
    assert "decoder.xml takes frames, not latent, before" in refusal()


@pytest.mark.parametrize(
    ("flags", "precision"),
    [({"avx2", "avx512_bf16"}, "bf16"), ({"amx_bf16"}, "bf16"), ({"avx2"}, "f32"), (set(), "f32")],
)
def test_numbers_are_chosen_from_flags(flags: set[str], precision: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("KINEMA_PRECISION")
    assert numerics(read_settings(), frozenset(flags)).precision == precision
    monkeypatch.setenv("KINEMA_PRECISION", "f32")
    assert numerics(read_settings(), frozenset(flags)).precision == "f32"


def test_flags_are_read_from_the_system_list(tmp_path: Path):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor\t: 0\nflags\t\t: fpu avx2 amx_bf16\n")
    assert processor_flags(cpuinfo) == {"fpu", "avx2", "amx_bf16"}
    assert processor_flags(tmp_path / "none") == frozenset()
