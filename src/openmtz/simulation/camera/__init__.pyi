from .camera import still_key_of as still_key_of
from .faults import CameraFaults as CameraFaults
from .readout_window import Window as Window, field_window as field_window
from .trigger import CameraTrigger as CameraTrigger, Exposure as Exposure
from .worker import (
    CameraFrame as CameraFrame,
    CameraServer as CameraServer,
    CameraWorker as CameraWorker,
    FrameRequest as FrameRequest,
)
