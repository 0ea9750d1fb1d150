"""Depth frames -> only those taken at rest -> fused -> SkinSurface, with how well it was seen.

Names are loaded on first use: only the fuser and its worker's child process load Open3D.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from openmtz.capture.errors import CaptureError as CaptureError
    from openmtz.capture.errors import WorkerDied as WorkerDied
    from openmtz.capture.frames import FrameGate as FrameGate
    from openmtz.capture.frames import StillFrame as StillFrame
    from openmtz.capture.fusion import CaptureResult as CaptureResult
    from openmtz.capture.fusion import CaptureSettings as CaptureSettings
    from openmtz.capture.fusion import SurfaceFuser as SurfaceFuser
    from openmtz.capture.intrinsics import CameraIntrinsics as CameraIntrinsics
    from openmtz.capture.process import WorkerProcess as WorkerProcess
    from openmtz.capture.views import scan_views as scan_views
    from openmtz.capture.worker import CaptureProgress as CaptureProgress
    from openmtz.capture.worker import CaptureWorker as CaptureWorker

_HOME_OF = {
    "CaptureError": "errors",
    "WorkerDied": "errors",
    "CameraIntrinsics": "intrinsics",
    "FrameGate": "frames",
    "StillFrame": "frames",
    "CaptureResult": "fusion",
    "CaptureSettings": "fusion",
    "SurfaceFuser": "fusion",
    "WorkerProcess": "process",
    "scan_views": "views",
    "CaptureProgress": "worker",
    "CaptureWorker": "worker",
}

__all__ = sorted(_HOME_OF)


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        return getattr(import_module(f"openmtz.capture.{_HOME_OF[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
