"""The face lines of an OBJ file: `v`, `v/vt`, `v//vn`, `v/vt/vn`, counted from the start or from the line."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from openmtz.surfaces.errors import BrokenFileError
from openmtz.surfaces.raw import Faces

_BARE = re.compile(rb"(?:^|\s)[^\s/]+(?=\s|$)")
_TWO_SLASHES = re.compile(rb"/[^\s/]*/")


@dataclass
class FaceLines:
    """Face lines in their order, and how many vertices and normals stood before each: relative numbers count
    from there."""

    lines: list[bytes] = field(default_factory=list)
    vertices_before: list[int] = field(default_factory=list)
    normals_before: list[int] = field(default_factory=list)

    def add(self, line: bytes, vertices: int, normals: int) -> None:
        """Take one line."""
        self.lines.append(line)
        self.vertices_before.append(vertices)
        self.normals_before.append(normals)

    def counts(self) -> NDArray[np.int64]:
        """Return `(P,)` how many corners each line names."""
        return np.fromiter((len(line.split()) for line in self.lines), np.int64, len(self.lines))


def corner_numbers(faces: FaceLines, vertices: int, normals: int) -> tuple[Faces, Faces | None]:
    """Return `(N,)` vertex and normal of each corner, from 0; None for normals unless every corner names one.

    Raises:
        BrokenFileError: a number that is none, zero, or beyond what the file holds.
    """
    text = b" ".join(faces.lines)
    numbers, named = _split(text)
    counts = faces.counts()
    corners = _absolute(numbers, np.repeat(faces.vertices_before, counts), vertices, "vertex")
    if named is None or normals == 0:
        return corners, None
    return corners, _absolute(named, np.repeat(faces.normals_before, counts), normals, "normal")


def _split(text: bytes) -> tuple[Faces, Faces | None]:
    """Return the numbers before the first slash and after the second (None unless all have it)."""
    if b"/" not in text:
        return _whole(text.split()), None
    if not _BARE.search(text):
        if not _TWO_SLASHES.search(text):
            pairs = _whole(text.replace(b"/", b" ").split()).reshape(-1, 2)
            return pairs[:, 0], None
        tokens = len(text.split())
        if text.count(b"//") == tokens and text.count(b"/") == 2 * tokens:
            pairs = _whole(text.replace(b"//", b" ").split()).reshape(-1, 2)
            return pairs[:, 0], pairs[:, 1]
        if b"//" not in text and text.count(b"/") == 2 * tokens:
            rows = _whole(text.replace(b"/", b" ").split())
            if len(rows) == 3 * tokens:
                return rows.reshape(-1, 3)[:, 0], rows.reshape(-1, 3)[:, 2]
    parts = [token.split(b"/") for token in text.split()]
    if any(len(part) > 3 for part in parts):
        raise BrokenFileError("a corner of a face has more than three numbers")
    third = [part[2] if len(part) == 3 else b"" for part in parts]
    return _whole([part[0] for part in parts]), _whole(third) if all(third) else None


def _whole(words: list[bytes]) -> Faces:
    try:
        return np.array(list(map(int, words)), np.int64)
    except (ValueError, OverflowError):
        for word in words:
            try:
                int(word)
            except ValueError:
                shown = word[:20].decode("ascii", "replace")
                raise BrokenFileError(f"{shown!r} stands where a face names a vertex") from None
        raise BrokenFileError("a face names a vertex beyond all bounds") from None


def _absolute(numbers: Faces, before: NDArray[np.int64], count: int, what: str) -> Faces:
    index = np.where(numbers < 0, before + numbers, numbers - 1)
    bad = (numbers == 0) | (index < 0) | (index >= count)
    if bad.any():
        raise BrokenFileError(f"a face names {what} {int(numbers[np.argmax(bad)])}, but there are {count}")
    return np.asarray(index, np.int64)
