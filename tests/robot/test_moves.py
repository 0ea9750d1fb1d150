"""Moves: straight lines to and from the skin, ways round things, limits kept, the same every time."""

from __future__ import annotations

import re
import time
from itertools import pairwise

import numpy as np
import pytest

from openmtz.geometry import TriangleMesh, look_along, pose_distance
from openmtz.robot import (
    HOME,
    ArmKinematics,
    CellCollision,
    MotionError,
    StationCheck,
    Trajectory,
    plan_motion,
    plan_move,
    what_helps,
)
from openmtz.robot.detour import find_detour
from openmtz.robot.lines import line_back
from openmtz.robot.trajectory import (
    ACCELERATION_RAD_S2,
    JERK_RAD_S3,
    LINE_SPEED_M_S,
    VELOCITY_RAD_S,
    plan_along,
)

DOWN = np.array([0.0, 0.0, -1.0])


@pytest.fixture(scope="module")
def arm() -> ArmKinematics:
    return ArmKinematics()


def plate(z: float = 0.05, half: float = 0.15) -> TriangleMesh:
    corners = np.array([[-half, -half, z], [half, -half, z], [half, half, z], [-half, half, z]])
    return TriangleMesh(corners + np.array([0.5, 0.0, 0.0]), np.array([[0, 1, 2], [0, 2, 3]]))


def assert_keeps_limits(t: Trajectory) -> None:
    assert (np.diff(t.times) > 0).all() and not t.velocities[[0, -1]].any()
    assert np.abs(t.velocities).max() <= VELOCITY_RAD_S[0] * 1.001
    assert np.abs(t.accelerations).max() <= ACCELERATION_RAD_S2[0] * 1.001
    jerk = np.diff(t.accelerations, axis=0) / np.diff(t.times)[:, None]
    assert np.abs(jerk).max() <= JERK_RAD_S3[0] * 1.01
    # Velocities belong to the positions: the trapezoidal rule, whose error is of the third order.
    step = np.diff(t.times)[:, None]
    ahead = (t.velocities[1:] + t.velocities[:-1]) / 2 * step
    assert np.abs(np.diff(t.positions, axis=0) - ahead).max() < JERK_RAD_S3[0] * step.max() ** 3


def test_a_line_is_straight_to_a_tenth_of_a_millimetre_and_does_not_turn(arm: ArmKinematics) -> None:
    near = arm.inverse(look_along((0.5, 0.1, 0.1), (0.2, 0.1, -1))).q
    line = line_back(arm, near, 0.1)
    assert line is not None
    start = arm.forward(near)
    for motion in (line.away(), line.towards()):
        assert_keeps_limits(motion)
        off, speeds = [], []
        poses = [arm.forward(q) for q in motion.positions]
        for pose in poses:
            way = pose[:3, 3] - start[:3, 3]
            along = way @ start[:3, 2]
            off.append(float(np.linalg.norm(way - along * start[:3, 2])))
            assert -0.1 - 1e-6 <= along <= 1e-6
            assert pose_distance(pose, start)[1] < 1e-5
        speeds = np.linalg.norm(np.diff([p[:3, 3] for p in poses], axis=0), axis=1) / np.diff(motion.times)
        assert max(off) < 1e-6 and speeds.max() <= LINE_SPEED_M_S * 1.001
    assert np.array_equal(line.towards().positions[-1], near)
    assert line.away(0.5).duration_s == pytest.approx(2 * line.away().duration_s)


def test_between_its_samples_a_line_is_straight_too(arm: ArmKinematics) -> None:
    """The controller's quintic between the points of the message, not the points alone."""
    from openmtz.robot import JOINT_NAMES
    from openmtz.simulation.arm.world import World

    near = arm.inverse(look_along((0.5, 0.1, 0.1), (0.2, 0.1, -1))).q
    line = line_back(arm, near, 0.1)
    assert line is not None
    motion, start, world = line.away(), arm.forward(near), World(None, q_start=near)
    world.follow(JOINT_NAMES, motion.times, motion.positions, motion.velocities, motion.accelerations)
    worst = 0.0
    while not world.resting:
        world.step_count(1)
        way = world.pose()[:3, 3] - start[:3, 3]
        worst = max(worst, float(np.linalg.norm(way - (way @ start[:3, 2]) * start[:3, 2])))
    print(f"straight within {worst * 1e6:.2f} um")
    assert worst < 1e-4


def test_near_a_singularity_there_is_no_line_rather_than_a_fast_one(arm: ArmKinematics) -> None:
    q = HOME.copy()
    q[1], q[2] = -0.9, 0.02  # elbow all but straight: going back along the tool is out of reach
    line = line_back(arm, q, 0.4)
    if line is not None:
        assert np.abs(np.diff(line.positions, axis=0)).max() <= 0.06
        assert line.lengths_m[-1] < 0.4


