"""The work loop of the treatment's process: carries the procedure's commands out and tells it the answers.

Free of ROS, threads and clocks; the other processes are reached through `TreatmentClients`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openmtz.capture import scan_views
from openmtz.geometry import pose_from_vector
from openmtz.plan import TreatmentPlan
from openmtz.procedure import (
    Dispatcher,
    Procedure,
    ProcedureConfig,
    ProcedureStatus,
    commands,
    events,
    groups_of,
)
from openmtz.records import FiredSpots, verify
from openmtz.robot import HOME, SCAN_HEAD_FRAME, ArmKinematics
from openmtz.stack.fired_record import FiredRecord
from openmtz.stack.firing import ShotReport
from openmtz.stack.ports import (
    CaptureOrder,
    FireOrder,
    MoveOrder,
    PlanOrder,
    TokenOrder,
    TreatmentClients,
)

Array = NDArray[np.float64]

REPORTS_WAIT_S = 0.3
"""Reports of shots are told this long after the end at the latest [s]: batches of 25 ms, and their way."""
END_WAIT_S = 3.0
"""The end of a treatment waits so long for the actions it used [s]; one that does not answer is left."""
STATUS_PERIOD_S, SPOTS_PERIOD_S = 1.0, 0.1
"""The status is told when it changes, counted spots ten times a second, and once a second at least [s]."""
MIN_FRAMES = 3
"""Fewer frames make no surface."""


@dataclass(frozen=True)
class TreatingConfig:
    """How the skin is scanned and how fast the arm moves; the parameters of node `treatment` explain them.

    `voxel_m` 0: the capture's own default.
    """

    scan_center_m: tuple[float, float, float] = (0.50, 0.0, 0.05)
    scan_direction: tuple[float, float, float] = (0.0, 0.0, 1.0)
    scan_radius_m: float = 0.045
    scan_standoff_m: float = 0.30
    scan_tilt_rad: float = np.deg2rad(18.0)
    views: int = 6
    frames_per_view: int = 5
    speed_fraction: float = 0.7
    voxel_m: float = 0.0

    def procedure(self) -> ProcedureConfig:
        """Return the procedure's settings for such a scan."""
        return ProcedureConfig(
            views=self.views, views_min=min(3, self.views), frames_per_view=self.frames_per_view
        )


@dataclass(frozen=True)
class TreatRequest:
    """What the operator asks for; `request_json` as docs/nodes/mtz_planner.md."""

    indication: str = ""
    request_json: str = ""
    seed: int = 0


class Ended(NamedTuple):
    """A treatment is over, with all that it used."""

    status: ProcedureStatus
    spots_fired: int

    @property
    def success(self) -> bool:
        """Whether all was done and verified."""
        return self.status.state == "done"


class Turn(NamedTuple):
    """What a turn has to tell: the status, where it is time for it, and the end, once."""

    status: ProcedureStatus | None
    ended: Ended | None


@dataclass
class _Later:
    """Acts that wait for their time [s]."""

    acts: list[tuple[float, Callable[[], None]]] = field(default_factory=list)

    def work(self, now: float) -> None:
        due = [act for at, act in self.acts if at <= now]
        self.acts = [(at, act) for at, act in self.acts if at > now]
        for act in due:
            act()


