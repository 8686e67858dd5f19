"""What was compiled is kept: the same numbers from it, nothing from a damaged file, nothing for another network."""

from pathlib import Path

import numpy as np
import openvino
import pytest
from openvino import opset13 as op

from kinema.compiled import KEPT_OF_A_NAME, compiled

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


def test_older_ones_of_a_name_go(home):
    for index in range(KEPT_OF_A_NAME + 2):
        run(str(index), 2.0)
    assert len(list(home.iterdir())) == KEPT_OF_A_NAME
