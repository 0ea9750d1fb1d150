"""A soft edge on request: the density falls to nothing towards the border of what is treated."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.sparse.csgraph import dijkstra

from openmtz.geometry import TriangleMesh
from openmtz.planning.spots import PlacementError


def feather_density(mesh: TriangleMesh, density_per_cm2: ArrayLike, width_m: float) -> NDArray[np.float64]:
    """Return the density `(V,)` per cm2 that rises linearly from 0 at the border to its full value `width_m`
    inside.

    The border is the rim of the mesh and the edge of where the density is above 0. Distance is measured
    along the skin: over edges, and straight across two neighbouring triangles laid flat. Linear between
    vertices: triangles should be smaller than the width.

    Raises:
        PlacementError: a width that is not positive; a density of the wrong length; nothing left, because no
            vertex lies inside the border.
    """
    if not (np.isfinite(width_m) and width_m > 0.0):
        raise PlacementError(f"the width of a feathered border must be a positive length [m], got {width_m}")
    density = np.asarray(density_per_cm2, np.float64)
    if density.ndim == 0:
        density = np.full(len(mesh.vertices), float(density))
    if density.shape != (len(mesh.vertices),):
        raise PlacementError(
            f"density_per_cm2 must be a number or one value per vertex ({len(mesh.vertices)},),"
            f" got {density.shape}"
        )
    distance = border_distance_m(mesh, density > 0.0, width_m)
    feathered = np.asarray(density * np.clip(distance / width_m, 0.0, 1.0))
    if not (feathered > 0.0).any():
        raise PlacementError(
            "feathering leaves nothing: every vertex of the region lies on its border;"
            " treat a larger region, or use smaller triangles"
        )
    return feathered


def border_distance_m(
    mesh: TriangleMesh, inside: NDArray[np.bool_], most_m: float = np.inf
) -> NDArray[np.float64]:
    """Return the distance `(V,)` [m] along the skin from the border of the vertices `inside` `(V,)`; 0
    outside, inf beyond `most_m`."""
    count = len(mesh.vertices)
    halves = np.concatenate([mesh.faces[:, [1, 2, 0]], mesh.faces[:, [2, 0, 1]], mesh.faces[:, [0, 1, 2]]])
    halves = halves.astype(np.int64)
    low, high = np.minimum(halves[:, 0], halves[:, 1]), np.maximum(halves[:, 0], halves[:, 1])
    order = np.lexsort((high, low))
    low, high, tip = low[order], high[order], halves[order, 2]
    key = low * count + high
    _, first, uses = np.unique(key, return_index=True, return_counts=True)
    rim = ~np.asarray(inside, bool)
    rim[low[first[uses == 1]]] = True
    rim[high[first[uses == 1]]] = True
    if not rim.any():
        return np.full(count, np.inf)
    pair = first[uses == 2]
    length, one, two = _unfolded(mesh.vertices, low[pair], high[pair], tip[pair], tip[pair + 1])
    straight = length > 0.0
    rows = np.concatenate([low[first], one[straight]])
    columns = np.concatenate([high[first], two[straight]])
    edge = np.linalg.norm(mesh.vertices[low[first]] - mesh.vertices[high[first]], axis=1)
    weights = np.maximum(np.concatenate([edge, length[straight]]), 1e-12)
    graph = sparse.csr_matrix((weights, (rows, columns)), shape=(count, count))
    found = dijkstra(graph, directed=False, indices=np.flatnonzero(rim), min_only=True, limit=most_m)
    return np.asarray(found, np.float64)


def _unfolded(
    vertices: NDArray[np.float64],
    a: NDArray[np.int64],
    b: NDArray[np.int64],
    c: NDArray[np.int64],
    d: NDArray[np.int64],
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the length of c to d `(E,)` with triangles abc and abd laid flat, 0 where it leaves them; c and
    d."""
    edge = vertices[b] - vertices[a]
    length = np.maximum(np.linalg.norm(edge, axis=1), 1e-30)
    edge = edge / length[:, None]
    along_c = ((vertices[c] - vertices[a]) * edge).sum(axis=1)
    along_d = ((vertices[d] - vertices[a]) * edge).sum(axis=1)
    high_c = np.linalg.norm(vertices[c] - vertices[a] - along_c[:, None] * edge, axis=1)
    high_d = np.linalg.norm(vertices[d] - vertices[a] - along_d[:, None] * edge, axis=1)
    total = np.maximum(high_c + high_d, 1e-30)
    crossing = (along_c * high_d + along_d * high_c) / total
    fits = (crossing >= 0.0) & (crossing <= length)
    return np.where(fits, np.hypot(along_c - along_d, high_c + high_d), 0.0), c, d
