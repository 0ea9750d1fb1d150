"""Numba kernels of the placement: how many rows of a hexagonal pattern lie between the skin and a cut through it.

Rows that keep their distance on curved skin are lines of equal distance from one of them, as ploughed
furrows are: the distance counted in row heights of the local density, so that rows close up where the density
grows. That is the eikonal equation |grad f| = 1 / row height, solved triangle by triangle from the vertices
nearest to the cut outwards (Kimmel & Sethian 1998), in sweeps instead of with a queue: in the order of the
plain distance from the cut nearly every vertex is right after the first one.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

Array = Any
ROWS_PER_M = 107.45699318235419
"""sqrt(2 / sqrt(3) 1e4): times the root of a density [1/cm2] it is one over the row height [1/m]."""
FLATTEST = 0.2
"""Skin steeper than this against the cut's normal (a cosine) counts as that steep where the front starts."""
CHANGE = 1e-2
"""Rows by which a value must fall to count as a change [rows]."""


class Welded(NamedTuple):
    """Triangles with welded vertices: `vertices` `(V, 3)` [m], `faces` `(F, 3)`, `slowness` `(F,)` rows per
    metre, and which faces hold each vertex: `first` `(V + 1,)`, `members`."""

    vertices: Array
    faces: Array
    slowness: Array
    first: Array
    members: Array


@njit(cache=True)
def faces_of_vertices(faces: Array, count: int) -> Any:
    """Return (first `(V + 1,)`, members `(3 F,)`): the faces that hold each vertex."""
    first = np.zeros(count + 1, np.int32)
    for f in range(len(faces)):
        for k in range(3):
            first[faces[f, k] + 1] += 1
    for v in range(count):
        first[v + 1] += first[v]
    at, members = first[:-1].copy(), np.empty(3 * len(faces), np.int32)
    for f in range(len(faces)):
        for k in range(3):
            members[at[faces[f, k]]] = f
            at[faces[f, k]] += 1
    return first, members


@njit(cache=True)
def pieces(mesh: Welded) -> Any:
    """Return the connected piece `(V,)` of each vertex, -1 for those without a face, and how many there
    are."""
    piece, count = np.full(len(mesh.vertices), -1, np.int32), 0
    queue = np.empty(len(mesh.vertices), np.int32)
    for start in range(len(mesh.vertices)):
        if piece[start] >= 0 or mesh.first[start] == mesh.first[start + 1]:
            continue
        piece[start], queue[0], head, tail = count, start, 0, 1
        while head < tail:
            v = queue[head]
            head += 1
            for m in range(mesh.first[v], mesh.first[v + 1]):
                for k in range(3):
                    w = mesh.faces[mesh.members[m], k]
                    if piece[w] < 0:
                        piece[w] = count
                        queue[tail] = w
                        tail += 1
        count += 1
    return piece, count


@njit(cache=True)
def spread_of_pieces(vertices: Array, faces: Array, mass: Array, of_face: Array, pieces: int) -> Any:
    """Return the middle `(P, 3)` [m] of the mass of each piece, and how it is spread about it `(P, 3, 3)`
    [m2]."""
    middle, spread, total = np.zeros((pieces, 3)), np.zeros((pieces, 3, 3)), np.full(pieces, 1e-300)
    for second in range(2):
        for f in range(len(faces)):
            p, w = of_face[f], mass[f]
            c = (vertices[faces[f, 0]] + vertices[faces[f, 1]] + vertices[faces[f, 2]]) / 3.0
            for i in range(3):
                if not second:
                    middle[p, i] += w * c[i]
                    total[p] += w * (i == 0)
                else:
                    for j in range(3):
                        spread[p, i, j] += w * (c[i] - middle[p, i]) * (c[j] - middle[p, j])
        for p in range(pieces):
            if not second:
                middle[p] /= total[p]
            spread[p] /= total[p]
    return middle, spread


@njit(cache=True)
def start_front(mesh: Welded, beyond: Array, across: Array) -> Any:
    """Return the rows `(V,)` between each vertex of a face that the cut passes and the cut, inf elsewhere; the
    side `(V,)` of those vertices, and which faces `(F,)` the cut passes.

    `beyond` `(V,)` [m]: how far a vertex lies beyond the cut, against its normal `across` `(V, 3)`.
    """
    rows, side = np.full(len(mesh.vertices), np.inf), np.zeros(len(mesh.vertices), np.int8)
    cut = np.zeros(len(mesh.faces), np.bool_)
    for f in range(len(mesh.faces)):
        a, b, c = mesh.faces[f]
        if (beyond[a] >= 0.0) == (beyond[b] >= 0.0) == (beyond[c] >= 0.0):
            continue
        cut[f] = True
        # what of the cut's normal lies in the face: the distance along the skin is longer by one over that
        n = np.cross(mesh.vertices[b] - mesh.vertices[a], mesh.vertices[c] - mesh.vertices[a])
        length2 = max((n * n).sum(), 1e-40)
        along = (n * across[a]).sum()
        share = np.sqrt(max(1.0 - along * along / length2, FLATTEST * FLATTEST))
        for v in (a, b, c):
            rows[v] = min(rows[v], abs(beyond[v]) / share * mesh.slowness[f])
            side[v] = 1 if beyond[v] >= 0.0 else -1
    return rows, side, cut


