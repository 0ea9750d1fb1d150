from .aim import AimResult as AimResult, check_aim as check_aim
from .conditions import CONDITIONS as CONDITIONS, GRANT_CAUSES as GRANT_CAUSES, Condition as Condition
from .config import SafetyConfig as SafetyConfig
from .counters import is_newer as is_newer
from .inbox import Inbox as Inbox
from .inputs import (
    LINE_NAMES as LINE_NAMES,
    Approve as Approve,
    ArmState as ArmState,
    FiredBatch as FiredBatch,
    HeadStatus as HeadStatus,
    Inputs as Inputs,
    Interlocks as Interlocks,
    LoadedSpots as LoadedSpots,
    ProgressSample as ProgressSample,
    Request as Request,
    RequestToken as RequestToken,
    Reset as Reset,
    SetReady as SetReady,
)
from .interlock_lines import (
    FOOTSWITCH as FOOTSWITCH,
    INTERLOCK_LINES as INTERLOCK_LINES,
    HeadWire as HeadWire,
    InterlockLine as InterlockLine,
)
from .monitor import SafetyMonitor as SafetyMonitor
from .outputs import (
    Outputs as Outputs,
    PermitGrant as PermitGrant,
    Reply as Reply,
    SafetyEvent as SafetyEvent,
)
from .skin import check_on_skin as check_on_skin
from .speech import (
    Endpoint as Endpoint,
    Hearing as Hearing,
    KnownSpeakers as KnownSpeakers,
    StackSecret as StackSecret,
)
from .states import SafetyState as SafetyState, Token as Token
from .table import (
    TRANSITIONS as TRANSITIONS,
    Transition as Transition,
    cause_text as cause_text,
    next_transition as next_transition,
)
