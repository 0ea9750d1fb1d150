"""The capture of the lockstep simulation: gate and fuser of the real one, without the worker process."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from openmtz.capture import CaptureError, CaptureSettings, FrameGate, SurfaceFuser
from openmtz.geometry import SkinSurface
from openmtz.robot import CAMERA_FRAME, ArmKinematics
from openmtz.simulation.lockstep.cell import DepthFrame


class LockstepCapture:
    """One capture: joints and frames in, a surface out. Poses come from the joints, as in the graph."""

    def __init__(self, settings: CaptureSettings, frames_per_rest: int, kinematics: ArmKinematics) -> None:
        self.gate = FrameGate(per_standstill=frames_per_rest)
        self.fuser = SurfaceFuser(settings)
        self._kinematics = kinematics

    def take_joints(self, stamp_s: float, joints: NDArray[np.float64]) -> None:
        """Take measured joints `(6,)` [rad]."""
        self.gate.add_joints(stamp_s, joints)

    def take_frame(self, frame: DepthFrame) -> None:
        """Take a picture; it waits for the joints of its instant."""
        self.gate.add_frame(frame.stamp_s, frame.depth)

    def work(self, final: bool = False) -> None:
        """Fuse what was taken at rest.

        Raises:
            CaptureError: a frame that cannot be fused.
        """
        for still in self.gate.drain(final=final):
            pose = self._kinematics.forward(still.joints, CAMERA_FRAME)
            try:
                self.fuser.integrate(still.payload, pose)
            except ValueError as error:
                raise CaptureError(f"a depth frame cannot be fused: {error}", "check the camera") from error

    def finish(self) -> SkinSurface:
        """Return the surface.

        Raises:
            CaptureError: nothing, or too little, was seen.
        """
        self.work(final=True)
        return self.fuser.result().surface
