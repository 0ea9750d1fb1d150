from . import wire as wire
from .device_messages import (
    Fired as Fired,
    HelloReply as HelloReply,
    Nak as Nak,
    SelectReply as SelectReply,
    Status as Status,
)
from .errors import (
    DeviceNotAnswering as DeviceNotAnswering,
    DeviceRefused as DeviceRefused,
    ProtocolMismatch as ProtocolMismatch,
    ScanHeadError as ScanHeadError,
    SerialPortBusy as SerialPortBusy,
    SerialPortMissing as SerialPortMissing,
)
from .events import Event as Event, FiredGap as FiredGap, LinkLost as LinkLost
from .fault_codes import FAULT_TEXT as FAULT_TEXT, FaultCode as FaultCode
from .firing import (
    FiringRefused as FiringRefused,
    GroupFiring as GroupFiring,
    LoadedChunk as LoadedChunk,
    aim_records as aim_records,
    first_to_fire as first_to_fire,
    group_of as group_of,
)
from .host_messages import (
    FiredRequest as FiredRequest,
    GateClose as GateClose,
    Hello as Hello,
    PermitFrame as PermitFrame,
    ResetFault as ResetFault,
    Select as Select,
    ShowPlan as ShowPlan,
    Spots as Spots,
    StatusRequest as StatusRequest,
)
from .link import LinkCore as LinkCore
from .messages import DeviceFrame as DeviceFrame, Frame as Frame
from .monitored import loaded_spots as loaded_spots, permit_frame as permit_frame
from .payload import (
    MAX_FIRED_PER_FRAME as MAX_FIRED_PER_FRAME,
    PROTOCOL_VERSION as PROTOCOL_VERSION,
    DeviceState as DeviceState,
    NakCode as NakCode,
    plan_bytes as plan_bytes,
)
from .scan_head import ScanHeadLink as ScanHeadLink
from .spots import (
    RECORD_BYTES as RECORD_BYTES,
    RECORD_STRUCT as RECORD_STRUCT,
    SpotRecords as SpotRecords,
    decode_records as decode_records,
    encode_records as encode_records,
    running_digest as running_digest,
)
from .wire import (
    Decoder as Decoder,
    WireError as WireError,
    decode_frame as decode_frame,
    encode as encode,
)
