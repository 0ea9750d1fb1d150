"""No-fire volumes: exact distances, nothing within the margin, exact totals; feathered borders."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from placement_surfaces import SURFACES, area_cm2, sphere
from scipy.spatial.transform import Rotation

from openmtz.geometry import TriangleMesh
from openmtz.planning import place_spots
from openmtz.planning.skin.exclusion import exclude
from openmtz.planning.skin.feathering import border_distance_m, feather_density
from openmtz.planning.skin.no_fire import Box, Capsule, Cylinder, DrawnPolygon, MeshVolume, Sphere
from openmtz.planning.spots.placement import PlacementError

TURN = tuple(map(tuple, Rotation.from_euler("xyz", [0.4, -0.7, 1.1]).as_matrix()))
CUBE = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * [4e-3, 3e-3, 2e-3]
SIDES = [[0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1],
         [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3]]  # fmt: skip
STAR = tuple(
    (0.01 + radius * np.cos(k * np.pi / 5), 0.01 + radius * np.sin(k * np.pi / 5), 0.0)
    for k, radius in enumerate([0.002, 0.005] * 5)
)
VOLUMES = {
    "sphere": Sphere((0.008, 0.009, 0.001), 0.004),
    "box": Box((0.01, 0.01, 0.0), (0.004, 0.002, 0.003), TURN),
    "capsule": Capsule((0.004, 0.006, 0.0), (0.014, 0.012, 0.002), 0.002),
    "cylinder": Cylinder((0.01, 0.008, -0.003), (0.012, 0.012, 0.004), 0.003),
    "polygon": DrawnPolygon(STAR),
    "mesh": MeshVolume(CUBE @ np.asarray(TURN).T + [0.01, 0.01, 0.0], np.array(SIDES)),
}


@pytest.mark.parametrize("name", VOLUMES)
def test_a_signed_distance_changes_by_no_more_than_the_way_and_has_an_inside(name):
    volume, rng = VOLUMES[name], np.random.default_rng(0)
    first = rng.uniform(-0.01, 0.03, (4000, 3))
    second = first + rng.normal(scale=1e-3, size=first.shape)
    one, two = volume.signed_distance(first), volume.signed_distance(second)
    assert (np.abs(one - two) <= np.linalg.norm(first - second, axis=1) + 1e-12).all()
    assert (one < 0).any() and (one > 0).any()


def test_distances_agree_with_what_is_known():
    box = Box((0.0, 0.0, 0.0), (4e-3, 3e-3, 2e-3), TURN)
    mesh = MeshVolume(CUBE @ np.asarray(TURN).T, np.array(SIDES))
    points = np.random.default_rng(1).uniform(-8e-3, 8e-3, (3000, 3))
    assert np.allclose(box.signed_distance(points), mesh.signed_distance(points), atol=1e-12)
    ball = MeshVolume(*sphere())
    away = np.linalg.norm(points, axis=1)
    assert np.abs(ball.signed_distance(points) - (away - 0.012)).max() < 2e-4
    square = DrawnPolygon(((0, 0, 0), (0.01, 0, 0), (0.01, 0.01, 0), (0, 0.01, 0)), 0.002)
    probe = [[0.005, 0.005, 0.0], [0.013, 0.005, 0.0], [0.005, 0.005, 0.005], [0.013, 0.014, 0.002]]
    assert np.allclose(square.signed_distance(probe), [-0.002, 0.003, 0.003, 0.005])


@pytest.mark.parametrize("surface", ["flat", "sphere", "nose", "two triangles"])
@pytest.mark.parametrize("name", VOLUMES)
def test_no_spot_within_the_margin_and_the_total_is_exact(name, surface):
    mesh = TriangleMesh(*SURFACES[surface]())
    volume, margin = VOLUMES[name], 0.7e-3
    left = exclude(mesh, 300.0, [volume], margin)
    spots = place_spots(left.mesh.vertices, left.mesh.faces, left.density, seed=2)
    assert volume.signed_distance(spots.positions).min() >= margin
    kept = area_cm2(left.mesh.vertices, left.mesh.faces)
    assert len(spots.positions) + spots.dropped == round(300.0 * kept)
    assert kept + left.removed_cm2 == pytest.approx(area_cm2(mesh.vertices, mesh.faces))
    back = left.on_original(spots)
    corners = mesh.vertices[mesh.faces[back.face_index]]
    assert np.abs((corners * back.barycentric[:, :, None]).sum(axis=1) - spots.positions).max() < 1e-9


def test_no_more_is_lost_than_twice_the_resolution():
    mesh = TriangleMesh(*SURFACES["two triangles"]())
    left = exclude(mesh, 1.0, [Sphere((0.01, 0.01, 0.0), 0.004)], 0.001)
    least, most = (np.pi * (0.5 + grow) ** 2 for grow in (0.0, 0.010))
    assert least <= left.removed_cm2 <= most


@settings(max_examples=25, deadline=None)
@given(
    center=st.tuples(*[st.floats(-0.005, 0.025)] * 2, st.floats(-0.005, 0.005)),
    radius=st.floats(2e-4, 6e-3),
    margin=st.floats(0.0, 2e-3),
)
def test_spheres_anywhere_of_any_size(center, radius, margin):
    mesh = TriangleMesh(*SURFACES["saddle"]())
    volume = Sphere(center, radius)
    left = exclude(mesh, 200.0, [volume], margin)
    assert volume.signed_distance(left.mesh.vertices).min() >= margin
    spots = place_spots(left.mesh.vertices, left.mesh.faces, left.density, seed=1)
    assert volume.signed_distance(spots.positions).min() >= margin


def test_the_cut_opens_no_seam_and_carries_the_density():
    mesh = TriangleMesh(*SURFACES["flat"]())
    density = 100.0 + 1e4 * mesh.vertices[:, 0]
    left = exclude(mesh, density, [Sphere((0.01, 0.01, 0.0), 0.004)], 0.0)
    assert np.allclose(left.density, 100.0 + 1e4 * left.mesh.vertices[:, 0])
    edges = np.sort(left.mesh.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    unique, uses = np.unique(edges, axis=0, return_counts=True)
    assert uses.max() == 2
    rim = left.mesh.vertices[unique[uses == 1]].mean(axis=1)
    outer = np.isclose(np.abs(rim[:, :2] - 0.01).max(axis=1), 0.01)
    hole = np.abs(np.linalg.norm(rim - [0.01, 0.01, 0.0], axis=1) - 0.004) < 2e-4
    assert (outer | hole).all()


def test_a_volume_far_away_changes_nothing():
    mesh = TriangleMesh(*SURFACES["flat"]())
    left = exclude(mesh, 50.0, [Sphere((1.0, 0.0, 0.0), 0.01)], 0.002)
    assert np.array_equal(left.mesh.vertices, mesh.vertices)
    assert np.array_equal(left.mesh.faces, mesh.faces)
    assert left.removed_cm2 == 0.0


def test_nothing_left_and_bad_margins_are_named():
    mesh = TriangleMesh(*SURFACES["flat"]())
    with pytest.raises(PlacementError, match="nothing is left"):
        exclude(mesh, 1.0, [Sphere((0.01, 0.01, 0.0), 0.1)], 0.0)
    for margin in (-1e-3, np.nan):
        with pytest.raises(PlacementError, match="at least 0 m"):
            exclude(mesh, 1.0, [], margin)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Sphere((0.0, 0.0, np.nan), 1.0), "center_m"),
        (lambda: Sphere((0.0, 0.0, 0.0), -1.0), "radius_m must be a positive"),
        (lambda: Box((0, 0, 0), (1, 1, 0)), "half_m"),
        (lambda: Box((0, 0, 0), (1, 1, 1), ((1, 0, 0), (0, 1, 0), (0, 0, -1))), "proper rotation"),
        (lambda: Cylinder((0, 0, 0), (0, 0, 0), 1.0), "start_m and end_m"),
        (lambda: DrawnPolygon(((0, 0, 0), (1, 0, 0))), "at least 3"),
        (lambda: DrawnPolygon(((0, 0, 0), (1, 1, 0), (1, 0, 0), (0, 1, 0))), "crosses itself"),
        (lambda: DrawnPolygon(((0, 0, 0), (1, 1, 0), (2, 2, 0))), "no area"),
        (lambda: MeshVolume(CUBE, np.array(SIDES[1:])), "3 edges without a partner"),
        (lambda: MeshVolume(CUBE, np.array(SIDES)[:, ::-1]), "inside out"),
    ],
)
def test_bad_volumes_are_named(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_a_feathered_border_rises_linearly():
    mesh = TriangleMesh(*SURFACES["flat"]())
    density = feather_density(mesh, 400.0, 0.004)
    x, y = mesh.vertices[:, 0], mesh.vertices[:, 1]
    rim = np.minimum(np.minimum(x, 0.02 - x), np.minimum(y, 0.02 - y))
    assert np.allclose(density, 400.0 * np.clip(rim / 0.004, 0.0, 1.0), atol=1e-6)
    spots = place_spots(mesh.vertices, mesh.faces, density, seed=0)
    edge = np.minimum(spots.positions[:, :2], 0.02 - spots.positions[:, :2]).min(axis=1)
    counts, _ = np.histogram(edge, bins=[0.0, 0.002, 0.004])
    areas = [2.0**2 - 1.6**2, 1.6**2 - 1.2**2]
    assert counts / areas == pytest.approx([100.0, 300.0], rel=0.15)


def test_distance_along_the_skin_follows_the_curve():
    vertices, faces = SURFACES["cylinder"]()
    mesh = TriangleMesh(vertices, faces)
    inside = np.ones(len(vertices), bool)
    found = border_distance_m(mesh, inside)
    arc, y = 0.03 * np.arctan2(vertices[:, 2], vertices[:, 0]), vertices[:, 1]
    exact = np.minimum(np.minimum(arc, arc.max() - arc), np.minimum(y, y.max() - y))
    assert (found >= exact - 1e-4).all()
    assert (found <= 1.06 * exact + 1e-4).all()


def test_feathering_follows_the_edge_of_a_density():
    mesh = TriangleMesh(*SURFACES["sphere"]())
    asked = np.where(mesh.vertices[:, 2] > 0.0, 300.0, 0.0)
    feathered = feather_density(mesh, asked, 0.005)
    assert (feathered <= asked).all()
    assert feathered[mesh.vertices[:, 2] > 0.008].min() == 300.0
    near = (mesh.vertices[:, 2] > 0.0) & (mesh.vertices[:, 2] < 0.001)
    assert feathered[near].max() < 100.0


@pytest.mark.parametrize("width", [0.0, -1.0, np.nan])
def test_bad_widths_are_named(width):
    with pytest.raises(PlacementError, match="positive length"):
        feather_density(TriangleMesh(*SURFACES["flat"]()), 100.0, width)


def test_a_region_with_no_inside_is_named():
    with pytest.raises(PlacementError, match="leaves nothing"):
        feather_density(TriangleMesh(*SURFACES["two triangles"]()), 100.0, 0.001)
