"""Pause, step, reset of the simulated cell, and that nothing may fire meanwhile."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.ros
PATIENT = json.dumps({"kind": "phantom", "phantom": "forearm", "lesions": "none"})


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
        topics.CLOCK.subscription(bench.client, lambda m: self.clocks.append(_seconds(m.clock)))
        topics.INTERLOCKS.subscription(bench.client, self.interlocks.append)
        self._clients: dict[str, Any] = {}
        bench.wait(lambda: self.joints and self.interlocks, "joint states")

    def call(self, kind: Any, name: str, **fields: Any) -> Any:
        if name not in self._clients:
            self._clients[name] = self.bench.client.create_client(kind, f"simulation/{name}")
        client = self._clients[name]
        self.bench.wait(client.service_is_ready, name)
        future = client.call_async(kind.Request(**fields))
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
        self.bench.wait(lambda: not self.node._world.resting, "the arm moving")


def _seconds(stamp: Any) -> float:
    return float(stamp.sec + stamp.nanosec * 1e-9)


@pytest.fixture
def cell(bench: Any, tmp_path: Path) -> Iterator[Cell]:
    cell = Cell(bench, tmp_path)
    yield cell
    cell.head.socket.close()


OK, UNSUPPORTED, INCORRECT, FAILED, ALREADY, IMPOSSIBLE = 1, 0, 3, 4, 101, 103


def test_what_it_says_of_itself_is_what_it_can(cell: Cell) -> None:
    from simulation_interfaces.msg import SimulationState, SimulatorFeatures
    from simulation_interfaces.srv import GetSimulatorFeatures

    said = set(cell.call(GetSimulatorFeatures, "get_simulator_features").features.features)
    able = {
        name
        for name in ("RESET", "RESET_TIME", "RESET_STATE", "RESET_SPAWNED", "STATE_GETTING", "STATE_SETTING")
    }
    assert said == {getattr(SimulatorFeatures, f"SIMULATION_{name}") for name in able} | {
        SimulatorFeatures.SIMULATION_STATE_PAUSE,
        SimulatorFeatures.STEP_SIMULATION_SINGLE,
        SimulatorFeatures.STEP_SIMULATION_MULTIPLE,
    }
    assert cell.now() == SimulationState.STATE_PLAYING
    assert cell.state("PLAYING").result == ALREADY
    answer = cell.state("INITIALIZING")
    assert answer.result == IMPOSSIBLE and "INITIALIZING" in answer.error_message


def test_a_pause_takes_the_foot_off_and_stops_time(cell: Cell) -> None:
    cell.swing()
    assert cell.line("footswitch_pressed", True).success
    cell.bench.wait(lambda: cell.head.hear().lines[-1]["footswitch_pressed"], "the press at the head")
    assert cell.state("PAUSED").result == OK
    cell.bench.spin(0.05)
    heard = cell.head.hear().lines[-1]
    assert not heard["footswitch_pressed"], "the head hears it by wire, whatever the topics do"
    assert heard["emergency_stop_closed"] and heard["key_on"], "a pause is no emergency"
    at, count, clock = cell.node._world.time_s, len(cell.joints), cell.clocks[-1]
    joints = cell.node._world.joint_state().position
    lines = len(cell.interlocks)
    cell.bench.spin(0.4)
    assert cell.node._world.time_s == at and cell.clocks[-1] == clock
    assert len(cell.joints) == count, "no fresh joint states: whoever needs them, waits"
    assert np.array_equal(cell.node._world.joint_state().position, joints)
    assert len(cell.interlocks) > lines + 5, "the room's lines go on"
    assert not cell.interlocks[-1].footswitch_pressed
    refused = cell.line("footswitch_pressed", True)
    assert not refused.success and "paused" in refused.message
    assert cell.state("PLAYING").result == OK
    cell.bench.wait(lambda: len(cell.joints) > count + 5, "joint states again")
    assert cell.node._world.time_s < at + 0.3, "the time of the pause is not made good"
    assert not cell.head.hear().lines[-1]["footswitch_pressed"], "only a person presses it again"


def test_the_monitor_withholds_what_a_pause_makes_old(cell: Cell) -> None:
    """The other half of the safe state: without joint states the monitor knows no pose."""
    from openmtz_interfaces.msg import SafetyState

    from openmtz.nodes import safety_monitor, topics

    states: list[Any] = []
    topics.SAFETY_STATE.subscription(cell.bench.client, states.append)
    cell.bench.add(safety_monitor.create)
    cell.bench.wait(lambda: states and "arm-lost" not in states[-1].withheld, "a monitor that sees the arm")
    cell.state("PAUSED")
    cell.bench.wait(lambda: "arm-lost" in states[-1].withheld, "arm-lost")
    cell.state("PLAYING")
    cell.bench.wait(lambda: "arm-lost" not in states[-1].withheld, "the arm back")
    assert states[-1].permits_granted == 0 and states[-1].state != SafetyState.FIRING


def test_steps_are_exact_and_report_as_time_does(cell: Cell) -> None:
    assert cell.step(1).result == INCORRECT, "playing"
    cell.swing()
    cell.state("PAUSED")
    cell.bench.spin(0.1)
    at, count = cell.node._world.time_s, len(cell.joints)
    assert cell.step(1).result == OK
    assert cell.node._world.time_s == pytest.approx(at + 0.002, abs=1e-9)
    assert cell.step(500).result == OK
    assert cell.node._world.time_s == pytest.approx(at + 1.002, abs=1e-9)
    cell.bench.spin(0.1)
    stamps = [_seconds(m.header.stamp) for m in cell.joints[count:]]
    assert len(stamps) >= 100 and np.diff(stamps).max() < 0.013, "125 joint states in a second of steps"
    assert not cell.node._world.resting
    for steps in (0, 10**19):
        answer = cell.step(steps)
        assert answer.result == FAILED and "steps must lie in 1.." in answer.error_message


def test_a_reset_brings_back_what_was_asked(cell: Cell) -> None:
    from openmtz.robot import HOME

    cell.swing(1)
    refused = cell.reset(1)
    assert refused.result == FAILED and "the arm moves" in refused.error_message
    cell.bench.wait(lambda: cell.node._world.resting, "rest", 20.0)
    moved = cell.node._world.joint_state().position
    assert abs(moved[0] - HOME[0]) > 0.3
    cell.state("PAUSED")
    before = cell.clocks[-1]
    assert cell.reset(2).result == OK, "state alone"
    cell.bench.spin(0.1)
    assert np.array_equal(cell.node._world.joint_state().position, HOME)
    assert cell.clocks[-1] == pytest.approx(before, abs=0.02), "time goes on"
    assert cell.reset(1).result == OK, "time alone"
    cell.bench.spin(0.1)
    assert cell.clocks[-1] == 0.0
    assert cell.fault("joints_frozen").success and cell.line("door_closed", False).success
    assert cell.reset(4).result == OK
    assert cell.node._faults.active() == []
    assert not cell.node._lines.read()["door_closed"], "a door is no fault"
    assert cell.state("STOPPED").result == OK
    assert cell.node._lines.read()["door_closed"], "stopping resets everything"
    assert cell.node._world.time_s == 0.0
    bad = cell.reset(8)
    assert bad.result == UNSUPPORTED and "255" in bad.error_message


def test_quitting_ends_the_process(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    signals: list[int] = []
    monkeypatch.setattr("openmtz.nodes.simulation.os.kill", lambda _pid, number: signals.append(number))
    assert cell.state("QUITTING").result == OK
    assert signals == [2]
    assert cell.state("PLAYING").result == IMPOSSIBLE


def test_other_than_real_time_keeps_the_key_off(bench: Any, tmp_path: Path) -> None:
    cell = Cell(bench, tmp_path, real_time_factor=4.0)
    cell.bench.wait(lambda: cell.head.hear().lines, "lines")
    assert not cell.head.lines[-1]["key_on"]
    refused = cell.line("key_on", True)
    assert not refused.success and "real_time_factor is 4" in refused.message
    assert not cell.head.hear().lines[-1]["key_on"] and not cell.interlocks[-1].key_on
    from time import monotonic

    began, at = monotonic(), cell.node._world.time_s
    bench.spin(0.5)
    factor = (cell.node._world.time_s - at) / (monotonic() - began)
    assert 2.5 < factor < 5.0
    cell.head.socket.close()


def test_faults_go_where_they_belong(cell: Cell) -> None:
    unknown = cell.fault("gremlins")
    assert not unknown.success
    for name in ("stuck_shutter", "line_stuck", "camera_bias", "patient_sudden_move", "encoder_offset"):
        assert name in unknown.message, "the message lists what there is"
    assert cell.fault("stuck_shutter", position="open").success
    assert cell.fault("silent_device").success and cell.fault("camera_frozen").success
    cell.bench.wait(lambda: ("silent", True) in cell.head.hear().faults, "the head's own name for it")
    assert cell.fault("door_open").success and not cell.node._lines.read()["door_closed"]
    cell.bench.wait(lambda: ("stuck_shutter", True) in cell.head.hear().faults, "the head's fault")
    # a stuck line
    assert cell.fault("line_stuck", line="footswitch_pressed", value=True).success
    cell.line("footswitch_pressed", False)
    cell.bench.spin(0.1)
    assert cell.head.hear().lines[-1]["footswitch_pressed"] and cell.interlocks[-1].footswitch_pressed
    assert cell.fault("line_stuck", False, line="footswitch_pressed").success
    cell.bench.spin(0.1)
    assert not cell.head.hear().lines[-1]["footswitch_pressed"], "what was asked last holds again"
    # the topic lies, the wire does not
    assert cell.fault("line_misread", line="emergency_stop_closed", value=True).success
    cell.line("emergency_stop_closed", False)
    cell.bench.spin(0.1)
    assert (
        cell.interlocks[-1].emergency_stop_closed and not cell.head.hear().lines[-1]["emergency_stop_closed"]
    )
    assert cell.node._world.emergency_stop_open
    cell.line("emergency_stop_closed", True)
    # the encoder lies, the arm does not move
    true = cell.node._world.joint_state().position
    assert cell.fault("encoder_offset", rad=0.01).success
    cell.bench.spin(0.1)
    assert np.array(cell.joints[-1].position) - true == pytest.approx([0.01, 0, 0, 0, 0, 0], abs=1e-12)
    # the patient truly moves
    assert cell.fault("patient_sudden_move", translation_m=[0.0, 0.004, 0.0], duration_s=0.05).success
    cell.bench.spin(0.1)
    point = np.array([[0.5, 0.0, 0.05]])
    there = cell.node._skin.motion.displace(point, cell.node._world.time_s)
    assert there - point == pytest.approx(np.array([[0.0, 0.004, 0.0]]))
    for name, parameters, says in (
        ("encoder_offset", {"joint": "hip"}, "no parameter 'joint'"),
        ("scan_head_killed", {}, "not carried out by the world"),
        ("encoder_offset", {"rad": float("nan")}, "rad"),
        ("clock_jump", {"s": 1e9}, "s must be"),
        ("arm_creeps", {"rad": 3.0, "in_s": 0.1}, "allowed"),
        ("arm_driven", {"in_s": 0.0}, "in_s must be positive"),
        ("line_stuck", {}, "no line None"),
        ("line_stuck", {"line": "key_on", "value": 3}, "true or false"),
        ("camera_bias", {"gloss_rad": 0.1}, "no parameter 'gloss_rad'"),
        ("camera_bias", {"bias_m": 1.0}, "bias_m"),
        ("patient_sudden_move", {"speed": 1}, "no parameter 'speed'"),
        ("patient_tremor", {"amplitude_m": -1}, "amplitude_m"),
    ):
        answer = cell.fault(name, **parameters)
        assert not answer.success and says in answer.message, (name, answer.message)
    assert cell.reset(4).result == OK
    assert cell.node._skin.motion.is_still and cell.node._faults.active() == []
    assert cell.node._lines.read()["door_closed"], "a door that a fault opened is closed with it"
    cell.bench.wait(lambda: ("stuck_shutter", False) in cell.head.hear().faults, "the head's fault ended")


def test_frozen_and_lost_joints_and_clock(cell: Cell) -> None:
    cell.fault("clock_stopped")
    cell.bench.spin(0.1)
    clock, count = cell.clocks[-1], len(cell.joints)
    cell.bench.spin(0.2)
    assert cell.clocks[-1] == clock and len(cell.joints) > count + 5
    cell.fault("clock_stopped", False)
    cell.fault("clock_jump", s=100.0)
    cell.bench.wait(lambda: cell.clocks[-1] > 99.0, "the jump")
    cell.fault("clock_jump", False)
    assert cell.fault("joints_frozen", rad=0.2, in_s=0.5).success
    cell.bench.wait(lambda: not cell.node._world.resting, "the arm creeping")
    cell.bench.wait(lambda: cell.node._world.resting, "rest", 20.0)
    shown, true = cell.joints[-1].position[0], cell.node._world.joint_state().position[0]
    assert true - shown == pytest.approx(0.2, abs=1e-3), "frozen encoders"
    cell.fault("joints_frozen", False)
    cell.fault("joints_lost")
    cell.bench.spin(0.1)
    count = len(cell.joints)
    cell.bench.spin(0.2)
    assert len(cell.joints) == count


def test_depth_while_firing_is_a_window_ten_times_a_second(bench: Any, tmp_path: Path) -> None:
    """Nobody asked for frames, the laser holds the token: skin beside the field, and where in the image."""
    from openmtz_interfaces.msg import SafetyState
    from sensor_msgs.msg import CameraInfo, Image
    from std_srvs.srv import SetBool

    from openmtz.nodes import topics

    cell = Cell(bench, tmp_path)
    images: list[Image] = []
    infos: list[CameraInfo] = []
    topics.DEPTH.subscription(bench.client, images.append)
    topics.CAMERA_INFO.subscription(bench.client, infos.append)
    bench.wait(cell.node.is_ready, "the camera", 60.0)
    bench.spin(0.3)
    assert not images, "nobody asked"
    bench.publish(topics.SAFETY_STATE, SafetyState(token=SafetyState.TOKEN_EMISSION))
    bench.wait(lambda: len(images) >= 8, "pictures", 20.0)
    stamps = [_seconds(m.header.stamp) for m in images]
    assert stamps[-1] - stamps[0] > 0.1 * (len(stamps) - 2), "ten a second at most"
    window = images[-1]
    roi = infos[-1].roi
    assert (window.width, window.height) == (roi.width, roi.height)
    assert window.width * window.height < 0.3 * infos[-1].width * infos[-1].height
    assert roi.x_offset + roi.width <= infos[-1].width and roi.y_offset + roi.height <= infos[-1].height
    depth = np.frombuffer(window.data, np.float32)
    assert len(depth) == window.width * window.height and (depth > 0).mean() > 0.3
    # somebody asks for frames: whole ones, whoever holds the token
    client = bench.client.create_client(SetBool, "camera/set_streaming")
    bench.wait(client.service_is_ready, "set_streaming")
    future = client.call_async(SetBool.Request(data=True))
    bench.wait(future.done, "set_streaming")
    bench.wait(lambda: infos[-1].roi.width == 0, "a whole frame's camera_info", 20.0)
    bench.wait(lambda: images[-1].width == infos[-1].width, "a whole frame", 20.0)
    cell.head.socket.close()


def test_what_is_fired_is_seen(bench: Any, tmp_path: Path) -> None:
    """Shots at the wires become spots in the view, a few pictures a second however many batches there are."""
    import time

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    cell = Cell(bench, tmp_path, viewer_port=port)
    shown: list[Any] = []
    real = cell.node._viewer.show
    cell.node._viewer.show = lambda snapshot: (shown.append(snapshot), real(snapshot))
    began = time.monotonic()
    for k in range(20):
        shot = [[k, 100.0 * k, 0.0, 20.0, time.monotonic()]]
        cell.head.socket.sendall((json.dumps({"shots": shot, "plan": "00"}) + "\n").encode())
        bench.spin(0.03)
    bench.spin(0.2)
    assert len(shown) <= 15 * (time.monotonic() - began) + 2
    spots = np.concatenate([s.new_spots_m for s in shown])
    assert len(spots) == 20 and np.linalg.norm(spots - [0.5, 0.0, 0.05], axis=1).max() < 0.05
    cell.head.socket.close()


def test_a_port_that_is_taken_is_named(bench: Any) -> None:
    from openmtz.nodes import simulation
    from openmtz.nodes.support import NodeError

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(NodeError, match=f"viewer_port {port}.*choose another"):
            bench.add(simulation.create, patient_json=PATIENT, viewer_port=port)
