"""The states of the safety monitor and who may act; numbers as in `SafetyState.msg`."""

from __future__ import annotations

from enum import IntEnum


class SafetyState(IntEnum):
    """Emission is possible in FIRING only; FAULT is latched until a deliberate reset."""

    OFF = 0
    STANDBY = 1
    ARMING = 2
    READY = 3
    FIRING = 4
    HOLD = 5
    FAULT = 6


class Token(IntEnum):
    """One token for motion or emission: the arm moves or the laser may fire, never both."""

    NONE = 0
    MOTION = 1
    EMISSION = 2


STATE_TEXT: dict[SafetyState, str] = {
    SafetyState.OFF: "Key off, or a part of the stack has not reported yet. No token, no approval.",
    SafetyState.STANDBY: "Everything reports. The arm may move with the motion token; no emission.",
    SafetyState.ARMING: "Ready was asked for; the delay runs. The footswitch must stay released.",
    SafetyState.READY: "Armed. A fresh footswitch press with the emission token begins firing.",
    SafetyState.FIRING: "Permits are granted while every condition holds.",
    SafetyState.HOLD: "Emission paused. A fresh footswitch press resumes once the cause is gone.",
    SafetyState.FAULT: "Latched. No token, no approval, arm stopped. A reset leads to STANDBY only.",
}
