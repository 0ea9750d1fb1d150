"""Normals of the skin averaged over a chosen scale: what is left of a captured mesh's noise, and what of its
walls, depends on that scale.

The triangles' area vectors are summed over cells of a third of the scale first, apart for the six main
directions so that the two sides of a fold do not cancel. A point then looks at some tens of cells however
fine the mesh is.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from openmtz.geometry import TriangleMesh

NORMAL_SCALE_M = 0.002
"""Normals are averaged with a Gaussian of this sigma [m]: 0.1 mm of noise on 1 mm triangles tilts
a single triangle by 6 to 10 degrees."""
FINE_SCALES_M = (0.00035, 0.0005, 0.0007, 0.001, 0.0014)
"""Scales tried for the finer look at steep walls [m]. Engineering default."""
FINE_NOISE_RAD = float(np.deg2rad(3.5))
"""Most noise a fine normal may have [rad]: a third of the way from 15 (good) to 30 degrees (limit) would be
5, and the median of a two-dimensional normal error is 1.18 sigma. Engineering default."""
CUT = 2.5
"""Beyond so many sigma a triangle does not count."""


def smooth_normals(
    mesh: TriangleMesh, points: NDArray[np.float64], scale_m: float = NORMAL_SCALE_M
) -> NDArray[np.float64]:
    """Return `(N, 3)` unit normals at points `(N, 3)` [m]: Gaussian average of triangle normals.

    Triangles that face away from the one nearest to the point do not count.
    """
    cross = mesh.face_cross()
    centroids = mesh.vertices[mesh.faces].mean(axis=1)
    own = cross[cKDTree(centroids).query(points)[1]]
    cells = _cells(centroids, cross, scale_m / 3.0)
    total = _average(np.ascontiguousarray(points, np.float64), own, cells, scale_m, CUT)
    length = np.linalg.norm(total, axis=1, keepdims=True)
    own_length = np.maximum(np.linalg.norm(own, axis=1, keepdims=True), 1e-30)
    return np.where(length > 1e-15, total / np.maximum(length, 1e-30), own / own_length)


class FineNormals(NamedTuple):
    """`normals` `(N, 3)` unit, averaged over `scale_m` [m]; `noise_rad` the median angle to the normals over
    `NORMAL_SCALE_M`: mostly noise, as most skin has no walls."""

    normals: NDArray[np.float64]
    scale_m: float
    noise_rad: float


def fine_normals(mesh: TriangleMesh, points: NDArray[np.float64], smooth: NDArray[np.float64]) -> FineNormals:
    """Return normals at points `(N, 3)` [m] over the finest scale the capture's noise allows.

    `smooth` `(N, 3)` are the normals over `NORMAL_SCALE_M`. Scales below the mesh's own edge length are left
    out: there is nothing finer in it. On a mesh too noisy for any of them, `smooth` itself is returned.
    """
    edge = float(
        np.median(np.linalg.norm(mesh.vertices[mesh.faces[:, 0]] - mesh.vertices[mesh.faces[:, 1]], axis=1))
    )
    sample = np.linspace(0, len(points) - 1, min(len(points), 2000)).astype(np.int64)
    for scale in FINE_SCALES_M:
        if scale < 0.5 * edge:
            continue
        noise = float(np.median(_angle(smooth_normals(mesh, points[sample], scale), smooth[sample])))
        if noise <= FINE_NOISE_RAD:
            return FineNormals(smooth_normals(mesh, points, scale), scale, noise)
    return FineNormals(smooth, NORMAL_SCALE_M, 0.0)


def _angle(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.arccos(np.clip((a * b).sum(axis=1), -1.0, 1.0))


class _Cells(NamedTuple):
    """Summed area vectors `sums` `(C, 3)` at `centres` `(C, 3)` [m], sorted by the block of `block` [m] they
    lie in: block `keys` `(B,)`, where each begins `starts` `(B + 1,)`, `shape` of the grid of blocks,
    `low`."""

    centres: NDArray[np.float64]
    sums: NDArray[np.float64]
    keys: NDArray[np.int64]
    starts: NDArray[np.int64]
    shape: NDArray[np.int64]
    block: float
    low: NDArray[np.float64]


def _cells(centroids: NDArray[np.float64], cross: NDArray[np.float64], cell_m: float) -> _Cells:
    weight = np.linalg.norm(cross, axis=1)
    used = weight > 0.0
    centroids, cross, weight = centroids[used], cross[used], weight[used]
    low = centroids.min(axis=0)
    block = 3.0 * CUT * cell_m
    shape = np.floor((centroids.max(axis=0) - low) / block).astype(np.int64) + 3
    place = np.floor((centroids - low) / cell_m).astype(np.int64)
    axis = np.argmax(np.abs(cross), axis=1)
    side = 2 * axis + (np.take_along_axis(cross, axis[:, None], axis=1)[:, 0] < 0.0)
    extent = place.max(axis=0) + 1
    key = ((place[:, 0] * extent[1] + place[:, 1]) * extent[2] + place[:, 2]) * 6 + side
    _, inverse = np.unique(key, return_inverse=True)
    inverse = inverse.reshape(-1)
    count = int(inverse.max()) + 1
    sums = np.zeros((count, 3))
    for k in range(3):
        sums[:, k] = np.bincount(inverse, cross[:, k], count)
    total = np.bincount(inverse, weight, count)
    centres = np.stack(
        [np.bincount(inverse, centroids[:, k] * weight, count) / total for k in range(3)], axis=1
    )
    at = np.floor((centres - low) / block).astype(np.int64) + 1
    block_key = (at[:, 0] * shape[1] + at[:, 1]) * shape[2] + at[:, 2]
    order = np.argsort(block_key, kind="stable")
    keys, starts = np.unique(block_key[order], return_index=True)
    starts = np.append(starts, count).astype(np.int64)
    return _Cells(
        centres[order], sums[order], keys.astype(np.int64), starts, shape.astype(np.int64), float(block), low
    )


@njit(cache=True)
def _average(points: Any, own: Any, cells: _Cells, scale: float, cut: float) -> Any:
    """Return `(N, 3)` area vectors around `points` `(N, 3)` [m], weighed by a Gaussian of `scale` [m] that is
    cut off at `cut` of them. What faces away from the point's `own` triangle lies beyond a fold, or is the
    other side of something thin, and does not count."""
    centres, sums, keys, starts = cells.centres, cells.sums, cells.keys, cells.starts
    shape, block, low = cells.shape, cells.block, cells.low
    out = np.zeros((len(points), 3))
    reach = (cut * scale) ** 2
    for i in range(len(points)):
        bx = int(np.floor((points[i, 0] - low[0]) / block)) + 1
        by = int(np.floor((points[i, 1] - low[1]) / block)) + 1
        bz = int(np.floor((points[i, 2] - low[2]) / block)) + 1
        for x in range(max(bx - 1, 0), min(bx + 2, shape[0])):
            for y in range(max(by - 1, 0), min(by + 2, shape[1])):
                for z in range(max(bz - 1, 0), min(bz + 2, shape[2])):
                    key = (x * shape[1] + y) * shape[2] + z
                    at = np.searchsorted(keys, key)
                    if at == len(keys) or keys[at] != key:
                        continue
                    for c in range(starts[at], starts[at + 1]):
                        r2 = 0.0
                        facing = 0.0
                        for k in range(3):
                            r2 += (centres[c, k] - points[i, k]) ** 2
                            facing += sums[c, k] * own[i, k]
                        if r2 <= reach and facing > 0.0:
                            w = np.exp(-0.5 * r2 / scale**2)
                            for k in range(3):
                                out[i, k] += w * sums[c, k]
    return out
