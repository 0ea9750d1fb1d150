"""Captured surfaces."""

from __future__ import annotations

import numpy as np
from builtin_interfaces.msg import Time
from openmtz_interfaces.msg import CaptureQuality, SkinSurface

from openmtz.geometry import SkinSurface as Surface
from openmtz.nodes.convert.arrays import rows, typed_array
from openmtz.nodes.convert.poses import FAR_M, require_world


def surface_message(surface: Surface, stamp: Time, quality: CaptureQuality) -> SkinSurface:
    """Return the message of a surface in `world`."""
    message = SkinSurface(surface_id=surface.surface_id, voxel_m=float(surface.voxel_m), capture=quality)
    message.header.frame_id = "world"
    message.header.stamp = stamp
    message.vertices_m = typed_array(surface.mesh.vertices, "float32")
    message.normals = typed_array(surface.normals, "float32")
    message.faces = typed_array(surface.mesh.faces, "uint32")
    message.quality = typed_array(surface.quality, "float32")
    return message


def surface_of(message: SkinSurface) -> Surface:
    """Return the surface of a message and check its identity.

    Raises:
        ValueError: another frame than `world`, wrong lengths, numbers that are not finite or farther
            away than `FAR_M`, or a surface_id that is not that of the content.
    """
    require_world(message.header.frame_id)
    vertices = rows("vertices_m", message.vertices_m, np.float32, 3).astype(np.float64)
    faces = rows("faces", message.faces, np.uint32, 3).astype(np.int32)
    normals = rows("normals", message.normals, np.float32, 3).astype(np.float64)
    quality = np.asarray(message.quality, np.float32).astype(np.float64)
    if not (np.abs(vertices) < FAR_M).all():
        raise ValueError(f"vertices are not finite, or farther than {FAR_M:g} m away")
    if not (np.isfinite(normals).all() and np.isfinite(quality).all() and np.isfinite(message.voxel_m)):
        raise ValueError("normals, quality or voxel size are not finite")
    surface = Surface.from_arrays(vertices, faces, normals, quality, float(message.voxel_m))
    if surface.surface_id != message.surface_id:
        raise ValueError(f"the surface's content is not what its id {message.surface_id[:12]} names")
    return surface
