"""What faults may touch in lockstep: the ports of `faults.Rig` on a cell and its stack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openmtz.robot import JOINT_NAMES
from openmtz.simulation.arm import TrajectoryRejected
from openmtz.simulation.camera import CameraFaults
from openmtz.simulation.faults import LACKS, LOCKSTEP, FaultPanel, LiftedPlanner, Rig, absent
from openmtz.simulation.lockstep.cell import LockstepCell
from openmtz.simulation.lockstep.stack import LockstepStack
from openmtz.simulation.patient import PatientMotion

Array = NDArray[np.float64]


class _Patient:
    def __init__(self, cell: LockstepCell) -> None:
        self._cell = cell

    @property
    def own_motion(self) -> PatientMotion:
        return self._cell.patient.motion

    @property
    def time_s(self) -> float:
        return self._cell.time_s

    def move(self, motion: PatientMotion) -> None:
        self._cell.set_motion(motion)


class _Pictures:
    def __init__(self, cell: LockstepCell) -> None:
        self._cell = cell

    def spoil(self, faults: CameraFaults) -> None:
        self._cell.set_camera_faults(faults)


class _Head:
    """Injection, mains and clock of the device."""

    def __init__(self, cell: LockstepCell) -> None:
        self._cell = cell

    def inject(self, name: str, active: bool, parameters: Mapping[str, Any]) -> None:
        self._cell.head.inject(name, active, dict(parameters), self._cell.time_s)

    def power(self, on: bool) -> None:
        self._cell.head.power(on, self._cell.time_s)

    def run_at(self, rate: float) -> None:
        self._cell.head.set_clock_rate(rate, self._cell.time_s)


class _Arm:
    def __init__(self, cell: LockstepCell, stack: LockstepStack) -> None:
        self._cell, self._stack = cell, stack

    def joints(self) -> Array:
        return np.asarray(self._cell.world.joint_state().position)

    def follow(self, times_s: Array, positions: Array, velocities: Array) -> None:
        """An arm that is stopped, or cannot, is not driven; the story goes on, and its log says so."""
        try:
            self._cell.world.follow(list(JOINT_NAMES), times_s, positions, velocities)
        except TrajectoryRejected as error:
            self._stack.log.add(self._cell.time_s, "note", "trajectory-rejected", text=str(error))

    def stop(self, reason: str) -> None:
        self._cell.world.stop(reason)


class _PlanTopic:
    def __init__(self, stack: LockstepStack) -> None:
        self._stack = stack

    def replace(self) -> None:
        plan = self._stack.plan
        if plan is not None:
            header = {**plan.header, "seed": int(plan.header.get("seed", 0)) + 1}
            self._stack.monitoring.inbox.plan = replace(plan, header=header)


class _SurfaceTopic:
    def __init__(self, stack: LockstepStack) -> None:
        self._stack = stack

    def replace(self) -> None:
        self._stack.monitoring.inbox.surface_id = "another surface"


def lockstep_panel(cell: LockstepCell, stack: LockstepStack) -> FaultPanel:
    """Return the faults of a cell and its stack; from now on the stack's planner may be spoiled."""
    head = _Head(cell)
    stack.planning.planner = planner = LiftedPlanner(stack.planning.planner)
    rig = Rig(
        patient=_Patient(cell),
        camera=_Pictures(cell),
        head=head,
        supply=head,
        device_clock=head,
        lines=cell.line_book,
        arm=_Arm(cell, stack),
        joints=cell.joints,
        host_clock=cell.host_clock,
        processes=stack.processes,
        publishers=stack.processes.publishers,
        records=cell.head.link,
        permits=cell.head.link,
        planner=planner,
        plans=_PlanTopic(stack),
        surfaces=_SurfaceTopic(stack),
        **{port: absent(LOCKSTEP, port) for port in LACKS[LOCKSTEP]},
    )
    return FaultPanel(rig, "the lockstep cell")
