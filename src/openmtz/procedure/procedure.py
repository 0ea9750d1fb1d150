"""The treatment as one state machine: events in, commands out. No I/O, no clock, no threads."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from openmtz.procedure import commands as cmd, events as ev
from openmtz.procedure.config import ProcedureConfig
from openmtz.procedure.table import FINAL, ROWS_OF, STATES


class ProcedureStatus(NamedTuple):
    """What `TreatmentStatus.msg` shows."""

    stage: str
    state: str
    detail: str
    waiting_for: str
    plan_sha256: str
    station: int
    stations: int
    spots_done: int
    spots_total: int
    stage_s: float


class Procedure:
    """Give it every event in the order they happened; do what it returns, in order."""

    def __init__(self, config: ProcedureConfig | None = None) -> None:
        self.config = config or ProcedureConfig()
        self._now, self._ticked = 0.0, False
        self._state = "idle"
        self._safety = ""
        self._ticket = 0
        self._reset()

    def _reset(self) -> None:
        self._tickets: dict[str, int] = {}
        self._detail = ""
        self._entered = self._stage_began = self._now
        self._views_begun = self._views_failed = 0
        self._frames = self._frames_before = 0
        self._surface_id = self._sha = ""
        self._groups: tuple[ev.Group, ...] = ()
        self._stations = self._group = self._next_spot = self._interruptions = 0
        self._refused_at = math.inf
        self._rests_from = -math.inf
        self._late_since: float | None = None

    @property
    def state(self) -> str:
        """Name of the present state, a key of `STATES`."""
        return self._state

    @property
    def finished(self) -> bool:
        """True in `done`, `stopped` and `failed`."""
        return self._state in FINAL

    @property
    def status(self) -> ProcedureStatus:
        """Where the treatment stands."""
        state = STATES[self._state]
        pressed = self._state == "firing" and self._safety == "FIRING"
        waiting = "" if pressed else state.waiting_for
        group = self._groups[min(self._group, len(self._groups) - 1)] if self._groups else None
        detail = self._detail or state.text
        if self._state == "cooling" and group is not None:
            detail += f" {math.ceil(min(self._rest_left, group.wait_s))} s to go."
        return ProcedureStatus(
            state.stage, state.name, detail, waiting, self._sha,
            group.station if group else 0, self._stations,
            self._next_spot, self._groups[-1].end if self._groups else 0, self._now - self._stage_began,
        )  # fmt: skip

    def step(self, event: ev.Event) -> list[cmd.Command]:
        """Take one event; return the commands it leads to. Late and unexpected events lead to none."""
        if event.kind and getattr(event, "ticket", None) != self._tickets.get(event.kind):
            return []
        begins = isinstance(event, (ev.TreatRequested, ev.TreatRefused))
        if begins and (self._state in FINAL or self._state == "idle"):
            self._reset()
        self._note(event)
        rows = ROWS_OF.get((self._state, type(event)), ())
        row = next((r for r in rows if not r.guard or self._guards()[r.guard](event)), None)
        if row is None:
            return []
        reason = getattr(event, "reason", "") or getattr(event, "cause", "")
        detail = f"{row.text} {reason}".strip()
        if isinstance(event, ev.Tick) and row.guard == "overdue":
            detail = f"{row.text} Waited {self._now - self._entered:.0f} s in {self._state}."
            if self._detail and self._state.endswith(("token", "emission")):
                detail += f" Last answer: {self._detail}"
        out = [c for name in row.commands for c in getattr(self, f"_do_{name}")()]
        if row.to:
            self._enter(row.to, detail)
        return out

    # --- what an event tells, whatever the row -------------------------------------------------------

    def _note(self, event: ev.Event) -> None:
        match event:
            case ev.Tick(now=now):
                if math.isfinite(now):
                    if not self._ticked:  # the clock began long before this, somewhere else
                        self._ticked, self._entered, self._stage_began = True, now, now
                    self._now = max(self._now, now)
                    # What was told since the tick before happened before this one: counted from here, a
                    # wait may be longer than asked for, never shorter.
                    self._rests_from = min(self._rests_from, self._now)
            case ev.SafetyChanged(state=state):
                self._safety = state
            case ev.FramesFused(total=total):
                if total > self._frames and self._state == "capture_frames":
                    self._entered = self._now  # slow is not stuck
                self._frames = max(self._frames, total)
            case ev.CaptureDone(surface_id=surface_id):
                self._surface_id = surface_id
            case ev.PlanReady(plan_sha256=sha, groups=groups) if self._state == "planning":
                self._sha, self._groups, self._group = sha, tuple(groups), 0
                self._stations = len({g.station for g in groups})
                self._next_spot = groups[0].first if groups else 0
            case ev.MoveFailed(late=True) if self._late_again:
                self._late_since = self._now if self._late_since is None else self._late_since
                self._refused_at = self._now
                self._views_begun -= self._state == "capture_moving"
            case ev.MoveFailed() if self._state == "capture_moving":
                self._views_failed += 1
            case ev.Arrived():
                self._late_since = None
            case ev.TokenRefused(reason=reason):
                self._refused_at, self._detail = self._now, reason
            case ev.FireProgress(next_spot=spot):
                self._fired_to(spot)
            case ev.GroupFired(next_spot=spot) | ev.FireInterrupted(next_spot=spot):
                self._tickets.pop("fire", None)
                self._fired_to(spot)
                if self._group_fired:
                    self._rests_from = math.inf  # until the next tick
                self._interruptions += self._safety != "HOLD"
                self._refused_at = self._now

    def _fired_to(self, spot: int) -> None:
        """Never backwards, never beyond the group."""
        if self._group < len(self._groups):
            self._next_spot = min(max(self._next_spot, spot), self._groups[self._group].end)

    # --- guards --------------------------------------------------------------------------------------

    def _guards(self) -> dict[str, Callable[[ev.Event], bool]]:
        return {
            "safety_fault": lambda _: self._safety == "FAULT",
            "safety_off": lambda _: self._safety == "OFF",
            "safety_ready": lambda _: self._safety == "READY",
            "safety_hold": lambda _: self._safety == "HOLD",
            "safety_firing": lambda _: self._safety == "FIRING",
            "disarmed": lambda _: self._disarmed,
            "overdue": lambda _: self._overdue,
            "rested": lambda _: self._rest_left <= 0.0,
            "retry_due": lambda _: self._now - self._refused_at >= self.config.retry_s,
            "view_full_more": lambda _: self._view_full and self._views_begun < self.config.views,
            "view_full_last": lambda _: self._view_full,
            "skip_more": lambda _: self._may_skip and self._views_begun < self.config.views,
            "skip_last": lambda _: self._may_skip,
            "late": lambda e: isinstance(e, ev.MoveFailed) and e.late and self._late_again,
            "has_spots": lambda _: self._groups_good,
            "same_plan": lambda e: isinstance(e, ev.Approved) and e.plan_sha256 == self._sha != "",
            "all_fired": lambda _: self._group_fired and self._group + 1 >= len(self._groups),
            "group_fired_armed": lambda _: self._group_fired and not self._disarmed,
            "group_fired_or_disarmed": lambda _: self._group_fired or self._disarmed,
            "may_retry": lambda _: self._interruptions <= self.config.interruptions_max,
            "verified_ok": lambda e: isinstance(e, ev.Verified) and e.ok,
        }

    @property
    def _disarmed(self) -> bool:
        return self._safety in ("OFF", "STANDBY", "ARMING", "FAULT")

    @property
    def _overdue(self) -> bool:
        limit = STATES[self._state].limit
        return bool(limit) and self._now - self._entered > getattr(self.config, limit)

    @property
    def _late_again(self) -> bool:
        return self._late_since is None or self._now - self._late_since <= self.config.late_s

    @property
    def _view_full(self) -> bool:
        return self._frames - self._frames_before >= self.config.frames_per_view

    @property
    def _may_skip(self) -> bool:
        return self.config.views - self._views_failed >= self.config.views_min

    @property
    def _groups_good(self) -> bool:
        """Groups that follow each other without gap or overlap, none empty, with waits that are bounded."""
        ends = [g.end for g in self._groups]
        if not all(0.0 <= g.wait_s <= self.config.cooling_s for g in self._groups):  # nor NaN
            return False
        return bool(ends) and all(
            g.first == before and g.end > g.first
            for g, before in zip(self._groups, [self._groups[0].first, *ends[:-1]], strict=True)
        )

    @property
    def _rest_left(self) -> float:
        """How long the group to fire still has to wait [s]; infinite while the end of the one before it has
        no time yet."""
        wait = self._groups[self._group].wait_s
        return self._rests_from + wait - self._now if wait > 0.0 else 0.0

    @property
    def _group_fired(self) -> bool:
        return self._group < len(self._groups) and self._next_spot >= self._groups[self._group].end

    # --- commands, by the names of the table ---------------------------------------------------------

    def _new(self, kind: str) -> int:
        self._ticket += 1
        self._tickets[kind] = self._ticket
        return self._ticket

    def _current(self) -> ev.Group:
        """The group to fire: the next one, if the present one is done."""
        if self._group_fired and self._group + 1 < len(self._groups):
            self._group += 1
            self._next_spot, self._interruptions = self._groups[self._group].first, 0
        return self._groups[self._group]

    def _do_start_capture(self) -> list[cmd.Command]:
        return [cmd.StartCapture(self._new("capture"))]

    def _do_ask_motion(self) -> list[cmd.Command]:
        self._refused_at = math.inf
        return [cmd.RequestToken(self._new("token"), "motion")]

    def _do_ask_emission(self) -> list[cmd.Command]:
        self._refused_at = math.inf
        group = self._current()
        return [cmd.RequestToken(self._new("token"), "emission", group.station, group.pass_index)]

    def _do_return_token(self) -> list[cmd.Command]:
        self._tickets.pop("token", None)
        return [cmd.ReturnToken()]

    def _do_move_view(self) -> list[cmd.Command]:
        # Counted from here: the first frames of a view may be told before the arrival is.
        self._frames_before = self._frames
        self._views_begun += 1
        return [cmd.MoveTo(self._new("move"), "view", self._views_begun - 1, "camera_depth_optical_frame")]

    def _do_move_station(self) -> list[cmd.Command]:
        return [cmd.MoveTo(self._new("move"), "station", self._current().station, "scan_head")]

    def _do_move_home(self) -> list[cmd.Command]:
        return [cmd.MoveTo(self._new("move"), "home", 0, "scan_head")]

    def _do_stop_arm(self) -> list[cmd.Command]:
        self._tickets.pop("move", None)
        return [cmd.StopArm()]

    def _do_finish_capture(self) -> list[cmd.Command]:
        return [cmd.FinishCapture(self._tickets["capture"])]

    def _do_request_plan(self) -> list[cmd.Command]:
        return [cmd.RequestPlan(self._new("plan"), self._surface_id)]

    def _do_ask_approval(self) -> list[cmd.Command]:
        return [cmd.AskApproval(self._sha)]

    def _do_fire(self) -> list[cmd.Command]:
        group = self._groups[self._group]
        return [cmd.Fire(self._new("fire"), group.station, group.pass_index, self._next_spot)]

    def _do_cancel_fire(self) -> list[cmd.Command]:
        return [cmd.CancelFire()]

    def _do_withdraw_ready(self) -> list[cmd.Command]:
        return [cmd.WithdrawReady()]

    def _do_verify(self) -> list[cmd.Command]:
        return [cmd.Verify(self._new("verify"), self._sha)]

    def _do_stop_all(self) -> list[cmd.Command]:
        """The laser first, then the arm; what runs no longer is harmless to cancel."""
        self._tickets.clear()
        return [
            cmd.CancelFire(), cmd.StopArm(), cmd.CancelCapture(), cmd.CancelPlan(), cmd.ReturnToken(),
            cmd.WithdrawReady(),
        ]  # fmt: skip

    def _enter(self, state: str, detail: str) -> None:
        if STATES[state].stage != STATES[self._state].stage:
            self._stage_began = self._now
        self._state, self._detail, self._entered = state, detail, self._now
