"""The findings written for people: a page of tables, a plot, and a sheet of films with what was wrong in each.

Matplotlib is imported only where a plot is drawn; without it the page is written all the same and says so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from kinema.errors import ExtraMissingError
from kinema.evaluate.book import Book, Entry
from kinema.evaluate.factors import FACTORS
from kinema.evaluate.gate import QUOTABLE
from kinema.evaluate.run import still_path
from kinema.evaluate.score import ALL, MEAN, Share, verdicts
from kinema.evaluate.table import ROWS, Column, Table

PAGE, PLOT, SHEET = "EVALUATION.md", "evaluation.png", "evaluation_films.webp"
UNQUOTABLE = "unquotable"
LABEL_PX = 30
SHEET_FILMS = 12
LETTER_PX = 6


def write(table: Table, book: Book, folder: Path, configuration: str) -> list[Path]:
    """The page, the plot and the sheet in a folder; the paths of what was written."""
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / PAGE]
    if table.seen:
        written.append(draw(table, folder / PLOT))
    sheet = film_sheet(book, table)
    if sheet:
        sheet.save(folder / SHEET, quality=85)
        written.append(folder / SHEET)
    (folder / PAGE).write_text(page(table, configuration, {path.name for path in written}), encoding="utf-8")
    return written


def page(table: Table, configuration: str, pictures: set[str]) -> str:
    """The whole page as Markdown."""
    parts = ["# Evaluation", _preface(table, configuration), "## What the films show", factors(table)]
    if PLOT in pictures:
        parts.append(f"![Shares of films that show what was asked, with 95 % intervals]({PLOT})")
    if table.splits:
        parts += ["## Held-out compositions", _gap_words(), splits(table)]
    parts += ["## Checks without training", _check_words(), checks(table)]
    if SHEET in pictures:
        parts += ["## Films", f"![Films with their prompts and what the reader found wrong]({SHEET})"]
    return "\n\n".join(parts) + "\n"


def factors(table: Table) -> str:
    """Factor by factor: ceiling, reconstructions, seen, held out, floor."""
    named = [
        ("true clips", table.true),
        ("rebuilt", table.rebuilt),
        ("seen", table.seen),
        ("held out", table.held),
        ("their seen twins", table.twins),
        ("floor", table.floor),
    ]
    columns = [(name, column) for name, column in named if column]
    head = ["factor", *(f"{name} ({column.films})" for name, column in columns)]
    if table.per_seed:
        head.append("seen, by seed")
    rows = []
    for row in ROWS:
        if not any(row in column.shares for _, column in columns):
            continue
        cells = [_words(row), *(_cell(table, row, column) for _, column in columns)]
        if table.per_seed:
            cells.append(_ends(table, row))
        rows.append(cells)
    return markdown(head, rows)


def splits(table: Table) -> str:
    """Every held-out split beside its twins, and the gap."""
    rows = []
    for each in table.splits:
        mean, twin = each.held.shares.get(MEAN), each.twin.shares.get(MEAN)
        whole, twin_whole = each.held.shares.get(ALL), each.twin.shares.get(ALL)
        if mean and twin and whole and twin_whole:
            gap = 100 * (mean.value - twin.value)
            cells = [*map(percent, (mean, twin)), f"{gap:+.0f}", *map(percent, (whole, twin_whole))]
            rows.append([_words(each.split), *cells])
    head = ["split", "mean of factors", "twins", "gap, points", "all correct", "twins"]
    return markdown(head, rows)


def checks(table: Table) -> str:
    """Means of the analytic checks, per kind of clip."""
    kinds = [kind for kind in ("true", "rebuilt", "film") if table.checks.get(kind)]
    names = list(table.checks[kinds[0]]) if kinds else []
    rows = [[_words(name), *(f"{table.checks[kind].get(name, 0):.3f}" for kind in kinds)] for name in names]
    return markdown(["check", *kinds], rows)


def percent(share: Share) -> str:
    """`83 % (77 to 88)`."""
    low, high = share.interval
    return f"{100 * share.value:.0f} % ({100 * low:.0f} to {100 * high:.0f})"


def draw(table: Table, path: Path) -> Path:
    """A dot with its interval per factor for seen and held-out films, between floor and ceilings. ExtraMissingError."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise ExtraMissingError("train", "the plot of an evaluation") from None
    rows = [row for row in ROWS if row in table.seen.shares and table.says(row)]
    figure = Figure(figsize=(7.5, 0.42 * len(rows) + 1.4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    marks = (
        ("floor (shuffled captions)", table.floor, "x", "#999999", 0.0),
        ("true clips", table.true, "|", "#222222", 0.0),
        ("rebuilt", table.rebuilt, "|", "#2a9d8f", 0.0),
        ("seen", table.seen, "o", "#1d5fa8", -0.14),
        ("held out", table.held, "s", "#e07a1f", 0.14),
    )
    for name, column, marker, colour, lift in marks:
        told = [(place, column.shares[row]) for place, row in enumerate(rows) if row in column.shares]
        if not told:
            continue
        heights = [place + lift for place, _ in told]
        values = [100 * share.value for _, share in told]
        size = 7 if marker in "|x" else 5
        axes.plot(values, heights, marker, color=colour, label=name, markersize=size, linestyle="")
        if lift:
            for height, (_, share) in zip(heights, told, strict=True):
                axes.plot([100 * end for end in share.interval], [height, height], color=colour, linewidth=1.2)
    axes.set_yticks(range(len(rows)), [_words(row) for row in rows])
    axes.invert_yaxis()
    axes.set_xlim(-2, 102)
    axes.set_xlabel("films that show what was asked, %  (95 % intervals)")
    axes.grid(axis="x", alpha=0.3)
    figure.legend(loc="outside lower center", ncols=5, fontsize=8, frameon=False)
    figure.savefig(path, dpi=140)
    return path


def film_sheet(book: Book, table: Table) -> Image.Image | None:
    """Strips of the first films under their prompts, with what was read otherwise; None where no strip was kept."""
    kept = [(entry, still_path(book.path, entry)) for entry in book if entry.kind == "film"]
    strips = [(entry, Image.open(path).convert("RGB")) for entry, path in kept if path.is_file()][:SHEET_FILMS]
    if not strips:
        return None
    wide, tall = max(strip.width for _, strip in strips), max(strip.height for _, strip in strips) + LABEL_PX
    across = 2
    sheet = Image.new("RGB", (across * (wide + 8), -(-len(strips) // across) * tall), "white")
    pen = ImageDraw.Draw(sheet)
    for index, (entry, strip) in enumerate(strips):
        left, top = index % across * (wide + 8), index // across * tall
        wrong = faults(entry, table)
        letters = wide // LETTER_PX
        pen.text((left + 2, top + 2), entry.prompt[:letters], fill="black")
        verdict = wrong or f"right: {praises(entry, table)}"
        pen.text((left + 2, top + 15), verdict[:letters], fill="#b3261e" if wrong else "#1b7f3b")
        sheet.paste(strip, (left, top + LABEL_PX))
    return sheet


def faults(entry: Entry, table: Table) -> str:
    """What the reader saw otherwise than asked, in words; factors that it cannot read are not blamed."""
    judged = verdicts(entry.scene, entry.facts)
    wrong = [factor for factor, right in judged.items() if not right and factor in table.quotable]
    return ", ".join(f"{_words(factor)}: {_words(entry.facts[factor])}" for factor in wrong)


def praises(entry: Entry, table: Table) -> str:
    """The factors in which the film shows what was asked, in words; those that cannot be read are not praised."""
    judged = verdicts(entry.scene, entry.facts)
    return ", ".join(_words(factor) for factor, right in judged.items() if right and factor in table.quotable)


def _preface(table: Table, configuration: str) -> str:
    card = table.card
    exam = ", ".join(f"{_words(name)} {100 * share:.1f} %" for name, share in card.true_right.items())
    blind = [_words(factor) for factor in FACTORS if factor not in table.quotable]
    lines = [
        "What films of the embedded model show, read back from their pixels by a small network, the reader "
        f"`{card.name}` ({card.architecture}): trained on {card.clips:,} lessons rendered by the world, "
        f"{card.minutes:g} minutes of {card.machine}, never on generated films. "
        f"Of {card.true_clips:,} unseen renders it reads {exam}. "
        f"A factor is printed only where that is {100 * QUOTABLE:.0f} % or more.",
        "**True clips** is the ceiling, the same scenes as the world draws them; **rebuilt** is what the autoencoder "
        "leaves of it; **floor** judges every film by another scene's caption. Intervals are 95 % Wilson, counting "
        "scenes, not films. A factor counts only where the caption says it and it has an alternative: no time of day "
        "under water, no direction for a star.",
        f"Model: {configuration}." if configuration else "No films of a model are in this table.",
    ]
    if blind:
        lines.insert(1, f"Unquotable, and left out of the last two rows too: {', '.join(blind)}.")
    return "\n\n".join(lines)


def _gap_words() -> str:
    return (
        "Each split leaves out combinations whose parts are common elsewhere. Its twins are seen scenes drawn in the "
        "same way, so the gap is what being unseen costs."
    )


def _check_words() -> str:
    return (
        "Energy is the mean change between frames (0 to 255), flicker the mean second difference of brightness, still "
        "the share of clips in which nothing moves, identity drift how far the subject's colours end from how they "
        "began (0 to 1), camera right the share of clips whose background moves as asked, followed subjects left out."
    )


def _words(name: str) -> str:
    return name.replace("_", " ")


def _cell(table: Table, row: str, column: Column) -> str:
    share = column.shares.get(row)
    if share is None:
        return "-"
    return percent(share) if table.says(row) else UNQUOTABLE


def _ends(table: Table, row: str) -> str:
    if row not in table.per_seed or not table.says(row):
        return "-"
    low, high = table.per_seed[row]
    return f"{100 * low:.0f} to {100 * high:.0f} %"


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def plain(markdown: str) -> str:
    """A Markdown table in aligned columns for a terminal."""
    rows = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in markdown.splitlines()]
    rows = [row for row in rows if not all(re.fullmatch("-+", cell) for cell in row)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    padded = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows]
    return "\n".join("  ".join(row).rstrip() for row in padded)
