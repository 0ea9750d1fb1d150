"""Where one plan stands: what was granted, told and charged of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from openmtz.plan import TreatmentPlan


@dataclass
class PlanAccount:
    """Where one plan stands: credit granted, next spot by shot reports, next spot by the device.

    `before`: spots below it the device had executed before this run of the monitor could grant any.
    `credited`: this run has.
    """

    plan: TreatmentPlan
    granted_until: int
    fired_next: int
    executed: int
    before: int = 0
    credited: bool = False
    rebase: bool = False
    blocked: str = ""
    ahead: tuple[int, float] | None = None
    behind: tuple[int, float] | None = None
    charged_below: int = 0
    charged: NDArray[np.bool_] = field(init=False)
    reported: NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        self.charged, self.reported = np.zeros((2, len(self.plan)), bool)

    @property
    def next_spot(self) -> int:
        """No spot below this may fire any more, whoever says so."""
        return max(self.fired_next, self.executed)

    @property
    def fired_before(self) -> str:
        """What the device had executed before this run of the monitor, and what remains; empty: nothing."""
        count, done = len(self.plan), self.before
        if not done:
            return ""
        left = (
            f"spots {done} to {count - 1} remain ({count - done} of {count})"
            if done < count
            else "none remains"
        )
        return (
            f"the scan head has executed spots 0 to {done - 1} of this plan before this run of the safety"
            f" monitor, {left}; capture and plan again, and leave out the skin that was treated"
        )
