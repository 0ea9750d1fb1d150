"""Carries out the faults of the catalogue on a lockstep cell and stack."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from openmtz.robot import JOINT_NAMES
from openmtz.simulation.arm import TrajectoryRejected
from openmtz.simulation.faults import FAULTS
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
_DEVICE = {
    "stuck_shutter": ("stuck_shutter", {}),
    "stuck_galvo": ("stuck_galvo", {}),
    "stuck_galvo_hidden": ("stuck_galvo", {"hidden": True}),
    "galvo_offset": ("galvo_offset", {}),
    "drifting_power": ("drifting_power", {}),
    "wrong_power": ("drifting_power", {}),
    "lying_meter": ("lying_meter", {}),
    "head_reboot": ("reboot", {}),
    "lost_bytes": ("lost_bytes", {}),
    "corrupt_bytes": ("corrupt_bytes", {}),
    "late_bytes": ("late_bytes", {}),
    "silent_device": ("silent", {}),
}
"""Fault -> the simulated device's own name for it, and fixed parameters."""
_LINES = {
    "emergency_stop": ("emergency_stop_closed", False),
    "key_off": ("key_on", False),
    "door_open": ("door_closed", False),
    "footswitch_released": ("footswitch_pressed", False),
    "smoke_evacuator_off": ("smoke_evacuator_on", False),
    "eyewear_off": ("eyewear_attested", False),
}


class FaultActs:
    """`switch` turns a fault on or off; what has no off (a death, a reboot) ignores it."""

    def __init__(self, cell: LockstepCell, stack: LockstepStack) -> None:
        self._cell, self._stack = cell, stack
        self._own_motion = cell.skin.motion
        self._motions: dict[str, MotionPart] = {}
        self._pictures: dict[str, Parameters] = {}
        self._device: dict[str, Parameters] = {}
        self._line_before: dict[str, bool] = {}

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
        elif name in _DEVICE:
            self._spoil_device(name, active, given)
        elif name in _LINES:
            self._move_line(name, active)
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

    # ---- device and lines -----------------------------------------------------------------------

    def _spoil_device(self, name: str, active: bool, given: Parameters) -> None:
        device_name, fixed = _DEVICE[name]
        now = self._cell.time_s
        self._device.pop(name, None)
        self._cell.head.inject(device_name, active, {**fixed, **given}, now)
        if not active:
            # Several faults turn the same screw (output, mirrors): those still on get it back.
            for other, values in self._device.items():
                self._cell.head.inject(_DEVICE[other][0], True, values, now)
        elif name != "head_reboot":
            self._device[name] = {**fixed, **given}

    def _move_line(self, name: str, active: bool) -> None:
        """Move a line; afterwards it is as it was before, unless somebody has moved it since."""
        line, value = _LINES[name]
        if active:
            self._line_before.setdefault(name, self._cell.lines[line])
            self._cell.set_line(line, value)
        elif name in self._line_before:
            before = self._line_before.pop(name)
            if self._cell.lines[line] == value:
                self._cell.set_line(line, before)

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
        self._stack.joint_faults.frozen = active
        self._arm_creeps(active, given)

    def _joints_lost(self, active: bool, _given: Parameters) -> None:
        self._stack.joint_faults.lost = active

    def _encoder_offset(self, active: bool, given: Parameters) -> None:
        self._stack.joint_faults.offset_rad = np.eye(6)[0] * (float(given["rad"]) if active else 0.0)

    def _arm_protective_stop(self, active: bool, _given: Parameters) -> None:
        if active:
            self._cell.world.stop("protective stop")

    # ---- head, line, clocks ---------------------------------------------------------------------

    def _head_power_lost(self, active: bool, _given: Parameters) -> None:
        self._cell.head.power(not active, self._cell.time_s)

    def _permit_replayed(self, active: bool, _given: Parameters) -> None:
        self._stack.safety.replayed = self._stack.safety.last_frame if active else None

    def _records_changed(self, active: bool, given: Parameters) -> None:
        self._stack.laser.energy_factor = float(given["factor"]) if active else 1.0

    def _device_clock_drift(self, active: bool, given: Parameters) -> None:
        self._cell.head.set_clock_rate(1.0 + (float(given["share"]) if active else 0.0), self._cell.time_s)

    def _host_clock_back(self, active: bool, given: Parameters) -> None:
        self._stack.clock_offset_s += -float(given["s"]) if active else float(given["s"])

    def _host_clock_ahead(self, active: bool, given: Parameters) -> None:
        self._stack.clock_offset_s += float(given["s"]) if active else -float(given["s"])

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
            self._stack.safety.inbox.plan = other

    def _plan_off_skin(self, active: bool, given: Parameters) -> None:
        self._stack.plan_offset_m = float(given["offset_m"]) if active else 0.0

    def _surface_replaced(self, active: bool, _given: Parameters) -> None:
        if active:
            self._stack.safety.inbox.surface_id = "another surface"

    def _line_misread(self, active: bool, _given: Parameters) -> None:
        self._stack.safety.misread = {"door_closed": True} if active else {}
