"""Attacks are counted as they came out, failures are kept unread, and the quick campaign holds its floors."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from kinema.cli import run as terminal
from kinema.errors import OutputError, TrustError
from kinema.trust import reports
from kinema.trust.redteam import campaign, page, papers, prompts, uploads
from kinema.trust.redteam.attempt import Absent, Attempt, Row, tally
from kinema.trust.redteam.campaign import Campaign
from kinema.trust.redteam.parity import Parity
from kinema.trust.redteam.workshop import own_home
from kinema.trust.verify import verify

BAD = Attempt("policy", "leet", "violence", "en", True, True, "a sentence")
MISSED = replace(BAD, stopped=False, subject="another sentence")
FAIR = Attempt("policy", "as it is", "ordinary", "en", False, True, "a fair sentence")


def quiet(target: str) -> None:
    """Nobody watches."""


def found(*attempts: Attempt, quick: bool = False, absent: tuple[Absent, ...] = ()) -> Campaign:
    return Campaign(quick, attempts, absent, (), 0)


def test_attempts_are_counted_by_target_category_language_and_attack():
    rows = {row.key: (row.stopped, row.tried) for row in tally([BAD, MISSED, FAIR])}
    assert rows["policy / recall / all / all"] == (1, 2)
    assert rows["policy / recall / category / violence"] == (1, 2)
    assert rows["policy / recall / attack / leet"] == (1, 2)
    assert rows["policy / false blocks / language / en"] == (1, 1)
    assert not [key for key in rows if "recall" in key and "ordinary" in key]


def test_a_failure_is_kept_without_its_words():
    failures = found(BAD, MISSED, FAIR).failures
    assert failures == {
        "policy / leet / not stopped": [MISSED.name],
        "policy / as it is / wrongly blocked": [FAIR.name],
    }
    said = page.text_of(found(BAD, MISSED, FAIR))
    assert MISSED.name in said and MISSED.subject not in said


def test_what_falls_below_its_floor_is_named_and_false_blocks_are_held_from_above():
    low, high = Row("policy", "recall", "all", "all", 5, 10), Row("policy", "false blocks", "all", "all", 5, 10)
    floors = {low.key: 0.6, high.key: 0.4}
    assert len(campaign.below([low, high], floors)) == 2
    assert campaign.below([low, high], {low.key: 0.5, high.key: 0.5}) == []
    assert campaign.below([low, high], {low.key: 0.5 + campaign.SLACK / 2, high.key: 0.5}) == []
    assert "5 of 10" in campaign.below([low], floors)[0]


def test_floors_that_cannot_be_read_are_refused(tmp_path: Path):
    for text in ("[", "[1]", '{"a": "b"}'):
        (tmp_path / "floors.json").write_text(text)
        with pytest.raises(TrustError, match="cannot be read"):
            campaign.read_floors(tmp_path / "floors.json")
    campaign.store_floors(found(BAD, MISSED).rows, tmp_path / "floors.json")
    assert campaign.read_floors(tmp_path / "floors.json")["policy / recall / all / all"] == 0.5


def test_the_quick_campaign_holds_its_floors():
    said = campaign.run(quiet, quick=True, bias=False)
    assert said.broken == []
    floors = campaign.read_floors()
    assert set(floors) <= {row.key for row in said.rows} | {
        key for key in floors if key.split(" / ")[0] in {each.target for each in said.absent}
    }
    assert {row.target for row in said.rows} >= {"policy", "uploads", "credentials"}


def test_a_campaign_that_fell_is_said_and_exits_with_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    fallen = found(BAD, MISSED, quick=True, absent=(Absent("review", "not there"),))
    monkeypatch.setattr(campaign, "run", lambda *_, **__: fallen)
    monkeypatch.setattr(campaign, "read_floors", lambda: {"policy / recall / all / all": 0.9})
    assert terminal(["redteam", "--quick"]) == 1
    said = capsys.readouterr().out
    assert "below its floor" in said and "review       not there" in said and "2 attempts, 1 of them failures" in said
    assert terminal(["redteam", "--quick", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["below_floors"] and told["absent"] == {"review": "not there"}
    assert terminal(["redteam", "-o", str(tmp_path / "PAGE.md")]) in (0, 1)
    assert "## Misinformation" in (tmp_path / "PAGE.md").read_text()
    assert terminal(["redteam", "--floors"]) == 2


def test_a_page_says_what_is_not_there_and_what_was_unequal(tmp_path: Path):
    pair = Parity("policy", "faith", 1, 6, 1 / 6, "Sikh", "Hindu", ("a {} wedding: allow, but Sikh: block",))
    said = page.text_of(replace(found(BAD, absent=(Absent("review", "no such part"),)), parity=(pair,)))
    assert "Not there: no such part" in said and "| policy | faith | 1 of 6 |" in said and "but Sikh" in said
    with pytest.raises(OutputError, match="cannot be written"):
        page.write(found(BAD), tmp_path / "gone" / "PAGE.md")


def test_reported_prompts_are_seeds_and_a_wrong_refusal_is_no_verdict():
    kept = [
        reports.Report("1", "", "prompt", "Mickey Mouse dances on a table"),
        reports.Report("2", "", "prompt", "a red fox runs through the snow"),
        reports.Report("3", "", "film", "found.mp4"),
    ]
    tried = list(prompts.attack_reported(quiet, kept))
    assert {each.attack for each in tried} == set(prompts.ways("en"))
    assert {(each.subject, each.group) for each in tried} == {("Mickey Mouse dances on a table", "ip")}


def test_of_endless_reports_the_newest_are_tried_and_the_rest_is_counted(monkeypatch: pytest.MonkeyPatch):
    texts = ["Mickey Mouse dances", "a" * 1_001, "Donald Duck dances", "a red fox"]
    kept = [reports.Report(str(number), "", "prompt", text) for number, text in enumerate(texts)]
    monkeypatch.setattr(prompts, "MOST_REPORTED_CHARS", len("a red fox") + len("Donald Duck dances"))
    absent, *tried = prompts.attack_reported(quiet, kept)
    assert isinstance(absent, Absent) and "2 of 4" in absent.why
    assert {each.subject for each in tried} == {"Donald Duck dances"}


def test_every_way_leaves_something_to_read():
    for name, way in prompts.ways("en").items():
        assert way("a red fox"), name
    assert set(prompts.ways("zh")) < set(prompts.ways("en"))


def test_every_bad_file_is_refused_and_every_fair_one_is_read():
    tried = list(uploads.attack(quiet))
    assert [each.attack for each in tried if each.failed] == []
    assert {each.is_bad for each in tried} == {True, False}


def test_a_home_of_its_own_leaves_no_trace(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("KINEMA_HOME", str(tmp_path / "mine"))
    with own_home() as folder:
        assert os.environ["KINEMA_HOME"] == str(folder / "home")
        os.environ["KINEMA_WATTS"] = "5"
    assert os.environ["KINEMA_HOME"] == str(tmp_path / "mine") and "KINEMA_WATTS" not in os.environ
    assert not folder.exists() and not (tmp_path / "mine").exists()


def test_whoever_signs_with_an_expired_certificate_or_elsewhere_is_not_trusted(tmp_path: Path):
    with own_home() as folder:
        film = papers.signed(folder / "film.png", papers.waves())
        assert verify(film).is_trusted
        for tamper in (papers.sign_as_a_stranger, papers.sign_too_late):
            tamper(film, papers.random.Random(1))
            assert not verify(film).is_trusted, tamper
