"""Place spots on the skin itself: blue noise at a prescribed, spatially varying density.

1. *Start*: the mass (density x area) is laid end to end along a Hilbert curve through the triangles, and
   cut into N equal parts; a low-discrepancy map of the unit interval onto a triangle (Basu & Owen 2015)
   says where. Any stretch of skin thus holds its share of spots from the start.
2. *Relax*: neighbours push each other in units of the local pitch. The force is scaled so that a pattern
   at the prescribed density, constant or not, is under the same pressure everywhere; at a border the
   prescribed density itself pushes back. In every step each spot stays on the triangles, crossing from
   one to the next.
3. *Set apart*: pairs that are still too close, also those on two sheets that touch (lips, lids, folds of
   a scan). What then would still merge in space is left out, and counted.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openmtz.planning.spots import mesh_tables, start_kernels
from openmtz.planning.spots.relaxation import Skin, Spots

MAX_SPOTS = 2_000_000
LEAST_DISTANCE_M = 100e-6
"""Spots nearer than this would merge: below any pitch in use (256 um at 20 % density, domain facts section 6
[D]), above the host envelope's limit. Engineering default."""
LARGEST_SHARE = 0.8
"""A least distance above this share of the pitch leaves no room to move in. Engineering default."""


class PlacementError(ValueError):
    """A density or surface on which no spots can be placed; the text names cause and fix."""


class _Placed(NamedTuple):
    positions: NDArray[np.float64]
    normals: NDArray[np.float64]
    face_index: NDArray[np.int64]
    barycentric: NDArray[np.float64]


class SpotPlacement(_Placed):
    """`positions` `(N, 3)` [m] on the surface, `normals` `(N, 3)` unit (vertex normals interpolated),
    `face_index` `(N,)`, `barycentric` `(N, 3)` of each spot in its face. Unpacks to these four.

    `dropped`: spots left out because they would have merged with one of another sheet.
    """

    dropped: int

    def __new__(
        cls,
        positions: NDArray[np.float64],
        normals: NDArray[np.float64],
        face_index: NDArray[np.int64],
        barycentric: NDArray[np.float64],
        dropped: int = 0,
    ) -> SpotPlacement:
        placed = super().__new__(cls, positions, normals, face_index, barycentric)
        placed.dropped = dropped
        return placed


def hexagonal_pitch_m(density_per_cm2: ArrayLike) -> NDArray[np.float64]:
    """Return the pitch [m] of a hexagonal pattern of `density_per_cm2`: sqrt(2 / (sqrt3 n))."""
    return np.sqrt(2.0 / (np.sqrt(3.0) * np.asarray(density_per_cm2, np.float64) * 1e4))


def place_spots(
    vertices: ArrayLike,
    faces: ArrayLike,
    density_per_cm2: ArrayLike,
    *,
    seed: int = 0,
    least_distance_m: float = LEAST_DISTANCE_M,
) -> SpotPlacement:
    """Place round(integral of the density) spots on a triangle mesh.

    Args:
        vertices: `(V, 3)` [m]. faces: `(F, 3)`, vertex indices, counter-clockwise from outside.
        density_per_cm2: spots per cm2 of surface; a number, or one per vertex `(V,)`, linear within
            a triangle. Zero where nothing is wanted.
        seed: the same seed gives the same spots.
        least_distance_m: no two spots are nearer in space than this, nor than half the local pitch (which
            counts as at most twice the finest), also across the two sides of a fold. Where there is no room
            for that, spots are left out and counted in `SpotPlacement.dropped`; elsewhere the total is exact.

    Returns:
        `SpotPlacement`; it unpacks to positions, normals, face indices, barycentric coordinates.

    Raises:
        PlacementError: a density that is negative, NaN, of the wrong length, zero everywhere, or
            asks for more than `MAX_SPOTS`; a mesh without area; a least distance that is not positive, or
            above 0.8 of the finest pitch.

    Example:
        >>> import numpy as np
        >>> square = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]) * 0.01
        >>> spots = place_spots(square, [[0, 1, 2], [0, 2, 3]], 100.0, seed=1)
        >>> len(spots.positions)
        100
    """
    ground = prepare(vertices, faces, density_per_cm2, least_distance_m)
    spots = ground.skin.lay_out(ground.total, np.random.default_rng(seed))
    layer = np.zeros(ground.total, np.int32)
    listed = ground.skin.relax(spots, layer)
    near = ground.skin.separate(spots, layer, least_distance_m, listed)
    placement, _ = ground.finish(spots, near, least_distance_m)
    return placement


