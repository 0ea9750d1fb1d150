"""Arm benchmark: kinematics, inverse kinematics, station-to-station time, random cells with obstacles.

    PYTHONPATH=src python bench/arm.py            # all figures, some minutes
    PYTHONPATH=src python bench/arm.py --quick    # the same with a hundredth of the cases

Collisions are judged by MuJoCo's contacts at every physics step, not by the collision checker that planned.
A refusal is judged by a search of its own: random restarts of Newton's steps for the posture, a
probabilistic roadmap for the way. Times are CPU seconds of one thread, JIT-free.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections import Counter
from dataclasses import dataclass, field
from importlib.metadata import version

import numpy as np
import ruckig
from numpy.typing import NDArray
from roadmap import roadmap_finds_a_way

from openmtz.geometry import TriangleMesh, look_along, pose_distance
from openmtz.robot import (
    CAMERA_FRAME,
    HOME,
    JOINT_NAMES,
    SCAN_HEAD_FRAME,
    ArmKinematics,
    CellCollision,
    StationCheck,
    Trajectory,
    plan_move,
)
from openmtz.robot.trajectory import ACCELERATION_RAD_S2, JERK_RAD_S3, VELOCITY_RAD_S
from openmtz.simulation.arm.world import World
from openmtz.simulation.patient.patients import Patient

Array = NDArray[np.float64]


def random_joints(arm: ArmKinematics, count: int, rng: np.random.Generator) -> Array:
    """Return joints `(count, 6)` [rad], evenly from (-pi, pi) within the limits."""
    low, high = np.maximum(arm.limits.lower, -np.pi), np.minimum(arm.limits.upper, np.pi)
    return rng.uniform(low, high, (count, 6))


@dataclass(frozen=True)
class PoseFigure:
    """Largest difference between the simulated tool and Pinocchio's, still and along motions."""

    still_m: float
    still_rad: float
    moving_m: float
    moving_rad: float


def pose_figure(count: int, motions: int, seed: int = 0) -> PoseFigure:
    """Compare MuJoCo's tool with Pinocchio at random joints, and with its set points along motions."""
    arm, world, rng = ArmKinematics(), World(None), np.random.default_rng(seed)
    still = [0.0, 0.0]
    for q in random_joints(arm, count, rng):
        for frame in ("tool0", SCAN_HEAD_FRAME, CAMERA_FRAME):
            apart = pose_distance(world.pose(frame, q), arm.forward(q, frame))
            still = [max(a, b) for a, b in zip(still, apart, strict=True)]
    moving = [0.0, 0.0]
    for _ in range(motions):
        goal = HOME + rng.uniform(-0.5, 0.5, 6)
        move = plan_move(arm, None, world.joint_state().position, arm.forward(goal))
        assert move.trajectory is not None
        t = move.trajectory
        world.follow(JOINT_NAMES, t.times, t.positions, t.velocities, t.accelerations)
        while not world.resting:
            world.step_count(1)
            asked = arm.forward(world.controller.setpoint(world.time_s).position)
            moving = [max(a, b) for a, b in zip(moving, pose_distance(world.pose(), asked), strict=True)]
    return PoseFigure(still[0], still[1], moving[0], moving[1])


@dataclass(frozen=True)
class IkFigure:
    """How many of `count` random reachable poses were solved, and the CPU time of one [s]."""

    count: int
    solved: int
    own_found: int
    median_s: float
    p99_s: float
    worst_m: float
    worst_rad: float


def ik_figure(count: int, seed: int = 1) -> IkFigure:
    """Solve random reachable poses from HOME; `own_found`: the joints the pose was made of are a branch."""
    arm, rng = ArmKinematics(), np.random.default_rng(seed)
    solved, own, took, worst = 0, 0, [], [0.0, 0.0]
    for q in random_joints(arm, count, rng):
        target = arm.forward(q)
        begun = time.process_time()
        found = arm.inverse(target)
        took.append(time.process_time() - begun)
        if found.ok:
            solved += 1
            apart = pose_distance(arm.forward(found.q), target)
            worst = [max(a, b) for a, b in zip(worst, apart, strict=True)]
        nearest = arm.branches(target, q_seed=q)
        own += bool(nearest) and nearest[0].distance_rad < 1e-5
    return IkFigure(
        count, solved, own, float(np.median(took)), float(np.percentile(took, 99)), worst[0], worst[1]
    )


