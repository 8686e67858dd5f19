"""What a film's credentials are worth: a verdict that begins with a plain sentence, and proof by replay.

Only *trusted* counts: intact, and signed under an anchor that was named. Anybody can make credentials that are merely
intact. Anchors are those that the caller names; where none are, this machine's own development authority (its key lies
under `settings.home`, readable by its owner alone) and those that the settings name.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from kinema.clip import Clip
from kinema.data.record import sha256_of_frames
from kinema.errors import ClipError, TrustError
from kinema.media import read
from kinema.settings import read_settings
from kinema.trust.credentials_library import ask, sidecar_of
from kinema.trust.keys import own_anchor, read_anchors, recall_private, salted

State = Literal["trusted", "intact", "broken", "none", "refused"]
OWN = "this machine's own"
SAME_FILM_DB = 22.0
"""Replayed frames and those in the file are one film from this PSNR on: six clips kept 30 dB and more in every format,
and no two of them came above 14 dB."""

_REASONS = {
    "assertion.dataHash.mismatch": "its bytes were changed after it was signed",
    "assertion.bmffHash.mismatch": "its bytes were changed after it was signed",
    "assertion.boxesHash.mismatch": "its bytes were changed after it was signed",
    "assertion.hashedURI.mismatch": "one of its statements was changed after it was signed",
    "assertion.missing": "one of its statements was taken out after it was signed",
    "claimSignature.mismatch": "the signature does not fit the statements",
    "claimSignature.missing": "the signature was taken out",
    "claim.missing": "the statements were taken out",
    "signingCredential.expired": "the signer's certificate was not good at the time",
    "claimSignature.outsideValidity": "the signer's certificate was not good at the time",
    "signingCredential.invalid": "the signer's certificate is not one that may sign films",
    "signingCredential.ocsp.revoked": "the signer's certificate was revoked",
    "algorithm.unsupported": "the signature is of an unknown kind",
}


@dataclass(frozen=True)
class Stamp:
    """When a film was signed, by the clock of a time authority: ISO 8601, and the name in the authority's certificate.

    Only a `named` authority counts, as only a named signer does. `needed` says that the signer's certificate has run
    out since, so that the verdict rests on the stamp.
    """

    time: str
    clock: str
    named: bool
    needed: bool = False

    @property
    def sentence(self) -> str:
        """When and by whose clock, as a person reads it, and what that is worth."""
        at = f"{self.time.removesuffix('+00:00').replace('T', ' ')} UTC by the clock of {self.clock}"
        if not self.named:
            return f"{at}, which proves nothing: no anchor of KINEMA_TIMESTAMP_ANCHORS knows it"
        return f"{at}; the signer's certificate has run out since" if self.needed else at


@dataclass(frozen=True)
class Verdict:
    """What was found. `reasons` are plain sentences; `parts` are the signer's own statements by label."""

    path: Path
    state: State
    reasons: tuple[str, ...] = ()
    signer: str = ""
    anchor: str | None = None
    anchors: tuple[str, ...] = ()
    maker: str = ""
    stamp: Stamp | None = None
    ingredients: tuple[Mapping[str, str], ...] = ()
    parts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_trusted(self) -> bool:
        return self.state == "trusted"

    @property
    def sentence(self) -> str:
        """The verdict as a person reads it."""
        name, named = self.path.name, " and ".join(self.anchors) or "none"
        because = "; ".join(self.reasons)
        when = f", {self.stamp.sentence}" if self.stamp and self.stamp.named else ""
        return {
            "trusted": f"Trusted: {name} is unchanged since {self.signer} signed it{when} (anchor: {self.anchor}).",
            "intact": f"Not trusted: {name} is unchanged since {self.signer or 'somebody'} signed it, but anybody can"
            f" sign so: the signer stands under none of the named anchors ({named}).",
            "broken": f"Not trusted: the credentials of {name} are broken: {because}.",
            "none": f"No credentials: {name} carries none, which says nothing of where it comes from.",
            "refused": f"Not trusted: {because}.",
        }[self.state]

    def part(self, name: str) -> Mapping[str, Any]:
        """One of Kinema's own statements: film, recipe, model, receipt, review, nearest; empty where it is not made."""
        found = self.parts.get(f"org.kinema.{name}", {})
        return found if isinstance(found, dict) else {}

    def to_fields(self) -> dict[str, Any]:
        """The JSON object of the verdict."""
        return {
            "path": str(self.path),
            "state": self.state,
            "sentence": self.sentence,
            "reasons": list(self.reasons),
            "signer": self.signer,
            "anchor": self.anchor,
            "anchors": list(self.anchors),
            "maker": self.maker,
            "stamp": asdict(self.stamp) if self.stamp else None,
            "ingredients": [dict(each) for each in self.ingredients],
            "statements": dict(self.parts),
        }


