"""The Gazebo world is the cell: same names, masses, limits and places; libsdformat takes it, if present."""

from __future__ import annotations

import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from openmtz.robot import CAMERA_FRAME, HOME, JOINT_NAMES, ArmKinematics
from openmtz.robot.cell import CELL_BOXES
from openmtz.simulation.arm.gazebo import MODEL, SdfError, urdf_with_control, world_sdf

ROOT = Path(__file__).resolve().parents[2]
URDF = (ROOT / "urdf" / "openmtz_cell.urdf").read_text(encoding="utf-8")
SDF = ROOT / "urdf" / "openmtz_cell.sdf"


def arm_of(sdf: str) -> ElementTree.Element:
    model = ElementTree.fromstring(sdf).find(f"world/model[@name='{MODEL}']")
    assert model is not None
    return model


def test_the_file_is_up_to_date() -> None:
    assert SDF.read_text(encoding="utf-8") == world_sdf(URDF), "run python tools/make_sdf.py"


def test_links_masses_and_limits_are_the_urdfs() -> None:
    robot, model = ElementTree.fromstring(URDF), arm_of(world_sdf(URDF))
    masses = {
        link.get("name"): mass.get("value")
        for link in robot.findall("link")
        if (mass := link.find("inertial/mass")) is not None
    }
    assert {link.get("name"): link.findtext("inertial/mass") for link in model.findall("link")} == masses
    weightless = {link.get("name") for link in robot.findall("link")} - set(masses) - {"world"}
    assert {frame.get("name") for frame in model.findall("frame")} == weightless
    for kind in ("visual", "collision"):
        urdf_shapes = sum(len(link.findall(kind)) for link in robot.findall("link"))
        assert len(model.findall(f"link/{kind}")) == urdf_shapes
    joints = {j.get("name"): j for j in model.findall("joint") if j.get("type") == "revolute"}
    assert tuple(joints) == JOINT_NAMES
    for joint in robot.findall("joint[@type='revolute']"):
        limit, made = joint.find("limit"), joints[joint.get("name")].find("axis/limit")
        assert limit is not None and made is not None
        for name in ("lower", "upper", "effort", "velocity"):
            assert made.findtext(name) == limit.get(name)


def test_furniture_and_patient() -> None:
    world = ElementTree.fromstring(world_sdf(URDF, patient_uri="file:///tmp/p.stl")).find("world")
    assert world is not None
    for box in CELL_BOXES:
        model = world.find(f"model[@name='{box.name}']")
        assert model is not None and model.findtext("static") == "true"
        size = np.array((model.findtext("link/collision/geometry/box/size") or "").split(), float)
        place = np.array((model.findtext("pose") or "").split(), float)
        assert size == pytest.approx(box.size_m) and place[:3] == pytest.approx(box.center_m)
    assert world.findtext("model[@name='patient']/link/visual/geometry/mesh/uri") == "file:///tmp/p.stl"


def test_control_is_there_only_where_asked_for() -> None:
    assert "ros2_control" not in world_sdf(URDF)
    plugin = arm_of(world_sdf(URDF, control="/a/b.yaml")).find("plugin")
    assert plugin is not None and plugin.findtext("parameters") == "/a/b.yaml"
    robot = ElementTree.fromstring(urdf_with_control(URDF))
    joints = robot.findall("ros2_control/joint")
    assert tuple(j.get("name") for j in joints) == JOINT_NAMES
    begin = [float(j.findtext("state_interface[@name='position']/param") or "nan") for j in joints]
    assert begin == pytest.approx(HOME.tolist())


def test_the_camera_looks_along_the_optical_axis() -> None:
    pose = arm_of(world_sdf(URDF)).find("link/sensor/pose")
    assert pose is not None and pose.get("relative_to") == CAMERA_FRAME
    turn = Rotation.from_quat(np.array((pose.text or "").split()[3:], float))
    assert turn.apply([1.0, 0.0, 0.0]) == pytest.approx([0.0, 0.0, 1.0], abs=1e-9), "forward"
    assert turn.apply([0.0, 0.0, 1.0]) == pytest.approx([0.0, -1.0, 0.0], abs=1e-9), "up is not down"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("</robot>", "", "not well-formed"),
        ('type="revolute"', 'type="prismatic"', "is prismatic"),
        ('<child link="tool0"/>', '<child link="tool1"/>', "no link 'tool1'"),
        ('<mass value="1.37"/>', "", "needs mass and inertia"),
        ('<box size="0.1 0.07 0.1"/>', '<mesh filename="x.stl"/>', "box, cylinder and sphere"),
    ],
)
def test_what_cannot_be_translated_is_named(old: str, new: str, says: str) -> None:
    assert old in URDF
    with pytest.raises(SdfError, match=says):
        world_sdf(URDF.replace(old, new))


@pytest.fixture(scope="module")
def checker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program that loads a world with libsdformat."""
    if not shutil.which("pkg-config") or not shutil.which("c++"):
        pytest.skip("no pkg-config or no C++ compiler to build the check with")
    for version in range(16, 10, -1):
        package = f"sdformat{version}"
        flags = subprocess.run(["pkg-config", "--cflags", "--libs", package], capture_output=True, text=True)
        if flags.returncode == 0:
            break
    else:
        pytest.skip("libsdformat is not installed (Debian: libsdformat-dev)")
    program = tmp_path_factory.mktemp("sdf") / "sdf_check"
    source = Path(__file__).with_name("sdf_check.cpp")
    command = ["c++", "-std=c++17", str(source), "-o", str(program), *flags.stdout.split()]
    subprocess.run(command, check=True, capture_output=True)
    return program


def test_libsdformat_takes_it_and_sees_the_same_arm(checker: Path) -> None:
    said = subprocess.run([str(checker), str(SDF)], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in said.splitlines()]
    assert not [r for r in rows if r[0] == "error"], said
    parts = {r[2]: np.array(r[3:], float) for r in rows if r[1] == MODEL}
    arm = ArmKinematics()
    names = set(arm.frames()) - {"world", "universe"}
    assert set(parts) == names, "every name of the URDF is there"
    for name, numbers in parts.items():
        pose = arm.forward(np.zeros(6), name)
        assert numbers[1:4] == pytest.approx(pose[:3, 3], abs=1e-9), name
        assert Rotation.from_quat(numbers[4:]).as_matrix() == pytest.approx(pose[:3, :3], abs=1e-9), name
    total = sum(p[0] for p in parts.values())
    assert total == pytest.approx(sum(i.mass for i in arm.model.inertias), abs=1e-6)


def test_libsdformat_would_say_what_is_wrong(checker: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.sdf"
    broken.write_text(SDF.read_text(encoding="utf-8").replace("<parent>shoulder_link<", "<parent>shoulder<"))
    said = subprocess.run([str(checker), str(broken)], capture_output=True, text=True).stdout
    assert "error" in said
