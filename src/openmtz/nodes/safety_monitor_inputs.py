"""What node `safety_monitor` hears: topics into the monitor's inbox."""

from __future__ import annotations

import time

import numpy as np
import rclpy.node
from openmtz_interfaces.msg import (
    Interlocks as InterlocksMessage,
    Progress as ProgressMessage,
    ScanHeadStatus,
    SkinSurface as SurfaceMessage,
    SpotsFired,
    SpotsLoaded,
    TreatmentPlan as PlanMessage,
)
from sensor_msgs.msg import JointState

from openmtz.nodes import convert, convert_safety, topics
from openmtz.plan import PlanError
from openmtz.robot import JOINT_NAMES
from openmtz.stack import Monitoring

DECIDING = (
    topics.INTERLOCKS, topics.HEAD_STATUS, topics.JOINT_STATES, topics.SPOTS_LOADED, topics.SPOTS_FIRED,
    topics.PERMIT, topics.SAFETY_STATE,
)  # fmt: skip
"""What the monitor believes, and what it says: each has one publisher."""


class MonitorInputs:
    """Subscribes to all of it. What cannot be believed counts as nothing, and is said in the log."""

    def __init__(self, node: rclpy.node.Node, monitoring: Monitoring) -> None:
        self._node, self._monitoring, self._inbox = node, monitoring, monitoring.inbox
        topics.INTERLOCKS.subscription(node, self._on_interlocks)
        topics.HEAD_STATUS.subscription(node, self._on_head)
        topics.JOINT_STATES.subscription(node, self._on_joints)
        topics.PROGRESS.subscription(node, self._on_progress)
        topics.PLAN.subscription(node, self._on_plan)
        topics.SURFACE.subscription(node, self._on_surface)
        topics.SPOTS_LOADED.subscription(node, self._on_loaded)
        topics.SPOTS_FIRED.subscription(node, self._on_fired)

    def _on_interlocks(self, message: InterlocksMessage) -> None:
        self._inbox.interlocks = convert_safety.interlocks_of(message, time.monotonic())

    def _on_head(self, message: ScanHeadStatus) -> None:
        self._inbox.head = convert_safety.head_of(message, time.monotonic())

    def _on_joints(self, message: JointState) -> None:
        known = convert.joints_of(message, JOINT_NAMES)
        joints = np.full(len(JOINT_NAMES), np.nan) if known is None else known[0]
        self._inbox.hear_joints(joints, time.monotonic())

    def _on_progress(self, message: ProgressMessage) -> None:
        now, period_s = time.monotonic(), message.period_ms * 1e-3
        self._monitoring.hear_progress(message.node, message.counter, period_s, now)

    def _on_plan(self, message: PlanMessage) -> None:
        self._inbox.plan = None
        try:
            self._inbox.plan = convert.plan_of(message)
        except PlanError as error:
            self._refused(f"a plan was refused: {error}")

    def _on_surface(self, message: SurfaceMessage) -> None:
        skin = None
        try:
            skin = convert.surface_of(message).mesh
        except ValueError as error:
            self._refused(f"a surface was refused: {error}")
        self._inbox.hear_surface(message.surface_id, skin)

    def _on_loaded(self, message: SpotsLoaded) -> None:
        try:
            self._inbox.loaded.append(convert_safety.loaded_of(message))
        except ValueError as error:
            self._refused(f"records of loaded spots were refused: {error}")

    def _on_fired(self, message: SpotsFired) -> None:
        try:
            self._inbox.fired.append(convert_safety.fired_of(message))
        except ValueError as error:
            self._refused(f"a report of shots was refused: {error}")

    def _refused(self, text: str) -> None:
        self._node.get_logger().error(text, throttle_duration_sec=1.0)
