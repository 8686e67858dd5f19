"""The registry knows a piece of a film again whatever was done to it, never without proof, and loses no film."""

import random
import sqlite3
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from time import monotonic

import numpy as np
import pytest

from kinema.clip import Clip
from kinema.errors import TrustError
from kinema.settings import read_settings
from kinema.trust import registry as module
from kinema.trust import registry_file
from kinema.trust.fingerprint import BITS, Fingerprint, fingerprint, threshold, ways
from kinema.trust.registry import Entry, Registry, remember
from kinema.trust.watermark import attacks
from kinema.world.render import render
from kinema.world.sampling import sample

FILMS = 6


def film(seed: int, frames: int = 40) -> Clip:
    return render(sample(random.Random(9000 + seed)), width=64, height=64, frames=frames)


@pytest.fixture(scope="module")
def films() -> list[Clip]:
    return [film(seed) for seed in range(FILMS)]


@pytest.fixture(scope="module")
def kept(films: list[Clip], tmp_path_factory: pytest.TempPathFactory) -> Registry:
    registry = Registry(tmp_path_factory.mktemp("kept") / "films.sqlite3")
    for number, clip in enumerate(films):
        registry.remember(clip, Entry(f"{number:064x}", number + 1))
    return registry


@pytest.mark.parametrize(
    "attack", ["CRF 35", "half size + CRF 23", "crop 10 % + CRF 28", "mirrored + CRF 28", "brightness + 20 % + CRF 28"]
)
def test_a_piece_is_found_with_its_place_whatever_was_done_to_it(kept: Registry, films: list[Clip], attack: str):
    match = kept.find(attacks.PROMISED[attack](films[2][8:40]))
    assert match and match.film.number == 3
    assert abs(match.offset_seconds - 1) <= 0.5
    assert match.false_match_bound <= 1e-6
    assert match.mirrored == (attack == "mirrored + CRF 28")
    assert (match.crop != (0, 1, 0, 1)) == (attack == "crop 10 % + CRF 28")


def test_dropped_frames_change_the_speed_and_not_the_film(kept: Registry, films: list[Clip]):
    match = kept.find(attacks.thinned(films[1]))
    assert match and match.film.number == 2 and match.speed == 3 / 2


def test_a_film_within_a_longer_one_is_found(kept: Registry, films: list[Clip]):
    stranger = film(50)
    match = kept.find(Clip.join([stranger, films[4], stranger]))
    assert match and match.film.number == 5
    assert match.seconds[0] < 10 and match.seconds[1] > 5


def test_strangers_are_told_apart(kept: Registry):
    verdicts = [kept.search(film(60 + seed, frames=32)).verdict for seed in range(8)]
    assert "yes" not in verdicts and "no" in verdicts


@pytest.mark.parametrize("level", [0, 128, 255])
def test_flat_pictures_carry_no_bits(kept: Registry, level: int):
    found = kept.search(Clip(np.full((40, 64, 64, 3), level, np.uint8), Fraction(8)))
    assert found.verdict == "cannot tell" and "z 0.0" in found.evidence


def test_a_picture_without_movement_proves_nothing_and_names_what_it_is_like(kept: Registry, films: list[Clip]):
    still = films[0][4:5]
    found = kept.search(Clip(np.repeat(still.frames, 32, axis=0), Fraction(8)))
    assert found.match is None and found.verdict == "cannot tell" and f"{0:012x}" in found.evidence
    assert kept.search(still).verdict == "cannot tell"


def test_noise_is_of_no_film(kept: Registry):
    noise = np.random.default_rng(0).integers(0, 256, (32, 64, 64, 3), np.uint8)
    assert kept.search(Clip(noise, Fraction(8))).match is None


def boxed(clip: Clip, other: Clip) -> Clip:
    """The clip with a quarter of each side replaced in its middle."""
    frames = clip.frames.copy()
    frames[:, 24:40, 24:40] = other.frames[: len(clip), 24:40, 24:40]
    return replace(clip, frames=frames)


def longer(clip: Clip, other: Clip) -> Clip:
    return clip[:20] + other[:16]


