"""The stack's secret: what arms, approves or resets is done for those who can tell it."""

from __future__ import annotations

import hmac


class StackSecret:
    """Judges what a caller says.

    Args:
        text: the secret; empty where there is none: then every such act is refused.
        place: the file in which the stack's user finds it, for the refusal; or why there is none.
    """

    def __init__(self, text: str, place: str) -> None:
        self._text, self._place = text.encode(), place

    def refusal(self, given: str) -> str:
        """Return why the act is refused, empty where `given` is the secret; takes the same time for any."""
        if not self._text:
            return f"this stack has no secret, so nobody can arm, approve or reset: {self._place}"
        if hmac.compare_digest(self._text, given.encode(errors="replace")):
            return ""
        what = "a wrong secret" if given else "no secret"
        return f"{what} was given: the stack's own, for its user alone, is in {self._place}"
