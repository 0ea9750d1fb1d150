"""Obstacles, tracking to the micrometre, and a physics that blows up is named."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from openmtz.geometry import pose_distance
from openmtz.robot import HOME, JOINT_NAMES, ArmKinematics, CellBox, UrdfInvalid, find_urdf, plan_motion
from openmtz.simulation.arm.joint_trajectory import TrajectoryRejected
from openmtz.simulation.arm.scene import build_model
from openmtz.simulation.arm.world import PhysicsFailure, StartBlocked, World

GOAL = HOME + np.array([0.8, -0.4, 0.3, 0.2, 0.2, -0.6])
WALL = CellBox("wall", (0.5, 0.35, 0.3), (0.6, 0.1, 0.8))


def follow(world: World, goal: np.ndarray, start_s: float | None = None) -> None:
    motion = plan_motion(world.joint_state().position, goal)
    world.follow(
        JOINT_NAMES, motion.times, motion.positions, motion.velocities, motion.accelerations, start_s
    )


def test_the_tool_is_where_pinocchio_says_all_along_a_motion() -> None:
    world, arm = World(None), ArmKinematics()
    follow(world, GOAL)
    worst, worst_angle = 0.0, 0.0
    while not world.resting:
        world.step_count(1)
        asked = arm.forward(world.controller.setpoint(world.time_s).position)
        distance, angle = pose_distance(world.pose(), asked)
        worst, worst_angle = max(worst, distance), max(worst_angle, angle)
    print(f"tool against its set point while moving: {worst * 1e6:.2f} um, {np.rad2deg(worst_angle):.1e} deg")
    assert worst < 10e-6 and worst_angle < np.deg2rad(0.01)


def test_an_obstacle_is_felt_and_ends_the_motion() -> None:
    world = World(None, boxes=[WALL])
    assert world.contacts() == []
    follow(world, HOME + np.array([1.2, 0, 0, 0, 0, 0]))
    touched: set[tuple[str, str]] = set()
    while not world.resting:
        world.step_count(5)
        touched.update(world.contacts())
    assert any("wall" in pair for pair in touched) and "blocked?" in world.controller.reason


def test_a_box_added_later_is_the_same_as_one_from_the_start() -> None:
    later, first = World(None), World(None, boxes=[WALL])
    later.add_box(WALL.name, WALL.center_m, WALL.size_m)
    for world in (later, first):
        follow(world, HOME + np.array([1.2, 0, 0, 0, 0, 0]))
        world.step_count(1200)
    assert later.joint_state().position.tobytes() == first.joint_state().position.tobytes()
    with pytest.raises(ValueError, match=r"name of its own.*'wall'"):
        later.add_box("wall", (0, 0, 1), (0.1, 0.1, 0.1))
    with pytest.raises(ValueError, match="millimetres"):
        later.add_box("lamp", (500.0, 0, 1), (100.0, 100.0, 100.0))


def test_the_cell_does_not_change_under_a_moving_arm() -> None:
    world = World(None)
    follow(world, GOAL)
    world.step_count(50)
    with pytest.raises(ValueError, match="while the arm rests"):
        world.add_box("wall", (0, 0, 2), (0.1, 0.1, 0.1))


def test_a_stale_trajectory_changes_nothing() -> None:
    world = World(None)
    world.step(10.0)
    with pytest.raises(TrajectoryRejected, match="ago"):
        follow(world, GOAL, start_s=8.0)
    assert world.resting
    follow(world, GOAL, start_s=world.time_s)
    assert not world.resting


def test_a_physics_that_blows_up_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)  # where MuJoCo would leave a log of its own
    world = World(None)
    follow(world, GOAL)
    world.step_count(10)
    world._data.qvel[2] = np.nan
    with pytest.raises(PhysicsFailure, match=r"blew up at 0\.022 s: \w+_joint at nan"):
        world.step_count(1)
    world = World(None)
    follow(world, GOAL)
    world._data.qvel[3] = 80.0
    with pytest.raises(PhysicsFailure, match="wrist_1_joint"):
        world.step_count(1)
    mujoco.mj_step(world.model, world._data)
    assert "MuJoCo: Nan" in caplog.text and list(tmp_path.iterdir()) == [], "a log where the user stands"


def test_a_broken_urdf_is_named_before_any_physics(tmp_path) -> None:
    text = find_urdf().read_text()
    path = tmp_path / "arm.urdf"
    path.write_text(text.replace('name="elbow_joint"', 'name="knee_joint"'))
    with pytest.raises(UrdfInvalid, match=r"elbow_joint.*in this order.*knee_joint"):
        build_model(None, path)


def test_a_patient_inside_the_arm_is_refused_before_the_run() -> None:
    World(None, boxes=[WALL]).require_free_start()
    tool = ArmKinematics().forward(HOME)[:3, 3]
    blocked = World(None, boxes=[CellBox("pillow", tuple(tool), (0.1, 0.1, 0.1))])
    with pytest.raises(StartBlocked, match=r"head_body and pillow.*start the arm elsewhere"):
        blocked.require_free_start()