@pytest.mark.parametrize(
    ("given", "made"),
    [
        (lambda a, b: a[:20], longer),
        (lambda a, b: a[:22], lambda a, b: b[:13] + a[:22]),  # begun between two moments of the film
        (lambda a, b: a[:32], lambda a, b: boxed(a[:32], b)),
        (lambda a, b: a[:36], lambda a, b: Clip.join([a[:12], b[:12], a[24:36]])),
    ],
)
def test_a_film_is_found_and_what_was_given_to_it_is_not(tmp_path: Path, films: list[Clip], given, made):
    source, film = given(films[0], films[1]), made(films[0], films[1])
    registry = Registry(tmp_path / "films.sqlite3")
    registry.remember(film, Entry("ab" * 32, 1), [source])
    assert registry.search(attacks.encoded(source, 35)).verdict == "cannot tell"
    assert registry.search(attacks.encoded(film, 35)).verdict == "yes"


def test_what_was_given_is_told_with_the_film_and_its_date(tmp_path: Path, films: list[Clip]):
    registry = Registry(tmp_path / "films.sqlite3")
    registry.remember(longer(films[0], films[1]), Entry("ab" * 32, 1), [films[0][:20]])
    known = registry.numbered(1)
    assert known
    told = registry.search(films[0][:20]).evidence
    assert told.startswith(f"these frames were given to a film made here, on {known.made}: ") and "abababababab" in told


def test_a_film_of_ours_that_was_taken_further_often_is_still_of_its_first_making(
    tmp_path: Path, films: list[Clip], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "CLOSER_LOOKS", 1)
    registry = Registry(tmp_path / "films.sqlite3")
    first = films[0][:20]
    registry.remember(first, Entry("0" * 64, 1))
    for number, other in enumerate(films[1:], start=2):
        registry.remember(longer(first, other), Entry(f"{number:064x}", number), [first])
    match = registry.find(first)
    assert match and match.film.number == 1


