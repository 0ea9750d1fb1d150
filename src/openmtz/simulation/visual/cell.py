"""The shapes of the cell as triangles, from URDF and furniture, and where they are at given joints."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike

import coal
import numpy as np
import pinocchio as pin
import trimesh
from numpy.typing import ArrayLike, NDArray

from openmtz.geometry import TriangleMesh
from openmtz.robot import CELL_BOXES, SCAN_HEAD_FRAME, find_urdf

Array = NDArray[np.float64]
Color = tuple[float, float, float]
FURNITURE: Color = (0.72, 0.75, 0.78)
FLOOR: Color = (0.90, 0.91, 0.92)
SIDES = 32
WINDOW_M = 0.02
"""The mirrors stand so far behind the window [m] (urdf/openmtz_cell.urdf)."""


@dataclass(frozen=True, eq=False)
class Shape:
    """A body that moves as one: `mesh` in its own frame [m], `color` red, green, blue in 0 to 1."""

    name: str
    mesh: TriangleMesh
    color: Color


class CellShapes:
    """The moving shapes of the arm and the fixed ones of the furniture."""

    def __init__(self, urdf_path: str | PathLike[str] | None = None) -> None:
        """Load the URDF (the cell's own by default).

        Raises:
            UrdfMissing: no URDF found. ValueError: a shape other than box, cylinder and sphere.
        """
        path = str(urdf_path or find_urdf())
        self._model = pin.buildModelFromUrdf(path)
        self._visual = pin.buildGeomFromUrdf(self._model, path, pin.GeometryType.VISUAL)
        self._data, self._visual_data = self._model.createData(), self._visual.createData()
        self._head = self._model.getFrameId(SCAN_HEAD_FRAME)
        self.moving = [
            Shape(o.name, _triangles(o.geometry, o.name), tuple(float(c) for c in o.meshColor[:3]))  # type: ignore[arg-type]
            for o in self._visual.geometryObjects
        ]
        self.fixed = []
        for box in CELL_BOXES:
            solid = trimesh.creation.box(box.size_m)
            solid.apply_translation(box.center_m)
            self.fixed.append(Shape(box.name, _mesh(solid), FLOOR if box.name == "floor" else FURNITURE))

    def poses(self, joints_rad: ArrayLike) -> Array:
        """Return the poses `(S, 4, 4)` in `world` of the moving shapes at joints `(6,)` [rad]."""
        q = np.asarray(joints_rad, np.float64)
        pin.updateGeometryPlacements(self._model, self._data, self._visual, self._visual_data, q)
        return np.array([self._visual_data.oMg[i].homogeneous for i in range(len(self.moving))])

    def window(self, joints_rad: ArrayLike) -> Array:
        """Return the point `(3,)` [m] in `world` where the undeflected beam leaves the housing."""
        pin.forwardKinematics(self._model, self._data, np.asarray(joints_rad, np.float64))
        head = pin.updateFramePlacement(self._model, self._data, self._head)
        return np.array(head.act(np.array([0.0, 0.0, WINDOW_M])))


def _triangles(geometry: object, name: str) -> TriangleMesh:
    if isinstance(geometry, coal.Box):
        return _mesh(trimesh.creation.box(2.0 * np.asarray(geometry.halfSide)))
    if isinstance(geometry, coal.Cylinder):
        solid = trimesh.creation.cylinder(geometry.radius, 2.0 * geometry.halfLength, sections=SIDES)
        return _mesh(solid)
    if isinstance(geometry, coal.Sphere):
        return _mesh(trimesh.creation.uv_sphere(geometry.radius, count=(SIDES // 2, SIDES)))
    raise ValueError(
        f"{name}: a shape of type {type(geometry).__name__} is not drawn; use box, cylinder, sphere"
    )


def _mesh(solid: trimesh.Trimesh) -> TriangleMesh:
    return TriangleMesh(np.asarray(solid.vertices, np.float64), np.asarray(solid.faces))
