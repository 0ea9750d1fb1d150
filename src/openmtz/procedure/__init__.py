"""The treatment from capture to verification as one pure state machine."""

from openmtz.procedure import commands, events
from openmtz.procedure.config import ProcedureConfig
from openmtz.procedure.dispatcher import Dispatcher
from openmtz.procedure.events import Group
from openmtz.procedure.groups import groups_of
from openmtz.procedure.procedure import Procedure, ProcedureStatus
from openmtz.procedure.table import ACTIVE, FINAL, ROWS, STATES, Row, State

__all__ = [
    "ACTIVE",
    "FINAL",
    "ROWS",
    "STATES",
    "Dispatcher",
    "Group",
    "Procedure",
    "ProcedureConfig",
    "ProcedureStatus",
    "Row",
    "State",
    "commands",
    "events",
    "groups_of",
]
