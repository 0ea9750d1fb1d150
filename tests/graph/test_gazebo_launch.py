"""The Gazebo launch file makes a world that fits its controllers and bridge. ROS is stood in for."""

from __future__ import annotations

import importlib.util
import sys
import types
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
import yaml

from openmtz.robot import JOINT_NAMES

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "launch" / "gazebo.launch.py"
PATIENT = '{"kind": "phantom", "phantom": "forearm", "lesions": "none"}'


class Recorded:
    """Stands in for an action: keeps what it was made with."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.args, self.kwargs = args, kwargs


class Configuration(Recorded):
    def perform(self, context: dict[str, str]) -> str:
        return context[self.args[0]]


@pytest.fixture
def launch_file(monkeypatch: pytest.MonkeyPatch) -> Any:
    names = {
        "launch": ["LaunchDescription"],
        "launch.actions": [
            "DeclareLaunchArgument", "ExecuteProcess", "IncludeLaunchDescription", "OpaqueFunction"
        ],
        "launch.launch_description_sources": ["PythonLaunchDescriptionSource"],
        "launch.substitutions": [],
        "launch_ros": [],
        "launch_ros.actions": ["Node"],
        "ament_index_python": [],
        "ament_index_python.packages": [],
    }  # fmt: skip
    for path, classes in names.items():
        stand_in = types.ModuleType(path)
        for name in classes:
            setattr(stand_in, name, type(name, (Recorded,), {}))
        monkeypatch.setitem(sys.modules, path, stand_in)
    sys.modules["launch.substitutions"].LaunchConfiguration = Configuration  # type: ignore[attr-defined]
    shares = {"openmtz": str(ROOT), "ros_gz_sim": "/opt/ros/jazzy/share/ros_gz_sim"}
    sys.modules["ament_index_python.packages"].get_package_share_directory = shares.__getitem__  # type: ignore[attr-defined]
    spec = importlib.util.spec_from_file_location("openmtz_gazebo_launch", FILE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def actions_of(launch_file: Any, **given: str) -> list[Any]:
    defaults = {name: default for name, (default, _) in launch_file.ARGUMENTS.items()}
    found: list[Any] = launch_file._processes({**defaults, "patient_json": PATIENT, **given})
    return found


def node(actions: list[Any], executable: str) -> dict[str, Any]:
    (found,) = [a.kwargs for a in actions if a.kwargs.get("executable") == executable]
    return found


def test_world_controllers_and_bridge_belong_together(launch_file: Any) -> None:
    actions = actions_of(launch_file, headless="true")
    gazebo = dict(actions[0].kwargs["launch_arguments"])
    options, path = gazebo["gz_args"].rsplit(" ", 1)
    assert options == "-r -s" and actions[0].args[0].args[0].endswith("ros_gz_sim/launch/gz_sim.launch.py")
    world = ElementTree.parse(path).getroot().find("world")
    assert world is not None
    patient = (world.findtext("model[@name='patient']/link/visual/geometry/mesh/uri") or "").removeprefix(
        "file://"
    )
    assert Path(patient).stat().st_size > 100_000
    controllers = yaml.safe_load(Path(world.findtext(".//plugin/parameters") or "").read_text())
    arm = controllers["joint_trajectory_controller"]["ros__parameters"]
    assert tuple(arm["joints"]) == JOINT_NAMES
    assert all(arm["constraints"][name]["trajectory"] > 0 for name in JOINT_NAMES), "0 means: not checked"
    moved = {j.get("name") for j in world.findall(".//joint[@type='revolute']")}
    description = node(actions, "robot_state_publisher")["parameters"][0]["robot_description"]
    commanded = [j.get("name") for j in ElementTree.fromstring(description).findall("ros2_control/joint")]
    assert tuple(commanded) == JOINT_NAMES and moved == set(JOINT_NAMES)
    spawned = node(actions, "spawner")["arguments"]
    assert all(name in controllers for name in spawned)
    depth = "/" + (world.findtext(".//sensor/topic") or "")
    bridge = node(actions, "parameter_bridge")
    topics = [a.split("@")[0] for a in bridge["arguments"]]
    assert depth in topics and "/clock" in topics


def test_topics_are_those_of_the_graph(launch_file: Any) -> None:
    from openmtz.nodes import topics

    names = {new for _, new in launch_file.REMAPPED}
    assert names == {f"/{topics.DEPTH.name}", f"/{topics.CAMERA_INFO.name}"}
    assert topics.TRAJECTORY.name.startswith("joint_trajectory_controller/")


def test_nodes_of_ours_are_started_on_simulated_time(launch_file: Any) -> None:
    (process,) = [a for a in actions_of(launch_file, nodes="surface_capture,arm") if "cmd" in a.kwargs]
    assert process.kwargs["cmd"][1:] == ["-m", "openmtz.nodes", "--use-sim-time", "surface_capture", "arm"]
    assert not [a for a in actions_of(launch_file, nodes="") if "cmd" in a.kwargs]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"headless": "yes"}, "must be true or false"),
        ({"nodes": "surface_capture,simulation"}, "simulation cannot run here"),
        ({"nodes": "laser"}, "laser cannot run here"),
        ({"seed": "x"}, "whole number"),
    ],
)
def test_bad_arguments_are_named(launch_file: Any, given: dict[str, str], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        actions_of(launch_file, **given)
