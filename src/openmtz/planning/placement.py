"""Place spots on the skin itself: blue noise at a prescribed, spatially varying density.

1. *Start*: the mass (density x area) is laid end to end along a Hilbert curve through the triangles, and
   cut into N equal parts; a low-discrepancy map of the unit interval onto a triangle (Basu & Owen 2015)
   says where. Any stretch of skin thus holds its share of spots from the start.
2. *Relax*: neighbours push each other in units of the local pitch. The force is scaled so that a pattern
   at the prescribed density, constant or not, is under the same pressure everywhere; at a border the
   prescribed density itself pushes back. Last, pairs that are still too close are set apart.
3. *Walk*: in every step each spot stays on the triangles, crossing from one to the next.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openmtz.planning import _kernels, _surface

MAX_SPOTS = 2_000_000
FIELD_SAMPLES_PER_SPOT = 12
SCHEDULE = (
    (3, 0.35, 0.0, 0.0), (4, 0.35, 0.5, 0.0), (6, 0.35, 0.7, 0.0), (8, 0.35, 0.7, 0.0),
    (6, 1.0, 0.0, 0.86), (8, 1.0, 0.0, 0.86),
)  # fmt: skip
"""(steps, step, momentum, least distance [pitches] or 0 for repulsion); neighbours listed anew for each."""
_LEAST_DENSITY = 1e-3


class PlacementError(ValueError):
    """A density or surface on which no spots can be placed; the text names cause and fix."""


class SpotPlacement(NamedTuple):
    """`positions` `(N, 3)` [m] on the surface, `normals` `(N, 3)` unit (vertex normals interpolated),
    `face_index` `(N,)`, `barycentric` `(N, 3)` of each spot in its face."""

    positions: NDArray[np.float64]
    normals: NDArray[np.float64]
    face_index: NDArray[np.int64]
    barycentric: NDArray[np.float64]


def hexagonal_pitch_m(density_per_cm2: ArrayLike) -> NDArray[np.float64]:
    """Return the pitch [m] of a hexagonal pattern of `density_per_cm2`: sqrt(2 / (sqrt3 n))."""
    return np.sqrt(2.0 / (np.sqrt(3.0) * np.asarray(density_per_cm2, np.float64) * 1e4))


def place_spots(
    vertices: ArrayLike, faces: ArrayLike, density_per_cm2: ArrayLike, *, seed: int = 0
) -> SpotPlacement:
    """Place round(integral of the density) spots on a triangle mesh.

    Args:
        vertices: `(V, 3)` [m]. faces: `(F, 3)`, vertex indices, counter-clockwise from outside.
        density_per_cm2: spots per cm2 of surface; a number, or one per vertex `(V,)`, linear within
            a triangle. Zero where nothing is wanted.
        seed: the same seed gives the same spots.

    Returns:
        `SpotPlacement`; it unpacks to positions, normals, face indices, barycentric coordinates.

    Raises:
        PlacementError: a density that is negative, NaN, of the wrong length, zero everywhere, or
            asks for more than `MAX_SPOTS`; a mesh without area.

    Example:
        >>> import numpy as np
        >>> square = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]) * 0.01
        >>> spots = place_spots(square, [[0, 1, 2], [0, 2, 3]], 100.0, seed=1)
        >>> len(spots.positions)
        100
    """
    from openmtz.geometry import TriangleMesh

    try:
        mesh = TriangleMesh(np.asarray(vertices, np.float64), np.asarray(faces, np.int32))
    except ValueError as error:
        raise PlacementError(f"no spots can be placed on this mesh: {error}") from error
    density = _checked_density(density_per_cm2, len(mesh.vertices))
    areas_cm2 = mesh.face_areas() * 1e4
    mass = areas_cm2 * density[mesh.faces].mean(axis=1)
    if areas_cm2.sum() <= 0.0:
        raise PlacementError("the mesh has no area: every triangle is degenerate")
    total = float(mass.sum())
    count = round(total)
    if count > MAX_SPOTS:
        raise PlacementError(
            f"{count} spots on {areas_cm2.sum():.1f} cm2 exceed the limit of {MAX_SPOTS}:"
            " check that vertices are in metres and the density in spots per cm2"
        )
    if count == 0:
        raise PlacementError(
            f"the density integrates to {total:.2f} spots: less than one;"
            " prescribe more or treat a larger area"
        )
    used = np.flatnonzero(mass > 0.0)
    used = used[np.argsort(_surface.hilbert(mesh.vertices, mesh.faces[used]), kind="stable")]
    corners = mesh.faces[used]
    frame = _surface.frames(mesh.vertices, corners)
    rng = np.random.default_rng(seed)
    points, owner, bary = _surface.lay_out(mass[used], count, float(rng.random()), frame)
    if count > 1:
        points += rng.normal(scale=1e-3, size=points.shape) * hexagonal_pitch_m(total / areas_cm2[used].sum())
        skin = _Skin.of(mesh.vertices, corners, frame, density, mass[used])
        skin.relax(points, owner, bary)
    normals = _surface.vertex_normals(mesh.vertices, corners, owner, bary, frame)
    positions = (mesh.vertices[corners[owner]] * bary[:, :, None]).sum(axis=1)
    return SpotPlacement(positions, normals, used[owner].astype(np.int64), bary)


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


class _Skin(NamedTuple):
    """The triangles spots may move on, as tables, and the prescribed density near their border."""

    frame: NDArray[np.float64]
    across: NDArray[np.int32]
    corner_density: NDArray[np.float64]
    border: NDArray[np.float64]
    by_border: NDArray[np.bool_]
    field: NDArray[np.float64]
    field_normals: NDArray[np.float64]
    field_pitch: NDArray[np.float64]
    field_weight: float

    @classmethod
    def of(
        cls,
        vertices: NDArray[np.float64],
        faces: NDArray[np.int32],
        frame: NDArray[np.float64],
        density: NDArray[np.float64],
        mass: NDArray[np.float64],
    ) -> _Skin:
        """Return the tables of `faces` `(F, 3)`; `density` `(V,)` per cm2, `mass` `(F,)` spots."""
        corner_density = density[faces]
        corner_density = np.maximum(corner_density, corner_density.max() * _LEAST_DENSITY)
        face_pitch = hexagonal_pitch_m(corner_density.mean(axis=1))
        welded = _surface.weld(vertices, faces, 1e-7)
        across = _surface.neighbours(welded, len(vertices))
        border = _surface.border_points(across, frame, face_pitch)
        centres = frame[:, :3] + (frame[:, 3:6] + frame[:, 6:9]) / 3.0
        size = np.sqrt(np.maximum((frame[:, 3:6] ** 2).sum(axis=1), (frame[:, 6:9] ** 2).sum(axis=1)))
        reach = 2.0 * (_kernels.RANGE + _kernels.SKIN) * face_pitch + size
        by_border = _close(centres, reach, border)
        edge = np.flatnonzero(by_border)
        field = np.zeros((0, 3)), np.zeros(0, np.int64), np.zeros((0, 3))
        weight = 0.0
        if len(edge):
            part = float(mass[edge].sum())
            samples = int(np.ceil(part * FIELD_SAMPLES_PER_SPOT)) + 16
            field = _surface.lay_out(mass[edge], samples, 0.5, frame[edge])
            weight = part / samples
        field_owner = edge[field[1]] if len(edge) else field[1]
        field_density = (corner_density[field_owner] * field[2]).sum(axis=1)
        return cls(
            frame, across, corner_density, border, by_border,
            field[0], np.ascontiguousarray(frame[field_owner, 15:]), hexagonal_pitch_m(field_density), weight,
        )  # fmt: skip

    def relax(self, points: NDArray[np.float64], owner: NDArray[np.int64], bary: NDArray[np.float64]) -> None:
        """Move `points` on the faces, in place, until they keep the local pitch from each other."""
        last = points.copy()
        pitch = hexagonal_pitch_m((self.corner_density[owner] * bary).sum(axis=1))
        width = 1.1 * max(float(np.quantile(pitch, 0.9)), float(pitch.max()) / 4.0)
        none = np.zeros(len(points) + 1, np.int64), np.zeros(0, np.int32)
        for steps, step, momentum, least in SCHEDULE:
            normals = np.ascontiguousarray(self.frame[owner, 15:])
            reach = (least or _kernels.RANGE) + _kernels.SKIN
            cell = reach * width
            lists = _kernels.list_near(points, 1.1 * reach * pitch, points, cell, len(points))
            pairs = _kernels.keep_pairs(lists, points, normals, pitch, points, normals, pitch, reach, True)
            field_pairs = none
            if least == 0.0 and len(self.field):
                radius = 1.1 * reach * pitch
                rows = np.flatnonzero(self.by_border[owner])
                radius[rows[~_close(points[rows], radius[rows], self.border)]] = 0.0
                radius[~self.by_border[owner]] = 0.0
                lists = _kernels.list_near(points, radius, self.field, cell, len(self.field))
                field_pairs = _kernels.keep_pairs(
                    lists, points, normals, pitch, self.field, self.field_normals, self.field_pitch,
                    reach, False,
                )  # fmt: skip
            _kernels.relax(
                points, last, owner, bary, pitch, self.corner_density, self.frame, self.across,
                pairs, field_pairs, self.field, self.field_pitch, self.field_weight,
                steps, step, momentum, least,
            )  # fmt: skip


def _close(
    points: NDArray[np.float64], reach: NDArray[np.float64], others: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Return `(N,)` bool: one of `others` `(M, 3)` lies within `reach` `(N,)` [m]."""
    if len(points) == 0 or len(others) == 0:
        return np.zeros(len(points), np.bool_)
    cell = max(float(np.median(reach)), float(reach.max()) / 8.0)
    starts, _ = _kernels.list_near(points, reach, others, cell, 1)
    return np.asarray(np.diff(starts) > 0, np.bool_)
