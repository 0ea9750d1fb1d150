"""Is everything there that a verdict rests on? Missing evidence is not the same as missing spots.

The device counts what it has executed; it reports each shot; the simulation's ground truth holds each shot. A
spot that the device counts as executed and of which no record arrived was fired, by all that is known: it is
not missing, and must not be fired again; where it landed is not proven.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Evidence(NamedTuple):
    """How many of the plan's spots each witness knows to be fired.

    Attributes:
        executed: by the device's executed index; None where it was not heard.
        reported: by the device's reports of shots.
        true: by the simulation's ground truth; None where there is none.
    """

    executed: int | None
    reported: int
    true: int | None

    @property
    def complete(self) -> bool:
        """All witnesses that were heard agree."""
        counts = {self.reported, *(c for c in (self.executed, self.true) if c is not None)}
        return len(counts) == 1

    @property
    def counts(self) -> list[tuple[str, int]]:
        """Who was heard, and how many spots each knows to be fired."""
        witnesses = (
            ("the device's executed index", self.executed),
            ("its reports", self.reported),
            ("ground truth", self.true),
        )
        return [(who, count) for who, count in witnesses if count is not None]

    @property
    def text(self) -> str:
        """The counts, for a person."""
        return ", ".join(f"{who} {count}" for who, count in self.counts)


def evidence_of(
    spots_planned: int,
    reported_index: NDArray[np.int64],
    true_index: NDArray[np.int64] | None = None,
    executed: int | None = None,
) -> Evidence:
    """Return what is known of a plan's `spots_planned` spots. A verdict is due once it is `complete`.

    `reported_index` `(M,)` and `true_index` `(K,)`: indices into the plan, in any order, repeated or foreign
    ones too. `executed`: the device's executed index, the next spot to fire.
    """

    def count(index: NDArray[np.int64]) -> int:
        return len(np.unique(index[(index >= 0) & (index < spots_planned)]))

    known = None if executed is None else min(max(int(executed), 0), spots_planned)
    return Evidence(known, count(reported_index), None if true_index is None else count(true_index))
