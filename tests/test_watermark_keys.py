"""Watermark keys: made once, for their owner alone, rotated without losing the old ones; and the verbs about them."""

import json
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kinema import cli
from kinema.clip import Clip
from kinema.errors import TrustError
from kinema.settings import read_settings
from kinema.trust.watermark import KeyRing, Marker
from kinema.world.render import render
from kinema.world.sampling import sample


def test_the_first_key_is_made_on_first_use_and_stays(tmp_path: Path):
    folder = tmp_path / "home" / "keys"
    key = KeyRing(folder).current()
    assert KeyRing(folder).all() == (key,)
    (file,) = folder.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600 and folder.stat().st_mode & 0o777 == 0o700


def test_keys_live_in_the_home_by_default():
    assert KeyRing().folder == read_settings().home / "keys"


def test_rotation_marks_with_a_new_key_and_keeps_the_old(tmp_path: Path):
    ring = KeyRing(tmp_path)
    first = ring.current()
    second = ring.rotate()
    assert ring.all() == (second, first) and first.secret != second.secret


def test_a_key_shows_nothing_of_its_secret(tmp_path: Path):
    key = KeyRing(tmp_path).current()
    assert key.secret.hex() not in repr(key) and repr(key.secret) not in repr(key)


def test_many_first_uses_at_once_make_one_key(tmp_path: Path):
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: KeyRing(tmp_path).current(), range(16)))
    assert len(keys) == 1 and len(list(tmp_path.iterdir())) == 1


def test_streams_differ_by_label_and_key(tmp_path: Path):
    ring = KeyRing(tmp_path)
    first, second = ring.current(), ring.rotate()
    assert len({first.stream("a", 16), first.stream("b", 16), second.stream("a", 16)}) == 3
    assert first.stream("a", 64)[:16] == first.stream("a", 16)


@pytest.mark.parametrize("text", ["", "no hexadecimal digits", "abcd", "é"])
def test_a_spoilt_key_is_refused_by_name(tmp_path: Path, text: str):
    KeyRing(tmp_path).current()
    (tmp_path / "watermark-0001.key").write_text(text, encoding="utf-8")
    with pytest.raises(TrustError, match="watermark-0001"):
        KeyRing(tmp_path).all()


def test_a_key_that_others_can_read_is_refused(tmp_path: Path):
    KeyRing(tmp_path).current()
    (tmp_path / "watermark-0001.key").chmod(0o644)
    with pytest.raises(TrustError, match="chmod 600"):
        KeyRing(tmp_path).all()


def test_a_place_that_cannot_hold_keys_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TrustError, match="file"):
        KeyRing(tmp_path / "file" / "keys").all()


def test_the_terminal_finds_a_mark_after_rotation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("KINEMA_HOME", str(tmp_path))
    clip = render(sample(random.Random(3)), width=192, height=192, frames=16)
    film = Clip.join(Marker(KeyRing().current(), 77).mark([clip])).write(tmp_path / "film.mp4")
    assert cli.run(["watermark", "rotate"]) == 0
    assert cli.run(["watermark", "keys", "--json"]) == 0
    said = capsys.readouterr().out.splitlines()
    names = json.loads(said[-1])["keys"]
    assert names[0] in said[0] and len(names) == 2
    assert cli.run(["watermark", "check", str(film), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["verdict"], told["number"], told["key"]) == ("yes", 77, names[1])
    assert cli.run(["watermark", "check", str(film)]) == 0
    assert "yes: a mark of the key" in capsys.readouterr().out
    assert cli.run(["watermark", "look", str(film), "-o", str(tmp_path / "mark.png"), "--frame", "16"]) == 1
    assert "its last one is 15" in capsys.readouterr().err
    assert cli.run(["watermark", "look", str(film), "-o", str(tmp_path / "mark.png"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["psnr_db"] >= 38
    assert (tmp_path / "mark.png").is_file()
