"""Attacks on Content Credentials: whatever was done to a film or to what it says, it must not be called trusted.

A film that nobody touched is the fair attempt: one that is not trusted is a false block.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kinema.errors import KinemaError
from kinema.media import read
from kinema.trust.credentials_library import WITH_SIDECAR, sidecar_of
from kinema.trust.redteam.attempt import Attempt, Tick
from kinema.trust.redteam.workshop import enter, own_home, signed, waves
from kinema.trust.verify import verify

TARGET = "credentials"
FORMATS = (".mp4", ".webm", ".gif", ".webp", ".png")
Tamper = Callable[[Path, random.Random], None]


def flip_a_byte(path: Path, rng: random.Random) -> None:
    """One byte anywhere, in the pictures or in the statements."""
    data = bytearray(path.read_bytes())
    data[rng.randrange(len(data))] ^= rng.randrange(1, 256)
    path.write_bytes(data)


def flip_a_statement(path: Path, rng: random.Random) -> None:
    """A letter of the prompt in the signed recipe."""
    carrier = sidecar_of(path) if path.suffix in WITH_SIDECAR else path
    data = carrier.read_bytes()
    at = data.index(b"a red dog")
    carrier.write_bytes(data[:at] + b"a bad dog" + data[at + 9 :])


def cut_the_end(path: Path, rng: random.Random) -> None:
    """The last tenth is gone."""
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 9 // 10])


def append(path: Path, rng: random.Random) -> None:
    """Something follows the film."""
    path.write_bytes(path.read_bytes() + rng.randbytes(64))


def strip(path: Path, rng: random.Random) -> None:
    """Decoded and written again, which loses what was said."""
    clip = read(path)
    sidecar_of(path).unlink(missing_ok=True)
    clip.write(path)


def swap(path: Path, rng: random.Random) -> None:
    """The statements of another film of the same signer."""
    other = signed(path.with_name(f"other{path.suffix}"), waves(99))
    if path.suffix in WITH_SIDECAR:
        shutil.copy(sidecar_of(other), sidecar_of(path))
        return
    theirs, ours = other.read_bytes(), path.read_bytes()
    spot = theirs.index(b"jumb"), ours.index(b"jumb")
    length = min(len(theirs) - spot[0], len(ours) - spot[1], 4_000)
    path.write_bytes(ours[: spot[1]] + theirs[spot[0] : spot[0] + length] + ours[spot[1] + length :])


def sign_as_a_stranger(path: Path, rng: random.Random) -> None:
    """Another machine signs a forged film and says that it is Kinema's: intact, and never trusted here."""
    home = Path(os.environ["KINEMA_HOME"])
    enter(home.parent / "stranger")
    try:
        sidecar_of(path).unlink(missing_ok=True)
        signed(path, waves(5))
    finally:
        enter(home)


def sign_too_late(path: Path, rng: random.Random) -> None:
    """A certificate that expired yesterday signs, if it is let."""
    chain, key = _expired(path.parent)
    os.environ |= {"KINEMA_CERTIFICATE": str(chain), "KINEMA_CERTIFICATE_KEY": str(key)}
    try:
        sidecar_of(path).unlink(missing_ok=True)
        with suppress(KinemaError):  # refused: the film stays unsigned, and the verdict on it is asked for as ever
            signed(path, waves(6))
    finally:
        del os.environ["KINEMA_CERTIFICATE"], os.environ["KINEMA_CERTIFICATE_KEY"]


TAMPERS: dict[str, Tamper] = {
    "one flipped byte": flip_a_byte,
    "a changed word of the prompt": flip_a_statement,
    "the end cut off": cut_the_end,
    "bytes appended": append,
    "stripped": strip,
    "statements of another film": swap,
    "a stranger's signature": sign_as_a_stranger,
    "an expired certificate": sign_too_late,
}


def attack(tick: Tick, *, formats: tuple[str, ...] = FORMATS, flips: int = 12) -> Iterator[Attempt]:
    """Every way of tampering with a film of each format, and `flips` bytes of each flipped."""
    rng = random.Random(17)
    with own_home() as folder:
        for suffix in formats:
            film = signed(folder / f"film{suffix}", waves())
            yield _tried(tick, suffix, "untouched", film, is_bad=False)
            kept = {path: path.read_bytes() for path in (film, sidecar_of(film)) if path.exists()}
            for name, tamper in TAMPERS.items():
                for at in range(flips if tamper is flip_a_byte else 1):
                    tamper(film, rng)
                    yield _tried(tick, suffix, name, film, is_bad=True, note=f" {at}")
                    for path, data in kept.items():
                        path.write_bytes(data)


def _tried(
    tick: Tick, group: str, attack: str, film: Path, *, is_bad: bool, note: str = ""
) -> Attempt:  # fmt: skip
    try:
        stopped = not verify(film).is_trusted
    except KinemaError:
        stopped = True
    tick(TARGET)
    return Attempt(TARGET, attack, group, "", is_bad, stopped, f"{attack}{note} {film.name}")


def _expired(folder: Path) -> tuple[Path, Path]:
    """A chain and a key whose certificate was good until yesterday."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
    from cryptography.x509.oid import NameOID

    def named(common: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])

    root, leaf = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(named("red team root"), named("red team"), leaf.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=30)).not_valid_after(now - timedelta(days=1))
    builder = builder.add_extension(x509.ExtendedKeyUsage([x509.ObjectIdentifier("1.3.6.1.4.1.62558.2.1")]), False)
    chain, key = folder / "expired.pem", folder / "expired.key"
    chain.write_bytes(builder.sign(root, hashes.SHA256()).public_bytes(Encoding.PEM))
    key.write_bytes(leaf.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    key.chmod(0o600)
    return chain, key
