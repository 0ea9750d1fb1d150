"""The head of a PLY file (Turk 1994): its elements and their properties, all of them known or refused."""

from __future__ import annotations

import re
from typing import NamedTuple

from openmtz.surfaces.errors import BrokenFileError, FeatureError

TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2", "ushort": "u2",
    "uint16": "u2", "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4", "float": "f4", "float32": "f4",
    "double": "f8", "float64": "f8", "int64": "i8", "long": "i8", "uint64": "u8",
}  # fmt: skip
FORMATS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}
MOST_ROWS = 50_000_000
"""More rows of one element than this are not read. Engineering default."""


class Property(NamedTuple):
    """`name`; numpy code of its values; for a list the code of its length, else None."""

    name: str
    code: str
    length: str | None


class Element(NamedTuple):
    """`name`, number of `rows`, `properties` in their order."""

    name: str
    rows: int
    properties: tuple[Property, ...]


class Header(NamedTuple):
    """`order` `<`, `>` or empty for ASCII; `elements` in their order; where the `body` begins [bytes]."""

    order: str
    elements: tuple[Element, ...]
    body: int


def read_header(data: bytes) -> Header:
    """Parse the head.

    Raises:
        BrokenFileError: no PLY, an unknown keyword or type, no end.
    """
    end = re.search(rb"(?:^|[\r\n])end_header[ \t]*(\r\n|\n|\r)", data[:1_000_000])
    if not data.startswith(b"ply") or end is None:
        raise BrokenFileError("it has no head of a PLY file")
    lines = [line.split() for line in data[: end.start()].decode("latin-1").splitlines()]
    order: str | None = None
    elements: list[tuple[str, int, list[Property]]] = []
    for words in lines[1:]:
        if not words or words[0] in ("comment", "obj_info"):
            continue
        try:
            if words[0] == "format":
                order = FORMATS[words[1]]
            elif words[0] == "element":
                elements.append((words[1], int(words[2]), []))
            elif words[0] == "property":
                elements[-1][2].append(_property(words))
            else:
                raise KeyError(words[0])
        except (KeyError, IndexError, ValueError):
            raise BrokenFileError(f"the line {' '.join(words)!r} of its head is not known") from None
    if order is None:
        raise BrokenFileError("its head names no format")
    for name, rows, _ in elements:
        if not 0 <= rows <= MOST_ROWS:
            raise BrokenFileError(f"its head states {rows} rows of {name}")
    return Header(order, tuple(Element(n, r, tuple(p)) for n, r, p in elements), end.end())


def _property(words: list[str]) -> Property:
    if words[1] == "list":
        return Property(words[4], TYPES[words[3]], TYPES[words[2]])
    return Property(words[2], TYPES[words[1]], None)


def refuse_what_is_no_surface(header: Header) -> None:
    """Refuse elements that describe skin in a way that is not read here, by their name.

    Raises:
        FeatureError: range grids, Gaussian splats, packed points, trimmed or free-form elements.
    """
    for element in header.elements:
        names = {p.name for p in element.properties}
        if element.name == "range_grid":
            raise FeatureError(
                "it is a PLY range grid (element range_grid): its triangles are not stored",
                "export it as a triangle mesh",
            )
        if "packed_position" in names or {"rot_0", "scale_0", "opacity"} <= names:
            raise FeatureError(
                "it holds Gaussian splats: their centres are no points on skin",
                "export a triangle mesh from the program that made them",
            )
        if (
            element.rows
            and element.name not in KNOWN
            and any(p.name in INDEX_NAMES for p in element.properties)
        ):
            raise FeatureError(
                f"its PLY element {element.name!r} with vertex indices is not known",
                "triangulate the mesh before the export",
            )


INDEX_NAMES = ("vertex_indices", "vertex_index")
KNOWN = ("vertex", "face", "tristrips")
"""Elements that are read; others hold colours, cameras, edges and materials, unless they list vertices."""
