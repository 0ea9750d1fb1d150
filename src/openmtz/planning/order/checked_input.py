"""Spots that can be ordered, or what is wrong with them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

SAME_PLACE_M = 1e-6


def checked_spots(
    positions_m: ArrayLike, energy_mj: ArrayLike, depth_um: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return positions `(N, 3)` [m], energies [mJ] and depths [um] `(N,)` of a station.

    Raises:
        ValueError: shapes or numbers that are none, spots at the same place, spots more than 1 m apart.
    """
    points = np.asarray(positions_m, np.float64)
    if points.size == 0:
        points = points.reshape(0, 3)
    if points.ndim != 2 or points.shape[1] != 3:
        raise ValueError(f"positions must be (N, 3) [m], got {points.shape}")
    energy, depth = np.asarray(energy_mj, np.float64), np.asarray(depth_um, np.float64)
    if energy.shape != (len(points),) or depth.shape != (len(points),):
        raise ValueError(
            f"energy {energy.shape} and depth {depth.shape} must be ({len(points)},), one per spot"
        )
    for name, values, good in (
        ("positions", points, np.isfinite(points).all(axis=1)),
        ("energy_mj", energy, np.isfinite(energy) & (energy > 0)),
        ("depth_um", depth, np.isfinite(depth) & (depth > 0)),
    ):
        if not good.all():
            row = int(np.flatnonzero(~good)[0])
            more = "" if name == "positions" else " and positive"
            raise ValueError(f"{name}[{row}] is {values[row]}: it must be finite{more}")
    if len(points) > 1:
        same = cKDTree(points).query_pairs(SAME_PLACE_M, output_type="ndarray")
        if len(same):
            row = same[np.lexsort((same[:, 1], same[:, 0]))[0]]
            raise ValueError(
                f"spots {row[0]} and {row[1]} (and {len(same) - 1} more pairs) are at the same place:"
                " zones would merge; keep one of them, or put them into different passes"
            )
        if np.ptp(points, axis=0).max() > 1.0:
            raise ValueError(
                f"spots spread over {np.ptp(points, axis=0).max():.3g} m: no station is that large;"
                " positions are in metres"
            )
    return points, energy, depth
