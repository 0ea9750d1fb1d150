"""The Gazebo launch file makes a world that fits its controllers and bridge. ROS is stood in for."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
import yaml
from launch_stand_ins import ROOT, Recorded, filled_in, load_launch_file

from openmtz.robot import JOINT_NAMES

PATIENT = '{"kind": "phantom", "phantom": "forearm", "lesions": "none"}'


@pytest.fixture
def launch_file(monkeypatch: pytest.MonkeyPatch) -> Any:
    shares = {"openmtz": str(ROOT), "ros_gz_sim": "/opt/ros/jazzy/share/ros_gz_sim"}
    more = {
        "launch.actions": {"ExecuteProcess": Recorded, "IncludeLaunchDescription": Recorded},
        "launch.launch_description_sources": {"PythonLaunchDescriptionSource": Recorded},
        "launch_ros": {},
        "launch_ros.actions": {"Node": Recorded},
        "ament_index_python": {},
        "ament_index_python.packages": {"get_package_share_directory": shares.__getitem__},
    }
    return load_launch_file("gazebo.launch.py", monkeypatch, more)


def actions_of(launch_file: Any, **given: str) -> list[Any]:
    found: list[Any] = launch_file._processes(filled_in(launch_file, **{"patient_json": PATIENT, **given}))
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
