"""What the monitor is given at each step. All times are of one monotonic clock of the monitor [s]."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from openmtz.geometry import TriangleMesh
from openmtz.plan import TreatmentPlan
from openmtz.safety.states import Token

DEVICE_FAULT_STATE = 4
"""`ScanHeadStatus.FAULT`."""


@dataclass(frozen=True)
class Interlocks:
    """The lines as read by software; true is good, except for `footswitch_pressed`."""

    received_at: float
    emergency_stop_closed: bool
    key_on: bool
    door_closed: bool
    footswitch_pressed: bool
    smoke_evacuator_on: bool
    eyewear_attested: bool


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
    of the stack lives. `shared_topics`: names of topics that decide and have more than one publisher, empty
    if there are none.
    """

    interlocks: Interlocks | None = None
    head: HeadStatus | None = None
    arm: ArmState | None = None
    progress: Mapping[str, ProgressSample] = field(default_factory=dict)
    run_line_ok: bool = False
    shared_topics: str = ""
    plan: TreatmentPlan | None = None
    surface_id: str = ""
    skin: TriangleMesh | None = None
    loaded: tuple[LoadedSpots, ...] = ()
    fired: tuple[FiredBatch, ...] = ()
    requests: tuple[Request, ...] = ()
