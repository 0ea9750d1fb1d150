"""Two-mirror galvo scanner: exact geometry between points, mirror angles, counts and rays.

Frame `scan_head`: origin at the centre of the second (y) mirror, z along the undeflected beam, out
of the head. The x mirror stands a distance `e` before it. On the plane at height h the beam lands at
`y = h tan(ty)`, `x = (sqrt(h^2 + y^2) + e) tan(tx)` (the usual pincushion form; domain facts,
section 6). Angles are optical (twice the mechanical ones), in radians.
Counts are signed 16-bit: +-32767 is +-`full_scale_rad` (XY2-100 carries 16-bit positions).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

COUNTS_MAX = 32767


def point_to_angles(points_m: ArrayLike, mirror_separation_m: float) -> NDArray[np.float64]:
    """Return optical angles `(N, 2)` [rad] (x, y) that aim at points `(N, 3)` [m] in `scan_head`."""
    p = np.asarray(points_m, np.float64)
    radius = np.hypot(p[..., 1], p[..., 2])
    return np.stack(
        [np.arctan2(p[..., 0], radius + mirror_separation_m), np.arctan2(p[..., 1], p[..., 2])], axis=-1
    )


def angles_to_ray(
    angles_rad: ArrayLike, mirror_separation_m: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return origins `(N, 3)` [m] and unit directions `(N, 3)` in `scan_head` of angles `(N, 2)`."""
    a = np.asarray(angles_rad, np.float64)
    # Turned by x out of the plane of the y mirror: a unit vector as it stands, nothing to normalise.
    sine, cosine = np.sin(a[..., 0]), np.cos(a[..., 0])
    origins, directions = np.zeros((2, *sine.shape, 3))
    origins[..., 0] = mirror_separation_m * (sine / cosine)
    directions[..., 0] = sine
    directions[..., 1] = cosine * np.sin(a[..., 1])
    directions[..., 2] = cosine * np.cos(a[..., 1])
    return origins, directions


def angles_to_counts(angles_rad: ArrayLike, full_scale_rad: float) -> NDArray[np.int16]:
    """Return counts `(N, 2)` int16 of optical angles `(N, 2)` [rad].

    Raises:
        ValueError: an angle beyond the full scale, or not finite: never clipped silently.
    """
    counts = np.rint(np.asarray(angles_rad, np.float64) / full_scale_rad * COUNTS_MAX)
    if not np.isfinite(counts).all() or (np.abs(counts) > COUNTS_MAX).any():
        raise ValueError(f"an aim lies beyond the galvo's full scale of {full_scale_rad:.4f} rad")
    return counts.astype(np.int16)


def counts_to_angles(counts: ArrayLike, full_scale_rad: float) -> NDArray[np.float64]:
    """Return optical angles `(N, 2)` [rad] of counts `(N, 2)`."""
    return np.asarray(counts, np.float64) / COUNTS_MAX * full_scale_rad
