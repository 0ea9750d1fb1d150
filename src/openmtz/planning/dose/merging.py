"""Zones that would merge: of each such pair one spot is refused, so that every bridge of skin stays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from openmtz.planning.dose.bridges import find_bridges
from openmtz.planning.dose.footprints import Footprints


def merging_spots(spots: Footprints) -> NDArray[np.int64]:
    """Return rows, ascending, to refuse so that no two craters merge and no two spots lie within a beam's
    radius: of each pair the one that is in more pairs, else the later one.

    Raises:
        TissueError: spots in heaps.
    """
    pairs = find_bridges(spots).merging
    dropped: set[int] = set()
    while len(pairs):
        often = np.bincount(pairs.ravel(), minlength=len(spots))
        first, second = pairs[0]
        gone = int(first if often[first] > often[second] else second)
        dropped.add(gone)
        pairs = pairs[(pairs != gone).all(axis=1)]
    return np.array(sorted(dropped), np.int64)
