from .head_orders import ANNEALED as ANNEALED, SWEEPS as SWEEPS
from .head_timing import HeadTiming as HeadTiming
from .ordering import (
    FEW as FEW,
    FiringOrder as FiringOrder,
    firing_order as firing_order,
    flatten as flatten,
)
from .pauses import Group as Group, GroupPauses as GroupPauses, group_pauses as group_pauses
from .waits import group_waits as group_waits
