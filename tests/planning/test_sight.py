"""Lines of sight: no beam goes through other skin, and nothing else is refused for it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from surfaces import CENTER, even_manager, grid_surface

from openmtz.geometry import SkinSurface, TriangleMesh, pose_from_vector
from openmtz.hooks import Region
from openmtz.optics.profile import CO2_120UM_LOW_ENERGY as PROFILE
from openmtz.planning import place_spots, plan_stations, plan_treatment
from openmtz.planning.refusals import Cause
from openmtz.planning.skin.normals import smooth_normals
from openmtz.planning.stations.greedy_cover import Head
from openmtz.planning.stations.ray_kernels import blocked, mesh_grid
from openmtz.planning.stations.sight import Sight
from openmtz.safety import check_on_skin

HEAD = Head.of(PROFILE)
BRIDGE_M = 0.012


def first_hits(origin, direction, mesh):
    """Return distances at which a ray meets the planes of all triangles within them: plain linear algebra."""
    a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
    lhs = np.stack([np.broadcast_to(-direction, a.shape), b - a, c - a], axis=-1)
    t, u, v = np.linalg.solve(lhs, (origin - a)[..., None])[..., 0].T
    return t[(u >= 0) & (v >= 0) & (u + v <= 1)]


def test_rays_agree_with_every_triangle_asked():
    rng = np.random.default_rng(3)
    middles = rng.uniform(-0.02, 0.02, (400, 1, 3))
    mesh = TriangleMesh(
        (middles + rng.normal(0, 0.002, (400, 3, 3))).reshape(-1, 3), np.arange(1200).reshape(-1, 3)
    )
    grid, answers = tuple(mesh_grid(mesh)), []
    for _ in range(600):
        origin, direction = rng.uniform(-0.02, 0.02, 3), rng.normal(size=3)
        direction /= np.linalg.norm(direction)
        near, far = 0.001, float(rng.uniform(0.002, 0.05))
        hits = first_hits(origin, direction, mesh)
        wanted = bool(((hits >= near) & (hits <= far)).any())
        assert blocked(origin, direction, near, far, grid) == wanted
        answers.append(wanted)
    assert 100 < sum(answers) < 500


def test_rays_along_the_axes_are_followed():
    flat = TriangleMesh([[-1, -1, 0.01], [1, -1, 0.01], [0, 1, 0.01]], [[0, 1, 2]])
    low = TriangleMesh(np.concatenate([flat.vertices, flat.vertices - [0, 0, 0.02]]), [[0, 1, 2], [3, 4, 5]])
    grid = tuple(mesh_grid(low))
    up, side = np.array([0.0, 0.0, 1.0]), np.array([1.0, 0.0, 0.0])
    assert blocked(np.zeros(3), up, 0.001, 0.02, grid) and blocked(np.zeros(3), -up, 0.001, 0.02, grid)
    assert not blocked(np.zeros(3), up, 0.001, 0.009, grid) and not blocked(
        np.zeros(3), side, 0.001, 2.0, grid
    )


def under_a_bridge(half_m: float) -> SkinSurface:
    """Flat skin, and 12 mm above its middle a square piece of other skin."""
    mesh = grid_surface("flat", 0.04).mesh
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half_m
    above = np.column_stack([corners, np.full(4, BRIDGE_M)]) + CENTER
    count = len(mesh.vertices)
    faces = np.concatenate([mesh.faces, np.array([[0, 1, 2], [0, 2, 3]]) + count])
    return SkinSurface.from_arrays(np.concatenate([mesh.vertices, above]), faces, voxel_m=0.001)


@pytest.fixture(scope="module", params=[0.002, 0.012])
def bridged(request):
    surface = under_a_bridge(request.param)
    flat = grid_surface("flat", 0.024).mesh
    points = place_spots(flat.vertices, flat.faces, 300.0, seed=0).positions
    return surface.mesh, points, np.tile([0.0, 0.0, 1.0], (len(points), 1)), request.param


def test_what_is_hidden_lies_under_the_bridge(bridged):
    mesh, points, normals, half = bridged
    sight = Sight(points, normals, mesh, HEAD.limit, HEAD.divergence, HEAD.focus)
    out = np.abs(points[:, :2] - CENTER[:2]).max(axis=1) - half
    reach = BRIDGE_M * np.tan(HEAD.limit)
    assert not sight.hidden[out > 0].any() and not sight.open[out < 0].any()
    assert sight.open[out > BRIDGE_M * np.tan(HEAD.limit + HEAD.divergence) + 0.008].all()
    assert sight.hidden[out < -reach].all()
    assert sight.hidden.any() == (half > reach)


def test_no_beam_of_a_plan_crosses_other_skin(bridged):
    mesh, points, normals, half = bridged
    stations = plan_stations(points, normals, PROFILE, skin=mesh)
    free = plan_stations(points, normals, PROFILE)
    assert (free.station >= 0).all()
    crossed = {}
    for name, found in (("looked at", stations), ("not looked at", free)):
        crossed[name] = 0
        for row, pose in enumerate(found.poses):
            for point in points[found.station == row]:
                x, y, z = pose[:3, :3].T @ (point - pose[:3, 3])
                wide = np.hypot(y, z)
                beam = pose[:3, :3] @ np.array([x / (wide + PROFILE.mirror_separation_m), y / wide, z / wide])
                beam /= np.linalg.norm(beam)
                hits = first_hits(point, -beam, mesh)
                crossed[name] += bool((hits > 0.001).any())
    assert crossed["not looked at"] > 30 and crossed["looked at"] == 0
    gone = stations.cause == Cause.OCCLUDED.value
    assert (gone == (stations.station < 0)).all()
    out = np.abs(points[:, :2] - CENTER[:2]).max(axis=1) - half
    assert not gone[out > -BRIDGE_M * np.tan(HEAD.limit - 2.0 * HEAD.divergence)].any()
    assert gone.any() == (half > BRIDGE_M * np.tan(HEAD.limit))


def test_hidden_skin_is_a_refusal_with_its_place():
    surface = under_a_bridge(0.010)
    result = plan_treatment(
        surface, "even", {}, 1, even_manager(), Region(tuple(CENTER), 0.012),
        overrides={"allow_partial": True},
    )  # fmt: skip
    gone = result.refused_m[result.refused_cause == Cause.OCCLUDED.value]
    assert len(gone) == result.plan.header["refused"]["occluded"] > 50
    assert (np.abs(gone[:, :2] - CENTER[:2]).max(axis=1) < 0.010).all()
    finding = next(f for f in result.findings if f.code == "occluded")
    assert finding.count == len(gone) and finding.fix
    assert check_on_skin(result.plan, surface.mesh) == [], "as the safety monitor sees it"


def test_a_plan_that_was_made_without_the_bridge_is_not_approved_under_it():
    surface, bare = under_a_bridge(0.010), grid_surface("flat", 0.04)
    result = plan_treatment(bare, "even", {}, 1, even_manager(), Region(tuple(CENTER), 0.012))
    assert check_on_skin(result.plan, bare.mesh) == []
    (found,) = check_on_skin(result.plan, surface.mesh)
    under = np.abs(result.plan.positions_m[:, :2] - CENTER[:2]).max(axis=1) < 0.007
    assert found.code == "beam-through-skin" and under.sum() <= found.count < len(result.plan)


def test_even_skin_is_open_all_around():
    """Curved skin with noise hides nothing: what is near a spot is its own."""
    mesh = grid_surface("saddle").mesh
    rng = np.random.default_rng(0)
    noisy = TriangleMesh(mesh.vertices + rng.normal(0, 2e-5, mesh.vertices.shape), mesh.faces)
    points = place_spots(noisy.vertices, noisy.faces, 100.0, seed=0).positions
    sight = Sight(points, smooth_normals(noisy, points), noisy, HEAD.limit, HEAD.divergence, HEAD.focus)
    assert sight.open.mean() > 0.9 and not sight.hidden.any()
    pose = pose_from_vector(np.array([*CENTER[:2], CENTER[2] + 0.15, 1.0, 0.0, 0.0, 0.0]))
    assert sight.clear(pose, HEAD.separation, np.arange(len(points))).all()
