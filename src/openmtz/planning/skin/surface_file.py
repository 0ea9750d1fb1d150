"""A captured surface as a file: `surface.npz`, with the id it was given, checked on load."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from openmtz import files
from openmtz.geometry import SkinSurface

SURFACE_FILE = "surface.npz"
FORMAT_VERSION = 1
NAMES = ("format_version", "surface_id", "voxel_m", "vertices_m", "faces", "normals", "quality")


class SurfaceFileError(ValueError):
    """Not a surface file, or one that was changed; the text says which and what helps."""


def save_surface(surface: SkinSurface, path: str | Path) -> Path:
    """Write a surface. Raises OSError where that cannot be."""
    target = Path(path)
    values = {
        "format_version": FORMAT_VERSION,
        "surface_id": surface.surface_id,
        "voxel_m": surface.voxel_m,
        "vertices_m": surface.mesh.vertices,
        "faces": surface.mesh.faces,
        "normals": surface.normals,
        "quality": surface.quality,
    }
    # As np.savez_compressed, but at the fastest level: a third of the time on two million triangles.
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, value in values.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as stream:
                np.lib.format.write_array(stream, np.asanyarray(value), allow_pickle=False)
    return target


def load_surface(path: str | Path) -> SkinSurface:
    """Read a surface back; its id is computed anew and must be the one in the file.

    Raises:
        SurfaceFileError: not such a file, another version, truncated, changed, or too large.
        OSError: it cannot be read.
    """
    file = Path(path)
    try:
        data: dict[str, Any] = dict(files.read_npz(file, NAMES))
        if int(data["format_version"]) != FORMAT_VERSION:
            raise SurfaceFileError(f"{file.name}: version {int(data['format_version'])}, this reads 1")
        surface = SkinSurface.from_arrays(
            data["vertices_m"], data["faces"], data["normals"], data["quality"], float(data["voxel_m"])
        )
        stated = str(data["surface_id"])
    except KeyError as error:
        raise SurfaceFileError(f"{file.name} is no surface file: {error.args[0]}") from error
    except (TypeError, ValueError, IndexError) as error:
        if isinstance(error, SurfaceFileError):
            raise
        raise SurfaceFileError(f"{file.name} is no surface file, or damaged: {error}") from error
    if stated != surface.surface_id:
        raise SurfaceFileError(
            f"{file.name} names the surface {stated[:12]}..., its points are {surface.surface_id[:12]}...:"
            " changed since it was saved"
        )
    return surface
