"""One description for everybody: Pinocchio, MuJoCo, check_urdf and our own validator agree on it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import mujoco
import numpy as np
import pytest

from openmtz.robot import JOINT_NAMES, ArmKinematics, CellCollision, UrdfInvalid, find_urdf, validate_urdf
from openmtz.robot.urdf_check import urdf_findings
from openmtz.simulation.arm.scene import build_model

TEXT = find_urdf().read_text()
TOOL = ("head_body", "camera_body", "cable_guard")


def test_the_cells_own_urdf_has_no_finding() -> None:
    assert urdf_findings(TEXT) == []
    validate_urdf(find_urdf())


@pytest.mark.skipif(
    shutil.which("check_urdf") is None, reason="check_urdf (liburdfdom-tools) is not installed"
)
def test_check_urdf_accepts_it() -> None:
    done = subprocess.run(["check_urdf", str(find_urdf())], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Successfully Parsed XML" in done.stdout and "root Link: world" in done.stdout


def test_pinocchio_and_mujoco_read_the_same_bodies_masses_and_joints() -> None:
    arm, model = ArmKinematics(), build_model(None)
    assert tuple(model.joint(i).name for i in range(model.njnt)) == tuple(arm.model.names[1:]) == JOINT_NAMES
    moving = sum(inertia.mass for inertia in list(arm.model.inertias)[1:])
    base = model.body("base_link_inertia").mass[0]
    assert model.body_mass.sum() == pytest.approx(moving + base)
    assert model.jnt_range[:, 0] == pytest.approx(arm.limits.lower)
    assert model.jnt_range[:, 1] == pytest.approx(arm.limits.upper)
    names = {model.body(i).name for i in range(model.nbody)}
    assert set(arm.frames()) - {"universe"} <= names | {"world"}


def test_gravity_torques_agree() -> None:
    """Masses and their centres, as both see them: the torque that holds the arm."""
    import pinocchio as pin

    arm, model = ArmKinematics(), build_model(None)
    data, own = mujoco.MjData(model), arm.model.createData()
    for q in np.random.default_rng(0).uniform(-np.pi, np.pi, (50, 6)):
        data.qpos[:] = q
        mujoco.mj_forward(model, data)
        torque = pin.computeGeneralizedGravity(arm.model, own, q)
        assert np.abs(data.qfrc_bias - torque).max() < 1e-6


def test_both_checkers_know_every_body_of_the_tool() -> None:
    cell, model = CellCollision(), build_model(None)
    for name in TOOL:
        assert name in cell._names, name
        assert model.body(name).geomnum[0] == 1, name
    cell.add_box("finger", (0.0, 0.0, 5.0), (0.01, 0.01, 0.01))
    arm = ArmKinematics()
    guard = arm.forward(np.zeros(6), "cable_guard")[:3, 3]
    cell.add_box("hook", guard.tolist(), (0.01, 0.01, 0.01))
    hit = cell.check(np.zeros(6), 0.0)
    assert hit is not None and "hook" in (hit.first, hit.second)


def broken(old: str, new: str, count: int = 1) -> str:
    assert old in TEXT
    return TEXT.replace(old, new, count)


BROKEN = [
    ("<robot>", "not well-formed"),
    ("<model/>", r"root element must be <robot>, got <model>"),
    (broken('name="wrist_1_joint"', 'name="wrist_9_joint"'), "in this order, got .*wrist_9_joint"),
    (broken('<child link="forearm_link"/>', '<child link="arm"/>'), "elbow_joint: its child link 'arm'"),
    (broken('<child link="wrist_2_link"/>', '<child link="wrist_1_link"/>'), "hangs on two joints"),
    (broken('<link name="scan_head"/>', '<link name="laser"/>'), "'scan_head' is missing"),
    (broken('<link name="flange"/>', '<link name="tool0"/>'), "'tool0' is defined twice"),
    (broken('lower="-3.141592653589793"', 'lower="4"'), "elbow_joint needs <limit> with lower < upper"),
    (broken('lower="-6.283185307179586" upper="6.283185307179586"', 'lower="-360" upper="360"'), "degrees"),
    (broken('effort="28"', 'effort="0"'), "wrist_1_joint needs a positive limit effort"),
    (broken('velocity="3.141592653589793"', ""), "shoulder_pan_joint needs a positive limit velocity"),
    (broken('<axis xyz="0 0 1"/>', '<axis xyz="0 1 0"/>'), "shoulder_pan_joint must turn about its own z"),
    (
        broken('name="elbow_joint" type="revolute"', 'name="elbow_joint" type="continuous"'),
        "must be revolute",
    ),
    (broken('<mass value="8.058"/>', '<mass value="8058"/>'), "upper_arm_link: a mass of 8058 kg"),
    (broken('<mass value="8.058"/>', '<mass value="-1"/>'), "upper_arm_link: a mass of -1 kg"),
    (broken('ixx="0.002882"', 'ixx="-0.1"'), "forearm_link: inertia is not positive definite"),
    (broken('ixx="0.002882"', 'ixx="0.5"'), "forearm_link: no body has the principal moments"),
    (broken('ixx="0.002882"', 'ixx="nan"'), "forearm_link: <inertia> needs six finite numbers"),
]


@pytest.mark.parametrize(("text", "finding"), BROKEN, ids=[f for _, f in BROKEN])
def test_a_broken_urdf_is_named_by_link_or_joint(text: str, finding: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.urdf"
    path.write_text(text)
    with pytest.raises(UrdfInvalid, match=finding):
        ArmKinematics(path)
    with pytest.raises(UrdfInvalid, match=finding):
        build_model(None, path)
    with pytest.raises(UrdfInvalid, match=finding):
        CellCollision(path)


def test_joints_in_another_order_are_refused(tmp_path: Path) -> None:
    """The two wrist joints swap their names: six right names, wrong order."""
    swapped = TEXT.replace("wrist_1_joint", "X").replace("wrist_2_joint", "wrist_1_joint")
    path = tmp_path / "swapped.urdf"
    path.write_text(swapped.replace('"X"', '"wrist_2_joint"'))
    with pytest.raises(UrdfInvalid, match="wrist_2_joint, wrist_1_joint, wrist_3_joint"):
        ArmKinematics(path)
