"""Wavefront OBJ: vertices and polygons, absolute or relative, in any order of blocks; free-form refused."""

from __future__ import annotations

import re

import numpy as np

from openmtz.surfaces.errors import BrokenFileError, FeatureError
from openmtz.surfaces.formats.obj_faces import FaceLines, corner_numbers
from openmtz.surfaces.formats.polygons import triangulate
from openmtz.surfaces.formats.text_numbers import parse_numbers
from openmtz.surfaces.raw import WRITTEN, Array, RawSurface, said_by_corners

IGNORED = frozenset(
    b"vt vp g s o usemtl mtllib usemap maplib l p mg bevel c_interp d_interp shadow_obj trace_obj".split()
)
"""Names, materials, display, lines and points: nothing of the surface's shape."""
FREE_FORM = frozenset(
    b"cstype deg bmat step curv curv2 surf parm trim hole scrv sp end con ctech stech"
    b" bzp bsp cdc cdp res".split()
)
OTHER_FILES = frozenset(b"call csh".split())


def read_obj(data: bytes) -> RawSurface:
    """Return the polygons of an OBJ file as triangles, or its points where it has none.

    Raises:
        BrokenFileError: something that is no number, or indices that do not exist.
        FeatureError: free-form curves and surfaces, other files called, levels of detail, rational weights.
    """
    vertices: list[bytes] = []
    normals: list[bytes] = []
    faces = FaceLines()
    for line in _lines(data):
        key, _, rest = line.partition(b" ")
        if key == b"v":
            vertices.append(rest)
        elif key in (b"f", b"fo"):
            faces.add(rest, len(vertices), len(normals))
        elif key == b"vn":
            normals.append(rest)
        elif key not in IGNORED:
            _refuse(key)
    points = _vertices(vertices)
    if len(faces.lines) == 0:
        return RawSurface(points, np.zeros((0, 3), np.int64), step_text=WRITTEN)
    corners, named = corner_numbers(faces, len(points), len(normals))
    cut = triangulate(faces.counts(), corners, points)
    said = None
    if named is not None:
        said = said_by_corners(_rows(normals, (3,), "vn"), named[cut.slots])
    return RawSurface(points, corners[cut.slots], said, step_text=WRITTEN)


def _lines(data: bytes) -> list[bytes]:
    """Return the lines, comments taken away, continued ones joined, blanks single."""
    if b"#" in data:
        data = re.sub(rb"#[^\r\n]*", b"", data)
    if b"\\" in data:
        data = re.sub(rb"\\[ \t]*(\r\n|\n|\r)", b" ", data)
    if b"\t" in data:
        data = data.replace(b"\t", b" ")
    return [line for line in map(bytes.strip, data.splitlines()) if line]


def _refuse(key: bytes) -> None:
    name = key[:20].decode("ascii", "replace")
    if key in FREE_FORM:
        raise FeatureError(
            f"it holds free-form curves or surfaces ({name})", "export it as polygons: tessellate it first"
        )
    if key in OTHER_FILES:
        raise FeatureError(f"it calls other files ({name})", "export it as one file")
    if key == b"lod":
        raise FeatureError("it holds several levels of detail (lod)", "export one level of detail")
    raise BrokenFileError(f"its line {name!r} is no statement of an OBJ file")


def _vertices(lines: list[bytes]) -> Array:
    """Return `(V, 3)` positions of `x y z`, with a weight w, a colour r g b, or both."""
    table = _rows(lines, (3, 4, 6, 7), "v")
    if table.shape[1] in (4, 7):
        weight = table[:, 3]
        known = weight[np.isfinite(weight)]
        if (known != 1.0).any():
            raise FeatureError(
                "its vertices carry rational weights (a fourth number other than 1)",
                "export it as polygons without weights",
            )
    return np.ascontiguousarray(table[:, :3])


def _rows(lines: list[bytes], widths: tuple[int, ...], what: str) -> Array:
    """Return the numbers of each line, NaN where a line has fewer than the widest."""
    if not lines:
        return np.zeros((0, widths[0]))
    counts = np.fromiter((len(line.split()) for line in lines), np.int64, len(lines))
    bad = ~np.isin(counts, widths)
    if bad.any():
        row = int(np.argmax(bad))
        raise BrokenFileError(f"line {row + 1} of its {what} lines holds {int(counts[row])} numbers")
    numbers = parse_numbers(b" ".join(lines))
    width = int(counts.max())
    table = np.full((len(lines), width), np.nan)
    table[np.arange(width) < counts[:, None]] = numbers
    if width == 7 or (width > 4 and (counts == 4).any()):
        # a lone fourth number is a weight; the fourth of six is the red of a colour
        table = np.insert(table[:, [0, 1, 2]], 3, np.where(np.isin(counts, (4, 7)), table[:, 3], 1.0), axis=1)
    return table
