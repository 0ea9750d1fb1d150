"""Both rigs that faults are carried out on, small enough for a test: the lockstep cell, and the graph's world
without ROS. `state` is everything that a fault may touch."""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fault_rig import PATIENT

from openmtz.devices import PermitFrame, encode
from openmtz.optics import CO2_120UM_LOW_ENERGY
from openmtz.simulation.camera import CameraFaults
from openmtz.simulation.cell import PlayedCell, graph_panel
from openmtz.simulation.faults import FaultPanel
from openmtz.simulation.lockstep.cell import LockstepCell
from openmtz.simulation.lockstep.processes import NODES
from openmtz.simulation.lockstep.rig import lockstep_panel
from openmtz.simulation.lockstep.stack import LockstepStack
from openmtz.simulation.patient import PatientMotion, build_patient
from openmtz.simulation.scan_head_device import Line
from openmtz.simulation.scan_head_device.injection import inject
from openmtz.simulation.scan_head_device.plant import PlantFaults


class LockstepRig:
    """The lockstep cell with its stack, its people at their places."""

    name = "lockstep"

    def __init__(self, _folder: Path) -> None:
        self.cell = LockstepCell(build_patient(json.dumps(PATIENT), 0), 0, CO2_120UM_LOW_ENERGY)
        self.stack = LockstepStack(self.cell, lambda _surface: pytest.fail("nobody plans here"))
        self.panel: FaultPanel = lockstep_panel(self.cell, self.stack)
        self.lines = self.cell.line_book
        self.cell.head.link.relay_permit(encode(PermitFrame(1, b"p" * 16, 0, 0, 9, 0, 1, 2, 60_000)))

    def state(self) -> dict[str, Any]:
        """Return everything a fault may touch."""
        cell, stack, head = self.cell, self.stack, self.cell.head
        return {
            "lines": cell.lines,
            "told": cell.line_book.read(),
            "wires": head.core.lines,
            "device": device_state(head.plant.faults, head.rx, head.tx),
            "clock": (head._rate, cell.host_clock.offset_s),
            "powered": head.powered,
            "camera": cell.camera_faults,
            "motion": cell.skin.motion.parts,
            "joints": joints_state(cell.joints),
            "link": (head.link.energy_factor, head.link.replays),
            "running": {name: stack.processes.runs(name) for name in NODES},
            "topics": stack.processes.publishers.shared(),
            "plans": stack.planning.planner.offset_m,  # type: ignore[attr-defined]
        }

    def device(self) -> PlantFaults:
        """Return the faults of the device's plant."""
        return self.cell.head.plant.faults

    def camera(self) -> CameraFaults:
        """Return the faults of the camera."""
        return self.cell.camera_faults

    def close(self) -> None:
        """Nothing is to be ended."""


class GraphRig:
    """The graph's world, with a device at its wires and a camera that both only note what they are told."""

    name = "graph"

    def __init__(self, folder: Path) -> None:
        wires = folder / "wires"
        self.cell = PlayedCell(build_patient(json.dumps(PATIENT), 0), 0, wires_path=str(wires))
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(str(wires))
        self._socket.settimeout(5.0)
        self._buffer = b""
        self._hear(1)
        self._plant = PlantFaults()
        self._rx, self._tx = (Line(921_600, np.random.default_rng(0)) for _ in range(2))
        self._camera, self._motion = CameraFaults.none(), self.cell.patient.motion
        self._topics: set[str] = set()
        self.panel: FaultPanel = graph_panel(self.cell, self, self)
        self.lines = self.cell.lines

    def set_motion(self, motion: PatientMotion) -> None:
        """As the camera's worker."""
        self._motion = motion

    def set_faults(self, faults: CameraFaults) -> None:
        """As the camera's worker."""
        self._camera = faults

    def add(self, topic: str) -> None:
        """As the node's publishers."""
        self._topics.add(topic)

    def remove(self, topic: str) -> None:
        """As the node's publishers."""
        self._topics.discard(topic)

    def _hear(self, least: int = 0) -> None:
        """Take what came by the wires, at least so many messages, then all there are."""
        while True:
            self._socket.settimeout(5.0 if least > 0 else 0.01)
            try:
                self._buffer += self._socket.recv(65536)
            except TimeoutError:
                return
            *whole, self._buffer = self._buffer.split(b"\n")
            least -= len(whole)
            for line in whole:
                message = json.loads(line)
                if "fault" in message:
                    name, active, given = message["fault"], message["active"], message["parameters"]
                    inject(name, active, given, self._plant, self._rx, self._tx)

    def state(self) -> dict[str, Any]:
        """Return everything a fault may touch."""
        self._hear()
        cell = self.cell
        assert cell.wires is not None
        return {
            "lines": cell.lines.wires(),
            "told": cell.lines.read(),
            "wires": cell.wires.lines(),
            "stop": cell.world.controller.stopped_open,
            "device": device_state(self._plant, self._rx, self._tx),
            "clock": replace(cell.clock),
            "camera": self._camera,
            "motion": (cell.skin.motion.parts, self._motion.parts),
            "joints": joints_state(cell.joints),
            "topics": sorted(self._topics),
        }

    def device(self) -> PlantFaults:
        """Return the faults of the device's plant, as it was told of them."""
        self._hear()
        return self._plant

    def camera(self) -> CameraFaults:
        """Return the faults of the camera."""
        return self._camera

    def close(self) -> None:
        """Break the wires."""
        self._socket.close()
        self.cell.close()


def device_state(plant: PlantFaults, rx: Line, tx: Line) -> Any:
    """Return the switches of a device."""
    lines = [(x.faults.lose, x.faults.corrupt, x.faults.late, x.faults.silent) for x in (rx, tx)]
    return repr(plant), lines


def joints_state(joints: Any) -> Any:
    """Return what is wrong with joint states."""
    return joints.lost, joints.frozen, joints.offset_rad.tolist()
