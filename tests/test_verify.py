"""Only what is unchanged and signed under a named anchor is trusted, and whatever a file holds is judged in time."""

import json
import struct
import zlib
from fractions import Fraction
from pathlib import Path
from shutil import copy
from time import monotonic

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kinema import cli
from kinema.clip import Clip
from kinema.data.record import sha256_of_frames
from kinema.errors import ClipError, TrustError
from kinema.settings import read_settings
from kinema.trust import keys
from kinema.trust.credentials import Ingredient, Provenance, sign
from kinema.trust.credentials_child import answer
from kinema.trust.credentials_library import MAX_STORE, sidecar_of
from kinema.trust.verify import Verdict, verify, verify_replay

FORMATS = (".mp4", ".webm", ".gif", ".webp", ".png")
IN_TIME_S = 30


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KINEMA_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def clip(seed: int = 0) -> Clip:
    """Eight smooth frames."""
    rng = np.random.default_rng(seed)
    waves = rng.uniform(0.02, 0.2, (3, 3)) @ np.stack(
        np.meshgrid(range(8), range(32), range(48), indexing="ij")
    ).reshape(3, -1)
    return Clip((127 + 120 * np.sin(waves)).astype(np.uint8).T.reshape(8, 32, 48, 3), Fraction(8))


def provenance(film: Clip, **parts: object) -> Provenance:
    recipe = json.dumps({"configuration": "tiny f32", "prompt": "a red dog", "seed": 7, "task": "generate"})
    return Provenance(recipe, sha256_of_frames(film.frames), **parts)


def signed(path: Path, film: Clip | None = None, **parts: object) -> Path:
    film = film or clip()
    film.write(path)
    sign(path, provenance(film, **parts))
    return path


def test_a_film_without_credentials_is_not_trusted_and_nothing_follows_from_that(tmp_path: Path):
    for suffix in FORMATS:
        verdict = verify(clip().write(tmp_path / f"film{suffix}"))
        assert verdict.state == "none" and "says nothing of where it comes from" in verdict.sentence
    with pytest.raises(ClipError, match="there is no file"):
        verify(tmp_path / "gone.mp4")


def test_what_another_home_signed_is_intact_only_until_its_authority_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("KINEMA_HOME", str(tmp_path / "other"))
    path = signed(tmp_path / "film.mp4")
    monkeypatch.setenv("KINEMA_HOME", str(tmp_path / "home"))
    assert verify(path).state == "intact"
    signed(tmp_path / "own.mp4")
    verdict = verify(path)
    assert verdict.state == "intact" and "anybody can sign so" in verdict.sentence
    authority = tmp_path / "other" / "credentials" / "authority.pem"
    assert verify(path, [authority]).anchor == str(authority)
    assert verify(tmp_path / "own.mp4", [authority]).state == "intact"


def test_an_anchor_that_cannot_be_read_is_named(tmp_path: Path):
    path = signed(tmp_path / "film.mp4")
    (tmp_path / "anchor.pem").write_text("nothing")
    for anchor in (tmp_path / "anchor.pem", tmp_path / "gone.pem"):
        with pytest.raises(TrustError, match=anchor.name):
            verify(path, [anchor])


