"""Compiled loops of station planning: which spots a pose sees, what it would gain, who fires a spot.

The geometry is that of `stations.aiming.aim_from`, in numpy; a test makes sure that both agree.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from openmtz.planning.stations.cell_grid import near


@njit(cache=True, inline="always")
def beam(x: float, y: float, z: float, separation: float) -> Any:
    """Return the unit direction of the beam to a point of `scan_head` [m], which lies before the mirrors."""
    radius = np.hypot(y, z)
    tangent = x / (radius + separation)
    length = np.sqrt(tangent * tangent + 1.0)
    return tangent / length, y / radius / length, z / radius / length


@njit(cache=True)
def view(pose: Any, point: Any, normal: Any, separation: float, focus: float) -> Any:
    """Return lateral x and y [m], defocus along the beam [m], cosine of incidence; -1 behind the mirrors."""
    d0, d1, d2 = point[0] - pose[0, 3], point[1] - pose[1, 3], point[2] - pose[2, 3]
    x = pose[0, 0] * d0 + pose[1, 0] * d1 + pose[2, 0] * d2
    y = pose[0, 1] * d0 + pose[1, 1] * d1 + pose[2, 1] * d2
    z = pose[0, 2] * d0 + pose[1, 2] * d1 + pose[2, 2] * d2
    if z <= 0.0:
        return x, y, 1e9, -1.0
    b0, b1, b2 = beam(x, y, z, separation)
    n0 = pose[0, 0] * normal[0] + pose[1, 0] * normal[1] + pose[2, 0] * normal[2]
    n1 = pose[0, 1] * normal[0] + pose[1, 1] * normal[1] + pose[2, 1] * normal[2]
    n2 = pose[0, 2] * normal[0] + pose[1, 2] * normal[1] + pose[2, 2] * normal[2]
    return x, y, (z - focus) / max(b2, 1e-6), -(b0 * n0 + b1 * n1 + b2 * n2)


@njit(cache=True)
def mean_axes(anchors: Any, points: Any, normals: Any, grid: Any, inner: float, outer: float) -> Any:
    """Return `(A, 3, 3)` unit normals at anchors (rows of points): mean within `inner`, within `outer` [m],
    and the anchor's own."""
    out = np.zeros((len(anchors), 3, 3))
    rows = np.empty(len(points), np.int64)
    for a in range(len(anchors)):
        at = anchors[a]
        count = near(points[at], outer, points, grid, rows)
        for m in range(count):
            i = rows[m]
            r2 = 0.0
            same = 0.0
            for k in range(3):
                r2 += (points[i, k] - points[at, k]) ** 2
                same += normals[i, k] * normals[at, k]
            if same <= 0.0:
                continue
            for k in range(3):
                out[a, 1, k] += normals[i, k]
                if r2 <= inner * inner:
                    out[a, 0, k] += normals[i, k]
        for k in range(3):
            out[a, 2, k] = normals[at, k]
        for j in range(3):
            length = np.sqrt((out[a, j] ** 2).sum())
            for k in range(3):
                out[a, j, k] /= length
    return out


class Usable(NamedTuple):
    """The spots that each candidate could fire: those of candidate c are at `starts[c]` to before
    `starts[c + 1]` of `rows`, `defocus_m` (ascending) and `weight`."""

    starts: Any
    rows: Any
    defocus_m: Any
    weight: Any


class Optics(NamedTuple):
    """Of a `greedy_cover.Head`: `reach` [m] from the middle of the field beyond which no spot is in it, its
    `half` width [m], the mirrors' `separation` and the `focus` [m], the `limit` of incidence [rad], and how
    far from focus spots may lie: within `budget`, a few within `spare` [m]."""

    reach: float
    half: float
    separation: float
    focus: float
    limit: float
    budget: float
    spare: float


class Targets(NamedTuple):
    """Spots to be met: `points` and unit `normals` `(N, 3)` [m], and their `grid`, a `cell_grid.Grid` as a
    plain tuple.

    Compiled functions are kept on disk with the names of their arguments' classes: those of other files,
    which may move, come as plain tuples.
    """

    points: Any
    normals: Any
    grid: Any


class Allowed(NamedTuple):
    """What a spot may be met with: cosines of incidence at the `limit` and where it is still `good`, and so
    far from the focal plane, `depth` [m]."""

    cos_limit: float
    cos_good: float
    depth: float


@njit(cache=True)
def usable_from(poses: Any, aimed_at: Any, targets: Targets, optics: Optics, allowed: Allowed) -> Any:
    """Return what each pose can use as (starts `(C + 1,)`, rows, defocus ascending per pose, weight).

    These are spots in the field, below the incidence limit, near enough to the focal plane. `aimed_at`
    `(C, 3)` is the middle of each pose's field. A spot met more steeply than is good weighs half.
    """
    points, normals, grid = targets.points, targets.normals, targets.grid
    reach, half, separation, focus = optics.reach, optics.half, optics.separation, optics.focus
    cos_limit, cos_good, depth = allowed.cos_limit, allowed.cos_good, allowed.depth
    starts = np.zeros(len(poses) + 1, np.int64)
    rows = np.empty(len(points), np.int64)
    found = np.empty(1024, np.int32)
    defocus = np.empty(1024, np.float32)
    weight = np.empty(1024, np.float32)
    for c in range(len(poses)):
        count = near(aimed_at[c], reach, points, grid, rows)
        at = starts[c]
        if at + count > len(found):
            more = 2 * (at + count)
            found = np.concatenate((found[:at], np.empty(more - at, np.int32)))
            defocus = np.concatenate((defocus[:at], np.empty(more - at, np.float32)))
            weight = np.concatenate((weight[:at], np.empty(more - at, np.float32)))
        kept = at
        for m in range(count):
            i = rows[m]
            x, y, z, cosine = view(poses[c], points[i], normals[i], separation, focus)
            if abs(x) > half or abs(y) > half or cosine < cos_limit or abs(z) > depth:
                continue
            found[kept] = i
            defocus[kept] = z
            weight[kept] = 1.0 if cosine >= cos_good else 0.5
            kept += 1
        starts[c + 1] = kept
        order = np.argsort(defocus[at:kept], kind="mergesort")
        found[at:kept] = found[at:kept][order]
        defocus[at:kept] = defocus[at:kept][order]
        weight[at:kept] = weight[at:kept][order]
    end = starts[-1]
    return starts, found[:end].copy(), defocus[:end].copy(), weight[:end].copy()