def test_neighbouring_stations_are_joined_directly_in_ruckigs_time(arm: ArmKinematics) -> None:
    cell = CellCollision(patient=plate())
    now = arm.inverse(look_along((0.5, 0.0, 0.2), DOWN)).q
    for x, y in ((0.52, 0.01), (0.54, -0.02), (0.5, 0.03)):
        move = plan_move(arm, cell, now, look_along((x, y, 0.2), DOWN))
        assert move.trajectory is not None and move.kind == "direct"
        end = move.trajectory.positions[-1]
        assert move.trajectory.duration_s == pytest.approx(plan_motion(now, end).duration_s)
        now = end


def test_a_blocked_hop_goes_up_and_down_along_the_tool(arm: ArmKinematics) -> None:
    """A thin wall between two near stations: back along the beam, across, and in again."""
    cell = CellCollision()
    cell.add_box("wall", (0.5, 0.0, 0.05), (0.4, 0.005, 0.30))
    now = arm.inverse(look_along((0.5, -0.14, 0.2), DOWN)).q
    target = look_along((0.5, 0.055, 0.2), DOWN)
    assert cell.check_path(np.vstack([now, arm.inverse(target, q_seed=now).q])) is not None
    move = plan_move(arm, cell, now, target)
    assert move.trajectory is not None and move.kind == "lines", move
    assert cell.check_path(move.trajectory.positions, cell.station_margin_m) is None
    assert_keeps_limits(move.trajectory)
    tool = np.array([arm.forward(q) for q in move.trajectory.positions])
    last = tool[tool[:, 2, 3] < 0.2 + 0.045][-60:]
    assert np.ptp(last[:, :2, 3], axis=0).max() < 1e-4, "the last centimetres are straight"
    assert pose_distance(tool[-1], target)[0] < 1e-8


def test_a_way_round_is_found_where_home_is_no_help(arm: ArmKinematics) -> None:
    cell = CellCollision()
    cell.add_box("lamp", (0.5, -0.1, 0.35), (0.3, 0.05, 0.3))
    assert cell.check(HOME) is not None, "HOME is taken"
    now = arm.inverse(look_along((0.5, 0.2, 0.2), DOWN)).q
    target = look_along((0.5, -0.4, 0.2), DOWN)
    move, again = (plan_move(arm, cell, now, target) for _ in range(2))
    assert move.trajectory is not None and move.kind == "detour", move
    assert cell.check_path(move.trajectory.positions, cell.station_margin_m) is None
    assert_keeps_limits(move.trajectory)
    assert again.trajectory is not None
    assert again.trajectory.positions.tobytes() == move.trajectory.positions.tobytes()


def test_no_way_though_both_ends_are_free_ends_the_search_and_names_the_wall(arm: ArmKinematics) -> None:
    """Walls before and behind the shoulder, a lid above it: no coming from one side to the other."""
    cell = CellCollision()
    cell.add_box("front wall", (0.85, 0.0, 0.6), (1.2, 0.02, 2.7))
    cell.add_box("back wall", (-0.85, 0.0, 0.6), (1.2, 0.02, 2.7))
    cell.add_box("lid", (0.0, 0.0, 0.65), (0.6, 0.6, 0.2))
    sides = [
        next(b.q for b in arm.branches(look_along((0.2, y, 0.3), DOWN)) if cell.free(b.q, 0.02))
        for y in (0.5, -0.5)
    ]
    begun = time.process_time()
    move = plan_move(arm, cell, sides[0], arm.forward(sides[1]))
    print(f"refused in {time.process_time() - begun:.1f} s of CPU: {move.reason}")
    assert (
        not move.ok
        and ("wall" in move.reason or "lid" in move.reason)
        and "none was found round it" in move.reason
    )
    short = plan_move(arm, cell, sides[0], arm.forward(sides[1]), searches=((1.0, 20),))
    assert not short.ok


def test_detours_keep_their_margin_at_every_step(arm: ArmKinematics) -> None:
    cell = CellCollision()
    cell.add_box("post", (0.45, 0.0, 0.2), (0.05, 0.05, 1.0))
    start = arm.inverse(look_along((0.45, 0.3, 0.2), DOWN)).q
    goal = arm.inverse(look_along((0.45, -0.3, 0.2), DOWN)).q
    limits = arm.limits.lower, arm.limits.upper
    way = find_detour(cell, [start], [goal], limits, 0.02)
    assert way is not None and np.array_equal(way[0], start) and np.array_equal(way[-1], goal)
    for a, b in pairwise(way):
        for part in np.linspace(0, 1, 400):
            # A quarter of a sweep step may be nearer than the margin, never more.
            assert cell.free(a + part * (b - a), 0.02 - 0.0025)
    assert find_detour(cell, [start], [], limits, 0.02) is None


