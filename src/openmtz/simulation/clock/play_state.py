"""Playing, paused, stopped: the state of a simulation and how much of it a reset brings back. Pure."""

from __future__ import annotations

from enum import Enum, IntEnum, IntFlag
from typing import NamedTuple


class RunState(IntEnum):
    """Numbers of simulation_interfaces/msg/SimulationState."""

    STOPPED = 0
    PLAYING = 1
    PAUSED = 2
    QUITTING = 3
    INITIALIZING = 4


class Scope(IntFlag):
    """What a reset brings back; numbers of simulation_interfaces/srv/ResetSimulation."""

    TIME = 1
    STATE = 2
    SPAWNED = 4


EVERYTHING = Scope.TIME | Scope.STATE | Scope.SPAWNED


class Answer(Enum):
    """How a request went; the node turns these into result codes."""

    OK = "ok"
    ALREADY = "already in that state"
    IMPOSSIBLE = "no such transition"


class Transition(NamedTuple):
    """What follows from a request: the answer, the text for a person, and whether everything is reset."""

    answer: Answer
    text: str = ""
    reset: bool = False


class RunControl:
    """The state; it begins playing, as the nodes around it expect time to run."""

    def __init__(self) -> None:
        self.state = RunState.PLAYING

    @property
    def playing(self) -> bool:
        """True while time runs."""
        return self.state is RunState.PLAYING

    def request(self, target: int) -> Transition:
        """Change the state as asked. Stopping is pausing and resetting everything."""
        try:
            wanted = RunState(target)
        except ValueError:
            names = ", ".join(f"{s.value} {s.name}" for s in RunState)
            return Transition(Answer.IMPOSSIBLE, f"no state {target}; there are: {names}")
        if wanted is RunState.INITIALIZING:
            return Transition(Answer.IMPOSSIBLE, "INITIALIZING is a state to be seen, not to be asked for")
        if self.state is RunState.QUITTING:
            return Transition(Answer.IMPOSSIBLE, "the simulation is ending")
        if wanted is self.state:
            return Transition(Answer.ALREADY, f"the simulation is {wanted.name.lower()} already")
        self.state = wanted
        return Transition(Answer.OK, reset=wanted is RunState.STOPPED)

    def stepped(self) -> None:
        """Time moved by a step: what was stopped is paused now."""
        if self.state is RunState.STOPPED:
            self.state = RunState.PAUSED


def scope_of(number: int) -> Scope:
    """Return the scope of a reset request: 0 and 255 are everything.

    Raises:
        ValueError: bits that mean nothing.
    """
    if number in (0, 255):
        return EVERYTHING
    if number & ~int(EVERYTHING):
        raise ValueError(f"scope {number}: the bits are 1 time, 2 state, 4 spawned; 0 or 255 for everything")
    return Scope(number)
