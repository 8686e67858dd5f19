"""The table of what a server of the Videos API keeps: our own keeps all, and each fault of another is found."""

import json

import pytest

from kinema import cli
from kinema.conformance import CHECKS, Row, Visit, chosen, examine, films_of, holds
from kinema.errors import RecipeError
from tests.other_server import other
from tests.serving import Server

BASE = {"create: a form, as the client sends it", "create: JSON", "content: a film that decodes"}


def rows_of(url: str, *groups: str) -> dict[str, Row]:
    """The rows of a quick visit, of these groups or of all."""
    visit = Visit(url, "none", seconds="1", size="48x32", patience_s=20)
    checks = [check for check in chosen(quick=True) if not groups or check.group in groups]
    return {f"{row.group}: {row.what}": row for row in examine(visit, checks)}


def test_our_own_server_keeps_all_of_it_and_nothing_is_left_there(server: Server, capsys: pytest.CaptureFixture[str]):
    kept = [server.ask("GET", f"/v1/{what}?limit=100")[2] for what in ("videos", "files")]
    assert cli.run(["conformance", server.url, "--seconds", "0.5", "--size", "48x32", "--json"]) == 0
    out, err = capsys.readouterr()
    *rows, whole = map(json.loads, out.splitlines())
    films = films_of(CHECKS)
    assert f"at most {films} films" in err and len(rows) == len(CHECKS)
    untried = {row["what"] for row in rows if row["verdict"] == "not tried"}
    assert untried <= {"a key that is wrong", "told when a film is completed", "cancel"}
    assert [row for row in rows if row["verdict"] not in ("holds", "not tried")] == []
    assert whole["conforms"] is True and whole["holds"] == len(rows) - len(untried)
    assert [server.ask("GET", f"/v1/{what}?limit=100")[2] for what in ("videos", "files")] == kept


def test_a_poor_server_is_told_from_a_broken_one():
    with other() as url:
        rows = rows_of(url)
    assert {name for name in BASE if rows[name].verdict == "holds"} == BASE
    assert rows["models: list and retrieve"].verdict == "not offered"
    assert rows["create: all keys are in the answer"].verdict == "does not"
    assert rows["content: thumbnail (webp)"].why == "it is no picture"
    assert rows["errors: a size that is none"].verdict == "does not" and not holds(list(rows.values()))


@pytest.mark.parametrize(
    ("habits", "what", "why"),
    [
        ({"progress": [0, 60, 30]}, "retrieve: progress never falls, and ends at 100", "progress falls"),
        ({"makes": "96x64"}, "content: is of the size asked for", "48x32 was asked for, 96x64 came"),
        ({"lacks": 0.5}, "content: is of the length asked for", "1 s were asked for, 0.5 came"),
        ({"json": False}, "create: JSON", "422: "),
        ({"form": False}, "create: a form, as the client sends it", "422: "),
        ({"fails": {"code": "x", "message": "out of memory"}}, "retrieve: poll, until it is completed", "as failed"),
    ],
)
def test_each_fault_has_its_row(habits: dict[str, object], what: str, why: str):
    with other(**habits) as url:
        row = rows_of(url, "create", "retrieve", "content")[what]
    assert row.verdict == "does not" and why in row.why and row.needed


def test_a_key_that_is_wrong_is_tried_where_one_is_asked_for(capsys: pytest.CaptureFixture[str]):
    with other(key="sk-right") as url:
        words = [url, "--quick", "--seconds", "1", "--size", "48x32"]
        assert cli.run(["conformance", *words, "--api-key", "sk-right"]) == 1
    out, err = capsys.readouterr()
    [line] = [line for line in out.splitlines() if "a key that is wrong" in line]
    assert line.startswith("+") and "holds" in line
    assert out.splitlines()[-1].endswith("things here") and f"at most {films_of(chosen(quick=True))} films" in err


def test_nobody_there_is_a_row_and_no_trace():
    with other() as url:
        gone = url
    visit = Visit(gone, "none")
    [row] = examine(visit, CHECKS[:1])
    assert row.verdict == "does not" and "connection" in row.why


def test_a_server_that_lets_nobody_in_is_one_line(capsys: pytest.CaptureFixture[str]):
    with other(key="sk-right") as url:
        assert cli.run(["conformance", url]) == 1
        assert capsys.readouterr().err.startswith(f"kinema: {url} asks for a key: ")
        assert cli.run(["conformance", url, "--api-key", "sk-wrong"]) == 1
        assert capsys.readouterr().err.startswith(f"kinema: {url} does not know this key: ")
    assert cli.run(["conformance", url]) == 1
    out, err = capsys.readouterr()
    assert out == "" and err.startswith(f"kinema: {url} cannot be reached: ") and err.count("\n") == 1


def test_an_address_or_size_that_is_none_is_one_line(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(RecipeError, match="is no address of a server"):
        Visit("gpu:8000", "none")
    assert cli.run(["conformance", "http://localhost:1", "--size", "large"]) == 2
    assert capsys.readouterr().err == "kinema: size 'large' is not WIDTHxHEIGHT, for instance 720x1280\n"
