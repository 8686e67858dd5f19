"""A whole campaign: every target is attacked, what was stopped is counted, and what fell below its floor is named.

The floors lie in `floors.json`, beside the count of attempts that they were taken from: the quick campaign makes the
same attempts every time, so that CI notices one that slipped through. They are raised by hand, never lowered unseen.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from kinema.errors import ExtraMissingError, TrustError
from kinema.trust.redteam import marks, papers, parity, pictures, prompts, uploads, witnesses
from kinema.trust.redteam.attempt import Absent, Attempt, Row, Tick, tally
from kinema.trust.redteam.parity import Parity
from kinema.trust.reports import read_reports

FLOORS = Path(__file__).with_name("floors.json")
SLACK = 0.02
"""How far below its floor a share may fall: processors round the encoder's numbers differently."""
SPLIT = "blind"
FILMS = 2
"""Pocket films of each size that marks and witnesses are tried on."""


@dataclass(frozen=True)
class Campaign:
    """What came of it; `broken` are the rows below their floors, each in a sentence."""

    is_quick: bool
    attempts: tuple[Attempt, ...]
    absent: tuple[Absent, ...]
    parity: tuple[Parity, ...]
    reports: int

    @property
    def verb(self) -> str:
        """What writes it again."""
        return "kinema redteam --quick" if self.is_quick else "kinema redteam"

    @property
    def rows(self) -> list[Row]:
        return tally(self.attempts)

    @property
    def failures(self) -> dict[str, list[str]]:
        """Target: attack and the names of what failed under it."""
        found: dict[str, dict[str, None]] = {}
        for each in self.attempts:
            if each.failed:
                kind = "not stopped" if each.is_bad else "wrongly blocked"
                found.setdefault(f"{each.target} / {each.attack} / {kind}", {})[each.name] = None
        return {key: list(names) for key, names in found.items()}

    @property
    def broken(self) -> list[str]:
        """What fell below its floor; only a quick campaign is held to them, since only it repeats itself."""
        return below(self.rows, read_floors()) if self.is_quick else []

    def to_fields(self) -> dict[str, object]:
        return {
            "quick": self.is_quick,
            "rows": [row.to_fields() for row in self.rows],
            "absent": {each.target: each.why for each in self.absent},
            "parity": [each.to_fields() for each in self.parity],
            "failures": self.failures,
            "reports": self.reports,
            "below_floors": self.broken,
        }


def below(rows: Iterable[Row], floors: dict[str, float]) -> list[str]:
    """Sentences about the rows that fell below their floor of recall or rose above that of false blocks."""
    said = []
    for row in rows:
        floor = floors.get(row.key)
        if floor is None:
            continue
        worse = row.share > floor + SLACK if row.measure == "false blocks" else row.share < floor - SLACK
        if worse:
            said.append(f"{row.key}: {row.stopped} of {row.tried} stopped, {row.share:.1%}; the floor is {floor:.1%}")
    return said


def floors_of(rows: Iterable[Row]) -> dict[str, float]:
    """The rows of a quick campaign as floors: what is stored, rounded to what a person reads."""
    return {row.key: round(row.share, 3) for row in rows if row.by in ("all", "category")}


def run(tick: Tick, *, quick: bool = False, films: int = FILMS, bias: bool = True) -> Campaign:
    """Attacks every target, with so many films of each size, and measures the bias unless it is left out.

    Raises TrustError where reports cannot be read.
    """
    kept, _ = read_reports()
    found: list[Attempt | Absent] = []
    for attack in _attacks(tick, quick, films):
        found += attack()
    found += prompts.attack_reported(tick, kept)
    pairs = tuple(parity.measure(tick)) if bias else ()
    return Campaign(
        quick,
        tuple(each for each in found if isinstance(each, Attempt)),
        tuple(each for each in found if isinstance(each, Absent)),
        pairs,
        len(kept),
    )


def _attacks(tick: Tick, quick: bool, films: int) -> list[Callable[[], Iterable[Attempt | Absent]]]:
    """The attacks of a campaign, each to be called; one whose extra is not installed says that it is not there."""
    every, disguises, languages = (12, 4, ("en", "es")) if quick else (1, 6, ())
    sides, films = ((256,), 1) if quick else ((256, 128), films)
    formats, flips = ((".mp4",), 2) if quick else (papers.FORMATS, 12)
    of_marks = marks.QUICK if quick else tuple(marks.ATTACKS)
    of_witnesses = witnesses.QUICK if quick else tuple(witnesses.CHANGES)
    texts, of_pictures = (1, pictures.QUICK) if quick else (len(pictures.BAD), ())
    return [
        lambda: prompts.attack(tick, split=SPLIT, every=every, disguise_every=disguises, languages=languages),
        lambda: uploads.attack(tick),
        lambda: _or_absent(
            pictures.TARGET, lambda: pictures.attack(tick, texts=texts, names=of_pictures, films=2 * films)
        ),
        lambda: _or_absent(marks.TARGET, lambda: marks.attack(tick, films=films, sides_px=sides, names=of_marks)),
        lambda: _or_absent(papers.TARGET, lambda: papers.attack(tick, formats=formats, flips=flips)),
        lambda: _or_absent(
            witnesses.TARGET, lambda: witnesses.attack(tick, films=films, sides_px=sides, names=of_witnesses)
        ),
    ]


def _or_absent(
    target: str, attack: Callable[[], Iterable[Attempt | Absent]]
) -> list[Attempt | Absent]:  # fmt: skip
    """What came of an attack, or that its target is not installed here."""
    try:
        return list(attack())
    except ExtraMissingError as error:
        return [Absent(target, str(error))]


def store_floors(rows: Iterable[Row], path: Path = FLOORS) -> None:
    """What a quick campaign found is the floor from now on."""
    path.write_text(json.dumps(floors_of(rows), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_floors(path: Path = FLOORS) -> dict[str, float]:
    """The stored floors. Raises TrustError where the file holds none."""
    try:
        return {str(key): float(value) for key, value in json.loads(path.read_text(encoding="utf-8")).items()}
    except (OSError, ValueError, AttributeError) as error:
        raise TrustError(f"the floors in {path} cannot be read: {error}; reinstall kinema") from None
