"""Node `simulation`: the simulated cell behind standard topics. Physics, camera, interlock lines, truth.

Its parts are in `simulated_cell`: control (pause, step, reset), arm, sensors, camera, lines, faults, truth,
view. What decides is `openmtz.simulation.cell`. Real time is the rule, like the hardware it stands for: the
simulated scan head is a device with a clock of its own. Where time runs otherwise, nothing may fire.
"""

from __future__ import annotations

import os
import signal
import time

from rclpy.parameter import Parameter

from openmtz.capture import CaptureError
from openmtz.nodes.calibration import load_galvo_map
from openmtz.nodes.errors import NodeError
from openmtz.nodes.guard import Guard
from openmtz.nodes.hearing import ListeningNode
from openmtz.nodes.parameters import parse_parameters
from openmtz.nodes.simulated_cell.arm import SimulatedArm
from openmtz.nodes.simulated_cell.camera import SimulatedCamera
from openmtz.nodes.simulated_cell.config import SimulationConfig
from openmtz.nodes.simulated_cell.control import ControlActions, SimulationControl
from openmtz.nodes.simulated_cell.faults import CellFaults
from openmtz.nodes.simulated_cell.lines import CellLines
from openmtz.nodes.simulated_cell.sensors import CellSensors
from openmtz.nodes.simulated_cell.truth import TruthTopic
from openmtz.nodes.simulated_cell.view import CellView
from openmtz.nodes.work_loop import ProgressCounter, work_timer
from openmtz.simulation.arm import PhysicsFailure, StartBlocked
from openmtz.simulation.camera import CameraWorker
from openmtz.simulation.cell import LINES_PERIOD_S, CameraRates, PlayedCell
from openmtz.simulation.clock import Scope
from openmtz.simulation.patient import PatientRequestError, build_patient


class Simulation(ListeningNode):
    """Steps the world, publishes what sensors would, records what shots really hit."""

    def __init__(self, overrides: list[Parameter]) -> None:
        super().__init__("simulation", overrides)
        config = parse_parameters(self, SimulationConfig)
        self._cell = cell = self._make_cell(config)
        self._view = CellView(cell, config.viewer_port)
        worker = CameraWorker(cell.patient.mesh, seed=config.seed, motion=cell.patient.motion)
        rates = CameraRates(config.camera_rate_hz, config.camera_firing_rate_hz)
        self._camera = SimulatedCamera(self, cell, worker, rates)
        self._sensors = CellSensors(self, cell, config.joint_rate_hz)
        self._truth = TruthTopic(self, cell)
        self._arm = SimulatedArm(self, cell)
        guard = Guard(self)
        self._lines = CellLines(self, cell, lambda: self._control.playing, guard)
        self._faults = CellFaults(self, cell, worker, guard)
        actions = ControlActions(self._lines.release_footswitch, self._reset, _end_process)
        portion = round(1.0 / (config.joint_rate_hz * cell.world.timestep_s))
        self._control = SimulationControl(self, cell.pacer, actions, portion)
        self._lines_due = 0.0
        self._progress = ProgressCounter(self, 0.25)
        self._sensors.publish_fixed()
        work_timer(self, 0.004, self._work)

    def _make_cell(self, config: SimulationConfig) -> PlayedCell:
        galvo_map = load_galvo_map(config.galvo_map_file, "simulation")
        try:
            patient = build_patient(config.patient_json, config.seed)
            for note in patient.notes:
                self.get_logger().info(f"patient: {note}")
            return PlayedCell(patient, config.seed, config.real_time_factor, config.wires, galvo_map)
        except (PatientRequestError, StartBlocked) as error:
            raise NodeError(str(error)) from error

    def _reset(self, scope: Scope) -> str:
        """Bring the scope back; returns what could not be, or nothing."""
        why_not = self._cell.why_no_reset(scope)
        if why_not:
            return why_not
        self._cell.keep_stops()
        failed = self._faults.panel.clear() if Scope.SPAWNED in scope else ""
        if self._cell.reset(scope):
            self._sensors.begin_anew()
            self._camera.begin_anew()
        if Scope.STATE in scope:
            self._view.clear()
        self._sensors.report()
        self._lines.publish()
        return failed

    def _work(self) -> None:
        steps = self._control.due()
        if steps:
            self._advance(steps)
            self._control.done()
        real = time.monotonic()
        self.ear.look(real)
        if real >= self._lines_due:
            self._lines_due = real + LINES_PERIOD_S
            self._lines.publish()
        for judged in self._cell.judge_shots():
            self._view.add(self._truth.publish(judged))
        try:
            self._camera.publish_finished()
        except CaptureError as error:
            raise NodeError(str(error)) from error
        self._view.show(real, self._camera.safety_state if self._control.playing else "simulation paused")
        self._progress.work(real)

    def _advance(self, steps: int) -> None:
        """Make steps, then let the sensors report what is due."""
        try:
            self._arm.report_contacts(self._cell.advance(steps))
            self._sensors.report()
            self._camera.take()
        except (PhysicsFailure, CaptureError) as error:
            raise NodeError(str(error)) from error

    def is_ready(self) -> bool:
        """True once the camera's worker has loaded its scene: seconds, more on a loaded machine."""
        return self._camera.ready

    def close(self) -> None:
        """End camera, view and wires."""
        self._control.close()
        self._camera.close()
        self._view.close()
        self._cell.close()


def _end_process() -> None:
    """As Ctrl-C would: the process makes its nodes safe and ends."""
    os.kill(os.getpid(), signal.SIGINT)


def create(overrides: list[Parameter]) -> Simulation:
    """Return the node."""
    return Simulation(overrides)
