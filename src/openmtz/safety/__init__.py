"""Safety: states and transitions as tables, watched conditions, permits. Pure: no I/O, no clock."""

from openmtz.safety.aim import AimResult, check_aim
from openmtz.safety.conditions import CONDITIONS, GRANT_CAUSES, Condition
from openmtz.safety.config import SafetyConfig
from openmtz.safety.envelope import HOST_ENVELOPE_VERSION, LIMITS, check_plan
from openmtz.safety.inbox import Inbox
from openmtz.safety.inputs import (
    Approve,
    ArmState,
    FiredBatch,
    HeadStatus,
    Inputs,
    Interlocks,
    LoadedSpots,
    ProgressSample,
    Request,
    RequestToken,
    Reset,
    SetReady,
)
from openmtz.safety.monitor import SafetyMonitor
from openmtz.safety.outputs import Outputs, PermitGrant, Reply, SafetyEvent
from openmtz.safety.skin import check_on_skin
from openmtz.safety.states import SafetyState, Token
from openmtz.safety.table import TRANSITIONS, Transition, next_transition

__all__ = [
    "CONDITIONS",
    "GRANT_CAUSES",
    "HOST_ENVELOPE_VERSION",
    "LIMITS",
    "TRANSITIONS",
    "AimResult",
    "Approve",
    "ArmState",
    "Condition",
    "FiredBatch",
    "HeadStatus",
    "Inbox",
    "Inputs",
    "Interlocks",
    "LoadedSpots",
    "Outputs",
    "PermitGrant",
    "ProgressSample",
    "Reply",
    "Request",
    "RequestToken",
    "Reset",
    "SafetyConfig",
    "SafetyEvent",
    "SafetyMonitor",
    "SafetyState",
    "SetReady",
    "Token",
    "Transition",
    "check_aim",
    "check_on_skin",
    "check_plan",
    "next_transition",
]
