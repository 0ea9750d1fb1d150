"""What each planned spot leaves on the skin: an ellipse of removed tissue with a coagulated rim."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from openmtz.geometry import pose_from_vector
from openmtz.optics import HandpieceProfile, angles_to_ray
from openmtz.plan import TreatmentPlan
from openmtz.planning.stations import aim_from
from openmtz.tissue import TissueError, craters, rims

Array = NDArray[np.float64]
NORMAL_NEIGHBOURS = 8


@dataclass(frozen=True, eq=False)
class Footprints:
    """`N` spots, untouched by each other.

    `position_m`, unit `normal` and unit `long_axis` (tangent, where the beam leans) `(N, 3)`; `(N,)` each:
    `half_long_um`, `half_short_um` of the crater's entrance, `rim_um` of coagulation around it, `depth_um`,
    `depth_with_rim_um`, `volume_mm3` removed, `energy_mj`.
    """

    position_m: Array
    normal: Array
    long_axis: Array
    half_long_um: Array
    half_short_um: Array
    rim_um: Array
    depth_um: Array
    depth_with_rim_um: Array
    volume_mm3: Array
    energy_mj: Array

    def __len__(self) -> int:
        return len(self.position_m)

    def axes_um(self, with_rim: bool) -> tuple[Array, Array]:
        """Return half axes `(N,)`, `(N,)` [um] of the crater, or of crater and rim."""
        rim = self.rim_um if with_rim else 0.0
        return self.half_long_um + rim, self.half_short_um + rim

    @classmethod
    def of_spots(
        cls,
        positions_m: ArrayLike,
        energy_mj: ArrayLike,
        profile: HandpieceProfile,
        *,
        normals: ArrayLike | None = None,
        defocus_m: ArrayLike = 0.0,
        incidence_rad: ArrayLike = 0.0,
        beam: ArrayLike | None = None,
        residual_heat: float | None = None,
    ) -> Footprints:
        """Predict spots `(N, 3)` [m] with energies `(N,)` [mJ].

        Args:
            normals: `(N, 3)` unit outward; None: from the spots' own neighbours.
            beam: `(N, 3)` unit directions, needed only where `incidence_rad` is not 0.
            residual_heat: by default the upper end of the profile's interval: rims are known to come out too
                thin (docs/tissue.md), so the wide end is the careful one.

        Raises:
            TissueError: no spots, NaN, wrong shapes, negative energies.
        """
        positions = np.asarray(positions_m, np.float64)
        if positions.ndim != 2 or positions.shape[1] != 3 or len(positions) == 0:
            raise TissueError(f"positions_m must be (N, 3) [m] with N > 0, got shape {positions.shape}")
        if not np.isfinite(positions).all():
            raise TissueError(f"positions_m: {int((~np.isfinite(positions)).any(axis=1).sum())} rows are NaN")
        count = len(positions)
        energy = np.broadcast_to(np.asarray(energy_mj, np.float64), (count,))
        unit = _own_normals(positions) if normals is None else np.asarray(normals, np.float64)
        if unit.shape != (count, 3):
            raise TissueError(f"normals must be ({count}, 3), got {unit.shape}")
        eta = profile.residual_heat[2] if residual_heat is None else residual_heat
        hole = craters(profile, energy, defocus_m, incidence_rad)
        rim = rims(profile, energy, None, defocus_m, incidence_rad, residual_heat=eta)
        return cls(
            positions, unit, _long_axis(unit, beam), hole.half_long_um, hole.half_short_um, rim.lateral_um,
            hole.depth_um, hole.depth_um + rim.base_um, hole.volume_mm3, energy.copy(),
        )  # fmt: skip

    @classmethod
    def of_plan(cls, plan: TreatmentPlan, residual_heat: float | None = None) -> Footprints:
        """Predict a plan's spots, each as seen from its own station.

        Raises:
            TissueError: as `of_spots`. openmtz.optics.ProfileError: a header without a handpiece profile.
        """
        profile = HandpieceProfile.from_header(plan.header.get("profile") or {})
        defocus, incidence, beam = aim_of_plan(plan, profile)
        return cls.of_spots(
            plan.positions_m, plan.energy_uj / 1000.0, profile, normals=plan.normals, defocus_m=defocus,
            incidence_rad=incidence, beam=beam, residual_heat=residual_heat,
        )  # fmt: skip


def aim_of_plan(plan: TreatmentPlan, profile: HandpieceProfile) -> tuple[Array, Array, Array]:
    """Return how spots are met from their stations: defocus [m] and incidence [rad] `(N,)`, beam `(N, 3)`."""
    positions, normals = plan.positions_m, plan.normals
    defocus, incidence, beam = np.zeros(len(plan)), np.zeros(len(plan)), np.zeros((len(plan), 3))
    for number, vector in enumerate(plan.station_pose):
        rows = np.flatnonzero(plan.station == number)
        pose = pose_from_vector(vector)
        aim = aim_from(pose, positions[rows], normals[rows], profile)
        defocus[rows], incidence[rows] = aim.defocus_m, aim.incidence_rad
        beam[rows] = angles_to_ray(aim.angles_rad, profile.mirror_separation_m)[1] @ pose[:3, :3].T
    return defocus, incidence, beam


def _long_axis(normals: Array, beam: ArrayLike | None) -> Array:
    """Return unit tangents `(N, 3)`: the beam laid onto the skin, or any where it stands upright."""
    hint = np.where(np.abs(normals[:, :1]) < 0.9, [[1.0, 0.0, 0.0]], [[0.0, 1.0, 0.0]])
    if beam is not None:
        lean = np.asarray(beam, np.float64)
        lean = lean - normals * (lean * normals).sum(axis=1, keepdims=True)
        hint = np.where(np.linalg.norm(lean, axis=1, keepdims=True) > 1e-6, lean, hint)
    axis = hint - normals * (hint * normals).sum(axis=1, keepdims=True)
    return np.asarray(axis / np.linalg.norm(axis, axis=1, keepdims=True), np.float64)


def _own_normals(positions: Array) -> Array:
    """Return `(N, 3)` the direction in which each spot's neighbours spread least, +z half space."""
    count = min(NORMAL_NEIGHBOURS, len(positions))
    near = cKDTree(positions).query(positions, k=count)[1].reshape(len(positions), count)
    spread = positions[near] - positions[near].mean(axis=1, keepdims=True)
    _, axes = np.linalg.eigh(np.einsum("nki,nkj->nij", spread, spread))
    least = axes[:, :, 0]
    return np.asarray(np.where(least[:, 2:] < 0.0, -least, least), np.float64)
