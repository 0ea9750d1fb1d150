"""The world moves as commanded, stops when told, and rests exactly."""

from __future__ import annotations

import contextlib
import time

import mujoco
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from openmtz.geometry import TriangleMesh, look_along
from openmtz.robot import CAMERA_FRAME, HOME, JOINT_NAMES, ArmKinematics, Trajectory, plan_motion
from openmtz.simulation.arm.joint_controller import BRAKE_RAD_S2
from openmtz.simulation.arm.joint_trajectory import TrajectoryRejected
from openmtz.simulation.arm.world import World
from openmtz.simulation.patient.patients import Patient

GOAL = HOME + np.array([0.4, -0.2, 0.3, 0.2, 0.2, -0.6])


def limb(count: int = 120) -> Patient:
    """A cylinder of 0.12 m radius along y, its crest at the patient target."""
    g = np.linspace(-0.1, 0.1, count)
    x, y = np.meshgrid(g, g, indexing="ij")
    z = 0.05 - 0.12 + np.sqrt(0.12**2 - x**2)
    i = np.arange(count * count).reshape(count, count)
    a, b, c, d = i[:-1, :-1], i[1:, :-1], i[1:, 1:], i[:-1, 1:]
    faces = np.concatenate([np.stack(t, -1).reshape(-1, 3) for t in ((a, b, c), (a, c, d))])
    mesh = TriangleMesh(np.column_stack([x.ravel() + 0.5, y.ravel(), z.ravel()]), faces)
    return Patient.healthy(mesh, "limb")


@pytest.fixture
def world() -> World:
    return World(limb())


def follow(world: World, motion: Trajectory) -> None:
    world.follow(JOINT_NAMES, motion.times, motion.positions, motion.velocities, motion.accelerations)


def run_to_rest(world: World, limit_s: float = 10.0) -> float:
    begun = world.time_s
    while not world.resting:
        world.step(0.002)
        assert world.time_s - begun < limit_s, "never came to rest"
    return world.time_s - begun


def test_true_poses_are_pinocchios_within_ten_micrometres(world: World) -> None:
    arm = ArmKinematics()
    rng = np.random.default_rng(1)
    worst = 0.0
    for q in rng.uniform(-np.pi, np.pi, (200, 6)):
        for frame in ("tool0", "scan_head", CAMERA_FRAME):
            worst = max(worst, float(np.abs(world.pose(frame, q) - arm.forward(q, frame)).max()))
    print(f"MuJoCo against Pinocchio: {worst:.1e} m")
    assert worst < 10e-6
    assert np.abs(world.pose() - arm.forward(HOME)).max() < 10e-6


def test_it_starts_at_rest_touching_nothing(world: World) -> None:
    assert world.resting and world.contacts() == []
    state = world.joint_state()
    assert np.array_equal(state.position, HOME) and not state.velocity.any()
    world.step(1.0)
    assert np.array_equal(world.joint_state().position, HOME) and world.time_s == pytest.approx(1.0)


def test_it_follows_within_a_milliradian_and_rests_exactly_at_the_goal(world: World) -> None:
    motion = plan_motion(HOME, GOAL)
    follow(world, motion)
    worst = 0.0
    while not world.resting:
        world.step(0.002)
        asked = world.controller.setpoint(world.time_s).position
        worst = max(worst, float(np.abs(world.joint_state().position - asked).max()))
    print(f"tracking error {worst * 1e3:.2f} mrad, settled {world.time_s - motion.duration_s:.3f} s after")
    assert worst < 1e-3 and world.controller.reason == ""
    assert world.time_s - motion.duration_s < 0.3
    state = world.joint_state()
    assert np.array_equal(state.position, motion.positions[-1]) and not state.velocity.any()


def test_how_the_steps_are_divided_changes_nothing(world: World) -> None:
    """Same commands, three ways of stepping: same rest, same second motion, to the bit."""
    other = [World(limb()), World(limb())]
    rng = np.random.default_rng(2)
    way_points = []
    for w, next_dt in (
        (world, lambda: 0.002),
        (other[0], lambda: 0.033),
        (other[1], lambda: float(rng.uniform(0.0, 0.02))),
    ):
        seen = []
        for goal in (GOAL, HOME + 0.1, HOME):
            while w.time_s < 2.0 + 3.0 * len(seen) - 1e-9:
                left = 2.0 + 3.0 * len(seen) - w.time_s
                w.step(min(next_dt(), left))
            follow(w, plan_motion(w.joint_state().position, goal))
            halfway = round(w.time_s / 0.002) * 0.002 + 0.2
            while w.time_s < halfway - 1e-9:
                w.step(min(next_dt(), halfway - w.time_s))
            seen.append(w.joint_state().position.tobytes())
            run_to_rest(w)
            seen.append(w.joint_state().position.tobytes())
        way_points.append(seen)
    assert way_points[0] == way_points[1] == way_points[2]


