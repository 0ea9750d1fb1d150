"""Node `scan_head`: fires the spots of a station (action `fire_station`) through the serial line.

It aims from the measured pose, loads records, reports them to the safety monitor (`spots_loaded`) and
relays permits unopened. What may fire is decided by the monitor and by the device itself.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import rclpy.node
from numpy.typing import NDArray
from openmtz_interfaces.action import FireStation
from openmtz_interfaces.msg import Permit, SafetyState, ScanHeadStatus, SpotsFired, SpotsLoaded
from openmtz_interfaces.msg import TreatmentPlan as PlanMessage
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState
from std_srvs.srv import Trigger

from openmtz.devices import (
    DeviceNotAnswering,
    DeviceState,
    Fired,
    FiredGap,
    LinkLost,
    Nak,
    NakCode,
    PermitFrame,
    ScanHeadError,
    ScanHeadLink,
    SelectReply,
    SerialPortMissing,
    Status,
    decode_frame,
    encode_records,
    running_digest,
)
from openmtz.geometry import apply_pose, invert_pose
from openmtz.nodes import convert, topics
from openmtz.nodes.support import (
    Goal,
    GoalSlot,
    NodeError,
    ProgressCounter,
    SharedTopics,
    parameter,
    parse_parameters,
    work_timer,
)
from openmtz.optics import HandpieceProfile, ProfileError, angles_to_counts, point_to_angles
from openmtz.plan import PlanError, TreatmentPlan
from openmtz.robot import JOINT_NAMES, ArmKinematics

REPORT_PERIOD_S = 0.025
SELECT_NAKS = (NakCode.ALREADY_EXECUTED, NakCode.IN_FAULT, NakCode.BAD_REQUEST)
"""Refusals of a selection. Others are of permits or spots, or the link asks again by itself."""


@dataclass(frozen=True)
class ScanHeadConfig:
    """Parameters of `scan_head`."""

    port: str = parameter("", "serial port of the scan head")
    baud: int = parameter(921_600, "baud rate", 9600, 4_000_000)
    connect_timeout_s: float = parameter(6.0, "longest wait for the port and the device [s]", 0.5, 120.0)
    stall_timeout_s: float = parameter(30.0, "no shot for so long ends a firing goal [s]", 1.0, 600.0)
    joint_age_s: float = parameter(
        0.2, "joint states older than this are of no use for aiming [s]", 0.02, 5.0
    )


@dataclass
class _Firing:
    """The group being fired: spots `[first, end)` of the plan."""

    goal: Goal[Any]
    plan: TreatmentPlan
    station: int
    pass_index: int
    first: int
    end: int
    records: bytes
    selected: bool = False
    next_spot: int = 0
    moved_at: float = 0.0

    def answered_by(self, reply: SelectReply) -> bool:
        """True for the first reply to this very selection; one to an earlier goal may still come in."""
        wanted = (bytes.fromhex(self.plan.sha256)[:16], self.station, self.pass_index, self.first, self.end)
        given = (reply.plan_prefix, reply.station, reply.pass_index, reply.first, reply.end)
        return not self.selected and wanted == given


class ScanHeadNode(rclpy.node.Node):
    """Alone in its process; serial I/O has its own thread inside `ScanHeadLink`."""

    def __init__(self, overrides: list[Parameter]) -> None:
        super().__init__("scan_head", parameter_overrides=overrides)
        self._config = parse_parameters(self, ScanHeadConfig)
        self._kinematics = ArmKinematics()
        self._joints: NDArray[np.float64] | None = None
        self._joints_at = -1e9
        self._plan: TreatmentPlan | None = None
        self._approved = ""
        self._firing: _Firing | None = None
        self._work_count = -1
        self._reports: list[Fired] = []
        self._reports_due = 0.0
        self._lost = ""
        self._status_publisher = topics.HEAD_STATUS.publisher(self)
        self._loaded_publisher = topics.SPOTS_LOADED.publisher(self)
        self._fired_publisher = topics.SPOTS_FIRED.publisher(self)
        self._topics = SharedTopics(self, [topics.PERMIT.name, topics.SAFETY_STATE.name])
        self._link = self._connect()
        topics.PERMIT.subscription(self, self._on_permit)
        topics.PLAN.subscription(self, self._on_plan)
        topics.SAFETY_STATE.subscription(self, self._on_safety)
        topics.JOINT_STATES.subscription(self, self._on_joints)
        self.create_service(Trigger, "scan_head/reset_fault", self._on_reset)
        self._slot: GoalSlot[Any] = GoalSlot(self, FireStation, "fire_station", self._start, self._cancel)
        self._progress = ProgressCounter(self, 0.1)
        work_timer(self, 0.005, self._work)

    def _connect(self) -> ScanHeadLink:
        """Open the line; a simulated head may take a moment to be there."""
        if not self._config.port:
            raise NodeError("scan_head: no serial port given (parameter port), e.g. /dev/ttyUSB0")
        link = ScanHeadLink(self._config.port, baud=self._config.baud)
        deadline = time.monotonic() + self._config.connect_timeout_s
        while True:
            try:
                hello = link.connect()
                self.get_logger().info(f"connected to {hello.device_id} on {self._config.port}")
                return link
            except ScanHeadError as error:
                if time.monotonic() > deadline or not isinstance(
                    error, (SerialPortMissing, DeviceNotAnswering)
                ):
                    raise NodeError(str(error)) from error
                time.sleep(0.1)

    # ---- inputs ---------------------------------------------------------------------------------

    def _on_permit(self, message: Permit) -> None:
        """Relayed as it is, after a look that it is one permit: nothing else travels by this way."""
        frame = bytes(message.frame)
        try:
            if self._topics.shared:
                raise ValueError(f"more than one node publishes on {self._topics.shared}")
            content = decode_frame(frame[:-1])
            if not isinstance(content, PermitFrame):
                raise ValueError(f"the frame holds no permit but {content}"[:120])
            self._link.relay_permit(frame)
        except (ValueError, ScanHeadError) as error:
            self.get_logger().error(f"a permit was not relayed: {error}", throttle_duration_sec=1.0)

    def _on_plan(self, message: PlanMessage) -> None:
        try:
            self._plan = convert.plan_of(message)
        except PlanError as error:
            self._plan = None
            self.get_logger().error(f"a plan was refused: {error}")

    def _on_safety(self, message: SafetyState) -> None:
        self._approved = message.approved_plan_sha256
        firing = self._firing
        if firing is None:
            return
        if message.state in (SafetyState.FAULT, SafetyState.OFF):
            self._interrupt(f"safety monitor: {message.state_name} ({message.detail or message.cause})")
        elif message.approved_plan_sha256 != firing.plan.sha256:
            self._interrupt("the approval of the plan is no longer in force")

    def _on_joints(self, message: JointState) -> None:
        position = dict(zip(message.name, message.position, strict=False))
        joints = np.array([position.get(name, np.nan) for name in JOINT_NAMES])
        if np.isfinite(joints).all():
            self._joints, self._joints_at = joints, time.monotonic()

    def _on_reset(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._link.reset_fault()
        response.success = True
        return response

    # ---- firing ---------------------------------------------------------------------------------

    def _start(self, goal: Goal[Any]) -> None:
        try:
            self._firing = self._prepare(goal)
        except (ValueError, ScanHeadError) as error:
            goal.finish(
                FireStation.Result(success=False, reason=str(error), next_spot=int(goal.request.first))
            )

    def _prepare(self, goal: Goal[Any]) -> _Firing | None:
        request = goal.request
        plan = self._plan
        if plan is None or plan.sha256 != request.plan_sha256:
            raise ValueError(f"plan {request.plan_sha256[:12]} is not the one this node has")
        if self._approved != plan.sha256:
            raise ValueError(f"plan {plan.sha256[:12]} is not approved (service safety/approve_plan)")
        groups = {(g.station, g.pass_index): g for g in plan.groups()}
        group = groups.get((request.station, request.pass_index))
        if group is None:
            raise ValueError(
                f"the plan has no spots for station {request.station}, pass {request.pass_index}"
            )
        first = max(int(request.first), group.first)
        status = self._link.status
        if status is not None and status.plan_hex == plan.sha256:
            # One more may have been fired since the caller was told: the device knows, and never repeats.
            first = max(first, min(status.executed, group.end))
        if first >= group.end:
            goal.finish(FireStation.Result(success=True, next_spot=group.end))
            return None
        if self._joints is None or time.monotonic() - self._joints_at > self._config.joint_age_s:
            raise ValueError(f"no fresh joint states on {topics.JOINT_STATES.name}: cannot aim")
        records = self._aim(plan, first, group.end, self._kinematics.forward(self._joints, "scan_head"))
        self._link.select(plan.sha256, group.station, group.pass_index, first, group.end, timeout_s=0)
        return _Firing(
            goal, plan, group.station, group.pass_index, first, group.end, records,
            next_spot=first, moved_at=time.monotonic(),
        )  # fmt: skip

    @staticmethod
    def _aim(plan: TreatmentPlan, first: int, end: int, pose: NDArray[np.float64]) -> bytes:
        """Return the wire records of spots `[first, end)`, aimed from the measured pose."""
        try:
            profile = HandpieceProfile.from_header(plan.header["profile"])
        except (KeyError, ProfileError) as error:
            raise ValueError(f"the plan's handpiece profile is of no use: {error}") from error
        points = apply_pose(invert_pose(pose), plan.positions_m[first:end])
        counts = angles_to_counts(
            point_to_angles(points, profile.mirror_separation_m), profile.full_scale_rad
        )
        earliest = plan.not_before_us[first:end].astype(np.int64)
        return encode_records(
            counts,
            plan.energy_uj[first:end].astype(np.int64),
            plan.pulse_us[first:end].astype(np.int64),
            earliest - earliest[0]
            if (earliest >= earliest[0]).all()
            else np.maximum(earliest - earliest[0], 0),
        )

    def _on_selected(self, firing: _Firing) -> None:
        """The device took the selection: load it, and show the safety monitor what was loaded."""
        firing.selected = True
        self._link.load(firing.first, firing.records)
        digests = running_digest(firing.records)
        step = 256
        for at in range(0, firing.end - firing.first, step):
            chunk = firing.records[at * 14 : (at + step) * 14]
            message = SpotsLoaded(
                plan_sha256=firing.plan.sha256,
                station=firing.station,
                pass_index=firing.pass_index,
                first=firing.first + at,
                count=len(chunk) // 14,
                digest_before=int(digests[at - 1]) if at else 0,
                records=convert.typed_array(np.frombuffer(chunk, np.uint8), "uint8"),
            )
            message.header.stamp = self.get_clock().now().to_msg()
            self._loaded_publisher.publish(message)

    def _cancel(self, _goal: Goal[Any]) -> None:
        self._interrupt("cancelled")

    def _interrupt(self, reason: str) -> None:
        firing, self._firing = self._firing, None
        if firing is None:
            return
        self._link.close_gate()
        firing.goal.finish(FireStation.Result(success=False, reason=reason, next_spot=firing.next_spot))

    # ---- the work loop --------------------------------------------------------------------------

    def _work(self) -> None:
        now = time.monotonic()
        self._topics.look(now)
        latest: Status | None = None
        for event in self._link.events():
            if isinstance(event, Status):
                latest = event
            elif isinstance(event, Fired):
                self._reports.append(event)
            elif isinstance(event, SelectReply):
                if self._firing is not None and self._firing.answered_by(event):
                    self._on_selected(self._firing)
            elif isinstance(event, Nak):
                if self._firing is not None and not self._firing.selected and event.code in SELECT_NAKS:
                    self._interrupt(f"the scan head refused the selection: {event.text}")
            elif isinstance(event, FiredGap):
                self.get_logger().error(
                    f"spots {event.first} to {event.end} are in doubt: fired, but not reported"
                )
            elif isinstance(event, LinkLost):
                self._lost = event.reason
                self._interrupt(f"the line to the scan head is lost: {event.reason}")
        self._publish_fired(now)
        if latest is not None or self._lost:
            self._publish_status(latest)
        self._follow(latest, now)
        if self._link.work_count != self._work_count:
            self._work_count = self._link.work_count
            self._progress.work(now)
        if self._lost:
            raise NodeError(f"the line to the scan head is lost: {self._lost}")

    def _follow(self, status: Status | None, now: float) -> None:
        firing = self._firing
        if firing is None:
            return
        if now - firing.moved_at > self._config.stall_timeout_s:
            self._interrupt(f"no shot for {self._config.stall_timeout_s:.0f} s")
            return
        if status is None or not firing.selected:
            return
        if status.state == DeviceState.FAULT:
            self._interrupt(f"scan head fault {status.fault_code}: {status.fault_text}")
            return
        if status.executed > firing.next_spot:
            firing.next_spot, firing.moved_at = min(status.executed, firing.end), now
            firing.goal.handle.publish_feedback(
                FireStation.Feedback(next_spot=firing.next_spot, gate_open=status.gate_open)
            )
        if status.executed >= firing.end and not status.gate_open and not self._reports:
            self._firing = None
            firing.goal.finish(FireStation.Result(success=True, next_spot=firing.end))

    def _publish_status(self, status: Status | None) -> None:
        status = status or self._link.status
        if status is None:
            return
        message = ScanHeadStatus(
            connected=self._link.connected and not self._lost,
            state=int(status.state),
            boot_id=status.boot_id,
            device_tick_us=status.device_tick_us,
            gate_open=status.gate_open,
            emergency_stop_open=status.emergency_stop_open,
            footswitch_pressed=status.footswitch_pressed,
            loaded_until=status.loaded_until,
            executed=status.executed,
            credit_until=status.credit_until,
            permit_counter=status.permit_counter,
            permits_rejected=status.permits_rejected,
            fault_code=status.fault_code,
            fault_text=status.fault_text,
            plan_sha256=status.plan_hex,
        )
        message.header.stamp = self.get_clock().now().to_msg()
        self._status_publisher.publish(message)

    def _publish_fired(self, now: float) -> None:
        """Reports of shots, a batch every 25 ms: the device tells them every 4 ms, too often for DDS."""
        reports = self._reports
        if not reports or now < self._reports_due:
            return
        self._reports_due = now + REPORT_PERIOD_S
        self._reports = []
        status = self._link.status
        first = np.concatenate([np.arange(e.first, e.first + len(e.shots)) for e in reports])
        shots = [shot for e in reports for shot in e.shots]
        message = SpotsFired(
            plan_sha256=status.plan_hex if status is not None else "",
            boot_id=status.boot_id if status is not None else 0,
            spot_index=convert.typed_array(first, "uint32"),
            device_tick_us=convert.typed_array(np.array([s[0] for s in shots]), "uint64"),
            energy_uj=convert.typed_array(np.array([s[1] for s in shots]), "uint32"),
        )
        message.header.stamp = self.get_clock().now().to_msg()
        self._fired_publisher.publish(message)

    def make_safe(self) -> None:
        """The gate closes before anything else goes."""
        self._link.close()


def create(overrides: list[Parameter]) -> ScanHeadNode:
    """Return the node."""
    return ScanHeadNode(overrides)
