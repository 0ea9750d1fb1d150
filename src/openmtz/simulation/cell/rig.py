"""What faults may touch in the world of the graph: the ports of `faults.Rig` on a `PlayedCell`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from openmtz.robot import JOINT_NAMES
from openmtz.simulation.camera import CameraFaults
from openmtz.simulation.cell.played import PlayedCell
from openmtz.simulation.faults import GRAPH, LACKS, FaultPanel, Rig, absent
from openmtz.simulation.patient import PatientMotion

Array = NDArray[np.float64]


class CameraSwitches(Protocol):
    """What takes the pictures (`CameraWorker`)."""

    def set_motion(self, motion: PatientMotion) -> None:
        """Let the patient in the pictures move like this."""
        ...

    def set_faults(self, faults: CameraFaults) -> None:
        """Put camera faults in force, in place of those before."""
        ...


class Publishers(Protocol):
    """Who can publish on a topic beside the cell."""

    def add(self, topic: str) -> None:
        """Let one more publish."""
        ...

    def remove(self, topic: str) -> None:
        """Take that one away again."""
        ...


class _Patient:
    def __init__(self, cell: PlayedCell, tell_camera: Callable[[PatientMotion], None]) -> None:
        self._cell, self._tell_camera = cell, tell_camera

    @property
    def own_motion(self) -> PatientMotion:
        return self._cell.patient.motion

    @property
    def time_s(self) -> float:
        return self._cell.world.time_s

    def move(self, motion: PatientMotion) -> None:
        self._cell.skin.motion = motion
        self._tell_camera(motion)


class _Pictures:
    def __init__(self, camera: CameraSwitches) -> None:
        self._camera = camera

    def spoil(self, faults: CameraFaults) -> None:
        self._camera.set_faults(faults)


class _Head:
    def __init__(self, cell: PlayedCell) -> None:
        self._cell = cell

    def inject(self, name: str, active: bool, parameters: Mapping[str, Any]) -> None:
        wires = self._cell.wires
        if wires is None or not wires.send_fault(name, active, dict(parameters)):
            raise ValueError("no simulated scan head is wired up")


class _Arm:
    """The world may be another one at any time: a reset makes a new one."""

    def __init__(self, cell: PlayedCell) -> None:
        self._cell = cell

    def joints(self) -> Array:
        return np.asarray(self._cell.world.joint_state().position)

    def follow(self, times_s: Array, positions: Array, velocities: Array) -> None:
        self._cell.world.follow(list(JOINT_NAMES), times_s, positions, velocities)

    def stop(self, reason: str) -> None:
        self._cell.world.stop(reason)


def graph_panel(cell: PlayedCell, camera: CameraSwitches, publishers: Publishers) -> FaultPanel:
    """Return the faults of the graph's world. What belongs to other processes is refused (`faults.LACKS`)."""
    rig = Rig(
        patient=_Patient(cell, camera.set_motion),
        camera=_Pictures(camera),
        head=_Head(cell),
        lines=cell.lines,
        arm=_Arm(cell),
        joints=cell.joints,
        topic_clock=cell.clock,
        publishers=publishers,
        **{port: absent(GRAPH, port) for port in LACKS[GRAPH]},
    )
    return FaultPanel(rig, "the world of the graph")
