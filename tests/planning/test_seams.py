"""Stations on curved skin: every spot in exactly one, met as it must be; seams cannot be told from the
inside."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree

sys.path.insert(0, str(Path(__file__).parent))
from surfaces import KINDS, even_manager, grid_surface

from openmtz.geometry import look_along, pose_from_vector
from openmtz.hooks import Region
from openmtz.optics import HandpieceProfile
from openmtz.plan import TreatmentPlan
from openmtz.planning import plan_treatment
from openmtz.planning.order.ordering import flatten
from openmtz.planning.stations import view_kernels
from openmtz.planning.stations.aiming import aim_from
from openmtz.records.plan_pictures import density_error
from openmtz.tissue.heat import HeatModel, mid_gap_heat
from openmtz.tissue.mid_gaps import gaps

SEAM_M = 0.001


@pytest.fixture(scope="module", params=KINDS)
def planned(request):
    surface = grid_surface(request.param)
    region = Region((0.5, 0.0, 0.05), 0.019)
    return surface, plan_treatment(surface, "even", {}, 3, even_manager(), region)


def near_seams(plan: TreatmentPlan) -> np.ndarray:
    """Return `(N,)` bool: a spot of another station lies within `SEAM_M`."""
    pairs = cKDTree(plan.positions_m).query_pairs(SEAM_M, output_type="ndarray")
    across = pairs[plan.station[pairs[:, 0]] != plan.station[pairs[:, 1]]]
    result = np.zeros(len(plan), bool)
    result[across.ravel()] = True
    return result


def test_every_spot_is_in_one_station_and_met_within_limits(planned):
    _, result = planned
    plan = result.plan
    profile = HandpieceProfile.from_header(plan.header["profile"])
    assert len(np.unique(plan.position_nm, axis=0)) == len(plan)
    assert sorted(set(plan.station.tolist())) == list(range(len(plan.station_pose)))
    for row, vector in enumerate(plan.station_pose):
        mine = plan.station == row
        aim = aim_from(pose_from_vector(vector), plan.positions_m[mine], plan.normals[mine], profile)
        assert aim.in_field(profile).all()
        assert np.abs(aim.defocus_m).max() <= profile.depth_of_focus_m
        assert aim.incidence_rad.max() <= profile.incidence_limit_rad


def test_density_at_seams_is_as_everywhere(planned):
    surface, result = planned
    plan = result.plan
    error, inner = density_error(plan, surface, result.density_per_cm2, 0.005)
    seam = near_seams(plan) & inner
    assert seam.sum() > 50, "a plan of several stations has seams inside"
    assert np.abs(error[seam]).max() <= 0.08
    assert np.sqrt((error[seam] ** 2).mean()) <= 1.5 * np.sqrt((error[inner & ~seam] ** 2).mean()) + 0.002


def test_spacing_across_seams_is_as_within(planned):
    plan = planned[1].plan
    distance, other = cKDTree(plan.positions_m).query(plan.positions_m, k=7)
    across = plan.station[other] != plan.station[:, None]
    pitch = np.sqrt(2.0 / (np.sqrt(3.0) * 442.0 * 1e4))
    assert distance[across].min() >= 0.7 * pitch
    assert np.median(distance[across]) == pytest.approx(np.median(distance[:, 1:][~across[:, 1:]]), rel=0.05)


def test_stations_are_few(planned):
    """The skin of a station is at most the cap its depth of focus holds; discs cover a plane 1.21 times over
    at best, and a rim costs more."""
    plan = planned[1].plan
    profile = HandpieceProfile.from_header(plan.header["profile"])
    sag = 2.0 * 0.75 * profile.depth_of_focus_m
    cap = np.pi * 2.0 * 0.04 * sag * 1e4  # cap of a sphere of 40 mm: 2 pi R h, the most curved of these skins
    most = min(cap, (2e2 * profile.field_half_m) ** 2)
    assert len(plan.station_pose) <= np.ceil(2.0 * plan.header["area_cm2"] / most) + 1


def test_compiled_geometry_is_the_plain_one():
    from openmtz.optics.profile import CO2_120UM_LOW_ENERGY as profile

    rng = np.random.default_rng(0)
    for _ in range(20):
        pose = look_along(rng.normal(size=3), rng.normal(size=3))
        points = pose[:3, 3] + rng.uniform(-0.01, 0.01, (50, 3)) + 0.15 * pose[:3, 2]
        normals = rng.normal(size=(50, 3)) - 2.0 * pose[:3, 2]
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        aim = aim_from(pose, points, normals, profile)
        for k in range(50):
            x, y, z, cosine = view_kernels.view(
                pose, points[k], normals[k], profile.mirror_separation_m, profile.focus_distance_m
            )
            assert (x, y) == pytest.approx(tuple(aim.lateral_m[k]), abs=1e-12)
            assert z == pytest.approx(aim.defocus_m[k], abs=1e-12)
            assert cosine == pytest.approx(np.cos(aim.incidence_rad[k]), abs=1e-9)


def test_same_seed_same_hash(planned):
    surface, result = planned
    again = plan_treatment(surface, "even", {}, 3, even_manager(), Region((0.5, 0.0, 0.05), 0.019))
    assert again.plan.sha256 == result.plan.sha256


MOTION_S = 2.0
"""Least time the arm takes between stations; 0.63 mm of skin cool in 1 s (domain facts 3 [D])."""


def test_no_thermal_seam(planned):
    """All stations on one clock, the arm's motion between them: gaps at seams get no hotter than others."""
    plan = planned[1].plan
    profile = HandpieceProfile.from_header(plan.header["profile"])
    fired, clock = np.zeros(len(plan)), 0.0
    for group in plan.groups():
        rows = slice(group.first, group.end)
        fired[rows] = clock + plan.not_before_us[rows] * 1e-6
        clock = fired[group.end - 1] + MOTION_S
    uv = flatten(plan.positions_m)
    found = gaps(uv)
    across = (plan.station[found.corners] != plan.station[found.corners[:, :1]]).any(axis=1)
    heat = HeatModel(eta=profile.residual_heat[1], spot_um=profile.spot_um)
    depth = plan.depth_um.astype(float)

    def rise(middle: np.ndarray) -> np.ndarray:
        probes = middle[:: max(1, len(middle) // 400)]
        return mid_gap_heat(uv, fired, plan.energy_uj / 1e3, depth, probes, heat).peak_k

    seam, inside = rise(found.middle[across]), rise(found.middle[~across])
    assert len(seam) > 50
    assert np.percentile(seam, 99) <= 1.05 * np.percentile(inside, 99)
    assert np.median(seam) <= 1.05 * np.median(inside)
