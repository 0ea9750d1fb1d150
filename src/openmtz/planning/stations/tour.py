"""The order in which stations are visited: a short open path."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from openmtz.planning.stations import view_kernels as _view_kernels


def short_tour(points_m: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return an order `(S,)` of points `(S, 3)` with a short open path: nearest neighbour, then 2-opt."""
    count = len(points_m)
    if count == 0:
        return np.zeros(0, np.int64)
    distance = np.linalg.norm(points_m[:, None] - points_m[None], axis=2)
    rounded = np.round(distance, 6)
    tour = [int(np.lexsort(np.round(points_m.T[::-1], 4))[0])]
    left = np.ones(count, np.bool_)
    left[tour[0]] = False
    while left.any():
        step = int(np.argmin(np.where(left, rounded[tour[-1]], np.inf)))
        tour.append(step)
        left[step] = False
    result = np.array(tour, np.int64)
    _view_kernels.two_opt(distance, result)
    return result
