"""A time stamp says when a film was signed, and under a named authority the film outlives its certificate."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import encypher_c2pa
import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from time_authority import CLOCK, TimeAuthority, serving

from kinema import cli
from kinema.clip import Clip
from kinema.errors import SettingsError
from kinema.settings import read_settings
from kinema.trust import keys
from kinema.trust.credentials import Provenance, sign
from kinema.trust.credentials_child import answer
from kinema.trust.credentials_library import MIMES, PURPOSES, sidecar_of
from kinema.trust.verify import verify

FORMATS = (".mp4", ".webm", ".gif", ".webp", ".png")
ABOUT = Provenance('{"prompt":"a red dog","seed":7,"task":"generate"}', "5" * 64)
STAMPED = Path(__file__).with_name("test_verify_stamped.png")
"""Signed while its certificate was good, which was for some seconds, and stamped by an authority good for 50 years."""
SIGNER, AUTHORITY = STAMPED.with_suffix(".pem"), STAMPED.with_suffix(".clock.pem")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINEMA_HOME", str(tmp_path / "home"))
    for name in ("TELEMETRY", "ONLINE"):
        monkeypatch.setenv(f"ENCYPHER_C2PA_{name}", "off")
    monkeypatch.setenv("ENCYPHER_C2PA_CONFIG_DIR", str(tmp_path))


@pytest.fixture(scope="module")
def authority() -> TimeAuthority:
    return TimeAuthority()


@pytest.fixture
def clock(authority: TimeAuthority, monkeypatch: pytest.MonkeyPatch) -> Iterator[TimeAuthority]:
    """An authority that stamps what is signed."""
    with serving(authority) as url:
        monkeypatch.setenv("KINEMA_TIMESTAMP_URL", url)
        yield authority


def film(path: Path) -> Path:
    ramp = np.add.outer(np.arange(4) * 9, np.add.outer(np.arange(32), np.arange(48))) % 256
    return Clip(np.repeat(ramp[..., None].astype(np.uint8), 3, -1), Fraction(8)).write(path)


def believe(pem: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = folder / "clock.pem"
    path.write_text(pem)
    monkeypatch.setenv("KINEMA_TIMESTAMP_ANCHORS", str(path))
    return path


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_stamped_film_says_when_and_by_whom_and_a_second_implementation_trusts_it(
    tmp_path: Path, clock: TimeAuthority, monkeypatch: pytest.MonkeyPatch, suffix: str
):
    path = film(tmp_path / f"film{suffix}")
    assert sign(path, ABOUT) == ()
    believe(clock.root_pem, tmp_path, monkeypatch)
    verdict = verify(path)
    assert verdict.state == "trusted" and verdict.stamp is not None
    assert (verdict.stamp.clock, verdict.stamp.named, verdict.stamp.needed) == (CLOCK, True, False)
    assert f"UTC by the clock of {CLOCK}" in verdict.sentence
    store = sidecar_of(path).read_bytes() if suffix == ".webm" else None
    found = encypher_c2pa.verify(
        path.read_bytes(),
        "video/mp4" if store else MIMES[suffix],
        manifest_store=store,
        trust_pem=keys.own_anchor(read_settings()),
        no_default_trust=True,
    )
    assert found["validation_state"] == "Trusted"


def test_a_stamp_of_an_authority_that_nobody_named_is_told_and_proves_nothing(
    tmp_path: Path, clock: TimeAuthority, capsys: pytest.CaptureFixture[str]
):
    path = film(tmp_path / "film.png")
    sign(path, ABOUT)
    verdict = verify(path)
    assert verdict.state == "trusted" and verdict.stamp is not None and not verdict.stamp.named
    assert CLOCK not in verdict.sentence
    assert cli.run(["verify", str(path)]) == 0
    assert f"by the clock of {CLOCK}, which proves nothing" in capsys.readouterr().out


@pytest.mark.parametrize("is_there", [False, True])
def test_no_film_is_lost_for_a_clock_that_gives_no_stamp_and_its_credentials_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], is_there: bool
):
    path = film(tmp_path / "film.mp4")
    with serving(None) as url:
        if is_there:
            monkeypatch.setenv("KINEMA_TIMESTAMP_URL", url)
            (note,) = sign(path, ABOUT)
    if not is_there:
        monkeypatch.setenv("KINEMA_TIMESTAMP_URL", url)
        (note,) = sign(path, ABOUT)
    assert "127.0.0.1 gave none" in note and "trusted only as long as its certificate lasts" in note
    verdict = verify(path)
    assert verdict.state == "trusted" and verdict.stamp is None
    assert verdict.part("time") == {"asked": "127.0.0.1", "stamped": False}
    assert cli.run(["verify", str(path)]) == 0
    assert "no time stamp: 127.0.0.1 was asked for one and gave none" in capsys.readouterr().out


def test_a_film_outlives_its_certificate_under_a_named_clock_and_under_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, authority: TimeAuthority
):
    lost = verify(STAMPED, [SIGNER])
    assert lost.state == "broken" and "certificate was not good" in lost.sentence
    believe(authority.root_pem, tmp_path, monkeypatch)
    assert verify(STAMPED, [SIGNER]).state == "broken"
    monkeypatch.setenv("KINEMA_TIMESTAMP_ANCHORS", str(AUTHORITY))
    kept = verify(STAMPED, [SIGNER])
    assert kept.is_trusted and kept.stamp is not None and kept.stamp.needed
    assert "by the clock of Test clock; the signer's certificate has run out since" in kept.sentence


def test_an_authority_that_is_believed_for_its_clock_vouches_for_no_signer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: TimeAuthority
):
    key = ec.generate_private_key(ec.SECP256R1())
    purpose = x509.ExtendedKeyUsage([x509.ObjectIdentifier(PURPOSES[0])])
    (tmp_path / "chain.pem").write_bytes(clock.certificate("A", key, (purpose, False)).public_bytes(Encoding.PEM))
    (tmp_path / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (tmp_path / "key.pem").chmod(0o600)
    monkeypatch.setenv("KINEMA_CERTIFICATE", str(tmp_path / "chain.pem"))
    monkeypatch.setenv("KINEMA_CERTIFICATE_KEY", str(tmp_path / "key.pem"))
    path = film(tmp_path / "film.png")
    sign(path, ABOUT)
    root = believe(clock.root_pem, tmp_path, monkeypatch)
    assert verify(path, [SIGNER]).state == "intact" == verify(path).state
    assert verify(path, [root]).state == "trusted"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_one_flipped_byte_of_the_stamp_is_caught(data: st.DataObject, tmp_path: Path):
    whole = STAMPED.read_bytes()
    begin = whole.index(b"sigTst2")
    length = int.from_bytes(whole[begin + 25 : begin + 27], "big")
    at = data.draw(st.integers(begin, begin + 26 + length))
    bits = data.draw(st.integers(1, 255))
    changed = tmp_path / "changed.png"
    for path, bytes_ in ((STAMPED, whole), (changed, whole[:at] + bytes([whole[at] ^ bits]) + whole[at + 1 :])):
        changed.write_bytes(bytes_)
        anchors = [{"name": "signer", "pem": SIGNER.read_text()}]
        found = answer({"do": "read", "path": str(changed), "anchors": anchors, "clocks": AUTHORITY.read_text()})
        is_trusted = found.get("state") == "Trusted" and not found["deviations"] and not found["failures"]
        assert is_trusted == (path == STAMPED)


def test_an_address_that_is_none_and_anchors_that_are_not_there_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("KINEMA_TIMESTAMP_URL", "ftp://clock.example")
    with pytest.raises(SettingsError, match=r"KINEMA_TIMESTAMP_URL is 'ftp://clock\.example'"):
        read_settings()
    monkeypatch.delenv("KINEMA_TIMESTAMP_URL")
    monkeypatch.setenv("KINEMA_TIMESTAMP_ANCHORS", str(tmp_path / "gone.pem"))
    assert cli.run(["verify", str(STAMPED)]) != 0
