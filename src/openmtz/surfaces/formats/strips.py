"""Triangle strips and fans -> triangles, each wound as its format says."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from openmtz.surfaces.raw import Faces


def strip_triangles(strip: NDArray[np.integer]) -> Faces:
    """Return `(F, 3)` the triangles of one strip `(K,)`, every second one turned; a leading -1 and triangles
    without area, by which strips are joined, are left out."""
    row = np.asarray(strip, np.int64)
    row = row[row != -1]
    if len(row) < 3:
        return np.zeros((0, 3), np.int64)
    faces = np.stack([row[:-2], row[1:-1], row[2:]], axis=1)
    faces[1::2] = faces[1::2][:, [1, 0, 2]]
    solid = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    return np.asarray(faces[solid])


def fan_triangles(fan: NDArray[np.integer]) -> Faces:
    """Return `(F, 3)` the triangles of one fan `(K,)` around its first vertex."""
    row = np.asarray(fan, np.int64)
    if len(row) < 3:
        return np.zeros((0, 3), np.int64)
    first = np.full(len(row) - 2, row[0])
    return np.stack([first, row[1:-1], row[2:]], axis=1)
