"""A mesh or point cloud file of a body part -> skin in metres, faces outward, checked; or a refusal."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from openmtz.geometry import TriangleMesh
from openmtz.surfaces.clouds import FEWEST_POINTS, mesh_from_points, without_strays
from openmtz.surfaces.errors import BrokenFileError, SurfaceError
from openmtz.surfaces.formats import read_gltf, read_obj, read_ply, read_stl
from openmtz.surfaces.numbers import check_size, check_step
from openmtz.surfaces.outward import Outward
from openmtz.surfaces.raw import Note, RawSurface, used_vertices
from openmtz.surfaces.skin_mesh import outer_skin

SUFFIXES = (".glb", ".gltf", ".obj", ".ply", ".stl")
MOST_MEGABYTES = 1000.0
MOST = 5_000_000
"""Points or triangles that skin can be made of in reasonable time and memory (engineering default)."""
DECIMATE = "thin it out first, in MeshLab or CloudCompare, or cut the part to treat out of it"


class LoadedSkin(NamedTuple):
    """`mesh` [m], faces counter-clockwise seen from outside; `notes` what was left out or turned, and why."""

    mesh: TriangleMesh
    notes: tuple[Note, ...]


def load_skin(path: str | Path, scale_m_per_unit: float, outward: Sequence[Outward] = ()) -> LoadedSkin:
    """Return the skin of a whole file, in the file's axes.

    Points without faces are taken as a cloud, and a surface is laid through them.

    Args:
        scale_m_per_unit: metres per unit of the file. outward: what the user says of the outside.

    Raises:
        SurfaceError: no such file, unsupported, unreadable, huge; a feature of its format that is not read;
            numbers too coarse; a size no body part has; no surface; an outside that is not known.
    """
    file = Path(path)
    scale = float(scale_m_per_unit)
    if not (np.isfinite(scale) and scale > 0):
        raise SurfaceError(f"a scale of {scale_m_per_unit!r} metres per unit", "give a positive number")
    raw = read_raw(file)
    if len(raw.vertices) == 0:
        raise SurfaceError(f"{file.name} has no faces (0 points)", "it is empty: export it again")
    used = used_vertices(len(raw.vertices), raw.faces)
    bad = int((~np.isfinite(raw.vertices[used])).any(axis=1).sum())
    if bad:
        raise SurfaceError(
            f"{bad} of {int(used.sum())} vertices of {file.name} are NaN or infinite", "repair the mesh first"
        )
    if len(raw.faces) == 0:
        return _cloud(raw, scale, file.name, outward)
    check_step(raw, raw.vertices[used], scale)
    found = outer_skin(raw, scale, file.name, outward)
    unused = int((~used).sum())
    more = (Note("surface-unused", f"{unused} vertices that no face uses are left out"),) if unused else ()
    return LoadedSkin(found.mesh, (*raw.notes, *more, *found.notes))


def read_raw(file: Path) -> RawSurface:
    """Return what a file holds, unjudged.

    Raises:
        SurfaceError: as `load_skin`, of reading alone; the file is named.
    """
    suffix = file.suffix.lower()
    if suffix not in SUFFIXES:
        raise SurfaceError(f"{file.name} is no supported mesh file", f"supported are {', '.join(SUFFIXES)}")
    if not file.is_file():
        raise SurfaceError(f"there is no file {file}", "check the path")
    megabytes = file.stat().st_size / 1e6
    if megabytes > MOST_MEGABYTES:
        raise SurfaceError(
            f"{file.name} has {megabytes:.0f} MB", f"{MOST_MEGABYTES:.0f} can be read: {DECIMATE}"
        )
    raw = _parsed(file, suffix)
    for what, count in (("points", len(raw.vertices)), ("triangles", len(raw.faces))):
        if count > MOST:
            raise SurfaceError(f"{file.name} has {count} {what}", f"{MOST} can be handled: {DECIMATE}")
    return raw


def _parsed(file: Path, suffix: str) -> RawSurface:
    try:
        data = file.read_bytes()
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if suffix in (".glb", ".gltf"):
                return read_gltf(data, file)
            return {".obj": read_obj, ".ply": read_ply, ".stl": read_stl}[suffix](data)
    except SurfaceError as error:
        raise SurfaceError(f"{file.name}: {error.cause}", error.fix) from error
    except OSError as error:
        raise SurfaceError(
            f"{file.name} cannot be read ({error.strerror or error})", "check the file"
        ) from error
    except Exception as error:  # whatever a broken file makes a parser raise
        broken = BrokenFileError(f"{type(error).__name__}")
        raise SurfaceError(f"{file.name}: {broken.cause}", broken.fix) from error


def _cloud(raw: RawSurface, scale: float, name: str, outward: Sequence[Outward]) -> LoadedSkin:
    points, normals = raw.vertices, raw.point_normals
    if len(points) < FEWEST_POINTS:
        mesh_from_points(points * scale, name)  # says so
    keep = without_strays(points)
    points, normals = points[keep], None if normals is None else normals[keep]
    check_step(raw, points, scale)
    check_size(points, scale, name)
    text = f"the file holds points and no faces: a surface was laid through {len(points)} of them"
    notes = [*raw.notes, Note("surface-from-points", text)]
    if not keep.all():
        notes.append(Note("surface-debris", f"{int((~keep).sum())} points far from all others are left out"))
    return LoadedSkin(mesh_from_points(points * scale, name, normals, outward), tuple(notes))
