"""Array operations on depth images and fused meshes. numpy and scipy only, deterministic."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_matrix, csr_matrix, diags
from scipy.sparse.csgraph import connected_components

from openmtz.geometry import TriangleMesh

Array = NDArray[np.float64]


def drop_depth_edges(depth: NDArray[np.float32], jump_m: float) -> NDArray[np.float32]:
    """Return the depth `(H, W)` [m] with 0 on both sides of every step between neighbours > `jump_m`.

    A step towards a pixel without depth is no step.
    """
    bad = np.zeros(depth.shape, bool)
    for axis in (0, 1):
        a = depth[:-1] if axis == 0 else depth[:, :-1]
        b = depth[1:] if axis == 0 else depth[:, 1:]
        step = (np.abs(a - b) > jump_m) & (a > 0) & (b > 0)
        if axis == 0:
            bad[:-1] |= step
            bad[1:] |= step
        else:
            bad[:, :-1] |= step
            bad[:, 1:] |= step
    return np.where(bad, np.float32(0), depth)


def inside_box(
    depth: NDArray[np.float32], rays: Array, pose: Array, center: ArrayLike, radius_m: float
) -> NDArray[np.bool_]:
    """Return `(H, W)` bool: the pixel has depth and its point lies in the world box of half edge `radius_m`.

    Args:
        rays: `(H, W, 3)` directions at z = 1, optical frame. pose: world_T_camera `(4, 4)`.
    """
    inside = depth > 0
    rows, columns = np.nonzero(inside)
    points = rays[rows, columns] * depth[rows, columns, None].astype(np.float64)
    world = np.stack([points @ pose[axis, :3] + pose[axis, 3] for axis in range(3)], axis=-1)
    inside[rows, columns] = (np.abs(world - np.asarray(center, np.float64)) <= radius_m).all(axis=1)
    return inside


def clean_mesh(mesh: TriangleMesh, voxel_m: float, smoothing: int) -> TriangleMesh:
    """Merge sliver vertices, keep the largest piece, smooth `smoothing` times (Taubin)."""
    merged = largest_piece(merge_slivers(mesh, 0.15 * voxel_m))
    return taubin(merged, smoothing) if smoothing else merged


def merge_slivers(mesh: TriangleMesh, shortest_m: float) -> TriangleMesh:
    """Collapse edges shorter than `shortest_m` [m]; marching cubes makes many. One round.

    Each vertex merges at most once, so that no chain of short edges collapses to a point.
    """
    edges = unique_edges(mesh.faces)
    length = np.linalg.norm(mesh.vertices[edges[:, 0]] - mesh.vertices[edges[:, 1]], axis=1)
    short = np.nonzero(length < shortest_m)[0]
    target = np.arange(len(mesh.vertices))
    used = np.zeros(len(mesh.vertices), bool)
    position = mesh.vertices.copy()
    for a, b in edges[short[np.argsort(length[short], kind="stable")]]:
        if not (used[a] or used[b]):
            used[a] = used[b] = True
            target[b] = a
            position[a] = 0.5 * (mesh.vertices[a] + mesh.vertices[b])
    faces = target[mesh.faces]
    alive = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    faces = faces[alive]
    _, first = np.unique(np.sort(faces, axis=1), axis=0, return_index=True)
    faces = faces[np.sort(first)]
    return TriangleMesh(position, faces.astype(np.int32)).submesh(np.ones(len(faces), bool))[0]


def unique_edges(faces: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return `(E, 2)` vertex pairs, lower index first, each once."""
    return edge_table(faces)[0]


def edge_table(
    faces: NDArray[np.integer],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return edges `(E, 2)`, lower vertex first; edges 01, 12, 20 of each face `(F, 3)`; uses `(E,)`."""
    f = faces.astype(np.int64)
    pairs = np.concatenate([f[:, [0, 1]], f[:, [1, 2]], f[:, [2, 0]]])
    count = int(f.max()) + 1
    keys, inverse, uses = np.unique(
        pairs.min(axis=1) * count + pairs.max(axis=1), return_inverse=True, return_counts=True
    )
    return np.stack([keys // count, keys % count], axis=1), inverse.reshape(3, -1).T, uses


def rim_edges(faces: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return `(B, 2)` vertex pairs of edges with one face only: the rim of an open surface."""
    edges, _, uses = edge_table(faces)
    return edges[uses == 1]


def largest_piece(mesh: TriangleMesh) -> TriangleMesh:
    """Return the connected piece with the largest area (the first of equals)."""
    return pieces_by_area(mesh)[0]


def pieces_by_area(mesh: TriangleMesh, most: int = 1) -> list[TriangleMesh]:
    """Return up to `most` connected pieces, largest area first."""
    edges = unique_edges(mesh.faces)
    count = len(mesh.vertices)
    links = coo_matrix((np.ones(len(edges), np.int8), (edges[:, 0], edges[:, 1])), shape=(count, count))
    _, label = connected_components(links, directed=False)
    face_label = label[mesh.faces[:, 0]]
    area = np.bincount(face_label, weights=mesh.face_areas())
    order = np.argsort(-area, kind="stable")[:most]
    return [mesh.submesh(face_label == piece)[0] for piece in order if area[piece] > 0]


def averaging_matrix(mesh: TriangleMesh) -> csr_matrix:
    """Return `(V, V)` rows that average the neighbours; on the boundary only those along the boundary."""
    count = len(mesh.vertices)
    edges, _, uses = edge_table(mesh.faces)
    border = edges[uses == 1]
    on_border = np.zeros(count, bool)
    on_border[border.ravel()] = True
    both = np.concatenate([edges, edges[:, ::-1]])
    both = both[~on_border[both[:, 0]]]
    rim = np.concatenate([border, border[:, ::-1]])
    rows = np.concatenate([both, rim])
    links = csr_matrix((np.ones(len(rows)), (rows[:, 0], rows[:, 1])), shape=(count, count))
    return (diags(1.0 / np.maximum(np.asarray(links.sum(axis=1)).ravel(), 1.0)) @ links).tocsr()


def taubin(mesh: TriangleMesh, iterations: int, shrink: float = 0.5, grow: float = -0.53) -> TriangleMesh:
    """Return the mesh smoothed without shrinking (Taubin, SIGGRAPH 1995: alternate signs)."""
    average = averaging_matrix(mesh)
    lonely = np.asarray(average.sum(axis=1)).ravel() == 0
    points = mesh.vertices.copy()
    for _ in range(iterations):
        for factor in (shrink, grow):
            step = average @ points - points
            step[lonely] = 0.0
            points = points + factor * step
    return TriangleMesh(points, mesh.faces)
