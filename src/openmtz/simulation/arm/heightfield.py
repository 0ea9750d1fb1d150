"""A skin mesh as a height field: tight and cheap for contact, where a convex hull would swallow the air."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openmtz.geometry import TriangleMesh

CELL_M = 0.005
MAX_CELLS = 400


@dataclass(frozen=True, eq=False)
class HeightField:
    """Heights `(rows, columns)` [m] above `bottom_m`; rows run along y, columns along x.

    `center_m` `(2,)` and `half_m` `(2,)` of the x-y rectangle the outermost samples lie on.
    """

    heights: NDArray[np.float64]
    center_m: NDArray[np.float64]
    half_m: NDArray[np.float64]
    bottom_m: float


def height_field(mesh: TriangleMesh, floor_m: float, cell_m: float = CELL_M) -> HeightField:
    """Return the upper envelope of a mesh seen from +z; cells nothing covers lie at `floor_m`.

    Samples every triangle no wider than a cell, so no cell a triangle covers is missed.
    """
    low, high = mesh.vertices[:, :2].min(axis=0), mesh.vertices[:, :2].max(axis=0)
    size = np.maximum(high - low, 2 * cell_m)
    cell = max(cell_m, float(size.max()) / MAX_CELLS)
    # One empty row all round: MuJoCo stretches heights from their minimum, so some must be zero.
    shape = np.ceil(size / cell).astype(int) + 3
    center = (low + high) / 2
    origin = center - (shape - 1) * cell / 2
    bottom = min(floor_m, float(mesh.vertices[:, 2].min()))
    top = np.full(shape[0] * shape[1], bottom)
    corners = mesh.vertices[mesh.faces]
    edges = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(axis=1)
    pieces = np.minimum(np.ceil(edges / cell * 1.5).astype(int), 200)
    for count in np.unique(pieces):
        n = max(int(count), 1)
        i, j = np.meshgrid(np.arange(n + 1), np.arange(n + 1), indexing="ij")
        inside = i + j <= n
        u, v = i[inside] / n, j[inside] / n
        weights = np.stack([1 - u - v, u, v], axis=1)
        points = np.einsum("kc,fcd->fkd", weights, corners[pieces == count]).reshape(-1, 3)
        index = np.rint((points[:, :2] - origin) / cell).astype(int)
        index = np.clip(index, 0, shape - 1)
        np.maximum.at(top, index[:, 1] * shape[0] + index[:, 0], points[:, 2])
    heights = top.reshape(shape[1], shape[0]) - bottom
    return HeightField(heights, center, (shape - 1) * cell / 2, bottom)
