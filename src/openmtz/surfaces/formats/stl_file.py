"""STL, binary and ASCII: triangles with a normal each, several solids, colours in the attribute bytes."""

from __future__ import annotations

import re

import numpy as np

from openmtz.surfaces.errors import BrokenFileError
from openmtz.surfaces.formats.text_numbers import parse_numbers
from openmtz.surfaces.raw import WRITTEN, RawSurface, float32_step

_FACET = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
_NAMES = re.compile(rb"^[ \t]*(end)?solid\b[^\r\n]*", re.IGNORECASE | re.MULTILINE)
_KEYWORDS = re.compile(rb"(?i)\b(facet|normal|outer|loop|vertex|endloop|endfacet)\b")
_VERTEX = re.compile(rb"(?i)\bvertex\b")
WORDS_OF_A_FACET = 9
"""facet normal, outer loop, three times vertex, endloop, endfacet."""


def read_stl(data: bytes) -> RawSurface:
    """Return the triangles of an STL file.

    A binary file is known by its length, which follows from its number of triangles: its header may begin
    with `solid` like an ASCII one.

    Raises:
        BrokenFileError: cut off, of another length than its number of triangles says, or no STL.
    """
    count = int(np.frombuffer(data[80:84], "<u4")[0]) if len(data) >= 84 else 0
    wanted = 84 + 50 * count
    if len(data) >= 84 and len(data) == wanted:
        return _binary(data, count)
    if data.lstrip()[:5].lower() == b"solid" and b"facet" in data.lower():
        return _ascii(data)
    if len(data) < 84:
        raise BrokenFileError(f"{len(data)} bytes are no STL file")
    raise BrokenFileError(f"its head states {count} triangles, which are {wanted} bytes; it has {len(data)}")


def _binary(data: bytes, count: int) -> RawSurface:
    facets = np.frombuffer(data, _FACET, count, 84)
    vertices = facets["corners"].reshape(-1, 3).astype(np.float64)
    return _soup(vertices, facets["normal"].astype(np.float64), float32_step(vertices), "32-bit floats")


def _ascii(data: bytes) -> RawSurface:
    text = _NAMES.sub(b"", data)
    spaced, words = _KEYWORDS.subn(b" ", text)
    count = len(_VERTEX.findall(text)) // 3
    values = parse_numbers(spaced)
    if words != WORDS_OF_A_FACET * count or len(values) != 12 * count:
        raise BrokenFileError(f"its facets do not have a normal and three vertices each ({count} of them)")
    rows = values.reshape(-1, 4, 3)
    return _soup(rows[:, 1:].reshape(-1, 3), rows[:, 0], 0.0, WRITTEN)


def _soup(vertices: np.ndarray, said: np.ndarray, step: float, step_text: str) -> RawSurface:
    faces = np.arange(len(vertices), dtype=np.int64).reshape(-1, 3)
    return RawSurface(vertices, faces, said, step=step, step_text=step_text)
