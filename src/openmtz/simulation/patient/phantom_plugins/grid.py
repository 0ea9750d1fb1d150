"""Grids that are fine around one place, and triangle meshes over them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from openmtz.geometry import TriangleMesh

Array = NDArray[np.float64]


def graded_axis(
    low_m: float,
    high_m: float,
    fine_half_m: float,
    centre_m: float = 0.0,
    fine_m: float = 0.0005,
    coarsest_m: float = 0.006,
) -> Array:
    """Return increasing positions from about `low_m` to `high_m` [m], `centre_m` among them.

    They lie `fine_m` apart within `fine_half_m` of the centre and grow by 1.18 outside, up to `coarsest_m`.
    """
    right = _outward(high_m - centre_m, fine_half_m, fine_m, coarsest_m)
    left = _outward(centre_m - low_m, fine_half_m, fine_m, coarsest_m)
    return centre_m + np.concatenate([-left[:0:-1], right])


def grid_mesh(points: Array, columns: int, rows: int) -> TriangleMesh:
    """Return the mesh of points `(rows * columns, 3)` [m], row by row, two triangles a cell."""
    index = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
    a, b = index[:-1, :-1].ravel(), index[:-1, 1:].ravel()
    c, d = index[1:, 1:].ravel(), index[1:, :-1].ravel()
    return TriangleMesh(points, np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]))


def _outward(length_m: float, fine_half_m: float, fine_m: float, coarsest_m: float) -> Array:
    inner = np.arange(0.0, min(fine_half_m, length_m) + 0.5 * fine_m, fine_m)
    outer, step = [], fine_m
    position = float(inner[-1])
    while position < length_m:
        step = min(step * 1.18, coarsest_m)
        position += step
        outer.append(position)
    return np.concatenate([inner, outer])