def limb(rng: np.random.Generator) -> TriangleMesh:
    """Return a limb of random girth, direction and place: half a cylinder, its crest near (0.5, 0, 0.05)."""
    radius, length = rng.uniform(0.05, 0.14), rng.uniform(0.2, 0.5)
    turn, angle = rng.uniform(0, np.pi), np.linspace(-np.pi / 2, np.pi / 2, 61)
    along = np.linspace(-length / 2, length / 2, 60)
    u, a = np.meshgrid(along, angle, indexing="ij")
    across, z = radius * np.sin(a), radius * np.cos(a) - radius + 0.05
    x = 0.5 + rng.uniform(-0.08, 0.08) + np.cos(turn) * u - np.sin(turn) * across
    y = rng.uniform(-0.2, 0.2) + np.sin(turn) * u + np.cos(turn) * across
    i = np.arange(60 * 61).reshape(60, 61)
    p, q, r, s = i[:-1, :-1], i[1:, :-1], i[1:, 1:], i[:-1, 1:]
    faces = np.concatenate([np.stack(t, -1).reshape(-1, 3) for t in ((p, q, r), (p, r, s))])
    return TriangleMesh(np.column_stack([x.ravel(), y.ravel(), z.ravel()]), faces)


def station_over(mesh: TriangleMesh, rng: np.random.Generator) -> Array:
    """Return a pose `(4, 4)` of the head over a random spot of the skin, tilted up to 25 degrees."""
    normals = mesh.vertex_normals()
    upper = np.flatnonzero(np.abs(normals[:, 2]) > 0.6)
    k = int(rng.choice(upper))
    out = normals[k] * np.sign(normals[k, 2]) + rng.normal(0, 0.15, 3)
    out /= np.linalg.norm(out)
    pose = look_along(mesh.vertices[k] + out * rng.uniform(0.06, 0.2), -out)
    roll = rng.uniform(-np.pi, np.pi)
    turn = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    pose[:3, :3] = pose[:3, :3] @ turn
    return pose


@dataclass(frozen=True)
class MoveFigure:
    """Station-to-station time over ruckig's optimum, and CPU time of a plan and of a check [s]."""

    count: int
    direct: int
    median_ratio: float
    worst_ratio: float
    plan_median_s: float
    check_median_s: float
    check_p99_s: float


def optimum_s(q0: Array, q1: Array) -> float:
    """Return ruckig's shortest time between two postures at rest, not bound to a straight line [s]."""
    task, curve = ruckig.InputParameter(6), ruckig.Trajectory(6)
    task.current_position, task.target_position = q0, q1
    task.max_velocity, task.max_acceleration, task.max_jerk = VELOCITY_RAD_S, ACCELERATION_RAD_S2, JERK_RAD_S3
    ruckig.Ruckig(6).calculate(task, curve)
    return float(curve.duration)


