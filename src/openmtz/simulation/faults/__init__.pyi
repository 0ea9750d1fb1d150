from .catalogue import FAULTS as FAULTS
from .device_screws import DEVICE_FAULT as DEVICE_FAULT, DeviceScrews as DeviceScrews
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
