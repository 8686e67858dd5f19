"""Books that go on after a stop, tables that hold back what is unquotable, pages, plots and sheets that are drawn."""

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from kinema.cli.evaluate import Clock, duration, evaluate
from kinema.clip import Clip
from kinema.errors import EvaluationError
from kinema.evaluate import labels, report
from kinema.evaluate.book import Book, Entry
from kinema.evaluate.factors import FACTORS, facts
from kinema.evaluate.gate import true_clip, unseen_scenes
from kinema.evaluate.plan import Trial, plan
from kinema.evaluate.reader import Reader
from kinema.evaluate.run import Makers, run
from kinema.evaluate.score import ALL
from kinema.evaluate.table import tabulate


class Oracle(Reader):
    """A reader whose card says that it cannot read actions; used where the reading itself does not matter."""

    def __init__(self, blind: str = "action") -> None:
        super().__init__("dev")
        right = dict.fromkeys(FACTORS, 1.0) | {blind: 0.5}
        self.card = replace(self.card, true_right=right)


def gray(seed: int) -> Clip:
    frames = np.random.default_rng(seed).integers(0, 255, (32, 16, 16, 3), np.uint8)
    return Clip(frames.repeat(8, 1).repeat(8, 2), Fraction(8))


def entries(trials: list[Trial]) -> list[Entry]:
    """Films right in all but every third object; truth right in all."""
    made = []
    for index, trial in enumerate(trials):
        shown = facts(trial.scene)
        wrong = {"object": "robot"} if index % 3 == 0 and shown["object"] != "robot" else {}
        checks = {"energy": 1.0, "flicker": 0.1, "identity_drift": 0.2, "still": False, "camera": trial.scene.camera}
        where = (trial.split, trial.scene, trial.prompt, trial.seed)
        made.append(Entry("film", *where, shown | wrong, checks=checks))
        if trial.seed == 1:
            made.append(Entry("true", *where, shown, checks=checks))
    return made


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as picture:
        return picture.size


@pytest.fixture
def book(tmp_path: Path) -> Book:
    written = Book(tmp_path / "book.jsonl")
    for entry in entries(plan(24, 2)):
        written.write(entry)
    return written


def test_a_book_is_read_back_and_survives_a_torn_last_line(book: Book) -> None:
    again = Book(book.path)
    assert list(again) == list(book)
    with book.path.open("a") as file:
        file.write('{"kind":"film","spl')
    assert list(Book(book.path)) == list(book)
    assert list(Book(book.path)) == list(book)
    book.path.write_text("nonsense\n" + book.path.read_text())
    with pytest.raises(EvaluationError, match="line 1"):
        Book(book.path)


def test_a_stopped_run_goes_on_without_making_a_film_twice(tmp_path: Path) -> None:
    trials, made = plan(3), []

    def film_until(limit: int) -> Callable[[str, int], Clip]:
        def film(prompt: str, seed: int) -> Clip:
            if len(made) == limit:
                raise KeyboardInterrupt
            made.append(prompt)
            return gray(len(made))

        return film

    path, reader = tmp_path / "book.jsonl", Reader("dev")
    with pytest.raises(KeyboardInterrupt):
        run(trials, Makers(film_until(2), None), reader, Book(path), lambda done, total: None)
    assert len([entry for entry in Book(path) if entry.kind == "film"]) == 2
    seen: list[tuple[int, int]] = []
    run(trials, Makers(film_until(99), None), reader, Book(path), lambda done, total: seen.append((done, total)))
    assert len(made) == len(trials)
    assert seen[-1] == (2 * len(trials), 2 * len(trials))
    assert len(list((tmp_path / "book").glob("*.png"))) == len(trials)


def test_an_unquotable_factor_is_never_printed_and_never_counts(book: Book) -> None:
    table = tabulate(book, Oracle("object"))
    assert table.seen.shares[ALL].value == 1
    fields = table.to_fields()
    assert fields["unquotable"] == ["object"]
    assert fields["seen"]["object"] is None  # type: ignore[index]
    line = next(line for line in report.factors(table).splitlines() if line.startswith("| object"))
    assert "%" not in line
    assert report.UNQUOTABLE in line


def test_a_table_holds_ceiling_floor_splits_and_seeds(book: Book) -> None:
    table = tabulate(book, Oracle())
    assert table.true.shares[ALL].value == 1
    assert 0.5 < table.seen.shares["object"].value < 0.9
    assert table.floor.shares["object"].value < 0.2
    assert table.floor.shares[ALL].value < 0.1
    assert len(table.splits) == 8
    low, high = table.per_seed["object"]
    assert low <= table.seen.shares["object"].value <= high
    assert table.checks["film"]["camera right"] == 1


def test_an_empty_book_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="no readings"):
        tabulate(Book(tmp_path / "empty.jsonl"), Oracle())


