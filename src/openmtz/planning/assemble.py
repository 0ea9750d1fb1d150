"""Put spots, stations and orders together into the integers of a `TreatmentPlan`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from openmtz.geometry import pose_to_vector
from openmtz.optics import HandpieceProfile
from openmtz.plan import TreatmentPlan
from openmtz.planning.order import (
    ANNEALED,
    FEW,
    SWEEPS,
    FiringOrder,
    Group,
    HeadTiming,
    firing_order,
    group_waits,
)
from openmtz.planning.stations import Stations
from openmtz.tissue import HeatModel

MOST_THREADS = 2
"""Groups ordered at the same time; fewer where `NUMBA_NUM_THREADS` says so (campaign workers have one)."""
EFFORT, CAREFUL_SPOTS = 0.05, 4_000
"""Share of the annealing that spots of small stations get, 0.4 to 1.6 s of CPU for so many of them; where a
plan has more, each gets less of it (`ordering.firing_order`, effort), none below half. Engineering
defaults."""


def assemble(
    header: dict[str, Any],
    positions_m: NDArray[np.float64],
    normals: NDArray[np.float64],
    energy_mj: NDArray[np.float64],
    depth_um: NDArray[np.float64],
    pass_index: NDArray[np.int64],
    stations: Stations,
    profile: HandpieceProfile,
) -> TreatmentPlan:
    """Return the plan. Passes follow each other; every second one visits the stations the other way round.

    The kind of firing order is chosen on the largest group of spots and then used for all groups; where it is
    sweeps, small groups are annealed instead. Orders are compared at the upper end of the profile's interval
    of residual heat, which is the careful one.
    """
    timing = HeadTiming.of(profile)
    heat = HeatModel(eta=profile.residual_heat[2], spot_um=profile.spot_um)
    energy_uj = np.rint(energy_mj * 1000.0).astype(np.uint32)
    whole_um = np.maximum(np.rint(depth_um), 1).astype(np.uint32)
    groups: list[tuple[int, int, NDArray[np.int64]]] = []
    for number in range(int(pass_index.max(initial=0)) + 1):
        visit = range(len(stations.poses))
        for station in visit if number % 2 == 0 else reversed(visit):
            rows = np.flatnonzero((stations.station == station) & (pass_index == number))
            if len(rows):
                groups.append((station, number, rows))
    small = sum(len(rows) for _, _, rows in groups if len(rows) <= FEW)
    effort = EFFORT * min(1.0, CAREFUL_SPOTS / max(small, 1)) if small <= 2 * CAREFUL_SPOTS else 0.0
    chosen = None
    header = dict(header)
    if groups:
        largest = max(groups, key=lambda g: len(g[2]))[2]
        result = firing_order(
            positions_m[largest], energy_uj[largest] / 1000.0, whole_um[largest], timing, heat, effort=effort
        )
        chosen = result.name
        header["firing_order"] = {"name": chosen, "compared": _relative(result)}

    def ordered(group: tuple[int, int, NDArray[np.int64]]) -> FiringOrder:
        rows = group[2]
        kind = ANNEALED if chosen in SWEEPS and len(rows) <= FEW and effort else chosen
        return firing_order(
            positions_m[rows], energy_uj[rows] / 1000.0, whole_um[rows], timing, heat,
            only=kind, effort=effort,
        )  # fmt: skip

    with ThreadPoolExecutor(min(MOST_THREADS, numba.get_num_threads())) as pool:  # kernels let the lock go
        results = list(pool.map(ordered, groups))
    rows_in_order = [rows[r.order] for (_, _, rows), r in zip(groups, results, strict=True)]
    not_before = [np.floor(r.not_before_s * 1e6 + 1e-3) for r in results]
    to_wait = [
        Group(positions_m[rows], at * 1e-6, energy_uj[rows] / 1e3, whole_um[rows].astype(np.float64))
        for rows, at in zip(rows_in_order, not_before, strict=True)
    ]
    header["group_wait_s"] = group_waits(to_wait, [number for _, number, _ in groups], heat)
    order = np.concatenate(rows_in_order) if groups else np.zeros(0, np.int64)
    unit = normals[order] / np.linalg.norm(normals[order], axis=1, keepdims=True)
    return TreatmentPlan(
        header=header,
        position_nm=np.rint(positions_m[order] * 1e9),
        normal_e9=np.rint(unit * 1e9),
        energy_uj=energy_uj[order],
        pulse_us=np.rint(profile.pulse_of_energy_us(energy_uj[order] / 1000.0)),
        depth_um=whole_um[order],
        not_before_us=np.concatenate([np.zeros(0), *not_before]).astype(np.uint32),
        station=stations.station[order].astype(np.uint16),
        pass_index=pass_index[order].astype(np.uint8),
        station_pose=np.array([pose_to_vector(p) for p in stations.poses]).reshape(-1, 7),
    )


def _relative(result: FiringOrder) -> list[dict[str, Any]]:
    """Return the orders compared, damage Omega as a multiple of the chosen one's: eta is too uncertain for
    absolute numbers to mean anything (domain facts, section 3)."""
    base = max(result.omega, 1e-12)
    return [
        {"name": name, "omega_relative": float(f"{omega / base:.3g}"), "duration_s": round(seconds, 3)}
        for name, omega, _, seconds in result.compared
    ]