def move_figure(patients: int, stations: int, seed: int = 2) -> MoveFigure:
    """Move between neighbouring stations of limbs without obstacles; the optimum is over all branches."""
    arm, rng = ArmKinematics(), np.random.default_rng(seed)
    ratios, plans, checks, kinds = [], [], [], Counter()
    for _ in range(patients):
        mesh = limb(rng)
        collision = CellCollision(patient=mesh)
        check = StationCheck(arm, collision)
        crest = mesh.vertices[mesh.vertices[:, 2] > mesh.vertices[:, 2].max() - 0.005]
        now: Array | None = None
        order = np.argsort(crest @ np.linalg.svd(crest - crest.mean(0), full_matrices=False)[2][0])
        for point in crest[order[:: max(1, len(order) // stations)]]:
            tilt = rng.uniform(-0.2, 0.2, 2)
            out = np.array([tilt[0], tilt[1], 1.0]) / np.linalg.norm([tilt[0], tilt[1], 1.0])
            pose = look_along(point + 0.15 * out, -out)
            begun = time.process_time()
            reason = check.reason(pose)
            checks.append(time.process_time() - begun)
            if reason:
                continue
            if now is None:
                found = plan_move(arm, collision, HOME, pose)
                now = None if found.trajectory is None else found.trajectory.positions[-1]
                continue
            begun = time.process_time()
            move = plan_move(arm, collision, now, pose)
            plans.append(time.process_time() - begun)
            assert move.trajectory is not None, move.reason
            kinds[move.kind] += 1
            best = min(optimum_s(now, branch.q) for branch in arm.branches(pose, q_seed=now))
            ratios.append(move.trajectory.duration_s / max(best, 0.008))
            now = move.trajectory.positions[-1]
    return MoveFigure(
        len(ratios), kinds["direct"], float(np.median(ratios)), float(max(ratios)), float(np.median(plans)),
        float(np.median(checks)), float(np.percentile(checks, 99)),
    )  # fmt: skip


@dataclass
class CellFigure:
    """Random cells: moves made, contacts MuJoCo saw in them, refusals, and how many of those were wrong."""

    cells: int = 0
    moves: int = 0
    collisions: list[str] = field(default_factory=list)
    refusals: int = 0
    false_refusals: list[str] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    plan_s: list[float] = field(default_factory=list)
    refuse_s: list[float] = field(default_factory=list)
    nearest_m: float = np.inf


def add_obstacles(collision: CellCollision, world: World, rng: np.random.Generator) -> None:
    """Put one to twelve boxes into checker and physics alike; none within 30 mm of the arm at HOME."""
    wanted = int(rng.integers(1, 13))
    for k in range(100):
        if wanted == 0:
            return
        center = rng.uniform([0.1, -0.5, -0.1], [0.9, 0.5, 0.8])
        size = rng.uniform(0.03, 0.3, 3)
        trial = CellCollision()
        trial.add_box("box", center, size)
        if trial.free(HOME, 0.03):
            wanted -= 1
            for cell in (collision, world):
                cell.add_box(f"box {k}", center, size)


def contacts_along(world: World, t: Trajectory) -> list[str]:
    """Follow a trajectory in the physics to its end; return what touched and why it did not arrive."""
    world.follow(JOINT_NAMES, t.times, t.positions, t.velocities, t.accelerations)
    touched: set[str] = set()
    while not world.resting:
        world.step_count(1)
        touched.update(f"{a} with {b}" for a, b in world.contacts())
    if world.controller.reason:
        touched.add(world.controller.reason)
    return sorted(touched)


def posture_by_restarts(
    arm: ArmKinematics, collision: CellCollision, target: Array, rng: np.random.Generator, restarts: int
) -> list[Array]:
    """Return free postures for a pose without the closed form: Newton's steps from random joints."""
    found: list[Array] = []
    for start in random_joints(arm, restarts, rng):
        q = arm.refine(start, target)
        if q is None:
            continue
        q = np.mod(q + np.pi, 2 * np.pi) - np.pi
        inside = arm.limits.margin(q) >= 0 and collision.free(q, collision.station_margin_m)
        if inside and not any(np.abs(q - other).max() < 1e-6 for other in found):
            found.append(q)
    return found


def cell_figure(
    cells: int, moves_per_cell: int = 3, seed: int = 3, restarts: int = 300, first: int = 0
) -> CellFigure:
    """Move through random cells with obstacles, `first` and on; every refusal is checked by brute force."""
    figure, arm = CellFigure(), ArmKinematics()
    for number in range(first, first + cells):
        rng = np.random.default_rng([seed, number])
        mesh = limb(rng)
        collision, world = CellCollision(patient=mesh), World(Patient.healthy(mesh, "limb"))
        add_obstacles(collision, world, rng)
        figure.cells += 1
        for _ in range(moves_per_cell):
            target, now = station_over(mesh, rng), world.joint_state().position
            begun = time.process_time()
            move = plan_move(arm, collision, now, target)
            took = time.process_time() - begun
            if move.trajectory is not None:
                figure.moves += 1
                figure.kinds[move.kind] += 1
                figure.plan_s.append(took)
                touched = contacts_along(world, move.trajectory)
                figure.collisions += [f"cell {number}: {text}" for text in touched]
                apart, _ = pose_distance(world.pose(), target)
                if not touched and apart > 10e-6:
                    figure.collisions.append(f"cell {number}: {apart * 1e6:.0f} um away from its target")
                continue
            figure.refusals += 1
            figure.refuse_s.append(took)
            goals = posture_by_restarts(arm, collision, target, rng, restarts)
            limits = arm.limits.lower, arm.limits.upper
            if goals and roadmap_finds_a_way(collision, now, goals, limits, rng):
                figure.false_refusals.append(f"cell {number}: {move.reason}")
    return figure


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a hundredth of the cases")
    parser.add_argument("--cells", type=int, nargs=2, metavar=("FIRST", "COUNT"), help="random cells alone")
    asked = parser.parse_args()
    quick = asked.quick
    packages = ("numpy", "pin", "coal", "ruckig", "mujoco", "scipy")
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, ", end="")
    print(", ".join(f"{name} {version(name)}" for name in packages))
    if asked.cells:
        print_cells(cell_figure(asked.cells[1], first=asked.cells[0]))
        return
    print("\n| Figure | Measured | Aim |\n|---|---|---|")
    for line in (
        pose_row(pose_figure(100 if quick else 1000, 1 if quick else 20)),
        ik_row(ik_figure(100 if quick else 10_000)),
        move_row(move_figure(1 if quick else 20, 8)),
    ):
        print(line)
    print_cells(cell_figure(2 if quick else 200))


def print_cells(figure: CellFigure) -> None:
    """Print the table's rows and every case that went wrong."""
    print(cell_row(figure))
    for text in figure.collisions + figure.false_refusals:
        print(" ", text)


def pose_row(f: PoseFigure) -> str:
    """Return the table's row."""
    return (
        f"| simulated tool against Pinocchio, at rest | {f.still_m * 1e6:.1e} um, "
        f"{np.rad2deg(f.still_rad):.1e} deg | 10 um, 0.01 deg |\n"
        f"| ... moving, from set point | {f.moving_m * 1e6:.2f} um, {np.rad2deg(f.moving_rad):.0e} deg | |"
    )


def ik_row(f: IkFigure) -> str:
    """Return the table's rows."""
    return (
        f"| inverse kinematics, solved | {f.solved} of {f.count} | 99.9 % |\n"
        f"| ... with the joints it was made of among the branches | {f.own_found} | - |\n"
        f"| ... time, median / 99th percentile | {f.median_s * 1e3:.2f} / {f.p99_s * 1e3:.2f} ms | 1 ms |\n"
        f"| ... worst error | {f.worst_m:.1e} m, {f.worst_rad:.1e} rad | - |"
    )


def move_row(f: MoveFigure) -> str:
    """Return the table's rows."""
    return (
        f"| station to station over ruckig's optimum, median / worst of {f.count} ({f.direct} direct) | "
        f"{f.median_ratio:.4f} / {f.worst_ratio:.4f} | 1.10 |\n"
        f"| ... planning one, median | {f.plan_median_s * 1e3:.1f} ms | - |\n"
        f"| station check, median / 99th percentile | {f.check_median_s * 1e3:.2f} / "
        f"{f.check_p99_s * 1e3:.2f} ms | 2 ms |"
    )


def cell_row(f: CellFigure) -> str:
    """Return the table's rows."""
    plan, refuse = f.plan_s or [np.nan], f.refuse_s or [np.nan]
    return (
        f"| {f.cells} random cells with obstacles: moves | {f.moves} ({dict(f.kinds)}) | - |\n"
        f"| ... collisions by MuJoCo | {len(f.collisions)} | 0 |\n"
        f"| ... refusals, false ones by brute force | {f.refusals}, {len(f.false_refusals)} | 0 |\n"
        f"| ... planning, median / worst | {np.median(plan) * 1e3:.0f} ms / {max(plan):.1f} s | - |\n"
        f"| ... refusing, median / worst | {np.median(refuse) * 1e3:.0f} ms / {max(refuse):.1f} s | - |"
    )


if __name__ == "__main__":
    main()
