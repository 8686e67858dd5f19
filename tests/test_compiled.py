"""What was compiled is kept: the same numbers from it, nothing from a damaged file, nothing for another network."""

import os
import time
from pathlib import Path

import numpy as np
import openvino
import pytest
from openvino import opset13 as op

from kinema.compiled import DAY, KEPT_OF_A_NAME, UNUSED_DAYS, compiled

OPTIONS = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
GIVEN = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("KINEMA_HOME", str(tmp_path))
    return tmp_path / "cache"


def model(factor: float) -> openvino.Model:
    given = op.parameter([-1, 4], np.float32, name="given")
    return openvino.Model([op.result(op.sin(op.multiply(given, np.float32(factor))))], [given], "sine")


def run(digest: str, factor: float, read: list[float] | None = None, options: dict[str, object] | None = None):
    """What the network gives; its factor is added to `read` when its graph is read."""

    def graph() -> openvino.Model:
        if read is not None:
            read.append(factor)
        return model(factor)

    return compiled(openvino.Core(), "sine", digest, graph, options or OPTIONS)([GIVEN])[0]


def test_a_second_start_reads_no_graph_and_gives_the_same_numbers(home):
    read: list[float] = []
    first, second = run("a", 2.0, read), run("a", 2.0, read)
    assert read == [2.0] and len(list(home.iterdir())) == 1
    assert first.tobytes() == second.tobytes() and np.allclose(first, np.sin(2 * GIVEN), atol=1e-6)


@pytest.mark.parametrize("digest, options", [("b", OPTIONS), ("a", {**OPTIONS, "INFERENCE_NUM_THREADS": 2})])
def test_another_network_or_option_takes_nothing_of_it(digest, options):
    run("a", 2.0)
    assert np.allclose(run(digest, 3.0, options=options), np.sin(3 * GIVEN), atol=1e-6)


@pytest.mark.parametrize("damage", [lambda data: data[:-9], lambda data: data[:-40] + b"!" + data[-39:], lambda _: b""])
def test_a_damaged_file_is_made_anew(home, damage):
    run("a", 2.0)
    (kept,) = home.iterdir()
    whole = kept.read_bytes()
    kept.write_bytes(damage(whole))
    read: list[float] = []
    assert np.allclose(run("a", 2.0, read), np.sin(2 * GIVEN), atol=1e-6)
    assert read == [2.0] and kept.read_bytes() != damage(whole)


def test_where_nothing_can_be_kept_nothing_is(home):
    home.write_text("a file where the folder should be")
    assert np.allclose(run("a", 2.0), np.sin(2 * GIVEN), atol=1e-6)


def aged(path: Path, days: float) -> Path:
    os.utime(path, (time.time() - days * DAY,) * 2)
    return path


def named(home: Path, name: str, days: float) -> Path:
    (home / name).write_bytes(b"kept by somebody")
    return aged(home / name, days)


@pytest.mark.parametrize("comes_by", ["keeping", "taking"])
def test_what_nobody_took_for_a_month_goes_and_what_anybody_took_stays(home, comes_by):
    run("a", 2.0)
    (kept,) = home.iterdir()
    old, recent = UNUSED_DAYS + 1, UNUSED_DAYS - 1
    stale = {named(home, name, old) for name in ("decoder-0123456789abcdef.network", "12.blob", "sine-0.7.part")}
    fresh = {named(home, name, recent) for name in ("policy-0123456789abcdef.network", "13.blob", "sine-1.7.part")}
    foreign = named(home, "notes.txt", old)
    aged(kept, old if comes_by == "taking" else 0)
    run("a" if comes_by == "taking" else "b", 2.0)
    left = set(home.iterdir())
    assert left >= fresh | {foreign, kept} and not left & stale
    assert time.time() - kept.stat().st_mtime < DAY


def test_what_goes_while_it_is_used_or_looked_at_breaks_nothing(home):
    network = compiled(openvino.Core(), "sine", "a", lambda: model(2.0), OPTIONS)
    (kept,) = home.iterdir()
    aged(kept, UNUSED_DAYS + 1)
    again = compiled(openvino.Core(), "sine", "a", lambda: model(2.0), OPTIONS)
    kept.unlink()
    assert again([GIVEN])[0].tobytes() == network([GIVEN])[0].tobytes()
    (home / "gone.network").symlink_to(home / "nowhere")  # as a file is to whoever lists it before another removes it
    run("a", 2.0)
    assert kept.exists()


def test_those_of_a_name_go_that_were_not_taken_for_the_longest_time(home):
    run("0", 2.0)
    (first,) = home.iterdir()
    for index in range(1, KEPT_OF_A_NAME):
        run(str(index), 2.0)
    for file in home.iterdir():
        aged(file, 3)
    run("0", 2.0)
    run("new", 2.0)
    assert first.exists() and len(list(home.iterdir())) == KEPT_OF_A_NAME


def test_older_ones_of_a_name_go(home):
    for index in range(KEPT_OF_A_NAME + 2):
        run(str(index), 2.0)
    assert len(list(home.iterdir())) == KEPT_OF_A_NAME
