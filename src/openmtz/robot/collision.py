"""Does the arm touch itself, the bed or the patient? Checked by Pinocchio with coal, with a margin."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike

import coal
import numpy as np
import pinocchio as pin
from numpy.typing import ArrayLike, NDArray

from openmtz.geometry import TriangleMesh
from openmtz.robot.cell import CELL_BOXES
from openmtz.robot.description import find_urdf

Array = NDArray[np.float64]

MARGIN_M = 0.02
"""Kept from bed, pedestal and patient [m]. Engineering choice."""
SELF_MARGIN_M = 0.002
STEP_RAD = 0.02
"""Largest joint step between two checks [rad]; at 0.9 m reach that is 18 mm, less than the margin."""
PATIENT = "patient"
_RIGID_TOOL = {"wrist_3_link", "head_body", "camera_body"}


@dataclass(frozen=True)
class Collision:
    """`first` and `second` come within `margin_m` of each other at sample `index` of the path."""

    first: str
    second: str
    margin_m: float
    index: int
    fraction: float
    q: Array

    @property
    def text(self) -> str:
        """One sentence for people."""
        where = f" {self.fraction:.0%} of the way" if self.fraction > 0 else " at the start"
        if self.margin_m <= 0:
            return f"{self.first} touches {self.second}{where}"
        return f"{self.first} comes within {self.margin_m * 1e3:.0f} mm of {self.second}{where}"


class CellCollision:
    """The arm's shapes from the URDF, the cell's furniture, and the patient's surface if known."""

    def __init__(
        self,
        urdf_path: str | PathLike[str] | None = None,
        patient: TriangleMesh | None = None,
        margin_m: float = MARGIN_M,
    ) -> None:
        path = str(urdf_path or find_urdf())
        self.model = pin.buildModelFromUrdf(path)
        self._data = self.model.createData()
        self.margin_m = float(margin_m)
        self._arm = pin.buildGeomFromUrdf(self.model, path, pin.GeometryType.COLLISION)
        self.set_patient(patient)

    def set_patient(self, patient: TriangleMesh | None) -> None:
        """Replace the patient's surface, `(V, 3)` vertices in `world` [m]; None: nobody there."""
        geometry = self._arm.copy()
        count = geometry.ngeoms
        links = [self._link(geometry.geometryObjects[i]) for i in range(count)]
        for box in CELL_BOXES:
            shape = coal.Box(*box.size_m)
            geometry.addGeometryObject(
                pin.GeometryObject(box.name, 0, 0, pin.SE3(np.eye(3), np.array(box.center_m)), shape)
            )
        if patient is not None:
            geometry.addGeometryObject(pin.GeometryObject(PATIENT, 0, 0, pin.SE3.Identity(), _bvh(patient)))
        self._names = links + [o.name for o in list(geometry.geometryObjects)[count:]]
        margins = []
        for a in range(count):
            for b in range(a + 1, geometry.ngeoms):
                if b < count:
                    if self._never_apart(links[a], links[b]):
                        continue
                    margins.append(SELF_MARGIN_M)
                elif links[a] in ("base_link_inertia", "shoulder_link"):
                    continue  # stands on the pedestal and turns in place
                else:
                    margins.append(self.margin_m)
                geometry.addCollisionPair(pin.CollisionPair(a, b))
        self._geometry = geometry
        self._geometry_data = pin.GeometryData(geometry)
        self._touch_data = pin.GeometryData(geometry)
        for k, margin in enumerate(margins):
            self._geometry_data.collisionRequests[k].security_margin = margin
        self._margins = margins

    def _link(self, shape: pin.GeometryObject) -> str:
        return str(self.model.frames[shape.parentFrame].name)

    def _never_apart(self, a: str, b: str) -> bool:
        """Neighbours along the arm always touch at their joint; the tool is one rigid piece."""
        order = (
            "base_link_inertia",
            "shoulder_link",
            "upper_arm_link",
            "forearm_link",
            "wrist_1_link",
            "wrist_2_link",
            "wrist_3_link",
        )
        if a == b or (a in _RIGID_TOOL and b in _RIGID_TOOL):
            return True
        if a in order and b in order:
            return abs(order.index(a) - order.index(b)) == 1
        return False

    def check(self, q: ArrayLike) -> Collision | None:
        """Return the first pair too near at joints `(6,)` [rad], or None."""
        return self._check(np.asarray(q, np.float64), 0, 0.0)

    def _check(self, q: Array, index: int, fraction: float, touch: bool = False) -> Collision | None:
        """`touch`: without margins, only what really touches."""
        data = self._touch_data if touch else self._geometry_data
        if not pin.computeCollisions(self.model, self._data, self._geometry, data, q, True):
            return None
        for k, result in enumerate(data.collisionResults):
            if result.isCollision():
                pair = self._geometry.collisionPairs[k]
                names = self._names[pair.first], self._names[pair.second]
                return Collision(*names, 0.0 if touch else self._margins[k], index, fraction, q.copy())
        raise AssertionError("a collision without a pair")

    def check_path(self, positions: ArrayLike) -> Collision | None:
        """Return the first collision along joints `(T, 6)` [rad], or None.

        Samples nearer to each other than `STEP_RAD` are skipped, wider gaps are filled; the first
        and the last are always checked. A path that starts within a margin may leave it: in its first
        20 % only what really touches counts.
        """
        path = np.atleast_2d(np.asarray(positions, np.float64))
        last = len(path) - 1
        checked = path[0]
        first = self._check(checked, 0, 0.0)
        for i in range(1, last + 1):
            gap = float(np.abs(path[i] - checked).max())
            if gap < STEP_RAD and i < last:
                continue
            pieces = max(1, int(np.ceil(gap / STEP_RAD)))
            for k in range(1, pieces + 1):
                fraction = (i - 1 + k / pieces) / last
                leaving = first is not None and fraction < 0.2
                hit = self._check(checked + (path[i] - checked) * (k / pieces), i, fraction, leaving)
                if hit:
                    return hit
            checked = path[i]
        return first if last == 0 else None


def _bvh(mesh: TriangleMesh) -> coal.BVHModelOBBRSS:
    model = coal.BVHModelOBBRSS()
    model.beginModel(len(mesh.faces), len(mesh.vertices))
    model.addVertices(np.asfortranarray(mesh.vertices))
    model.addTriangles(np.asfortranarray(mesh.faces, dtype=np.int64))
    model.endModel()
    return model
