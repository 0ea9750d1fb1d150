"""Several passes over the same skin: each blue noise by itself, and all together.

The union is placed first, at the density of all passes. Its spots are then shared out so that those of one
pass lie far from each other, and all are relaxed again under two forces: one between all neighbours in
pitches of the union, one between neighbours of one pass in its own, longer pitch.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openmtz.planning.spots import colouring_kernels, pair_kernels, repulsion_kernels
from openmtz.planning.spots.placement import LEAST_DISTANCE_M, PlacementError, SpotPlacement, prepare
from openmtz.planning.spots.relaxation import Schedule

MAX_PASSES = 8
"""More passes than any range of the domain facts (section 4: one or two). Engineering default."""
SWEEPS = 40
HEAT = 0.15
"""Rounds of swapping, and how much dearer a swap may be at first. Engineering defaults."""
TOGETHER: Schedule = ((4, 0.12, 0.5), (8, 0.12, 0.7), (8, 0.12, 0.7), (8, 0.1, 0.7))
"""As `relaxation.SCHEDULE`; shorter steps, for two forces are stiffer than one. Engineering default."""
LEAST = 0.8
"""Pairs nearer than this are set apart, in pitches of their pass and of the union. Engineering default."""
APART = ((8, 1.0), (12, 1.0), (16, 1.0), (24, 0.66))
"""As `relaxation.SWEEPS`."""


class PassPlacement(NamedTuple):
    """`spots` of all passes and the pass `(N,)` of each, 0 to passes - 1."""

    spots: SpotPlacement
    pass_index: NDArray[np.int64]


def place_passes(
    vertices: ArrayLike,
    faces: ArrayLike,
    density_per_cm2: ArrayLike,
    passes: int,
    *,
    seed: int = 0,
    least_distance_m: float = LEAST_DISTANCE_M,
) -> PassPlacement:
    """Place `passes` times round(integral of the density) spots, evenly in each pass and in all together.

    Args:
        vertices: `(V, 3)` [m]. faces: `(F, 3)`. density_per_cm2: of one pass; a number or `(V,)`.
        passes: 1 to `MAX_PASSES`. seed: the same seed gives the same spots.
        least_distance_m: as for `placement.place_spots`, between spots of any pass.

    Returns:
        `PassPlacement`; every pass has the same number of spots, unless `spots.dropped` is not 0.

    Raises:
        PlacementError: passes out of range; else as `placement.place_spots`.

    Example:
        >>> import numpy as np
        >>> square = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]) * 0.01
        >>> spots, pass_index = place_passes(square, [[0, 1, 2], [0, 2, 3]], 100.0, 2, seed=1)
        >>> np.bincount(pass_index).tolist()
        [100, 100]
    """
    if not 1 <= passes <= MAX_PASSES or passes != int(passes):
        raise PlacementError(f"passes must be a whole number from 1 to {MAX_PASSES}, got {passes}")
    ground = prepare(vertices, faces, density_per_cm2, least_distance_m, int(passes))
    skin, rng = ground.skin, np.random.default_rng(seed)
    spots = skin.lay_out(ground.total, rng)
    layer = np.zeros(ground.total, np.int32)
    listed = skin.relax(spots, layer)
    if passes > 1:
        reach = np.float32(repulsion_kernels.RANGE * np.sqrt(passes)) / spots.state[:, 3]
        near = pair_kernels.list_near(spots.state, reach, spots.state, float(reach.max()), False)
        layer = colouring_kernels.colour(
            spots.state, near, int(passes), repulsion_kernels.RANGE, SWEEPS, HEAT, int(rng.integers(1 << 31))
        )
        listed = skin.relax(spots, layer, TOGETHER)
        near = skin.separate(spots, layer, least_distance_m, listed, LEAST, APART)
    else:
        near = skin.separate(spots, layer, least_distance_m, listed)
    placement, keep = ground.finish(spots, near, least_distance_m)
    return PassPlacement(placement, layer[keep].astype(np.int64))
