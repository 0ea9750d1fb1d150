"""Triangles of a file -> the skin among them: joined, outward, of a body part's size, without inner walls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from openmtz.geometry import TriangleMesh
from openmtz.surfaces.doubles import find_doubles
from openmtz.surfaces.edges import Edges, find_edges
from openmtz.surfaces.errors import SurfaceError
from openmtz.surfaces.evidence import gather
from openmtz.surfaces.numbers import SIZE_M, check_size
from openmtz.surfaces.outside import turn_outward
from openmtz.surfaces.outward import ASK, Outward
from openmtz.surfaces.pieces import find_pieces
from openmtz.surfaces.raw import Array, Faces, Note, RawSurface
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
    notes: tuple[Note, ...]


class _Triangles(NamedTuple):
    """`vertices` `(V, 3)`, `faces` `(F, 3)`, `said` `(F, 3)` the file's normals or None."""

    vertices: Array
    faces: Faces
    said: Array | None

    def rows(self, rows: NDArray[Any]) -> _Triangles:
        """Return those of `rows` alone, by number or bool."""
        if len(rows) == len(self.faces) and rows.dtype != np.bool_:
            return self
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
        notes.append(Note("surface-joined", f"{welded.joined} vertices on rims that meet were joined"))
    work = work.rows(welded.kept)._replace(vertices=welded.vertices, faces=welded.faces)
    edges = welded.edges or find_edges(work.faces, len(work.vertices))
    both_sides = np.zeros(len(work.faces), np.bool_)
    if len(edges.crowded_vertices):  # without an edge of three or more no triangle stands twice
        once = find_doubles(work.faces)
        if len(once.kept) < len(work.faces):
            notes.append(_doubled(len(work.faces) - len(once.kept)))
            work, both_sides = work.rows(once.kept), once.both_sides
            edges = find_edges(work.faces, len(work.vertices))
    return _outer(work, edges, both_sides, words, notes)


def _doubled(count: int) -> Note:
    text = f"{count} triangles lie on others with the same corners; they are left out"
    return Note("surface-duplicates", text, "merge duplicate faces")


def _of_one_size(work: _Triangles, scale: float, name: str) -> tuple[_Triangles, list[Note]]:
    """Return the triangles without debris that makes the whole larger than a person; see `check_size`."""
    if float(np.ptp(work.vertices, axis=0).max()) * scale <= SIZE_M[1]:
        check_size(work.vertices, scale, name)
        return work, []
    pieces = find_pieces(find_edges(work.faces, len(work.vertices)), _areas(work))
    main = (pieces.area >= DEBRIS * pieces.area.sum())[pieces.label]
    skin = work.vertices[np.unique(work.faces[main])]
    check_size(skin if main.any() else work.vertices, scale, name)
    text = f"{int((~main).sum())} triangles of debris far from the skin are left out"
    return work.rows(main), [Note("surface-debris", text)]


def _areas(work: _Triangles) -> Array:
    a, b, c = (work.vertices[work.faces[:, k]] for k in range(3))
    return np.asarray(0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1))


def _outer(
    work: _Triangles, edges: Edges, both_sides: NDArray[np.bool_], words: Sequence[Outward], notes: list[Note]
) -> FoundSkin:
    pieces = find_pieces(edges, _areas(work))
    faces = _flipped(work.faces, pieces.flipped)
    evidence = gather(work.vertices, faces, work.said, both_sides, pieces)
    scene = Scene(work.vertices, faces, pieces.label)
    sight = look(scene, min(len(pieces.area), MOST_PIECES))
    turned = turn_outward(scene, pieces, evidence, sight, words)
    if turned.flip.any():
        scene.turn(turned.flip[pieces.label])
    left_out = turned.drop[pieces.label]
    outer = leave_inner_walls(scene, None if turned.flip.any() else sight, MOST_PIECES, words)
    small = float((pieces.minority * pieces.area).sum())
    if small > 0.0:
        notes.append(
            Note("surface-turned", f"{small * 1e4:.1f} cm2 wound against their neighbours were turned")
        )
    left_out |= outer.drop
    if left_out.all():
        raise SurfaceError("none of its pieces has an outside that is known", ASK)
    mesh = _compact(work.vertices, scene.faces[~left_out])
    return FoundSkin(mesh, (*notes, *turned.notes, *outer.notes))


def _flipped(faces: Faces, flip: NDArray[np.bool_]) -> Faces:
    return np.where(flip[:, None], faces[:, ::-1], faces) if flip.any() else faces


def _compact(vertices: Array, faces: Faces) -> TriangleMesh:
    used = np.zeros(len(vertices), np.bool_)
    used[faces.ravel()] = True
    new = np.cumsum(used) - 1
    return TriangleMesh(vertices[used], new[faces].astype(np.int32))
