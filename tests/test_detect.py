"""Four witnesses, apart: each says yes only for what it saw, and what one lacks does not silence another."""

import json
import random
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from kinema import cli
from kinema.clip import Clip
from kinema.data.record import sha256_of_frames
from kinema.errors import ClipError
from kinema.settings import read_settings
from kinema.trust import detect as module
from kinema.trust.credentials import Provenance, sign
from kinema.trust.detect import Witness, detect
from kinema.trust.registry import Registry, remember
from kinema.trust.watermark import KeyRing, Marker
from kinema.trust.watermark.attacks import encoded, mirrored
from kinema.world.render import render
from kinema.world.sampling import sample

RECIPE = json.dumps({"configuration": "tiny f32", "prompt": "a red dog", "seed": 7, "task": "generate"})
DIGEST = sha256(RECIPE.encode()).hexdigest()
NUMBER = int(DIGEST[:6], 16)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KINEMA_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def drawn(seed: int = 3) -> Clip:
    return render(sample(random.Random(seed)), width=128, height=128, frames=32)


def made(path: Path, clip: Clip) -> Path:
    """The film as the engine leaves it: marked, signed, remembered."""
    Clip.join(Marker(KeyRing().current(), NUMBER).mark([clip])).write(path)
    sign(path, Provenance(RECIPE, sha256_of_frames(clip.frames)))
    assert remember(clip, path, DIGEST, NUMBER) == ()
    return path


def test_our_own_film_is_known_by_three_witnesses(tmp_path: Path):
    told = detect(made(tmp_path / "film.mp4", drawn()))
    assert (told.credentials.answer, told.watermark.answer, told.fingerprint.answer) == ("yes",) * 3
    assert DIGEST[:12] in told.watermark.evidence and DIGEST[:12] in told.fingerprint.evidence
    assert told.classifier.answer != "yes"  # the film is a true render, not the model's
    assert "credentials, watermark and fingerprint" in told.sentence
    assert all(each.error_rate is None or 0 < each.error_rate <= 1e-6 for each in told.witnesses.values())


def test_what_is_stripped_and_encoded_again_is_known_by_its_pictures(tmp_path: Path):
    clip = drawn()
    made(tmp_path / "film.mp4", clip)
    told = detect(mirrored(encoded(clip, 28)).write(tmp_path / "found.mp4"))
    assert told.credentials.answer == "cannot tell" and told.watermark.answer != "yes"
    assert told.fingerprint.answer == "yes" and "mirrored" in told.fingerprint.evidence
    assert told.sentence.startswith("Probably made here") and told.fingerprint.error_rate == module.ALIKE


def test_a_stranger_is_claimed_by_nobody(tmp_path: Path):
    made(tmp_path / "film.mp4", drawn())
    told = detect(drawn(44).write(tmp_path / "other.mp4"))
    assert "yes" not in {each.answer for each in told.witnesses.values()}
    assert told.fingerprint.answer == "no" and told.fingerprint.error_rate is None
    assert told.sentence.startswith("Nothing says")


def test_credentials_that_are_merely_intact_say_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KINEMA_HOME", str(tmp_path / "elsewhere"))
    path = made(tmp_path / "film.mp4", drawn())
    monkeypatch.setenv("KINEMA_HOME", str(tmp_path / "home"))
    told = detect(path)
    assert told.credentials.answer == "cannot tell" and "anybody can sign so" in told.credentials.evidence
    assert "yes" not in {each.answer for each in told.witnesses.values()}


def test_a_spoilt_registry_silences_no_other_witness(tmp_path: Path):
    path = made(tmp_path / "film.mp4", drawn())
    Registry().path.write_bytes(b"spoilt, all of it")
    for beside in ("-wal", "-shm"):
        Registry().path.with_name(Registry().path.name + beside).unlink(missing_ok=True)
    told = detect(path)
    assert told.fingerprint.answer == "cannot tell" and "move it away" in told.fingerprint.evidence
    assert told.credentials.answer == told.watermark.answer == "yes"
    assert "registry" in told.watermark.evidence


def test_a_key_that_others_can_read_silences_the_mark_alone(tmp_path: Path):
    path = made(tmp_path / "film.mp4", drawn())
    (key,) = (read_settings().home / "keys").iterdir()
    key.chmod(0o644)
    told = detect(path)
    assert told.watermark.answer == "cannot tell" and "chmod 600" in told.watermark.evidence
    assert told.fingerprint.answer == "yes"


def test_a_film_of_another_id_is_named_though_the_registry_lacks_it(tmp_path: Path):
    made(tmp_path / "film.mp4", drawn())
    other = Clip.join(Marker(KeyRing().current(), NUMBER ^ 0xABC).mark([drawn(44)])).write(tmp_path / "other.mp4")
    told = detect(other)
    assert told.watermark.answer == "yes" and f"{NUMBER ^ 0xABC:06x}" in told.watermark.evidence


def test_what_is_no_film_is_refused(tmp_path: Path):
    (tmp_path / "words.mp4").write_text("no film")
    for name in ("words.mp4", "gone.mp4"):
        with pytest.raises(ClipError):
            detect(tmp_path / name)


def test_no_witness_at_all_is_said_so(tmp_path: Path):
    silent = Witness("cannot tell", "", None, "")
    assert module.Testimony(tmp_path / "a.mp4", silent, silent, silent, silent).sentence.startswith("Cannot tell")


def test_the_terminal_begins_with_a_sentence_and_json_has_a_key_for_each(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    path = Clip(np.zeros((1, 32, 32, 3), np.uint8), drawn().fps).write(tmp_path / "black.png")
    assert cli.run(["detect", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "black.png" in lines[0] and [line.split()[0] for line in lines[1:]] == [
        "credentials",
        "watermark",
        "fingerprint",
        "classifier",
    ]
    assert cli.run(["detect", str(path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told) == {"path", "sentence", "credentials", "watermark", "fingerprint", "classifier"}
    assert set(told["watermark"]) == {"answer", "evidence", "error_rate", "error_basis"}
    assert cli.run(["detect", str(tmp_path / "gone.mp4")]) == 1
    assert "there is no file" in capsys.readouterr().err
