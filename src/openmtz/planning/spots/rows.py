"""Spots laid out in interlocking rows over the skin: the start of the placement, near to what it relaxes
to.

Each connected piece of skin is cut through its middle; rows keep their distance from the cut and from each
other along the skin (`row_front_kernels`), and interlock (`row_kernels`). They run along the longest
straight border there is, or else along the piece's longest axis.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openmtz.planning.spots import row_front_kernels, row_kernels, row_laying_kernels
from openmtz.planning.spots.walk_kernels import Ways

FEWEST = 12
"""A piece of skin with fewer spots has no rows to speak of (engineering default)."""
BINS = 36
"""Directions of the border are counted in steps of 5 degrees (engineering default)."""
SWEEPS = 24
"""Most sweeps of the front over all vertices: two or three on a face; more than that only behind folds."""


class Laid(NamedTuple):
    """Spots on triangles: `face` `(N,)`, `inside` `(N, 2)` barycentrics of corners b and c; `rows` `(F,)`
    bool, the triangles that have rows."""

    face: NDArray[np.int32]
    inside: NDArray[np.float32]
    rows: NDArray[np.bool_]


class Tables(NamedTuple):
    """What the placement knows of its triangles: `vertices` `(V, 3)` [m] and `welded` `(F, 3)`; `frame`
    `(F, 16)`, `across` `(F, 3)`, `density` `(F, 3)` at the corners [1/cm2], `mass` `(F,)` [spots]."""

    vertices: NDArray[np.float64]
    welded: NDArray[np.int32]
    frame: NDArray[np.float32]
    across: NDArray[np.int32]
    density: NDArray[np.float64]
    mass: NDArray[np.float64]


def lay_rows(tables: Tables, count: int, shift: float) -> Laid:
    """Return spots in rows on all pieces of skin large enough, their share of `count` in all.

    `shift` (0 to 1) moves the first row along itself, in pitches.
    """
    slowness = row_front_kernels.ROWS_PER_M * np.sqrt(tables.density.mean(axis=1))
    holders = row_front_kernels.faces_of_vertices(tables.welded, len(tables.vertices))
    mesh = row_front_kernels.Welded(tables.vertices, tables.welded, slowness, *holders)
    piece, pieces = row_front_kernels.pieces(mesh)
    of_face = piece[tables.welded[:, 0]]
    mass = np.bincount(of_face, tables.mass, pieces)
    total = tables.mass.sum()
    rows = (mass / total * count >= FEWEST)[of_face]
    wanted = round(float(tables.mass[rows].sum() / total) * count)
    none = Laid(np.zeros(0, np.int32), np.zeros((0, 2), np.float32), np.zeros(len(rows), bool))
    if not rows.any() or wanted == 0:
        return none
    field, most = _field(tables, mesh, piece, pieces, rows)
    parts = row_kernels.stretches(field, most)
    ways = Ways(tables.frame, tables.across)
    row_kernels.fill(parts, field, tables.mass, ways)
    chains = row_kernels.chain(parts, tables.across)
    scale = wanted / max(float(chains.mass.sum()), 1e-12)
    if not 0.5 < scale < 2.0:  # no rows worth the name
        return none
    chains = chains._replace(mass=chains.mass * scale, before=chains.before * scale)
    parts = parts._replace(mass=parts.mass * scale)
    along = row_laying_kernels.lay_along(field, parts, chains, ways, shift, 64)
    face, inside = _exactly(along, parts, chains, wanted)
    return Laid(face, inside, rows)


def _field(
    tables: Tables,
    mesh: row_front_kernels.Welded,
    piece: NDArray[np.int32],
    pieces: int,
    rows: NDArray[np.bool_],
) -> tuple[row_kernels.Field, int]:
    """Return the field of rows, and how many rows there are: on every piece as many as fit best."""
    normal, middle = _cuts(tables, piece, pieces)
    beyond = ((tables.vertices - middle[piece]) * normal[piece]).sum(axis=1)
    beyond[piece < 0] = 0.0
    distance, side, cut = row_front_kernels.start_front(mesh, beyond, normal[piece])
    order = np.argsort(np.abs(beyond), kind="stable")
    row_front_kernels.spread_front(mesh, order[piece[order] >= 0], distance, side, SWEEPS)
    at = row_front_kernels.on_corners(mesh, distance, side, cut)
    at[~(rows & np.isfinite(at).all(axis=1))] = np.nan
    of_face = piece[tables.welded[:, 0]]
    most = row_front_kernels.fit_whole_rows(at, of_face, pieces)
    return row_kernels.Field(at, row_kernels.steps_up(at, tables.frame)), most


def _cuts(
    tables: Tables, piece: NDArray[np.int32], pieces: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return normal `(P, 3)` and a point `(P, 3)` [m] of the plane that cuts each piece along a row."""
    of_face = piece[tables.welded[:, 0]]
    middle, spread = row_front_kernels.spread_of_pieces(
        tables.vertices, tables.welded, tables.mass, of_face, pieces
    )
    axes = np.linalg.eigh(spread)[1][:, :, ::-1]  # longest first
    # every other piece across: on two sheets that touch, like rows would lie upon each other
    angle = _along_borders(tables, of_face, axes) + 0.5 * np.pi * (np.arange(pieces) % 2)
    normal = axes[:, :, 1] * np.cos(angle)[:, None] - axes[:, :, 0] * np.sin(angle)[:, None]
    return normal, middle