def verify(path: Path, anchors: Sequence[Path] = ()) -> Verdict:
    """The verdict on a film's credentials, in bounded time whatever the file holds.

    Raises ClipError where there is no such file, TrustError where an anchor cannot be read.
    """
    if not path.is_file():
        raise ClipError(f"there is no file {path}")
    named, believed = _named(anchors), read_settings().timestamp_anchors
    names = tuple(str(each["name"]) for each in named)
    clocks = read_anchors(believed) if believed else ""
    try:
        found = ask({"do": "read", "path": str(path), "anchors": named, "clocks": clocks}, path, sidecar_of(path))
    except TrustError as error:
        return Verdict(path, "refused", (str(error),), anchors=names)
    if found["state"] == "none":
        return Verdict(path, "none", anchors=names)
    reasons = [_REASONS.get(each["code"], f"{each['code']}: {each['said']}") for each in _weighty(found["failures"])]
    reasons += found.get("deviations", [])
    if found["state"] == "Invalid" and not reasons:
        reasons = ["the library that checks them finds them invalid and does not say why"]
    state: State = "broken" if reasons else "intact"
    if state == "intact" and found["state"] == "Trusted":
        state = "trusted"
    return Verdict(
        path,
        state,
        tuple(dict.fromkeys(reasons)),
        signer=found["signer"],
        anchor=found.get("anchor") if state == "trusted" else None,
        anchors=names,
        maker=f"{found['maker']} {found['version']}".strip(),
        stamp=Stamp(found["time"], found["clock"], found["clock_named"], found.get("by_time", False))
        if found["time"]
        else None,
        ingredients=tuple(found["ingredients"]),
        parts=found["parts"],
    )


def _named(anchors: Sequence[Path]) -> list[dict[str, str]]:
    """The anchors to judge under, with the names that a person knows them by."""
    if anchors:
        return [{"name": str(path), "pem": read_anchors(path)} for path in anchors]
    settings = read_settings()
    own = own_anchor(settings)
    found = [{"name": OWN, "pem": own}] if own else []
    if settings.anchors:
        found.append({"name": str(settings.anchors), "pem": read_anchors(settings.anchors)})
    return found


def _weighty(failures: list[dict[str, str]]) -> list[dict[str, str]]:
    """The failures beside the one that makes credentials intact but not trusted."""
    return [each for each in failures if each["code"] != "signingCredential.untrusted"]


@dataclass(frozen=True)
class Replay:
    """Whether the signed recipe makes the film again, None for cannot tell, and how near the file is to that."""

    same: bool | None
    sentence: str
    psnr_db: float | None = None


def verify_replay(
    verdict: Verdict, render: Callable[[str], Clip], configuration: Callable[[str], str] | None = None
) -> Replay:
    """Renders the film's signed recipe (canonical JSON) again and compares.

    The frames before marking must be those of the signed hash, bit for bit, and the file must show them. Frames are
    only promised on one configuration: `configuration` tells of a recipe which one this machine would make it on.
    """
    name = verdict.path.name
    if verdict.state not in ("trusted", "intact"):
        return Replay(None, f"Cannot tell: {name} has no intact credentials that would say how it was made.")
    recipe, expected, salt = _promised(verdict)
    if recipe is None or expected is None:
        return Replay(None, f"Cannot tell: the recipe of {name} is private and was not kept on this machine.")
    declared = json.loads(recipe).get("configuration")
    ours = configuration(recipe) if configuration else declared
    if declared != ours:
        return Replay(None, f"Cannot tell: {name} was made on {declared}, and this machine would use {ours}.")
    clip = render(recipe)
    found = sha256_of_frames(clip.frames)
    if (salted(salt, found) if salt else found) != expected:
        return Replay(False, f"Not the same: the recipe of {name} makes other frames than those that were signed.")
    psnr_db = _psnr_db(clip, read(verdict.path))
    if psnr_db < SAME_FILM_DB:
        said = f"the frames that its recipe makes are the signed ones, but {name} shows others ({psnr_db:.1f} dB)"
        return Replay(False, f"Not the same: {said}.", psnr_db)
    said = f"{len(clip)} frames made again are bit for bit those that were signed, and {name} shows them"
    return Replay(True, f"The same: {said} ({psnr_db:.1f} dB).", psnr_db)


def _promised(verdict: Verdict) -> tuple[str | None, str | None, bytes | None]:
    """The recipe, the hash of its frames and, where the film is private and was made here, the salt."""
    said, film = verdict.part("recipe"), verdict.part("film")
    private = said.get("private")
    if private is None:
        parts = said.get("recipe")
        return (_located(parts, verdict.path) if parts else None), film.get("frames_sha256"), None
    kept = recall_private(read_settings().home, str(private.get("id")))
    if kept is None or salted(kept[1], kept[0]) != private.get("recipe_hmac_sha256"):
        return None, None, None
    return kept[0], film.get("frames_hmac_sha256"), kept[1]


def _located(parts: dict[str, Any], film: Path) -> str:
    """The recipe as text, its sources looked for beside the film first; their hashes are checked when it is played."""
    sources = parts.get("sources", [])
    for each in sources:
        beside = film.parent / Path(each["path"]).name
        each["path"] = str(beside) if beside.is_file() else each["path"]
    return json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _psnr_db(made: Clip, shown: Clip) -> float:
    """Peak signal to noise of two clips, over the frames that both have; 0 where their sizes or lengths differ."""
    if made.frames.shape[1:] != shown.frames.shape[1:] or abs(len(made) - len(shown)) > 1:
        return 0.0
    count = min(len(made), len(shown))
    errors = [
        np.mean((made.frames[index].astype(np.float32) - shown.frames[index].astype(np.float32)) ** 2)
        for index in range(count)
    ]
    return float(10 * np.log10(255**2 / max(float(np.mean(errors)), 1e-6)))
