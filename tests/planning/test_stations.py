"""Stations: every spot in one station within field, focus and incidence, or refused with a cause."""

from __future__ import annotations

import numpy as np
import pytest

from openmtz.optics.profile import CO2_120UM_LOW_ENERGY as PROFILE
from openmtz.planning import place_spots, plan_stations
from openmtz.planning.refusals import Cause
from openmtz.planning.skin.region import smooth_normals
from openmtz.planning.stations.aiming import aim_from
from openmtz.planning.stations.tour import short_tour


@pytest.fixture(scope="module")
def spots(skin):
    mesh = skin["scars"].mesh
    away = np.linalg.norm(mesh.vertices[:, :2] - [0.5, 0.0], axis=1)
    part, _ = mesh.submesh((away[mesh.faces] < 0.011).all(axis=1))
    positions = place_spots(part.vertices, part.faces, 600.0, seed=0).positions
    return positions, smooth_normals(mesh, positions)


def check(stations, positions, normals):
    sharp = 0
    for row, pose in enumerate(stations.poses):
        mine = stations.station == row
        assert mine.any()
        aim = aim_from(pose, positions[mine], normals[mine], PROFILE)
        assert aim.in_field(PROFILE).all()
        assert np.abs(aim.defocus_m).max() <= 0.35e-3 + 1e-9
        sharp += int((np.abs(aim.defocus_m) <= 0.3e-3 + 1e-9).sum())
        assert aim.incidence_rad.max() < PROFILE.incidence_limit_rad
    assert sharp >= 0.99 * len(positions)


def test_all_spots_within_limits_from_few_stations(spots):
    stations = plan_stations(*spots, PROFILE)
    assert (stations.station >= 0).all()
    assert len(stations.poses) <= 8
    check(stations, *spots)


def test_deterministic(spots):
    first, again = plan_stations(*spots, PROFILE), plan_stations(*spots, PROFILE)
    assert np.array_equal(first.poses, again.poses)
    assert np.array_equal(first.station, again.station)


def test_steep_skin_gets_tilted_stations():
    angle = np.linspace(-1.2, 1.2, 400)
    normals = np.stack([np.sin(angle), 0 * angle, np.cos(angle)], axis=1)
    stations = plan_stations(0.03 * normals, normals, PROFILE)
    assert (stations.station >= 0).all()
    check(stations, 0.03 * normals, normals)


def test_out_of_reach_is_a_named_refusal(spots):
    asked = []

    def nowhere(pose):
        asked.append(pose)
        return "elbow_joint at its limit"

    stations = plan_stations(*spots, PROFILE, nowhere)
    assert (stations.station == -1).all()
    assert set(stations.cause) == {Cause.OUT_OF_REACH.value}
    assert set(stations.cause) <= {c.value for c in Cause}
    assert "elbow_joint" in stations.detail
    assert len(asked) <= 220


def test_partly_reachable_skin_is_partly_planned(spots):
    positions, normals = spots
    stations = plan_stations(positions, normals, PROFILE, lambda pose: bool(pose[0, 3] < 0.503))
    planned = stations.station >= 0
    assert planned.any()
    assert ((stations.cause == "") == planned).all()
    assert (stations.poses[:, 0, 3] < 0.503).all()


def test_empty_reason_means_reachable(spots):
    assert (plan_stations(*spots, PROFILE, lambda pose: "").station >= 0).all()


def test_a_turn_about_the_beam_is_tried(spots):
    stations = plan_stations(*spots, PROFILE, lambda pose: bool(pose[0, 0] < -0.5))
    assert (stations.station >= 0).all()
    check(stations, *spots)


def test_skin_that_only_a_beam_near_the_limit_of_incidence_meets_is_planned():
    """A steep flank, 25 degrees beyond what the arm can look at: strips, but nothing is given up."""
    steep = np.deg2rad(75.0)
    normal = np.array([np.sin(steep), 0.0, np.cos(steep)])
    y, up = np.meshgrid(np.arange(-0.003, 0.0031, 0.0005), np.arange(0.0, 0.0041, 0.0005))
    slope = np.array([-np.cos(steep), 0.0, np.sin(steep)])
    points = up.reshape(-1, 1) * slope + y.reshape(-1, 1) * [0.0, 1.0, 0.0]
    normals = np.tile(normal, (len(points), 1))

    def reachable(pose):
        return bool(pose[2, 2] < -np.cos(np.deg2rad(50.0)))

    stations = plan_stations(points, normals, PROFILE, reachable)
    assert (stations.station >= 0).all() and all(reachable(pose) for pose in stations.poses)
    check(stations, points, normals)
    hopeless = plan_stations(points, normals, PROFILE, lambda pose: bool(pose[2, 2] < -np.cos(0.75)))
    assert (hopeless.cause == Cause.OUT_OF_REACH.value).all()


def test_short_tour_visits_all_and_is_short():
    line = np.array([[3.0, 0, 0], [0, 0, 0], [2, 0, 0], [1, 0, 0]])
    assert short_tour(line).tolist() in ([1, 3, 2, 0], [0, 2, 3, 1])
    assert short_tour(np.zeros((0, 3))).tolist() == []
