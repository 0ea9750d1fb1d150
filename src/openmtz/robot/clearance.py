"""What comes too near, how near, and how far a turn of a joint moves the arm at most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pinocchio as pin
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Collision:
    """`first` and `second` come within `margin_m` of each other at sample `index` of the path."""

    first: str
    second: str
    margin_m: float
    index: int
    fraction: float
    q: Array
    distance_m: float = 0.0

    @property
    def what(self) -> str:
        """Who comes too near to whom, and how near."""
        if self.margin_m <= 0:
            return f"{self.first} touches {self.second}"
        left = f"{self.distance_m * 1e3:.1f} mm left" if self.distance_m > 0 else "touching"
        return f"{self.first} comes within {self.margin_m * 1e3:.0f} mm of {self.second} ({left})"

    @property
    def text(self) -> str:
        """One sentence for people."""
        where = f" {self.fraction:.0%} of the way" if self.fraction > 0 else " at the start"
        return self.what + where


@dataclass(frozen=True)
class Clearance:
    """`metres` between the nearest pair, `first` of the arm and `second`; to the patient at most `FAR_M`."""

    metres: float
    first: str
    second: str


def levers(model: pin.Model, shapes: pin.GeometryModel) -> Array:
    """Return `(6,)` [m]: no point of the arm is ever further from joint i's axis than this."""
    lengths = [float(np.linalg.norm(model.jointPlacements[i].translation)) for i in range(1, 7)]
    radius = np.zeros(6)
    for shape in shapes.geometryObjects:
        joint = shape.parentJoint - 1
        if joint >= 0:
            shape.geometry.computeLocalAABB()
            size = float(np.linalg.norm(shape.placement.act(shape.geometry.aabb_center)))
            radius[joint] = max(radius[joint], size + float(shape.geometry.aabb_radius))
    lever = radius.copy()
    for i in range(4, -1, -1):
        lever[i] = max(radius[i], lengths[i + 1] + lever[i + 1])
    return lever
