"""Skin of the region that is lost before any spot is placed, and why."""

from __future__ import annotations

from enum import Enum

import numpy as np
from numpy.typing import NDArray

from openmtz.geometry import TriangleMesh
from openmtz.planning.skin.rim import Rim


class LostSkin(str, Enum):
    """Why skin of the region gets no spots. Values stand in findings and files and never change.

    BROKEN: all its triangles were left out. CUT_OFF: what lies between it and the rest was lost.
    """

    BROKEN = "broken-surface"
    NEAR_HOLE = "near-hole"
    NEAR_EDGE = "near-edge"
    CUT_OFF = "cut-off"

    def __str__(self) -> str:
        return self.value


def lost_skin(
    mesh: TriangleMesh,
    asked: NDArray[np.bool_],
    kept: NDArray[np.int64],
    treated: NDArray[np.bool_],
    rim: Rim,
) -> NDArray[np.str_]:
    """Return `(W,)` the value of the cause for each vertex of the region that is not to be treated, else the
    empty text.

    `mesh` and `asked` `(W,)` are those of all skin, `rim` too; `kept` `(V,)` rows of the vertices left after
    the check of the surface, `treated` `(V,)` bool among them.
    """
    sound, in_plan = np.zeros(len(asked), np.bool_), np.zeros(len(asked), np.bool_)
    sound[kept], in_plan[kept] = True, treated
    outer, hole = rim.near(mesh.vertices)
    lost = np.full(len(asked), "", "<U24")
    lost[asked & ~in_plan] = LostSkin.CUT_OFF.value
    for where, why in ((outer, LostSkin.NEAR_EDGE), (hole, LostSkin.NEAR_HOLE), (~sound, LostSkin.BROKEN)):
        lost[asked & ~in_plan & where] = why.value
    return lost
