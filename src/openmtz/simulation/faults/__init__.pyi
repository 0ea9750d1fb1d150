from .acts import ACTS as ACTS
from .acts.act import Act as Act
from .catalogue import FAULTS as FAULTS
from .device_screws import DEVICE_FAULT as DEVICE_FAULT, DeviceScrews as DeviceScrews
from .extras import ALL_FAULTS as ALL_FAULTS, EXTRAS as EXTRAS
from .fault import Fault as Fault, FaultParameterError as FaultParameterError
from .held_lines import (
    CLOSED_AT_START as CLOSED_AT_START,
    LINE_OF_FAULT as LINE_OF_FAULT,
    Asked as Asked,
    HeldLines as HeldLines,
    LineAnswer as LineAnswer,
    LineError as LineError,
    require_line as require_line,
)
from .lifted_planner import LiftedPlanner as LiftedPlanner
from .panel import FaultPanel as FaultPanel
from .rig import Absent as Absent, NotCarriedOut as NotCarriedOut, Rig as Rig
from .rigs import (
    GRAPH as GRAPH,
    LACKS as LACKS,
    LOCKSTEP as LOCKSTEP,
    absent as absent,
    why_not as why_not,
)
from .spoiled_joints import SpoiledJoints as SpoiledJoints
from .spoiled_link import SpoiledLink as SpoiledLink
