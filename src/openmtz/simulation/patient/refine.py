"""Local refinement of a coarse mesh, so that lesions fit on it and its facets do not show."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openmtz.capture import averaging_matrix, edge_table
from openmtz.geometry import TriangleMesh

Array = NDArray[np.float64]


def refine_near(mesh: TriangleMesh, center: ArrayLike, radius_m: float, edge_m: float) -> TriangleMesh:
    """Return the mesh with every edge within `radius_m` of `center` split until shorter than `edge_m` [m].

    Splits are shared by both triangles of an edge, so no cracks open. A new vertex is lifted onto the
    curve the two end normals suggest (Phong tessellation, Boubekeur & Alexa 2008, with weight 1/2,
    exact on a circle), which keeps a coarse scan from showing its facets.
    """
    middle = np.asarray(center, np.float64)
    current = mesh
    for _ in range(8):
        split = _split_once(current, middle, radius_m, edge_m)
        if split is None:
            break
        current = split
    return current


def smooth_near(mesh: TriangleMesh, center: ArrayLike, radius_m: float, iterations: int = 8) -> TriangleMesh:
    """Return the mesh smoothed within `radius_m` of `center`, fading to nothing at its edge (Taubin).

    For meshes just refined: what is left of the coarse facets is an artefact of the file, not skin.
    """
    average = averaging_matrix(mesh)
    distance = np.linalg.norm(mesh.vertices - np.asarray(center, np.float64), axis=1)
    weight = np.clip(2.0 * (1.0 - distance / radius_m), 0.0, 1.0)[:, None]
    points = mesh.vertices
    for _ in range(iterations):
        for factor in (0.5, -0.51):
            points = points + weight * factor * (average @ points - points)
    return TriangleMesh(points, mesh.faces)


def _split_once(mesh: TriangleMesh, center: Array, radius_m: float, edge_m: float) -> TriangleMesh | None:
    v, f = mesh.vertices, mesh.faces.astype(np.int64)
    edges, inverse, _ = edge_table(f)
    a, b = v[edges[:, 0]], v[edges[:, 1]]
    along = b - a
    length = np.linalg.norm(along, axis=1)
    t = np.clip(np.einsum("ij,ij->i", center - a, along) / np.maximum(length**2, 1e-30), 0.0, 1.0)
    distance = np.linalg.norm(a + t[:, None] * along - center, axis=1)
    cut = (length > edge_m) & (distance < radius_m)
    if not cut.any():
        return None
    # Where a triangle's longest edge would stay while another is cut, cut it too: no slivers.
    for _ in range(20):
        longest = inverse[np.arange(len(f)), np.argmax(length[inverse], axis=1)]
        more = cut[inverse].any(axis=1) & ~cut[longest]
        if not more.any():
            break
        cut[longest[more]] = True
    normals = mesh.vertex_normals()
    mid = 0.5 * (a[cut] + b[cut])
    lift = np.zeros_like(mid)
    for k in (0, 1):
        n, p = normals[edges[cut, k]], v[edges[cut, k]]
        lift -= 0.5 * np.einsum("ij,ij->i", mid - p, n)[:, None] * n
    points = np.concatenate([v, mid + 0.5 * lift])
    new = np.full(len(edges), -1, np.int64)
    new[cut] = len(v) + np.arange(int(cut.sum()))
    return TriangleMesh(points, _split_faces(f, new[inverse]).astype(np.int32))


def _split_faces(f: NDArray[np.int64], m: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return faces after cutting; `m` `(F, 3)` is the new vertex on edges 01, 12, 20, or -1."""
    count = (m >= 0).sum(axis=1)
    out = [f[count == 0]]
    for face, mid, cuts in ((f[count == k], m[count == k], k) for k in (1, 2, 3)):
        if len(face) == 0:
            continue
        # Turn each face so that the edge cut alone (1), or the edge left alone (2), comes first.
        first = np.argmax(mid >= 0, axis=1) if cuts == 1 else np.argmin(mid, axis=1)
        turn = (first[:, None] + np.arange(3)) % 3
        rows = np.arange(len(face))[:, None]
        p, q = face[rows, turn], mid[rows, turn]
        a, b, c = p.T
        ab, bc, ca = q.T
        if cuts == 1:
            parts = [(a, ab, c), (ab, b, c)]
        elif cuts == 2:
            parts = [(c, ca, bc), (a, b, bc), (a, bc, ca)]
        else:
            parts = [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
        out.extend(np.stack(part, axis=1) for part in parts)
    return np.concatenate(out)
