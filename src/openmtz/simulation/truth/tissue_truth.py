"""What the shots really did to the skin, whatever plan and software believe. No ROS, no physics engine.

Positions are those on the skin at rest, so that a crater stays where it is while the patient moves.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from openmtz.optics import HandpieceProfile
from openmtz.tissue import (
    DERMIS,
    MOST_INCIDENCE_RAD,
    SKIN,
    AblationModel,
    CoagulationModel,
    TissueError,
    craters,
    peak_disc_j_cm2,
    rims,
)

Array = NDArray[np.float64]
MERGE_MARGIN_UM = 12.0
"""Craters overlap when they do by more than this: a tenth of a 120 um spot, above 15 urad of mirror jitter
(2 um) [V]; engineering default."""
_EVERYWHERE = ("energy_mj", "pulse_us", "time_s")
_WHERE_HIT = ("rest_position_m", "incidence_rad", "defocus_m")


@dataclass(frozen=True, eq=False)
class Shots:
    """`N` emissions in any order: what `ShotHits` says of them, on the skin at rest.

    Attributes:
        hit: `(N,)` bool, met the patient. spot_index: `(N,)` row of the plan the device named.
        rest_position_m: `(N, 3)` on the skin at rest, `world` [m]; NaN where nothing was hit.
        incidence_rad, defocus_m: `(N,)`, NaN where nothing was hit.
        energy_mj, pulse_us, time_s: `(N,)`, really emitted, really when.
        arm_speed_m_s: `(N,)` of the scan head at that instant; NaN or left out: not known.
        patient_shift_m: `(N,)` how far the skin was from where it was captured; likewise.

    Raises:
        TissueError: lengths that differ, NaN where there must be a number, energy or pulse not positive.
    """

    hit: NDArray[np.bool_]
    spot_index: NDArray[np.int64]
    rest_position_m: Array
    incidence_rad: Array
    defocus_m: Array
    energy_mj: Array
    pulse_us: Array
    time_s: Array
    arm_speed_m_s: Array | None = None
    patient_shift_m: Array | None = None

    def __post_init__(self) -> None:
        hit = np.asarray(self.hit, np.bool_).ravel()
        count = len(hit)
        values: dict[str, ArrayLike] = {"hit": hit}
        for field in fields(self)[1:]:
            value = getattr(self, field.name)
            value = np.full(count, np.nan) if value is None else value
            kind = np.int64 if field.name == "spot_index" else np.float64
            shape = (count, 3) if field.name == "rest_position_m" else (count,)
            array = np.array(value, kind)
            if array.shape != shape:
                raise TissueError(
                    f"{field.name} must have shape {shape}, one row per `hit`, got {array.shape}"
                )
            values[field.name] = array
        for name in (*_EVERYWHERE, *_WHERE_HIT):
            good = np.isfinite(np.asarray(values[name]))
            bad = ~(good if good.ndim == 1 else good.all(axis=1)) & (hit | (name in _EVERYWHERE))
            if bad.any():
                raise TissueError(
                    f"{name}: {int(bad.sum())} rows are NaN or infinite, first {int(np.argmax(bad))}"
                )
        for name in ("energy_mj", "pulse_us"):
            low = np.asarray(values[name]) <= 0.0
            if low.any():
                raise TissueError(
                    f"{name}: row {int(np.argmax(low))} is not positive; leave out what did not fire"
                )
        for name, known in values.items():
            object.__setattr__(self, name, known)

    def __len__(self) -> int:
        return len(self.hit)


@dataclass(frozen=True, eq=False)
class ShotRecords:
    """Ground truth of `N` shots, `(N,)` each, in the order of time; craters are zero where nothing was hit.

    Attributes:
        shots: what was emitted and met, in the same order.
        depth_um, half_long_um, half_short_um, volume_mm3: the crater this shot would make in intact skin.
        rim_um, base_rim_um: coagulation beside and below it.
        channel_um: how deep the place is after this shot, earlier ones on it included.
        stacked: earlier shots on the same place. merged: earlier craters of other spots it overlaps, and
        overlap_um by how much at most. nearest_m: to the nearest other shot, NaN where there is none.
    """

    shots: Shots
    depth_um: Array
    half_long_um: Array
    half_short_um: Array
    volume_mm3: Array
    rim_um: Array
    base_rim_um: Array
    channel_um: Array
    stacked: NDArray[np.int64]
    merged: NDArray[np.int64]
    overlap_um: Array
    nearest_m: Array

    def __len__(self) -> int:
        return len(self.shots)

    @cached_property
    def disc_j_cm2(self) -> Array:
        """`(N,)` highest energy per area around each hit, in any 10 s [J/cm2]; NaN where nothing was hit."""
        value, on = np.full(len(self), np.nan), self.shots.hit
        value[on] = peak_disc_j_cm2(
            self.shots.rest_position_m[on], self.shots.energy_mj[on], self.shots.time_s[on]
        )
        return value


class TissueTruth:
    """Accumulates shots on one patient; `records` says what they did."""

    def __init__(
        self,
        profile: HandpieceProfile,
        *,
        ablation: AblationModel = SKIN,
        coagulation: CoagulationModel = DERMIS,
        residual_heat: float | None = None,
    ) -> None:
        """`residual_heat`: true share of the energy that stays as heat; by default the profile's nominal."""
        self.profile = profile
        self._ablation, self._coagulation, self._residual = ablation, coagulation, residual_heat
        self._batches: list[Shots] = []
        self._known: ShotRecords | None = None

    def __len__(self) -> int:
        return sum(len(batch) for batch in self._batches)

    def add(self, shots: Shots) -> None:
        """Add a batch. Batches may come in any order; `time_s` decides."""
        if len(shots):
            self._batches.append(shots)
            self._known = None

    def records(self) -> ShotRecords:
        """Return what all shots so far did; computed anew only after `add`."""
        if self._known is None:
            self._known = self._work_out(_in_time(self._batches))
        return self._known

    def _work_out(self, shots: Shots) -> ShotRecords:
        count, on = len(shots), np.flatnonzero(shots.hit)
        columns = {name: np.zeros(count) for name in _CRATER}
        stacked, merged = np.zeros(count, np.int64), np.zeros(count, np.int64)
        nearest = np.full(count, np.nan)
        if len(on):
            # Steeper than footprints are defined the shot grazes: as at the limit.
            incidence = np.minimum(np.abs(shots.incidence_rad[on]), MOST_INCIDENCE_RAD - 1e-6)
            energy, defocus = shots.energy_mj[on], shots.defocus_m[on]
            hole = craters(self.profile, energy, defocus, incidence, self._ablation)
            rim = rims(
                self.profile, energy, shots.pulse_us[on], defocus, incidence, residual_heat=self._residual,
                ablation=self._ablation, model=self._coagulation,
            )  # fmt: skip
            radius = np.sqrt(hole.half_long_um * hole.half_short_um) * 1e-6
            place = shots.rest_position_m[on]
            channel, stack, merge, overlap, near = self._meet(
                place, shots.spot_index[on], radius, hole.depth_um
            )
            stacked[on], merged[on], nearest[on] = stack, merge, near
            for name, value in zip(_CRATER, (*hole, *rim, channel, overlap), strict=True):
                columns[name][on] = value
        return ShotRecords(shots=shots, stacked=stacked, merged=merged, nearest_m=nearest, **columns)

    def _meet(
        self, place: Array, index: NDArray[np.int64], radius: Array, depth_um: Array
    ) -> tuple[Array, NDArray[np.int64], NDArray[np.int64], Array, Array]:
        """Return channel depth [um], stacked, merged, overlap [um], nearest [m], `(M,)` each, by time."""
        from openmtz.simulation.truth.crater_kernels import Craters, meet_earlier
        from openmtz.tissue import sort_cells

        length = self._ablation.loss_length_um
        reach = max(2.0 * float(radius.max()), 1e-5)
        order, ranges = sort_cells(place, reach)
        craters = Craters(
            np.ascontiguousarray(place[order].T), order, index[order], radius[order],
            np.expm1(depth_um[order] / length),
        )  # fmt: skip
        found = meet_earlier(craters, tuple(ranges), reach, MERGE_MARGIN_UM * 1e-6)
        total, stacked, merged, overlap, nearest = (_undo(order, column) for column in found)
        alone = np.flatnonzero(np.isinf(nearest))
        if len(place) < 2:
            nearest[alone] = np.nan
        elif len(alone):
            nearest[alone] = cKDTree(place).query(place[alone], k=2)[0][:, 1]
        return length * np.log1p(total), stacked, merged, overlap * 1e6, nearest


_CRATER = (
    "depth_um", "half_long_um", "half_short_um", "volume_mm3", "rim_um", "base_rim_um", "channel_um",
    "overlap_um",
)  # fmt: skip


def _undo(order: NDArray[np.int64], column: NDArray) -> NDArray:
    out = np.empty_like(column)
    out[order] = column
    return out


def _in_time(batches: list[Shots]) -> Shots:
    """Return all batches as one, sorted by time; equal times in the order they came."""
    if not batches:
        none = np.zeros(0)
        return Shots(none.astype(bool), none.astype(np.int64), np.zeros((0, 3)), *[none] * 5)
    joined = {f.name: np.concatenate([getattr(b, f.name) for b in batches]) for f in fields(Shots)}
    order = np.argsort(joined["time_s"], kind="stable")
    return Shots(**{name: value[order] for name, value in joined.items()})
