"""What a reader takes from a file, before anything is judged or mended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openmtz.surfaces.errors import BrokenFileError

Array = NDArray[np.float64]
Faces = NDArray[np.int64]


WRITTEN = "the digits written in the text"
"""How numbers of a text file are stored: to what they were rounded, they have to tell themselves."""


class Note(NamedTuple):
    """What was left out, turned or made up while a file became skin: a `code`, a `text` and what helps."""

    code: str
    text: str
    fix: str = ""


@dataclass(frozen=True, eq=False)
class RawSurface:
    """The triangles or points of one file, in the file's units and axes.

    Attributes:
        vertices: `(V, 3)` float64; may hold NaN, and vertices that nothing uses.
        faces: `(F, 3)` int64, as wound in the file; `(0, 3)` for a point cloud.
        said: `(F, 3)` direction that the file's own normals give each face, NaN or zero where there is none;
            None: the file holds no normals.
        point_normals: `(V, 3)` the same for the points of a cloud.
        step: distance between neighbouring numbers that the file can hold where its skin lies; 0: not known.
        step_text: how these numbers are stored, for the user.
        notes: what was left out, for the user.
    """

    vertices: Array
    faces: Faces
    said: Array | None = None
    point_normals: Array | None = None
    step: float = 0.0
    step_text: str = ""
    notes: tuple[Note, ...] = ()


def checked_faces(faces: ArrayLike, count: int) -> Faces:
    """Return faces `(F, 3)` whose corners are all among `count` vertices.

    Raises:
        BrokenFileError: a corner that is not.
    """
    array = np.asarray(faces, np.int64).reshape(-1, 3)
    if len(array) and (array.min() < 0 or array.max() >= count):
        worst = int(array.max()) if array.max() >= count else int(array.min())
        raise BrokenFileError(f"a face names vertex {worst}, but there are {count}")
    return array


def said_by_corners(normals: Array, corners: Faces) -> Array:
    """Return `(F, 3)` the sum of the normals `(N, 3)` that each face's `corners` `(F, 3)` name."""
    return np.asarray(normals[corners[:, 0]] + normals[corners[:, 1]] + normals[corners[:, 2]])


def float32_step(vertices: Array) -> float:
    """Return the distance between neighbouring 32-bit floats at the largest coordinate of `(V, 3)`."""
    if len(vertices) == 0:
        return 0.0
    most = max(float(np.nanmax(vertices)), -float(np.nanmin(vertices)))
    return float(np.spacing(np.float32(most))) if np.isfinite(most) else 0.0


def used_vertices(count: int, faces: Faces) -> NDArray[np.bool_]:
    """Return `(count,)` bool: a face has this vertex as a corner; all of them where there are no faces."""
    if len(faces) == 0:
        return np.ones(count, np.bool_)
    used = np.zeros(count, np.bool_)
    used[faces.ravel()] = True
    return used
