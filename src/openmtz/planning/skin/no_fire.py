"""Volumes in which nothing may be fired: eyes, lips, what the operator draws. Each knows its signed distance.

Every `signed_distance` takes points `(N, 3)` [m] and returns `(N,)` [m], negative inside, exact (so that it
changes by no more than the way gone: `exclusion` relies on that).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openmtz.planning.skin import distance_kernels as _distance

Points = NDArray[np.float64]
Vector = tuple[float, float, float]
DRAWN_DEPTH_M = 0.01
"""How far above and below its plane a drawn polygon forbids [m]: more than a cheek curves within one drawing.
Engineering default."""


class NoFireVolume(Protocol):
    """What `exclusion.exclude` and the operator's console need of a volume."""

    def signed_distance(self, points: ArrayLike) -> Points:
        """Return `(N,)` [m], the distance of points `(N, 3)` [m] to the volume, negative inside."""
        ...


def _finite(name: str, value: Any, shape: tuple[int, ...]) -> Points:
    array = np.asarray(value, np.float64)
    if array.shape != shape or not np.isfinite(array).all():
        raise ValueError(f"{name} must be {shape or 'a number'} of finite metres, got {value!r}")
    return array


def _positive(name: str, value: Any) -> None:
    if not (np.ndim(value) == 0 and np.isfinite(value) and value > 0.0):
        raise ValueError(f"{name} must be a positive length in metres, got {value!r}")


def _points(points: ArrayLike) -> Points:
    array = np.asarray(points, np.float64)
    if array.ndim != 2 or array.shape[1] != 3:
        raise ValueError(f"points must be (N, 3) [m], got {array.shape}")
    return array


@dataclass(frozen=True)
class Sphere:
    """A ball, e.g. an eye."""

    center_m: Vector
    radius_m: float

    def __post_init__(self) -> None:
        _finite("center_m", self.center_m, (3,))
        _positive("radius_m", self.radius_m)

    def signed_distance(self, points: ArrayLike) -> Points:
        """See `NoFireVolume`."""
        away = _points(points) - np.asarray(self.center_m)
        return np.asarray(np.linalg.norm(away, axis=1) - self.radius_m)


@dataclass(frozen=True)
class Box:
    """An oriented box: `half_m` from its centre along the columns of `rotation` (3 rows of a proper
    rotation)."""

    center_m: Vector
    half_m: Vector
    rotation: tuple[Vector, Vector, Vector] = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))

    def __post_init__(self) -> None:
        _finite("center_m", self.center_m, (3,))
        for half in _finite("half_m", self.half_m, (3,)):
            _positive("half_m", half)
        turn = _finite("rotation", self.rotation, (3, 3))
        if not np.allclose(turn.T @ turn, np.eye(3), atol=1e-6) or np.linalg.det(turn) < 0.0:
            raise ValueError("rotation must be a proper rotation matrix: three orthogonal unit rows")

    def signed_distance(self, points: ArrayLike) -> Points:
        """See `NoFireVolume`."""
        local = (_points(points) - np.asarray(self.center_m)) @ np.asarray(self.rotation)
        return _extruded(np.abs(local) - np.asarray(self.half_m))


@dataclass(frozen=True)
class Capsule:
    """All within `radius_m` of the segment from `start_m` to `end_m`, e.g. a lip or a lash line."""

    start_m: Vector
    end_m: Vector
    radius_m: float

    def __post_init__(self) -> None:
        _finite("start_m", self.start_m, (3,))
        _finite("end_m", self.end_m, (3,))
        _positive("radius_m", self.radius_m)

    def signed_distance(self, points: ArrayLike) -> Points:
        """See `NoFireVolume`."""
        start, axis = np.asarray(self.start_m), np.subtract(self.end_m, self.start_m)
        away = _points(points) - start
        along = np.clip(away @ axis / max(float(axis @ axis), 1e-300), 0.0, 1.0)
        return np.asarray(np.linalg.norm(away - along[:, None] * axis, axis=1) - self.radius_m)


