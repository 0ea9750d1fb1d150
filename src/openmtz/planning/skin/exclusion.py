"""Cut no-fire volumes and their margin out of the skin, below the size of its triangles.

Triangles that a volume's margin may touch are split, and their neighbours with them so that no seam opens,
until they are small; what may still be touched is taken away. A signed distance changes by no more than the
way gone, so from its value at a triangle's centre follows a bound for the whole triangle: what stays is
outside, exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openmtz.geometry import TriangleMesh
from openmtz.planning.skin.no_fire import NoFireVolume
from openmtz.planning.spots import PlacementError, SpotPlacement

RESOLUTION_M = 50e-6
"""Triangles at the cut are split until no corner is further from their centre than this [m]: the strip lost
to the bound is at most twice as wide, well below a pitch (361 um at 10 %, domain facts section 6 [D])."""
MOST_FACES = 5_000_000
"""More triangles than this are not made. Engineering default."""
SHOWN_M = 0.0005
"""What was taken away is told by points about so far apart [m]; triangles inside are not split finer."""
ROUNDING_M = 1e-9
"""Kept in addition, so that a spot's rounded position holds the margin too [m]."""


@dataclass(frozen=True, eq=False)
class Excluded:
    """The skin that is left: `mesh`, `density` `(V',)` per cm2 at its vertices, the triangle of the
    `original` mesh each one `(F',)` comes from; of what was taken away the area [cm2] and points `(K, 3)`
    [m] all over it."""

    mesh: TriangleMesh
    density: NDArray[np.float64]
    parent: NDArray[np.int64]
    original: TriangleMesh
    removed_cm2: float
    removed_m: NDArray[np.float64]

    def on_original(self, spots: SpotPlacement) -> SpotPlacement:
        """Return `spots` placed on `mesh` with faces and barycentrics of `original`."""
        face = self.parent[spots.face_index]
        a, b, c = (self.original.vertices[self.original.faces[face, k]] for k in range(3))
        u, v, w = b - a, c - a, spots.positions - a
        uu, uv, vv = (u * u).sum(axis=1), (u * v).sum(axis=1), (v * v).sum(axis=1)
        wu, wv = (w * u).sum(axis=1), (w * v).sum(axis=1)
        area2 = uu * vv - uv * uv
        inner = np.stack([vv * wu - uv * wv, uu * wv - uv * wu], axis=1) / area2[:, None]
        bary = np.maximum(np.c_[1.0 - inner.sum(axis=1), inner], 0.0)
        bary /= bary.sum(axis=1, keepdims=True)
        return SpotPlacement(spots.positions, spots.normals, face, bary, spots.dropped)


def exclude(
    mesh: TriangleMesh,
    density_per_cm2: ArrayLike,
    volumes: Sequence[NoFireVolume],
    margin_m: float,
    *,
    resolution_m: float = RESOLUTION_M,
) -> Excluded:
    """Return the part of the skin that is at least `margin_m` away from every volume.

    Args:
        mesh: skin. density_per_cm2: a number or `(V,)`; carried over to the new vertices, linear in a
        triangle. volumes: see `no_fire`. margin_m: >= 0 [m]. resolution_m: > 0, see `RESOLUTION_M`.

    Returns:
        `Excluded`. Placing spots on its mesh and density gives the exact total of what is left.

    Raises:
        PlacementError: a margin that is negative or NaN; nothing left; volumes so near the whole surface that
            more than `MOST_FACES` triangles would be needed.
    """
    if not (np.isfinite(margin_m) and margin_m >= 0.0):
        raise PlacementError(f"the margin around no-fire volumes must be at least 0 m, got {margin_m}")
    if not (np.isfinite(resolution_m) and resolution_m > 0.0):
        raise PlacementError(f"the resolution of the cut must be a positive length [m], got {resolution_m}")
    density = np.asarray(density_per_cm2, np.float64)
    if density.shape not in ((), (len(mesh.vertices),)):
        raise PlacementError(
            f"density_per_cm2 must be a number or one value per vertex ({len(mesh.vertices)},),"
            f" got {density.shape}"
        )
    density = np.broadcast_to(density, len(mesh.vertices)).copy()
    vertices, faces = mesh.vertices, mesh.faces.astype(np.int64)
    parent = np.arange(len(faces))
    touched = np.arange(len(faces))  # may reach into a margin; all others do not
    gone = np.zeros(len(faces), bool)
    while len(touched):
        corners = vertices[faces[touched]]
        centre = corners.mean(axis=1)
        radius = np.linalg.norm(corners - centre[:, None], axis=2).max(axis=1)
        clear = _clearance(volumes, centre) - margin_m
        outside = clear > radius + ROUNDING_M
        gone[touched[clear <= -radius]] = True
        left = ~outside & (clear > -radius)
        small = left & (radius <= resolution_m)
        gone[touched[small]] = True
        split = np.zeros(len(faces), bool)
        split[touched[left & ~small]] = True
        if not split.any():
            break
        vertices, density, faces, source = _split(vertices, density, faces, split)
        if len(faces) > MOST_FACES:
            raise PlacementError(
                f"cutting out {len(volumes)} no-fire volumes needs more than {MOST_FACES} triangles:"
                " give a coarser resolution_m, or a smaller region"
            )
        parent, gone = parent[source], gone[source]
        touched = np.flatnonzero(split[source])
    if gone.all():
        raise PlacementError(
            f"nothing is left to treat: {len(volumes)} no-fire volumes and their margin of"
            f" {margin_m * 1e3:g} mm cover the whole region;"
            " choose another region, or check the frame of the volumes"
        )
    used, index = np.unique(faces[~gone], return_inverse=True)
    kept = TriangleMesh(vertices[used], index.reshape(-1, 3).astype(np.int32))
    removed = float(mesh.face_areas().sum() - kept.face_areas().sum()) * 1e4
    away = vertices[faces[gone]].mean(axis=1)
    _, shown = np.unique(np.rint(away / SHOWN_M).astype(np.int64), axis=0, return_index=True)
    return Excluded(kept, density[used], parent[~gone], mesh, max(removed, 0.0), away[np.sort(shown)])


