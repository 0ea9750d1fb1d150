"""The work loop of the scan head's process: fires a station's spots, reports them, relays permits unopened.

What may fire is decided by the safety monitor and by the device itself, never here. Free of ROS, threads and
clocks: the owner brings time and messages, calls `work` every few milliseconds, and passes on what it
returns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openmtz.devices import (
    DeviceState,
    Event,
    Fired,
    FiredGap,
    FiringRefused,
    GroupFiring,
    LinkLost,
    LoadedChunk,
    PermitFrame,
    ScanHeadError,
    Select,
    Status,
    aim_records,
    decode_frame,
    first_to_fire,
    group_of,
    plan_bytes,
)
from openmtz.optics import FieldCalibration
from openmtz.plan import TreatmentPlan
from openmtz.stack.ports import FireOrder, HeadLine

Array = NDArray[np.float64]


@dataclass(frozen=True)
class FiringConfig:
    """Times of the loop [s].

    `stall_timeout_s`: no shot for so long ends a firing. `joint_age_s`: joint states older than this are
    of no
    use for aiming. `report_period_s`: shots are reported in batches; the device tells them every 4 ms, too
    often for DDS. `show_period_s`: the device is asked so often for what it has executed of the plan, until
    its status names it. All engineering defaults.
    """

    stall_timeout_s: float = 30.0
    joint_age_s: float = 0.2
    report_period_s: float = 0.025
    show_period_s: float = 0.1


class HeadHeard(NamedTuple):
    """The device's status, to be published; `connected`: whether it is still heard."""

    status: Status
    connected: bool


class SpotsLoaded(NamedTuple):
    """Records handed to the device, which the safety monitor must see."""

    plan_sha256: str
    station: int
    pass_index: int
    chunk: LoadedChunk


class ShotReport(NamedTuple):
    """Shots the device reported, columns `(n,)` of int64: index in the plan, device tick [us], energy
    [uJ]."""

    plan_sha256: str
    boot_id: int
    spot_index: NDArray[np.int64]
    device_tick_us: NDArray[np.int64]
    energy_uj: NDArray[np.int64]


class FiringProgress(NamedTuple):
    """The first spot not known to be fired has changed."""

    next_spot: int
    gate_open: bool


class FiringEnded(NamedTuple):
    """How a firing ended: `next_spot` is the first not fired, `reason` is empty where all were."""

    success: bool
    reason: str
    next_spot: int


Outcome = HeadHeard | SpotsLoaded | ShotReport | FiringProgress | FiringEnded | FiredGap | LinkLost
"""What one turn of the loop has to tell, in order."""


