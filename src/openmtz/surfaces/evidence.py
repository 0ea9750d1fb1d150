"""What a file says of the outside of each piece of skin: its winding, its normals, its being closed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openmtz.surfaces.pieces import Pieces
from openmtz.surfaces.raw import Array, Faces

MOST_MINORITY = 0.01
"""A piece of which more than this share of the area is wound against the rest has no winding to go by: as for
a captured surface (planning's surface check). Engineering default."""
AGREE = 0.95
"""Share of the area on which normals and winding agree, or disagree, to be one word. Engineering default."""
FEWEST_SAID = 0.5
"""Normals on less than this share of a piece say nothing of it."""


class Evidence(NamedTuple):
    """Of `P` pieces, as wound by their larger part: `winding` `(P,)` bool, wound alike; `normals` `(P,)` +1
    agree with it, -1 contradict it, 0 none, NaN contradict themselves; `volume` `(P,)` +1 or -1 of a closed
    piece whose faces point outwards or inwards, 0 of an open one."""

    winding: NDArray[np.bool_]
    normals: Array
    volume: Array


def gather(
    vertices: Array, faces: Faces, said: Array | None, both_sides: NDArray[np.bool_], pieces: Pieces
) -> Evidence:
    """Return what is known of pieces whose faces `(F, 3)` are wound alike by now; `said` `(F, 3)` the file's
    normals, `both_sides` `(F,)` faces that stood in the file in both windings."""
    count = len(pieces.area)
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    cross = np.cross(b - a, c - a)
    areas = 0.5 * np.linalg.norm(cross, axis=1)
    double = np.bincount(pieces.label, areas * both_sides, count)
    winding = (pieces.minority <= MOST_MINORITY) & ~pieces.one_sided & (double <= MOST_MINORITY * pieces.area)
    # relative to the middle of each piece: far from the origin the volume would drown in rounding
    weight = np.maximum(np.bincount(pieces.label, minlength=count), 1)
    middle = np.stack([np.bincount(pieces.label, a[:, k], count) / weight for k in range(3)], axis=1)
    volume = np.bincount(pieces.label, np.einsum("ij,ij->i", a - middle[pieces.label], cross), count)
    return Evidence(
        winding, _normals(cross, areas, said, pieces), np.where(pieces.closed, np.sign(volume), 0.0)
    )


def _normals(cross: Array, areas: Array, said: Array | None, pieces: Pieces) -> Array:
    count = len(pieces.area)
    if said is None:
        return np.zeros(count)
    facing = np.einsum("ij,ij->i", cross, said)
    known = np.isfinite(facing) & (facing != 0.0)
    weight = np.bincount(pieces.label, areas * known, count)
    agree = np.bincount(pieces.label, areas * (known & (facing > 0.0)), count)
    share = np.divide(agree, weight, out=np.zeros(count), where=weight > 0)
    word = np.where(share >= AGREE, 1.0, np.where(share <= 1.0 - AGREE, -1.0, np.nan))
    return np.where(weight > FEWEST_SAID * pieces.area, word, 0.0)
