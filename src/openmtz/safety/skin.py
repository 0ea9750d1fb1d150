"""Does a plan lie on the skin that was captured, and does every beam reach its spot past all other skin?

The envelope judges a plan by itself; this judges it against the surface its header names. The safety monitor
asks before it accepts an approval. The planner looks along its beams too, by other means (compiled, through
a grid of cells); nothing of it is used here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter
from scipy.spatial import cKDTree

from openmtz.geometry import TriangleMesh, pose_from_vector
from openmtz.limits import Beams, beams_of
from openmtz.optics import HandpieceProfile, point_to_angles
from openmtz.plan import Finding, Severity, TreatmentPlan

SOURCE = "captured-skin"
OFF_SKIN_M = 0.0003
"""A planned spot lies no farther from the surface [m]: the miss that `aim` allows. Engineering default."""
NEAREST_M = 0.001
"""Skin nearer to a spot along its beam is the spot's own, as noise and coarse triangles leave it [m]; the
planner counts from 0.5 mm. Engineering default."""
CONE_STEP_M = 0.01
CELL_RAD = 0.005
"""Cells in which depths of spots are compared, 0.75 mm wide at 150 mm: a matter of speed alone."""
LARGE = 4.0
"""A triangle is large beyond this times the median radius: a matter of speed alone."""
MOST_PAIRS = 1_000_000
"""So many pairs of triangle and spot are compared at a time: memory stays below 1 GiB."""
_NEIGHBOURS = 12

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Triangles:
    """A surface to look things up in: `corners` `(F, 3, 3)` [m], `centres` `(F, 3)` and `radii` `(F,)` of
    balls that hold them; which are `small` `(S,)`, a tree of those' centres, and which are `large` `(L,)`."""

    corners: Array
    centres: Array
    radii: Array
    small: NDArray[np.int64]
    large: NDArray[np.int64]
    tree: cKDTree

    @classmethod
    def of(cls, mesh: TriangleMesh) -> Triangles:
        """Return the triangles of a mesh; a few large ones do not slow the search among all others."""
        corners = mesh.vertices[mesh.faces]
        centres = corners.mean(axis=1)
        radii = np.linalg.norm(corners - centres[:, None], axis=2).max(axis=1)
        large = radii > LARGE * np.median(radii)
        small = np.flatnonzero(~large)
        return cls(corners, centres, radii, small, np.flatnonzero(large), cKDTree(centres[small]))


def check_on_skin(plan: TreatmentPlan, mesh: TriangleMesh) -> list[Finding]:
    """Return what of a plan that the envelope accepts does not fit the skin; empty if all does.

    Raises:
        ProfileError: a header without a handpiece profile. ValueError: a station pose that is none.
    """
    profile = HandpieceProfile.from_header(plan.header["profile"])
    skin = Triangles.of(mesh)
    found = []
    off = off_skin(plan.positions_m, skin)
    if off.any():
        text = f"{int(off.sum())} spots farther than {OFF_SKIN_M * 1e3:g} mm from the captured skin"
        found.append(_refusal("spots-off-skin", text, "plan again on the captured skin", int(off.sum())))
    crossing = beams_through_skin(plan, skin, profile)
    if crossing.any():
        text = f"the beams to {int(crossing.sum())} spots pass through other skin"
        fix = "leave the hidden skin out, or plan again with this software"
        found.append(_refusal("beam-through-skin", text, fix, int(crossing.sum())))
    return found


def off_skin(points: Array, skin: Triangles) -> NDArray[np.bool_]:
    """Return `(N,)` bool: whether `points` `(N, 3)` lie farther than `OFF_SKIN_M` from every triangle."""
    out = np.full(len(points), np.inf)
    left = np.arange(len(points))
    for count in (1, _NEIGHBOURS):  # one is enough for most: what lies on a triangle is near its centre
        count = min(count, len(skin.small))
        near = np.asarray(skin.tree.query(points[left], k=count)[1]).reshape(len(left), count)
        for k in range(count):
            away = _distance(points[left], skin.corners[skin.small[near[:, k]]])
            out[left] = np.minimum(out[left], away)
        left = left[out[left] > OFF_SKIN_M]
    if len(left):
        for triangle, point in _pairs(cKDTree(points[left]), skin.centres, skin.radii + OFF_SKIN_M):
            away = _distance(points[left[point]], skin.corners[triangle])
            np.minimum.at(out, left[point], away)
    return out > OFF_SKIN_M


