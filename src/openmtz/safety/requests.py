"""What the monitor answers to `SetReady`, `Reset` and `RequestToken`: replies only, nothing is changed here.

`active` are the present conditions, code -> detail.
"""

from __future__ import annotations

from typing import NamedTuple

from openmtz.safety.approval import Approval
from openmtz.safety.arm import ArmWatch
from openmtz.safety.condition_sets import PASSING, faults
from openmtz.safety.conditions import CONDITIONS
from openmtz.safety.config import SafetyConfig
from openmtz.safety.inputs import RequestToken, SetReady
from openmtz.safety.lines import SETTLING
from openmtz.safety.outputs import Reply
from openmtz.safety.states import SafetyState as S
from openmtz.safety.table import cause_text
from openmtz.safety.token import emission_refusal


class Answer(NamedTuple):
    """The reply to a request, the act it amounts to (empty: none), and whether the device is to be reset."""

    reply: Reply
    act: str = ""
    reset_device: bool = False


def answer_ready(
    request: SetReady,
    state: S,
    approval: Approval | None,
    pressed: bool,
    active: dict[str, str],
    config: SafetyConfig,
) -> Answer:
    """Answer a wish to become ready, or to go back to standby; `pressed`: the footswitch is down."""
    if not request.ready:
        if state in (S.ARMING, S.READY, S.FIRING, S.HOLD):
            return Answer(Reply(True, "ready-withdrawn", "back to standby"), "ready-withdrawn")
        return Answer(Reply(state is S.STANDBY, "not-ready", f"the state is {state.name}"))
    if state is not S.STANDBY:
        return Answer(Reply(False, "not-in-standby", f"ask for ready in STANDBY, not {state.name}"))
    if approval is None or "approval-ended" in active:
        return Answer(Reply(False, "approval-ended", cause_text("approval-ended")))
    if pressed:
        return Answer(Reply(False, "footswitch-in-arming", "release the footswitch, then ask for ready"))
    against = [c for c in active if CONDITIONS[c].moves and c not in PASSING]
    if against:
        return Answer(Reply(False, against[0], _listed(against, active)))
    return Answer(Reply(True, "ready-requested", f"ready in {config.ready_delay_s:g} s"), "ready-requested")


def reset_refusal(state: S, active: dict[str, str], acknowledged: dict[str, str]) -> Reply | None:
    """Return why nothing can be reset now, or None. `acknowledged`: faults that a reset itself ends."""
    if state is not S.FAULT:
        return Reply(False, "no-fault", f"nothing to reset, the state is {state.name}")
    present = [c for c in faults(active) if c != "device-fault" and c not in acknowledged]
    if present:
        return Reply(False, present[0], f"the cause is still there: {_listed(present, active)}")
    return None


def laser_refusal(
    request: RequestToken,
    approval: Approval | None,
    state: S,
    active: dict[str, str],
    arm: ArmWatch,
    config: SafetyConfig,
) -> Reply | None:
    """Return why the laser may not have the token for the group asked for, or None."""
    if approval is None or "approval-ended" in active:
        return Reply(False, "approval-ended", cause_text("approval-ended"))
    if (request.station, request.pass_index) not in approval.groups:
        return Reply(False, "no-such-group",
                     f"the plan has no station {request.station}, pass {request.pass_index}")  # fmt: skip
    distance = arm.distance_to(approval.station_poses[request.station])
    return emission_refusal(state, active, arm, distance, config)


def _listed(codes: list[str], active: dict[str, str]) -> str:
    return "; ".join(
        f"{c}: {active[c]}." + ("" if SETTLING in active[c] else f" {CONDITIONS[c].fix}") for c in codes
    )
