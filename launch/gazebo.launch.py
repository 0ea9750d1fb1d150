"""The same cell in Gazebo on a sourced ROS 2 Jazzy: arm under ros2_control, depth camera, patient.

    ros2 launch openmtz gazebo.launch.py                        # with Gazebo's window
    ros2 launch openmtz gazebo.launch.py headless:=true nodes:=surface_capture,mtz_planner,arm

Needs ros_gz_sim, ros_gz_bridge, gz_ros2_control, joint_trajectory_controller, joint_state_broadcaster and
robot_state_publisher. There is no laser in Gazebo: nothing fires here. For a scan head on a serial port
run `openmtz.launch.py mode:=hardware` beside it; it finds arm and camera under the same names.

Arguments: patient_json, seed (as node `simulation`), headless, nodes (of OpenMTZ, started with it).
"""

import os
import sys
import tempfile

from ament_index_python.packages import get_package_share_directory
from launch.actions import DeclareLaunchArgument, ExecuteProcess, IncludeLaunchDescription, OpaqueFunction
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from launch import LaunchDescription

ARGUMENTS = {
    "patient_json": ("", "simulated patient, docs/nodes/simulation.md; empty: a cheek with scars"),
    "seed": ("0", "seed of the patient"),
    "headless": ("false", "true: no window"),
    "nodes": ("surface_capture,mtz_planner", "nodes of OpenMTZ to start, separated by commas; empty: none"),
}
CONTROLLERS = "gazebo_controllers.yaml"
# Gazebo's topic, ROS type, Gazebo type; all from Gazebo to ROS.
BRIDGED = (
    ("/clock", "rosgraph_msgs/msg/Clock", "gz.msgs.Clock"),
    ("/camera/depth", "sensor_msgs/msg/Image", "gz.msgs.Image"),
    ("/camera/camera_info", "sensor_msgs/msg/CameraInfo", "gz.msgs.CameraInfo"),
)
REMAPPED = (
    ("/camera/depth", "/camera/depth/image_rect_raw"),
    ("/camera/camera_info", "/camera/depth/camera_info"),
)


def _write_world(folder, given):
    """Write world, patient and controllers' parameters into a folder; return the world and the URDF."""
    from pathlib import Path

    import trimesh

    from openmtz.robot import find_urdf
    from openmtz.simulation.arm.gazebo import urdf_with_control, world_sdf
    from openmtz.simulation.patient.request import build_patient

    try:
        seed = int(given["seed"])
    except ValueError:
        raise ValueError(f"seed:={given['seed']}: must be a whole number") from None
    mesh = build_patient(given["patient_json"], seed).mesh
    patient = Path(folder) / "patient.stl"
    trimesh.Trimesh(mesh.vertices, mesh.faces, process=False).export(patient)
    urdf = find_urdf().read_text(encoding="utf-8")
    controllers = Path(get_package_share_directory("openmtz")) / "launch" / CONTROLLERS
    world = Path(folder) / "openmtz_cell.sdf"
    world.write_text(
        world_sdf(urdf, patient_uri=patient.as_uri(), control=str(controllers)), encoding="utf-8"
    )
    return world, urdf_with_control(urdf)


def _processes(context):
    from openmtz.graph.description import NODE_NAMES

    given = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    if given["headless"] not in ("true", "false"):
        raise ValueError(f"headless:={given['headless']}: must be true or false")
    nodes = [name for name in given["nodes"].split(",") if name]
    unknown = sorted(set(nodes) - set(NODE_NAMES) | {"simulation"} & set(nodes))
    if unknown:
        known = ", ".join(n for n in NODE_NAMES if n != "simulation")
        raise ValueError(f"nodes:={given['nodes']}: {unknown[0]} cannot run here; there are: {known}")
    world, urdf = _write_world(tempfile.mkdtemp(prefix="openmtz-gazebo-"), given)
    gazebo = os.path.join(get_package_share_directory("ros_gz_sim"), "launch", "gz_sim.launch.py")
    server_only = "-s " if given["headless"] == "true" else ""
    bridge = [f"{topic}@{ros}[{gz}" for topic, ros, gz in BRIDGED]
    sim_time = {"use_sim_time": True}
    actions = [
        IncludeLaunchDescription(
            PythonLaunchDescriptionSource(gazebo),
            launch_arguments={"gz_args": f"-r {server_only}{world}", "on_exit_shutdown": "true"}.items(),
        ),
        Node(
            package="robot_state_publisher",
            executable="robot_state_publisher",
            parameters=[{"robot_description": urdf, **sim_time}],
            output="screen",
        ),
        Node(
            package="ros_gz_bridge",
            executable="parameter_bridge",
            arguments=bridge,
            remappings=list(REMAPPED),
            parameters=[sim_time],
            output="screen",
        ),
        Node(
            package="controller_manager",
            executable="spawner",
            arguments=["joint_state_broadcaster", "joint_trajectory_controller"],
            output="screen",
        ),
    ]
    if nodes:
        command = [sys.executable, "-m", "openmtz.nodes", "--use-sim-time", *nodes]
        actions.append(ExecuteProcess(cmd=command, name="openmtz", output="screen"))
    return actions


def generate_launch_description():
    """Return the description that `ros2 launch` runs."""
    declared = [
        DeclareLaunchArgument(name, default_value=default, description=text)
        for name, (default, text) in ARGUMENTS.items()
    ]
    return LaunchDescription([*declared, OpaqueFunction(function=_processes)])
