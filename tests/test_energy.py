"""Receipts name their method and their grid, a budget ends a film, and the table adds up what can be trusted."""

import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from kinema import cli
from kinema.clip import Clip
from kinema.energy import DECLARED_GRID, ESTIMATE, RAPL, WORLD_GRID, Budget, Meter, Rapl, Receipt, receipt
from kinema.errors import ExtraMissingError, RecipeError
from kinema.settings import Settings, read_settings
from kinema.trust.credentials import Provenance, sign


@dataclass(frozen=True)
class Done:
    done: int
    total: int


def powercap(folder: Path, **microjoules: int) -> Path:
    """Counters as Linux shows them, one folder a zone."""
    for index, (name, count) in enumerate(microjoules.items()):
        zone = folder / f"intel-rapl:{index}"
        zone.mkdir(parents=True, exist_ok=True)
        (zone / "name").write_text(name.replace("_", "-") + "\n")
        (zone / "energy_uj").write_text(f"{count}\n")
        (zone / "max_energy_range_uj").write_text("9999999\n")
    return folder


def test_without_a_counter_energy_is_wall_time_times_declared_watts_and_called_an_estimate(tmp_path: Path):
    meter = Meter(Settings(watts=36.0), powercap=tmp_path)
    first, second = meter.read(), meter.read()
    for found in (first, second):
        assert found.energy_wh == pytest.approx(found.wall_s * 36 / 3600)
        assert found.method == ESTIMATE and found.is_estimate
    assert second.wall_s >= first.wall_s


def test_rapl_counts_packages_and_memory_through_a_wrap_and_nothing_twice(tmp_path: Path):
    folder = powercap(tmp_path, package_0=9_000_000, dram=500, core=0, psys=0)
    meter = Meter(Settings(), powercap=folder)
    powercap(folder, package_0=1_000_000, dram=1_500, core=77, psys=10**6)
    found = meter.read()
    assert found.energy_wh == pytest.approx((2_000_000 + 1_000) / 1e6 / 3600)
    assert found.method == RAPL and not found.is_estimate


def test_a_counter_that_may_not_be_read_is_no_counter(tmp_path: Path):
    folder = powercap(tmp_path, package_0=5)
    (folder / "intel-rapl:0" / "energy_uj").unlink()
    assert Rapl.find(folder) is None


def test_a_graphics_card_needs_the_extra_that_reads_it(tmp_path: Path):
    with pytest.raises(ExtraMissingError, match=r"kinema\[nvidia\]"):
        Meter(Settings(), cards=(0,), powercap=tmp_path)


def test_grams_follow_the_grid_whose_source_is_named_only_where_it_is_known(tmp_path: Path):
    assert Meter(Settings(), powercap=tmp_path).read().grid == WORLD_GRID
    assert Meter(Settings(grams_per_kwh=56.0), powercap=tmp_path).read().grid == DECLARED_GRID
    named = Meter(Settings(grams_per_kwh=56.0, grid="RTE, France 2024"), powercap=tmp_path).read()
    assert named.grid == "RTE, France 2024" and named.co2_g == pytest.approx(named.energy_wh * 0.056)
    assert receipt(3600, watts=30, grams_per_kwh=500).co2_g == pytest.approx(15)


def test_a_budget_stops_a_film_that_takes_more(tmp_path: Path):
    folder = powercap(tmp_path, package_0=0)
    budget = Budget(0.001, Meter(Settings(), powercap=folder))
    budget.check(Done(1, 4))
    powercap(folder, package_0=3_700_000)
    with pytest.raises(RecipeError, match=r"step 2 of 4, and 0\.001 Wh are allowed"):
        budget.check(Done(2, 4))


def test_a_budget_stops_halfway_where_it_would_not_last_and_counts_each_fill_anew(tmp_path: Path):
    folder = powercap(tmp_path, package_0=0)
    budget = Budget(0.001, Meter(Settings(), powercap=folder))
    for step, joules in ((1, 1.0), (8, 1.1), (1, 1.9), (4, 2.5), (5, 2.7)):
        powercap(folder, package_0=int(joules * 1e6))
        budget.check(Done(step, 8))
    powercap(folder, package_0=3_300_000)
    with pytest.raises(RecipeError, match="step 6 of 8"):
        budget.check(Done(6, 8))


def test_no_bound_never_stops(tmp_path: Path):
    budget = Budget(None, Meter(Settings(watts=1e9), powercap=tmp_path))
    budget.check(Done(1, 2))


def film(path: Path, took: Receipt | None) -> Path:
    Clip(np.zeros((2, 16, 16, 3), np.uint8), Fraction(8)).write(path)
    sign(path, Provenance('{"prompt":"a dog"}', "0" * 64, receipt=took))
    return path


def test_the_table_sums_the_trusted_and_says_where_the_figures_come_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    took = Receipt(10.0, 0.25, 0.11, ESTIMATE, 445.0, WORLD_GRID)
    monkeypatch.setenv("KINEMA_HOME", str(tmp_path / "other"))
    foreign = film(tmp_path / "foreign.png", took)
    monkeypatch.setenv("KINEMA_HOME", str(tmp_path / "home"))
    films = [film(tmp_path / "one.png", took), film(tmp_path / "two.gif", took)]
    assert cli.run(["energy", *map(str, films), str(foreign)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["one.png", "10", "0.25", "0.11", "trusted"]
    assert lines[3].split()[-1] == "intact" and lines[4].split() == ["2", "trusted", "20", "0.5", "0.22"]
    assert lines[5] == f"energy: {ESTIMATE}" and WORLD_GRID in lines[6]


def test_a_film_without_a_receipt_is_said_to_have_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = film(tmp_path / "film.png", None)
    assert cli.run(["energy", str(path), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["energy_wh"] is None and told["state"] == "trusted" and told["path"] == str(path)


def test_every_setting_of_energy_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KINEMA_GRID", "UBA, Germany 2024")
    assert read_settings().grid == "UBA, Germany 2024"