def test_emergency_stop_brakes_within_the_brakes_distance_and_holds(world: World) -> None:
    motion = plan_motion(HOME, HOME + np.array([1.5, 0, 0, 0, 0, 0]))
    follow(world, motion)
    world.step(motion.duration_s / 2)
    before, tool = world.joint_state(), world.pose()[:3, 3]
    speed = float(np.abs(before.velocity).max())
    world.set_emergency_stop(True)
    took = run_to_rest(world)
    stop = world.joint_state()
    angle = float(np.abs(stop.position - before.position).max())
    distance = float(np.linalg.norm(world.pose()[:3, 3] - tool))
    print(f"stop from {speed:.2f} rad/s: {angle:.4f} rad, {distance * 1e3:.0f} mm, {took * 1e3:.0f} ms")
    assert speed > 1.5 and angle < 1.1 * speed**2 / (2 * BRAKE_RAD_S2) + 1e-3
    assert took < speed / BRAKE_RAD_S2 + 0.15
    assert world.controller.reason == "emergency stop" and not stop.velocity.any()
    with pytest.raises(TrajectoryRejected, match="emergency stop"):
        follow(world, plan_motion(stop.position, HOME))
    world.set_emergency_stop(False)
    world.step(1.0)
    assert np.array_equal(world.joint_state().position, stop.position), "a reset must not resume motion"
    follow(world, plan_motion(stop.position, HOME))
    run_to_rest(world)
    assert np.array_equal(world.joint_state().position, HOME)


@pytest.mark.parametrize("lift", [-1.2, 1.0], ids=["rising", "falling"])
def test_the_outstretched_arm_stops_too(lift: float) -> None:
    """Largest inertia, all big joints at speed: the brakes' distance holds and nothing swings back."""
    start = np.array([0.0, -1.2, 0.1, 0.0, -1.57, 0.0])
    world = World(None, q_start=start)
    motion = plan_motion(start, start + np.array([1.5, lift, 0.2, 0.2, 0.1, 0.5]))
    follow(world, motion)
    world.step(motion.duration_s / 2)
    before = world.joint_state()
    world.set_emergency_stop(True)
    way = [before.position]
    while not world.resting:
        world.step(0.002)
        way.append(world.joint_state().position)
    expected = before.velocity * np.abs(before.velocity) / (2 * BRAKE_RAD_S2)
    assert np.abs(way[-1] - before.position - expected).max() < 3e-3
    back = (np.diff(way, axis=0) * -np.sign(before.velocity)).max()
    assert back < 2e-4, "a joint turned back"


@settings(max_examples=12, deadline=None)
@given(st.data())
def test_no_sequence_of_commands_breaks_it(data: st.DataObject) -> None:
    """Motions on top of motions, stops, emergency stops, uneven steps: joints stay finite and within
    limits, and an open emergency stop always ends in rest."""
    world = World(None)
    for _ in range(data.draw(st.integers(1, 8))):
        act = data.draw(st.sampled_from(["follow", "stop", "open", "close", "step"]))
        if act == "follow":
            change = data.draw(st.lists(st.floats(-1.5, 1.5), min_size=6, max_size=6))
            with contextlib.suppress(TrajectoryRejected):
                follow(world, plan_motion(world.joint_state().position, HOME + np.array(change)))
        elif act == "stop":
            world.stop()
        elif act in ("open", "close"):
            world.set_emergency_stop(act == "open")
        world.step(data.draw(st.floats(0.0, 0.4)))
        state = world.joint_state()
        assert np.isfinite(state.position).all() and np.abs(state.position).max() < 2 * np.pi
        assert np.abs(state.velocity).max() < np.pi + 0.1
    world.set_emergency_stop(True)
    run_to_rest(world, 1.5)


def test_emergency_stop_at_scanning_speed_is_below_a_millimetre(world: World) -> None:
    """10 mm/s at the tool, the figure of the domain facts: 100 ms would be 1 mm."""
    arm = ArmKinematics()
    goal = arm.inverse(look_along((0.5, 0.05, 0.43), (0, 0, -1)), q_seed=HOME).q
    follow(world, plan_motion(HOME, goal, 0.03))
    world.step(5.0)
    tool = world.pose()[:3, 3]
    world.step(0.002)
    assert 0.003 < np.linalg.norm(world.pose()[:3, 3] - tool) / 0.002 < 0.03
    tool = world.pose()[:3, 3]
    world.set_emergency_stop(True)
    run_to_rest(world)
    assert np.linalg.norm(world.pose()[:3, 3] - tool) < 1e-3