class Treating:
    """One treatment at a time, by `Procedure`."""

    def __init__(self, clients: TreatmentClients, config: TreatingConfig | None = None) -> None:
        self.config = config or TreatingConfig()
        self.clients = clients
        self.dispatcher = Dispatcher(Procedure(self.config.procedure()), self._do)
        self.plan: TreatmentPlan | None = None
        """The newest plan, None where it could not be believed."""
        self._request = TreatRequest()
        self._active = False
        self._plan_wanted: tuple[int, str] | None = None
        self._seen: set[str] = set()
        self._fired = FiredRecord()
        self._later = _Later()
        self._now = -np.inf
        self._over_since: float | None = None
        self._told: tuple[object, ...] | None = None
        self._told_at = -np.inf
        c = self.config
        self._views = scan_views(
            c.scan_center_m, c.scan_direction, c.scan_standoff_m, c.scan_tilt_rad, c.views
        )
        self._home = ArmKinematics().forward(HOME, SCAN_HEAD_FRAME)

    @property
    def status(self) -> ProcedureStatus:
        """Where the treatment stands."""
        return self.dispatcher.procedure.status

    def fired_of(self, plan_sha256: str) -> FiredSpots:
        """Return everything fired of a plan since this process began."""
        return self._fired.of(plan_sha256)

    # ---- what it hears --------------------------------------------------------------------------

    def hear_safety(self, state: str, detail: str, approved_plan_sha256: str) -> None:
        """Take the safety monitor's state, why it is in it, and the plan it holds approved (empty: none)."""
        self.dispatcher.safety_changed(state, detail, approved_plan_sha256)

    def hear_plan(self, plan: TreatmentPlan | None) -> None:
        """Take the newest plan; None where it cannot be believed."""
        self.plan = plan
        if plan is not None:
            self._seen.add(plan.sha256)
        self._tell_plan()

    def hear_fired(self, report: ShotReport) -> None:
        """Take a report of shots: what an earlier treatment fired of a plan counts for it too."""
        if report.plan_sha256 in self._seen:
            self._fired.add(report)

    # ---- what is asked of it --------------------------------------------------------------------

    def start(self, request: TreatRequest, now: float) -> None:
        """Begin a treatment."""
        self._request, self._active = request, True
        self._over_since = self.plan = self._plan_wanted = None
        self._step(events.Tick(now))
        self._step(events.TreatRequested())

    def cancel(self, reason: str = "") -> None:
        """The operator stops it."""
        self._step(events.CancelRequested(reason) if reason else events.CancelRequested())

    def work(self, now: float) -> Turn:
        """Let the treatment go on; return what there is to tell."""
        self._now = now
        self.clients.work(now)
        self._later.work(now)
        self._step(events.Tick(now))
        status = self.status if self._status_due(now) else None
        ended = None
        if self._active and self.dispatcher.procedure.finished and self.all_ended(now):
            self._active = False
            fired = self.fired_of(self.status.plan_sha256)
            ended = Ended(self.status, len(np.unique(fired.index)))
        return Turn(status, ended)

    def all_ended(self, now: float) -> bool:
        """Whether arm, laser, capture and planner have ended too, so that the next treatment may begin."""
        self._over_since = now if self._over_since is None else self._over_since
        over = now - self._over_since
        # The head's last reports of shots come by another way than its answer, and a little later.
        reported = not self._fired or over >= REPORTS_WAIT_S
        return over > END_WAIT_S or (reported and not self.clients.busy)

    def _status_due(self, now: float) -> bool:
        status = self.status
        key = (status.state, status.detail, status.waiting_for, status.spots_done)
        since = now - self._told_at
        wait_s = STATUS_PERIOD_S if key == self._told else SPOTS_PERIOD_S
        if self._told is not None and key[:3] == self._told[:3] and since < wait_s:
            return False
        self._told, self._told_at = key, now
        return True

    def _step(self, event: events.Event) -> None:
        self.dispatcher.step(event)

    def _tell_plan(self) -> None:
        """The result of planning and the plan itself come by different ways: both must be here."""
        if self._plan_wanted is None or self.plan is None:
            return
        ticket, sha = self._plan_wanted
        if self.plan.sha256 == sha:
            self._plan_wanted = None
            self._step(events.PlanReady(ticket, sha, groups_of(self.plan)))

    # ---- the procedure's commands ---------------------------------------------------------------

    def _do(self, command: commands.Command) -> None:
        """Carry out one command."""
        clients = self.clients
        match command:
            case commands.StartCapture(ticket):
                self._start_capture(ticket)
            case commands.FinishCapture(ticket):
                clients.finish_capture(
                    lambda why: self._step(events.CaptureFailed(ticket, why)) if why else None
                )
            case commands.CancelCapture():
                clients.cancel_capture()
            case commands.RequestPlan(ticket, surface_id):
                self._request_plan(ticket, surface_id)
            case commands.CancelPlan():
                clients.cancel_plan()
            case commands.AskApproval():
                pass  # the operator reads the status; the answer shows in the safety monitor's state
            case commands.RequestToken(ticket, token, station, pass_index):
                self._request_token(ticket, TokenOrder(token, station, pass_index))
            case commands.ReturnToken():
                clients.return_token()
            case commands.WithdrawReady():
                clients.withdraw_ready()
            case commands.MoveTo(ticket, target, index, tool):
                self._move(ticket, MoveOrder(self._pose(target, index), tool, self.config.speed_fraction))
            case commands.StopArm():
                clients.stop_arm()
            case commands.Fire(ticket, station, pass_index, first):
                self._fire(ticket, FireOrder(self.status.plan_sha256, station, pass_index, first))
            case commands.CancelFire():
                clients.cancel_fire()
            case commands.Verify(ticket, plan_sha256):
                # The last reports of shots may still be on their way.
                verify_it = lambda: self._verify(ticket, plan_sha256)  # noqa: E731
                self._later.acts.append((self._now + REPORTS_WAIT_S, verify_it))
            case _:
                raise TypeError(f"a command nobody carries out: {command!r}")

    def _start_capture(self, ticket: int) -> None:
        order = CaptureOrder(
            self.config.scan_center_m,
            self.config.scan_radius_m,
            self.config.voxel_m,
            self.config.frames_per_view,
            MIN_FRAMES,
        )
        started: list[bool] = []

        def fused(count: int) -> None:
            if not started:
                started.append(True)
                self._step(events.CaptureStarted(ticket))
            self._step(events.FramesFused(ticket, count))

        def done(surface_id: str, why: str) -> None:
            failed = events.CaptureFailed(ticket, why)
            self._step(failed if why else events.CaptureDone(ticket, surface_id))

        self.clients.start_capture(order, fused, done)

    def _request_plan(self, ticket: int, surface_id: str) -> None:
        def done(plan_sha256: str, why: str) -> None:
            if why:
                self._step(events.PlanFailed(ticket, why))
                return
            self._plan_wanted = (ticket, plan_sha256)
            self._tell_plan()

        wanted = self._request
        self.clients.request_plan(
            PlanOrder(surface_id, wanted.indication, wanted.request_json, wanted.seed), done
        )

    def _request_token(self, ticket: int, order: TokenOrder) -> None:
        def done(why: str) -> None:
            self._step(events.TokenRefused(ticket, why) if why else events.TokenGranted(ticket))

        self.clients.request_token(order, done)

    def _move(self, ticket: int, order: MoveOrder) -> None:
        def done(why: str) -> None:
            self._step(events.MoveFailed(ticket, why) if why else events.Arrived(ticket))

        self.clients.move(order, done)

    def _pose(self, target: str, index: int) -> Array:
        if target == "view":
            return self._views[index]
        if target == "station" and self.plan is not None:
            return pose_from_vector(self.plan.station_pose[index])
        return self._home

    def _fire(self, ticket: int, order: FireOrder) -> None:
        def fired(next_spot: int) -> None:
            self._step(events.FireProgress(ticket, next_spot))

        def done(next_spot: int, why: str) -> None:
            if why:
                self._step(events.FireInterrupted(ticket, next_spot, why))
            else:
                self._step(events.GroupFired(ticket, next_spot))

        self.clients.fire(order, fired, done)

    def _verify(self, ticket: int, plan_sha256: str) -> None:
        """Against the device's own report; ground truth is for those who stand outside the stack."""
        plan = self.plan
        if plan is None or plan.sha256 != plan_sha256:
            self._step(events.Verified(ticket, False, "the plan is gone"))
            return
        result = verify(plan, self.fired_of(plan.sha256))
        reason = "" if result.ok else "; ".join(f.text for f in result.findings)
        self._step(events.Verified(ticket, result.ok, reason))
