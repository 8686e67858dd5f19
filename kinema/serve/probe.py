"""What a stranger's file is, found out in a child process with bounds on memory, processor and time.

A picture that unfolds to gigabytes, a film that never ends and a file that crashes its decoder end there, and the
server goes on. What may not be taken (kinema/trust/review) is refused there too, so that whoever sends it hears of it
at once. Run as a module, this file is that child.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

from kinema.errors import ClipError, KinemaError, RefusedError
from kinema.settings import read_settings

AT_ONCE = 2
ROOM_BYTES = 3_000_000_000
"""Address space beside the clip's: libraries take most of it, and touch little."""
_turn = BoundedSemaphore(AT_ONCE)


@dataclass(frozen=True)
class Probe:
    """A file of media that can be decoded whole; `about` is what a film of Kinema says of its making."""

    width: int
    height: int
    frames: int
    fps: str
    suffix: str
    about: str | None = None


def probe(path: Path, *, review: str, consent: str = "") -> Probe:
    """What the file holds, looked at as `review` says (KINEMA_REVIEW), with the consent that was given for its faces.

    Raises ClipError where it holds no media or more than is read, RefusedError where it may not be taken.
    """
    return Probe(**_ask("probe", path, {"consent": consent}, review))


def testify(path: Path) -> dict[str, Any]:
    """What each witness says of the file (kinema/trust/detect.py), and its credentials' state. Raises ClipError."""
    return _ask("testify", path, {}, "off")


def describe(path: Path) -> dict[str, Any]:
    """What a report keeps of the file (kinema/trust/reports.py). Raises ClipError."""
    return _ask("describe", path, {}, "off")


def _ask(what: str, path: Path, told: dict[str, str], review: str) -> dict[str, Any]:
    settings = read_settings()
    seconds = settings.max_decode_seconds + (0 if review == "off" else settings.max_review_seconds)
    limits = {"memory": ROOM_BYTES + settings.max_clip_mb * 1e6, "seconds": seconds + 5}
    command = [sys.executable, "-m", "kinema.serve.probe", what, path.name, json.dumps(limits | told)]
    there: dict[str, Any] = {"cwd": path.parent, "env": os.environ | {"KINEMA_REVIEW": review}}
    with _turn:
        try:
            done = subprocess.run(command, **there, capture_output=True, timeout=seconds + 15, check=False)
        except subprocess.TimeoutExpired:
            raise ClipError(f"the file takes longer than {seconds:g} seconds to read; make it smaller") from None
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        raise ClipError("the file cannot be read: its decoder took too much memory or broke") from None
    if "category" in answer:
        raise RefusedError(answer["refused"], answer["category"])
    if "refused" in answer:
        raise ClipError(answer["refused"])
    return answer


def _probe(path: Path, told: dict[str, Any]) -> dict[str, Any]:
    from kinema.media import load
    from kinema.media.kinds import kind_of
    from kinema.trust.review.decision import enforce
    from kinema.trust.review.reviewer import check, is_on

    kind = kind_of(path, lambda note: None)
    media = load(path)
    clip = media.clip
    if is_on():
        enforce(check(clip, path.name, consent=told["consent"]).gravest)
    return asdict(Probe(clip.width, clip.height, len(clip), str(Fraction(clip.fps)), kind.endings[0], media.about))


def _testify(path: Path, told: dict[str, Any]) -> dict[str, Any]:
    from kinema.trust.detect import detect
    from kinema.trust.verify import verify

    testimony = detect(path)
    return testimony.to_fields() | {"state": verify(path).state}


def _describe(path: Path, told: dict[str, Any]) -> dict[str, Any]:
    from kinema.trust.reports import told_by

    return told_by(path)


def _limit(limits: dict[str, Any]) -> None:
    """No more memory and processor time than that, where the system can hold a process to it."""
    import resource

    for kind, most in ((resource.RLIMIT_AS, limits["memory"]), (resource.RLIMIT_CPU, limits["seconds"])):
        ceiling = resource.getrlimit(kind)[1]
        bound = int(most) if ceiling == resource.RLIM_INFINITY else min(int(most), ceiling)
        resource.setrlimit(kind, (bound, ceiling))


def main() -> None:
    """Answers on standard output."""
    what, name, said = sys.argv[1:]
    told = json.loads(said)
    _limit(told)
    try:
        answer = {"probe": _probe, "testify": _testify, "describe": _describe}[what](Path(name), told)
    except RefusedError as error:
        answer = {"refused": str(error), "category": error.category}
    except KinemaError as error:
        answer = {"refused": str(error)}
    except MemoryError:
        answer = {"refused": "the file takes more memory than is allowed to read it; make it smaller"}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
