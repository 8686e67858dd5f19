"""The prompt policy: `check` decides, `enforce` raises. Nothing is loaded before the first prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kinema.trust.policy.decision import Decision

__all__ = ["check", "enforce"]


def check(text: str) -> Decision:
    """What the policy says to a prompt: block, review or allow, with category, words, reason and appeal."""
    from kinema.trust.policy.decision import check

    return check(text)


def enforce(text: str) -> None:
    """Returns where a prompt is allowed. Raises RefusedError for what is blocked, and for reviews where set so."""
    from kinema.trust.policy.decision import enforce

    enforce(text)
