"""The arm's benchmark reaches its figures on a few cases; never a matter of how fast this machine is."""

from __future__ import annotations

import sys
from types import ModuleType

import numpy as np
import pytest


@pytest.fixture(scope="module")
def bench(root) -> ModuleType:
    sys.path.insert(0, str(root / "bench"))
    try:
        import arm

        return arm
    finally:
        sys.path.remove(str(root / "bench"))


def test_poses_and_inverse_kinematics(bench: ModuleType) -> None:
    poses = bench.pose_figure(50, 1)
    assert max(poses.still_m, poses.moving_m) < 10e-6
    assert max(poses.still_rad, poses.moving_rad) < np.deg2rad(0.01)
    found = bench.ik_figure(300)
    assert found.solved >= 0.999 * found.count and found.own_found == found.count
    assert found.worst_m < 1e-9 and found.worst_rad < 1e-8


def test_station_to_station_is_within_a_tenth_of_ruckigs_optimum(bench: ModuleType) -> None:
    moves = bench.move_figure(2, 6)
    assert moves.count >= 8 and moves.worst_ratio <= 1.10


def test_random_cells_have_no_collision_and_no_false_refusal(bench: ModuleType) -> None:
    cells = bench.cell_figure(5, seed=5)
    assert cells.collisions == [] and cells.false_refusals == []
    assert cells.moves >= 5 and cells.refusals >= 1, "both outcomes are tried"


def test_the_judges_are_not_blind(bench: ModuleType) -> None:
    """MuJoCo sees a motion into a wall, and the roadmap finds a way where there is one."""
    from openmtz.robot import HOME, ArmKinematics, CellBox, CellCollision, plan_motion
    from openmtz.simulation.arm.world import World

    wall = CellBox("wall", (0.5, 0.35, 0.3), (0.6, 0.1, 0.8))
    beyond = HOME + np.array([1.2, 0, 0, 0, 0, 0])
    seen = bench.contacts_along(World(None, boxes=[wall]), plan_motion(HOME, beyond))
    assert any("with wall" in text or "wall with" in text for text in seen)
    arm, cell, rng = ArmKinematics(), CellCollision(), np.random.default_rng(0)
    goals = bench.posture_by_restarts(arm, cell, arm.forward(beyond), rng, 100)
    limits = arm.limits.lower, arm.limits.upper
    assert goals and bench.roadmap_finds_a_way(cell, HOME, goals, limits, rng, nodes=200)
