"""Ledgers go on after a stop."""

from pathlib import Path

import pytest

from kinema.errors import EvaluationError
from kinema.evaluate.ledger import Ledger


def test_what_was_written_is_read_back_without_a_torn_last_line(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "new" / "ledger.jsonl")
    ledger.write("a", {"energy": [1.5, 2.0]})
    ledger.write("b", {"energy": ()})
    with ledger.path.open("a") as file:
        file.write('["c",{"ene')
    again = Ledger(ledger.path)
    assert again.rows == {"a": {"energy": [1.5, 2.0]}, "b": {"energy": []}} == ledger.rows
    again.write("c", {})
    assert len(Ledger(ledger.path)) == 3
    again.forget()
    assert len(Ledger(ledger.path)) == 0


def test_another_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_text("nonsense\n")
    with pytest.raises(EvaluationError, match=r"line 1 of .*delete the file"):
        Ledger(path)
