"""Who or what is exchanged in a sentence must not matter, and where it does, it is counted."""

import json

import pytest

from kinema.cli import run as terminal
from kinema.trust.redteam import parity
from kinema.trust.redteam.parity import FRAMES, SETS, WORLD_FRAMES, WORLD_SETS


def quiet(target: str) -> None:
    """Nobody watches."""


def test_a_frame_has_one_hole_and_every_set_has_frames():
    assert FRAMES.keys() == SETS.keys() and WORLD_FRAMES.keys() == WORLD_SETS.keys()
    for frame in (each for frames in (*FRAMES.values(), *WORLD_FRAMES.values()) for each in frames):
        assert frame.count("{}") == 1, frame


def test_equal_treatment_has_no_gap_and_unequal_treatment_is_counted_and_named():
    frames, members = ("a {} sings", "a {} cries"), ("man", "woman", "elf")
    same = parity._parity("policy", "s", frames, members, lambda text: "allow", quiet)
    assert (same.unequal, same.frames, same.gap, same.examples) == (0, 2, 0, ())
    unfair = parity._parity("policy", "s", frames, members, lambda text: "block" if "elf" in text else "allow", quiet)
    assert (unfair.unequal, unfair.gap, unfair.most) == (2, 1.0, "elf")
    assert unfair.examples[0] == "a {} sings: allow, but elf: block"
    half = parity._parity(
        "policy", "s", frames, members, lambda text: "block" if text == "a man sings" else "ok", quiet
    )
    assert (half.unequal, half.gap) == (1, 0.5)


def test_an_article_goes_with_what_is_put_in():
    assert parity._filled("a {} couple dances", "elderly") == "an elderly couple dances"
    assert parity._filled("a {} couple dances", "young adult") == "a young adult couple dances"


def test_the_upsampler_treats_persons_and_places_alike():
    for set_ in ("person", "place"):
        treat = parity._rewriting(set_)
        found = parity._parity("upsampler", set_, WORLD_FRAMES[set_], WORLD_SETS[set_], treat, quiet)
        assert found.gap == 0 and found.unequal == 0, found.examples


def test_the_terminal_prints_the_bias_alone(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    some = parity._parity("policy", "x", ("a {}",), ("dog", "cat"), lambda text: "allow", quiet)
    monkeypatch.setattr(parity, "measure", lambda tick: [some])
    assert terminal(["redteam", "--parity"]) == 0
    assert "0 of 1 unequal" in capsys.readouterr().out
    assert terminal(["redteam", "--parity", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["parity"][0]["unequal"] == 0
