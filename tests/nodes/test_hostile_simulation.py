"""The simulated world and trajectories, faults and lines that are none: nothing of it moves the arm."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from asking import call, good_messages

pytestmark = pytest.mark.ros


def test_simulation_refuses_and_goes_on(bench: Any, plan: Any) -> None:
    import hostile
    from builtin_interfaces.msg import Duration
    from openmtz_interfaces.srv import InjectFault, SetInterlock
    from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

    from openmtz.nodes import simulation, topics
    from openmtz.robot import HOME, JOINT_NAMES

    _, good = good_messages(plan)
    patient = {"kind": "phantom", "phantom": "forearm", "lesions": "none"}
    node = bench.add(simulation.create, patient_json=json.dumps(patient))
    bench.publish(topics.PLAN, *hostile.plans(good))
    before = node._cell.world.joint_state().position.copy()

    def point(t: float, positions: Any, **more: Any) -> JointTrajectoryPoint:
        return JointTrajectoryPoint(positions=list(positions), time_from_start=Duration(sec=int(t)), **more)

    names, home = list(JOINT_NAMES), list(HOME)
    near = [home[0] + 0.01, *home[1:]]
    for points in (
        [], [point(1, [])], [point(1, home[:5])], [point(1, [float("nan")] * 6)], [point(-1, home)],
        [point(0, home), point(1, home[:3])], [point(1, [9e9] * 6)],
        [point(0, home, accelerations=[1e300] * 6), point(1, near, accelerations=[1e300] * 6)],
    ):  # fmt: skip
        bench.publish(topics.TRAJECTORY, JointTrajectory(joint_names=names, points=points))
    bench.publish(topics.TRAJECTORY, JointTrajectory(joint_names=["a"], points=[point(1, home)]))
    bench.spin(0.2)
    assert np.allclose(node._cell.world.joint_state().position, before, atol=1e-3), (
        "nothing of it moved the arm"
    )
    for text in hostile.bad_json():
        answer = call(
            bench, InjectFault, "simulation/inject_fault", fault="stuck_shutter", parameters_json=text
        )
        assert not answer.success and answer.message
    assert not call(bench, SetInterlock, "simulation/set_interlock", line="x").success
