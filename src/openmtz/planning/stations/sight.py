"""Line of sight: does other skin lie in the beam's way to a spot? Noses, lips, lids and ears do.

Most skin is open all around: nothing rises into the cone that any beam comes from. That is found out once
per spot, by coarse cells far away and a bundle of rays nearby, and only the others are asked for each pose.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from openmtz.geometry import TriangleMesh
from openmtz.planning.stations.ray_kernels import MeshGrid, blocked, mesh_grid
from openmtz.planning.stations.view_kernels import beam

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

NEAREST_M = 0.0005
"""Skin nearer to a spot than this does not count: it is the spot's own, and what noise makes of it
(depth cameras: 0.1 to 0.3 mm after fusion). Engineering default."""
RESERVE_RAD = float(np.deg2rad(0.5))
"""A direction that a station shall look along lies so far within the limit. Engineering default."""
COARSER = 2
RINGS = 3
PER_RING = 8


class Sight:
    """What spots `(N, 3)` [m] with unit normals `(N, 3)` on `mesh` can be seen from.

    `limit_rad`: beams come from no farther off the normal. `divergence_rad`: half angle of the focused beam,
    1/e2; a beam is free where its axis and four rays on its rim are. `distance_m`: to the scan head.

    `open` `(N,)` bool: every beam is free, for certain. `hidden` `(N,)`: none. `axis` `(N, 3)` unit: the
    normal, or the middle of the free directions where some are not.
    """

    def __init__(
        self, points: Array, normals: Array, mesh: TriangleMesh, limit_rad: float, divergence_rad: float,
        distance_m: float,
    ) -> None:  # fmt: skip
        self._mesh_grid = mesh_grid(mesh)
        self._points, self._grid = points, tuple(self._mesh_grid)
        self._spread, self._distance = float(np.tan(divergence_rad)), distance_m
        inner = np.linspace(0.0, limit_rad - RESERVE_RAD, RINGS + 1)
        angles = np.append(inner, limit_rad + divergence_rad)
        centres, size = occupied(self._mesh_grid)
        radius = 0.5 * size * 3.0**0.5
        far = rises(points, normals, centres, radius, float(angles[-1]), distance_m)
        # where nothing rises far away only what is near is left to be looked at
        ranges = np.where(far, distance_m, 2.0 * radius)
        self.open: Flags
        self.hidden: Flags
        self.axis: Array
        self.open, self.hidden, self.axis = look_around(
            points, normals, angles, self._spread, ranges, self._grid
        )
        self.open &= ~far

    def of(self, rows: NDArray[np.int64]) -> Sight:
        """Return the same for the spots `rows` `(M,)` only."""
        part = copy.copy(self)
        part._points, part.axis = self._points[rows], self.axis[rows]
        part.open, part.hidden = self.open[rows], self.hidden[rows]
        return part

    def crossing(self, poses: list[Array], separation_m: float, station: NDArray[np.int64]) -> Flags:
        """Return `(N,)` bool: whether the beam to a spot from its `station` `(N,)`, row of `poses`, crosses
        other skin; -1 has none. All spots are looked at, the open ones too."""
        out, nothing = np.zeros(len(station), np.bool_), np.zeros(len(station), np.bool_)
        for row, pose in enumerate(poses):
            mine = np.flatnonzero(station == row)
            out[mine] = ~beams_clear(
                pose, separation_m, mine, self._points, nothing, self._spread, self._distance, self._grid
            )
        return out

    def clear(self, pose: Array, separation_m: float, rows: NDArray[np.int64]) -> Flags:
        """Return `(M,)` bool: whether a pose `(4, 4)` of scan_head has a free beam to spots `rows` `(M,)`."""
        return np.asarray(
            beams_clear(
                pose, separation_m, rows, self._points, self.open, self._spread, self._distance, self._grid
            )
        )

    def clear_pairs(
        self, poses: Array, separation_m: float, starts: NDArray[np.int64], rows: NDArray[np.integer]
    ) -> Flags:
        """Return the same, for the axis of the beam only, for the spots `rows[starts[k]:starts[k + 1]]` of
        each pose k `(C, 4, 4)`."""
        return np.asarray(
            pairs_clear(
                poses, separation_m, starts, rows, self._points, self.open, self._distance, self._grid
            )
        )  # fmt: skip


def occupied(grid: MeshGrid) -> tuple[Array, float]:
    """Return middles `(M, 3)` [m] of coarse cells with skin in them, and their size [m]."""
    shape = -(-grid.shape // COARSER) * COARSER
    full = np.zeros(shape, np.bool_)
    full[tuple(slice(k) for k in grid.shape)] = (np.diff(grid.starts) > 0).reshape(grid.shape)
    blocks = full.reshape([n for k in shape // COARSER for n in (k, COARSER)])
    cells = np.argwhere(blocks.any(axis=(1, 3, 5)))
    size = COARSER * grid.size
    return grid.low + (cells + 0.5) * size, size


@njit(cache=True)
def rises(points: Any, normals: Any, centres: Any, radius: float, widest: float, distance: float) -> Any:
    """Return `(N,)` bool: whether a ball of `radius` [m] about one of `centres` `(M, 3)` reaches into the
    cone of half angle `widest` about a point's normal, beyond two radii from the point."""
    out = np.zeros(len(points), np.bool_)
    cosine, sine = np.cos(widest), np.sin(widest)
    for i in range(len(points)):
        for m in range(len(centres)):
            d0, d1, d2 = (
                centres[m, 0] - points[i, 0],
                centres[m, 1] - points[i, 1],
                centres[m, 2] - points[i, 2],
            )
            height = d0 * normals[i, 0] + d1 * normals[i, 1] + d2 * normals[i, 2]
            if height <= 0.0:
                continue
            square = d0 * d0 + d1 * d1 + d2 * d2
            if square < 4.0 * radius * radius or square > (distance + radius) ** 2:
                continue
            aside = np.sqrt(max(square - height * height, 0.0))
            if aside * cosine - height * sine <= radius:
                out[i] = True
                break
    return out


