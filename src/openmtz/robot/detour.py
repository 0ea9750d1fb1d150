"""A free way round obstacles in joint space: two trees of sampled postures that grow towards each other.

RRT-Connect: J. Kuffner, S. LaValle, "RRT-Connect: An efficient approach to single-query path planning"
(ICRA 2000) [M]. The goal's tree has a root for every posture that would do. Same question, same answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from openmtz.robot.collision import CellCollision

Array = NDArray[np.float64]

STEP_RAD = 0.4
"""Longest branch of a tree; engineering default, as are the numbers below."""
WEIGHTS = np.array([1.0, 1.0, 0.8, 0.4, 0.3, 0.2])
"""How far a joint moves the arm, about: what counts as near."""
SPREAD_RAD = np.array([1.0, 0.8, 0.8, 1.2, 1.0, 0.6])
"""A third of the samples comes from the box around the ends, wider by this; a third from all limits."""
NEAR_RAD = (0.05, 0.8)
"""The last third is scattered about the ends, so widely: narrow places are there."""
SHORTCUTS = 80


class _Tree:
    def __init__(self, roots: Sequence[Array]) -> None:
        self.nodes = np.zeros((256, 6))
        self.parents: list[int] = []
        for root in roots:
            self.add(root, -1)

    def add(self, q: Array, parent: int) -> int:
        count = len(self.parents)
        if count == len(self.nodes):
            self.nodes = np.vstack([self.nodes, np.zeros_like(self.nodes)])
        self.nodes[count] = q
        self.parents.append(parent)
        return count

    def nearest(self, q: Array) -> int:
        away = (self.nodes[: len(self.parents)] - q) * WEIGHTS
        return int(np.einsum("ij,ij->i", away, away).argmin())

    def way_to_root(self, node: int) -> list[Array]:
        way = []
        while node >= 0:
            way.append(self.nodes[node].copy())
            node = self.parents[node]
        return way


def find_detour(
    collision: CellCollision,
    starts: Sequence[Array],
    goals: Sequence[Array],
    limits: tuple[Array, Array],
    margin_m: float,
    *,
    samples: int = 1500,
    seed: int = 0,
) -> list[Array] | None:
    """Return postures `(6,)` [rad] from one of `starts` to one of `goals`, each leg free; or None.

    Starts and goals must themselves keep the margin [m]. `samples` bounds the search.
    """
    if not (len(starts) and len(goals)):
        return None
    rng = np.random.default_rng(seed)
    ends = np.vstack([*starts, *goals])
    low = np.maximum(ends.min(axis=0) - SPREAD_RAD, limits[0])
    high = np.minimum(ends.max(axis=0) + SPREAD_RAD, limits[1])
    wide = np.maximum(limits[0], -np.pi), np.minimum(limits[1], np.pi)
    growing, other, forward = _Tree(starts), _Tree(goals), True
    for count in range(samples):
        q = _sample(count % 3, (low, high), wide, ends, rng)
        reached = _grow(growing, q, collision, margin_m, once=True)
        if reached is not None:
            target = growing.nodes[reached].copy()
            met = _grow(other, target, collision, margin_m, once=False)
            if met is not None and np.array_equal(other.nodes[met], target):
                ways = growing.way_to_root(reached)[::-1], other.way_to_root(met)[1:]
                way = [*ways[0], *ways[1]]
                if not forward:
                    way.reverse()
                return _shortened(way, collision, margin_m, rng)
        growing, other, forward = other, growing, not forward
    return None


def _sample(
    kind: int, box: tuple[Array, Array], wide: tuple[Array, Array], ends: Array, rng: np.random.Generator
) -> Array:
    """Return a posture: from the box around the ends, from all limits, or near an end, where it is narrow."""
    if kind == 0:
        return rng.uniform(*box)
    if kind == 1:
        return rng.uniform(*wide)
    near = ends[rng.integers(len(ends))] + rng.normal(0.0, rng.uniform(*NEAR_RAD), 6)
    return np.clip(near, *box)


def _grow(tree: _Tree, q: Array, collision: CellCollision, margin_m: float, *, once: bool) -> int | None:
    """Grow towards `q` by one branch or until stopped; return the last node made, or None."""
    node, made = tree.nearest(q), None
    while True:
        at = tree.nodes[node].copy()
        way = q - at
        length = float(np.abs(way).max())
        if length < 1e-12:
            return node
        new = q if length <= STEP_RAD else at + way * (STEP_RAD / length)
        if not collision.free_line(at, new, margin_m):
            return made
        node = made = tree.add(new, node)
        if once:
            return made


def _shortened(
    way: list[Array], collision: CellCollision, margin_m: float, rng: np.random.Generator
) -> list[Array]:
    """Return fewer postures: every one is a stop."""
    for _ in range(SHORTCUTS):
        if len(way) <= 2:
            break
        i, j = sorted(rng.choice(len(way), 2, replace=False).tolist())
        if j - i > 1 and collision.free_line(way[i], way[j], margin_m):
            way = way[: i + 1] + way[j:]
            continue
        # Cut a corner between two points on the legs.
        leg_i, leg_j = sorted(rng.integers(0, len(way) - 1, 2).tolist())
        if leg_i == leg_j:
            continue
        a = way[leg_i] + rng.uniform() * (way[leg_i + 1] - way[leg_i])
        b = way[leg_j] + rng.uniform() * (way[leg_j + 1] - way[leg_j])
        cut = [*way[: leg_i + 1], a, b, *way[leg_j + 1 :]]
        if _turning(cut) < _turning(way) and collision.free_line(a, b, margin_m):
            way = cut
    return _without_needless(way, collision, margin_m)


def _without_needless(way: list[Array], collision: CellCollision, margin_m: float) -> list[Array]:
    kept, i = [way[0]], 0
    while i < len(way) - 1:
        j = len(way) - 1
        while j > i + 1 and not collision.free_line(way[i], way[j], margin_m):
            j -= 1
        kept.append(way[j])
        i = j
    return kept


def _turning(way: list[Array]) -> float:
    """Return about how long a way takes: its turning, and a stop at every posture."""
    return sum(float(np.abs(b - a).max()) + 0.5 for a, b in pairwise(way))