@dataclass(frozen=True)
class Cylinder:
    """A cylinder with flat ends at `start_m` and `end_m`."""

    start_m: Vector
    end_m: Vector
    radius_m: float

    def __post_init__(self) -> None:
        length = np.linalg.norm(_finite("end_m", self.end_m, (3,)) - _finite("start_m", self.start_m, (3,)))
        _positive("the distance of start_m and end_m", float(length))
        _positive("radius_m", self.radius_m)

    def signed_distance(self, points: ArrayLike) -> Points:
        """See `NoFireVolume`."""
        start, axis = np.asarray(self.start_m), np.subtract(self.end_m, self.start_m)
        length = float(np.linalg.norm(axis))
        away = _points(points) - start
        along = away @ (axis / length)
        across = np.linalg.norm(away - along[:, None] * (axis / length), axis=1)
        return _extruded(np.stack([across - self.radius_m, np.abs(along - length / 2) - length / 2], axis=1))


@dataclass(frozen=True)
class DrawnPolygon:
    """A polygon `(K, 3)` [m] the operator drew on the skin, extended by `depth_m` to both sides of its plane.

    Raises:
        ValueError: fewer than three corners, no area, or edges that cross.
    """

    corners_m: tuple[Vector, ...]
    depth_m: float = DRAWN_DEPTH_M

    def __post_init__(self) -> None:
        _positive("depth_m", self.depth_m)
        if len(self.corners_m) < 3:
            raise ValueError(f"a drawn polygon needs at least 3 corners, got {len(self.corners_m)}")
        corners = _finite("corners_m", self.corners_m, (len(self.corners_m), 3))
        flat = self._flat(corners)[:, :2]
        crossing = _distance.first_crossing(flat)
        if crossing[0] >= 0:
            raise ValueError(
                f"the drawn polygon crosses itself: edge {crossing[0]} and edge {crossing[1]};"
                " draw it again, or as two polygons"
            )
        x, y = flat.T
        if abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) < 1e-12:
            raise ValueError("the drawn polygon has no area: its corners lie on a line")

    def _flat(self, points: Points) -> Points:
        """Return `(N, 3)`: in the polygon's plane, and the height above it."""
        corners = np.asarray(self.corners_m, np.float64)
        middle = corners.mean(axis=0)
        axes = np.linalg.svd(corners - middle, full_matrices=True)[2]
        return np.asarray((points - middle) @ axes.T)

    def signed_distance(self, points: ArrayLike) -> Points:
        """See `NoFireVolume`."""
        flat = self._flat(_points(points))
        corners = np.ascontiguousarray(self._flat(np.asarray(self.corners_m, np.float64))[:, :2])
        inside = _distance.to_polygon(np.ascontiguousarray(flat[:, :2]), corners)
        return _extruded(np.stack([inside, np.abs(flat[:, 2]) - self.depth_m], axis=1))


@dataclass(frozen=True, eq=False)
class MeshVolume:
    """A closed triangle mesh: `vertices` `(V, 3)` [m], `faces` `(F, 3)`, counter-clockwise from outside.

    Raises:
        ValueError: not a mesh, or not closed (then there is no inside).
    """

    vertices: Points
    faces: NDArray[np.int64]

    def __post_init__(self) -> None:
        from openmtz.geometry import TriangleMesh

        mesh = TriangleMesh(self.vertices, np.asarray(self.faces, np.int32))
        edges = mesh.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2).astype(np.int64)
        key = edges[:, 0] * len(mesh.vertices) + edges[:, 1]
        back = edges[:, 1] * len(mesh.vertices) + edges[:, 0]
        if not np.array_equal(np.sort(key), np.sort(back)):
            open_edges = int((~np.isin(key, back)).sum())
            raise ValueError(
                f"a no-fire mesh must be closed, this one has {open_edges} edges without a partner:"
                " fill its holes and turn all triangles outwards"
            )
        volume = float(np.einsum("ij,ij->", mesh.vertices[mesh.faces[:, 0]], mesh.face_cross())) / 6.0
        if volume <= 0.0:
            raise ValueError("the no-fire mesh is inside out: turn its triangles (swap two corners of each)")
        object.__setattr__(self, "vertices", mesh.vertices)
        object.__setattr__(self, "faces", mesh.faces)

    def signed_distance(self, points: ArrayLike) -> Points:
        """See `NoFireVolume`; the sign is that of the winding number."""
        return np.asarray(_distance.to_mesh(np.ascontiguousarray(_points(points)), self.vertices, self.faces))


def _extruded(walls: Points) -> Points:
    """Return the signed distance `(N,)` of a product of shapes from those of its factors `(N, K)`."""
    return np.asarray(np.minimum(walls.max(axis=1), 0.0) + np.linalg.norm(np.maximum(walls, 0.0), axis=1))
