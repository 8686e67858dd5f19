"""Laws of a person's folder: the same shards come out, every doubt is an error that names the file."""

from fractions import Fraction
from pathlib import Path

import click.testing
import numpy as np
import pytest

from kinema.cli.data import data
from kinema.clip import Clip
from kinema.data.folder import Origin, pack_folder
from kinema.data.manifest import verify
from kinema.data.shards import read_shards, shards_in
from kinema.errors import DataError

MINE = Origin("my own camera", "LicenseRef-own")


def clip(seed: int, frames: int = 3) -> Clip:
    return Clip(np.random.default_rng(seed).integers(0, 256, (frames, 16, 24, 3), np.uint8), Fraction(8))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "clips"
    (root / "zoo").mkdir(parents=True)
    clip(1).write(root / "my dog.v2.mp4")
    clip(2).write(root / "zoo" / "ape.png")
    clip(3).write(root / "zoo" / "bee.webm")
    (root / "my dog.v2.txt").write_text("a dog runs\n\nmy dog, running\n", encoding="utf-8")
    (root / "captions.csv").write_text('file,caption\nzoo/ape.png,"an ape, sitting"\nzoo/bee.webm,eine Biene\n')
    return root


def test_a_folder_becomes_shards_with_captions_source_and_licence(folder: Path, tmp_path: Path) -> None:
    summary = pack_folder(folder, tmp_path / "shards", MINE, per_shard=2)
    assert summary["licences"] == {"LicenseRef-own": 3} and len(summary["shards"]) == 2
    assert verify(tmp_path / "shards").clips == 3
    dog, ape, bee = read_shards(shards_in(tmp_path / "shards"))
    assert dog.record.captions == ("a dog runs", "my dog, running")
    assert ape.record.captions == ("an ape, sitting",) and bee.record.captions == ("eine Biene",)
    assert (dog.record.source, dog.record.split, dog.record.spec) == ("my own camera", "train", None)
    assert dog.record.key == "00000000-my-dog-v2"


def test_films_are_kept_byte_for_byte_and_pictures_pixel_for_pixel(folder: Path, tmp_path: Path) -> None:
    pack_folder(folder, tmp_path / "shards", MINE)
    dog, ape, bee = read_shards(shards_in(tmp_path / "shards"), verify=True)
    assert dog.payload == (folder / "my dog.v2.mp4").read_bytes()
    assert np.array_equal(ape.clip().frames, clip(2).frames)
    assert np.array_equal(bee.clip().frames, Clip.read(folder / "zoo" / "bee.webm").frames)


def test_nothing_is_written_while_a_caption_is_missing(folder: Path, tmp_path: Path) -> None:
    (folder / "my dog.v2.txt").write_text("\n")
    with pytest.raises(DataError, match=r"my dog\.v2\.mp4 has no caption: write it into my dog\.v2\.txt"):
        pack_folder(folder, tmp_path / "shards", MINE)
    (folder / "captions.csv").unlink()
    with pytest.raises(DataError, match=r"my dog\.v2\.mp4 and 2 more have no caption"):
        pack_folder(folder, tmp_path / "shards", MINE)
    assert not (tmp_path / "shards").exists()


def test_an_unreadable_clip_is_named_and_no_shard_is_left(folder: Path, tmp_path: Path) -> None:
    (folder / "zoo" / "bee.webm").write_bytes(b"not a film")
    with pytest.raises(DataError, match=r"bee\.webm cannot be read .*; mend it or take it out"):
        pack_folder(folder, tmp_path / "shards", MINE)
    assert list((tmp_path / "shards").iterdir()) == []


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("name,caption\n", "its first line must hold file,caption"),
        ("file,caption\nzoo/ape.png,\n", "line 2 lacks a file or its caption"),
        ("file,caption\nzoo/cow.png,a cow\n", r"names 'zoo/cow\.png', which is not below"),
        ('file,caption\nzoo/ape.png,"an ape\n', "save it as CSV in UTF-8"),
    ],
)
def test_a_table_of_captions_with_a_fault_is_told_by_line(folder: Path, table: str, message: str) -> None:
    (folder / "captions.csv").write_text(table)
    with pytest.raises(DataError, match=message):
        pack_folder(folder, folder / "shards", MINE)


def test_folders_that_give_or_take_nothing_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a folder"):
        pack_folder(tmp_path / "none", tmp_path / "shards", MINE)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"holds no clips; those read are \.mp4"):
        pack_folder(tmp_path / "empty", tmp_path / "shards", MINE)
    pack_folder(folder, tmp_path / "shards", MINE)
    with pytest.raises(DataError, match="already holds shards"):
        pack_folder(folder, tmp_path / "shards", MINE)


def test_unknown_licences_and_missing_sources_are_told() -> None:
    with pytest.raises(DataError, match=r"'cc-by-4' is not known; the nearest is CC-BY-4\.0"):
        Origin("me", "cc-by-4")
    with pytest.raises(DataError, match="no licence; give an SPDX name"):
        Origin("me", "")
    with pytest.raises(DataError, match="--source"):
        Origin(" ", "CC0-1.0")


def test_the_terminal_packs_renders_and_verifies(folder: Path, tmp_path: Path) -> None:
    shards, world = str(tmp_path / "shards"), str(tmp_path / "world")
    terminal = click.testing.CliRunner()
    packed = terminal.invoke(
        data, ["pack", str(folder), "-o", shards, "--licence", "CC0-1.0", "--source", "me", "--json"]
    )
    assert '"clips": 3' in packed.stdout
    assert "shards: 1 · clips: 3" in terminal.invoke(data, ["verify", shards]).stdout
    render = ["render", "-n", "2", "--size", "32x32", "--frames", "4", "-o", world]
    assert "clips: 2 · Apache-2.0 AND MIT" in terminal.invoke(data, render).stdout
    assert '"rendered": 2' in terminal.invoke(data, ["verify", world, "--json"]).stdout


@pytest.mark.parametrize("verb", ["render", "pack", "verify"])
def test_help_shows_examples(verb: str) -> None:
    text = click.testing.CliRunner().invoke(data, [verb, "--help"]).stdout
    assert f"kinema data {verb}" in text and "--json" in text