def test_a_registry_from_before_what_was_given_was_kept_is_read_as_it_is_and_goes_on(tmp_path: Path, films: list[Clip]):
    registry = Registry(tmp_path / "films.sqlite3")
    registry.remember(longer(films[0], films[1]), Entry("0" * 64, 1))
    with sqlite3.connect(registry.path) as database:
        database.execute("DROP TABLE given")
    database.close()
    assert registry.search(films[0][:20]).verdict == "yes", "nobody knows any more what was given"
    with sqlite3.connect(registry.path) as database:
        assert "given" not in {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
    database.close()
    registry.remember(longer(films[2], films[3]), Entry("1" * 64, 2), [films[2][:20]])
    assert registry.search(films[2][:20]).verdict == "cannot tell"
    assert registry.search(films[0][:20]).verdict == "yes"


def test_an_empty_registry_says_no_and_is_not_made_by_asking(tmp_path: Path, films: list[Clip]):
    registry = Registry(tmp_path / "folder" / "films.sqlite3")
    assert registry.search(films[0]).verdict == "no" and len(registry) == 0
    assert registry.numbers() == frozenset() and registry.find_file("0" * 64) is None
    assert not registry.path.parent.exists()


def test_the_registry_lies_under_home_for_its_owner_alone(films: list[Clip]):
    registry = Registry()
    registry.remember(films[0], Entry("0" * 64))
    assert registry.path.is_relative_to(read_settings().home)
    assert {path.stat().st_mode & 0o777 for path in registry.path.parent.iterdir()} == {0o600}


def test_the_same_film_in_two_files_is_one_film(tmp_path: Path, films: list[Clip]):
    registry = Registry(tmp_path / "films.sqlite3")
    registry.remember(films[0], Entry("0" * 64, 7, "a" * 64, "signer"))
    registry.remember(films[0], Entry("0" * 64, 7, "b" * 64))
    assert len(registry) == 1
    assert registry.find_file("a" * 64) == registry.find_file("b" * 64) == registry.numbered(7)
    assert registry.numbers() == {7} and registry.find_file("c" * 64) is None


def test_frames_mapped_from_disk_are_remembered_alike(tmp_path: Path, films: list[Clip]):
    mapped = np.memmap(tmp_path / "frames", np.uint8, "w+", shape=films[0].frames.shape)
    mapped[:] = films[0].frames
    mapped.flags.writeable = False
    assert fingerprint(replace(films[0], frames=mapped)).to_bytes() == fingerprint(films[0]).to_bytes()


@pytest.mark.parametrize("frames", [1, 3, 4, 9, 40])
def test_a_fingerprint_survives_its_bytes(frames: int):
    found = fingerprint(film(1, frames=frames))
    again = Fingerprint.from_bytes(found.to_bytes())
    assert np.array_equal(again.pictures, found.pictures) and np.array_equal(again.moves, found.moves)
    assert len(found.to_bytes()) == (2 * max(1, frames // 4) - 1) * BITS // 8


@pytest.mark.parametrize("count", [0, 1, 16 * 2, 47])
def test_bytes_that_are_no_fingerprint_are_refused(count: int):
    with pytest.raises(TrustError, match="no fingerprint"):
        Fingerprint.from_bytes(bytes(count))


def test_more_films_ask_for_more_proof():
    assert threshold(ways(10_000, 1)) > threshold(ways(100, 1))


def test_a_locked_registry_is_refused_in_time_and_the_film_goes_on(
    films: list[Clip], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(registry_file, "LOCK_SECONDS", 0.3)
    registry = Registry()
    registry.remember(films[0], Entry("0" * 64))
    path = films[0].write(tmp_path / "film.mp4")
    holder = sqlite3.connect(registry.path, isolation_level=None)
    try:
        holder.execute("BEGIN EXCLUSIVE")
        begun = monotonic()
        with pytest.raises(TrustError, match="another program holds it"):
            registry.remember(films[1], Entry("1" * 64))
        (note,) = remember(films[1], path, "1" * 64, None)
        assert "not in the registry" in note
        assert monotonic() - begun < 5
    finally:
        holder.close()
    assert remember(films[1], path, "1" * 64, None) == ()
    known = registry.find_file(module.sha256_of_file(path))
    assert known and known.recipe == "1" * 64


@pytest.mark.parametrize("content", [b"no database at all, only words", b"SQLite format 3\0" + bytes(4096)])
def test_a_spoilt_registry_is_refused_and_kept_as_it_is(tmp_path: Path, films: list[Clip], content: bytes):
    path = tmp_path / "films.sqlite3"
    path.write_bytes(content)
    for act in (lambda: Registry(path).remember(films[0], Entry("0" * 64)), lambda: Registry(path).find(films[0])):
        with pytest.raises(TrustError, match="move it away"):
            act()
    assert path.read_bytes() == content


def test_another_programs_database_is_refused(tmp_path: Path, films: list[Clip]):
    path = tmp_path / "films.sqlite3"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE cookies (name TEXT)")
    other.close()
    with pytest.raises(TrustError, match="not a registry"):
        Registry(path).remember(films[0], Entry("0" * 64))


def test_spoilt_bits_are_refused(tmp_path: Path, films: list[Clip]):
    registry = Registry(tmp_path / "films.sqlite3")
    registry.remember(films[0], Entry("0" * 64))
    database = sqlite3.connect(registry.path)
    with database:
        database.execute("UPDATE films SET bits = x'00'")
    database.close()
    with pytest.raises(TrustError, match="spoilt"):
        registry.find(films[0])


def test_spoilt_bits_of_what_was_given_are_refused(tmp_path: Path, films: list[Clip]):
    registry = Registry(tmp_path / "films.sqlite3")
    registry.remember(films[0], Entry("0" * 64), [films[0][:32]])
    database = sqlite3.connect(registry.path)
    with database:
        database.execute("UPDATE given SET bits = x'00'")
    database.close()
    with pytest.raises(TrustError, match="spoilt"):
        registry.find(films[0])


def test_a_place_that_cannot_hold_a_registry_is_named(tmp_path: Path, films: list[Clip]):
    (tmp_path / "file").write_text("")
    with pytest.raises(TrustError, match="KINEMA_HOME"):
        Registry(tmp_path / "file" / "films.sqlite3").remember(films[0], Entry("0" * 64))
    (tmp_path / "folder.sqlite3").mkdir()
    with pytest.raises(TrustError, match=r"folder\.sqlite3"):
        Registry(tmp_path / "folder.sqlite3").find(films[0])
