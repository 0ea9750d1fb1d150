"""What node `safety_monitor` hears: topics into the monitor's inbox."""

from __future__ import annotations

import time

import numpy as np
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
from openmtz.nodes.hearing import ListeningNode
from openmtz.plan import PlanError
from openmtz.robot import JOINT_NAMES
from openmtz.stack import Monitoring


class MonitorInputs:
    """Subscribes to all of it: each topic has one publisher, `progress` one for each node.

    What cannot be believed counts as nothing, and is said in the log.
    """

    def __init__(self, node: ListeningNode, monitoring: Monitoring) -> None:
        self._node, self._monitoring, self._inbox = node, monitoring, monitoring.inbox
        ear = node.ear
        ear.subscribe(topics.INTERLOCKS, self._on_interlocks)
        ear.subscribe(topics.HEAD_STATUS, self._on_head)
        ear.subscribe(topics.JOINT_STATES, self._on_joints)
        ear.subscribe(topics.PROGRESS, self._on_progress, monitoring.watched, _said_by)
        ear.subscribe(topics.PLAN, self._on_plan)
        ear.subscribe(topics.SURFACE, self._on_surface)
        ear.subscribe(topics.SPOTS_LOADED, self._on_loaded)
        ear.subscribe(topics.SPOTS_FIRED, self._on_fired)

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


def _said_by(message: ProgressMessage) -> str:
    return str(message.node)
