from .camera_fit import misfit as misfit
from .cleaning import (
    averaging_matrix as averaging_matrix,
    edge_table as edge_table,
    largest_piece as largest_piece,
    rim_edges as rim_edges,
    taubin as taubin,
)
from .errors import CaptureError as CaptureError, WorkerDied as WorkerDied
from .frames import FrameGate as FrameGate, StillFrame as StillFrame
from .fusion import (
    CaptureResult as CaptureResult,
    CaptureSettings as CaptureSettings,
    SurfaceFuser as SurfaceFuser,
)
from .intrinsics import CameraIntrinsics as CameraIntrinsics
from .open3d_core import load_open3d as load_open3d
from .process import WorkerProcess as WorkerProcess
from .views import scan_views as scan_views
from .worker import (
    CaptureProgress as CaptureProgress,
    CaptureWorker as CaptureWorker,
    in_line_worker as in_line_worker,
)
