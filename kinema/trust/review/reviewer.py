"""One request's review, as the chain uses it: uploads first, then previews and segments before anybody has them.

What was looked at is told for the film's credentials. How much is looked at is the operator's to say (KINEMA_REVIEW); a
caller may ask for more, never for less.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from kinema.clip import Clip
from kinema.settings import read_settings
from kinema.tasks.sources import Loaded
from kinema.trust.review.decision import Look, enforce
from kinema.trust.review.faces import SIDE
from kinema.trust.review.heads import own_heads
from kinema.trust.review.networks import networks

GREY = 128
"""What is shown in the place of a preview that may not be."""
SAMPLED, ALL = "one frame a second and every cut", "every frame"
LOOKED_FOR = ("sexual content", "writing that the policy does not allow")
NOT_LOOKED_FOR = ("violence", "hateful symbols", "known characters and people")
"""What no network that may be shipped can tell; an operator's own heads can."""


@dataclass(frozen=True)
class Uploads:
    """What a request starts from, looked at, and the consent that a caller gave for the faces in it."""

    looks: tuple[Look, ...] = ()
    consent: str = ""


def review_uploads(loaded: Sequence[Loaded], consent: str, *, every: bool = False) -> Uploads:
    """The uploads, looked at. Raises RefusedError for what may not be taken, with the frame and the reason."""
    if not is_on():
        return Uploads(consent=consent)
    looks = []
    for each in loaded:
        looks.append(check(each.clip, each.name, every=every, consent=consent))
        enforce(looks[-1].gravest)
    return Uploads(tuple(looks), consent.strip())


class Reviewer:
    """Reviews one film: nothing passes it that was not looked at as the settings say, and nothing blocked does."""

    def __init__(self, uploads: Uploads | None = None, *, every: bool = False) -> None:
        self._uploads = uploads or Uploads()
        self._every = every or looks_at_all()
        self._look: Look | None = None
        self._is_on = is_on()

    def through(self, segments: Iterable[Clip]) -> Iterator[Clip]:
        """The same segments, each only when it was looked at. Raises RefusedError at what may not be shown."""
        for segment in segments:
            if self._is_on:
                self._look = self._look or Look("the film", segment.fps, every=self._every)
                self._look.at(segment.frames)
                enforce(self._look.gravest)
            yield segment

    def preview(self, look: Callable[[], np.ndarray]) -> Callable[[], np.ndarray]:
        """A picture of what is being made, plain grey where it may not be shown: what it becomes is judged later."""
        return (lambda: self._previewed(look())) if self._is_on else look

    def said(self, *, private: bool = False) -> dict[str, Any]:
        """What was looked at, and what was not, for the film's credentials."""
        prompt = {"prompt": "checked by the policy"}
        if not self._is_on:
            return prompt | {"frames": "not looked at: the operator has turned the review off"}
        heads = own_heads()
        gone_into = {"uploads": [_said(look) for look in self._uploads.looks]} if self._uploads.looks else {}
        given = {"consent": "given, kept private" if private else self._uploads.consent}
        looks = [*self._uploads.looks, *([self._look] if self._look else [])]
        return (
            prompt
            | {"frames": _counted(self._look) if self._look else "there are none"}
            | gone_into
            | (given if self._uploads.consent else {})
            | {
                "looked_for": [*LOOKED_FOR, *(heads.categories if heads else ())],
                "not_looked_for": list(NOT_LOOKED_FOR),
                "networks": {name: networks().digest(name)[:12] for name in ("sexual", "lines", "letters", "faces")},
                "seconds": round(sum(look.spent_s for look in looks), 3),
            }
        )

    def _previewed(self, picture: np.ndarray) -> np.ndarray:
        look = Look("the preview", Fraction(1))
        look.at(picture[None])
        return picture if look.gravest.decision == "allow" else np.full_like(picture, GREY)


def check(
    clip: Clip, name: str = "the film", *, every: bool = False, is_upload: bool = True, consent: str = ""
) -> Look:
    """What the review says of a clip, without raising: its `gravest` is the decision."""
    large = is_upload and len(clip) == 1 and max(clip.width, clip.height) > SIDE
    look = Look(name, clip.fps, every or looks_at_all(), is_upload, bool(consent.strip()), large)
    look.at(clip.frames)
    return look


def is_on() -> bool:
    """Whether the operator lets frames be looked at."""
    return read_settings().review != "off"


def looks_at_all() -> bool:
    """Whether the operator wants every frame looked at."""
    return read_settings().review == "all"


def _said(look: Look) -> dict[str, Any]:
    return {"frames": _counted(look), "faces": look.faces, "decision": look.gravest.decision}


def _counted(look: Look) -> str:
    how = ALL if look.every or look.looked == look.frames else SAMPLED
    return f"{look.looked} of {look.frames} looked at: {how}"
