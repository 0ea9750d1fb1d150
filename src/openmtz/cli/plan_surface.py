"""The skin a plan is made on: a saved surface, or any mesh or cloud file laid on the bed."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openmtz.cli.errors import UserError
from openmtz.geometry import SkinSurface, TriangleMesh, apply_pose, invert_pose, look_along
from openmtz.plan import Finding, Severity
from openmtz.planning.skin import SurfaceFileError, load_surface, middle as middle_of, smooth_normals
from openmtz.simulation import patient
from openmtz.surfaces import LoadedSkin, SurfaceError, load_skin, parse_outward

TARGET_M = (0.50, 0.0, 0.05)
"""Where the middle of the region is laid, `world` [m]: over the bed, before the arm."""
EDGE_M = 0.001
"""Coarser triangles are divided near the region [m]: density and energy are fields over the vertices."""
NEAR_M = 0.03
FINE_TRIANGLES = 300_000
"""Of finer meshes only what lies near is looked at to lay them on the bed: most of the time else."""


class Placed(NamedTuple):
    """`surface` in the world; `world_T_file` `(4, 4)` maps the file's metres into it; `findings` what was
    left out, turned or made up while the file became skin."""

    surface: SkinSurface
    world_T_file: NDArray[np.float64]
    findings: tuple[Finding, ...] = ()


def read_surface(
    path: Path, scale: float, middle_m: NDArray[np.float64] | None, as_is: bool, outward: str | None = None
) -> Placed:
    """Return the skin of a file.

    Args:
        scale: metres per unit of a mesh. middle_m: `(3,)` middle of the region in the file's metres; None:
            the skin nearest to the middle of the surface. as_is: the file is in the world frame already.
        outward: what the user says of a mesh's outside, see `openmtz.surfaces.parse_outward`.

    Raises:
        UserError: a file that is none, cannot be read, or is no skin; with the nearest fix.
    """
    if not path.exists():
        raise UserError(f"--surface {path}: no such file")
    if path.suffix.lower() == ".npz":
        try:
            return Placed(load_surface(path), np.eye(4))
        except (SurfaceFileError, OSError) as error:
            raise UserError(f"--surface: {error}") from error
    skin = _load_skin(path, scale, outward)
    mesh = skin.mesh
    middle = _middle(mesh) if middle_m is None else np.asarray(middle_m, np.float64)
    pose = np.eye(4) if as_is else _onto_bed(mesh, middle)
    mesh = TriangleMesh(apply_pose(pose, mesh.vertices), mesh.faces)
    findings = tuple(Finding(Severity.WARNING, "surface", n.code, n.text, n.fix) for n in skin.notes)
    return Placed(SkinSurface.from_arrays(mesh.vertices, mesh.faces), pose, findings)


def _load_skin(path: Path, scale: float, outward: str | None) -> LoadedSkin:
    try:
        said = parse_outward(outward)
    except SurfaceError as error:
        raise UserError(f"--outward: {error}") from error
    try:
        return load_skin(path, scale, said)
    except SurfaceError as error:
        raise UserError(f"--surface: {error}") from error


def refined(surface: SkinSurface, center_m: NDArray[np.float64], radius_m: float) -> SkinSurface:
    """Return the surface with triangles of at most `EDGE_M` near the region; itself if it has such."""
    mesh = surface.mesh
    near = np.linalg.norm(mesh.vertices - center_m, axis=1) < radius_m + NEAR_M
    faces = mesh.faces[near[mesh.faces].all(axis=1)]
    if len(faces):
        edge = np.linalg.norm(mesh.vertices[faces[:, 0]] - mesh.vertices[faces[:, 1]], axis=1)
        if float(np.median(edge)) <= 1.5 * EDGE_M:
            return surface
    finer = patient.refine_near(mesh, center_m, radius_m + NEAR_M, EDGE_M)
    return SkinSurface.from_arrays(finer.vertices, finer.faces, voxel_m=surface.voxel_m)


def _middle(mesh: TriangleMesh) -> NDArray[np.float64]:
    return middle_of(SkinSurface.from_arrays(mesh.vertices, mesh.faces))


def _onto_bed(mesh: TriangleMesh, middle: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the pose that lays the skin nearest to `middle` on `TARGET_M`, facing upwards."""
    at = mesh.vertices[int(np.argmin(np.linalg.norm(mesh.vertices - middle, axis=1)))]
    if len(mesh.faces) > FINE_TRIANGLES:
        near = np.linalg.norm(mesh.vertices - at, axis=1) < NEAR_M
        mesh = mesh.submesh(near[mesh.faces].all(axis=1))[0]
    normal = smooth_normals(mesh, at[None], 0.005)[0]
    file_T_local = look_along(at, normal)
    world_T_local = np.eye(4)
    world_T_local[:3, 3] = TARGET_M
    return np.asarray(world_T_local @ invert_pose(file_T_local), np.float64)
