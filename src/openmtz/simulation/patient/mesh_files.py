"""A mesh or point cloud file of a body part -> TriangleMesh in metres, faces outward, checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from openmtz.geometry import TriangleMesh
from openmtz.simulation.patient.errors import PatientError
from openmtz.simulation.patient.point_clouds import FEWEST_POINTS, mesh_from_points

SUFFIXES = (".glb", ".gltf", ".obj", ".ply", ".stl")
SIZE_M = (0.02, 3.0)
"""Largest extent of a body part or a person [m] [M]."""
MOST_MEGABYTES = 1000.0
MOST = 5_000_000
"""Points or triangles that a patient can be made of in reasonable time and memory (engineering default)."""
DECIMATE = "thin it out first, in MeshLab or CloudCompare, or cut the part to treat out of it"
SCALES = (1.0, 0.001, 0.01, 0.1, 0.0254, 0.05, 10.0, 100.0, 1000.0)


def load_mesh(path: str | Path, scale_m_per_unit: float) -> TriangleMesh:
    """Return the whole file as one mesh [m], vertices merged, faces counter-clockwise from outside.

    Points without faces are taken as a cloud, and a surface is laid through them.

    Raises:
        PatientError: no such file, unsupported, unreadable, huge, no faces and too few points for a
            surface, NaN, or a size no body part has.
    """
    file = Path(path)
    scale = float(scale_m_per_unit)
    if not (np.isfinite(scale) and scale > 0):
        raise PatientError(f"a scale of {scale_m_per_unit!r} metres per unit", "give a positive number")
    if file.suffix.lower() not in SUFFIXES:
        raise PatientError(f"{file.name} is no supported mesh file", f"supported are {', '.join(SUFFIXES)}")
    if not file.is_file():
        raise PatientError(f"there is no file {file}", "check the path")
    megabytes = file.stat().st_size / 1e6
    if megabytes > MOST_MEGABYTES:
        raise PatientError(
            f"{file.name} has {megabytes:.0f} MB", f"{MOST_MEGABYTES:.0f} can be read: {DECIMATE}"
        )
    raw = _read(file)
    vertices = np.asarray(getattr(raw, "vertices", np.zeros((0, 3))), np.float64)
    faces = np.asarray(getattr(raw, "faces", np.zeros((0, 3))), np.int64)
    for what, count in (("points", len(vertices)), ("triangles", len(faces))):
        if count > MOST:
            raise PatientError(f"{file.name} has {count} {what}", f"{MOST} can be handled: {DECIMATE}")
    if len(vertices) == 0:
        raise PatientError(f"{file.name} has no faces (0 points)", "it is empty: export it again")
    bad = int((~np.isfinite(vertices)).any(axis=1).sum())
    if bad:
        raise PatientError(
            f"{bad} of {len(vertices)} vertices of {file.name} are NaN or infinite", "repair the mesh first"
        )
    extent = float((vertices.max(axis=0) - vertices.min(axis=0)).max())
    if len(faces) == 0 and len(vertices) < FEWEST_POINTS:
        return mesh_from_points(vertices * scale, file.name)  # says so
    _check_size(file, extent, scale)
    if len(faces) == 0:
        return mesh_from_points(vertices * scale, file.name)
    _, first, merged = np.unique(
        np.rint(vertices / (extent * 1e-6)).astype(np.int64), axis=0, return_index=True, return_inverse=True
    )
    faces = merged.reshape(-1)[faces]
    solid = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    if not solid.any():
        raise PatientError(f"all faces of {file.name} are without area", "repair the mesh first")
    mesh = TriangleMesh(vertices[first] * scale, faces[solid].astype(np.int32))
    return mesh if signed_volume(mesh) >= 0 else TriangleMesh(mesh.vertices, mesh.faces[:, ::-1])


def signed_volume(mesh: TriangleMesh) -> float:
    """Return the volume [m3] seen from the centroid: negative where faces point inwards on the whole."""
    relative = mesh.vertices - mesh.vertices.mean(axis=0)
    a, b, c = (relative[mesh.faces[:, k]] for k in range(3))
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6.0)


def _read(file: Path) -> Any:
    import trimesh

    try:
        loaded = trimesh.load(file, process=False)
        return loaded.to_geometry() if isinstance(loaded, trimesh.Scene) else loaded
    except Exception as error:  # readers raise whatever a broken file makes them
        raise PatientError(
            f"{file.name} cannot be read as a mesh ({type(error).__name__}: {error})",
            "check that the file is complete; re-export it as GLB or PLY",
        ) from error


def _check_size(file: Path, extent: float, scale: float) -> None:
    size = extent * scale
    if SIZE_M[0] <= size <= SIZE_M[1]:
        return
    likely = [s for s in SCALES if 0.1 <= extent * s <= 2.2] or [
        s for s in SCALES if 0.03 <= extent * s <= 3.0
    ]
    hint = (
        f"a scale of {likely[0]:g} metres per unit would make it {extent * likely[0]:.2f} m"
        if likely
        else "give the metres per unit of this file"
    )
    shown = f"{size:.4g} m" if size >= 1 else f"{size * 1e3:.4g} mm"
    raise PatientError(f"at {scale:g} metres per unit {file.name} measures {shown} across", hint)