def test_driving_into_the_patient_is_felt_and_ends_the_motion(world: World) -> None:
    arm = ArmKinematics()
    deep = arm.inverse(look_along((0.5, 0.0, 0.0), (0, 0, -1)), q_seed=HOME)
    assert deep.ok
    follow(world, plan_motion(HOME, deep.q, 0.3))
    touched: set = set()
    while not world.resting:
        world.step(0.01)
        touched.update(world.contacts())
    assert ("head_body", "patient") in touched
    assert "blocked?" in world.controller.reason
    assert world.pose()[2, 3] > 0.0, "the skin gave way"


def test_touching_the_skin_is_told_where_it_is() -> None:
    """The height field is the skin within a cell: no hull that fills hollows."""
    arm = ArmKinematics()
    for height, touching in ((0.035, False), (0.012, True)):
        q = arm.inverse(look_along((0.5, 0.0, 0.05 + height), (0, 0, -1)), q_seed=HOME).q
        assert bool(World(limb(), q_start=q).contacts()) is touching, height


def test_the_skin_in_the_physics_is_the_skin_of_the_mesh(world: World) -> None:
    """Rays straight down through MuJoCo's own geometry, against the cylinder's formula."""
    worst = 0.0
    for x in np.linspace(0.4213, 0.5787, 33):
        for y in np.linspace(-0.0811, 0.0787, 9):
            geom = np.zeros(1, np.int32)
            start, down = np.array([x, y, 0.2]), np.array([0.0, 0.0, -1.0])
            far = mujoco.mj_ray(world.model, world._data, start, down, None, 1, -1, geom)
            assert world.model.geom(int(geom[0])).name == "patient"
            truth = 0.05 - 0.12 + np.sqrt(0.12**2 - (x - 0.5) ** 2)
            worst = max(worst, abs(0.2 - far - truth))
    print(f"height field against the skin: {worst * 1e3:.1f} mm")
    assert worst < 0.005


def test_a_refused_trajectory_leaves_the_motion_alone(world: World) -> None:
    follow(world, plan_motion(HOME, GOAL))
    world.step(0.1)
    with pytest.raises(TrajectoryRejected, match="begins"):
        follow(world, plan_motion(HOME + 1.0, GOAL))
    run_to_rest(world)
    assert np.array_equal(world.joint_state().position, GOAL)


def test_past_joints_are_told_by_the_clock_given(world: World) -> None:
    follow(world, plan_motion(HOME, GOAL))
    truth = {}
    for k in range(1, 400):
        world.step(0.002, monotonic_s=100.0 + k * 0.002)
        truth[100.0 + k * 0.002] = world.joint_state().position
    instants = np.array([100.3, 100.5, 100.7])
    found = world.joints_at(instants)
    for row, instant in zip(found, instants, strict=True):
        nearest = truth[min(truth, key=lambda t: abs(t - instant))]
        assert np.abs(row - nearest).max() < 1e-6
    between = world.joints_at([100.301])[0]
    assert (np.abs(between - (found[0] + truth[min(truth, key=lambda t: abs(t - 100.302))]) / 2) < 1e-4).all()
    poses = world.poses_at(instants)
    assert poses.shape == (3, 4, 4)
    assert np.abs(poses[1] - world.pose(q=found[1])).max() < 1e-12


def test_past_joints_at_rest_are_exact(world: World) -> None:
    for k in range(1, 3000):
        world.step(0.002, monotonic_s=50.0 + k * 0.0021)
    assert np.array_equal(world.joints_at([49.0, 53.123456, 99.0]), np.tile(HOME, (3, 1)))
    assert world.poses_at(np.full(64, 53.0)).shape == (64, 4, 4)


def test_bad_arguments_are_refused(world: World) -> None:
    with pytest.raises(ValueError, match=r"unknown frame 'laser'.*scan_head"):
        world.pose("laser")
    with pytest.raises(ValueError, match="dt_s"):
        world.step(-1.0)
    with pytest.raises(ValueError, match="dt_s"):
        world.step(float("nan"))
    with pytest.raises(ValueError, match="q_start"):
        World(None, q_start=[0.0])


def test_it_runs_far_faster_than_real_time(world: World) -> None:
    follow(world, plan_motion(HOME, GOAL, 0.3))
    begun = time.process_time()
    for _ in range(500):
        world.step(0.002)
    cost = time.process_time() - begun
    assert not world.resting
    print(f"moving: {cost / 500 * 1e6:.0f} us per 2 ms step, {1.0 / cost:.0f}x real time")
    assert cost < 1.0 / 5
