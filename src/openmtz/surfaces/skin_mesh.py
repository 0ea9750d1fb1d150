"""Triangles of a file -> the skin among them: joined, outward, of a body part's size, without inner walls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openmtz.geometry import TriangleMesh
from openmtz.surfaces.doubles import Doubles, find_doubles
from openmtz.surfaces.edges import find_edges
from openmtz.surfaces.errors import SurfaceError
from openmtz.surfaces.evidence import gather
from openmtz.surfaces.numbers import SIZE_M, check_size
from openmtz.surfaces.outside import turn_outward
from openmtz.surfaces.outward import Outward
from openmtz.surfaces.pieces import find_pieces
from openmtz.surfaces.raw import Array, Faces, RawSurface
from openmtz.surfaces.sight import Scene, look
from openmtz.surfaces.walls import leave_inner_walls
from openmtz.surfaces.welding import merge_equal, weld_rims

MOST_PIECES = 200
"""So many pieces, the largest, are looked at from outside. Engineering default."""
DEBRIS = 0.01
"""Pieces below this share of all area are no skin to judge a file's size by. Engineering default."""


class FoundSkin(NamedTuple):
    """`mesh` [m], `notes` for the user."""

    mesh: TriangleMesh
    notes: tuple[str, ...]


class _Triangles(NamedTuple):
    """`vertices` `(V, 3)`, `faces` `(F, 3)`, `said` `(F, 3)` the file's normals or None."""

    vertices: Array
    faces: Faces
    said: Array | None

    def rows(self, rows: NDArray[np.generic]) -> _Triangles:
        """Return those of `rows` alone."""
        return self._replace(faces=self.faces[rows], said=None if self.said is None else self.said[rows])


def outer_skin(raw: RawSurface, scale: float, name: str, words: Sequence[Outward]) -> FoundSkin:
    """Return the outer skin of a mesh whose used vertices are finite; `scale` metres per unit.

    Raises:
        SurfaceError: no area, a size no body part has, or an outside that is not known.
    """
    equal = merge_equal(raw.vertices, raw.faces)
    if len(equal.faces) == 0:
        raise SurfaceError(f"all faces of {name} are without area", "repair the mesh first")
    given = _Triangles(raw.vertices, raw.faces, raw.said).rows(equal.kept)
    work, notes = _of_one_size(given._replace(vertices=equal.vertices, faces=equal.faces), scale, name)
    welded = weld_rims(work.vertices * scale, work.faces)
    if welded.joined:
        notes.append(f"{welded.joined} vertices on rims that meet were joined")
    work = work.rows(welded.kept)._replace(vertices=welded.vertices, faces=welded.faces)
    doubles = _doubles(work)
    if len(doubles.kept) < len(work.faces):
        notes.append(f"{len(work.faces) - len(doubles.kept)} triangles stood in the file in both windings")
    return _outer(work.rows(doubles.kept), doubles, words, notes)


def _of_one_size(work: _Triangles, scale: float, name: str) -> tuple[_Triangles, list[str]]:
    """Return the triangles without debris that makes the whole larger than a person; see `check_size`."""
    if float(np.ptp(work.vertices, axis=0).max()) * scale <= SIZE_M[1]:
        check_size(work.vertices, scale, name)
        return work, []
    pieces = find_pieces(work.faces, len(work.vertices), _areas(work))
    main = (pieces.area >= DEBRIS * pieces.area.sum())[pieces.label]
    skin = work.vertices[np.unique(work.faces[main])]
    check_size(skin if main.any() else work.vertices, scale, name)
    return work.rows(main), [f"{int((~main).sum())} triangles of debris far from the skin are left out"]


def _areas(work: _Triangles) -> Array:
    a, b, c = (work.vertices[work.faces[:, k]] for k in range(3))
    return np.asarray(0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1))


def _doubles(work: _Triangles) -> Doubles:
    """Return the triangles that stand twice; without edges of three or more there are none to look for."""
    everything = np.arange(len(work.faces))
    if len(find_edges(work.faces, len(work.vertices)).crowded_vertices) == 0:
        return Doubles(everything, everything, np.zeros(len(everything), np.bool_))
    return find_doubles(work.faces)


def _outer(work: _Triangles, doubles: Doubles, words: Sequence[Outward], notes: list[str]) -> FoundSkin:
    first = np.flatnonzero(doubles.like == np.arange(len(doubles.like)))
    once = work.rows(first)
    pieces = find_pieces(once.faces, len(once.vertices), _areas(once))
    faces = np.where(pieces.flipped[:, None], once.faces[:, ::-1], once.faces)
    evidence = gather(once.vertices, faces, once.said, doubles.both_sides[first], pieces)
    scene = Scene(once.vertices, faces, pieces.label.copy())
    sight = look(scene, min(len(pieces.area), MOST_PIECES))
    turned = turn_outward(scene, pieces, evidence, sight, words)
    flip = turned.flip[pieces.label]
    scene.turn(flip)
    outer = leave_inner_walls(scene, MOST_PIECES, words)
    keep = ~(outer.drop | turned.drop[pieces.label])
    place = np.full(len(doubles.like), -1, np.int64)
    place[first] = np.arange(len(first))
    like = place[doubles.like]  # copies of a triangle share the fate of the first
    over = (flip ^ pieces.flipped)[like]
    mesh = _compact(work.vertices, np.where(over[:, None], work.faces[:, ::-1], work.faces)[keep[like]])
    small = pieces.minority * pieces.area
    if small.any():
        notes.append(f"{small.sum() * 1e4:.1f} cm2 wound against their neighbours were turned")
    return FoundSkin(mesh, (*notes, *turned.notes, *outer.notes))


def _compact(vertices: Array, faces: Faces) -> TriangleMesh:
    used = np.zeros(len(vertices), np.bool_)
    used[faces.ravel()] = True
    new = np.cumsum(used) - 1
    return TriangleMesh(vertices[used], new[faces].astype(np.int32))