def is_trusted(path: Path, clocks: str = "") -> bool:
    """The verdict on a film, without a process of its own, so that hundreds can be asked for."""
    anchors = [{"name": "own", "pem": keys.own_anchor(read_settings())}]
    found = answer({"do": "read", "path": str(path), "anchors": anchors, "clocks": clocks})
    return found.get("state") == "Trusted" and not found["deviations"] and not found["failures"]


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a film of each format, one made from another, and the keys that signed them."""
    folder = tmp_path_factory.mktemp("films")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KINEMA_HOME", str(folder / "home"))
        for suffix in FORMATS:
            signed(folder / f"film{suffix}")
        signed(folder / "made.mp4", ingredients=(Ingredient(folder / "film.mp4", "parentOf"),))
    return folder


@pytest.mark.parametrize(
    "name", ["film.mp4", "film.webm", "film.c2pa", "film.gif", "film.webp", "film.png", "made.mp4"]
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_one_flipped_byte_is_caught(name: str, data: st.DataObject, films: Path, monkeypatch: pytest.MonkeyPatch):
    """Anywhere: in pictures, statements, signature, padding and wrapping."""
    monkeypatch.setenv("KINEMA_HOME", str(films / "home"))
    changed = films / name
    film = films / ("film.webm" if changed.suffix == ".c2pa" else name)
    whole = changed.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    bits = data.draw(st.integers(1, 255))
    try:
        changed.write_bytes(whole[:at] + bytes([whole[at] ^ bits]) + whole[at + 1 :])
        assert not is_trusted(film)
    finally:
        changed.write_bytes(whole)


def test_the_films_of_the_flips_are_trusted_unflipped(films: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KINEMA_HOME", str(films / "home"))
    assert all(is_trusted(films / f"film{suffix}") for suffix in FORMATS) and is_trusted(films / "made.mp4")


def test_credentials_put_on_another_film_are_broken(tmp_path: Path):
    signed(tmp_path / "one.webm")
    clip(1).write(tmp_path / "two.webm")
    copy(sidecar_of(tmp_path / "one.webm"), sidecar_of(tmp_path / "two.webm"))
    assert verify(tmp_path / "two.webm").reasons == ("its bytes were changed after it was signed",)
    one, two = signed(tmp_path / "one.png").read_bytes(), clip(1).write(tmp_path / "two.png").read_bytes()
    at = one.index(b"caBX") - 4
    chunk = one[at : at + 12 + struct.unpack(">I", one[at : at + 4])[0]]
    (tmp_path / "two.png").write_bytes(two[:33] + chunk + two[33:])
    assert verify(tmp_path / "two.png").state == "broken"


def test_a_statement_that_was_changed_is_broken(tmp_path: Path):
    path = signed(tmp_path / "film.png")
    path.write_bytes(path.read_bytes().replace(b"a red dog", b"a big cat"))
    verdict = verify(path)
    assert verdict.state == "broken" and "statements was changed" in verdict.sentence


def test_a_film_whose_signers_certificate_has_run_out_is_not_trusted():
    """The film beside this file was signed while its certificate was good, which was for five seconds."""
    film = Path(__file__).with_name("test_verify_expired.png")
    verdict = verify(film, [film.with_suffix(".pem")])
    assert verdict.state == "broken" and "certificate was not good" in verdict.sentence


def with_store(folder: Path, store: bytes) -> Path:
    """A PNG that holds these bytes as its credentials."""
    picture = clip().write(folder / "film.png").read_bytes()
    chunk = b"caBX" + store
    path = folder / "film.png"
    path.write_bytes(
        picture[:33] + struct.pack(">I", len(store)) + chunk + struct.pack(">I", zlib.crc32(chunk)) + picture[33:]
    )
    return path


def in_time(path: Path) -> Verdict:
    begun = monotonic()
    verdict = verify(path)
    assert monotonic() - begun < IN_TIME_S
    return verdict


def nested(depth: int) -> bytes:
    box = b""
    for _ in range(depth):
        box = struct.pack(">I", len(box) + 8) + b"jumb" + box
    return box


@pytest.mark.parametrize(
    "store",
    [
        b"",
        b"\0",
        b"nonsense" * 100,
        nested(20_000),
        struct.pack(">I", 8 + MAX_STORE // 2) + b"jumb" + bytes(MAX_STORE // 2),
    ],
    ids=["empty", "a byte", "nonsense", "boxes in boxes", "zeros"],
)
def test_nonsense_in_the_place_of_credentials_is_refused(tmp_path: Path, store: bytes):
    assert not in_time(with_store(tmp_path, store)).is_trusted


@pytest.mark.parametrize("suffix", [".png", ".mp4", ".gif", ".webp", ".webm", ".jpg"])
def test_credentials_of_a_hundred_megabytes_are_refused_in_time(tmp_path: Path, suffix: str):
    size = 100_000_000
    store = struct.pack(">I", size) + b"jumb" + bytes(size - 8)
    path = tmp_path / f"film{suffix}"
    if suffix == ".png":
        with_store(tmp_path, store)
    elif suffix == ".webm":
        clip().write(path)
        sidecar_of(path).write_bytes(store)
    elif suffix == ".mp4":
        uuid = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
        box = b"uuid" + uuid + bytes(4) + b"manifest\0" + bytes(8) + store
        path.write_bytes(clip().write(path).read_bytes() + struct.pack(">I", len(box) + 4) + box)
    elif suffix == ".webp":
        riff = clip().write(path).read_bytes() + b"C2PA" + struct.pack("<I", size) + store
        path.write_bytes(b"RIFF" + struct.pack("<I", len(riff) - 8) + riff[8:])
    elif suffix == ".gif":
        picture = clip().write(path).read_bytes()
        blocks = b"".join(b"\xff" + store[at : at + 255] for at in range(0, 255 * (size // 255), 255))
        at = picture.index(b"!\xff")
        path.write_bytes(picture[:at] + b"!\xff\x0bC2PA_GIF\x01\0\0" + blocks + b"\0" + picture[at:])
    else:
        path.write_bytes(b"\xff\xd8" + (b"\xff\xeb\xff\xff" + store[:65533]) * (size // 65537) + b"\xff\xd9")
    assert not in_time(path).is_trusted


def test_ingredients_that_name_one_another_are_refused(tmp_path: Path):
    first = signed(tmp_path / "first.png")
    second = signed(tmp_path / "second.png", ingredients=(Ingredient(first, "parentOf"),))
    third = signed(tmp_path / "third.webm", ingredients=(Ingredient(second, "parentOf"),))
    store = sidecar_of(third).read_bytes()
    labels = [store[at : at + 45] for at in range(len(store)) if store[at - 1 : at + 9] == b"\x03urn:c2pa:"]
    assert len(labels) == 3
    for label in labels[:2]:
        looped = store.replace(b"/c2pa/" + label, b"/c2pa/" + labels[-1])
        assert looped != store
        sidecar_of(third).write_bytes(looped)
        assert in_time(third).state == "refused"


def test_terminal_and_json_say_the_same_and_only_trusted_exits_with_zero(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    path, plain = signed(tmp_path / "film.mp4"), clip().write(tmp_path / "plain.mp4")
    assert cli.run(["verify", str(path)]) == 0
    sentence = capsys.readouterr().out.splitlines()[0]
    assert sentence.startswith("Trusted: film.mp4 is unchanged")
    assert cli.run(["verify", str(path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["sentence"] == sentence and told["state"] == "trusted"
    assert told["statements"]["org.kinema.recipe"]["recipe"]["prompt"] == "a red dog"
    assert cli.run(["verify", str(plain)]) == 1
    monkeypatch.setenv("KINEMA_HOME", str(tmp_path / "other"))
    assert cli.run(["verify", str(path)]) == 1


def test_what_strangers_wrote_cannot_move_the_terminals_cursor(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = clip().write(tmp_path / "film.mp4")
    sign(path, Provenance(json.dumps({"prompt": "\x1b[2Ja\nTrusted: b", "task": "generate"}), "0" * 64))
    cli.run(["verify", str(path)])
    assert "\x1b" not in (out := capsys.readouterr().out) and "\nTrusted: b" not in out


def test_replay_says_whether_the_signed_recipe_makes_the_film(tmp_path: Path):
    made = clip()
    for suffix in FORMATS:
        again = verify_replay(
            verify(signed(tmp_path / f"film{suffix}", made)), lambda recipe: made, lambda recipe: "tiny f32"
        )
        assert again.same is True and again.sentence.startswith("The same: 8 frames")
    verdict = verify(tmp_path / "film.mp4")
    assert verify_replay(verdict, lambda recipe: clip(1)).same is False
    assert verify_replay(verdict, lambda recipe: made, lambda recipe: "other bf16").same is None
    assert verify_replay(verify(made.write(tmp_path / "plain.mp4")), lambda recipe: made).same is None


def test_a_recipe_that_is_true_of_another_film_is_found_out_by_replay(tmp_path: Path):
    path = clip(1).write(tmp_path / "film.mp4")
    sign(path, provenance(clip()))
    again = verify_replay(verify(path), lambda recipe: clip())
    assert again.same is False and "shows others" in again.sentence


def test_a_private_film_is_replayed_where_it_was_made_and_nowhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    made = clip()
    verdict = verify(signed(tmp_path / "film.mp4", made, private=True))
    seen: list[str] = []

    def render(recipe: str) -> Clip:
        seen.append(recipe)
        return made

    assert verify_replay(verdict, render).same is True and "a red dog" in seen[0]
    monkeypatch.setenv("KINEMA_HOME", str(tmp_path / "other"))
    assert verify_replay(verdict, render).same is None
