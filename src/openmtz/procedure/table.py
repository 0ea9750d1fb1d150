"""The procedure as data: states with their bounded waits, and rows event -> commands -> next state.

docs/procedure.md is generated from here. `stop_all` stands for CancelFire, StopArm, CancelCapture,
CancelPlan, ReturnToken and WithdrawReady; nothing moves or fires again after it without a new request.
"""

from __future__ import annotations

from dataclasses import dataclass

from openmtz.procedure import events as ev


@dataclass(frozen=True)
class State:
    """`limit` names the `ProcedureConfig` field bounding the wait; `after` is where it leads to."""

    name: str
    stage: str
    text: str
    limit: str = ""
    after: str = "failed"
    waiting_for: str = ""


@dataclass(frozen=True)
class Row:
    """In `states`, on `event`, if `guard` holds: give `commands`, go `to` (empty: stay)."""

    states: tuple[str, ...]
    event: type[ev.Event]
    guard: str
    commands: tuple[str, ...]
    to: str
    text: str


STATES: dict[str, State] = {
    s.name: s
    for s in (
        State("idle", "idle", "Nothing asked for."),
        State("capture_starting", "capture", "The capture gets ready.", "capture_start_s"),
        State("capture_token", "capture", "Asks for the motion token.", "token_s"),
        State("capture_moving", "capture", "The camera moves to the next view.", "move_s"),
        State("capture_frames", "capture", "Frames of this view are fused while the arm rests.", "frames_s"),
        State("capture_finishing", "capture", "The surface is drained and extracted.", "finish_s"),
        State("planning", "plan", "The planner works.", "plan_s"),
        State("approving", "approve", "Somebody looks at the plan.", "approval_s", "stopped", "approval"),
        State("ready_waiting", "treat", "The operator makes it ready.", "ready_s", "stopped", "ready"),
        State("station_token", "treat", "Asks for the motion token.", "token_s"),
        State("station_moving", "treat", "The scan head moves to its station.", "move_s"),
        State("cooling", "treat", "At the station; the skin rests before this group.", "cooling_s"),
        State("station_emission", "treat", "Asks for the emission token.", "token_s"),
        State("firing", "treat", "The group is fired; the footswitch decides.", "firing_s", "stopped",
              "footswitch"),
        State("holding", "treat", "Held; the firing action still runs.", "hold_s", "stopped", "footswitch"),
        State("fire_ending", "treat", "Disarmed; the firing action is being ended.", "cancel_s"),
        State("refiring", "treat", "Firing ended early; asked for again in a moment.", "token_s"),
        State("retreat_token", "treat", "Asks for the motion token.", "token_s"),
        State("retreat_moving", "treat", "The arm goes home.", "move_s"),
        State("verifying", "verify", "Delivered is compared with planned.", "verify_s"),
        State("done", "done", "Every planned spot was delivered once."),
        State("stopped", "stopped", "Stopped by a person or by safety."),
        State("failed", "failed", "Something did not work."),
    )
}  # fmt: skip

FINAL = ("done", "stopped", "failed")
ACTIVE = tuple(name for name in STATES if name not in ("idle", *FINAL))
_CAPTURE = tuple(s.name for s in STATES.values() if s.stage == "capture")
_TREAT = tuple(s.name for s in STATES.values() if s.stage == "treat")
_TO_FIRE = tuple(name for name in _TREAT if not name.startswith("retreat"))
_FIRE = ("firing", "holding")
_ENDED = (ev.GroupFired, ev.FireInterrupted)
_LAST = ("return_token", "ask_motion")
_STOP = ("stop_all",)


def _bounded(after: str) -> tuple[str, ...]:
    return tuple(s.name for s in STATES.values() if s.limit and s.after == after)


