"""What a fault may touch: small ports, each of one part of a cell. A rig offers them, an act uses them.

Two rigs stand beside each other: `lockstep.rig` and `cell.rig` (node `simulation`). What one of them cannot
do it offers as an `Absent` port, which refuses every use with the reason; `rigs` names those.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from openmtz.simulation.faults.held_lines import HeldLines
from openmtz.simulation.faults.spoiled_joints import SpoiledJoints

if TYPE_CHECKING:
    from openmtz.simulation.camera import CameraFaults
    from openmtz.simulation.patient import PatientMotion

Array = NDArray[np.float64]


class NotCarriedOut(ValueError):
    """A fault that a rig cannot carry out; the text says why."""


class Absent:
    """A port that a rig does not have: whatever is asked of it is refused with the reason."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def __getattr__(self, name: str) -> Any:
        """Refuse.

        Raises:
            NotCarriedOut: always.
        """
        if name.startswith("__"):
            raise AttributeError(name)
        raise NotCarriedOut(self.reason)


class PatientPort(Protocol):
    """The patient, as it truly moves."""

    @property
    def own_motion(self) -> PatientMotion:
        """How the patient moves without any fault."""
        ...

    @property
    def time_s(self) -> float:
        """The instant [s] in the time of its motion."""
        ...

    def move(self, motion: PatientMotion) -> None:
        """Let the patient move like this from now on."""
        ...


class CameraPort(Protocol):
    """The depth camera."""

    def spoil(self, faults: CameraFaults) -> None:
        """Put these faults in force, in place of those before."""
        ...


class HeadPort(Protocol):
    """The scan head's own injection of faults (`scan_head_device.FAULTS`)."""

    def inject(self, name: str, active: bool, parameters: Mapping[str, Any]) -> None:
        """Switch a fault of the device, under the device's own name for it.

        Raises:
            ValueError: no such fault, parameters out of range, or no device that hears.
        """
        ...


class SupplyPort(Protocol):
    """The scan head's mains."""

    def power(self, on: bool) -> None:
        """Cut or restore the head's power."""
        ...


class DeviceClockPort(Protocol):
    """The scan head's clock."""

    def run_at(self, rate: float) -> None:
        """Let the device's clock run `rate` times as fast as it should."""
        ...


class ArmPort(Protocol):
    """The arm itself, past whoever holds the token."""

    def joints(self) -> Array:
        """Return where the joints truly are, `(6,)` [rad]."""
        ...

    def follow(self, times_s: Array, positions: Array, velocities: Array) -> None:
        """Follow points `(N,)` [s], `(N, 6)` [rad], `(N, 6)` [rad/s].

        Raises:
            ValueError: the arm cannot.
        """
        ...

    def stop(self, reason: str) -> None:
        """Brake to a rest where the arm is."""
        ...


class HostClockPort(Protocol):
    """The clock of the host's processes."""

    offset_s: float
    """How far it is ahead of the time that is [s]."""


class TopicClockPort(Protocol):
    """The graph's `/clock` and the stamps of what the cell publishes."""

    stopped: bool
    """`/clock` is published no more."""
    jump_s: float
    """Added to every stamp [s]."""


class ProcessesPort(Protocol):
    """The processes of the stack, by name of their node."""

    def kill(self, name: str) -> None:
        """End a process for good."""
        ...

    def freeze(self, name: str) -> None:
        """Let a process hang: it lives, but does nothing."""
        ...

    def thaw(self, name: str) -> None:
        """Let a process that hung go on."""
        ...


class PublishersPort(Protocol):
    """Who publishes on the topics that decide."""

    def add(self, topic: str) -> None:
        """Let one more publish on a topic."""
        ...

    def remove(self, topic: str) -> None:
        """Take that one away again."""
        ...


class RecordsPort(Protocol):
    """What the scan head is loaded with, on its way there."""

    energy_factor: float
    """Energies in the records are changed by this factor; whoever loads them knows nothing of it."""


class PermitsPort(Protocol):
    """Permits on their way to the scan head."""

    def replay(self, active: bool) -> None:
        """Let the last permit be sent in place of each new one."""
        ...


class PlannerPort(Protocol):
    """Plans as they leave the planner."""

    offset_m: float
    """How far above the skin plans lie [m]."""


class TopicPort(Protocol):
    """What the topic of plans, or that of surfaces, carries."""

    def replace(self) -> None:
        """Let another one appear than the last."""
        ...


@dataclass(frozen=True, eq=False)
class Rig:
    """All that faults may touch of one cell and its stack. A port it has not is an `Absent`."""

    patient: PatientPort
    camera: CameraPort
    head: HeadPort
    supply: SupplyPort
    device_clock: DeviceClockPort
    lines: HeldLines
    arm: ArmPort
    joints: SpoiledJoints
    host_clock: HostClockPort
    topic_clock: TopicClockPort
    processes: ProcessesPort
    publishers: PublishersPort
    records: RecordsPort
    permits: PermitsPort
    planner: PlannerPort
    plans: TopicPort
    surfaces: TopicPort

    def lacks(self) -> dict[str, str]:
        """Return the ports this rig does not have, with the reason of each."""
        ports = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: port.reason for name, port in ports.items() if isinstance(port, Absent)}