def _clearance(volumes: Sequence[NoFireVolume], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the distance `(N,)` [m] to the nearest volume."""
    least = np.full(len(points), np.inf)
    for volume in volumes:
        np.minimum(least, volume.signed_distance(points), out=least)
    return least


def _split(
    vertices: NDArray[np.float64],
    density: NDArray[np.float64],
    faces: NDArray[np.int64],
    split: NDArray[np.bool_],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Halve all edges of the triangles in `split` `(F,)`, and cut their neighbours to match.

    Returns vertices, their density, faces, and the face `(F',)` each one comes from.
    """
    pairs = np.sort(faces[:, [1, 2, 2, 0, 0, 1]].reshape(-1, 3, 2), axis=2)
    key = pairs[:, :, 0] * len(vertices) + pairs[:, :, 1]
    marked = np.unique(key[split])
    slot = np.searchsorted(marked, key)
    found = marked[np.minimum(slot, len(marked) - 1)] == key
    middle = np.where(found, len(vertices) + slot, -1)
    low, high = marked // len(vertices), marked % len(vertices)
    count = found.sum(axis=1)
    # turn each triangle so that a single halved edge, or the single whole one, is opposite its first corner
    lone = np.where(count == 2, np.argmin(found, axis=1), np.argmax(found, axis=1))
    turn = (lone[:, None] + np.arange(3)) % 3
    corner = np.take_along_axis(faces, turn, axis=1)
    halfway = np.take_along_axis(middle, turn, axis=1)
    rows = [np.flatnonzero(count == k) for k in range(4)]
    (a1, b1, c1), m1 = corner[rows[1]].T, halfway[rows[1], 0]
    (a2, b2, c2), q2, r2 = corner[rows[2]].T, halfway[rows[2], 1], halfway[rows[2], 2]
    (a3, b3, c3), (p3, q3, r3) = corner[rows[3]].T, halfway[rows[3]].T
    parts = [
        (faces[rows[0]].T, rows[0]),
        ((a1, b1, m1), rows[1]), ((a1, m1, c1), rows[1]),
        ((a2, r2, q2), rows[2]), ((r2, b2, q2), rows[2]), ((q2, b2, c2), rows[2]),
        ((a3, r3, q3), rows[3]), ((r3, b3, p3), rows[3]), ((q3, p3, c3), rows[3]), ((p3, q3, r3), rows[3]),
    ]  # fmt: skip
    return (
        np.concatenate([vertices, 0.5 * (vertices[low] + vertices[high])]),
        np.concatenate([density, 0.5 * (density[low] + density[high])]),
        np.concatenate([np.stack(list(part), axis=1) for part, _ in parts]),
        np.concatenate([row for _, row in parts]),
    )
