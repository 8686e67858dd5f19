"""What may be shown: frames in, one decision out, with the frame that led to it and the way to appeal.

The picture is judged by the network for sexual content and by the operator's own heads, what is written in it by the
prompt policy, and a real face in an upload needs consent. Decisions are of the prompt policy's kind, and no caller has
a say in any.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from time import monotonic
from typing import Any

import numpy as np

from kinema.errors import RefusedError, TrustError
from kinema.settings import read_settings
from kinema.trust import policy
from kinema.trust.policy.decision import MEANING, Decision, Verdict
from kinema.trust.policy.units import is_sentence
from kinema.trust.review.faces import Face, faces
from kinema.trust.review.heads import own_heads
from kinema.trust.review.letters import read_lines
from kinema.trust.review.sampling import Sampler
from kinema.trust.review.sexual import judged

BLOCK, REVIEW = 0.8, 0.5
"""Of the sexual score; its makers call what is above 0.8 surely not safe, and below 0.2 surely safe."""
BATCH = 8
LISTED = 1.0
"""The policy's score of what its lists hold."""
_GRAVEST: tuple[Verdict, ...] = ("allow", "review", "block")


@dataclass(frozen=True)
class Sight(Decision):
    """A decision of the policy's kind, with the frame that led to it and its time; None where all is allowed."""

    frame: int | None = None
    seconds: float | None = None


@dataclass
class Look:
    """What has been looked at of one film or upload, and what was seen.

    `name` is what a refusal calls it. Faces are looked for in uploads alone, and are no matter where there is consent;
    `large` also finds what is small.
    """

    name: str
    fps: Fraction
    every: bool = False
    is_upload: bool = False
    has_consent: bool = False
    large: bool = False
    frames: int = 0
    looked: int = 0
    faces: int = 0
    spent_s: float = 0.0
    found: list[Sight] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._sampler = Sampler(self.fps, every=self.every)
        self._read: dict[str, Decision] = {}

    @property
    def gravest(self) -> Sight:
        """The first of the gravest sights."""
        return max(self.found, key=lambda sight: _GRAVEST.index(sight.decision), default=Sight("allow"))

    def at(self, frames: np.ndarray) -> None:
        """Looks at the next frames (T, H, W, 3), until one is blocked. Raises TrustError where it takes too long."""
        begun, longest = monotonic(), read_settings().max_review_seconds
        chosen = self._sampler.chosen(frames)
        for start in range(0, len(chosen), BATCH):
            batch = chosen[start : start + BATCH]
            self._at([frames[index] for index in batch], [self.frames + index for index in batch])
            if self.spent_s + monotonic() - begun > longest:
                raise TrustError(
                    f"looking at {self.name} takes longer than {longest:g} seconds (KINEMA_MAX_REVIEW_SECONDS), and"
                    " nothing is shown that was not looked at; make it shorter"
                )
            if self.gravest.decision == "block":
                break
        self.frames += len(frames)
        self.spent_s += monotonic() - begun

    def _at(self, frames: list[np.ndarray], numbers: list[int]) -> None:
        self.looked += len(frames)
        scores, vectors = judged(frames)
        heads = own_heads()
        opinions = heads.scores(vectors) if heads else None
        for index, frame in enumerate(frames):
            number, score = numbers[index], float(scores[index])
            if score >= REVIEW:
                verdict: Verdict = "block" if score >= BLOCK else "review"
                self._say(verdict, "sexual", MEANING["sexual"], score, number)
            if heads and opinions is not None:
                for category, opinion, least in zip(heads.categories, opinions[index], heads.thresholds, strict=True):
                    if opinion >= least:
                        self._say("block", category, category, float(opinion), number)
            self._words(frame, number)
            if self.is_upload:
                self._faces(faces(frame, large=self.large), number)

    def _words(self, frame: np.ndarray, number: int) -> None:
        """What the policy says to the words in a frame; the same words are asked of it once."""
        words = " ".join(line.words for line in read_lines(frame, large=self.large))
        if not words or words in self._read:
            return
        found = self._read[words] = policy.check(words)
        if found.decision != "allow" and (found.score == LISTED or is_sentence(words)):
            reason = f"{found.reason}, which is written in {self._where(number)}"
            self._keep(Sight(found.decision, found.category, reason, found.words, found.score), number)

    def _faces(self, found: Sequence[Face], number: int) -> None:
        if found and not self.faces and not self.has_consent:
            many = f"{len(found)} real faces are" if len(found) > 1 else "a real face is"
            reason = f"{many} seen in {self._where(number)}, which needs consent: say who gave it and how (--consent)"
            self._keep(Sight("block", "face", reason, score=round(found[0].score, 3)), number)
        self.faces = max(self.faces, len(found))

    def _say(self, verdict: Verdict, category: str, meaning: str, score: float, number: int) -> None:
        said = "is not shown here" if verdict == "block" else "may be seen, and a person should look"
        reason = f"{meaning} {said}: {self._where(number)} looks so, {score:.2f} of 1"
        self._keep(Sight(verdict, category, reason, score=round(score, 3)), number)

    def _keep(self, sight: Sight, number: int) -> None:
        when = round(float(number / self.fps), 3)
        parts: dict[str, Any] = {"frame": number, "seconds": when, "appeal": read_settings().appeal}
        self.found.append(Sight(**(vars(sight) | parts)))

    def _where(self, number: int) -> str:
        return f"frame {number} of {self.name}, at {float(number / self.fps):.3g} s"


def enforce(sight: Sight) -> None:
    """Returns where it is allowed. Raises RefusedError for what is blocked, and for reviews where set so."""
    if sight.decision == "block" or (sight.decision == "review" and read_settings().policy_review == "refuse"):
        raise RefusedError(f"{sight.reason}; {sight.appeal}", sight.category)
