"""Every branch of the inverse kinematics, with its margins; what has none says which joint is short."""

from __future__ import annotations

import re

import numpy as np
import pytest

from openmtz.geometry import look_along, pose_distance
from openmtz.robot import HOME, ArmKinematics, find_urdf
from openmtz.robot.analytic import NotThisKindOfArm, UrGeometry


@pytest.fixture(scope="module")
def arm() -> ArmKinematics:
    return ArmKinematics()


def random_joints(arm: ArmKinematics, count: int, seed: int) -> np.ndarray:
    low, high = np.maximum(arm.limits.lower, -np.pi), np.minimum(arm.limits.upper, np.pi)
    return np.random.default_rng(seed).uniform(low, high, (count, 6))


def test_the_geometry_read_from_the_urdf_is_the_published_one(arm: ArmKinematics) -> None:
    g = arm.geometry
    assert (g.a2, g.a3, g.d4, g.d5, g.d6) == pytest.approx((-0.425, -0.3922, 0.1333, 0.0997, 0.0996))
    assert g.base[2, 3] == pytest.approx(0.1625)


def test_the_closed_form_alone_agrees_with_pinocchio(arm: ArmKinematics) -> None:
    """Before any Newton step: 1e-9, for every branch of random poses."""
    worst, count = 0.0, 0
    for q in random_joints(arm, 300, 1):
        wrist = arm.forward(q, "wrist_3_link")
        for row in arm.geometry.solve(wrist[None])[0]:
            if np.isfinite(row).all():
                worst = max(worst, float(np.abs(arm.forward(row, "wrist_3_link") - wrist).max()))
                count += 1
    print(f"{count} branches, worst {worst:.1e}")
    assert worst < 1e-9 and count > 300 * 4


def test_all_branches_are_found_sorted_and_different(arm: ArmKinematics) -> None:
    rng = np.random.default_rng(2)
    for q in random_joints(arm, 100, 3):
        target, seed = arm.forward(q), HOME + rng.uniform(-1, 1, 6)
        branches = arm.branches(target, q_seed=seed)
        away = [b.distance_rad for b in branches]
        assert 1 <= len(branches) <= 8 and away == sorted(away)
        for b in branches:
            position, angle = pose_distance(arm.forward(b.q), target)
            assert position < 1e-9 and angle < 1e-9
            assert b.distance_rad == pytest.approx(np.abs(b.q - seed).max())
            assert b.limit_margin_rad >= 0 and b.limit_margin_rad == pytest.approx(arm.limits.margin(b.q))
            assert b.singularity_margin == pytest.approx(arm.singularity_margin(b.q))
        turned = (np.array([b.q for b in branches]) - q) / (2 * np.pi)
        assert np.abs(turned - np.round(turned)).max(axis=1).min() < 1e-6, "its own joints are one of them"


def test_branches_with_turns_hold_every_turn_within_limits(arm: ArmKinematics) -> None:
    target = arm.forward(HOME)
    plain, turns = arm.branches(target), arm.branches(target, turns=True)
    # Five joints with a range of two turns have two turns each; the elbow has half of that.
    assert len(turns) == 32 * len(plain)
    assert {b.q.tobytes() for b in plain} <= {b.q.tobytes() for b in turns}
    assert all(arm.limits.margin(b.q) >= 0 for b in turns)


def test_restarts_find_no_branch_that_the_closed_form_misses(arm: ArmKinematics) -> None:
    rng = np.random.default_rng(4)
    for q in random_joints(arm, 10, 5):
        target = arm.forward(q)
        known = np.array([b.q for b in arm.branches(target)])
        for start in rng.uniform(-np.pi, np.pi, (60, 6)):
            found = arm.refine(start, target)
            if found is None:
                continue
            found[2] = (found[2] + np.pi) % (2 * np.pi) - np.pi
            turns = (known - found) / (2 * np.pi)
            assert (np.abs(turns - np.round(turns)).max(axis=1) < 1e-6).any()


def test_singular_postures_are_solved_and_their_margin_is_zero(arm: ArmKinematics) -> None:
    straight_wrist, straight_elbow = HOME.copy(), HOME.copy()
    straight_wrist[4], straight_elbow[2] = 0.0, 0.0
    for q in (straight_wrist, straight_elbow):
        assert arm.singularity_margin(q) < 1e-9
        found = arm.inverse(arm.forward(q), q_seed=q)
        assert found.ok
        assert pose_distance(arm.forward(found.q), arm.forward(q))[0] < 1e-6
    assert arm.singularity_margin(HOME) > 0.1


