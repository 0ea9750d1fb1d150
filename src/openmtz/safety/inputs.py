"""What the monitor is given at each step. All times are of one monotonic clock of the monitor [s]."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from openmtz.geometry import TriangleMesh
from openmtz.plan import TreatmentPlan
from openmtz.safety.interlock_lines import INTERLOCK_LINES
from openmtz.safety.states import Token

LINE_NAMES = tuple(line.name for line in INTERLOCK_LINES)
"""The interlock lines by name, in the order of their table."""
_LINE_NAMES = frozenset(LINE_NAMES)
DEVICE_FAULT_STATE = 4
"""`ScanHeadStatus.FAULT`."""


@dataclass(frozen=True, init=False)
class Interlocks:
    """The lines as read by software, one for each row of `INTERLOCK_LINES`; true is good.

    `states`: line -> value. Each line is also an attribute: `lines.door_closed`.

    Raises:
        TypeError: a line is missing, there is no such line, or a value is neither True nor False.
    """

    received_at: float
    states: Mapping[str, bool]

    def __init__(self, received_at: float, **states: bool) -> None:
        if states.keys() != _LINE_NAMES:
            odd = ", ".join(sorted(states.keys() ^ _LINE_NAMES))
            raise TypeError(f"missing or no line: {odd}; the interlock lines are {', '.join(LINE_NAMES)}")
        wrong = [name for name, value in states.items() if not isinstance(value, (bool, np.bool_))]
        if wrong:
            raise TypeError(f"line {wrong[0]} must be true or false, got {states[wrong[0]]!r}")
        object.__setattr__(self, "received_at", received_at)
        object.__setattr__(self, "states", {name: bool(states[name]) for name in LINE_NAMES})

    def __getattr__(self, name: str) -> bool:
        """Return the value of a line."""
        if name in _LINE_NAMES:
            return self.states[name]
        raise AttributeError(f"no line {name!r}; there are: {', '.join(LINE_NAMES)}")


@dataclass(frozen=True)
class HeadStatus:
    """The fields of `ScanHeadStatus.msg` the monitor judges, with the time it was received."""

    received_at: float
    connected: bool
    state: int
    boot_id: int
    device_tick_us: int
    gate_open: bool
    emergency_stop_open: bool
    loaded_until: int
    executed: int
    permit_counter: int
    fault_code: int
    fault_text: str
    plan_sha256: str


@dataclass(frozen=True, eq=False)
class ArmState:
    """Measured joints `(J,)` [rad] and from them the pose `(4, 4)` of `scan_head` in `world`."""

    received_at: float
    joints_rad: NDArray[np.float64]
    scan_head_pose: NDArray[np.float64]


@dataclass(frozen=True)
class ProgressSample:
    """The last progress message of a node: its counter and the period it promises [s]."""

    counter: int
    received_at: float
    period_s: float


@dataclass(frozen=True, eq=False)
class LoadedSpots:
    """Records sent to the device: spots `[first, first + n)` of one station and pass.

    `counts` `(n, 2)` int16, `energy_uj`, `pulse_us`, `not_before_us` `(n,)`; `digests` `(n,)` uint32,
    the running CRC-32 after each record (`openmtz.devices.wire.running_digest`).
    """

    plan_sha256: str
    station: int
    pass_index: int
    first: int
    counts: NDArray[np.int16]
    energy_uj: NDArray[np.uint32]
    pulse_us: NDArray[np.uint32]
    not_before_us: NDArray[np.uint32]
    digests: NDArray[np.uint32]

    def __post_init__(self) -> None:
        n = len(self.counts)
        if np.shape(self.counts) != (n, 2) or any(
            np.shape(a) != (n,) for a in (self.energy_uj, self.pulse_us, self.not_before_us, self.digests)
        ):
            raise ValueError("counts must be (n, 2); energy, pulse, not_before and digests (n,)")

    def __len__(self) -> int:
        return len(self.counts)


@dataclass(frozen=True, eq=False)
class FiredBatch:
    """Shots reported by the device: `spot_index` and measured `energy_uj`, both `(n,)`."""

    plan_sha256: str
    boot_id: int
    spot_index: NDArray[np.uint32]
    energy_uj: NDArray[np.uint32]

    def __post_init__(self) -> None:
        if np.ndim(self.spot_index) != 1 or np.shape(self.spot_index) != np.shape(self.energy_uj):
            raise ValueError("spot_index and energy_uj must both be (n,)")


@dataclass(frozen=True)
class Approve:
    """Somebody approves the plan of this hash, in this run of the monitor."""

    plan_sha256: str
    monitor_boot_id: str
    approver: str


@dataclass(frozen=True)
class SetReady:
    """The operator asks for ready, or to go back to standby."""

    ready: bool


@dataclass(frozen=True)
class Reset:
    """The operator resets a latched fault."""


@dataclass(frozen=True)
class RequestToken:
    """Ask for the token; NONE gives it back. Station and pass belong to EMISSION."""

    token: Token
    station: int = 0
    pass_index: int = 0


Request = Approve | SetReady | Reset | RequestToken


@dataclass(frozen=True, eq=False)
class Inputs:
    """The latest of everything, and what is new since the last step.

    `interlocks`, `head`, `arm`, `progress`, `plan`, `surface_id`: the latest received, None (or empty)
    before the first. `skin`: the mesh of that surface, None where it could not be read. `loaded` and
    `fired`: those received since the last step, in order. `requests`: what operators and nodes ask for now;
    answered in `Outputs.replies`, in order. `run_line_ok`: the supervisor's wire, true while every process
    of the stack lives. `strangers`: what `KnownSpeakers.found` says of who speaks, code -> detail.
    `permit_unmade`: why the permit granted last could not be put on the wire, else empty.
    """

    interlocks: Interlocks | None = None
    head: HeadStatus | None = None
    arm: ArmState | None = None
    progress: Mapping[str, ProgressSample] = field(default_factory=dict)
    run_line_ok: bool = False
    strangers: Mapping[str, str] = field(default_factory=dict)
    permit_unmade: str = ""
    plan: TreatmentPlan | None = None
    surface_id: str = ""
    skin: TriangleMesh | None = None
    loaded: tuple[LoadedSpots, ...] = ()
    fired: tuple[FiredBatch, ...] = ()
    requests: tuple[Request, ...] = ()
