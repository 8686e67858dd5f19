"""What people report is kept whole, for the operator alone, with what was decided; nothing grows without bound."""

import json
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from kinema import cli
from kinema.clip import Clip
from kinema.errors import ClipError, PromptError, TrustError
from kinema.trust import reports
from kinema.trust.reports import Report, read_reports, report


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KINEMA_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def film(path: Path) -> Path:
    return Clip(np.zeros((4, 32, 32, 3), np.uint8), Fraction(8)).write(path)


def test_a_refused_prompt_is_kept_with_its_refusal(home: Path):
    kept = report("two people having sex", "it is a biology lesson")
    assert kept.kind == "prompt" and kept.decided["decision"] == "block" and kept.decided["category"] == "sexual"
    assert read_reports() == ([kept], 0)
    place = home / "reports" / "reports.jsonl"
    assert place.stat().st_mode & 0o777 == 0o600 and place.parent.stat().st_mode & 0o777 == 0o700


def test_a_film_is_kept_by_its_hash_and_credentials(tmp_path: Path):
    path = film(tmp_path / "found.mp4")
    kept = report(str(path), "this is my face")
    assert (kept.kind, kept.subject, kept.decided["state"]) == ("film", "found.mp4", "none")
    assert len(kept.decided["sha256"]) == 64 and kept.decided["registry"] is None
    assert read_reports() == ([kept], 0)


def test_credentials_without_end_leave_room_for_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = film(tmp_path / "found.mp4")
    whole = report(str(path)).decided
    monkeypatch.setattr(reports, "MAX_TOLD_CHARS", 10)
    decided = report(str(path)).decided
    assert set(decided) == {"sha256", "bytes", "state", "left_out"}
    assert all(decided[name] == whole[name] for name in ("sha256", "bytes", "state"))


def test_a_film_that_is_not_there_is_no_prompt():
    with pytest.raises(ClipError, match="there is no file"):
        report("gone.mp4")
    assert read_reports() == ([], 0)


@pytest.mark.parametrize("subject, why", [("", ""), (" \n", ""), ("a" * 32_001, ""), ("a dog", "b" * 4_001)])
def test_what_is_empty_or_too_long_is_refused(subject: str, why: str):
    with pytest.raises(PromptError):
        report(subject, why)


def test_zero_width_joiners_and_nul_are_a_prompt_like_any_other():
    joiners = report("\u200d" * 32_000)
    nul = report("a dog\0.mp4")
    assert [each.subject for each in read_reports()[0]] == [joiners.subject, nul.subject]


def test_many_reports_at_once_are_all_whole(tmp_path: Path):
    path = str(film(tmp_path / "found.mp4"))
    with ThreadPoolExecutor(4) as pool:
        kept = list(pool.map(lambda number: report(path, f"{number} " + "x" * 3_000), range(8)))
    found, broken = read_reports()
    assert broken == 0 and sorted(each.id for each in found) == sorted(each.id for each in kept)


def test_half_a_line_spoils_itself_alone():
    first = report("a dog runs")
    with reports.place().open("ab") as file:
        file.write(b'{"id": "cut sh')
    second = report("a cat sits")
    assert read_reports() == ([first, second], 1)


@pytest.mark.parametrize("line", [b"[]", b"7", b"\xff\xfe", b'{"id": 7}', b"[" * 100_000])
def test_foreign_lines_are_counted_and_passed_over(home: Path, line: bytes):
    reports.place().parent.mkdir(parents=True)
    reports.place().write_bytes(line + b"\n")
    assert read_reports() == ([], 1)


def test_a_full_place_is_refused_before_it_is_written(monkeypatch: pytest.MonkeyPatch):
    report("a dog runs")
    size = reports.place().stat().st_size
    monkeypatch.setattr(reports, "MAX_BYTES", size + 10)
    with pytest.raises(TrustError, match="is full"):
        report("a cat sits")
    assert reports.place().stat().st_size == size


def test_a_place_that_cannot_be_made_is_named(home: Path):
    home.write_text("")
    with pytest.raises(TrustError, match="KINEMA_HOME"):
        report("a dog runs")


def test_a_report_is_one_line_to_read():
    told = Report("ab", "2026-11-22", "prompt", "a dog", "wrong", {"decision": "block"}).sentence
    assert told == "2026-11-22 ab prompt (block): a dog - wrong"
    told = Report("ab", "2026-11-22", "film", "video_1", key="key_1", owner="our studio").sentence
    assert told == "2026-11-22 ab film (unknown), by our studio (key_1): video_1"


def test_the_terminal_keeps_and_lists(capsys: pytest.CaptureFixture[str]):
    assert cli.run(["report", "--list"]) == 0
    assert "no reports" in capsys.readouterr().out
    assert cli.run(["report", "a nude-coloured sofa", "--why", "a colour\x1b[2J", "--json"]) == 0
    kept = json.loads(capsys.readouterr().out)
    assert kept["subject"] == "a nude-coloured sofa" and kept["decided"]["decision"]
    assert cli.run(["report", "a dog runs"]) == 0
    assert "Kept" in capsys.readouterr().out
    assert cli.run(["report", "--list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[0]) == kept
    assert cli.run(["report", "--list"]) == 0
    out = capsys.readouterr().out
    assert kept["id"] in out and "\x1b" not in out
    assert cli.run(["report"]) == cli.run(["report", "a dog", "--list"]) == 2
