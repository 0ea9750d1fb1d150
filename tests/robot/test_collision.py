"""Collisions are found and named; every station and view of the treatment is free, and between them."""

from __future__ import annotations

import numpy as np
import pytest

from openmtz.geometry import TriangleMesh, look_along
from openmtz.robot import (
    CAMERA_FRAME,
    HOME,
    SCAN_HEAD_FRAME,
    ArmKinematics,
    CellCollision,
    StationCheck,
    plan_motion,
    plan_move,
)

TARGET = np.array([0.5, 0.0, 0.05])


def above(height_m: float) -> np.ndarray:
    return TARGET + np.array([0.0, 0.0, height_m])


def dome(radius: float = 0.12, half: float = 0.1, count: int = 120) -> TriangleMesh:
    """A cylinder-like limb along y, its crest at the patient target."""
    g = np.linspace(-half, half, count)
    x, y = np.meshgrid(g, g, indexing="ij")
    z = TARGET[2] - radius + np.sqrt(radius**2 - x**2)
    i = np.arange(count * count).reshape(count, count)
    a, b, c, d = i[:-1, :-1], i[1:, :-1], i[1:, 1:], i[:-1, 1:]
    faces = np.concatenate([np.stack(t, -1).reshape(-1, 3) for t in ((a, b, c), (a, c, d))])
    return TriangleMesh(np.column_stack([x.ravel() + 0.5, y.ravel(), z.ravel()]), faces)


@pytest.fixture(scope="module")
def arm() -> ArmKinematics:
    return ArmKinematics()


@pytest.fixture(scope="module")
def cell() -> CellCollision:
    return CellCollision(patient=dome())


def poses() -> list[tuple[str, float, float, np.ndarray]]:
    found = []
    for tilt in (0.0, 15.0, 25.0, 35.0):
        for azimuth in np.arange(0, 360, 45) if tilt else [0]:
            t, a = np.deg2rad([tilt, azimuth])
            out = np.array([np.sin(t) * np.cos(a), np.sin(t) * np.sin(a), np.cos(t)])
            for frame, standoff in ((SCAN_HEAD_FRAME, 0.15), (CAMERA_FRAME, 0.30)):
                found.append((frame, tilt, azimuth, look_along(TARGET + standoff * out, -out)))
    return found


def test_every_station_and_view_is_reachable_and_free_from_home_and_from_each_other(
    arm: ArmKinematics, cell: CellCollision
) -> None:
    stops = [HOME]
    for frame, tilt, azimuth, pose in poses():
        found = arm.inverse(pose, frame, HOME)
        assert found.ok, f"{frame} tilt {tilt} azimuth {azimuth}: {found.reason}"
        assert cell.check(found.q) is None, f"{frame} tilt {tilt} azimuth {azimuth}"
        stops.append(found.q)
    assert cell.check(HOME) is None
    for i, a in enumerate(stops):
        for b in stops[i + 1 :]:
            hit = cell.check_path(plan_motion(a, b).positions)
            assert hit is None, hit.text if hit else ""


def test_the_patient_the_bed_and_the_arm_itself_are_found_and_named(arm: ArmKinematics) -> None:
    cell = CellCollision(patient=dome())
    low = arm.inverse(look_along(above(0.03), (0, 0, -1)))
    hit = cell.check(low.q)
    assert low.ok and hit is not None and (hit.first, hit.second) == ("head_body", "patient")
    assert "head_body comes within 20 mm of patient" in hit.text

    cell.set_patient(None)
    assert cell.check(low.q) is None
    bed = arm.inverse(look_along((0.5, 0.0, -0.32), (0, 0, -1)))
    hit = cell.check(bed.q)
    assert bed.ok and hit is not None and hit.second == "bed"

    folded = HOME.copy()
    folded[2] = 2.9
    hit = cell.check(folded)
    assert hit is not None and {hit.first, hit.second} <= {
        "shoulder_link", "upper_arm_link", "forearm_link", "wrist_1_link", "wrist_2_link", "wrist_3_link",
        "head_body", "camera_body", "cable_guard", "base_link_inertia",
    }  # fmt: skip


def test_the_margin_counts_in_millimetres(arm: ArmKinematics) -> None:
    """The head's window is 20 mm before its origin: it touches at 20 mm, is too near below 40 mm."""
    cell = CellCollision(patient=dome(), margin_m=0.02)
    for height, free in ((0.042, True), (0.038, False)):
        q = arm.inverse(look_along(above(height), (0, 0, -1))).q
        assert (cell.check(q) is None) is free, height


def test_a_path_through_the_patient_is_stopped_though_both_ends_are_free(arm: ArmKinematics) -> None:
    cell = CellCollision(patient=dome())
    ends = [arm.inverse(look_along((0.5 + dx, 0.0, 0.05), (0, 0, -1))).q for dx in (-0.24, 0.24)]
    assert [cell.check(q) for q in ends] == [None, None]
    hit = cell.check_path(np.array(ends))
    assert hit is not None and hit.second == "patient" and 0.05 < hit.fraction < 0.95
    assert "of the way" in hit.text


def test_a_move_blocked_on_the_straight_way_goes_by_home(arm: ArmKinematics) -> None:
    cell = CellCollision(patient=dome())
    start = arm.inverse(look_along((0.26, 0.0, 0.05), (0, 0, -1))).q
    target = look_along((0.74, 0.0, 0.05), (0, 0, -1))
    move = plan_move(arm, cell, start, target)
    assert move.ok and move.trajectory is not None
    assert cell.check_path(move.trajectory.positions) is None
    assert (np.abs(move.trajectory.positions - HOME).max(axis=1) < 1e-9).any()
    assert (np.diff(move.trajectory.times) > 0).all()
    assert np.abs(arm.forward(move.trajectory.positions[-1]) - target).max() < 1e-6


def test_no_free_way_says_what_is_in_it(arm: ArmKinematics, cell: CellCollision) -> None:
    move = plan_move(arm, cell, HOME, look_along(above(0.02), (0, 0, -1)))
    assert not move.ok and "patient" in move.reason and "standoff" in move.reason
    far = plan_move(arm, cell, HOME, look_along((1.9, 0, 0.2), (0, 0, -1)))
    assert not far.ok and "out of reach" in far.reason


def test_an_arm_that_stands_too_near_may_leave(arm: ArmKinematics, cell: CellCollision) -> None:
    near = arm.inverse(look_along(above(0.035), (0, 0, -1))).q
    assert cell.check(near) is not None
    assert plan_move(arm, cell, near, look_along(above(0.15), (0, 0, -1))).ok


def test_leaving_does_not_mean_pushing_through(arm: ArmKinematics, cell: CellCollision) -> None:
    """Within the margin at the start the arm may move off, but not touch on its way."""
    near = arm.inverse(look_along(above(0.03), (0, 0, -1))).q
    deeper = arm.inverse(look_along(above(-0.01), (0, 0, -1)), q_seed=near).q
    away = arm.inverse(look_along(above(0.2), (0, 0, -1)), q_seed=near).q
    path = np.vstack([np.linspace(near, deeper, 10), np.linspace(deeper, away, 100)])
    hit = cell.check_path(path)
    assert hit is not None and hit.second == "patient" and hit.margin_m == 0 and "touches patient" in hit.text


def test_the_station_check_answers_for_planning(arm: ArmKinematics, cell: CellCollision) -> None:
    check = StationCheck(arm, cell)
    assert check(look_along(above(0.15), (0, 0, -1)))
    assert "patient" in check.reason(look_along(above(0.02), (0, 0, -1)))
    assert "out of reach" in check.reason(look_along((3, 0, 0), (0, 0, -1)))