def test_a_branch_in_a_singularity_is_left_for_one_that_is_not(arm: ArmKinematics) -> None:
    q = HOME.copy()
    q[4] = 0.003
    branches = arm.branches(arm.forward(q), q_seed=q)
    assert branches[0].distance_rad < 1e-6 and branches[0].singularity_margin < 0.005
    taken = arm.inverse(arm.forward(q), q_seed=q)
    assert taken.ok and arm.singularity_margin(taken.q) >= 0.005


def test_a_calibrated_arm_is_solved_too(tmp_path) -> None:
    """Real arms differ from the nominal build by tenths of a millimetre and milliradians."""
    rng = np.random.default_rng(6)

    def calibrated(match: re.Match[str]) -> str:
        xyz = np.array(match[2].split(), float) + rng.normal(0, 3e-4, 3)
        rpy = np.array(match[3].split(), float) + rng.normal(0, 1e-3, 3)
        numbers = [" ".join(f"{v:.9f}" for v in row) for row in (xyz, rpy)]
        return f'{match[1]}<origin xyz="{numbers[0]}" rpy="{numbers[1]}"/>'

    text = find_urdf().read_text()
    pattern = r'(<joint name="\w+_joint" type="revolute">.*?\n\s*)<origin xyz="([^"]*)" rpy="([^"]*)"/>'
    changed, count = re.subn(pattern, calibrated, text)
    assert count == 6
    path = tmp_path / "calibrated.urdf"
    path.write_text(changed)
    arm, nominal = ArmKinematics(path), ArmKinematics()
    solved = 0
    joints = random_joints(arm, 300, 7)
    for q in joints:
        target = arm.forward(q)
        assert pose_distance(nominal.forward(q), target)[0] > 1e-5
        found = arm.inverse(target, q_seed=q)
        solved += found.ok and pose_distance(arm.forward(found.q), target)[0] < 1e-9
    assert solved >= 0.99 * len(joints), solved


def test_another_kind_of_arm_is_refused_by_its_joint(tmp_path) -> None:
    text = find_urdf().read_text()
    path = tmp_path / "other.urdf"
    path.write_text(
        text.replace('<origin xyz="-0.425 0 0" rpy="0 0 0"/>', '<origin xyz="-0.425 0 0" rpy="0.4 0 0"/>')
    )
    with pytest.raises(NotThisKindOfArm, match="elbow_joint stands otherwise"):
        ArmKinematics(path)


def test_out_of_reach_tells_how_far_and_that_far_helps(arm: ArmKinematics) -> None:
    target = look_along((1.05, 0.1, 0.2), (0, 0, -1))
    refused = arm.inverse(target)
    assert not refused.ok and "elbow_joint" in refused.reason
    shoulder = np.array([0, 0, 0.1625])
    nearer = refused.position_error_m + 1e-6
    wrist = target[:3, 3]
    way = (shoulder - wrist) * [1, 1, 0]
    target[:3, 3] += way / np.linalg.norm(way) * nearer * 1.6
    assert arm.inverse(target).ok


def test_inside_the_shoulder_names_pan_and_elbow(arm: ArmKinematics) -> None:
    q = HOME.copy()
    axis = UrGeometry.of(arm.model)
    pose = arm.forward(q, "wrist_3_link")
    pose[:3, 3] = (0.01, 0.02, 0.9)
    pose[:3, 2] = (0, 0, 1)
    pose[:3, 0], pose[:3, 1] = (1, 0, 0), (0, 1, 0)
    kind, missing = axis.shortfall(pose)
    assert kind == "axis" and missing == pytest.approx(0.1333 - np.hypot(0.01, 0.02))
    found = arm.inverse(pose, "wrist_3_link")
    assert (
        not found.ok and "shoulder_pan_joint" in found.reason and "away from the arm's base" in found.reason
    )


def test_a_limit_is_named_with_how_far_beyond() -> None:
    arm = ArmKinematics()
    target = arm.forward(HOME)
    arm.limits.upper[4] = np.pi / 2 - 0.1
    arm.limits.lower[4] = -np.pi / 2 + np.deg2rad(10)
    refused = arm.inverse(target)
    assert not refused.ok
    assert re.search(r"wrist_2_joint at -?90\.0 deg, (5\.7|10\.0) deg beyond its limit", refused.reason), (
        refused.reason
    )


def test_batches_answer_as_one_by_one(arm: ArmKinematics) -> None:
    rng = np.random.default_rng(8)
    targets = np.array([look_along(rng.uniform(-1.2, 1.2, 3), rng.normal(size=3)) for _ in range(200)])
    single = [bool(arm.branches(t)) for t in targets]
    assert arm.solve_many(targets).tolist() == single and 0.1 < np.mean(single) < 0.9


def test_frames_of_other_links_are_refused(arm: ArmKinematics) -> None:
    with pytest.raises(ValueError, match="not carried by the last joint"):
        arm.inverse(np.eye(4), "forearm_link")
