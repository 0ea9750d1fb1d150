"""The simulation's node with a client beside it and, at its wires, a scan head that notes what it is told."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

PATIENT = json.dumps({"kind": "phantom", "phantom": "forearm", "lesions": "none"})
OK, UNSUPPORTED, INCORRECT, FAILED, ALREADY, IMPOSSIBLE = 1, 0, 3, 4, 101, 103
"""Results of simulation_interfaces."""


class FakeHead:
    """The other end of the wires: notes what it is told."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(str(path))
        self.socket.setblocking(False)
        self.lines: list[dict[str, bool]] = []
        self.faults: list[tuple[str, bool]] = []

    def hear(self) -> FakeHead:
        try:
            data = self.socket.recv(65536)
        except BlockingIOError:
            return self
        for line in data.splitlines():
            message = json.loads(line)
            if "lines" in message:
                self.lines.append(message["lines"])
            else:
                self.faults.append((message["fault"], message["active"]))
        return self


class Cell:
    """The node, a head at its wires, and a client."""

    def __init__(self, bench: Any, folder: Path, **parameters: Any) -> None:
        from openmtz.nodes import simulation, topics

        self.bench = bench
        self.node = bench.add(
            simulation.create, wires=str(folder / "wires"), patient_json=PATIENT, **parameters
        )
        self.head = FakeHead(folder / "wires")
        self.joints: list[Any] = []
        self.clocks: list[float] = []
        self.interlocks: list[Any] = []
        topics.JOINT_STATES.subscription(bench.client, self.joints.append)
        topics.CLOCK.subscription(bench.client, lambda m: self.clocks.append(seconds(m.clock)))
        topics.INTERLOCKS.subscription(bench.client, self.interlocks.append)
        self._clients: dict[str, Any] = {}
        bench.wait(lambda: self.joints and self.interlocks, "joint states")

    def call(self, kind: Any, name: str, **fields: Any) -> Any:
        if name not in self._clients:
            self._clients[name] = self.bench.client.create_client(kind, f"simulation/{name}")
        client = self._clients[name]
        self.bench.wait(client.service_is_ready, name)
        future = client.call_async(self.bench.request(kind, fields))
        self.bench.wait(future.done, name)
        return future.result()

    def state(self, target: str) -> Any:
        from simulation_interfaces.msg import SimulationState
        from simulation_interfaces.srv import SetSimulationState

        number = getattr(SimulationState, f"STATE_{target}")
        return self.call(
            SetSimulationState, "set_simulation_state", state=SimulationState(state=number)
        ).result

    def now(self) -> int:
        from simulation_interfaces.srv import GetSimulationState

        return int(self.call(GetSimulationState, "get_simulation_state").state.state)

    def line(self, line: str, value: bool) -> Any:
        from openmtz_interfaces.srv import SetInterlock

        return self.call(SetInterlock, "set_interlock", line=line, value=value)

    def fault(self, name: str, active: bool = True, **parameters: Any) -> Any:
        from openmtz_interfaces.srv import InjectFault

        return self.call(
            InjectFault, "inject_fault", fault=name, active=active, parameters_json=json.dumps(parameters)
        )

    def step(self, steps: int) -> Any:
        from simulation_interfaces.srv import StepSimulation

        return self.call(StepSimulation, "step_simulation", steps=steps).result

    def reset(self, scope: int) -> Any:
        from simulation_interfaces.srv import ResetSimulation

        return self.call(ResetSimulation, "reset_simulation", scope=scope).result

    def swing(self, seconds: int = 4) -> None:
        """Begin a motion of the first joint by 0.4 rad."""
        from builtin_interfaces.msg import Duration
        from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

        from openmtz.nodes import topics
        from openmtz.robot import HOME, JOINT_NAMES

        goal = [HOME[0] + 0.4, *HOME[1:]]
        point = JointTrajectoryPoint(positions=goal, time_from_start=Duration(sec=seconds))
        self.bench.publish(topics.TRAJECTORY, JointTrajectory(joint_names=list(JOINT_NAMES), points=[point]))
        self.bench.wait(lambda: not self.node._cell.world.resting, "the arm moving")


def seconds(stamp: Any) -> float:
    """A time message in seconds."""
    return float(stamp.sec + stamp.nanosec * 1e-9)
