"""Carries out the faults of the catalogue on a lockstep cell and stack."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from openmtz.robot import JOINT_NAMES
from openmtz.simulation.arm import TrajectoryRejected
from openmtz.simulation.faults import DEVICE_FAULT, FAULTS, LINE_OF_FAULT, DeviceScrews
from openmtz.simulation.lockstep.cell import LockstepCell
from openmtz.simulation.lockstep.stack import LockstepStack
from openmtz.simulation.patient import Breathing, Drift, MotionPart, PatientMotion, SuddenMove, Tremor

Parameters = dict[str, Any]
_PATIENT: dict[str, type[MotionPart]] = {
    "patient_sudden_move": SuddenMove,
    "patient_drift": Drift,
    "patient_tremor": Tremor,
    "patient_breathing": Breathing,
}


class FaultActs:
    """`switch` turns a fault on or off; what has no off (a death, a reboot) ignores it."""

    def __init__(self, cell: LockstepCell, stack: LockstepStack) -> None:
        self._cell, self._stack = cell, stack
        self._own_motion = cell.skin.motion
        self._motions: dict[str, MotionPart] = {}
        self._pictures: dict[str, Parameters] = {}
        self._screws = DeviceScrews(self._inject)
        self._clock_shift_s: dict[str, float] = {}

    def switch(self, name: str, active: bool, parameters: Parameters) -> None:
        """Switch a fault of the catalogue.

        Raises:
            ValueError: parameters that cannot be.
        """
        fault = FAULTS[name]
        given = fault.check(parameters)
        if name in _PATIENT:
            self._move_patient(name, active, given)
        elif fault.part == "camera":
            self._spoil_pictures(name, active, given)
        elif name in DEVICE_FAULT:
            self._screws.switch(name, active, given)
        elif name in LINE_OF_FAULT:
            self._cell.switch_line_fault(name, active)
        elif name.endswith(("_killed", "_hangs")):
            self._process(name, active)
        else:
            act: Callable[[bool, Parameters], None] = getattr(self, f"_{name}")
            act(active, given)

    # ---- patient and camera ---------------------------------------------------------------------

    def _move_patient(self, name: str, active: bool, given: Parameters) -> None:
        self._motions.pop(name, None)
        if active:
            begin = {"patient_sudden_move": "at_s", "patient_drift": "from_s"}.get(name)
            values = {k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}
            if begin:
                values[begin] = self._cell.time_s
            self._motions[name] = _PATIENT[name](**values)
        self._cell.set_motion(PatientMotion.of([*self._own_motion.parts, *self._motions.values()]))

    def _spoil_pictures(self, name: str, active: bool, given: Parameters) -> None:
        self._pictures.pop(name, None)
        if active:
            special: dict[str, Parameters] = {
                "camera_blind": {"drop_share": 1.0},
                "camera_frozen": {"frozen": True},
            }
            self._pictures[name] = special.get(name, given)
        merged: Parameters = {}
        for values in self._pictures.values():
            merged.update({k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})
        none = type(self._cell.camera_faults).none()
        self._cell.set_camera_faults(none.with_changes(**merged))

    # ---- arm ------------------------------------------------------------------------------------

    def _arm_creeps(self, active: bool, given: Parameters) -> None:
        """Drive joint 1 along a smooth step, past whoever holds the token."""
        if not active:
            return
        world = self._cell.world
        s = np.linspace(0.0, 1.0, 41)
        shape = np.stack([10 * s**3 - 15 * s**4 + 6 * s**5, 30 * s**2 - 60 * s**3 + 30 * s**4], axis=1)
        first = np.eye(6)[0] * float(given["rad"])
        positions = world.joint_state().position + shape[:, :1] * first
        velocities = shape[:, 1:] * first / float(given["in_s"])
        try:
            world.follow(list(JOINT_NAMES), s * float(given["in_s"]), positions, velocities)
        except TrajectoryRejected as error:  # an arm that is stopped, or moves already, cannot be driven
            self._stack.log.add(self._cell.time_s, "note", "trajectory-rejected", text=str(error))

    _arm_driven = _arm_creeps

    def _joints_frozen(self, active: bool, given: Parameters) -> None:
        self._stack.topics.joint_faults.frozen = active
        self._arm_creeps(active, given)

    def _joints_lost(self, active: bool, _given: Parameters) -> None:
        self._stack.topics.joint_faults.lost = active

    def _encoder_offset(self, active: bool, given: Parameters) -> None:
        self._stack.topics.joint_faults.offset_rad = np.eye(6)[0] * (float(given["rad"]) if active else 0.0)

    def _arm_protective_stop(self, active: bool, _given: Parameters) -> None:
        if active:
            self._cell.world.stop("protective stop")

    # ---- head, line, clocks ---------------------------------------------------------------------

    def _inject(self, device_name: str, active: bool, given: Mapping[str, Any]) -> None:
        self._cell.head.inject(device_name, active, dict(given), self._cell.time_s)

    def _head_power_lost(self, active: bool, _given: Parameters) -> None:
        self._cell.head.power(not active, self._cell.time_s)

    def _permit_replayed(self, active: bool, _given: Parameters) -> None:
        self._stack.line.replayed = self._stack.line.last_frame if active else None

    def _records_changed(self, active: bool, given: Parameters) -> None:
        self._stack.line.energy_factor = float(given["factor"]) if active else 1.0

    def _device_clock_drift(self, active: bool, given: Parameters) -> None:
        self._cell.head.set_clock_rate(1.0 + (float(given["share"]) if active else 0.0), self._cell.time_s)

    def _host_clock_back(self, active: bool, given: Parameters) -> None:
        self._shift_clock("host_clock_back", -float(given["s"]) if active else 0.0)

    def _host_clock_ahead(self, active: bool, given: Parameters) -> None:
        self._shift_clock("host_clock_ahead", float(given["s"]) if active else 0.0)

    def _shift_clock(self, name: str, shift_s: float) -> None:
        """Let a fault shift the host's clock by so much, in place of what it shifted it by before."""
        self._stack.clock_offset_s += shift_s - self._clock_shift_s.get(name, 0.0)
        self._clock_shift_s[name] = shift_s

    # ---- processes ------------------------------------------------------------------------------

    def _process(self, name: str, active: bool) -> None:
        node, _, how = name.rpartition("_")
        processes = self._stack.processes
        if how == "hangs":
            (processes.freeze if active else processes.thaw)(node)
        elif active:
            processes.kill(node)

    def _second_publisher(self, active: bool, _given: Parameters) -> None:
        self._stack.processes.shared_topics = "interlocks" if active else ""

    def _plan_replaced(self, active: bool, _given: Parameters) -> None:
        plan = self._stack.plan
        if active and plan is not None:
            other = replace(plan, header={**plan.header, "seed": int(plan.header.get("seed", 0)) + 1})
            self._stack.monitoring.inbox.plan = other

    def _plan_off_skin(self, active: bool, given: Parameters) -> None:
        self._stack.plan_offset_m = float(given["offset_m"]) if active else 0.0

    def _surface_replaced(self, active: bool, _given: Parameters) -> None:
        if active:
            self._stack.monitoring.inbox.surface_id = "another surface"

    def _line_misread(self, active: bool, _given: Parameters) -> None:
        self._stack.topics.lines.misread = {"door_closed": True} if active else {}
