"""The error that planning raises when there is no plan."""

from __future__ import annotations

from collections.abc import Iterable

from openmtz.plan import Finding


class PlanningError(RuntimeError):
    """There is no plan. `findings` say why, each with what would help most."""

    def __init__(self, text: str, findings: Iterable[Finding] = ()) -> None:
        super().__init__(text)
        self.findings = tuple(findings)
