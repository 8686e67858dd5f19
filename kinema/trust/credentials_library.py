"""The C2PA library in a process of its own, with limits: whatever a file holds, it answers, refuses or ends in time.

Files come from strangers and the library is native code, so nothing of it runs in the process that makes films. The
child (`credentials_child.py`) is asked one thing in JSON and answers in JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import kinema
from kinema.errors import TrustError

MIMES = {
    ".mp4": "video/mp4",
    ".webm": "video/webm",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".mov": "video/quicktime",
    ".m4v": "video/x-m4v",
    ".avi": "video/x-msvideo",
}
SIDECAR = ".c2pa"
WITH_SIDECAR = (".webm",)
"""Formats that cannot hold credentials: they lie beside the film, under its name with this ending."""
PURPOSES = (
    "1.3.6.1.4.1.62558.2.1",  # C2PA claim signing
    "1.3.6.1.5.5.7.3.4",  # e-mail protection
    "1.3.6.1.5.5.7.3.36",  # document signing
)
"""What a certificate may be for, one of these, if films are to be signed with it."""
MAX_STORE = 16 << 20
"""Bytes of credentials that are read or written; ours have some thousands."""
MEMORY = 2 << 30
LEAST_SECONDS, SECONDS_PER_MB = 20.0, 0.05
_MAX_REASON = 300
_CHILD = "import sys; sys.path.append(sys.argv[1]); from kinema.trust.credentials_child import main; main()"


def mime_of(path: Path) -> str:
    """The media type that the file's ending names; one of no format where it names none."""
    return MIMES.get(path.suffix.lower(), "application/octet-stream")


def sidecar_of(path: Path) -> Path:
    """Where the credentials of a film lie that cannot hold them; media/place.py carries them along."""
    return path.with_suffix(SIDECAR)


def ask(request: Mapping[str, Any], *paths: Path) -> dict[str, Any]:
    """The child's answer, in a time that grows with the files. Raises TrustError, with the reason, for none."""
    size = sum(path.stat().st_size for path in paths if path.is_file())
    seconds = LEAST_SECONDS + SECONDS_PER_MB * size / 1e6
    limits = {"memory": MEMORY + 2 * size, "seconds": seconds}
    root = str(Path(kinema.__file__).parent.parent)
    name = paths[0].name
    try:
        ended = subprocess.run(
            [sys.executable, "-P", "-W", "ignore", "-c", _CHILD, root],
            input=json.dumps({**request, "limits": limits}).encode(),
            capture_output=True,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        raise TrustError(
            f"the credentials of {name} were given up after {seconds:.0f} s; they are made to stall"
        ) from None
    except OSError as error:
        raise TrustError(f"no process for the credentials of {name} can be started: {error.strerror}") from None
    if ended.returncode:
        last = (ended.stderr.decode(errors="replace").strip().splitlines() or [f"it ended with {ended.returncode}"])[-1]
        raise TrustError(f"the credentials of {name} broke the library that handles them: {last[:_MAX_REASON]}")
    answer = json.loads(ended.stdout)
    if "refused" in answer:
        raise TrustError(f"the credentials of {name} are refused: {' '.join(answer['refused'].split())[:_MAX_REASON]}")
    return answer
