"""A point cloud of skin -> triangle mesh: normals from neighbours, Poisson reconstruction, trimmed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from openmtz.capture import largest_piece, load_open3d
from openmtz.geometry import TriangleMesh
from openmtz.simulation.patient.errors import PatientError

Array = NDArray[np.float64]
FEWEST_POINTS = 500
MOST_KEPT = 300_000
"""Denser clouds are thinned to about so many points: 0.5 mm apart on a whole face (engineering default)."""
TRIM = 2.5
"""Surface further than this many point spacings from any point was not measured: it is cut off."""


def mesh_from_points(points_m: Array, name: str) -> TriangleMesh:
    """Return the surface through points `(N, 3)` [m], its largest piece; the same points, the same bits.

    Screened Poisson reconstruction (Kazhdan & Hoppe 2013) with cells of about 1.5 point spacings. Which
    side is outside is not known from points alone: it is taken as away from the middle of the cloud.

    Raises:
        PatientError: too few points for a surface, or points that lie on no surface.
    """
    if len(points_m) < FEWEST_POINTS:
        raise PatientError(
            f"{name} has no faces ({len(points_m)} points)",
            f"a point cloud needs {FEWEST_POINTS} points or more; or export it as a triangle mesh",
        )
    open3d = load_open3d()
    points = _thinned(open3d, points_m)
    tree = cKDTree(points)
    spacing = float(np.median(tree.query(points, k=2)[0][:, 1]))
    extent = float(np.ptp(points, axis=0).max())
    if spacing <= 0.0 or len(points) * spacing**2 < 1e-3 * extent**2:
        raise PatientError(
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
        raise PatientError(
            f"no surface fits the {len(points_m)} points of {name}",
            "record the skin more densely or with less noise, or export a triangle mesh",
        )
    mesh = largest_piece(TriangleMesh(vertices, faces[keep].astype(np.int32)))
    outwards = np.einsum("ij,ij->", mesh.vertex_normals(), mesh.vertices - mesh.vertices.mean(axis=0))
    return mesh if outwards >= 0 else TriangleMesh(mesh.vertices, mesh.faces[:, ::-1])


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
