"""Node `simulation`: the simulated cell behind standard topics. Physics, camera, interlock lines, truth.

Its parts are in `simulated_cell`: control (pause, step, reset), arm, sensors, camera, lines, faults, truth.
Real time is the rule, like the hardware it stands for: the simulated scan head is a device with a clock of
its own. Where time runs otherwise, nothing may fire.
"""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import rclpy.node
from openmtz_interfaces.msg import Interlocks
from openmtz_interfaces.srv import InjectFault, SetInterlock
from rclpy.parameter import Parameter

from openmtz.capture import CaptureError
from openmtz.nodes import topics
from openmtz.nodes.calibration import load_galvo_map
from openmtz.nodes.simulated_cell.arm import SimulatedArm
from openmtz.nodes.simulated_cell.camera import CameraRates, SimulatedCamera
from openmtz.nodes.simulated_cell.control import ControlActions, SimulationControl
from openmtz.nodes.simulated_cell.faults import (
    CAMERA_FAULTS,
    LINE_WIRES,
    PATIENT_FAULTS,
    SENSOR_FAULTS,
    FaultPanel,
    PatientFaults,
    PictureFaults,
    add_head_faults,
    add_line_faults,
)
from openmtz.nodes.simulated_cell.lines import CellLines
from openmtz.nodes.simulated_cell.sensors import CellSensors
from openmtz.nodes.simulated_cell.truth import ShotJudge
from openmtz.nodes.support import NodeError, ProgressCounter, parameter, parse_parameters, work_timer
from openmtz.robot import HOME
from openmtz.safety import FOOTSWITCH
from openmtz.simulation.arm import PhysicsFailure, StartBlocked, World
from openmtz.simulation.camera import CameraWorker
from openmtz.simulation.clock import Pacer, Scope
from openmtz.simulation.faults import CLOSED_AT_START, Asked, LineAnswer, LineError
from openmtz.simulation.patient import PatientMotion, PatientRequestError, build_patient
from openmtz.simulation.scan_head_device import WireServer
from openmtz.simulation.truth import TrueSkin
from openmtz.simulation.visual import Snapshot, Viewer, ViewerError

VIEW_EVERY_S = 1.0 / 15.0
"""The picture in the browser is renewed so often [s] (engineering default)."""


@dataclass(frozen=True)
class SimulationConfig:
    """Parameters of `simulation`."""

    wires: str = parameter("", "path of the socket the simulated scan head connects to")
    seed: int = parameter(0, "seed of patient and camera noise", 0, 2**32 - 1)
    patient_json: str = parameter(
        "", "the patient, JSON (docs/nodes/simulation.md); empty: a cheek with scars"
    )
    camera_rate_hz: float = parameter(
        15.0, "whole depth frames per second at rest, when asked for", 0.5, 60.0
    )
    camera_firing_rate_hz: float = parameter(
        10.0, "cropped depth frames per second while the laser holds the token; 0: none", 0.0, 60.0
    )
    joint_rate_hz: float = parameter(125.0, "joint states per second", 20.0, 500.0)
    real_time_factor: float = parameter(
        1.0, "simulated seconds per real one; other than 1 the head's key stays off: nothing fires", 0.1, 10.0
    )
    galvo_map_file: str = parameter(
        "",
        "where the scan head's counts truly point and focus truly lies, as a field calibration's JSON file;"
        " empty: the nominal map, as its profile says",
    )
    viewer_port: int = parameter(
        0, "port of the 3D view in a browser, on this machine only; 0: none", 0, 65535
    )