class Firing:
    """One firing at a time.

    Args:
        pose_of: world pose `(4, 4)` of `scan_head` for joints `(6,)` [rad].
        calibration: field calibration of this head; None: the nominal map of the plan's profile.
    """

    def __init__(
        self,
        line: HeadLine,
        pose_of: Callable[[Array], Array],
        calibration: FieldCalibration | None = None,
        config: FiringConfig | None = None,
    ) -> None:
        self._line, self._pose_of, self._calibration = line, pose_of, calibration
        self.config = config or FiringConfig()
        self._joints: Array | None = None
        self._joints_at = -np.inf
        self._plan: TreatmentPlan | None = None
        self._approved = ""
        self._firing: GroupFiring | None = None
        self._reports: list[tuple[str, int, Fired]] = []
        self._reports_due = self._show_due = -np.inf
        self._named: tuple[str, int] | None = None
        self._out: list[Outcome] = []
        self._work_count = -1
        self.worked = False
        """Whether the line's own loop moved on since the turn before: what progress is counted by."""

    # ---- what it hears --------------------------------------------------------------------------

    def hear_plan(self, plan: TreatmentPlan | None) -> None:
        """Take the newest plan; None where it could not be believed."""
        self._plan = plan

    def hear_joints(self, joints: Array, now: float) -> None:
        """Take measured joints `(6,)` [rad]; those that are no numbers are left out."""
        if np.isfinite(joints).all():
            self._joints, self._joints_at = joints, now

    def hear_safety(self, state: str, detail: str, approved_plan_sha256: str) -> None:
        """Take the safety monitor's state; what is no longer allowed ends at once."""
        self._approved = approved_plan_sha256
        if self._firing is None:
            return
        if state in ("FAULT", "OFF"):
            self.interrupt(f"safety monitor: {state} ({detail})")
        elif approved_plan_sha256 != self._firing.plan.sha256:
            self.interrupt("the approval of the plan is no longer in force")

    def hear_permit(self, frame: bytes) -> None:
        """Relay a permit as it is, after a look that it is one permit: nothing else travels by this way.

        Raises:
            ValueError: it is none. ScanHeadError: the line does not take it.
        """
        content = decode_frame(frame[:-1])
        if not isinstance(content, PermitFrame):
            raise ValueError(f"the frame holds no permit but {content}"[:120])
        self._line.relay_permit(frame)

    # ---- firing ---------------------------------------------------------------------------------

    @property
    def next_spot(self) -> int | None:
        """The first spot not known to be fired of the group under way, None without one."""
        return self._firing.next_spot if self._firing is not None else None

    def begin(self, order: FireOrder, now: float) -> None:
        """Begin to fire a group; a refusal is told by the next turn, as every end is."""
        try:
            self._firing = self._prepare(order, now)
        except (ValueError, ScanHeadError) as error:
            self._out.append(FiringEnded(False, str(error), order.first))

    def interrupt(self, reason: str) -> None:
        """End the firing, if there is one; the gate closes at once."""
        firing, self._firing = self._firing, None
        if firing is not None:
            self._line.close_gate()
            self._out.append(FiringEnded(False, reason, firing.next_spot))

    def _prepare(self, order: FireOrder, now: float) -> GroupFiring | None:
        """Return the firing begun, None if all of the group is fired already."""
        plan = self._plan
        if plan is None or plan.sha256 != order.plan_sha256:
            raise FiringRefused(f"plan {order.plan_sha256[:12]} is not the one this process has")
        if self._approved != plan.sha256:
            raise FiringRefused(f"plan {plan.sha256[:12]} is not approved (service safety/approve_plan)")
        group = group_of(plan, order.station, order.pass_index)
        first = first_to_fire(plan, group, order.first, self._line.status)
        if first >= group.end:
            self._out.append(FiringEnded(True, "", group.end))
            return None
        if self._joints is None or now - self._joints_at > self.config.joint_age_s:
            raise FiringRefused("no fresh joint states: cannot aim")
        records = aim_records(plan, first, group.end, self._pose_of(self._joints), self._calibration)
        self._line.begin_selection(
            Select(plan_bytes(plan.sha256), group.station, group.pass_index, first, group.end)
        )
        return GroupFiring(plan, group, first, records, now)

    # ---- the work loop --------------------------------------------------------------------------

    def work(self, now: float) -> list[Outcome]:
        """Take what the line heard since the last turn; return what there is to tell."""
        latest: Status | None = None
        lost = False
        for event in self._line.events():
            if isinstance(event, Status):
                latest = event
                self._named = event.plan_hex, event.boot_id
            elif isinstance(event, Fired):
                # Of the plan the device named last before it: it may name another by the end of the turn.
                self._reports.append((*(self._named or self._named_now()), event))
            elif isinstance(event, FiredGap):
                self._out.append(event)
            lost |= isinstance(event, LinkLost)
            self._hear(event)
            if isinstance(event, LinkLost):
                self._out.append(event)
        self._report(now)
        status = latest or (self._line.status if lost else None)
        if status is not None:
            self._out.append(HeadHeard(status, self._line.connected and not lost))
        self._follow(latest, now)
        self._show_plan(now)
        self.worked, self._work_count = self._line.work_count != self._work_count, self._line.work_count
        out, self._out = self._out, []
        return out

    def _hear(self, event: Event) -> None:
        firing = self._firing
        if firing is None:
            return
        heard = firing.hear(event)
        if heard.over:
            self.interrupt(heard.over)
        elif heard.selected:
            # The device took the selection: load it, and show the safety monitor what was loaded.
            self._line.load(firing.first, firing.records)
            self._out += [
                SpotsLoaded(firing.plan.sha256, firing.group.station, firing.group.pass_index, chunk)
                for chunk in firing.chunks()
            ]

    def _report(self, now: float) -> None:
        if not self._reports or now < self._reports_due:
            return
        self._reports_due = now + self.config.report_period_s
        reports, self._reports = self._reports, []
        for (plan, boot), told in groupby(reports, key=lambda one: one[:2]):
            fired = [report for _, _, report in told]
            shots = np.array([shot for one in fired for shot in one.shots], np.int64).reshape(-1, 2)
            index = np.concatenate([one.first + np.arange(len(one.shots)) for one in fired])
            self._out.append(ShotReport(plan, boot, index.astype(np.int64), shots[:, 0], shots[:, 1]))

    def _named_now(self) -> tuple[str, int]:
        status = self._line.status
        return (status.plan_hex, status.boot_id) if status is not None else ("", 0)

    def _show_plan(self, now: float) -> None:
        """Have the device name the newest plan, so that whoever approves it knows what is fired of it."""
        plan, status = self._plan, self._line.status
        if plan is None or status is None or self._firing is not None or now < self._show_due:
            return
        if status.plan_hex != plan.sha256 and status.state in (DeviceState.IDLE, DeviceState.FAULT):
            self._show_due = now + self.config.show_period_s
            self._line.show_plan(plan_bytes(plan.sha256))

    def _follow(self, status: Status | None, now: float) -> None:
        firing = self._firing
        if firing is None:
            return
        before = firing.next_spot
        over = firing.follow(status, now, self.config.stall_timeout_s)
        if over:
            self.interrupt(over)
            return
        if status is not None and firing.next_spot != before:
            self._out.append(FiringProgress(firing.next_spot, status.gate_open))
        if firing.complete(status) and not self._reports:
            self._firing = None
            self._out.append(FiringEnded(True, "", firing.end))
