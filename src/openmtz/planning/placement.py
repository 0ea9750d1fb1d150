"""Place spots on the skin itself: blue noise at a prescribed, spatially varying density.

1. *Start*: the mass (density x area) is laid end to end along a space-filling order of the
   triangles, and cut into N equal parts; a low-discrepancy map of the unit interval onto a triangle
   (Basu & Owen 2015) says where. Any stretch of skin thus holds its share of spots from the start.
2. *Relax*: each spot is pushed by its neighbours and pulled by the prescribed density around it, both
   through a Gaussian of the local pitch (electrostatic halftoning, Schmaltz 2010; Fattal 2011): the
   difference between what is there and what is prescribed goes to zero, borders included.
3. *Walk*: after every step each spot is brought back onto the triangles.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openmtz.planning import _kernels

MAX_SPOTS = 2_000_000
TARGET_SAMPLES_PER_SPOT = 8
_SCHEDULE = ((0.75, 0.25, 8), (0.50, 0.45, 30))
"""(sigma [pitches], step, iterations): long waves first, then spacing."""
_LEAST_SPACING = 0.84
_SEPARATION_STEPS = 8


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
    face_density = density[mesh.faces].mean(axis=1)
    mass = areas_cm2 * face_density
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
    local = mesh.faces[used]
    rng = np.random.default_rng(seed)
    order = _space_filling_order(mesh.vertices[local].mean(axis=1))
    used, local = used[order], local[order]
    sampler = _MassSampler(mesh.vertices, local, mass[used])
    points, owner, bary = sampler.sample(count, float(rng.random()))
    if count > 1:
        targets, target_owner, _ = sampler.sample(count * TARGET_SAMPLES_PER_SPOT, float(rng.random()))
        points += rng.normal(scale=1e-3, size=points.shape) * hexagonal_pitch_m(face_density[used].mean())
        _relax(mesh.vertices, local, density, points, owner, bary, targets, target_owner, face_density[used])
    corner_normals = mesh.vertex_normals()[local[owner]]
    normals = (corner_normals * bary[:, :, None]).sum(axis=1)
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    flat = mesh.face_normals()[used[owner]]
    normals = np.where(length > 1e-6, normals / np.maximum(length, 1e-6), flat)
    positions = (mesh.vertices[local[owner]] * bary[:, :, None]).sum(axis=1)
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


def _space_filling_order(points: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the order of points `(N, 3)` along a Morton curve in the two widest principal axes."""
    centred = points - points.mean(axis=0)
    span = np.ptp(centred, axis=0)
    cells = np.minimum((centred - centred.min(axis=0)) / max(float(span.max()), 1e-12) * 1023, 1023).astype(
        np.int64
    )
    key = np.zeros(len(points), np.int64)
    for bit in range(10):
        for axis in range(3):
            key |= ((cells[:, axis] >> bit) & 1) << (3 * bit + axis)
    return np.argsort(key, kind="stable")


class _MassSampler:
    """Cuts the mass of ordered triangles `(F, 3)` into equal parts."""

    def __init__(
        self, vertices: NDArray[np.float64], faces: NDArray[np.int32], mass: NDArray[np.float64]
    ) -> None:
        self._corners = vertices[faces]
        self._ends = np.cumsum(mass)
        self._mass = mass

    def sample(
        self, count: int, offset: float
    ) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
        """Return `count` points, the row of their triangle and their barycentric coordinates."""
        at = (np.arange(count) + offset) / count * self._ends[-1]
        owner = np.minimum(np.searchsorted(self._ends, at, side="right"), len(self._ends) - 1)
        within = (at - (self._ends[owner] - self._mass[owner])) / self._mass[owner]
        bary = _unit_interval_to_triangle(np.clip(within, 0.0, 1.0 - 1e-12))
        return (self._corners[owner] * bary[:, :, None]).sum(axis=1), owner.astype(np.int64), bary


