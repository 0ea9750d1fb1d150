"""A client written against docs/nodes/ alone: rclpy and the interfaces, nothing of openmtz."""

from __future__ import annotations

import math
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from geometry_msgs.msg import PoseStamped
from openmtz_interfaces.msg import (
    SafetyState,
    ScanHeadStatus,
    ShotsTruth,
    SkinSurface,
    SpotsFired,
    TreatmentPlan,
)
from openmtz_interfaces.srv import ApprovePlan, InjectFault, RequestReady, RequestToken, SetInterlock
from rclpy.action import ActionClient
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from scipy.spatial.transform import Rotation

LATCHED = QoSProfile(
    depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL, reliability=ReliabilityPolicy.RELIABLE
)


def secret() -> str:
    """The secret of the stack of this user in this ROS domain: docs/safety.md says where it lies."""
    place = Path(tempfile.gettempdir()) / f"openmtz-user-{os.geteuid()}"
    named = os.environ.get("OPENMTZ_SECRET_FILE")
    return Path(named or place / f"domain-{os.environ.get('ROS_DOMAIN_ID', '0')}.secret").read_text().strip()


class IndependentClient:
    """Bounded waits only; `latest` holds the newest message by topic."""

    def __init__(self) -> None:
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
        self.node = rclpy.create_node("independent_client")
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.node)
        self.latest: dict[str, Any] = {}
        self.feedback: dict[str, Any] = {}
        self.truth: list[ShotsTruth] = []
        self.fired: list[SpotsFired] = []
        self._clients: dict[str, Any] = {}
        for name, kind in (("safety/state", SafetyState), ("surface", SkinSurface), ("plan", TreatmentPlan)):
            self.node.create_subscription(
                kind, name, lambda m, n=name: self.latest.__setitem__(n, m), LATCHED
            )
        self.node.create_subscription(
            ScanHeadStatus, "scan_head/status", lambda m: self.latest.__setitem__("scan_head/status", m), 5
        )
        self.node.create_subscription(ShotsTruth, "ground_truth/shots", self.truth.append, 200)
        self.node.create_subscription(SpotsFired, "scan_head/spots_fired", self.fired.append, 200)

    def close(self) -> None:
        self.executor.shutdown(timeout_sec=0.5)
        self.node.destroy_node()
        rclpy.shutdown()

    @property
    def safety(self) -> SafetyState | None:
        return self.latest.get("safety/state")

    def wait(self, done: Any, timeout_s: float, what: str) -> None:
        deadline = time.monotonic() + timeout_s
        while not done():
            assert time.monotonic() < deadline, f"nothing within {timeout_s} s: {what}; safety: {self.safety}"
            self.executor.spin_once(timeout_sec=0.02)

    def wait_state(self, state: int, timeout_s: float) -> None:
        self.wait(
            lambda: self.safety is not None and self.safety.state == state, timeout_s, f"safety state {state}"
        )

    def call(self, kind: Any, name: str, **fields: Any) -> Any:
        if "secret" in kind.Request.get_fields_and_field_types():
            fields.setdefault("secret", secret())
        client = self._clients.setdefault(name, self.node.create_client(kind, name))
        self.wait(client.service_is_ready, 10.0, name)
        future = client.call_async(kind.Request(**fields))
        self.wait(future.done, 10.0, name)
        return future.result()

    def send(self, kind: Any, name: str, **fields: Any) -> Any:
        """Send a goal; returns the future of its result."""
        if "secret" in kind.Goal.get_fields_and_field_types():
            fields.setdefault("secret", secret())
        client = self._clients.setdefault(name, ActionClient(self.node, kind, name))
        self.wait(client.server_is_ready, 10.0, name)
        sent = client.send_goal_async(
            kind.Goal(**fields), feedback_callback=lambda m: self.feedback.__setitem__(name, m.feedback)
        )
        self.wait(sent.done, 10.0, name)
        assert sent.result().accepted, name
        return sent.result().get_result_async()

    def run(self, kind: Any, name: str, timeout_s: float, **fields: Any) -> Any:
        future = self.send(kind, name, **fields)
        self.wait(future.done, timeout_s, name)
        result = future.result().result
        assert result.success, f"{name}: {result.reason}"
        return result

    def token(self, token: int, station: int = 0, pass_index: int = 0) -> None:
        """Give back what is held, then ask until it is granted."""
        self.call(RequestToken, "safety/request_token", token=SafetyState.TOKEN_NONE)
        deadline = time.monotonic() + 10.0
        while True:
            answer = self.call(
                RequestToken, "safety/request_token", token=token, station=station, pass_index=pass_index
            )
            if answer.granted:
                return
            assert time.monotonic() < deadline, answer.reason

    def line(self, name: str, value: bool) -> None:
        answer = self.call(SetInterlock, "simulation/set_interlock", line=name, value=value)
        assert answer.success, answer.message

    def fault(self, name: str, parameters_json: str = "", active: bool = True) -> None:
        answer = self.call(
            InjectFault, "simulation/inject_fault", fault=name, parameters_json=parameters_json, active=active
        )
        assert answer.success, answer.message

    def approve(self, plan_sha256: str) -> None:
        assert self.safety is not None
        answer = self.call(
            ApprovePlan,
            "safety/approve_plan",
            plan_sha256=plan_sha256,
            monitor_boot_id=self.safety.boot_id,
            approver="test",
        )
        assert answer.accepted, answer.reason

    def make_ready(self) -> None:
        """Attest eyewear, ask for ready, wait for it."""
        self.line("eyewear_attested", True)
        deadline = time.monotonic() + 5.0
        while True:
            answer = self.call(RequestReady, "safety/request_ready", ready=True)
            if answer.accepted:
                break
            assert time.monotonic() < deadline, answer.reason
            self.executor.spin_once(timeout_sec=0.05)
        self.wait_state(SafetyState.READY, 10.0)

    def delivered(self) -> tuple[np.ndarray, np.ndarray]:
        """Spot indices `(M,)` and true positions `(M, 3)` [m] of every shot, by ground truth."""
        if not self.truth:
            return np.empty(0, np.int64), np.empty((0, 3))
        index = np.concatenate([np.asarray(m.spot_index, np.int64) for m in self.truth])
        return index, np.concatenate([np.asarray(m.position_m).reshape(-1, 3) for m in self.truth])


def pose_message(vector: Any) -> PoseStamped:
    """PoseStamped in world of x y z qx qy qz qw."""
    message = PoseStamped()
    message.header.frame_id = "world"
    p, o = message.pose.position, message.pose.orientation
    p.x, p.y, p.z, o.x, o.y, o.z, o.w = (float(v) for v in vector)
    return message


def look_down(
    center: tuple[float, float, float], tilt: float, azimuth: float, distance: float
) -> PoseStamped:
    """A camera pose that looks at `center` from `distance`, tilted from the vertical."""
    out = np.array([math.sin(tilt) * math.cos(azimuth), math.sin(tilt) * math.sin(azimuth), math.cos(tilt)])
    x = np.array([1.0, 0.0, 0.0]) + out * (-out[0])
    x /= np.linalg.norm(x)
    rotation = np.column_stack([x, np.cross(-out, x), -out])
    return pose_message([*(np.array(center) + distance * out), *Rotation.from_matrix(rotation).as_quat()])
