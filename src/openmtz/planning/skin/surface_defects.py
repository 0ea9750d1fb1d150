"""What is wrong with a mesh that spots are to be placed on: counted, with its meaning and the nearest fix.

`place_spots` copes with all of these, and nothing is mended here; what each one costs is said before, so that
nobody finds out by the pattern.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from openmtz.geometry import TriangleMesh

SLIVER = 0.02
"""Height over longest edge below which a triangle is a sliver. Engineering default."""


@dataclass(frozen=True)
class Defect:
    """One kind of defect: `code`, how often, what it means here, and the nearest fix."""

    code: str
    count: int
    text: str
    fix: str


_MEANING = {
    "no-area": ("triangles have no area: they get no spots", "remove them"),
    "sliver": ("triangles are slivers: their normals are unreliable", "remesh, or capture again"),
    "doubled": (
        "triangles repeat another one: that skin counts twice, and gets twice the spots",
        "remove the copies",
    ),
    "non-manifold": (
        "edges are shared by more than two triangles: spots do not cross them",
        "remove the fins or inner sheets",
    ),
    "flipped": ("triangles are wound against their neighbours: taken as turned", "turn them"),
    "island": (
        "separate pieces beside the largest: each is treated as skin",
        "choose one, or remove the rest",
    ),
    "hole": ("borders inside the outer rim: nothing is placed in the holes", "capture again, or leave them"),
}


def surface_defects(vertices: ArrayLike, faces: ArrayLike) -> tuple[Defect, ...]:
    """Return the defects found, none of count 0, for vertices `(V, 3)` [m] and faces `(F, 3)`.

    Raises:
        ValueError: not a mesh at all; see `openmtz.geometry.TriangleMesh`.
    """
    mesh = TriangleMesh(np.asarray(vertices, np.float64), np.asarray(faces, np.int32))
    triangles = mesh.faces.astype(np.int64)
    corners = mesh.vertices[triangles]
    longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(axis=1)
    height = 2.0 * mesh.face_areas() / np.maximum(longest, 1e-30)
    flat = height <= 1e-9
    same = np.unique(np.sort(triangles, axis=1), axis=0)
    halves = triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    key = halves.min(axis=1) * len(mesh.vertices) + halves.max(axis=1)
    _, edge, uses = np.unique(key, return_inverse=True, return_counts=True)
    balance = np.bincount(edge, np.where(halves[:, 0] < halves[:, 1], 1.0, -1.0))
    _, label = _components(halves, len(mesh.vertices))
    loops, _ = _components(halves[uses[edge] == 1], len(mesh.vertices))
    used = np.unique(label[triangles[:, 0]])
    rims = len(np.unique(label[halves[uses[edge] == 1][:, 0]])) if loops else 0
    counts = {
        "no-area": int(flat.sum()),
        "sliver": int((~flat & (height < SLIVER * longest)).sum()),
        "doubled": len(triangles) - len(same),
        "non-manifold": int((uses > 2).sum()),
        "flipped": _flipped(edge, uses, balance, len(triangles)),
        "island": len(used) - 1,
        "hole": loops - rims,
    }
    return tuple(Defect(code, count, *_MEANING[code]) for code, count in counts.items() if count)


def _components(links: NDArray[Any], count: int) -> tuple[int, NDArray[Any]]:
    """Return how many pieces the vertices in `links` `(E, 2)` form, and each vertex's piece `(V,)`."""
    graph = sparse.coo_matrix((np.ones(len(links)), (links[:, 0], links[:, 1])), shape=(count, count))
    _, label = connected_components(graph, directed=False)
    return len(np.unique(label[links[:, 0]])), label


def _flipped(edge: NDArray[Any], uses: NDArray[Any], balance: NDArray[Any], count: int) -> int:
    """Return how many triangles must be turned for all to agree, the fewer in each piece.

    A graph with two nodes a triangle, one for each way to wind it, and links between those that agree: each
    piece falls into two halves that are each other's mirror.
    """
    pairs = np.argsort(edge, kind="stable")
    first = np.flatnonzero(np.r_[True, np.diff(edge[pairs]) > 0])
    two = first[uses == 2]
    one, other = pairs[two] // 3, pairs[two + 1] // 3
    turned = np.abs(balance[uses == 2]) > 1.0
    rows = np.concatenate([one, one + count])
    columns = np.concatenate([np.where(turned, other + count, other), np.where(turned, other, other + count)])
    graph = sparse.coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(2 * count, 2 * count))
    _, label = connected_components(graph, directed=False)
    straight, mirrored = label[:count], label[count:]
    piece = np.unique(np.minimum(straight, mirrored), return_inverse=True)[1]
    as_given = np.bincount(piece, straight < mirrored)
    size = np.bincount(piece)
    sided = np.bincount(piece, straight != mirrored)
    return int(np.minimum(as_given, size - as_given)[sided > 0].sum())
