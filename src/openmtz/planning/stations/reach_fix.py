"""How far the patient would have to be moved for spots that are out of the arm's reach."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from openmtz.planning.stations.cover_spots import Reachable

DISTANCES_M = (0.05, 0.10, 0.20, 0.30)
"""How far the patient may be moved on the bed [m]. Engineering default."""
DIRECTIONS = 8
POSES = 3
"""Refused poses asked about: first, middle and last along the longest way between them."""


def nearest_shift(refused_poses: NDArray[np.float64], reachable: Reachable) -> tuple[float, float] | None:
    """Return the shortest (dx, dy) [m, world] of those tried that brings refused poses `(R, 4, 4)` in reach.

    The patient is moved by the same vector, level, without turning. What the arm may touch is still where it
    was captured, so the answer is a proposal: plan again after moving. None: no such shift helps.
    """
    if len(refused_poses) == 0:
        return None
    points = refused_poses[:, :3, 3]
    spread = points - points.mean(axis=0)
    along = spread @ np.linalg.svd(spread, full_matrices=False)[2][0]
    order = np.argsort(np.round(along, 6), kind="stable")
    chosen = refused_poses[order[np.unique(np.linspace(0, len(order) - 1, POSES).astype(int))]]
    middle = points.mean(axis=0)[:2]
    angles = 2.0 * np.pi * np.arange(DIRECTIONS) / DIRECTIONS
    # towards the base first: too far is more frequent than too near
    angles = angles[
        np.argsort(-np.round(np.cos(angles - np.arctan2(-middle[1], -middle[0])), 6), kind="stable")
    ]
    for distance in DISTANCES_M:
        for angle in angles:
            shift = distance * np.array([np.cos(angle), np.sin(angle), 0.0])
            if all(_ok(reachable, pose, shift) for pose in chosen):
                return float(np.round(shift[0], 3)), float(np.round(shift[1], 3))
    return None


def _ok(reachable: Reachable, pose: NDArray[np.float64], shift: NDArray[np.float64]) -> bool:
    moved = pose.copy()
    moved[:3, 3] += shift
    answer = reachable(moved)
    return answer is None or answer is True or answer == ""
