"""The keys that films are signed with: this machine's development certificate, or the person's own by settings.

The development authority is made on first use under `settings.home`, its keys readable by their owner alone. What is
signed under it proves one thing: whoever signed could read that folder. Here also lie the salts of private films. It
stands apart from credentials.py so that no other file chooses a private key.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
import shutil
import stat
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from kinema.errors import TrustError
from kinema.settings import Settings
from kinema.trust.credentials_library import PURPOSES

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
    from cryptography.hazmat.primitives.serialization import Encoding

AUTHORITY_YEARS, LEAF_YEARS = 20, 10
"""Long, because there is no time stamp offline: a film is trusted only as long as its certificate lasts."""
_FOLDER = "credentials"
_AUTHORITY, _CHAIN, _KEY = "authority.pem", "certificate.pem", "key.pem"


@dataclass(frozen=True)
class Identity:
    """Who signs: the certificates (PEM, the signing one first, the root left out), the key's file and its algorithm."""

    chain: bytes
    key: Path
    algorithm: str


def identity(settings: Settings) -> Identity:
    """The person's own certificate where the settings name one, else this machine's, made on first use."""
    if settings.certificate is None and settings.certificate_key is None:
        folder = _development(settings.home)
        return _checked(folder / _CHAIN, folder / _KEY)
    if settings.certificate is None or settings.certificate_key is None:
        raise TrustError("KINEMA_CERTIFICATE and KINEMA_CERTIFICATE_KEY go together; set both or neither")
    return _checked(settings.certificate, settings.certificate_key)


def own_anchor(settings: Settings) -> str | None:
    """The certificate (PEM) of this machine's development authority, None where nothing was ever signed here."""
    path = settings.home / _FOLDER / _AUTHORITY
    return _read(path).decode("ascii", "replace") if path.is_file() else None


def read_anchors(path: Path) -> str:
    """The certificates (PEM) in a file. Raises TrustError where there are none that can be read."""
    from cryptography import x509

    try:
        found = x509.load_pem_x509_certificates(_read(path))
    except ValueError as error:
        raise TrustError(f"{path} holds no certificate in PEM form: {error}; name a file that does") from None
    return "".join(each.public_bytes(_pem()).decode() for each in found)


def keep_private(home: Path, recipe: str) -> tuple[str, bytes]:
    """Keeps a private film's recipe with a salt drawn for it under home; the name it is found by, and the salt."""
    name, salt = secrets.token_hex(16), secrets.token_bytes(32)
    folder = home / "private"
    _make_folder(folder)
    _write(folder / f"{name}.json", json.dumps({"salt": salt.hex(), "recipe": recipe}).encode())
    return name, salt


def recall_private(home: Path, name: str) -> tuple[str, bytes] | None:
    """The recipe and salt of a private film that was made here, None where it was made elsewhere."""
    path = home / "private" / f"{name}.json"
    if not re.fullmatch("[0-9a-f]{32}", name) or not path.is_file():
        return None
    try:
        kept = json.loads(_read(path))
        return str(kept["recipe"]), bytes.fromhex(kept["salt"])
    except (ValueError, KeyError, TypeError) as error:
        raise TrustError(f"{path} is damaged: {error}; without it the film stays private even to you") from None


def salted(salt: bytes, text: str) -> str:
    """HMAC-SHA256 of the text under the salt (RFC 2104), in hex: nobody without the salt can try out guesses."""
    return hmac.new(salt, text.encode(), hashlib.sha256).hexdigest()


def _checked(chain: Path, key: Path) -> Identity:
    """The identity in two files, once they are found to belong together and to be of use now. Raises TrustError."""
    from cryptography import x509

    pem = _read(chain)
    try:
        certificates = x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise TrustError(f"{chain} holds no certificate in PEM form: {error}") from None
    leaf, now = certificates[0], datetime.now(UTC)
    if not leaf.not_valid_before_utc <= now <= leaf.not_valid_after_utc:
        raise TrustError(
            f"the certificate in {chain} is good from {leaf.not_valid_before_utc:%Y-%m-%d} to"
            f" {leaf.not_valid_after_utc:%Y-%m-%d}, not today; put a new one in its place"
        )
    if leaf.subject == leaf.issuer:
        raise TrustError(f"the certificate in {chain} is signed by itself; one that an authority signed is needed")
    _check_purpose(leaf, chain)
    private = _private_key(key)
    if private.public_key() != leaf.public_key():
        raise TrustError(
            f"the key in {key} is not that of the first certificate in {chain}; the signing one goes first"
        )
    return Identity(pem, key, _algorithm(private, key))


