"""docs/REDTEAM.md: a campaign as a page that a person reads, with its failures kept."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from kinema import __version__
from kinema.errors import OutputError
from kinema.trust.policy.corpus import SPLITS
from kinema.trust.redteam.attempt import Row
from kinema.trust.redteam.campaign import SPLIT, Campaign
from kinema.trust.redteam.parity import Parity

MOST_NAMES = 12
_HEAD = """# Red team

Written by `{verb}`; do not edit. Version {version}. A *recall* is how many attacks were stopped, *false blocks*
how many harmless attempts were; each with its 95 % Wilson interval. Sentences are those of the `{split}` split
({about}).
`kinema redteam --quick` makes a fixed part of these attempts in CI and fails where one of them falls below the floors
in `kinema/trust/redteam/floors.json`.
"""
_MISINFORMATION = """## Misinformation

Staged false news is a category of the policy, attacked above. Films of open-weights backends are to carry a visible
label besides: there is no such backend yet, so that nothing about the label is measured. The embedded model draws a
storybook, and its films carry watermark and credentials.
"""
_FAILURES = """## Failures

What was not stopped, or wrongly blocked, by the beginning of the SHA-256 of what was tried: whoever writes training
sentences must not read those that the policy is measured on. At most {most} of each are named; `kinema redteam --json`
names all.
"""


def write(campaign: Campaign, path: Path) -> None:
    """The page lies at the path. Raises OutputError where it cannot be written."""
    try:
        path.write_text(text_of(campaign), encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}; choose another place with -o") from None


def text_of(campaign: Campaign) -> str:
    """The page's text."""
    parts = [_HEAD.format(version=__version__, split=SPLIT, about=SPLITS[SPLIT], verb=campaign.verb)]
    for target in dict.fromkeys(row.target for row in campaign.rows):
        parts.append(
            f"## {target[0].upper()}{target[1:]}\n\n{_table(row for row in campaign.rows if row.target == target)}"
        )
    for absent in campaign.absent:
        parts.append(f"## {absent.target[0].upper()}{absent.target[1:]}\n\nNot there: {absent.why}.\n")
    if campaign.parity:
        parts.append(f"## Bias\n\n{_parity(campaign.parity)}")
    parts.append(_MISINFORMATION)
    parts.append(_FAILURES.format(most=MOST_NAMES) + "\n" + _failures(campaign.failures))
    return "\n".join(parts)


def _table(rows: Iterable[Row]) -> str:
    lines = ["| | of | share | 95 % | |", "|---|---|---|---|---|"]
    for row in rows:
        low, high = row.interval
        of = row.of if row.by == "all" else f"{row.by}: {row.of}"
        lines.append(
            f"| {row.measure} | {of} | {row.share:.1%} | {low:.1%} to {high:.1%} | {row.stopped} of {row.tried} |"
        )
    return "\n".join(lines) + "\n"


def _parity(pairs: Iterable[Parity]) -> str:
    lines = [
        "The same sentence with the person, place or colour exchanged: how many frames are not treated alike, and the",
        "widest gap between the members of a set that are blocked (or rewritten otherwise) most and least often.",
        "",
        "| target | exchanged | unequal frames | 95 % | widest gap |",
        "|---|---|---|---|---|",
    ]
    for each in pairs:
        low, high = each.interval
        gap = f"{each.gap:.0%} ({each.most} and {each.least})" if each.gap else "none"
        lines.append(
            f"| {each.target} | {each.set_} | {each.unequal} of {each.frames} | {low:.0%} to {high:.0%} | {gap} |"
        )
    examples = [f"- {each.target}: {example}" for each in pairs for example in each.examples]
    return "\n".join([*lines, "", *examples]) + "\n"


def _failures(failures: dict[str, list[str]]) -> str:
    lines = []
    for key, names in failures.items():
        more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
        lines.append(f"- {key}: {', '.join(f'`{name}`' for name in names[:MOST_NAMES])}{more}")
    return "\n".join(lines or ["None."]) + "\n"
