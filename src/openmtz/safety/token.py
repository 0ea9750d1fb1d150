"""Who may act: the arm moves or the laser may fire, never both. Judges of requests for the token."""

from __future__ import annotations

import math
from dataclasses import dataclass

from openmtz.safety.arm import ArmWatch
from openmtz.safety.config import SafetyConfig
from openmtz.safety.inputs import HeadStatus
from openmtz.safety.outputs import Reply
from openmtz.safety.permits import PermitBook
from openmtz.safety.states import SafetyState as S, Token

MOTION_STATES = (S.STANDBY, S.ARMING, S.READY)


@dataclass(frozen=True)
class TokenHolder:
    """Who holds the token: for emission the firing group, and `since` when [s, the monitor's clock]."""

    token: Token = Token.NONE
    station: int = 0
    pass_index: int = 0
    since: float = -math.inf

    def allowed_in(self, state: S) -> bool:
        """Whether a state leaves the token where it is."""
        if self.token is Token.EMISSION:
            return state in (S.READY, S.FIRING, S.HOLD)
        return self.token is not Token.MOTION or state not in (S.OFF, S.FAULT)


def motion_refusal(
    state: S, head: HeadStatus | None, head_fresh: bool, permits: PermitBook, now: float
) -> Reply | None:
    """Return why the arm may not move now, or None. Only after every permit's end and the gate shut."""
    if state not in MOTION_STATES:
        return Reply(False, "wrong-state", f"the arm may not move in {state.name}")
    if head is None or not head_fresh or not head.connected:
        return Reply(False, "gate-unknown", "the scan head does not say that its gate is closed; ask again")
    if not permits.ended(head, now):
        return Reply(False, "permit-alive", "a permit may still be alive; ask again in a moment")
    if head.gate_open:
        return Reply(False, "gate-open", "the laser gate is still open; ask again in a moment")
    return None


def emission_refusal(
    state: S,
    conditions: dict[str, str],
    arm: ArmWatch,
    station_distance: tuple[float, float],
    config: SafetyConfig,
) -> Reply | None:
    """Return why the laser may not have the token now, or None. Only armed, at rest, at the station."""
    if state is not S.READY:
        return Reply(False, "wrong-state", f"the laser needs READY, the state is {state.name}")
    for code in ("head-stale", "head-lost", "head-disconnected", "arm-stale", "arm-lost"):
        if code in conditions:
            return Reply(False, code, f"{code}: {conditions[code]}; ask again")
    if not arm.valid:
        return Reply(False, "arm-pose-invalid", "the measured pose is not finite and rigid")
    if not arm.at_rest:
        return Reply(False, "arm-moving", "the arm is not at rest yet; ask again in a moment")
    metres, radians = station_distance
    if not (metres <= config.station_position_m and radians <= config.station_angle_rad):
        return Reply(
            False,
            "arm-off-station",
            f"the scan head is {metres * 1e3:.2f} mm and {math.degrees(radians):.2f} deg off its station;"
            " move there again",
        )
    return None
