"""Firing orders to compare with: raster, boustrophedon, interleaved k x k, Bayer, random, 2-opt tour.

All take `uv_m` `(N, 2)` [m] in the tangent plane and the mean hexagonal `pitch_m`, and return `(N,)` rows in
firing order, the same for the same spots.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from openmtz.planning.order import order_kernels as kernels

ROW = np.sqrt(3.0) / 2.0
"""Height of a row of a hexagonal grid, in pitches."""
TOUR_NEIGHBOURS = 8
"""Candidate edges per spot of the 2-opt tour (engineering default; 5-10 in the literature on the TSP)."""

Points = NDArray[np.float64]
Rows = NDArray[np.int64]


def raster(uv_m: Points, pitch_m: float) -> Rows:
    """Row by row, each from left to right, flying back: the order of commercial scanners."""
    return sweep(uv_m, ROW * pitch_m, there_and_back=False)


def boustrophedon(uv_m: Points, pitch_m: float) -> Rows:
    """Row by row, there and back: the reference of travel and of firing time."""
    return sweep(uv_m, ROW * pitch_m)


def interleaved(uv_m: Points, pitch_m: float, k: int) -> Rows:
    """Every k-th spot of every k-th row, then the next ones beside them: k^2 sweeps, each there and back."""
    phase = np.arange(k * k).reshape(k, k)
    return _by_phase(uv_m, pitch_m, phase)


def bayer(uv_m: Points, pitch_m: float) -> Rows:
    """8 x 8 sweeps in the order of Bayer's dither matrix: following sweeps as far apart as can be."""
    matrix = np.zeros((1, 1), np.int64)
    for _ in range(3):
        matrix = np.block([[4 * matrix, 4 * matrix + 2], [4 * matrix + 3, 4 * matrix + 1]])
    return _by_phase(uv_m, pitch_m, matrix)


def random(uv_m: Points, pitch_m: float) -> Rows:
    """Any order, from a fixed seed."""
    return np.random.default_rng(0).permutation(len(uv_m)).astype(np.int64)


def tour_2opt(uv_m: Points, pitch_m: float) -> Rows:
    """A short tour: boustrophedon improved by 2-opt moves among the nearest neighbours until none helps."""
    order = boustrophedon(uv_m, pitch_m)
    if len(order) < 5:
        return order
    count = min(TOUR_NEIGHBOURS, len(order) - 1)
    near = cKDTree(uv_m).query(uv_m, k=count + 1)[1][:, 1:].astype(np.int64)
    return np.asarray(kernels.two_opt(np.ascontiguousarray(uv_m), order, near))


def sweep(uv_m: Points, height_m: float, *, there_and_back: bool = True) -> Rows:
    """Return `(N,)` rows of height `height_m` one after the other along the first axis."""
    if len(uv_m) == 0:
        return np.zeros(0, np.int64)
    row = np.floor((uv_m[:, 1] - uv_m[:, 1].min()) / height_m).astype(np.int64)
    along = np.where((row % 2 == 1) & there_and_back, -uv_m[:, 0], uv_m[:, 0])
    return np.lexsort((along, row))


def _by_phase(uv_m: Points, pitch_m: float, phase: NDArray[np.int64]) -> Rows:
    """Return the sweeps of `phase` `(k, k)`: the sweep that each square of a k x k block belongs to.

    Squares hold one spot on average (side = pitch of a square grid of the same density); a second spot in the
    same square waits for an extra sweep after the others.
    """
    if len(uv_m) == 0:
        return np.zeros(0, np.int64)
    k, side = len(phase), pitch_m * np.sqrt(ROW)
    fine = np.floor((uv_m - uv_m.min(axis=0)) / side).astype(np.int64)
    key = fine[:, 0] * (fine[:, 1].max() + 1) + fine[:, 1]
    by_key = np.argsort(key, kind="stable")
    ordered = key[by_key]
    start = np.searchsorted(ordered, ordered)
    repeat = np.empty(len(key), np.int64)
    repeat[by_key] = np.arange(len(key)) - start
    number = phase[fine[:, 0] % k, fine[:, 1] % k] + k * k * repeat
    parts = []
    for one in np.unique(number):
        rows = np.flatnonzero(number == one)
        parts.append(rows[sweep(uv_m[rows], side * k)])
    return np.concatenate(parts)


def _interleaved(k: int) -> Callable[[Points, float], Rows]:
    return lambda uv_m, pitch_m: interleaved(uv_m, pitch_m, k)


BASELINES: dict[str, Callable[[Points, float], Rows]] = {
    "raster": raster,
    "boustrophedon": boustrophedon,
    **{f"interleaved_{k}": _interleaved(k) for k in range(2, 9)},
    "bayer": bayer,
    "random": random,
    "tour_2opt": tour_2opt,
}