class Simulation(rclpy.node.Node):
    """Steps the world, publishes what sensors would, records what shots really hit."""

    def __init__(self, overrides: list[Parameter]) -> None:
        super().__init__("simulation", parameter_overrides=overrides)
        self._config = config = parse_parameters(self, SimulationConfig)
        try:
            self._patient = build_patient(config.patient_json, config.seed)
        except PatientRequestError as error:
            raise NodeError(str(error)) from error
        self._world = World(self._patient, seed=config.seed)
        try:
            self._world.require_free_start()
        except StartBlocked as error:
            raise NodeError(str(error)) from error
        self._viewer = self._open_viewer()
        self._unseen: list[Any] = []
        self._sensors = CellSensors(self, config.joint_rate_hz)
        self._skin = TrueSkin(self._patient.mesh, self._patient.motion)
        self._pacer = Pacer(self._world.timestep_s, factor=config.real_time_factor)
        self._wires = WireServer(config.wires, self._closed_at_start()) if config.wires else None
        self._lines = CellLines(self._wires, self._on_stop_line, self._held_lines())
        camera = CameraWorker(self._patient.mesh, seed=config.seed, motion=self._patient.motion)
        rates = CameraRates(config.camera_rate_hz, config.camera_firing_rate_hz)
        self._camera = SimulatedCamera(self, camera, rates, self._sensors.stamp)
        self._rest_since: float | None = 0.0
        self._slow_due = self._view_due = 0.0
        self._interlock_publisher = topics.INTERLOCKS.publisher(self)
        galvo_map = load_galvo_map(config.galvo_map_file, "simulation")
        self._truth = ShotJudge(self, self._skin, self._sensors, lambda: self._world, galvo_map)
        self._arm = SimulatedArm(self, self._sensors, lambda: self._world)
        self.create_service(SetInterlock, "simulation/set_interlock", self._on_set_interlock)
        self.create_service(InjectFault, "simulation/inject_fault", self._on_inject_fault)
        actions = ControlActions(self._release_footswitch, self._reset, _end_process)
        portion = round(1.0 / (config.joint_rate_hz * self._world.timestep_s))
        self._control = SimulationControl(self, self._pacer, actions, portion)
        self._faults = self._make_faults(camera)
        self._progress = ProgressCounter(self, 0.25)
        self._sensors.publish_fixed(self._world)
        work_timer(self, 0.004, self._work)

    def _make_faults(self, camera: CameraWorker) -> FaultPanel:
        panel = FaultPanel()

        def move(motion: PatientMotion) -> None:
            self._skin.motion = motion
            camera.set_motion(motion)

        add_head_faults(panel, self._wires)
        add_line_faults(panel, self._lines.switch_fault)
        for name, switch in zip(
            LINE_WIRES, (self._lines.fault_stuck, self._lines.fault_misread), strict=True
        ):
            panel.add(name, switch, "lines", LINE_WIRES[name])
        panel.add("arm_protective_stop", self._arm.fault_protective_stop)
        panel.add("arm_creeps", self._arm.fault_creep)
        panel.add("arm_driven", self._arm.fault_creep)
        panel.add("joints_frozen", self._freeze_joints)
        for name, what in SENSOR_FAULTS.items():
            panel.add(
                name, getattr(self._sensors, f"fault_{name}"), "clock and encoders" if what else "", what
            )
        pictures = PictureFaults(camera.set_faults)
        for name in CAMERA_FAULTS:
            panel.add(name, partial(pictures.switch, name))
        patient = PatientFaults(self._patient.motion, lambda: self._world.time_s, move)
        for name in PATIENT_FAULTS:
            panel.add(name, partial(patient.switch, name))
        return panel

    def _freeze_joints(self, active: bool, parameters: Any) -> None:
        self._sensors.fault_joints_frozen(active, parameters)
        self._arm.fault_creep(active, parameters)

    def _held_lines(self) -> dict[str, str]:
        if self._config.real_time_factor == 1.0:
            return {}
        return {
            "key_on": f"real_time_factor is {self._config.real_time_factor:g}, and the scan head has a"
            " clock of its own; start with 1 to fire"
        }

    def _closed_at_start(self) -> tuple[str, ...]:
        return tuple(name for name in CLOSED_AT_START if name not in self._held_lines())

    def _open_viewer(self) -> Viewer | None:
        if self._config.viewer_port == 0:
            return None
        try:
            return Viewer(self._patient.mesh, port=self._config.viewer_port)
        except ViewerError as error:
            raise NodeError(str(error)) from error

    # ---- commands -------------------------------------------------------------------------------

    def _on_set_interlock(self, request: Any, response: Any) -> Any:
        try:
            asked = self._set_line(request.line, request.value)
        except LineError as error:
            response.message = str(error)
            return response
        self._publish_interlocks()
        response.success, response.message = asked.taken, asked.text
        return response

    def _set_line(self, line: str, value: bool) -> Asked:
        if line == FOOTSWITCH.name and value and not self._control.playing:
            return Asked(LineAnswer.REFUSED, f"{line} stays open: the simulation is paused; play first")
        return self._lines.ask(line, value)

    def _on_stop_line(self, is_open: bool) -> None:
        self._world.set_emergency_stop(is_open)

    def _release_footswitch(self) -> None:
        self._lines.ask(FOOTSWITCH.name, False)
        self._publish_interlocks()

    def _on_inject_fault(self, request: Any, response: Any) -> Any:
        response.message = self._faults.switch(request.fault, request.active, request.parameters_json)
        response.success = not response.message
        return response

    def _reset(self, scope: Scope) -> str:
        """Bring the scope back; returns what could not be, or nothing."""
        if Scope.TIME in scope and Scope.STATE not in scope and not self._world.resting:
            return "the arm moves: stop it first, or reset its state as well (scope 3 or 255)"
        failed = self._faults.clear() if Scope.SPAWNED in scope else ""
        now, joints = self._world.time_s + self._sensors.offset_s, self._world.joint_state().position
        if scope & (Scope.TIME | Scope.STATE):
            start = HOME if Scope.STATE in scope else joints
            self._world = World(self._patient, seed=self._config.seed, q_start=start)
            self._sensors.offset_s = 0.0 if Scope.TIME in scope else now
            self._sensors.begin_anew()
            self._rest_since = 0.0
            self._camera.begin_anew()
            self._arm.begin_anew()
        if Scope.STATE in scope:
            self._lines.to_start()
            if self._viewer is not None:
                self._unseen = []
                self._viewer.clear_spots()
        else:  # the new world's stop line is as it was
            self._on_stop_line(self._lines.stop_is_open)
        self._sensors.report(self._world)
        self._publish_interlocks()
        return failed

    # ---- the work loop --------------------------------------------------------------------------

    def _work(self) -> None:
        steps = self._control.due()
        if steps:
            self._advance(steps)
            self._control.done()
        real = time.monotonic()
        if real >= self._slow_due:
            self._slow_due = real + 0.02
            self._publish_interlocks()
        if self._wires is not None:
            for shots in self._wires.take_shots():
                hit = self._truth.judge(shots, self._world.time_s - self._pacer.monotonic_s)
                if self._viewer is not None:
                    self._unseen.append(hit)
        try:
            self._camera.publish_finished()
        except CaptureError as error:
            raise NodeError(str(error)) from error
        if self._viewer is not None and real >= self._view_due:
            self._view_due = real + VIEW_EVERY_S
            spots = np.concatenate(self._unseen) if self._unseen else np.zeros((0, 3))
            self._unseen = []
            state = self._camera.safety_state if self._control.playing else "simulation paused"
            self._viewer.show(Snapshot(self._world.time_s, self._world.joint_state().position, spots, state))
        self._progress.work(real)

    def _advance(self, steps: int) -> None:
        """Make steps, then let the sensors report what is due."""
        try:
            self._world.step_count(steps, self._pacer.monotonic_s)
        except PhysicsFailure as error:
            raise NodeError(str(error)) from error
        now = self._world.time_s
        if not self._world.resting:
            self._rest_since = None
            self._arm.report_contacts()
        elif self._rest_since is None:
            self._rest_since = now
        self._sensors.report(self._world)
        try:
            self._camera.take(self._world, self._rest_since)
        except CaptureError as error:
            raise NodeError(str(error)) from error

    def _publish_interlocks(self) -> None:
        """Also while paused: the lines are the room's, and the room does not stand still."""
        message = Interlocks(**self._lines.read())
        message.header.stamp = self._sensors.stamp(self._world.time_s)
        self._interlock_publisher.publish(message)

    def is_ready(self) -> bool:
        """True once the camera's worker has loaded its scene: seconds, more on a loaded machine."""
        return self._camera.ready

    def close(self) -> None:
        """End camera, view and wires."""
        self._camera.close()
        if self._viewer is not None:
            self._viewer.close()
        if self._wires is not None:
            self._wires.close()


def _end_process() -> None:
    """As Ctrl-C would: the process makes its nodes safe and ends."""
    os.kill(os.getpid(), signal.SIGINT)


def create(overrides: list[Parameter]) -> Simulation:
    """Return the node."""
    return Simulation(overrides)
