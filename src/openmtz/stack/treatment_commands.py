"""The procedure's commands carried out: each reaches its process, each answer comes back as its event."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from openmtz.capture import scan_views
from openmtz.geometry import pose_from_vector
from openmtz.plan import TreatmentPlan
from openmtz.procedure import ProcedureStatus, commands, events
from openmtz.records import FiredSpots, evidence_of, verify
from openmtz.robot import HOME, SCAN_HEAD_FRAME, ArmKinematics
from openmtz.stack.ports import (
    CaptureOrder,
    FireOrder,
    MoveOrder,
    PlanOrder,
    TokenOrder,
    TreatmentClients,
)
from openmtz.stack.treatment_settings import TreatingConfig, TreatRequest

Array = NDArray[np.float64]

REPORTS_WAIT_S = 0.3
"""Reports of shots are told this long after the end at the latest [s]: batches of 25 ms, and their way."""
EVIDENCE_WAIT_S = 20.0
"""The verdict waits so long for reports of shots that the device counts as executed [s]; then it says
that they are missing."""
MIN_FRAMES = 3
"""Fewer frames make no surface."""


class Treatment(Protocol):
    """What carrying out a command needs to know, and whom it tells."""

    @property
    def plan(self) -> TreatmentPlan | None:
        """The newest plan."""
        ...

    @property
    def status(self) -> ProcedureStatus:
        """Where the treatment stands."""
        ...

    @property
    def request(self) -> TreatRequest:
        """What the operator asked for."""
        ...

    def fired_of(self, plan_sha256: str) -> FiredSpots:
        """Return everything fired of a plan."""
        ...

    def expect_plan(self, ticket: int, plan_sha256: str) -> None:
        """Tell the procedure of this plan as soon as it is here."""
        ...

    def call_later(self, delay_s: float, act: Callable[[], None]) -> None:
        """Act after a delay [s]."""
        ...

    def step(self, event: events.Event) -> None:
        """Give the procedure an event."""
        ...


class TreatmentCommands:
    """Carries out one command after the other; nothing here waits."""

    def __init__(self, treatment: Treatment, clients: TreatmentClients, config: TreatingConfig) -> None:
        self._treatment, self._clients, self._config = treatment, clients, config
        self._views = scan_views(
            config.scan_center_m,
            config.scan_direction,
            config.scan_standoff_m,
            config.scan_tilt_rad,
            config.views,
        )
        self._home = ArmKinematics().forward(HOME, SCAN_HEAD_FRAME)

    def carry_out(self, command: commands.Command) -> None:
        """Carry out one command."""
        clients = self._clients
        match command:
            case commands.StartCapture(ticket):
                self._start_capture(ticket)
            case commands.FinishCapture(ticket):
                clients.finish_capture(
                    lambda why: self._treatment.step(events.CaptureFailed(ticket, why)) if why else None
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
                self._move(ticket, MoveOrder(self._pose(target, index), tool, self._config.speed_fraction))
            case commands.StopArm():
                clients.stop_arm()
            case commands.Fire(ticket, station, pass_index, first):
                self._fire(ticket, FireOrder(self._treatment.status.plan_sha256, station, pass_index, first))
            case commands.CancelFire():
                clients.cancel_fire()
            case commands.Verify(ticket, plan_sha256):
                # The last reports of shots may still be on their way.
                self._verify_later(ticket, plan_sha256, EVIDENCE_WAIT_S)
            case _:
                raise TypeError(f"a command nobody carries out: {command!r}")

    def _start_capture(self, ticket: int) -> None:
        order = CaptureOrder(
            self._config.scan_center_m,
            self._config.scan_radius_m,
            self._config.voxel_m,
            self._config.frames_per_view,
            MIN_FRAMES,
        )
        started: list[bool] = []

        def fused(count: int) -> None:
            if not started:
                started.append(True)
                self._treatment.step(events.CaptureStarted(ticket))
            self._treatment.step(events.FramesFused(ticket, count))

        def done(surface_id: str, why: str) -> None:
            failed = events.CaptureFailed(ticket, why)
            self._treatment.step(failed if why else events.CaptureDone(ticket, surface_id))

        self._clients.start_capture(order, fused, done)

    def _request_plan(self, ticket: int, surface_id: str) -> None:
        def done(plan_sha256: str, why: str) -> None:
            if why:
                self._treatment.step(events.PlanFailed(ticket, why))
                return
            self._treatment.expect_plan(ticket, plan_sha256)

        wanted = self._treatment.request
        self._clients.request_plan(
            PlanOrder(surface_id, wanted.indication, wanted.request_json, wanted.seed), done
        )

    def _request_token(self, ticket: int, order: TokenOrder) -> None:
        def done(why: str) -> None:
            self._treatment.step(events.TokenRefused(ticket, why) if why else events.TokenGranted(ticket))

        self._clients.request_token(order, done)

    def _move(self, ticket: int, order: MoveOrder) -> None:
        def done(why: str, late: bool) -> None:
            self._treatment.step(events.MoveFailed(ticket, why, late) if why else events.Arrived(ticket))

        self._clients.move(order, done)

    def _pose(self, target: str, index: int) -> Array:
        if target == "view":
            return self._views[index]
        plan = self._treatment.plan
        if target == "station" and plan is not None:
            return pose_from_vector(plan.station_pose[index])
        return self._home

    def _fire(self, ticket: int, order: FireOrder) -> None:
        def fired(next_spot: int) -> None:
            self._treatment.step(events.FireProgress(ticket, next_spot))

        def done(next_spot: int, why: str) -> None:
            if why:
                self._treatment.step(events.FireInterrupted(ticket, next_spot, why))
            else:
                self._treatment.step(events.GroupFired(ticket, next_spot))

        self._clients.fire(order, fired, done)

    def _verify_later(self, ticket: int, plan_sha256: str, wait_s: float) -> None:
        self._treatment.call_later(REPORTS_WAIT_S, lambda: self._verify(ticket, plan_sha256, wait_s))

    def _verify(self, ticket: int, plan_sha256: str, wait_s: float) -> None:
        """Against the device's own report; ground truth is for those who stand outside the stack."""
        plan = self._treatment.plan
        if plan is None or plan.sha256 != plan_sha256:
            self._treatment.step(events.Verified(ticket, False, "the plan is gone"))
            return
        fired, executed = self._treatment.fired_of(plan.sha256), self._treatment.status.spots_done
        if wait_s > 0.0 and not evidence_of(len(plan), fired.index, executed=executed).complete:
            self._verify_later(ticket, plan_sha256, wait_s - REPORTS_WAIT_S)
            return
        result = verify(plan, fired, executed=executed)
        reason = "" if result.ok else "; ".join(f.text for f in result.findings)
        self._treatment.step(events.Verified(ticket, result.ok, reason))
