"""The world behind node `simulation`: a start that cannot be, a physics that blows up, stamps, the truth."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.ros
PATIENT = json.dumps({"kind": "phantom", "phantom": "forearm", "lesions": "none"})


def add(bench: Any, **parameters: Any) -> Any:
    from openmtz.nodes import simulation, topics

    joints: list[Any] = []
    node = bench.add(simulation.create, patient_json=PATIENT, **parameters)
    topics.JOINT_STATES.subscription(bench.client, joints.append)
    bench.wait(lambda: joints, "joint states")
    return node


def trajectory(stamp_s: float | None = None) -> Any:
    from builtin_interfaces.msg import Duration
    from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

    from openmtz.nodes import convert
    from openmtz.robot import HOME, JOINT_NAMES

    point = JointTrajectoryPoint(positions=[HOME[0] + 0.2, *HOME[1:]], time_from_start=Duration(sec=3))
    message = JointTrajectory(joint_names=list(JOINT_NAMES), points=[point])
    if stamp_s is not None:
        message.header.stamp = convert.stamp_of(stamp_s)
    return message


def test_a_patient_in_the_arm_s_place_is_refused_by_name(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from openmtz.geometry import TriangleMesh
    from openmtz.nodes import simulation
    from openmtz.nodes.errors import NodeError
    from openmtz.robot import HOME, ArmKinematics
    from openmtz.simulation.patient.patients import Patient

    tool = ArmKinematics().forward(HOME)[:3, 3]
    corners = np.array([[-0.1, -0.1, 0.02], [0.1, -0.1, 0.02], [0.1, 0.1, 0.02], [-0.1, 0.1, 0.02]])
    sitting = Patient.healthy(TriangleMesh(corners + tool, np.array([[0, 1, 2], [0, 2, 3]])))
    monkeypatch.setattr(simulation, "build_patient", lambda _text, _seed: sitting)
    with pytest.raises(
        NodeError, match=r"at the start these touch: .*head_body and patient; move the patient"
    ):
        bench.add(simulation.create)


def test_a_physics_that_blows_up_ends_the_node_by_name(bench: Any) -> None:
    from openmtz.nodes import topics
    from openmtz.nodes.errors import NodeError

    node = add(bench)
    bench.publish(topics.TRAJECTORY, trajectory())
    bench.wait(lambda: not node._cell.world.resting, "the arm moving")
    node._cell.world._data.qvel[2] = np.nan
    with pytest.raises(NodeError, match=r"the physics blew up at .* s: \w+_joint at"):
        bench.spin(1.0)


def test_a_trajectory_begins_when_its_stamp_says_or_not_at_all(bench: Any) -> None:
    """Stamps are of the clock the simulation publishes, also after a reset moved it against the world's."""
    from simulation_interfaces.srv import ResetSimulation

    from openmtz.nodes import topics

    node = add(bench)
    client = bench.client.create_client(ResetSimulation, "simulation/reset_simulation")

    def now() -> float:
        return float(node._cell.time_s)

    bench.spin(0.6)
    bench.publish(topics.TRAJECTORY, trajectory(now() - 0.4))
    bench.publish(topics.TRAJECTORY, trajectory(now() + 0.4))
    bench.publish(topics.TRAJECTORY, trajectory(time.time()))
    assert node._cell.world.resting, "stale, early, of another clock: refused"
    bench.wait(client.service_is_ready, "reset")
    done = client.call_async(ResetSimulation.Request(scope=ResetSimulation.Request.SCOPE_STATE))
    bench.wait(done.done, "reset")
    assert node._cell.clock.offset_s > 0.5, "the world is new, its clock goes on"
    bench.wait(lambda: node._cell.world.time_s > 0.1, "the new world")
    bench.publish(topics.TRAJECTORY, trajectory(node._cell.world.time_s))
    assert node._cell.world.resting, "an instant of before the reset"
    bench.publish(topics.TRAJECTORY, trajectory(now()))
    bench.wait(lambda: not node._cell.world.resting, "the arm moving")


def test_the_truth_says_where_on_the_skin_a_shot_went(bench: Any) -> None:
    """At home the beam meets the forearm far below: shot once at rest, once after it has moved by 3 mm."""
    from openmtz.nodes import topics
    from openmtz.simulation.patient import PatientMotion
    from openmtz.simulation.patient.motion import SuddenMove
    from openmtz.simulation.scan_head_device.wires import Shots

    node = add(bench)
    heard: list[Any] = []
    topics.SHOTS_TRUTH.subscription(bench.client, heard.append)
    bench.wait(lambda: node._truth._publisher.get_subscription_count() > 0, "a reader of the truth")
    shift = np.array([0.0, 0.003, 0.0])
    moved = PatientMotion.of([SuddenMove(at_s=-10.0, translation_m=tuple(shift))])
    for motion in (PatientMotion.none(), moved):
        node._cell.skin.motion = motion
        at = np.array([time.monotonic()])
        shots = Shots("", np.array([7]), np.zeros((1, 2)), np.array([10.0]), at)
        node._truth.publish(node._cell.judge(shots))
    bench.wait(lambda: len(heard) == 2, "two shots")
    (still, after) = heard
    assert list(still.hit) == list(after.hit) == [True]
    assert np.allclose(still.rest_position_m, still.position_m, atol=1e-12)
    assert np.allclose(after.rest_position_m, np.array(after.position_m) - shift, atol=1e-9)
    assert np.allclose(np.array(after.position_m)[:2], np.array(still.position_m)[:2], atol=1e-6)


def test_a_galvo_map_bends_the_truth_and_nothing_else(bench: Any, tmp_path: Path) -> None:
    """The head points 10 mrad aside in x: about the distance to the skin times that, at every count."""
    from openmtz.nodes import topics
    from openmtz.optics import FieldCalibration
    from openmtz.optics.galvo import COUNTS_MAX
    from openmtz.optics.profile import CO2_120UM_LOW_ENERGY
    from openmtz.robot import SCAN_HEAD_FRAME
    from openmtz.simulation.scan_head_device.wires import Shots

    full = CO2_120UM_LOW_ENERGY.full_scale_rad
    line = np.array([-COUNTS_MAX, 0, COUNTS_MAX], float)
    nominal = np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1) / COUNTS_MAX * full
    path = tmp_path / "bent.json"
    FieldCalibration(line, line, np.add(nominal, [0.010, 0.0]), np.zeros((3, 3)), full, "bent").save(path)
    heard: list[Any] = []
    topics.SHOTS_TRUTH.subscription(bench.client, heard.append)
    # A whole count beyond the last: mirrors jitter.
    shots = Shots(
        "", np.array([7, 8]), np.array([[0.0, 0.0], [0.0, COUNTS_MAX + 1.0]]), np.ones(2), np.zeros(2)
    )
    places = []
    for parameters in ({}, {"galvo_map_file": str(path)}):
        node = add(bench, **parameters)
        bench.wait(lambda: node._truth._publisher.get_subscription_count() > 0, "a reader of the truth")  # noqa: B023
        places.append(node._truth.publish(node._cell.judge(shots)))
        pose = node._cell.world.poses_at(np.zeros(1), SCAN_HEAD_FRAME)[0]
    aside = (places[1] - places[0]) @ pose[:3, :3]
    distance = np.linalg.norm(places[0] - pose[:3, 3], axis=1)
    assert np.allclose(aside[:, 0], 0.010 * distance, rtol=0.05)