def _unit_interval_to_triangle(u: NDArray[np.float64]) -> NDArray[np.float64]:
    """Map `(N,)` of [0, 1) onto barycentric `(N, 3)`: base-4 digits choose sub-triangles (Basu & Owen)."""
    corners = np.broadcast_to(np.eye(3), (len(u), 3, 3)).copy()
    rest = u.copy()
    for _ in range(8):
        rest = rest * 4.0
        digit = np.minimum(rest.astype(np.int64), 3)
        rest -= digit
        a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
        ab, bc, ca = (a + b) / 2, (b + c) / 2, (c + a) / 2
        options = np.stack(
            [
                np.stack([bc, ca, ab], 1),
                np.stack([a, ab, ca], 1),
                np.stack([ab, b, bc], 1),
                np.stack([ca, bc, c], 1),
            ]
        )
        corners = options[digit, np.arange(len(u))]
    return corners.mean(axis=1)


def _relax(
    vertices: NDArray[np.float64],
    faces: NDArray[np.int32],
    density: NDArray[np.float64],
    points: NDArray[np.float64],
    owner: NDArray[np.int64],
    bary: NDArray[np.float64],
    targets: NDArray[np.float64],
    target_owner: NDArray[np.int64],
    face_density: NDArray[np.float64],
) -> None:
    """Move `points` on the faces, in place, until they follow the density (see the module)."""
    _, welded = np.unique(np.rint(vertices * 1e7).astype(np.int64), axis=0, return_inverse=True)
    ring_ids = welded.reshape(-1)[faces]
    ring_starts = np.concatenate(
        [[0], np.cumsum(np.bincount(ring_ids.ravel(), minlength=int(ring_ids.max()) + 1))]
    )
    ring = np.argsort(ring_ids.ravel(), kind="stable") // 3
    unwelded = np.empty((int(ring_ids.max()) + 1, 3))
    unwelded[ring_ids.ravel()] = vertices[faces.ravel()]
    cross = np.cross(
        unwelded[ring_ids[:, 1]] - unwelded[ring_ids[:, 0]],
        unwelded[ring_ids[:, 2]] - unwelded[ring_ids[:, 0]],
    )
    face_normals = cross / np.maximum(np.linalg.norm(cross, axis=1, keepdims=True), 1e-30)
    least = face_density[face_density > 0].max() * 1e-3
    target_pitch = hexagonal_pitch_m(np.maximum(face_density[target_owner], least))
    target_normals = face_normals[target_owner]
    velocity = np.zeros_like(points)
    corner_density = np.maximum(density[faces], least)
    for sigma, step, iterations in _SCHEDULE:
        cell = 3.0 * sigma * float(target_pitch.max())
        target_grid = _kernels.build_grid(targets, cell)
        velocity[:] = 0.0
        for _ in range(iterations):
            pitch = hexagonal_pitch_m((corner_density[owner] * bary).sum(axis=1))
            normals = face_normals[owner]
            force = np.zeros_like(points)
            grid = _kernels.build_grid(points, cell)
            _kernels.push(points, normals, pitch, points, normals, pitch, grid, cell, 1.0, sigma, True, force)
            _kernels.push(
                points, normals, pitch, targets, target_normals, target_pitch, target_grid, cell,
                -1.0 / TARGET_SAMPLES_PER_SPOT, sigma, False, force,
            )  # fmt: skip
            velocity = 0.7 * velocity + step * force
            _move(points, velocity, pitch, normals, owner, unwelded, ring_ids, ring_starts, ring, bary)
    for _ in range(_SEPARATION_STEPS):
        pitch = hexagonal_pitch_m((corner_density[owner] * bary).sum(axis=1))
        normals = face_normals[owner]
        cell = _LEAST_SPACING * float(pitch.max()) * 1.0001
        shift = np.zeros_like(points)
        grid = _kernels.build_grid(points, cell)
        _kernels.separate(points, normals, pitch, grid, cell, _LEAST_SPACING, shift)
        _move(points, shift, pitch, normals, owner, unwelded, ring_ids, ring_starts, ring, bary)


def _move(points, shift, pitch, normals, owner, vertices, faces, ring_starts, ring, bary):  # type: ignore[no-untyped-def]
    shift -= normals * (shift * normals).sum(axis=1, keepdims=True)
    length = np.linalg.norm(shift, axis=1, keepdims=True)
    shift *= np.minimum(1.0, 0.3 / np.maximum(length, 1e-12))
    points += shift * pitch[:, None]
    _kernels.walk(points, owner, vertices, faces, ring_starts, ring, bary)
