"""Ground truth of the laser: what each shot really hit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openmtz.optics import COUNTS_MAX, FieldCalibration, HandpieceProfile, angles_to_ray, counts_to_angles
from openmtz.simulation.truth.skin import TrueSkin

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ShotHits:
    """Of `N` shots: `hit` bool, `position_m` `(N, 3)` in `world`, `incidence_rad`, `defocus_m`
    (positive behind the focus, along the beam), `fluence_j_cm2` (peak), `rest_position_m` `(N, 3)` where
    that skin is when at rest; NaN where the skin was missed."""

    hit: NDArray[np.bool_]
    position_m: Array
    incidence_rad: Array
    defocus_m: Array
    fluence_j_cm2: Array
    rest_position_m: Array


def evaluate_shots(
    scan_head_pose: ArrayLike,
    counts: ArrayLike,
    energy_mj: ArrayLike,
    skin: TrueSkin,
    profile: HandpieceProfile,
    time_s: ArrayLike = 0.0,
    galvo_map: FieldCalibration | None = None,
) -> ShotHits:
    """Return what shots hit.

    Args:
        scan_head_pose: true `world` pose of `scan_head`, `(4, 4)` for all or `(N, 4, 4)` for each.
        counts: galvo counts `(N, 2)` the mirrors really stood at, fractions included.
        energy_mj: `(N,)` really emitted [mJ].
        skin: the patient's true skin. profile: optics of the head.
        time_s: when each shot was fired [s], in the time of the skin's motion; one or `(N,)`.
        galvo_map: where this head's counts truly point and focus truly lies; None: as the profile says.

    Raises:
        ValueError: lengths that do not match, a time that is not finite, a count outside the map.
    """
    aims = np.asarray(counts, np.float64).reshape(-1, 2)
    energy = np.asarray(energy_mj, np.float64).reshape(-1)
    poses = np.asarray(scan_head_pose, np.float64)
    if len(energy) != len(aims) or (poses.ndim == 3 and len(poses) != len(aims)):
        raise ValueError(f"{len(aims)} aims, {len(energy)} energies, poses {poses.shape}: must match")
    poses = np.broadcast_to(poses, (len(aims), 4, 4))
    angles, focus_shift = counts_to_angles(aims, profile.full_scale_rad), np.zeros(len(aims))
    if galvo_map is not None:
        # Mirrors jitter by a count or two; beyond the last count no map has anything to say.
        angles, focus_shift = galvo_map.at_counts(np.clip(aims, -COUNTS_MAX, COUNTS_MAX))
        if not np.isfinite(angles).all():
            raise ValueError(f"a count outside the galvo map {galvo_map.name!r}: it must cover all counts")
    origins, directions = angles_to_ray(angles, profile.mirror_separation_m)
    rotation, translation = poses[:, :3, :3], poses[:, :3, 3]
    hits = skin.cast(
        np.einsum("nij,nj->ni", rotation, origins) + translation,
        np.einsum("nij,nj->ni", rotation, directions),
        time_s,
    )
    cosine = -np.einsum("nij,nj,ni->n", rotation, directions, hits.normal)
    incidence = np.arccos(np.clip(np.abs(cosine), 0.0, 1.0))
    # Focus is a plane at focus_distance_m, but for the shift; the ray meets it this far from its origin.
    to_focus = (profile.focus_distance_m - origins[:, 2]) / directions[:, 2] + focus_shift
    defocus = hits.distance_m - to_focus
    fluence = profile.peak_fluence_j_cm2(energy, defocus, incidence)
    return ShotHits(hits.hit, hits.position_m, incidence, defocus, fluence, hits.rest_position_m)
