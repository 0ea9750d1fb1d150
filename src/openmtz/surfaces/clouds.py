"""A point cloud of skin -> triangle mesh: normals from neighbours, Poisson reconstruction, trimmed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from openmtz.capture import largest_piece, load_open3d
from openmtz.geometry import TriangleMesh
from openmtz.surfaces.errors import SurfaceError
from openmtz.surfaces.evidence import AGREE, FEWEST_SAID
from openmtz.surfaces.outward import ASK, Outward

Array = NDArray[np.float64]
FEWEST_POINTS = 500
MOST_KEPT = 300_000
"""Denser clouds are thinned to about so many points: 0.5 mm apart on a whole face (engineering default)."""
TRIM = 2.5
"""Surface further than this many point spacings from any point was not measured: it is cut off."""
STRAY = 30.0
"""A point further from its neighbours than this many spacings is no skin. Engineering default."""
MOST_OPENING, LEAST_ROUND = 0.1, 0.1
"""A surface goes all round a body where its opening is at most the first share of its area, and the volume
within is, by the isoperimetric quotient (1 for a ball, 0 for a sheet), at least the second. Engineering
default."""
CLEAR = 0.2
"""Cosine between the mean normal of a cloud and the direction named below which that tells no side."""


def mesh_from_points(
    points_m: Array, name: str, normals: Array | None = None, words: Sequence[Outward] = ()
) -> TriangleMesh:
    """Return the surface through points `(N, 3)` [m], its largest piece; the same points, the same bits.

    Screened Poisson reconstruction (Kazhdan & Hoppe 2013) with cells of about 1.5 point spacings. Which
    side is outside is not known from points alone: the file's `normals` `(N, 3)` tell it, the user's
    `words`, or that the surface is closed.

    Raises:
        SurfaceError: too few points for a surface, points that lie on no surface, or a surface whose outside
            nothing tells.
    """
    if len(points_m) < FEWEST_POINTS:
        raise SurfaceError(
            f"{name} has no faces ({len(points_m)} points)",
            f"a point cloud needs {FEWEST_POINTS} points or more; or export it as a triangle mesh",
        )
    open3d = load_open3d()
    points = _thinned(open3d, points_m)
    tree = cKDTree(points)
    spacing = float(np.median(tree.query(points, k=2)[0][:, 1]))
    extent = float(np.ptp(points, axis=0).max())
    if spacing <= 0.0 or len(points) * spacing**2 < 1e-3 * extent**2:
        raise SurfaceError(
            f"the {len(points_m)} points of {name} lie {spacing * 1e3:.3g} mm apart over "
            f"{extent * 1e3:.0f} mm: on a line or in clumps, not on a surface",
            "check the columns of the file, or export a triangle mesh",
        )
    cloud = open3d.geometry.PointCloud(open3d.utility.Vector3dVector(points))
    cloud.estimate_normals(open3d.geometry.KDTreeSearchParamKNN(20))
    cloud.orient_normals_consistent_tangent_plane(12)
    depth = int(np.clip(np.ceil(np.log2(1.1 * extent / (1.5 * spacing))), 5, 9))
    made, _ = open3d.geometry.TriangleMesh.create_from_point_cloud_poisson(
        cloud, depth=depth, n_threads=1, linear_fit=True
    )
    vertices, faces = np.asarray(made.vertices), np.asarray(made.triangles)
    cell = 1.1 * extent / 2**depth
    close = tree.query(vertices)[0] < TRIM * max(spacing, cell)
    keep = close[faces].all(axis=1)
    if keep.sum() < 100:
        raise SurfaceError(
            f"no surface fits the {len(points_m)} points of {name}",
            "record the skin more densely or with less noise, or export a triangle mesh",
        )
    mesh = largest_piece(TriangleMesh(vertices, faces[keep].astype(np.int32)))
    if _outside(mesh, points_m, name, normals, words) > 0:
        return mesh
    return TriangleMesh(mesh.vertices, mesh.faces[:, ::-1])


def without_strays(points: Array) -> NDArray[np.bool_]:
    """Return `(N,)` bool: points that have neighbours as near as most of the cloud's points have."""
    if len(points) < FEWEST_POINTS:
        return np.ones(len(points), np.bool_)
    distance = cKDTree(points).query(points, k=6)[0][:, 5]
    usual = float(np.percentile(distance, 90))
    return np.asarray(distance <= STRAY * usual, np.bool_) if usual > 0.0 else np.ones(len(points), np.bool_)


def _outside(
    mesh: TriangleMesh, points: Array, name: str, normals: Array | None, words: Sequence[Outward]
) -> int:
    """Return +1 if the faces point outwards, -1 if inwards.

    Raises:
        SurfaceError: nothing tells, or the file's normals contradict themselves.
    """
    if (closed := _all_round(mesh)) != 0:
        return closed
    if words:
        return _by_word(mesh, words[0])
    if normals is not None:
        near = cKDTree(mesh.vertices).query(points)[1]
        facing = np.einsum("ij,ij->i", mesh.vertex_normals()[near], normals)
        known = np.isfinite(facing) & (facing != 0.0)
        share = float((facing[known] > 0.0).mean()) if known.any() else 0.5
        if known.mean() > FEWEST_SAID and (share >= AGREE or share <= 1.0 - AGREE):
            return 1 if share >= AGREE else -1
        if known.mean() > FEWEST_SAID:
            raise SurfaceError(f"the normals of the points of {name} point to both sides of the skin", ASK)
    raise SurfaceError(
        f"{name} holds points without normals: which side of the skin is outside is not known", ASK
    )


def _all_round(mesh: TriangleMesh) -> int:
    """Return +1 or -1 where the surface goes all round a body but for small holes and its faces point
    outwards or inwards, else 0."""
    cross = mesh.face_cross()
    area = 0.5 * float(np.linalg.norm(cross, axis=1).sum())
    relative = mesh.vertices - mesh.vertices.mean(axis=0)
    volume = float(np.einsum("ij,ij->", relative[mesh.faces[:, 0]], cross)) / 6.0
    opening = 0.5 * float(np.linalg.norm(cross.sum(axis=0))) / area
    round_share = 36.0 * np.pi * volume**2 / area**3
    if opening > MOST_OPENING or round_share < LEAST_ROUND:
        return 0
    return 1 if volume > 0.0 else -1


def _by_word(mesh: TriangleMesh, word: Outward) -> int:
    total = mesh.face_cross().sum(axis=0)
    length = float(np.linalg.norm(mesh.face_cross(), axis=1).sum())
    cosine = float(total @ word.direction) / max(float(np.linalg.norm(total)), 1e-30)
    if np.linalg.norm(total) < CLEAR * length or abs(cosine) < CLEAR:
        raise SurfaceError(
            "the direction of --outward lies along the skin and tells no side of it",
            "give a direction out of the skin",
        )
    return 1 if cosine > 0 else -1


def _thinned(open3d: Any, points: Array) -> Array:
    distinct = np.unique(points, axis=0)
    if len(distinct) <= MOST_KEPT:
        return distinct
    cloud = open3d.geometry.PointCloud(open3d.utility.Vector3dVector(distinct))
    # On a surface the number of cells filled falls with the square of their size.
    sample = distinct[:: max(1, len(distinct) // 20_000)]
    spacing = float(np.median(cKDTree(distinct).query(sample, k=2)[0][:, 1]))
    size = 1.5 * spacing * np.sqrt(len(distinct) / MOST_KEPT)
    return np.unique(np.asarray(cloud.voxel_down_sample(float(size)).points), axis=0)
