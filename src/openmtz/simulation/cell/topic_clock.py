"""The clock that the cell's messages are stamped by, and what may be wrong with it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class TopicClock:
    """Turns instants of the world into stamps and back.

    Attributes:
        offset_s: simulation time less the world's own [s]; a reset of the state alone leaves one.
        stopped: `/clock` is published no more. jump_s: added to every stamp [s].
    """

    offset_s: float = 0.0
    stopped: bool = False
    jump_s: float = 0.0

    def stamp_s(self, time_s: float) -> float:
        """Return the stamp [s] of an instant of the world's time [s]; never before 0."""
        return max(0.0, time_s + self.offset_s + self.jump_s)

    def time_of(self, stamp_s: float) -> float:
        """Return the world's time [s] that a stamp [s] of this clock names: the other way round."""
        return stamp_s - self.offset_s - self.jump_s
