from . import commands as commands, events as events
from .config import ProcedureConfig as ProcedureConfig
from .dispatcher import Dispatcher as Dispatcher
from .events import Group as Group
from .groups import groups_of as groups_of
from .procedure import Procedure as Procedure, ProcedureStatus as ProcedureStatus
from .scripted_operator import Act as Act, ScriptedOperator as ScriptedOperator
from .table import (
    ACTIVE as ACTIVE,
    FINAL as FINAL,
    ROWS as ROWS,
    STATES as STATES,
    Row as Row,
    State as State,
)
