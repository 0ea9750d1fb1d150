"""The scan-head process in lockstep: what node `scan_head` does with the link, the joints and the monitor."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openmtz.devices import (
    Fired,
    FiredGap,
    FiringRefused,
    GroupFiring,
    LinkLost,
    Select,
    Status,
    aim_records,
    first_to_fire,
    group_of,
    plan_bytes,
)
from openmtz.optics import FieldCalibration
from openmtz.plan import TreatmentPlan
from openmtz.records import FiredSpots
from openmtz.robot import ArmKinematics
from openmtz.safety import FiredBatch
from openmtz.simulation.lockstep.cell import LockstepCell
from openmtz.simulation.lockstep.log import EventLog
from openmtz.simulation.lockstep.monitor_side import MonitorSide

REPORT_PERIOD_S = 0.025
STALL_TIMEOUT_S = 30.0
JOINT_AGE_S = 0.2


class FireOutcome(NamedTuple):
    """How a firing ended: `next_spot` is the first not fired."""

    success: bool
    reason: str
    next_spot: int


class LaserSide:
    """One firing at a time. `work` returns the outcome once."""

    def __init__(
        self,
        cell: LockstepCell,
        monitor: MonitorSide,
        log: EventLog,
        calibration: FieldCalibration | None = None,
    ) -> None:
        self._calibration = calibration
        self._cell, self._monitor, self._log = cell, monitor, log
        self._kinematics = ArmKinematics()
        self._joints: NDArray[np.float64] | None = None
        self._joints_at = -np.inf
        self._firing: GroupFiring | None = None
        self._outcome: FireOutcome | None = None
        self._reports: list[Fired] = []
        self._reports_due = 0.0
        self._fired: dict[str, list[tuple[int, int, int]]] = {}

    @property
    def next_spot(self) -> int | None:
        """The first spot not known to be fired of the group under way, None without one."""
        return self._firing.next_spot if self._firing is not None else None

    def take_joints(self, joints: NDArray[np.float64], now: float) -> None:
        """Take measured joints `(6,)` [rad]: the aim is computed from them."""
        self._joints, self._joints_at = joints, now

    def begin(self, plan: TreatmentPlan, station: int, pass_index: int, first: int, now: float) -> None:
        """Fire a group from spot `first` on."""
        link = self._cell.head.link
        try:
            approved = self._monitor.outputs.approved_plan_sha256 if self._monitor.outputs else ""
            if approved != plan.sha256:
                raise FiringRefused(f"plan {plan.sha256[:12]} is not approved")
            group = group_of(plan, station, pass_index)
            start = first_to_fire(plan, group, first, link.status)
            if start >= group.end:
                self._outcome = FireOutcome(True, "", group.end)
                return
            if self._joints is None or now - self._joints_at > JOINT_AGE_S:
                raise FiringRefused("no fresh joint states: cannot aim")
            pose = self._kinematics.forward(self._joints, "scan_head")
            records = aim_records(plan, start, group.end, pose, self._calibration)
        except ValueError as error:
            self._outcome = FireOutcome(False, str(error), first)
            return
        select = Select(plan_bytes(plan.sha256), group.station, group.pass_index, start, group.end)
        link.select(select, now)
        self._firing = GroupFiring(plan, group, start, records, now)

    def interrupt(self, reason: str) -> None:
        """End the firing; the gate closes."""
        firing, self._firing = self._firing, None
        if firing is not None:
            self._cell.head.link.close_gate()
            self._outcome = FireOutcome(False, reason, firing.next_spot)

    def work(self, now: float) -> FireOutcome | None:
        """Take what the link heard; call every few milliseconds."""
        link = self._cell.head.link
        latest: Status | None = None
        for event in link.take_events():
            if isinstance(event, Status):
                latest = event
            elif isinstance(event, Fired):
                self._reports.append(event)
            elif isinstance(event, FiredGap):
                text = f"spots {event.first} to {event.end} are in doubt: fired, but not reported"
                self._log.add(now, "device", "fired-gap", text=text)
            elif isinstance(event, LinkLost):
                self._log.add(now, "device", "line-lost", text=event.reason)
            if self._firing is not None:
                heard = self._firing.hear(event)
                if isinstance(heard, str):
                    self.interrupt(heard)
                elif heard:
                    self._load(self._firing)
        self._report(now)
        if latest is not None:
            self._monitor.hear_head(now)
        self._follow(latest, now)
        outcome, self._outcome = self._outcome, None
        return outcome

    def _load(self, firing: GroupFiring) -> None:
        self._cell.head.link.load(firing.first, firing.records)
        for chunk in firing.chunks():
            self._monitor.hear_loaded(firing, chunk)

    def _follow(self, status: Status | None, now: float) -> None:
        firing = self._firing
        if firing is None:
            return
        outputs = self._monitor.outputs
        if outputs is not None and outputs.state.name in ("FAULT", "OFF"):
            self.interrupt(f"safety monitor: {outputs.state.name} ({outputs.detail or outputs.cause})")
            return
        if outputs is not None and outputs.approved_plan_sha256 != firing.plan.sha256:
            self.interrupt("the approval of the plan is no longer in force")
            return
        over = firing.follow(status, now, STALL_TIMEOUT_S)
        if over:
            self.interrupt(over)
        elif firing.complete(status) and not self._reports:
            self._firing = None
            self._outcome = FireOutcome(True, "", firing.end)

    def _report(self, now: float) -> None:
        if not self._reports or now < self._reports_due:
            return
        self._reports_due = now + REPORT_PERIOD_S
        status = self._cell.head.link.status
        plan = status.plan_hex if status is not None else ""
        boot = status.boot_id if status is not None else 0
        rows = [
            (event.first + k, shot[0], shot[1])
            for event in self._reports
            for k, shot in enumerate(event.shots)
        ]
        self._reports = []
        self._fired.setdefault(plan, []).extend(rows)
        table = np.array(rows, np.int64)
        self._monitor.inbox.fired.append(
            FiredBatch(plan, boot, table[:, 0].astype(np.uint32), table[:, 2].astype(np.uint32))
        )

    def fired(self, plan_sha256: str) -> FiredSpots:
        """Return what the device reported of a plan."""
        table = np.array(self._fired.get(plan_sha256, []), np.int64).reshape(-1, 3)
        return FiredSpots(table[:, 0], table[:, 1], table[:, 2].astype(np.float64))
