"""The arm is the one that was published, and inverse kinematics undoes forward kinematics."""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
import pytest

from openmtz.geometry import look_along, pose_distance
from openmtz.robot import HOME, JOINT_NAMES, ArmKinematics, UrdfMissing, find_urdf

# Universal Robots, "DH Parameters for calculations of kinematics and dynamics", UR5e.
DH_A = np.array([0.0, -0.425, -0.3922, 0.0, 0.0, 0.0])
DH_D = np.array([0.1625, 0.0, 0.0, 0.1333, 0.0997, 0.0996])
DH_ALPHA = np.array([np.pi / 2, 0.0, 0.0, np.pi / 2, -np.pi / 2, 0.0])
LINK_MASS_KG = np.array([3.761, 8.058, 2.846, 1.37, 1.3, 0.365])


@pytest.fixture(scope="module")
def arm() -> ArmKinematics:
    return ArmKinematics()


def random_joints(arm: ArmKinematics, count: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    low, high = np.maximum(arm.limits.lower, -np.pi), np.minimum(arm.limits.upper, np.pi)
    return rng.uniform(low, high, (count, 6))


def dh_pose(q: np.ndarray) -> np.ndarray:
    """Classic Denavit-Hartenberg chain, after the half turn of base_link against the arm's base."""
    pose = np.diag([-1.0, -1.0, 1.0, 1.0])
    for theta, a, d, alpha in zip(q, DH_A, DH_D, DH_ALPHA, strict=True):
        ct, st, ca, sa = np.cos(theta), np.sin(theta), np.cos(alpha), np.sin(alpha)
        pose = pose @ np.array(
            [[ct, -st * ca, st * sa, a * ct], [st, ct * ca, -ct * sa, a * st], [0, sa, ca, d], [0, 0, 0, 1]]
        )
    return pose


def test_forward_is_the_published_dh_chain(arm: ArmKinematics) -> None:
    for q in random_joints(arm, 200, 1):
        assert np.abs(arm.forward(q, "tool0") - dh_pose(q)).max() < 1e-9


def test_a_d_and_alpha_read_back_from_the_joint_axes(arm: ArmKinematics) -> None:
    """Distance and angle of successive axes, measured in the model, not through its own formulas."""
    for q in random_joints(arm, 20, 2):
        links = ["shoulder", "upper_arm", "forearm", "wrist_1", "wrist_2", "wrist_3"]
        poses = [arm.forward(q, f"{name}_link") for name in links]
        for i in range(5):
            p, z = poses[i][:3, 3], poses[i][:3, 2]
            r, w = poses[i + 1][:3, 3], poses[i + 1][:3, 2]
            cross = np.cross(z, w)
            if np.linalg.norm(cross) < 1e-6:
                distance = np.linalg.norm(np.cross(r - p, z))
            else:
                distance = abs((r - p) @ cross) / np.linalg.norm(cross)
            assert distance == pytest.approx(abs(DH_A[i]), abs=1e-9)
            assert np.arccos(np.clip(z @ w, -1, 1)) == pytest.approx(abs(DH_ALPHA[i]), abs=1e-6)
        assert poses[0][2, 3] == pytest.approx(DH_D[0])
        assert (poses[3][:3, 3] - poses[1][:3, 3]) @ poses[1][:3, 2] == pytest.approx(DH_D[3])
        assert (poses[4][:3, 3] - poses[3][:3, 3]) @ poses[4][:3, 2] == pytest.approx(DH_D[4])
        assert (poses[5][:3, 3] - poses[4][:3, 3]) @ poses[5][:3, 2] == pytest.approx(DH_D[5])


def test_masses_and_inertias_can_be(arm: ArmKinematics) -> None:
    masses = [inertia.mass for inertia in arm.model.inertias][1:]
    assert masses[:5] == pytest.approx(LINK_MASS_KG[:5])
    assert masses[5] == pytest.approx(LINK_MASS_KG[5] + 1.0)  # with scan head and camera
    for inertia in list(arm.model.inertias)[1:]:
        moments = np.linalg.eigvalsh(inertia.inertia)
        assert moments[0] > 0 and moments[0] + moments[1] >= moments[2] - 1e-9


def test_tools_sit_where_the_contract_says(arm: ArmKinematics) -> None:
    flange = arm.forward(HOME, "tool0")
    for frame, offset in (("scan_head", (0, 0, 0.08)), ("camera_depth_optical_frame", (0, -0.07, 0.05))):
        relative = np.linalg.inv(flange) @ arm.forward(HOME, frame)
        assert np.abs(relative[:3, :3] - np.eye(3)).max() < 1e-9
        assert relative[:3, 3] == pytest.approx(offset, abs=1e-12)
    assert np.array_equal(arm.forward(HOME, "base_link"), np.eye(4))


def test_home_looks_straight_down_over_the_patient(arm: ArmKinematics) -> None:
    pose = arm.forward(HOME)
    assert pose[:3, 2] == pytest.approx((0, 0, -1), abs=1e-9)
    assert pose[:3, 0] == pytest.approx((1, 0, 0), abs=1e-9)
    assert np.abs(pose[:2, 3] - (0.5, 0.0)).max() < 0.01
    assert not arm.limits.violation(HOME)


def test_inverse_of_a_thousand_random_poses(arm: ArmKinematics) -> None:
    """From HOME and from nearby: >= 99.5 % solved, and what is called solved is solved."""
    rng = np.random.default_rng(3)
    for seed_of in ("home", "near"):
        solved, took = 0, []
        joints = random_joints(arm, 500, 4 if seed_of == "home" else 5)
        for q in joints:
            target = arm.forward(q)
            seed = HOME if seed_of == "home" else q + rng.uniform(-0.3, 0.3, 6)
            begun = time.perf_counter()
            result = arm.inverse(target, "scan_head", seed)
            took.append(time.perf_counter() - begun)
            solved += result.ok
            if result.ok:
                position, angle = pose_distance(arm.forward(result.q), target)
                assert position < 1e-6 and angle < 1e-5
                assert not arm.limits.violation(result.q)
        assert solved >= 0.995 * len(joints), f"{seed_of}: {solved} of {len(joints)}"
        print(f"IK from {seed_of}: {solved}/{len(joints)}, median {np.median(took) * 1e3:.2f} ms")


def test_inverse_is_the_same_to_the_bit_and_stays_near_its_seed(arm: ArmKinematics) -> None:
    for q in random_joints(arm, 20, 6):
        target = arm.forward(q)
        first = arm.inverse(target, q_seed=q + 0.1)
        again = ArmKinematics().inverse(target, q_seed=q + 0.1)
        assert np.array_equal(first.q, again.q)
        if first.ok:
            assert np.abs(first.q - q).max() < 1.3


def test_one_branch_has_one_answer_whatever_the_seed(arm: ArmKinematics) -> None:
    """So a station's joints do not depend on where the arm came from."""
    target = look_along((0.5, 0.02, 0.2), (0.1, 0.0, -1.0))
    rng = np.random.default_rng(7)
    answers = {tuple(arm.inverse(target, q_seed=HOME + rng.uniform(-0.2, 0.2, 6)).q) for _ in range(20)}
    assert np.ptp(np.array(list(answers)), axis=0).max() <= 2e-10


@pytest.mark.parametrize(
    ("origin", "expected"),
    [((2.0, 0.0, 0.3), "m nearer to the arm"), ((0.02, 0.0, 0.9), "arm's own axis")],
)
def test_refusals_name_cause_and_fix(arm: ArmKinematics, origin: tuple, expected: str) -> None:
    result = arm.inverse(look_along(origin, (0, 0, -1)))
    assert not result.ok and expected in result.reason


def test_joint_limits_are_named() -> None:
    arm = ArmKinematics()
    arm.limits.upper[:], arm.limits.lower[:] = HOME + 0.05, HOME - 0.05
    result = arm.inverse(look_along((0.5, 0.2, 0.3), (0, 0, -1)))
    assert not result.ok and "allowed" in result.reason and "_joint" in result.reason


def test_bad_arguments_say_what_is_valid(arm: ArmKinematics) -> None:
    with pytest.raises(ValueError, match=r"unknown frame 'laser'.*scan_head"):
        arm.forward(HOME, "laser")
    with pytest.raises(ValueError, match="six finite"):
        arm.forward([0, 0, 0])
    with pytest.raises(ValueError, match="six finite"):
        arm.inverse(np.eye(4), q_seed=np.full(6, np.nan))
    with pytest.raises(ValueError, match="orthonormal"):
        arm.inverse(np.diag([1.0, 1.0, 2.0, 1.0]))
    with pytest.raises(ValueError, match="finite"):
        arm.inverse(np.full((4, 4), np.nan))


def test_a_missing_urdf_says_where_it_was_sought(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    from openmtz.robot import description

    assert find_urdf().is_file()
    monkeypatch.setattr(description, "URDF_NAME", "nowhere.urdf")
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path))
    with pytest.raises(UrdfMissing, match=str(tmp_path)):
        find_urdf()
    (tmp_path / "share/openmtz/urdf").mkdir(parents=True)
    (tmp_path / "share/openmtz/urdf/nowhere.urdf").write_text("<robot/>")
    assert find_urdf().parent.parent.name == "openmtz"


def test_joint_names_are_those_of_the_ros_description(arm: ArmKinematics) -> None:
    assert tuple(arm.model.names[1:]) == JOINT_NAMES
    assert arm.limits.upper == pytest.approx([2 * np.pi, 2 * np.pi, np.pi, *[2 * np.pi] * 3])
    assert arm.limits.velocity == pytest.approx(np.pi)
    assert arm.limits.effort == pytest.approx([150, 150, 150, 28, 28, 28])


def test_the_room_stays_lean() -> None:
    """The arm node must not pay for simulators or point clouds."""
    code = (
        "import sys, openmtz.robot as r; r.ArmKinematics; r.plan_move; r.CellCollision\n"
        "print([m for m in ('open3d', 'mujoco', 'numba', 'matplotlib', 'rclpy') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
