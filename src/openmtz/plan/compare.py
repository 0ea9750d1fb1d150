"""What differs between two plans: header, spots, dose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from openmtz.plan.plan import TreatmentPlan

SAME_M = 1e-9
"""Positions are whole nanometres: what lies nearer is the same spot [m]."""
MOVED_M = 150e-6
"""A spot with another within this is that one moved, not one gone and one added [m]: below half the tightest
pitch in use (205 um at 1768 per cm2 is 256 um hexagonal [D]) there is never a second candidate."""


@dataclass(frozen=True)
class PlanDifference:
    """`header`: (field, value in a, value in b), dotted names, only what differs. Counts of spots: `same` in
    place, energy, pulse and pass; `changed`: same place, other energy, pulse, depth or pass; `moved` by up to
    `MOVED_M`; `added` in b; `removed` from a. `moved_um`: median and largest. `energy_mj`: total of a and b.
    `order_same`: the spots the plans share are fired in the same order."""

    header: tuple[tuple[str, Any, Any], ...]
    same: int
    changed: int
    moved: int
    added: int
    removed: int
    moved_um: tuple[float, float]
    energy_mj: tuple[float, float]
    order_same: bool

    @property
    def nothing(self) -> bool:
        """True where the plans deliver the same in the same order, with the same header."""
        spots = self.changed + self.moved + self.added + self.removed
        return not self.header and spots == 0 and self.order_same


def compare_plans(a: TreatmentPlan, b: TreatmentPlan) -> PlanDifference:
    """Return what differs between two plans. Pairs are mutual nearest neighbours, each spot in one at
    most."""
    rows_a, rows_b, distance = _pairs(a.positions_m, b.positions_m)
    still = distance <= SAME_M
    alike = np.ones(len(rows_a), np.bool_)
    for name in ("energy_uj", "pulse_us", "depth_um", "pass_index"):
        alike &= getattr(a, name)[rows_a] == getattr(b, name)[rows_b]
    moved = distance[~still] * 1e6
    return PlanDifference(
        header=tuple(_differing(_flat(a.header), _flat(b.header))),
        same=int((still & alike).sum()),
        changed=int((still & ~alike).sum()),
        moved=len(moved),
        added=len(b) - len(rows_b),
        removed=len(a) - len(rows_a),
        moved_um=(float(np.median(moved)), float(moved.max())) if len(moved) else (0.0, 0.0),
        energy_mj=(float(a.energy_uj.sum()) / 1e3, float(b.energy_uj.sum()) / 1e3),
        order_same=bool((np.diff(rows_b[np.argsort(rows_a)]) > 0).all()),
    )


def _pairs(
    a: NDArray[np.float64], b: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return rows of a, rows of b and their distance [m]: each is the other's nearest, within `MOVED_M`."""
    none = np.zeros(0, np.int64)
    if len(a) == 0 or len(b) == 0:
        return none, none, np.zeros(0)
    distance, to_b = cKDTree(b).query(a, distance_upper_bound=MOVED_M)
    _, to_a = cKDTree(a).query(b, distance_upper_bound=MOVED_M)
    rows = np.flatnonzero(np.isfinite(distance))
    rows = rows[to_a[to_b[rows]] == rows]
    return rows, np.asarray(to_b[rows], np.int64), distance[rows]


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    if not isinstance(value, dict):
        return {name: value}
    result: dict[str, Any] = {}
    for key in value:
        result |= _flat(value[key], f"{name}.{key}" if name else str(key))
    return result


def _differing(a: dict[str, Any], b: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    return [(key, a.get(key), b.get(key)) for key in sorted({*a, *b}) if a.get(key) != b.get(key)]
