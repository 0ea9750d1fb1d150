"""Every topic of the graph: name, type and QoS, once. docs/nodes/ and the recorder follow this table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import rclpy.node
from diagnostic_msgs.msg import DiagnosticArray
from openmtz_interfaces.msg import (
    Interlocks,
    Permit,
    Progress,
    SafetyState,
    ScanHeadStatus,
    ShotsTruth,
    SkinSurface,
    SpotsFired,
    SpotsLoaded,
    TreatmentPlan,
    TreatmentStatus,
)
from rclpy.qos import QoSProfile, qos_profile_sensor_data
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image, JointState
from tf2_msgs.msg import TFMessage
from trajectory_msgs.msg import JointTrajectory

from openmtz.nodes import qos


@dataclass(frozen=True)
class Topic:
    """A topic: relative name, message class, QoS. `simulation` ones exist only there."""

    name: str
    type: Any
    qos: QoSProfile
    text: str
    simulation: bool = False

    def publisher(self, node: rclpy.node.Node) -> Any:
        """Create the publisher."""
        return node.create_publisher(self.type, self.name, self.qos)

    def subscription(self, node: rclpy.node.Node, callback: Any, **options: Any) -> Any:
        """Create a subscription."""
        return node.create_subscription(self.type, self.name, callback, self.qos, **options)

    @property
    def type_name(self) -> str:
        """`package/msg/Name`."""
        return f"{self.type.__module__.split('.')[0]}/msg/{self.type.__name__}"


CLOCK = Topic("/clock", Clock, qos_profile_sensor_data, "simulation time", simulation=True)
TF = Topic("/tf", TFMessage, qos.EVENTS, "moving frame: base_link to tool0")
TF_STATIC = Topic(
    "/tf_static", TFMessage, qos.LATCHED, "fixed frames: world to base_link, tool0 to scan_head and camera"
)
JOINT_STATES = Topic("joint_states", JointState, qos.STREAM, "measured joints [rad], [rad/s]")
TRAJECTORY = Topic(
    "joint_trajectory_controller/joint_trajectory", JointTrajectory, qos.COMMAND, "motion of the arm"
)
DEPTH = Topic("camera/depth/image_rect_raw", Image, qos.FRAMES, "depth frames, 32FC1 [m]")
CAMERA_INFO = Topic("camera/depth/camera_info", CameraInfo, qos.FRAMES, "intrinsics [px]")
SURFACE = Topic("surface", SkinSurface, qos.LATCHED, "the captured skin")
PLAN = Topic("plan", TreatmentPlan, qos.LATCHED, "the treatment plan")
HEAD_STATUS = Topic("scan_head/status", ScanHeadStatus, qos.STREAM, "what the device says")
SPOTS_LOADED = Topic("scan_head/spots_loaded", SpotsLoaded, qos.EVENTS, "records as sent to the device")
SPOTS_FIRED = Topic("scan_head/spots_fired", SpotsFired, qos.EVENTS, "shots the device reports")
SAFETY_STATE = Topic("safety/state", SafetyState, qos.LATCHED, "state, token, approval")
PERMIT = Topic("safety/permit", Permit, qos.PERMIT, "credit to emit, expiring")
DIAGNOSTICS = Topic("/diagnostics", DiagnosticArray, qos.EVENTS, "health")
INTERLOCKS = Topic("interlocks", Interlocks, qos.STREAM, "interlock lines")
PROGRESS = Topic("progress", Progress, qos.EVENTS, "progress counters of work loops")
SHOTS_TRUTH = Topic("ground_truth/shots", ShotsTruth, qos.EVENTS, "what each shot hit", simulation=True)
TREATMENT_STATUS = Topic("treatment/status", TreatmentStatus, qos.LATCHED, "where the treatment stands")

ALL = [t for t in list(globals().values()) if isinstance(t, Topic)]
ACTIONS = {
    "capture_surface": "CaptureSurface",
    "plan_treatment": "PlanTreatment",
    "move_to_station": "MoveToStation",
    "fire_station": "FireStation",
    "treat": "Treat",
}
"""Action name to type in openmtz_interfaces."""