def _check_purpose(leaf: x509.Certificate, chain: Path) -> None:
    from cryptography import x509

    try:
        purposes = {each.dotted_string for each in leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value}
    except x509.ExtensionNotFound:
        purposes = set()
    if not purposes & set(PURPOSES):
        raise TrustError(
            f"the certificate in {chain} is not for signing films; its extended key usage needs {PURPOSES[0]}"
        )


def _private_key(path: Path) -> PrivateKeyTypes:
    """The private key in a file that nobody but its owner can read. Raises TrustError."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    pem = _read(path)
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise TrustError(f"the key {path} can be read by others; keep it to yourself: chmod 600 '{path}'")
    try:
        return load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise TrustError(
            f"{path} holds no private key that can be used: {error}; PEM without a passphrase can"
        ) from None


def _algorithm(key: PrivateKeyTypes, path: Path) -> str:
    """C2PA's name for what the key signs with."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    curves = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in curves:
        return curves[key.curve.name]
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= 2048:
        return "ps256"
    raise TrustError(f"the key in {path} is of a kind that signs no films; P-256, P-384, P-521, Ed25519 and RSA do")


def _development(home: Path) -> Path:
    """The folder of this machine's own keys; whoever comes first makes it whole, and all others use that one."""
    folder = home / _FOLDER
    if folder.is_dir():
        return folder
    _make_folder(home)
    try:
        part = Path(tempfile.mkdtemp(dir=home, prefix=f".{_FOLDER}."))
        try:
            _write_authority(part)
            part.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise
        finally:
            shutil.rmtree(part, ignore_errors=True)
    except OSError as error:
        raise TrustError(
            f"no keys can be kept in {home}: {error.strerror}; choose another place: KINEMA_HOME"
        ) from None
    return folder


def _write_authority(folder: Path) -> None:
    """A root, a certificate signed by it, and the certificate's key; the root's own key is used once and forgotten."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import NoEncryption, PrivateFormat

    root_key, leaf_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    mark = secrets.token_hex(4)
    root = _builder(f"Kinema development authority {mark}", f"Kinema development authority {mark}", AUTHORITY_YEARS)
    root = root.public_key(root_key.public_key()).add_extension(x509.BasicConstraints(True, 0), True)
    root = root.add_extension(_usage("key_cert_sign", "crl_sign"), True)
    root = root.add_extension(x509.SubjectKeyIdentifier.from_public_key(root_key.public_key()), False)
    leaf = _builder(f"Kinema on this machine {mark}", f"Kinema development authority {mark}", LEAF_YEARS)
    leaf = leaf.public_key(leaf_key.public_key()).add_extension(x509.BasicConstraints(False, None), True)
    leaf = leaf.add_extension(_usage("digital_signature"), True)
    leaf = leaf.add_extension(x509.ExtendedKeyUsage([x509.ObjectIdentifier(PURPOSES[0])]), False)
    leaf = leaf.add_extension(x509.SubjectKeyIdentifier.from_public_key(leaf_key.public_key()), False)
    leaf = leaf.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), False)
    for name, builder in ((_AUTHORITY, root), (_CHAIN, leaf)):
        _write(folder / name, _signed(builder, root_key).public_bytes(_pem()))
    _write(folder / _KEY, leaf_key.private_bytes(_pem(), PrivateFormat.PKCS8, NoEncryption()))


def _builder(subject: str, issuer: str, years: int) -> x509.CertificateBuilder:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    def name(common: str) -> x509.Name:
        organisation = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Kinema development, unverified")
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common), organisation])

    begin = datetime.now(UTC) - timedelta(hours=1)
    builder = x509.CertificateBuilder(name(issuer), name(subject), serial_number=x509.random_serial_number())
    return builder.not_valid_before(begin).not_valid_after(begin + timedelta(days=365 * years))


def _signed(builder: x509.CertificateBuilder, key: PrivateKeyTypes) -> x509.Certificate:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return builder.sign(key, hashes.SHA256())


def _usage(*allowed: str) -> x509.KeyUsage:
    from cryptography import x509

    names = ["digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"]
    names += ["key_cert_sign", "crl_sign", "encipher_only", "decipher_only"]
    return x509.KeyUsage(**{name: name in allowed for name in names})


def _pem() -> Encoding:
    from cryptography.hazmat.primitives.serialization import Encoding

    return Encoding.PEM


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise TrustError(f"{folder} cannot be made: {error.strerror}; choose another place: KINEMA_HOME") from None


def _write(path: Path, content: bytes) -> None:
    """Writes a new file that its owner alone can read, from its first moment on."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
    except OSError as error:
        raise TrustError(f"{path} cannot be written: {error.strerror}; choose another place: KINEMA_HOME") from None


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(1 << 20)
    except OSError as error:
        raise TrustError(f"{path} cannot be read: {error.strerror}") from None
