"""Steps asked for while time stands still: made in portions, refused where they cannot be. Pure."""

from __future__ import annotations

from openmtz.simulation.clock.play_state import RunState

MOST_STEPS = 1_800_000
"""An hour of simulated time in one call (engineering default)."""
_STANDING = (RunState.PAUSED, RunState.STOPPED)


class Stepping:
    """The steps of one call that are still to be made."""

    def __init__(self, timestep_s: float, portion: int) -> None:
        """`timestep_s` of one step [s]; at most `portion` of them are made at a time."""
        self._timestep_s, self._portion = timestep_s, max(1, portion)
        self.active = False
        self.left = 0

    def why_not(self, state: RunState, steps: int) -> str:
        """Return why steps cannot be begun in a state of the simulation, or nothing."""
        if state not in _STANDING:
            return f"the simulation is {state.name.lower()}; pause it first"
        if self.active:
            return f"{self.left} steps of an earlier call are still to be made"
        if not 1 <= steps <= MOST_STEPS:
            return f"steps must lie in 1..{MOST_STEPS} ({self._timestep_s:g} s each), got {steps}"
        return ""

    def begin(self, steps: int) -> None:
        """Let so many steps be due."""
        self.active, self.left = True, steps

    def take(self) -> int:
        """Return the steps to make now."""
        count = min(self._portion, self.left)
        self.left -= count
        return count

    @property
    def done(self) -> bool:
        """Whether a call is under way whose last steps are made."""
        return self.active and self.left == 0

    def end(self) -> None:
        """Give up what is left."""
        self.active, self.left = False, 0
