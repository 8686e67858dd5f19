"""What a stranger's file is, found out in a child process with bounds on memory, processor and time.

A picture that unfolds to gigabytes, a film that never ends and a file that crashes its decoder end there, and the
server goes on. Run as a module, this file is that child.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

from kinema.errors import ClipError, KinemaError
from kinema.settings import read_settings

AT_ONCE = 2
ROOM_BYTES = 3_000_000_000
"""Address space beside the clip's: libraries take most of it, and touch little."""
_turn = BoundedSemaphore(AT_ONCE)


@dataclass(frozen=True)
class Probe:
    """A file of media that can be decoded whole."""

    width: int
    height: int
    frames: int
    fps: str
    suffix: str


def probe(path: Path) -> Probe:
    """What the file holds. Raises ClipError where it holds no media, or more than is read."""
    return Probe(**_ask("probe", path))


def testify(path: Path) -> dict[str, Any]:
    """What each witness says of the file (kinema/trust/detect.py), and its credentials' state. Raises ClipError."""
    return _ask("testify", path)


def _ask(what: str, path: Path) -> dict[str, Any]:
    settings = read_settings()
    seconds = settings.max_decode_seconds
    limits = {"memory": ROOM_BYTES + settings.max_clip_mb * 1e6, "seconds": seconds + 5}
    command = [sys.executable, "-m", "kinema.serve.probe", what, path.name, json.dumps(limits)]
    with _turn:
        try:
            done = subprocess.run(command, cwd=path.parent, capture_output=True, timeout=seconds + 15, check=False)
        except subprocess.TimeoutExpired:
            raise ClipError(f"the file takes longer than {seconds:g} seconds to read; make it smaller") from None
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        raise ClipError("the file cannot be read: its decoder took too much memory or broke") from None
    if "refused" in answer:
        raise ClipError(answer["refused"])
    return answer


def _probe(path: Path) -> dict[str, Any]:
    from kinema.media import load
    from kinema.media.kinds import kind_of

    kind = kind_of(path, lambda note: None)
    clip = load(path).clip
    return asdict(Probe(clip.width, clip.height, len(clip), str(Fraction(clip.fps)), kind.endings[0]))


def _testify(path: Path) -> dict[str, Any]:
    from kinema.trust.detect import detect
    from kinema.trust.verify import verify

    testimony = detect(path)
    return testimony.to_fields() | {"state": verify(path).state}


def _limit(limits: dict[str, float]) -> None:
    """No more memory and processor time than that, where the system can hold a process to it."""
    import resource

    for kind, most in ((resource.RLIMIT_AS, limits["memory"]), (resource.RLIMIT_CPU, limits["seconds"])):
        ceiling = resource.getrlimit(kind)[1]
        bound = int(most) if ceiling == resource.RLIM_INFINITY else min(int(most), ceiling)
        resource.setrlimit(kind, (bound, ceiling))


def main() -> None:
    """Answers on standard output."""
    what, name, limits = sys.argv[1:]
    _limit(json.loads(limits))
    try:
        answer = {"probe": _probe, "testify": _testify}[what](Path(name))
    except KinemaError as error:
        answer = {"refused": str(error)}
    except MemoryError:
        answer = {"refused": "the file takes more memory than is allowed to read it; make it smaller"}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
