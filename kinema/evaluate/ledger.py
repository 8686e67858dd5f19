"""Measurements kept as JSON lines, each under its own key, so that a long evaluation can be stopped and gone on with.

The sibling of book.py for what is measured by the film and not by the reading: a line is whole or is measured again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kinema.errors import EvaluationError


class Ledger:
    """Key -> measurement (plain values), on disk. Raises EvaluationError where the file is something else."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: dict[str, dict[str, Any]] = {}
        if path.is_file():
            self._read()
        path.parent.mkdir(parents=True, exist_ok=True)

    def __contains__(self, key: object) -> bool:
        return key in self.rows

    def __getitem__(self, key: str) -> dict[str, Any]:
        return self.rows[key]

    def __len__(self) -> int:
        return len(self.rows)

    def write(self, key: str, row: dict[str, Any]) -> None:
        """Adds a measurement, and is sure of it. Several processes may write into one file, each its own keys."""
        line = json.dumps([key, row], separators=(",", ":"))
        with self.path.open("ab", buffering=0) as file:  # at once, so that no line of another process lies in it
            file.write((line + "\n").encode())
        self.rows[key] = json.loads(line)[1]

    def renew(self) -> None:
        """What other processes have measured meanwhile is here too."""
        if self.path.is_file():
            self._read()

    def forget(self) -> None:
        """Nothing has been measured any more."""
        self.rows.clear()
        self.path.unlink(missing_ok=True)

    def _read(self) -> None:
        whole, _, torn = self.path.read_text(encoding="utf-8").rpartition("\n")
        for number, line in enumerate(whole.splitlines(), start=1):
            try:
                key, row = json.loads(line)
            except (json.JSONDecodeError, ValueError, TypeError) as error:
                raise EvaluationError(f"line {number} of {self.path} is no entry ({error}); delete the file") from None
            self.rows[key] = row
        if torn:
            self.path.write_text(whole + "\n" if whole else "", encoding="utf-8")
