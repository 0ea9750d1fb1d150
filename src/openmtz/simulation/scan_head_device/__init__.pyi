from .core import DeviceCore as DeviceCore
from .exchange import Lines as Lines, Shot as Shot, StepResult as StepResult
from .injection import FAULTS as FAULTS, inject as inject
from .line import CHUNK as CHUNK, Line as Line
from .memory import (
    SLOT_BYTES as SLOT_BYTES,
    SLOTS as SLOTS,
    ExecutedMemory as ExecutedMemory,
    SlotMemory as SlotMemory,
)
from .memory_file import open_memory_file as open_memory_file
from .plant import Plant as Plant
from .settings import DeviceSettings as DeviceSettings
from .wires import HEAD_LINES as HEAD_LINES, LINES as LINES, Shots as Shots, WireServer as WireServer
