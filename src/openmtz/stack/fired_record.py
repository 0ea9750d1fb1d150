"""What was reported as fired, by plan: kept for a whole run, whoever listens."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from openmtz.records import FiredSpots
from openmtz.stack.firing import ShotReport


class FiredRecord:
    """Reports of shots, in order of arrival."""

    def __init__(self) -> None:
        self._reports: list[ShotReport] = []

    def __bool__(self) -> bool:
        """Whether anything was reported."""
        return bool(self._reports)

    def add(self, report: ShotReport) -> None:
        """Keep a report."""
        self._reports.append(report)

    def of(self, plan_sha256: str) -> FiredSpots:
        """Return everything fired of a plan."""
        reports = [report for report in self._reports if report.plan_sha256 == plan_sha256]

        def column(parts: list[NDArray[np.int64]]) -> NDArray[np.int64]:
            return np.concatenate(parts) if parts else np.empty(0, np.int64)

        return FiredSpots(
            column([r.spot_index for r in reports]),
            column([r.device_tick_us for r in reports]),
            column([r.energy_uj for r in reports]).astype(np.float64),
        )
