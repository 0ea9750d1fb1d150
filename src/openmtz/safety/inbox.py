"""What a safety monitor has heard, kept until its next step, however it was heard."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from openmtz.geometry import TriangleMesh
from openmtz.plan import TreatmentPlan
from openmtz.safety.inputs import (
    ArmState,
    FiredBatch,
    HeadStatus,
    Inputs,
    Interlocks,
    LoadedSpots,
    ProgressSample,
    Request,
)

Array = NDArray[np.float64]


class Inbox:
    """Attributes are as those of `Inputs`: the latest of each, `loaded` and `fired` since the last step.

    Args:
        pose_of: world pose `(4, 4)` of `scan_head` for joints `(6,)` [rad].
    """

    def __init__(self, pose_of: Callable[[Array], Array]) -> None:
        self._pose_of = pose_of
        self.interlocks: Interlocks | None = None
        self.head: HeadStatus | None = None
        self.arm: ArmState | None = None
        self.progress: Mapping[str, ProgressSample] = {}
        self.plan: TreatmentPlan | None = None
        self.surface_id = ""
        self.skin: TriangleMesh | None = None
        self.loaded: list[LoadedSpots] = []
        self.fired: list[FiredBatch] = []
        self.permit_unmade = ""

    def hear_joints(self, joints: Array, now: float) -> None:
        """Take measured joints `(6,)` [rad]; NaN where they were no numbers: then the pose is none either.

        At rest, where they are bit by bit the same, no pose is computed anew.
        """
        last = self.arm
        if last is None or not np.array_equal(joints, last.joints_rad):
            joints = joints.copy()
            pose = self._pose_of(joints) if np.isfinite(joints).all() else np.full((4, 4), np.nan)
            joints.setflags(write=False)
            pose.setflags(write=False)
            last = ArmState(now, joints, pose)
        self.arm = ArmState(now, last.joints_rad, last.scan_head_pose)

    def hear_surface(self, surface_id: str, skin: TriangleMesh | None) -> None:
        """Take a captured surface, `skin` None where it cannot be read.

        Without a name it is still another surface: no plan was made for it.
        """
        self.surface_id, self.skin = surface_id or "unnamed", skin

    def take(
        self,
        requests: tuple[Request, ...] = (),
        *,
        run_line_ok: bool,
        strangers: Mapping[str, str] | None = None,
    ) -> Inputs:
        """Return the inputs of a step; what is new since the last one is handed out once."""
        inputs = Inputs(
            interlocks=self.interlocks,
            head=self.head,
            arm=self.arm,
            progress=self.progress,
            run_line_ok=run_line_ok,
            strangers=strangers or {},
            permit_unmade=self.permit_unmade,
            plan=self.plan,
            surface_id=self.surface_id,
            skin=self.skin,
            loaded=tuple(self.loaded),
            fired=tuple(self.fired),
            requests=requests,
        )
        self.loaded.clear()
        self.fired.clear()
        return inputs
