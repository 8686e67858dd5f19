"""What an evaluation has found so far, one JSON line per clip read, so that it can be stopped and gone on with.

A line is written whole and flushed; a torn last line is a clip that will be read again. It stands apart so that reports
can be made of any book, finished or not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from kinema.errors import EvaluationError
from kinema.world.scene import Scene

Kind = Literal["film", "true", "rebuilt"]
"""A generated film; the scene's true render; that render through the autoencoder."""


@dataclass(frozen=True)
class Entry:
    """One clip and what was read in it."""

    kind: Kind
    split: str
    scene: Scene
    prompt: str
    seed: int
    facts: dict[str, str]
    sure: dict[str, float] = field(default_factory=dict)
    checks: dict[str, object] = field(default_factory=dict)
    wall_s: float = 0.0

    @property
    def key(self) -> tuple[str, str, str, str, int]:
        """What makes this clip another one than all others of the evaluation."""
        return self.kind, self.split, self.scene.to_json(), self.prompt, self.seed


class Book:
    """The entries of one evaluation, on disk. Raises EvaluationError where the file is something else."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.entries: dict[tuple[str, str, str, str, int], Entry] = {}
        if path.is_file():
            self._read()
        path.parent.mkdir(parents=True, exist_ok=True)

    def __contains__(self, key: object) -> bool:
        return key in self.entries

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries.values())

    def __len__(self) -> int:
        return len(self.entries)

    def write(self, entry: Entry) -> None:
        """Adds an entry, and is sure of it."""
        fields = asdict(entry) | {"scene": json.loads(entry.scene.to_json())}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(fields, separators=(",", ":")) + "\n")
        self.entries[entry.key] = entry

    def forget(self) -> None:
        """Nothing has been found any more."""
        self.entries.clear()
        self.path.unlink(missing_ok=True)

    def _read(self) -> None:
        whole, _, torn = self.path.read_text(encoding="utf-8").rpartition("\n")
        for number, line in enumerate(whole.splitlines(), start=1):
            try:
                fields = json.loads(line)
                entry = Entry(**fields | {"scene": Scene.from_json(json.dumps(fields["scene"]))})
            except (json.JSONDecodeError, TypeError, KeyError) as error:
                raise EvaluationError(f"line {number} of {self.path} is no entry ({error}); delete the file") from None
            self.entries[entry.key] = entry
        if torn:
            self.path.write_text(whole + "\n" if whole else "", encoding="utf-8")
