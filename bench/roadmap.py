"""A second opinion on refusals: a probabilistic roadmap over the whole joint space, slow and simple."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from openmtz.robot import CellCollision

Array = NDArray[np.float64]

WEIGHTS = np.array([1.0, 1.0, 0.8, 0.4, 0.3, 0.2])


def roadmap_finds_a_way(
    collision: CellCollision,
    start: Array,
    goals: list[Array],
    limits: tuple[Array, Array],
    rng: np.random.Generator,
    nodes: int = 3000,
    neighbours: int = 12,
) -> bool:
    """Return whether a roadmap of free postures joins `start` with one of `goals`, at the station's margin.

    Half of the nodes lie near start and goals, where narrow places are; half anywhere.
    """
    margin = collision.station_margin_m
    low, high = np.maximum(limits[0], -np.pi), np.minimum(limits[1], np.pi)
    ends = np.vstack([start, *goals])
    free = list(ends)
    while len(free) < nodes:
        near = ends[rng.integers(len(ends))] + rng.normal(0.0, rng.uniform(0.05, 0.8), 6)
        q = np.clip(near, *limits) if len(free) % 2 else rng.uniform(low, high)
        if collision.free(q, margin):
            free.append(q)
    points = np.array(free)
    _, near = cKDTree(points * WEIGHTS).query(points * WEIGHTS, k=neighbours + 1)
    edges: list[tuple[int, int]] = []
    for i, row in enumerate(near):
        edges += [(i, int(j)) for j in row[1:] if i < j or i not in near[j]]
    label = np.arange(nodes)
    for i, j in sorted(edges, key=lambda e: float(np.abs(points[e[0]] - points[e[1]]).max())):
        # Edges inside one component say nothing new.
        a, b = _root(label, i), _root(label, j)
        if a != b and collision.free_line(points[i], points[j], margin):
            label[a] = b
            if any(_root(label, 0) == _root(label, k) for k in range(1, len(ends))):
                return True
    return False


def _root(label: NDArray[np.int64], i: int) -> int:
    while label[i] != i:
        label[i] = label[label[i]]
        i = int(label[i])
    return i
