"""Did ground truth show harm? A closed list of names, each with its limit and where the limit comes from.

Marks [V] [M] [D] are those of the domain facts. A harm says that something happened to the patient which no
plan asked for; it is judged on the truth alone and not on whether any guard noticed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openmtz.limits import DEFOCUS_SHARE, LIMITS as ABSOLUTE, STEEP_SHARE
from openmtz.plan import TreatmentPlan
from openmtz.planning.dose import Footprints, find_bridges
from openmtz.records import FiredSpots
from openmtz.simulation.truth.tissue_truth import ShotRecords
from openmtz.simulation.truth.truth_report import OUTSIDE_M, TruthReport, against_plan, report
from openmtz.tissue import HeatModel, TissueError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class HarmLimit:
    """What counts as this harm: more than `value` in `unit`, and where that comes from; for more than `share`
    of the shots of which it is known. Shares stand only where a clean run has some: the walls of true scars
    are steeper, and their floors deeper, than a capture at 1 mm shows."""

    name: str
    value: float
    unit: str
    source: str
    share: float = 0.0


LIMITS: dict[str, HarmLimit] = {
    limit.name: limit
    for limit in (
        HarmLimit("off-target", 1e-3, "m from its planned place along the skin",
                  "engineering default: twice what still counts as delivered"),
        HarmLimit("outside-region", OUTSIDE_M, "m from every planned spot",
                  "engineering default: two pitches at 5 % [D]"),
        HarmLimit("off-patient", 0.0, "emissions that met no skin", "a class 4 beam in the room [M]"),
        HarmLimit("unplanned-shot", 0.0, "emissions that name no spot of the plan", "by definition"),
        HarmLimit("double-dose", 1.0, "emissions of one spot",
                  "stacking on one site chars after 3-8 pulses at 1/s [V]; one is planned"),
        HarmLimit("stacked", 0.0, "earlier shots of other spots on the same place", "as double-dose [V]"),
        HarmLimit("over-energy", 1.20, "of the planned energy", "output within +-20 % [M]"),
        HarmLimit("under-energy", 1.20, "times below the planned energy", "output within +-20 % [M]"),
        HarmLimit("defocus", 1.20, "times above or below the planned fluence per energy, by defocus alone",
                  "as the output, +-20 % [M]; of over 10 % of the shots (`limits.delivered`)", DEFOCUS_SHARE),
        HarmLimit("too-deep", 1.5, "of the planned depth",
                  "engineering default: two shots on one place reach 1.9"),
        HarmLimit("steep-incidence", math.radians(ABSOLUTE["incidence_deg"].value), "rad",
                  "refuse at 30 degrees [D]; of over 25 % of the shots (`limits.delivered`)", STEEP_SHARE),
        HarmLimit("merged-zones", 0.0, "pairs of merging craters beyond those of the plan",
                  "bridges of healthy skin are what it heals from (domain facts, section 5b)"),
        HarmLimit("over-heated", 45.0, "J/cm2 within any 1 cm2 and 10 s",
                  "engineering default of the safety monitor: 35 is in use [D]"),
        HarmLimit("bulk-damage", 1.0, "Omega between zones, 95th percentile", "63 % of cells [M]"),
        HarmLimit("emission-while-moving", 1e-3, "m/s of the scan head",
                  "robot stationary while the laser fires [M]; engineering default: 1 um in 1 ms"),
        HarmLimit("emission-after-stop", 0.0, "s after the stop's grace", "the stop's own"),
        HarmLimit("patient-moved", 0.5e-3, "m from where the skin was captured",
                  "engineering default: what still counts as delivered"),
        HarmLimit("no-fire-volume", 0.0, "hits within a no-fire volume", "eyes, lips, operator-drawn"),
        HarmLimit("unreported-emission", 0.0, "emissions the device's report lacks",
                  "the dose ledger would be wrong"),
    )
}  # fmt: skip
"""The closed list, in the order in which harms are reported."""


@dataclass(frozen=True)
class Harm:
    """`name` of `LIMITS`; `count` of shots (or pairs, or spots); `worst` and `limit` in `unit`; `first_s`
    when it first happened, NaN where it is no single shot's."""

    name: str
    count: int
    worst: float
    limit: float
    unit: str
    first_s: float


@dataclass(frozen=True)
class Stop:
    """From `time_s` plus `grace_s` to `until_s` nothing may be emitted. Grace: a lost heartbeat must end
    emission within 100 ms [M]; give 1 ms for a line that acts in hardware [M]."""

    time_s: float
    until_s: float = math.inf
    grace_s: float = 0.1
    name: str = "stop"


@dataclass(frozen=True)
class Circumstances:
    """What else was true of the run. `stops`; `no_fire`: balls as (centre `(3,)` [m] on the skin at rest,
    radius [m]); `fired`: the device's report; `heat`: the model for `bulk-damage`."""

    stops: Sequence[Stop] = ()
    no_fire: Sequence[tuple[ArrayLike, float]] = ()
    fired: FiredSpots | None = None
    heat: HeatModel | None = None
    limits: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown = sorted(set(self.limits) - set(LIMITS))
        if unknown:
            raise TissueError(f"unknown harm {unknown[0]!r}; known: {', '.join(LIMITS)}")


