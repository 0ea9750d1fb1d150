"""The placements OpenMTZ is compared with. Each peer imports its package when called.

A peer takes vertices `(V, 3)` [m], faces `(F, 3)`, density per vertex `(V,)` [1/cm2] and the count asked for,
and returns positions `(N, 3)` [m]. Peers without a density of their own are given the uniform scenes only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Points = NDArray[np.float64]
POISSON_RADIUS = 0.757
"""Disk radius in hexagonal pitches at which maximal Poisson-disk sampling yields about the count."""


class Peer(NamedTuple):
    """`package` as pip knows it (None: part of this file); `scenes` it is run on."""

    name: str
    package: str | None
    place: Callable[[Points, NDArray[np.int64], Points, int], Points]
    scenes: tuple[str, ...]
    repeats: int = 1


def _pitch(density: Points) -> Points:
    return np.asarray(np.sqrt(2.0 / (np.sqrt(3.0) * density * 1e4)))


def _meshlab(vertices: Points, faces: Any, density: Points, **options: Any) -> Points:
    import pymeshlab

    meshes = pymeshlab.MeshSet()
    pitch = _pitch(density)
    meshes.add_mesh(pymeshlab.Mesh(vertices, faces, v_scalar_array=pitch))
    if "radius" in options:
        options["radius"] = pymeshlab.PureValue(options["radius"])
    meshes.generate_sampling_poisson_disk(**options)
    return np.asarray(meshes.current_mesh().vertex_matrix())


def meshlab_radius(vertices: Points, faces: Any, density: Points, count: int) -> Points:
    """MeshLab Poisson-disk, radius given; with the local pitch as vertex quality where it varies."""
    pitch = _pitch(density)
    low, high = float(pitch.min()), float(pitch.max())
    return _meshlab(
        vertices, faces, density, radius=POISSON_RADIUS * low, radiusvariance=high / low, samplenum=count
    )


def meshlab_count(vertices: Points, faces: Any, density: Points, count: int) -> Points:
    """MeshLab Poisson-disk, count asked for."""
    return _meshlab(vertices, faces, density, samplenum=count, exactnumflag=True)


def libigl(vertices: Points, faces: Any, density: Points, count: int) -> Points:
    """libigl blue noise, radius given."""
    import igl

    _, _, points = igl.blue_noise(vertices, faces, POISSON_RADIUS * float(_pitch(density).mean()))
    return np.asarray(points)


def open3d(vertices: Points, faces: Any, density: Points, count: int) -> Points:
    """Open3D Poisson-disk (sample elimination), count asked for."""
    from openmtz.capture import load_open3d

    o3d = load_open3d()
    mesh = o3d.geometry.TriangleMesh(
        o3d.utility.Vector3dVector(vertices), o3d.utility.Vector3iVector(np.asarray(faces, np.int32))
    )
    return np.asarray(mesh.sample_points_poisson_disk(count).points)


def cloud_utils(vertices: Points, faces: Any, density: Points, count: int) -> Points:
    """point-cloud-utils, Lloyd relaxation."""
    import point_cloud_utils

    return np.asarray(point_cloud_utils.sample_mesh_lloyd(vertices, np.asarray(faces, np.int32), count))


def pyacvd(vertices: Points, faces: Any, density: Points, count: int) -> Points:
    """pyacvd: centroidal Voronoi clustering of the mesh, subdivided until clusters have 20 vertices."""
    import pyacvd as acvd
    import pyvista

    mesh = pyvista.PolyData(vertices, np.c_[np.full(len(faces), 3), faces].ravel())
    clusters = acvd.Clustering(mesh)
    while clusters.mesh.n_points < 20 * count:
        clusters.subdivide(1)
    clusters.cluster(count)
    return np.asarray(clusters.create_mesh().points, np.float64)


def flat_grid(vertices: Points, faces: Any, density: Points, count: int) -> Points:
    """What a commercial scanner does: a square grid in a plane, projected along its normal."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    normal = np.cross(b - a, c - a).sum(axis=0)
    normal /= np.linalg.norm(normal)
    hint = np.eye(3)[np.argmin(np.abs(normal))]
    x = np.cross(hint, normal)
    x /= np.linalg.norm(x)
    axes = np.stack([x, np.cross(normal, x), normal], axis=1)
    flat = vertices @ axes
    low, high = flat[:, :2].min(axis=0), flat[:, :2].max(axis=0)
    covered = np.isfinite(_drop(flat, np.asarray(faces, np.int64), low, high, 5e-4)).mean()
    step = float(np.sqrt(np.prod(high - low) * covered / count))
    height = _drop(flat, np.asarray(faces, np.int64), low, high, step)
    i, j = np.nonzero(np.isfinite(height))
    return np.c_[low + (np.c_[i, j] + 0.5) * step, height[i, j]] @ axes.T


@njit(cache=True)
def _drop(flat: Any, faces: Any, low: Any, high: Any, step: float) -> Any:
    """Return the height of the topmost surface under each node of a grid; -inf where there is none."""
    size = np.floor((high - low) / step).astype(np.int64)
    out = np.full((size[0], size[1]), -np.inf)
    for f in range(len(faces)):
        a, b, c = flat[faces[f, 0]], flat[faces[f, 1]], flat[faces[f, 2]]
        det = (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])
        if det == 0.0:
            continue
        i0 = int(np.ceil((min(a[0], b[0], c[0]) - low[0]) / step - 0.5))
        i1 = int(np.floor((max(a[0], b[0], c[0]) - low[0]) / step - 0.5))
        j0 = int(np.ceil((min(a[1], b[1], c[1]) - low[1]) / step - 0.5))
        j1 = int(np.floor((max(a[1], b[1], c[1]) - low[1]) / step - 0.5))
        for i in range(max(i0, 0), min(i1, size[0] - 1) + 1):
            for j in range(max(j0, 0), min(j1, size[1] - 1) + 1):
                px, py = low[0] + (i + 0.5) * step - a[0], low[1] + (j + 0.5) * step - a[1]
                u = (px * (c[1] - a[1]) - py * (c[0] - a[0])) / det
                v = (py * (b[0] - a[0]) - px * (b[1] - a[1])) / det
                if u >= 0.0 and v >= 0.0 and u + v <= 1.0:
                    out[i, j] = max(out[i, j], a[2] + u * (b[2] - a[2]) + v * (c[2] - a[2]))
    return out


PEERS = (
    Peer("pymeshlab, radius given", "pymeshlab", meshlab_radius, ("patch", "graded", "face"), 3),
    Peer("pymeshlab, count asked", "pymeshlab", meshlab_count, ("patch",)),
    Peer("libigl blue noise", "libigl", libigl, ("patch", "face")),
    Peer("Open3D Poisson-disk", "open3d-cpu", open3d, ("patch", "face")),
    Peer("point-cloud-utils Lloyd", "point-cloud-utils", cloud_utils, ("patch",)),
    Peer("pyacvd", "pyacvd", pyacvd, ("patch",)),
    Peer("flat grid, projected", None, flat_grid, ("patch", "face"), 3),
)