def _pairs(
    tree: cKDTree, middles: Array, radii: Array
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield pairs (row of `middles`, row of the tree's points within its radius), not too many at a time."""
    count = np.asarray(tree.query_ball_point(middles, radii, return_length=True), np.int64)
    rows = np.flatnonzero(count)
    chunk = np.cumsum(count[rows]) // MOST_PAIRS
    for number in np.unique(chunk):
        some = rows[chunk == number]
        lists = tree.query_ball_point(middles[some], radii[some])
        yield np.repeat(some, count[some]), np.concatenate([np.asarray(hits, np.int64) for hits in lists])


def _distance(points: Array, corners: Array) -> Array:
    """Return `(N,)` [m] from each point `(N, 3)` to its triangle `(N, 3, 3)`."""
    best = np.full(len(points), np.inf)
    for k in range(3):
        start, side = corners[:, k], corners[:, (k + 1) % 3] - corners[:, k]
        along = np.einsum("ij,ij->i", points - start, side) / np.maximum(
            np.einsum("ij,ij->i", side, side), 1e-300
        )
        foot = start + np.clip(along, 0.0, 1.0)[:, None] * side
        best = np.minimum(best, np.linalg.norm(points - foot, axis=1))
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    length = np.linalg.norm(normal, axis=1)
    normal = normal / np.maximum(length, 1e-300)[:, None]
    height = np.einsum("ij,ij->i", points - corners[:, 0], normal)
    above = length > 0.0
    for k in range(3):  # the foot of the perpendicular lies within if it is on the inner side of every edge
        side = corners[:, (k + 1) % 3] - corners[:, k]
        above &= np.einsum("ij,ij->i", np.cross(side, points - corners[:, k]), normal) >= 0.0
    return np.where(above, np.minimum(best, np.abs(height)), best)


def beams_through_skin(plan: TreatmentPlan, skin: Triangles, profile: HandpieceProfile) -> NDArray[np.bool_]:
    """Return `(N,)` bool: whether the axis of a spot's beam meets a triangle more than `NEAREST_M` before the
    spot."""
    out = np.zeros(len(plan), np.bool_)
    for station in np.unique(plan.station):
        rows = np.flatnonzero(plan.station == station)
        pose = pose_from_vector(plan.station_pose[station])
        beams = beams_of(plan, rows, pose, profile)
        local = (skin.corners[_in_cone(pose, beams, skin)] - pose[:3, 3]) @ pose[:3, :3]
        local = local[(local[:, :, 2] > 0.0).all(axis=1)]
        out[rows] = _crossed(beams, local, profile.mirror_separation_m)
    return out


def _in_cone(pose: Array, beams: Beams, skin: Triangles) -> NDArray[np.int64]:
    """Return the triangles that may lie in the way of some beam: all large ones, and the small ones near."""
    ends = beams.origins + beams.directions * np.maximum(beams.lengths - NEAREST_M, 0.0)[:, None]
    steps = np.arange(0.0, 1.0 + CONE_STEP_M, CONE_STEP_M / float(beams.lengths.max()))
    reach = CONE_STEP_M + float(skin.radii[skin.small].max())
    found = []
    for share in np.minimum(steps, 1.0):
        points = beams.origins + share * (ends - beams.origins)
        middle = 0.5 * (points.max(axis=0) + points.min(axis=0))
        radius = float(np.linalg.norm(points - middle, axis=1).max()) + reach
        found.append(skin.tree.query_ball_point(pose[:3, :3] @ middle + pose[:3, 3], radius))
    near = np.unique(np.concatenate(found)).astype(np.int64)
    return np.concatenate([skin.small[near], skin.large])


def _crossed(beams: Beams, corners: Array, separation_m: float) -> NDArray[np.bool_]:
    """Return `(n,)` bool: whether a beam meets a triangle `(T, 3, 3)` [m] in `scan_head`."""
    out = np.zeros(len(beams.lengths), np.bool_)
    if len(corners) == 0:
        return out
    # By angle first: only a triangle that spans a beam's angles can be in its way.
    angles = point_to_angles(corners.reshape(-1, 3), separation_m).reshape(-1, 3, 2)
    low, high = angles.min(axis=1), angles.max(axis=1)
    middle = 0.5 * (low + high)
    # an edge, straight in space, is bent in angles: by less than a twentieth of its length in this field
    radius = 1.05 * np.linalg.norm(high - middle, axis=1) + 1e-9
    before = corners[:, :, 2].min(axis=1) < _deepest(beams, middle, radius) - 0.8 * NEAREST_M
    corners, middle, radius = corners[before], middle[before], radius[before]
    for triangle, beam in _pairs(cKDTree(beams.angles), middle, radius):
        along = _meets(beams.origins[beam], beams.directions[beam], corners[triangle])
        out[beam[along < beams.lengths[beam] - NEAREST_M]] = True
    return out


def _deepest(beams: Beams, middle: Array, radius: Array) -> Array:
    """Return `(T,)` [m] z that no spot exceeds whose beam is within `radius` `(T,)` of `middle` `(T, 2)`
    [rad]: the skin around a spot, which is most of it, is not before it and needs no closer look."""
    size = max(float(np.median(radius)), CELL_RAD)
    start = beams.angles.min(axis=0) - 1.5 * size
    shape = np.floor((beams.angles.max(axis=0) + 1.5 * size - start) / size).astype(np.int64) + 1
    deepest = np.full(tuple(shape), -np.inf)
    cell = np.floor((beams.angles - start) / size).astype(np.int64)
    np.maximum.at(deepest, (cell[:, 0], cell[:, 1]), beams.spots[:, 2])
    around = maximum_filter(deepest, size=3, mode="constant", cval=-np.inf)
    where = np.floor((middle - start) / size).astype(np.int64)
    inside = ((where >= 0) & (where < shape)).all(axis=1)
    where = np.where(inside[:, None], where, 0)
    out = np.where(inside, around[where[:, 0], where[:, 1]], -np.inf)
    return np.where(radius <= size, out, float(beams.spots[:, 2].max()))


def _meets(origins: Array, directions: Array, corners: Array) -> Array:
    """Return `(M,)` [m] along each ray to its triangle `(M, 3, 3)`, infinite where it passes by.

    Moeller and Trumbore, Journal of Graphics Tools 2 (1997) 21-28; from both sides.
    """
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    across = np.cross(directions, second)
    scale = np.einsum("ij,ij->i", first, across)
    with np.errstate(divide="ignore", invalid="ignore"):
        away = origins - corners[:, 0]
        u = np.einsum("ij,ij->i", away, across) / scale
        turned = np.cross(away, first)
        v = np.einsum("ij,ij->i", directions, turned) / scale
        along = np.einsum("ij,ij->i", second, turned) / scale
        hit = (u >= 0.0) & (v >= 0.0) & (u + v <= 1.0) & (along > 0.0)
    return np.where(hit, along, np.inf)


def _refusal(code: str, text: str, fix: str, count: int) -> Finding:
    return Finding(Severity.REFUSAL, SOURCE, code, text, fix, count)
