from .pacer import Pacer as Pacer
from .play_state import (
    Answer as Answer,
    RunControl as RunControl,
    RunState as RunState,
    Scope as Scope,
    scope_of as scope_of,
)
from .stepping import MOST_STEPS as MOST_STEPS, Stepping as Stepping