def _along_borders(
    tables: Tables, of_face: NDArray[np.int32], axes: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the direction `(P,)` [rad] that most of each piece's border runs in, in the plane of its two
    longest axes `(P, 3, 3)`; 0, along the longest, without a border."""
    face, edge = np.nonzero(tables.across < 0)
    ends = [tables.vertices[tables.welded[face, (edge + k) % 3]] for k in (1, 2)]
    along = ends[1] - ends[0]
    own = of_face[face]
    x = (along * axes[own, :, 0]).sum(axis=1)
    y = (along * axes[own, :, 1]).sum(axis=1)
    length = np.hypot(x, y)
    turn = np.arctan2(y, x) % np.pi
    step = np.floor(turn / np.pi * BINS).astype(np.int64) % BINS
    counted = np.bincount(own * BINS + step, length, len(axes) * BINS).reshape(-1, BINS)
    smooth = counted + 0.5 * (np.roll(counted, 1, axis=1) + np.roll(counted, -1, axis=1))
    best = smooth.argmax(axis=1)
    close = np.abs((step - best[own] + BINS // 2) % BINS - BINS // 2) <= 1
    cos = np.bincount(own[close], (length * np.cos(2.0 * turn))[close], len(axes))
    sin = np.bincount(own[close], (length * np.sin(2.0 * turn))[close], len(axes))
    return np.where(smooth.max(axis=1) > 0.0, 0.5 * np.arctan2(sin, cos), 0.0)


def _exactly(
    along: row_laying_kernels.Along, parts: row_kernels.Stretches, chains: row_kernels.Chains, wanted: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return faces and places of exactly `wanted` spots: rows with most left over at an end get one more
    there, those with least lose theirs."""
    face, inside = along.face, along.inside
    if len(face) > wanted:
        keep = _without(along, len(face) - wanted)
        return face[keep], inside[keep]
    chain = np.tile(np.arange(len(chains.mass)), 2)
    at_end = np.repeat([False, True], len(chains.mass))
    rest = along.rest.T.ravel()
    order = np.argsort(-rest, kind="stable")
    more_face, more_inside = [face], [inside]
    for n in range(wanted - len(face)):
        c, end = chain[order[n % len(order)]], at_end[order[n % len(order)]]
        # a third of the way from the border to the last spot; nearer to it the second time round
        from_end = 0.3 * rest[order[n % len(order)]] / (1 + n // len(order))
        mass = chains.mass[c] - from_end if end else from_end
        members = chains.members[chains.first[c] : chains.first[c + 1]]
        s = members[max(int(np.searchsorted(chains.before[members], mass, side="right")) - 1, 0)]
        more_face.append(parts.face[s : s + 1])
        more_inside.append(np.array([row_laying_kernels.place_on(parts, chains, s, mass)], np.float32))
    return np.concatenate(more_face), np.concatenate(more_inside)


def _without(along: row_laying_kernels.Along, many: int) -> NDArray[np.bool_]:
    """Return which spots `(N,)` stay when `many` go: first those at the ends of rows with least left over."""
    begin, end = along.first[:-1], along.first[1:] - 1
    some = np.flatnonzero(end >= begin)
    ends = np.concatenate([begin[some], end[some]])
    rest = np.concatenate([along.rest[some, 0], along.rest[some, 1]])
    ends = ends[np.argsort(rest, kind="stable")]
    _, first = np.unique(ends, return_index=True)
    out = np.concatenate([ends[np.sort(first)], np.setdiff1d(np.arange(len(along.face)), ends)])[:many]
    keep = np.ones(len(along.face), bool)
    keep[out] = False
    return keep