@njit(cache=True)
def look_around(points: Any, normals: Any, angles: Any, spread: float, ranges: Any, grid: Any) -> Any:
    """Return for each point whether all directions of rings at `angles` about its normal are free `(N,)`;
    whether no beam within the last but one is `(N,)`; and the unit axis `(N, 3)` of one that is: the
    middle of the free directions if that is one, else the nearest to the normal."""
    wide_open, hidden = np.zeros(len(points), np.bool_), np.zeros(len(points), np.bool_)
    axis = normals.copy()
    rays = np.empty((len(angles), PER_RING, 3))
    for i in range(len(points)):
        u, v = across(normals[i])
        distance = ranges[i]
        middle = np.zeros(3)
        wide_open[i] = True
        for ring in range(len(angles)):
            for turn in range(1 if ring == 0 else PER_RING):
                about = 2.0 * np.pi * (turn + 0.5 * (ring % 2)) / PER_RING
                aside = np.cos(about) * u + np.sin(about) * v
                rays[ring, turn] = np.cos(angles[ring]) * normals[i] + np.sin(angles[ring]) * aside
                if blocked(points[i], rays[ring, turn], NEAREST_M, distance, grid):
                    wide_open[i] = False
                elif ring < len(angles) - 1:
                    middle += rays[ring, turn]
        if wide_open[i]:
            continue
        hidden[i] = True
        length = np.sqrt((middle**2).sum())
        if length > 0.0 and all_clear(points[i], middle / length, u, v, spread, distance, grid):
            axis[i], hidden[i] = middle / length, False
        for ring in range(len(angles) - 1):
            for turn in range(1 if ring == 0 else PER_RING):
                if hidden[i] and all_clear(points[i], rays[ring, turn], u, v, spread, distance, grid):
                    axis[i], hidden[i] = rays[ring, turn], False
    return wide_open, hidden, axis


@njit(cache=True)
def across(normal: Any) -> Any:
    """Return two unit vectors `(3,)` square to a unit vector and to each other."""
    hint = np.zeros(3)
    hint[0 if abs(normal[0]) < 0.8 else 1] = 1.0
    u = np.cross(normal, hint)
    u /= np.sqrt((u**2).sum())
    return u, np.cross(normal, u)


@njit(cache=True)
def all_clear(point: Any, back: Any, u: Any, v: Any, spread: float, distance: float, grid: Any) -> bool:
    """Return True if neither the axis of a beam, `back` from the skin along a unit vector, nor its rim, wider
    by `spread` for each metre along `u` and `v`, meets a triangle."""
    ray = np.empty(3)
    for rim in range(5 if spread > 0.0 else 1):
        du = spread * (1.0 if rim == 1 else -1.0 if rim == 2 else 0.0)
        dv = spread * (1.0 if rim == 3 else -1.0 if rim == 4 else 0.0)
        for k in range(3):
            ray[k] = back[k] + du * u[k] + dv * v[k]
        ray /= np.sqrt((ray**2).sum())
        if blocked(point, ray, NEAREST_M, distance, grid):
            return False
    return True


@njit(cache=True)
def beam_clear(pose: Any, separation: float, point: Any, spread: float, distance: float, grid: Any) -> bool:
    """Return True if neither the axis nor the rim of the beam from a pose to a point meets a triangle."""
    local = np.zeros(3)
    for k in range(3):
        for j in range(3):
            local[k] += pose[j, k] * (point[j] - pose[j, 3])
    if local[2] <= 0.0:
        return False
    b0, b1, b2 = beam(local[0], local[1], local[2], separation)
    back, u, v = np.empty(3), np.empty(3), np.empty(3)
    for k in range(3):  # away from the skin, towards the y mirror
        back[k] = -(pose[k, 0] * b0 + pose[k, 1] * b1 + pose[k, 2] * b2)
        u[k], v[k] = pose[k, 0], pose[k, 1]
    return all_clear(point, back, u, v, spread, distance, grid)


@njit(cache=True)
def beams_clear(
    pose: Any, separation: float, rows: Any, points: Any, known_open: Any, spread: float, distance: float,
    grid: Any,
) -> Any:  # fmt: skip
    """Return `(M,)` bool, `beam_clear` of points `rows` not `known_open`."""
    out = np.ones(len(rows), np.bool_)
    for m in range(len(rows)):
        if not known_open[rows[m]]:
            out[m] = beam_clear(pose, separation, points[rows[m]], spread, distance, grid)
    return out


@njit(cache=True)
def pairs_clear(
    poses: Any, separation: float, starts: Any, rows: Any, points: Any, known_open: Any, distance: float,
    grid: Any,
) -> Any:  # fmt: skip
    """Return `(E,)` bool, `beams_clear` of each pose's stretch of `rows`, for beams without width."""
    out = np.ones(len(rows), np.bool_)
    for c in range(len(poses)):
        part = rows[starts[c] : starts[c + 1]]
        out[starts[c] : starts[c + 1]] = beams_clear(
            poses[c], separation, part, points, known_open, 0.0, distance, grid
        )
    return out