@njit(cache=True)
def gain(candidate: int, usable: Any, left: Any, window: float) -> Any:
    """Return (most weight of open spots within a window of defocus [m], the middle of that window [m])."""
    starts, rows, defocus, weight = usable
    best, shift = 0.0, 0.0
    first = starts[candidate]
    total = 0.0
    for last in range(starts[candidate], starts[candidate + 1]):
        if not left[rows[last]]:
            continue
        total += weight[last]
        while defocus[last] - defocus[first] > window or not left[rows[first]]:
            if left[rows[first]]:
                total -= weight[first]
            first += 1
        if total > best + 1e-9:
            best = total
            shift = 0.5 * (float(defocus[first]) + float(defocus[last]))
    return best, shift


@njit(cache=True)
def gains(usable: Any, left: Any, window: float) -> Any:
    """Return `(C,)` gains of all candidates."""
    out = np.zeros(len(usable[0]) - 1)
    for c in range(len(out)):
        out[c] = gain(c, usable, left, window)[0]
    return out


@njit(cache=True)
def costs(pose: Any, aimed_at: Any, targets: Targets, optics: Optics) -> Any:
    """Return rows a pose sees within the head's `spare` of focus, how badly each is met, and which lie within
    its `budget`. Steepness counts most, then defocus, then the way out to the rim of the field."""
    points, normals, grid = targets.points, targets.normals, targets.grid
    reach, half, separation, focus = optics.reach, optics.half, optics.separation, optics.focus
    limit, budget, spare = optics.limit, optics.budget, optics.spare
    rows = np.empty(len(points), np.int64)
    count = near(aimed_at, reach, points, grid, rows)
    found = np.empty(count, np.int64)
    cost = np.empty(count)
    tight = np.empty(count, np.bool_)
    kept = 0
    cos_limit = np.cos(limit)
    for m in range(count):
        i = rows[m]
        x, y, z, cosine = view(pose, points[i], normals[i], separation, focus)
        if abs(x) > half or abs(y) > half or cosine < cos_limit or abs(z) > spare:
            continue
        angle = np.arccos(min(cosine, 1.0))
        found[kept] = i
        cost[kept] = (angle / limit) ** 2 + 0.3 * (z / budget) ** 2 + 0.3 * (x * x + y * y) / half**2
        tight[kept] = abs(z) <= budget
        kept += 1
    order = np.argsort(found[:kept], kind="mergesort")
    return found[:kept][order], cost[:kept][order], tight[:kept][order]


@njit(cache=True)
def settle(starts: Any, station: Any, cost: Any, neighbours: Any, seam_cost: float, rounds: int) -> Any:
    """Return `(N,)` the station of each spot: least cost plus `seam_cost` times the share of neighbours
    `(N, K)` that go elsewhere (iterated conditional modes); -1 where `starts` `(N + 1,)` lists none."""
    count = len(starts) - 1
    chosen = np.full(count, -1, np.int64)
    for i in range(count):
        best = np.inf
        for e in range(starts[i], starts[i + 1]):
            if cost[e] < best:
                best = cost[e]
                chosen[i] = station[e]
    width = neighbours.shape[1]
    for _ in range(rounds):
        after = chosen.copy()
        for i in range(count):
            best = np.inf
            for e in range(starts[i], starts[i + 1]):
                agree = 0
                for k in range(width):
                    if chosen[neighbours[i, k]] == station[e]:
                        agree += 1
                value = cost[e] + (seam_cost * (1.0 - agree / width) if width else 0.0)
                if value < best - 1e-12:
                    best = value
                    after[i] = station[e]
        if (after == chosen).all():
            break
        chosen = after
    return chosen


@njit(cache=True)
def two_opt(distance: Any, tour: Any) -> None:
    """Shorten an open tour in place by reversing stretches until no reversal helps."""
    count = len(tour)
    improved = True
    while improved:
        improved = False
        for i in range(count - 1):
            for j in range(i + 1, count):
                before = 0.0
                after = 0.0
                if i > 0:
                    before += distance[tour[i - 1], tour[i]]
                    after += distance[tour[i - 1], tour[j]]
                if j + 1 < count:
                    before += distance[tour[j], tour[j + 1]]
                    after += distance[tour[i], tour[j + 1]]
                if after < before - 1e-9:
                    tour[i : j + 1] = tour[i : j + 1][::-1].copy()
                    improved = True
