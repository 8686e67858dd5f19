"""The frame review: uploads and films are looked at before anybody has them. Nothing is loaded before a frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kinema.clip import Clip
    from kinema.trust.review.decision import Look

__all__ = ["check"]


def check(
    clip: Clip, name: str = "the film", *, every: bool = False, is_upload: bool = True, consent: str = ""
) -> Look:
    """What the review says of a clip as of an upload or of a film; `gravest` of what it returns is the decision."""
    from kinema.trust.review.reviewer import check

    return check(clip, name, every=every, is_upload=is_upload, consent=consent)
