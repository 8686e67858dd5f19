"""The model's papers say what its card and manifest hold, and say unknown for the rest."""

import gzip
import json
from fractions import Fraction
from pathlib import Path

import pytest
from conftest import write_card

from kinema import cli
from kinema.data.manifest import Entry, write_manifest
from kinema.data.world import Run, render
from kinema.errors import CheckpointError, DataError
from kinema.trust.certificate import birth_certificate, certificate_page, training_summary
from kinema.trust.receipts import nearest

HEADINGS = (
    "1. General information",
    "1.1. Provider identification",
    "1.2. Model identification",
    "1.3. Modalities, overall training data size and other characteristics",
    "2. List of data sources",
    "2.1. Publicly available datasets",
    "2.2. Private non-publicly available datasets obtained from third parties",
    "2.3. Data crawled and scraped from online sources",
    "2.4. User data",
    "2.5. Synthetic data",
    "2.6. Other sources of data",
    "3. Data processing aspects",
    "3.1. Respect of reservation of rights from text and data mining exception or limitation",
    "3.2. Removal of illegal content",
    "3.3. Other information",
)
ENERGY = {"energy_wh": 1500.0, "wall_s": 7200.0, "method": "estimate: wall time x declared watts"}


def model(folder: Path, entries: list[Entry], **card: object) -> Path:
    folder.mkdir(exist_ok=True)
    summary = write_manifest(folder, entries)
    write_card(folder, merkle_root=summary["merkle_root"], **card)
    return folder


def entry(key: str, source: str = "kinema pocket world", sha256: str = "a" * 64) -> Entry:
    return Entry(key, source, "Apache-2.0 AND MIT" if "world" in source else "CC0-1.0", sha256, "train")


def test_the_certificate_counts_every_clip_and_names_the_energy_or_that_it_is_unknown(tmp_path: Path):
    found = birth_certificate(model(tmp_path / "model", [entry("world-1-00000000"), entry("world-1-00000001")]))
    assert found["clips"] == 2 == found["sources"][0]["clips"]
    assert "unknown: the model's card does not say" in certificate_page(found)
    measured = birth_certificate(model(tmp_path / "model", [entry("world-1-00000000")], training_energy=ENERGY))
    assert "1.5 kWh in 2 hours (estimate: wall time x declared watts)" in certificate_page(measured)


def test_an_altered_manifest_or_a_card_of_another_one_makes_no_certificate(tmp_path: Path):
    folder = model(tmp_path / "model", [entry("world-1-00000000")])
    write_card(folder, merkle_root="0" * 64)
    with pytest.raises(CheckpointError, match="another Merkle root"):
        birth_certificate(folder)
    lines = folder / "manifest.jsonl.gz"
    lines.write_bytes(gzip.compress(gzip.decompress(lines.read_bytes()).replace(b"a" * 64, b"b" * 64)))
    with pytest.raises(DataError, match="Merkle root"):
        birth_certificate(folder)
    (folder / "networks.json").write_text("{")
    with pytest.raises(CheckpointError, match="cannot be read"):
        birth_certificate(folder)


def test_the_summary_has_the_headings_of_the_template_in_their_order(tmp_path: Path):
    page = training_summary(birth_certificate(model(tmp_path / "model", [entry("world-1-00000000")])), "Anna, a@b.org")
    found = [line.lstrip("# ") for line in page.splitlines() if line.startswith("##") and line.lstrip("# ") in HEADINGS]
    assert tuple(found) == HEADINGS and "Anna, a@b.org" in page


def test_sources_that_we_cannot_describe_are_never_said_to_be_ours(tmp_path: Path):
    entries = [entry("world-1-00000000"), entry("clip-7", "somebody's footage")]
    page = training_summary(birth_certificate(model(tmp_path / "model", entries)))
    assert "- somebody's footage: 1 clips, CC0-1.0" in page
    assert "None.\n" not in page and "Nothing was mined" not in page


def test_the_embedded_models_papers_are_written_by_one_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert cli.run(["model", "certificate", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["clips"] == sum(each["clips"] for each in told["sources"])
    assert cli.run(["model", "certificate", "--summary", "-o", str(tmp_path / "SUMMARY.md")]) == 0
    assert (tmp_path / "SUMMARY.md").read_text().startswith("# Public summary of training content: ")


def test_a_copy_of_a_training_clip_is_found_and_a_fresh_clip_is_not(tmp_path: Path):
    run = Run(seed=5)
    clips = [render(run, index) for index in range(6)]
    folder = model(tmp_path / "model", [Entry.of(record) for record, _ in clips])
    home = tmp_path / "home"
    record, copied = clips[3]
    found = nearest(copied, record.captions[0], folder, home)
    assert found.keys[0] == record.key and found.verified
    assert found.likeness[0] == pytest.approx(1, abs=1e-3)
    assert found.memorisation == pytest.approx(1, abs=1e-2)
    fresh_record, fresh = render(Run(seed=6, width=96, height=64, frames=8, fps=Fraction(8)), 0)
    assert nearest(fresh, fresh_record.captions[0], folder, home).memorisation < 0.5


def test_clips_that_this_world_draws_otherwise_prove_nothing(tmp_path: Path):
    record, clip = render(Run(seed=5), 0)
    folder = model(tmp_path / "model", [entry(record.key)])
    assert not nearest(clip, record.captions[0], folder, tmp_path / "home").verified
    with pytest.raises(DataError, match="no clips of the pocket world"):
        nearest(clip, "x", model(tmp_path / "other", [entry("clip-7", "somebody's footage")]), tmp_path / "home")