def test_base_and_upper_arm_pass_each_other_at_a_steady_distance(arm: ArmKinematics) -> None:
    """The one pair whose nearness says nothing: the same 12.5 mm whatever the joints."""
    cell, found = CellCollision(), []
    for pan in np.linspace(-3, 3, 5):
        for lift in np.linspace(-6, 6, 25):
            nearest = cell.distance([pan, lift, 1.5, 0.0, 1.57, 0.0], itself=True)
            if {nearest.first, nearest.second} == {"base_link_inertia", "upper_arm_link"}:
                found.append(nearest.metres)
    assert len(found) > 20 and np.ptp(found) < 1e-3 and min(found) > 0.0124


def test_what_is_called_a_free_line_is_free_at_every_step(arm: ArmKinematics) -> None:
    """Random lines in a cell with boxes, certified against dense samples, both ways."""
    cell, rng = CellCollision(patient=plate()), np.random.default_rng(1)
    cell.add_box("post", (0.45, 0.3, 0.3), (0.1, 0.1, 0.8))
    cell.add_box("shelf", (0.5, -0.3, 0.5), (0.5, 0.2, 0.05))
    outcomes = []
    for _ in range(60):
        a, b = HOME + rng.uniform(-1, 1, 6), HOME + rng.uniform(-1, 1, 6)
        if not cell.free(a, 0.02):
            continue
        said = cell.free_line(a, b, 0.02)
        dense = [cell.free(a + (b - a) * t, 0.02) for t in np.linspace(0, 1, 200)]
        if said:
            assert all(cell.free(a + (b - a) * t, 0.02 - 0.0025) for t in np.linspace(0, 1, 200))
        outcomes.append(said == all(dense))
    assert len(outcomes) > 20 and np.mean(outcomes) > 0.95


def test_what_helps_does_help(arm: ArmKinematics) -> None:
    check = StationCheck(arm, CellCollision())
    far = look_along((1.02, 0.1, 0.2), DOWN)
    report = check.report(far)
    assert not report.ok and "elbow_joint" in report.cause and "move the patient by" in report.what_helps
    dx, dy = (float(part) / 100 for part in re.findall(r"([+-]\d+) cm", report.what_helps))
    moved = far.copy()
    moved[:2, 3] += dx, dy
    assert check.report(moved).ok
    assert "turn scan_head" not in report.what_helps, "turning does not bring the flange nearer"


def test_a_turn_about_the_beam_is_proposed_only_where_the_optics_allow_it(arm: ArmKinematics) -> None:
    """The camera's housing would stand in the wall; turned about the beam it does not."""
    cell = CellCollision()
    pose = look_along((0.5, 0.0, 0.3), DOWN)
    side = -pose[:3, 1]
    cell.add_box("wall", (0.5 + side[0] * 0.12, side[1] * 0.12, 0.32), (0.06, 0.06, 0.06))
    report = StationCheck(arm, cell).report(pose)
    assert not report.ok and "camera_body comes within 10 mm of wall" in report.cause
    assert "turn scan_head about its axis by" in report.what_helps
    fixed = StationCheck(arm, cell, may_roll=False).report(pose)
    assert "turn" not in fixed.what_helps and "move the patient" in fixed.what_helps
    assert "mount the arm elsewhere" in what_helps(arm, cell, look_along((3, 0, 0), DOWN))


def test_too_near_the_skin_proposes_the_standoff_and_leaves_the_patient_in_place(arm: ArmKinematics) -> None:
    cell = CellCollision(patient=plate())
    report = StationCheck(arm, cell).report(look_along((0.5, 0.0, 0.05 + 0.026), DOWN))
    assert re.search(r"head_body comes within 10 mm of patient \((6\.0|5\.9) mm left\)", report.cause)
    assert "raise the standoff by 5 mm" in report.what_helps
    again = cell.distance(arm.inverse(look_along((0.5, 0.0, 0.076), DOWN)).q)
    assert again.second == "patient" and again.metres == pytest.approx(0.006, abs=2e-4)


def test_bad_speeds_and_lines_are_refused(arm: ArmKinematics) -> None:
    with pytest.raises(MotionError, match="speed_fraction"):
        plan_move(arm, None, HOME, arm.forward(HOME), speed_fraction=0.0)
    with pytest.raises(MotionError, match="six or more"):
        plan_along(np.zeros((3, 6)), [0.0, 0.1, 0.2])
    with pytest.raises(MotionError, match="increasing"):
        plan_along(np.zeros((6, 6)), [0.0, 0.1, 0.2, 0.2, 0.3, 0.4])


def test_the_example_of_the_page_runs(root, capsys: pytest.CaptureFixture[str]) -> None:
    page = (root / "docs" / "arm.md").read_text()
    code = re.search(r"```python\n(.*?)```", page, re.S)
    assert code is not None
    exec(code[1], {})
    assert "move the patient by" in capsys.readouterr().out
