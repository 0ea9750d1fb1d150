"""How much of the skin is removed, coagulated, left: in total and over the surface, overlaps counted once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from openmtz.geometry import TriangleMesh
from openmtz.planning.dose.bridges import Bridges, Rows
from openmtz.planning.dose.footprints import Footprints
from openmtz.tissue import TissueError

Array = NDArray[np.float64]
SAMPLES = 96
"""Points per ellipse where ellipses overlap: the union is within 0.5 % of a fine raster (tests)."""
SPREAD_VERTICES = 12
"""Each spot is shared among so many vertices: about two rings of a regular mesh."""


@dataclass(frozen=True, eq=False)
class Areas:
    """Skin each spot adds [mm2], `(N,)` each, what several share divided evenly: the sums are the unions.
    `ablated`: crater entrances. `affected`: with their coagulated rims."""

    ablated_mm2: Array
    affected_mm2: Array


@dataclass(frozen=True, eq=False)
class DoseMap:
    """Per vertex `(V,)` of the surface: `ablated` and `affected` (ablated + coagulated) share of the skin,
    `removed_um` tissue removed as a mean depth [um], `energy_j_cm2`. Vertices times their areas add up to the
    spots' totals: spots outside the surface count at its nearest vertices; at its very border the
    map reads low, as nothing comes from beyond."""

    ablated: Array
    affected: Array
    removed_um: Array
    energy_j_cm2: Array


def covered_areas(spots: Footprints, bridges: Bridges) -> Areas:
    """Return the skin the spots cover, each place once; `bridges` are those of the same spots and rims."""
    return Areas(_own_mm2(spots, bridges.merging, False), _own_mm2(spots, bridges.touching, True))


def dose_map(mesh: TriangleMesh, spots: Footprints, bridges: Bridges) -> DoseMap:
    """Return the predicted dose over a surface. Smooth over about two rings of vertices, totals exact.

    Raises:
        TissueError: a surface of which no spot is near any vertex that has area.
    """
    area_mm2 = mesh.vertex_areas() * 1e6
    usable = np.flatnonzero(area_mm2 > 0.0)
    if len(usable) == 0:
        raise TissueError("the surface has no area: give the captured mesh, in metres")
    count = min(SPREAD_VERTICES, len(usable))
    far, near = cKDTree(mesh.vertices[usable]).query(spots.position_m, k=count)
    far, near = far.reshape(len(spots), count), usable[near.reshape(len(spots), count)]
    # A smooth kernel that ends just beyond the last of the vertices, weighted with the skin each stands for.
    reach = far[:, -1:] * (1.0 + 1.0 / count) + 1e-12
    weight = (1.0 - (far / reach) ** 2) ** 2 * area_mm2[near]
    weight /= weight.sum(axis=1, keepdims=True)

    def spread(values: Array) -> Array:
        total = np.bincount(near.ravel(), (weight * values[:, None]).ravel(), len(area_mm2))
        return np.divide(total, area_mm2, out=np.zeros(len(area_mm2)), where=area_mm2 > 0.0)

    own = covered_areas(spots, bridges)
    return DoseMap(
        ablated=spread(own.ablated_mm2),
        affected=spread(own.affected_mm2),
        removed_um=spread(spots.volume_mm3) * 1e3,
        energy_j_cm2=spread(spots.energy_mj) * 0.1,  # mJ/mm2 are 0.1 J/cm2
    )


def _own_mm2(spots: Footprints, pairs: Rows, with_rim: bool) -> Array:
    """Return the area of each ellipse less what others share of it."""
    from openmtz.planning.dose.union_kernels import own_share

    long, short = spots.axes_um(with_rim)
    area = np.pi * long * short * 1e-6
    both = np.concatenate([pairs, pairs[:, ::-1]])
    both = both[np.argsort(both[:, 0], kind="stable")]
    starts = np.searchsorted(both[:, 0], np.arange(len(spots) + 1))
    across = np.cross(spots.normal, spots.long_axis)
    share = own_share(
        spots.position_m, spots.long_axis, across, np.maximum(long, 1e-9) * 1e-6,
        np.maximum(short, 1e-9) * 1e-6, starts, np.ascontiguousarray(both[:, 1]), SAMPLES,
    )  # fmt: skip
    return np.asarray(area * share, np.float64)
