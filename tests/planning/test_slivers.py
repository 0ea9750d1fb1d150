"""The second stage of stations: fewer of them, nothing lost, and only where the arm can stand."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from surfaces import CENTER, KINDS, grid_surface

from openmtz.optics.profile import CO2_120UM_LOW_ENERGY as PROFILE
from openmtz.planning import place_spots
from openmtz.planning.skin.normals import smooth_normals
from openmtz.planning.stations import cell_grid
from openmtz.planning.stations.greedy_cover import Cover, Head
from openmtz.planning.stations.slivers import Slivers, fitted, level

HEAD = Head.of(PROFILE)


@pytest.fixture(scope="module", params=KINDS)
def covered(request):
    """Return spots, normals, their grid, and poses of greedy covering."""
    mesh = grid_surface(request.param).mesh
    away = np.linalg.norm(mesh.vertices - CENTER, axis=1)
    part, _ = mesh.submesh((away[mesh.faces] < 0.018).all(axis=1))
    points = place_spots(part.vertices, part.faces, 442.0, seed=1).positions
    normals = smooth_normals(mesh, points)
    cover, poses = Cover(points, normals, HEAD), []
    while cover.left.any() and (found := cover.best()) is not None:
        poses.append(found[0])
        cover.take(found[0])
    assert not cover.left.any()
    return points, normals, cell_grid.make_grid(points, HEAD.reach), poses


def sharp(poses, points, normals, grid):
    """Return `(N,)` bool, in focus of one of the poses."""
    seen = np.zeros(len(points), bool)
    for pose in poses:
        rows, _, tight = HEAD.seen(pose, points, normals, grid)
        seen[rows[tight]] = True
    return seen


def merged(covered, reached):
    points, normals, grid, poses = covered
    return Slivers(points, normals, HEAD, grid, np.zeros(len(points), bool), reached).merge(poses)


def test_fewer_stations_cover_the_same(covered):
    left = merged(covered, lambda pose: True)
    assert len(left) < len(covered[3])
    assert sharp(left, *covered[:3]).all()
    again = merged(covered, lambda pose: True)
    assert np.array_equal(left, again)


def test_only_poses_the_arm_takes_are_moved_to(covered):
    """What the arm refuses is put back as it was: nothing is lost then either."""
    first = {pose.tobytes() for pose in covered[3]}

    def reached(pose):
        return bool(pose[0, 3] < CENTER[0])

    left = merged(covered, reached)
    assert sharp(left, *covered[:3]).all()
    assert all(reached(pose) for pose in left if pose.tobytes() not in first)
    never = merged(covered, lambda pose: False)
    assert {pose.tobytes() for pose in never} <= first


def test_the_plane_found_is_flatter_than_least_squares():
    rng = np.random.default_rng(0)
    x = np.minimum(rng.exponential(0.0015, 400), 0.006)  # dense on one side, bent up on the other
    points = np.column_stack([x, rng.uniform(-0.005, 0.005, 400), 12.0 * x**2])
    plain = points - points.mean(axis=0)
    least_squares = np.ptp(plain @ np.linalg.eigh(plain.T @ plain)[1][:, 0])
    normal, span = level(points, 1.0)
    assert np.linalg.norm(normal) == pytest.approx(1.0)
    assert span == pytest.approx(np.ptp(points @ normal), rel=1e-9)
    assert span < 0.85 * least_squares


def test_what_is_too_deep_is_not_fitted():
    points = np.random.default_rng(0).uniform(-0.002, 0.002, (50, 3))
    up = np.tile([0.0, 0.0, 1.0], (50, 1))
    assert fitted(points, up, np.eye(4), HEAD) is None
    flat = points * [1.0, 1.0, 0.0]
    pose = fitted(flat, up, np.eye(4), HEAD)
    assert pose is not None and pose[:3, 2] == pytest.approx([0.0, 0.0, -1.0])
    assert pose[2, 3] == pytest.approx(PROFILE.focus_distance_m)