def test_page_plot_and_sheet_are_drawn(book: Book, tmp_path: Path) -> None:
    table = tabulate(book, Oracle())
    first = next(entry for entry in book if entry.kind == "film")
    strip = report.still_path(book.path, first)
    strip.parent.mkdir()
    Image.new("RGB", (640, 128), "teal").save(strip)
    written = report.write(table, book, tmp_path / "docs", "tiny")
    assert [path.name for path in written] == [report.PAGE, report.PLOT, report.SHEET]
    page = written[0].read_text()
    for words in ("true clips", "floor", "object colour", "Model: tiny", "Unquotable", report.PLOT, report.SHEET):
        assert words in page
    assert size_of(written[1])[0] > 600
    assert size_of(written[2])[1] >= 128
    plain = report.plain(report.factors(table)).splitlines()
    assert plain[0].startswith("factor")
    assert not any("|" in line or "---" in line for line in plain)


def test_faults_name_what_was_seen_instead(book: Book) -> None:
    table = tabulate(book, Oracle())
    wrong = next(
        entry for entry in book if entry.kind == "film" and entry.facts["object"] != entry.scene.things[0].name
    )
    assert "object: robot" in report.faults(wrong, table)
    assert report.faults(next(entry for entry in book if entry.kind == "true"), table) == ""


def test_labels_are_written_filled_in_and_held_against_a_reader(tmp_path: Path) -> None:
    scenes = unseen_scenes(3, seed=4)
    *sheets, table = labels.write_sheets([true_clip(scene) for scene in scenes], tmp_path)
    assert size_of(sheets[0])[0] == 2 * (6 * 114 + 8)
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    rows[0]["place"], rows[1]["place"], rows[1]["time"] = scenes[0].place, scenes[1].place, scenes[1].time
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    seen = labels.read_labels(table)
    read = {number: facts(scene) for number, scene in enumerate(scenes, start=1)}
    read[2]["time"] = "dawn"
    found = labels.agreement(seen, read)
    assert (found.shares["place"].right, found.shares["place"].of) == (2, 2)
    assert (found.shares["time"].right, found.shares["time"].of) == (0, 1)
    assert found.disagreements == (f"film 2: time looks like {scenes[1].time!r}, the reader says 'dawn'",)
    with pytest.raises(EvaluationError, match="somebody's work"):
        labels.write_sheets([true_clip(scenes[0])], tmp_path)
    table.write_text(table.read_text().replace(scenes[0].place, "attic"))
    with pytest.raises(EvaluationError, match="attic"):
        labels.read_labels(table)


def test_films_are_labelled_without_their_prompts(tmp_path: Path) -> None:
    clips = {prompt: gray(index) for index, prompt in enumerate(trial.prompt for trial in plan(4)[:4])}
    written = labels.write_films(4, tmp_path, lambda prompt, seed: clips[prompt])
    assert written[-1].read_text().splitlines()[1].strip(",") == "1"
    reader = Reader("dev")
    with pytest.raises(EvaluationError, match="not filled in"):
        labels.compare(tmp_path, reader)
    rows = written[-1].read_text().splitlines()
    order = labels.shuffled(4, labels.SHUFFLE)
    second = reader.read(list(clips.values())[order[1]]).facts
    rows[2] = ",".join(["2", *(second[factor] for factor in FACTORS)])
    written[-1].write_text("\n".join(rows) + "\n")
    found = labels.compare(tmp_path, reader)
    assert found.disagreements == ()
    assert all(share.value == 1 for share in found.shares.values())


def test_the_verb_makes_films_reads_them_and_writes_its_page(tiny_model: Path, tmp_path: Path) -> None:
    asked = ["--prompts", "2", "--docs", str(tmp_path / "docs")]
    done = CliRunner().invoke(evaluate, asked, catch_exceptions=False)
    assert done.exit_code == 0
    assert "seen (2)" in done.stdout
    assert "12 of 12 clips read" in done.stderr
    assert (tmp_path / "docs" / report.PAGE).read_text().count("|") > 50
    assert size_of(tmp_path / "docs" / report.SHEET)[0] > 100
    again = CliRunner().invoke(evaluate, [*asked, "--json"], catch_exceptions=False)
    said = json.loads(again.stdout)
    assert said["reader"] == "dev"
    assert said["seen"]["films"] == said["true"]["films"] == 2
    assert said["held_out"]["films"] == said["twins"]["films"] == 1


def test_remaining_time_is_said_in_the_largest_units() -> None:
    assert [duration(seconds) for seconds in (7, 700, 7500)] == ["7 s", "12 min", "2 h 5 min"]
    Clock().show(0, 3)


def test_shuffled_orders_are_whole_and_repeatable() -> None:
    order = labels.shuffled(20, 1)
    assert sorted(order) == list(range(20)) != order
    assert order == labels.shuffled(20, 1)