class Ground(NamedTuple):
    """A checked mesh: `vertices` `(V, 3)`, the triangles that get spots `corners` `(U, 3)`, their place
    among all `used` `(U,)`, their tables, and how many spots."""

    vertices: NDArray[np.float64]
    corners: NDArray[np.int32]
    used: NDArray[np.int64]
    skin: Skin
    total: int

    def finish(
        self, spots: Spots, near: tuple[NDArray[np.int32], NDArray[np.int32]], least_distance_m: float
    ) -> tuple[SpotPlacement, NDArray[np.bool_]]:
        """Return the placement of the relaxed `spots`, and which of them `(N,)` it holds."""
        positions, normals, bary, keep = self.skin.place(
            self.vertices, self.corners, spots, near, least_distance_m
        )
        owner = spots.owner
        dropped = int((~keep).sum())
        if dropped:
            positions, normals, bary, owner = positions[keep], normals[keep], bary[keep], owner[keep]
        return SpotPlacement(positions, normals, self.used[owner].astype(np.int64), bary, dropped), keep


def prepare(
    vertices: ArrayLike,
    faces: ArrayLike,
    density_per_cm2: ArrayLike,
    least_distance_m: float,
    passes: int = 1,
) -> Ground:
    """Check everything and build the tables, for `passes` times round(integral of the density) spots.

    Raises:
        PlacementError: see `place_spots`.
    """
    from openmtz.geometry import TriangleMesh

    try:
        mesh = TriangleMesh(np.asarray(vertices, np.float64), np.asarray(faces, np.int32))
    except ValueError as error:
        raise PlacementError(f"no spots can be placed on this mesh: {error}") from error
    density = _checked_density(density_per_cm2, len(mesh.vertices))
    mass, area_cm2 = mesh_tables.face_mass(mesh.vertices, mesh.faces, density)
    if area_cm2 <= 0.0:
        raise PlacementError("the mesh has no area: every triangle is degenerate")
    total = float(mass.sum())
    count = round(total) * passes
    if count > MAX_SPOTS:
        raise PlacementError(
            f"{count} spots on {area_cm2:.1f} cm2 exceed the limit of {MAX_SPOTS}:"
            " check that vertices are in metres and the density in spots per cm2"
        )
    if count == 0:
        raise PlacementError(
            f"the density integrates to {total:.2f} spots: less than one;"
            " prescribe more or treat a larger area"
        )
    used = np.flatnonzero(mass > 0.0)
    finest = float(hexagonal_pitch_m(density[mesh.faces[used]].max() * passes))
    if not 0.0 < least_distance_m <= LARGEST_SHARE * finest:
        raise PlacementError(
            f"a least distance of {least_distance_m * 1e6:g} um does not fit the finest pitch of"
            f" {finest * 1e6:.0f} um: give one between 0 and {LARGEST_SHARE * finest * 1e6:.0f} um,"
            " or prescribe less density"
        )
    used = used[start_kernels.rank(start_kernels.hilbert(mesh.vertices, mesh.faces[used]))]
    corners = mesh.faces[used]
    skin = Skin.of(mesh.vertices, corners, density * passes, mass[used] * passes)
    return Ground(mesh.vertices, corners, used, skin, count)


def _checked_density(density_per_cm2: ArrayLike, count: int) -> NDArray[np.float64]:
    density = np.asarray(density_per_cm2, np.float64)
    if density.ndim == 0:
        density = np.full(count, float(density))
    if density.shape != (count,):
        raise PlacementError(
            f"density_per_cm2 must be a number or one value per vertex ({count},), got {density.shape}"
        )
    bad = int((~np.isfinite(density)).sum())
    if bad:
        raise PlacementError(f"density_per_cm2 is NaN or infinite at {bad} of {count} vertices")
    if (density < 0.0).any():
        raise PlacementError(
            f"density_per_cm2 is negative at {int((density < 0).sum())} of {count} vertices"
            f" (least {density.min():g}); use 0 where nothing is wanted"
        )
    if not (density > 0.0).any():
        raise PlacementError("density_per_cm2 is zero everywhere: nothing to place")
    return density