@njit(cache=True)
def _arrival(mesh: Welded, f: int, v: int, rows: Array) -> Any:
    """Return the rows at vertex `v` of face `f` by the front that crosses the face, and the other vertex it
    came by."""
    k = 0
    while mesh.faces[f, k] != v:
        k += 1
    a, b = mesh.faces[f, (k + 1) % 3], mesh.faces[f, (k + 2) % 3]
    fa, fb, slow = rows[a], rows[b], mesh.slowness[f]
    if fa >= rows[v] and fb >= rows[v]:  # nothing comes from ahead
        return rows[v], v
    aa, ab, bb = 0.0, 0.0, 0.0
    for d in range(3):
        x, y = mesh.vertices[a, d] - mesh.vertices[v, d], mesh.vertices[b, d] - mesh.vertices[v, d]
        aa += x * x
        ab += x * y
        bb += y * y
    least = min(fa + slow * np.sqrt(aa), fb + slow * np.sqrt(bb))
    source = a if fa <= fb else b
    det = aa * bb - ab * ab
    if np.isinf(fa) or np.isinf(fb) or det <= 1e-12 * aa * bb:
        return least, source
    # the plane through the three values whose gradient is the slowness: a quadratic in the value at v
    one = (aa + bb - 2.0 * ab) / det
    mixed = (fa * (bb - ab) + fb * (aa - ab)) / det
    both = (fa * fa * bb - 2.0 * fa * fb * ab + fb * fb * aa) / det
    root = mixed * mixed - one * (both - slow * slow)
    if root < 0.0:
        return least, source
    t = (mixed + np.sqrt(root)) / one
    # only a front that comes through the face, not around one of its corners
    by_a, by_b = (fa - t) * bb - (fb - t) * ab, (fb - t) * aa - (fa - t) * ab
    if by_a <= 0.0 and by_b <= 0.0:
        return min(t, least), source
    return least, source


@njit(cache=True)
def spread_front(mesh: Welded, order: Array, rows: Array, side: Array, sweeps: int) -> None:
    """Carry the front on over all vertices, in place; `order` holds them as the front is expected to meet
    them. After the first sweep only those are looked at again that have a neighbour whose value fell."""
    stale = np.ones(len(rows), np.bool_)
    for _ in range(sweeps):
        changed = False
        for v in order:
            if not stale[v]:
                continue
            stale[v], before = False, rows[v]
            for m in range(mesh.first[v], mesh.first[v + 1]):
                value, source = _arrival(mesh, mesh.members[m], v, rows)
                if value < rows[v]:
                    rows[v], side[v] = value, side[source]
            if rows[v] < before - CHANGE:
                changed = True
                for m in range(mesh.first[v], mesh.first[v + 1]):
                    for k in range(3):
                        w = mesh.faces[mesh.members[m], k]
                        stale[w] |= w != v and rows[w] > rows[v]
        if not changed:
            break


@njit(cache=True)
def fit_whole_rows(at: Array, of_face: Array, pieces: int) -> int:
    """Stretch the rows `(F, 3)` of each piece, in place, so that they begin at 0 and end with a whole one; return
    the most rows that a piece has. NaN stays NaN."""
    low, high, most = np.full(pieces, np.inf), np.full(pieces, -np.inf), 1
    for f in range(len(at)):
        if not np.isnan(at[f, 0]):
            low[of_face[f]] = min(low[of_face[f]], at[f].min())
            high[of_face[f]] = max(high[of_face[f]], at[f].max())
    for f in range(len(at)):
        p = of_face[f]
        if not np.isnan(at[f, 0]) and high[p] > low[p]:
            whole = max(np.rint(high[p] - low[p]), 1.0)
            most = max(most, int(whole))
            at[f] = (at[f] - low[p]) * (whole / (high[p] - low[p]))
    return most


@njit(cache=True)
def on_corners(mesh: Welded, rows: Array, side: Array, cut: Array) -> Any:
    """Return the signed rows `(F, 3)` at the corners of each face: where two fronts meet behind the skin a face
    takes the side of most of its corners."""
    out = np.empty(mesh.faces.shape)
    for f in range(len(mesh.faces)):
        a, b, c = mesh.faces[f]
        most = 1.0 if side[a] + side[b] + side[c] > 0 else -1.0
        for k in range(3):
            v = mesh.faces[f, k]
            out[f, k] = rows[v] * (side[v] if cut[f] else most)
    return out
