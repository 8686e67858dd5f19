"""The secrets that marks are made with: one file each, for their owner's eyes alone; old ones are kept and still read.

Whoever holds a key can lay its mark over any film and can take it off, so keys belong on the machine that makes films
and on those that check them, nowhere else. Rotating limits what averaging many films can teach about one pattern.
"""

from __future__ import annotations

import os
import re
import secrets
from dataclasses import dataclass, field
from hashlib import sha256, shake_256
from pathlib import Path

from kinema.errors import TrustError
from kinema.settings import read_settings

BYTES = 32
_FILE = re.compile(r"watermark-(\d{4,8})\.key")


@dataclass(frozen=True)
class Key:
    """A secret of 32 bytes and its public name, which holds a short digest of the secret and nothing else of it."""

    name: str
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) != BYTES:
            raise TrustError(f"the watermark key {self.name} has {len(self.secret)} bytes; a key has {BYTES}")

    def stream(self, label: str, count: int) -> bytes:
        """As many bytes as asked for; SHAKE-256 of the secret and the label, indistinguishable from coin tosses."""
        return shake_256(b"kinema watermark\0" + self.secret + label.encode()).digest(count)


class KeyRing:
    """All watermark keys in a folder, the newest of which marks. The folder and the first key are made on first use."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or read_settings().home / "keys"

    def all(self) -> tuple[Key, ...]:
        """Every key, the newest first. Raises TrustError naming the file that is unreadable or readable by others."""
        numbers = self._numbers()
        if not numbers:
            self._make(1)
            numbers = self._numbers()
        return tuple(self._read(number) for number in sorted(numbers, reverse=True))

    def current(self) -> Key:
        """The key that new films are marked with."""
        return self.all()[0]

    def rotate(self) -> Key:
        """A new key, with which films are marked from now on."""
        self._make(max(self._numbers(), default=0) + 1)
        return self.current()

    def _numbers(self) -> list[int]:
        try:
            names = [path.name for path in self.folder.iterdir()] if self.folder.exists() else []
        except OSError as error:
            raise TrustError(f"the keys in {self.folder} cannot be listed: {error.strerror}") from None
        return [int(found.group(1)) for name in names if (found := _FILE.fullmatch(name))]

    def _path(self, number: int) -> Path:
        return self.folder / f"watermark-{number:04d}.key"

    def _make(self, number: int) -> None:
        """Writes a new secret under that number; where another process was quicker, its key stands."""
        part = self.folder / f".watermark-{secrets.token_hex(8)}"
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise TrustError(f"no watermark key can be kept in {self.folder}: {error.strerror}") from None
        try:
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(secrets.token_hex(BYTES) + "\n")
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(part, self._path(number))
            except FileExistsError:
                return
        except OSError as error:
            raise TrustError(f"no watermark key can be kept in {self.folder}: {error.strerror}") from None
        finally:
            part.unlink(missing_ok=True)

    def _read(self, number: int) -> Key:
        path = self._path(number)
        try:
            if path.stat().st_mode & 0o077:
                raise TrustError(f"{path} can be read by others; keep it to yourself: chmod 600 '{path}'")
            secret = bytes.fromhex(path.read_text(encoding="ascii"))
        except OSError as error:
            raise TrustError(f"the watermark key {path} cannot be read: {error.strerror}") from None
        except ValueError:
            raise TrustError(f"{path} is no watermark key; {2 * BYTES} hexadecimal digits are one") from None
        return Key(f"watermark-{number:04d}-{sha256(secret).hexdigest()[:8]}", secret)
