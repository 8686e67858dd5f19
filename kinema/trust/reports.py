"""Reports: complaints about films and about wrong refusals, kept for whoever runs this installation.

One JSON object a line under `settings.home`, for its owner alone, each written in one piece so that many may report at
once. What was decided is kept with what was said: the policy's decision, or what a film's credentials say. Every door
keeps them by `keep`: the terminal here, and a server with the key that asked.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from kinema.errors import ClipError, PromptError, TrustError
from kinema.recipe import MAX_PROMPT_CHARS
from kinema.settings import read_settings
from kinema.trust import policy
from kinema.trust.registry import Registry, sha256_of_file
from kinema.trust.verify import verify

MAX_BYTES, MAX_WHY_CHARS, MAX_TOLD_CHARS = 64_000_000, 4_000, 64_000
"""How much is kept before the operator has to move it away, the longest reason, and the most that a film's credentials
and registry may add to a report: whoever made the film chose what they say."""
_FILM = re.compile(r"\S+\.(mp4|m4v|mov|webm|mkv|avi|gif|webp|png|apng|jpe?g|heic|avif)", re.IGNORECASE)


@dataclass(frozen=True)
class Report:
    """One report. `subject` is the prompt, or the film's name; `decided` what the policy or its credentials say.

    `key` and `owner` are the id and the name of the API key by which a server was told, empty where none was.
    """

    id: str
    made: str
    kind: Literal["prompt", "film"]
    subject: str
    why: str = ""
    decided: Mapping[str, Any] = field(default_factory=dict)
    key: str = ""
    owner: str = ""

    @property
    def sentence(self) -> str:
        """The report in a line."""
        decided = self.decided.get("decision") or self.decided.get("state") or "unknown"
        by = f", by {self.owner} ({self.key})" if self.key else ""
        said = f"{self.made} {self.id} {self.kind} ({decided}){by}: {self.subject}"
        return f"{said} - {self.why}" if self.why else said


def place() -> Path:
    """Where reports are kept."""
    return read_settings().home / "reports" / "reports.jsonl"


def report(subject: str, why: str = "") -> Report:
    """Keeps a report about a film, where a file of that name exists, or else about a prompt.

    Raises PromptError for an empty or overlong one, ClipError for a film that is not there, TrustError where nothing
    can be kept.
    """
    check_words(subject, why)
    path = film_in(subject)
    if path is None:
        return keep(drafted("prompt", subject, why, decided=asdict(policy.check(subject))))
    return keep(drafted("film", path.name, why, decided=told_by(path)))


def drafted(kind: Literal["prompt", "film"], subject: str, why: str, *, decided: Mapping[str, Any]) -> Report:
    """A report of this moment, not yet kept, with an id that is its own."""
    made = datetime.now(UTC).isoformat(timespec="seconds")
    return Report(f"report_{secrets.token_hex(8)}", made, kind, subject, why, decided)


def check_words(subject: str, why: str) -> None:
    """Raises PromptError where a report is about nothing, or longer than what is read."""
    if len(why) > MAX_WHY_CHARS:
        raise PromptError(f"the reason has {len(why):,} letters; at most {MAX_WHY_CHARS:,} are kept", part="why")
    if not subject.strip():
        raise PromptError("the report is about nothing; name a film or give the prompt")
    if len(subject) > MAX_PROMPT_CHARS:
        raise PromptError(f"the prompt has {len(subject):,} letters; at most {MAX_PROMPT_CHARS:,} are read")


def film_in(subject: str) -> Path | None:
    """The film that somebody names, None where it is a prompt. Raises ClipError for one that is not there."""
    if len(subject) < 4096 and "\0" not in subject and _is_file(Path(subject)):
        return Path(subject)
    if _FILM.fullmatch(subject):
        raise ClipError(f"there is no file {subject}; a prompt has more than one word")
    return None


def read_reports() -> tuple[list[Report], int]:
    """All reports, the oldest first, and how many lines hold none. Raises TrustError where they cannot be read."""
    path = place()
    try:
        if not path.exists():
            return [], 0
        if path.stat().st_size > 2 * MAX_BYTES:
            raise TrustError(f"{path} has {path.stat().st_size:,} bytes, more than reports ever have; move it away")
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise TrustError(f"the reports in {path} cannot be read: {error.strerror}") from None
    found = [each for line in lines if line.strip() and (each := _report_of(line))]
    return found, sum(bool(line.strip()) for line in lines) - len(found)


def _report_of(line: bytes) -> Report | None:
    """The report in a line, None where a crash or a hand left something else there."""
    try:
        fields = json.loads(line)
        kept = Report(**fields)
    except (ValueError, TypeError, RecursionError):
        return None
    words = (kept.id, kept.made, kept.kind, kept.subject, kept.why, kept.key, kept.owner)
    return kept if all(isinstance(word, str) for word in words) and isinstance(kept.decided, dict) else None


def told_by(path: Path) -> dict[str, Any]:
    """What is known of a film: its bytes' hash, the verdict on its credentials, and whether the registry has it.

    Where these are longer than a report keeps, `left_out` says so; the hash still finds the film.
    """
    verdict = verify(path)
    try:
        sha256 = sha256_of_file(path)
        known = Registry().find_file(sha256)
        registry = known.recipe if known else None
    except TrustError as error:
        registry = str(error)
    except OSError as error:
        raise ClipError(f"{path} cannot be read: {error.strerror}") from None
    sure = {"sha256": sha256, "bytes": path.stat().st_size, "state": verdict.state}
    told = {
        "sentence": verdict.sentence,
        "signer": verdict.signer,
        "maker": verdict.maker,
        "film": dict(verdict.part("film")),
        "registry": registry,
    }
    if (letters := len(json.dumps(told))) > MAX_TOLD_CHARS:
        return sure | {"left_out": f"the credentials say {letters:,} letters, more than the {MAX_TOLD_CHARS:,} kept"}
    return sure | told


def line_of(kept: Report) -> bytes:
    """The report as it is kept."""
    return json.dumps(asdict(kept), ensure_ascii=True, sort_keys=True).encode() + b"\n"


def keep(kept: Report) -> Report:
    """The report is the last line of the file, written in one call, for its owner alone. Raises TrustError."""
    path = place()
    line = line_of(kept)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            size = os.fstat(handle).st_size
            if size + len(line) > MAX_BYTES:
                raise TrustError(f"{path} is full ({size:,} of {MAX_BYTES:,} bytes); its operator should move it away")
            if size and os.lseek(handle, size - 1, os.SEEK_SET) >= 0 and os.read(handle, 1) != b"\n":
                line = b"\n" + line  # a crash left half a line there
            if os.write(handle, line) < len(line):
                raise TrustError(f"the report could only be kept in part in {path}: the disk is full; free some of it")
        finally:
            os.close(handle)
    except OSError as error:
        raise TrustError(f"no report can be kept in {path}: {error.strerror}; set KINEMA_HOME") from None
    return kept


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False
