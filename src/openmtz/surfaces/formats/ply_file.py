"""PLY: vertices, polygons and triangle strips in ASCII or either byte order, with normals where stored."""

from __future__ import annotations

import numpy as np

from openmtz.surfaces.errors import BrokenFileError
from openmtz.surfaces.formats.ply_body import Columns, Lists, read_body
from openmtz.surfaces.formats.ply_header import INDEX_NAMES, Header, read_header, refuse_what_is_no_surface
from openmtz.surfaces.formats.polygons import triangulate
from openmtz.surfaces.formats.strips import strip_triangles
from openmtz.surfaces.raw import (
    WRITTEN,
    Array,
    Faces,
    RawSurface,
    checked_faces,
    float32_step,
    said_by_corners,
    used_vertices,
)


def read_ply(data: bytes) -> RawSurface:
    """Return the surface of a PLY file: its faces and strips, or its points where it has neither.

    Raises:
        BrokenFileError: cut off or contradicting its head. FeatureError: an element named in the text.
    """
    header = read_header(data)
    refuse_what_is_no_surface(header)
    body = read_body(data, header)
    points = body.get("vertex", {})
    if any(axis not in points for axis in "xyz"):
        raise BrokenFileError("its element vertex has no x, y, z")
    vertices = _columns(points, "xyz")
    faces = np.concatenate([_faces(body, vertices), _strips(body, len(vertices))])
    said = point_normals = None
    if all(name in points for name in ("nx", "ny", "nz")):
        point_normals = _columns(points, ("nx", "ny", "nz"))
        said = said_by_corners(point_normals, faces)
    step, text = _step(header, vertices[used_vertices(len(vertices), faces)])
    return RawSurface(vertices, faces, said if len(faces) else None, point_normals, step, text)


def _columns(columns: Columns, names: tuple[str, ...] | str) -> Array:
    picked = [columns[name] for name in names]
    if any(isinstance(column, Lists) for column in picked):
        raise BrokenFileError("its coordinates are lists")
    return np.stack([np.asarray(column, np.float64) for column in picked], axis=1)


def _list_of(columns: Columns, what: str) -> Lists | None:
    for name in INDEX_NAMES:
        found = columns.get(name)
        if isinstance(found, Lists):
            return found
    if columns:
        raise BrokenFileError(f"its element {what} has no list {' or '.join(INDEX_NAMES)}")
    return None


def _faces(body: dict[str, Columns], vertices: Array) -> Faces:
    found = _list_of(body.get("face", {}), "face")
    if found is None or len(found.counts) == 0:
        return np.zeros((0, 3), np.int64)
    corners = np.asarray(found.values, np.int64)
    if (found.counts == 3).all():
        return checked_faces(corners, len(vertices))
    return corners[triangulate(found.counts, corners, vertices).slots]


def _strips(body: dict[str, Columns], count: int) -> Faces:
    found = _list_of(body.get("tristrips", {}), "tristrips")
    if found is None:
        return np.zeros((0, 3), np.int64)
    values = np.asarray(found.values, np.int64)
    ends = np.cumsum(found.counts)
    parts = [
        strip_triangles(piece)
        for row in np.split(values, ends[:-1])
        for piece in np.split(row, np.flatnonzero(row == -1))
    ]
    return checked_faces(np.concatenate(parts) if parts else np.zeros((0, 3)), count)


def _step(header: Header, vertices: Array) -> tuple[float, str]:
    codes = [
        p.code
        for e in header.elements
        if e.name == "vertex"
        for p in e.properties
        if p.name in ("x", "y", "z")
    ]
    if any(code[0] in "iu" for code in codes):
        return 1.0, "whole numbers"
    if not header.order:
        return 0.0, WRITTEN
    if "f4" in codes:
        return float32_step(vertices), "32-bit floats"
    return 0.0, "64-bit floats"