ROWS: tuple[Row, ...] = (
    # stops
    Row(ACTIVE, ev.CancelRequested, "", _STOP, "stopped", "The operator stops."),
    Row(ACTIVE, ev.SafetyChanged, "safety_fault", _STOP, "stopped", "The safety monitor faulted."),
    Row((*_CAPTURE, *_TREAT), ev.SafetyChanged, "safety_off", _STOP, "stopped",
        "The safety monitor went off: the arm may not move."),
    Row(_TO_FIRE, ev.ApprovalEnded, "", _STOP, "stopped", "Nothing is fired without an approval."),
    Row(_bounded("failed"), ev.Tick, "overdue", _STOP, "failed", "The wait took too long."),
    Row(_bounded("stopped"), ev.Tick, "overdue", _STOP, "stopped", "Nobody came."),
    # capture
    Row(("idle", *FINAL), ev.TreatRequested, "", ("start_capture",), "capture_starting", "Begins."),
    Row(("idle", *FINAL), ev.TreatRefused, "", (), "failed", "Not begun:"),
    Row(_CAPTURE, ev.CaptureFailed, "", _STOP, "failed", "No surface."),
    Row(("capture_starting",), ev.CaptureStarted, "", ("ask_motion",), "capture_token", "Frames are taken."),
    Row(("capture_token",), ev.TokenGranted, "", ("move_view",), "capture_moving", "To the first view."),
    Row(("capture_moving",), ev.Arrived, "view_full_more", ("move_view",), "capture_moving",
        "Frames came before the arrival was told; to the next view."),
    Row(("capture_moving",), ev.Arrived, "view_full_last", ("return_token", "finish_capture"),
        "capture_finishing", "Frames came before the arrival was told; that was the last view."),
    Row(("capture_moving",), ev.Arrived, "", (), "capture_frames", "The arm rests at the view."),
    Row(("capture_moving",), ev.MoveFailed, "late", ("return_token",), "capture_token",
        "States were late; the same view is asked for again."),
    Row(("capture_moving",), ev.MoveFailed, "skip_more", ("move_view",), "capture_moving",
        "This view cannot be reached; to the next."),
    Row(("capture_moving",), ev.MoveFailed, "skip_last", ("return_token", "finish_capture"),
        "capture_finishing", "The last view cannot be reached; enough others were."),
    Row(("capture_moving",), ev.MoveFailed, "", _STOP, "failed", "Too few views can be reached."),
    Row(("capture_frames",), ev.FramesFused, "view_full_more", ("move_view",), "capture_moving",
        "Enough frames; to the next view."),
    Row(("capture_frames",), ev.FramesFused, "view_full_last", ("return_token", "finish_capture"),
        "capture_finishing", "Enough frames of the last view."),
    Row(("capture_finishing",), ev.CaptureDone, "", ("request_plan",), "planning", "A surface."),
    Row(_CAPTURE, ev.CaptureDone, "", _STOP, "failed", "The capture ended before its views were seen."),
    # plan, approve, ready
    Row(("planning",), ev.PlanReady, "has_spots", ("ask_approval",), "approving", "A plan to look at."),
    Row(("planning",), ev.PlanReady, "", _STOP, "failed", "The plan has nothing to fire."),
    Row(("planning",), ev.PlanFailed, "", _STOP, "failed", "No plan."),
    Row(("approving",), ev.Approved, "same_plan", (), "ready_waiting", "This very plan was approved."),
    Row(("approving",), ev.ApprovalRefused, "", _STOP, "stopped", "Looked at and refused."),
    Row(("ready_waiting",), ev.SafetyChanged, "safety_ready", ("ask_motion",), "station_token", "Armed."),
    Row(("ready_waiting",), ev.Tick, "safety_ready", ("ask_motion",), "station_token", "Armed already."),
    # to the station
    Row(("station_token", "station_moving", "cooling", "station_emission"), ev.SafetyChanged, "disarmed",
        ("stop_arm", "return_token"), "ready_waiting", "Back in standby: ready has to be given again."),
    Row(("station_token",), ev.TokenGranted, "", ("move_station",), "station_moving", "The arm may move."),
    Row(("station_moving",), ev.Arrived, "rested", ("return_token", "ask_emission"), "station_emission",
        "At the station: the token changes hands."),
    Row(("station_moving",), ev.Arrived, "", ("return_token",), "cooling",
        "At the station; the skin rests before this group."),
    Row(("cooling",), ev.Tick, "rested", ("ask_emission",), "station_emission", "The skin has rested."),
    Row(("station_moving",), ev.MoveFailed, "late", ("return_token",), "station_token",
        "States were late; the station is asked for again."),
    Row(("station_moving",), ev.MoveFailed, "", _STOP, "failed", "The station cannot be reached."),
    Row(("station_emission",), ev.TokenGranted, "", ("fire",), "firing", "The laser may fire."),
    # firing
    *(Row((*_FIRE, "fire_ending"), ended, "all_fired", _LAST, "retreat_token", "That was the last group.")
      for ended in _ENDED),
    *(Row(_FIRE, ended, "group_fired_armed", _LAST, "station_token", "To the next group.")
      for ended in _ENDED),
    *(Row((*_FIRE, "fire_ending"), ended, "group_fired_or_disarmed", ("return_token",), "ready_waiting",
          "Ended while not armed: ready has to be given again.") for ended in _ENDED),
    *(Row(("fire_ending",), ended, "", ("return_token",), "ready_waiting",
          "Ended; from the station's motion on again.") for ended in _ENDED),
    *(Row(_FIRE, ended, "may_retry", ("return_token",), "refiring",
          "Ended early. What is loaded next belongs to a new token, so that no permit is for old records.")
      for ended in _ENDED),
    *(Row(_FIRE, ended, "", _STOP, "failed", "Interrupted too often.") for ended in _ENDED),
    Row(_FIRE, ev.SafetyChanged, "disarmed", ("cancel_fire",), "fire_ending", "Back in standby."),
    Row(("firing",), ev.SafetyChanged, "safety_hold", (), "holding", "Footswitch released, or another hold."),
    Row(("holding",), ev.SafetyChanged, "safety_firing", (), "firing", "Fresh press."),
    Row(("refiring",), ev.SafetyChanged, "disarmed", (), "ready_waiting", "Back in standby."),
    Row(("refiring",), ev.Tick, "retry_due", ("ask_emission",), "station_emission",
        "Goes on at the next spot; after a hold the footswitch has to be pressed afresh."),
    # home, verify
    Row(("retreat_token",), ev.TokenGranted, "", ("move_home",), "retreat_moving", "Home."),
    Row(("retreat_moving",), ev.Arrived, "", ("return_token", "verify"), "verifying", "Home."),
    Row(("retreat_moving",), ev.MoveFailed, "late", ("return_token",), "retreat_token",
        "States were late; the way home is asked for again."),
    Row(("retreat_moving",), ev.MoveFailed, "", _STOP, "failed", "The way home is blocked."),
    Row(("verifying",), ev.Verified, "verified_ok", ("withdraw_ready",), "done", "Every planned spot, once."),
    Row(("verifying",), ev.Verified, "", ("withdraw_ready",), "failed", "Delivered differs from planned."),
    # tokens that were refused are asked for again
    Row(("capture_token", "station_token", "retreat_token"), ev.Tick, "retry_due", ("ask_motion",), "",
        "Asked again."),
    Row(("station_emission",), ev.Tick, "retry_due", ("ask_emission",), "", "Asked again."),
)  # fmt: skip

ROWS_OF: dict[tuple[str, type[ev.Event]], tuple[Row, ...]] = {
    (name, kind): tuple(row for row in ROWS if name in row.states and row.event is kind)
    for name in STATES
    for kind in {row.event for row in ROWS}
}
"""The rows of a state and an event, in their order: found without going through all, at every tick."""