def harm(
    records: ShotRecords,
    plan: TreatmentPlan,
    circumstances: Circumstances | None = None,
    summary: TruthReport | None = None,
) -> tuple[Harm, ...]:
    """Return the harms ground truth shows, in the order of `LIMITS`; empty if there is none.

    `summary`: the report of the same records, plan, fired spots and heat model, if there is one already.

    Raises:
        TissueError: a limit for an unknown harm. openmtz.optics.ProfileError: a plan without a profile.
    """
    around = circumstances or Circumstances()
    shots, beside = records.shots, against_plan(records, plan)
    summary = summary or report(records, plan, around.fired, around.heat)
    repeats = _emissions_so_far(shots.spot_index, beside.planned)
    found = _Found(shots.time_s, around.limits)
    found.each("off-target", beside.miss_m)
    found.each("outside-region", beside.away_m)
    found.each("off-patient", (~shots.hit).astype(float))
    found.each("unplanned-shot", (~beside.planned).astype(float))
    found.each("double-dose", repeats)
    found.each("stacked", records.stacked - np.nan_to_num(repeats - 1.0))
    found.each("over-energy", beside.energy_ratio)
    found.each("under-energy", _inverse(beside.energy_ratio))
    found.each("defocus", np.fmax(beside.focus_ratio, _inverse(beside.focus_ratio)))
    found.each("too-deep", beside.depth_ratio)
    found.each("steep-incidence", np.where(shots.hit, np.abs(shots.incidence_rad), np.nan))
    found.total("merged-zones", max(summary.merged - _planned_merging(plan, summary), 0))
    found.each("over-heated", records.disc_j_cm2)
    found.whole("bulk-damage", summary.omega_p95)
    found.each("emission-while-moving", _known(shots.arm_speed_m_s))
    found.each("emission-after-stop", _after_stop(shots.time_s, around.stops))
    found.each("patient-moved", _known(shots.patient_shift_m))
    found.each("no-fire-volume", _forbidden(records, around.no_fire))
    found.total("unreported-emission", summary.unreported)
    return tuple(found.harms)


class _Found:
    """Collects harms in the order asked for."""

    def __init__(self, time_s: Array, limits: dict[str, float]) -> None:
        self._time, self._limits = time_s, limits
        self.harms: list[Harm] = []

    def each(self, name: str, value: ArrayLike) -> None:
        """A number per shot, NaN where not known."""
        value = np.asarray(value, np.float64)
        over = np.flatnonzero(value > self._limit(name))
        if len(over) > LIMITS[name].share * int(np.isfinite(value).sum()):
            self._add(name, len(over), float(value[over].max()), float(self._time[over].min()))

    def total(self, name: str, count: int) -> None:
        """A number of things that are no single shot's."""
        if count > self._limit(name):
            self._add(name, count, float(count), math.nan)

    def whole(self, name: str, value: float) -> None:
        """A number of the whole run."""
        if value > self._limit(name):
            self._add(name, 1, value, math.nan)

    def _limit(self, name: str) -> float:
        return self._limits.get(name, LIMITS[name].value)

    def _add(self, name: str, count: int, worst: float, first_s: float) -> None:
        self.harms.append(Harm(name, count, worst, self._limit(name), LIMITS[name].unit, first_s))


def _known(value: Array | None) -> Array:
    """Return the column, empty where the run has none."""
    return np.zeros(0) if value is None else value


def _inverse(ratio: Array) -> Array:
    """Return 1 / ratio `(N,)`, NaN staying NaN, infinite for nothing at all."""
    return np.divide(1.0, ratio, out=np.where(np.isnan(ratio), np.nan, np.inf), where=ratio > 0.0)


def _emissions_so_far(index: NDArray[np.int64], planned: NDArray[np.bool_]) -> Array:
    """Return `(N,)` how often each shot's spot had been emitted, this shot included; NaN if not planned."""
    order = np.argsort(index, kind="stable")
    starts = np.concatenate([[True], np.diff(index[order]) != 0])[: len(index)]
    since = np.maximum.accumulate(np.where(starts, np.arange(len(index)), 0))
    so_far = np.empty(len(index))
    so_far[order] = np.arange(len(index)) - since + 1.0
    return np.where(planned, so_far, np.nan)


def _planned_merging(plan: TreatmentPlan, summary: TruthReport) -> int:
    """Return how many pairs of craters merge by the plan itself; worked out only where truth has any."""
    return len(find_bridges(Footprints.of_plan(plan)).merging) if summary.merged and len(plan) else 0


def _after_stop(time_s: Array, stops: Sequence[Stop]) -> Array:
    """Return `(N,)` how long after the end of the grace of a stop in force [s]; NaN outside."""
    late = np.full(len(time_s), np.nan)
    for stop in stops:
        after = time_s - stop.time_s - stop.grace_s
        late = np.fmax(late, np.where((after > 0.0) & (time_s < stop.until_s), after, np.nan))
    return late


def _forbidden(records: ShotRecords, balls: Sequence[tuple[ArrayLike, float]]) -> Array:
    """Return `(N,)` in how many no-fire volumes each hit lies."""
    inside = np.zeros(len(records))
    for center, radius_m in balls:
        far = np.linalg.norm(records.shots.rest_position_m - np.asarray(center, np.float64), axis=1)
        inside += far <= radius_m  # NaN, a shot that hit nothing, is in none
    return inside
