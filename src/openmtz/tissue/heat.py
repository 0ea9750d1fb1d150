"""Heat between the zones: line sources under an insulated surface, summed (domain facts, section 3).

One spot, r to its side and t after it, at the surface:
dT(r, t) = q' a / (pi k s) exp(-r^2/s) erf(L/sqrt(s)), s = 4 a t + w^2/2, q' = eta E/L.
Used to rank firing orders by damage Omega, never to promise a temperature: eta is uncertain (0.2-0.5).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import erf

from openmtz.tissue import heat_kernels as kernels
from openmtz.tissue.damage import HENRIQUES, ZERO_C_K

CONDUCTION_TIMES = 2.0
"""Omega is integrated until this many conduction times L^2/4a after the last spot (engineering default):
mid-gaps have cooled to less than half their peak, where the rate has fallen by orders of magnitude."""
FAR_TOLERANCE_K = 0.25
"""Rise that the spots left out in `mid_gap_heat` may have added (engineering default): 1 % of 25 K."""


@dataclass(frozen=True)
class HeatModel:
    """Tissue and damage constants.

    `eta`: residual heat fraction, 0.2-0.5 [D]; take the upper end to rank with care.
    `diffusivity_m2_s`: 0.10 mm2/s (0.05-0.12) [D]. `conductivity_w_mk`: diffusivity x density x specific heat
    of dermis, 1.0e-7 x 1116 x 3224 = 0.36 [D], within the 0.29-0.37 [V] measured.
    `spot_um`: 1/e2 beam diameter. `frequency_per_s`, `activation_k`: Henriques, epidermal necrosis [M].
    `skin_c`: before the first spot [M]. `revisit_s`: least time between neighbours, the relaxation
    time of a 120 um cylinder, d^2/16a = 9 ms [D].

    Raises:
        ValueError: a number that is not finite or not positive, or eta above 1.
    """

    eta: float = 0.3
    conductivity_w_mk: float = 0.36
    diffusivity_m2_s: float = 1.0e-7
    spot_um: float = 120.0
    frequency_per_s: float = HENRIQUES.frequency_per_s
    activation_k: float = HENRIQUES.activation_k
    skin_c: float = 34.0
    revisit_s: float = 0.009

    def __post_init__(self) -> None:
        for key in (
            "eta",
            "conductivity_w_mk",
            "diffusivity_m2_s",
            "spot_um",
            "frequency_per_s",
            "activation_k",
        ):
            value = getattr(self, key)
            if not (np.isfinite(value) and value > 0):
                raise ValueError(f"heat model: {key} must be positive and finite, got {value!r}")
        if self.eta > 1:
            raise ValueError(f"heat model: eta is a fraction, 0.2-0.5 as a rule, got {self.eta!r}")
        if not (np.isfinite(self.skin_c) and np.isfinite(self.revisit_s) and self.revisit_s >= 0):
            raise ValueError(f"heat model: skin_c {self.skin_c!r} or revisit_s {self.revisit_s!r} cannot be")

    @property
    def beam_m2(self) -> float:
        """Half the square of the beam's 1/e2 radius w [m2]: w^2/2."""
        return (self.spot_um * 0.5e-6) ** 2 / 2.0

    def conduction_s(self, depth_um: ArrayLike) -> NDArray[np.float64]:
        """Return the times [s] that zones of these depths L [um] need to cool, L^2/4a: 0.63 mm in 1 s [D]."""
        return (np.asarray(depth_um, np.float64) * 1e-6) ** 2 / (4.0 * self.diffusivity_m2_s)

    def source_k_m2(self, energy_mj: ArrayLike, depth_um: ArrayLike) -> NDArray[np.float64]:
        """Return the strength of line sources, q' a/(pi k) [K m2], of pulses [mJ] that go so deep [um]."""
        line_j_m = (
            self.eta * np.asarray(energy_mj, np.float64) * 1e-3 / (np.asarray(depth_um, np.float64) * 1e-6)
        )
        return line_j_m * self.diffusivity_m2_s / (math.pi * self.conductivity_w_mk)


class MidGapHeat(NamedTuple):
    """The highest rise `peak_k` [K] and the damage `omega` at each probe, `(P,)` each. Spots left out because
    they are far away would add at most `far_k` [K]."""

    peak_k: NDArray[np.float64]
    omega: NDArray[np.float64]
    far_k: float

    @property
    def p99_k(self) -> float:
        """The 99th percentile of the peak rise over the probes [K]; 0 if there are none."""
        return float(np.percentile(self.peak_k, 99)) if len(self.peak_k) else 0.0

    @property
    def omega_mean(self) -> float:
        """The mean Omega over the probes, which is the expected damage per gap; 0 if there are none."""
        return float(self.omega.mean()) if len(self.omega) else 0.0


def temperature_rise(
    uv_m: ArrayLike, fired_at_s: ArrayLike, energy_mj: ArrayLike, depth_um: ArrayLike,
    probes_m: ArrayLike, times_s: ArrayLike, heat: HeatModel | None = None,
) -> NDArray[np.float64]:  # fmt: skip
    """Return the rise `(P, T)` [K] at probes `(P, 2)` [m] and times `(T,)` [s]: the whole sum, nothing left
    out.

    `uv_m` `(N, 2)` [m] in the tangent plane; `fired_at_s`, `energy_mj`, `depth_um` `(N,)`. Takes N P T steps:
    the reference of `mid_gap_heat`, for a few thousand spots.

    Raises:
        ValueError: shapes that do not match, numbers that are none, depths or energies not positive.
    """
    heat = heat or HeatModel()
    uv, fired, energy, depth = _checked(uv_m, fired_at_s, energy_mj, depth_um)
    probes = np.asarray(probes_m, np.float64).reshape(-1, 2)
    times = np.asarray(times_s, np.float64).ravel()
    source, length = heat.source_k_m2(energy, depth), depth * 1e-6
    squared = ((probes[:, None, :] - uv[None]) ** 2).sum(axis=2)
    rise = np.zeros((len(probes), len(times)))
    for column, now in enumerate(times):
        past = fired <= now
        s = 4.0 * heat.diffusivity_m2_s * (now - fired[past]) + heat.beam_m2
        weight = source[past] / s * erf(length[past] / np.sqrt(s))
        rise[:, column] = np.exp(-squared[:, past] / s) @ weight
    return rise


def mid_gap_heat(
    uv_m: ArrayLike, fired_at_s: ArrayLike, energy_mj: ArrayLike, depth_um: ArrayLike,
    probes_m: ArrayLike, heat: HeatModel | None = None, *, tolerance_k: float = FAR_TOLERANCE_K,
) -> MidGapHeat:  # fmt: skip
    """Return peak rise and Omega at probes `(P, 2)` [m], summed over the spots that matter.

    Arguments as `temperature_rise`. Left out in space: spots whose heat has not come that far within the
    time, so that all of them together add less than `tolerance_k` (`far_k` is the bound, see `reach_m`).
    In time: each probe is looked at when its next spots' heat arrives and goes, and evenly in between.

    Raises:
        ValueError: as `temperature_rise`.
    """
    heat = heat or HeatModel()
    uv, fired, energy, depth = _checked(uv_m, fired_at_s, energy_mj, depth_um)
    probes = np.ascontiguousarray(np.asarray(probes_m, np.float64).reshape(-1, 2))
    if not np.isfinite(probes).all():
        raise ValueError("probes [m] must be finite")
    if len(uv) == 0 or len(probes) == 0:
        return MidGapHeat(np.zeros(len(probes)), np.zeros(len(probes)), 0.0)
    after = CONDUCTION_TIMES * float(heat.conduction_s(depth).max())
    start = float(fired.min())
    span = float(fired.max()) - start + after
    reach, far_k = reach_m(uv, energy, span, heat, tolerance_k)
    by_time = np.argsort(fired, kind="stable")
    spots = kernels.Fired(
        uv[by_time], fired[by_time] - start, heat.source_k_m2(energy, depth)[by_time], depth[by_time] * 1e-6
    )
    spreading = kernels.Spreading(
        float(reach), float(span), float(heat.diffusivity_m2_s), float(heat.beam_m2), kernels.ERF
    )
    damage = kernels.Damage(
        math.log(heat.frequency_per_s), float(heat.activation_k), float(heat.skin_c + ZERO_C_K)
    )
    buckets = kernels.bucket(spots.uv, reach / 4.0)
    peak, omega = kernels.probe_heat(probes, spots, buckets, spreading, damage)
    return MidGapHeat(peak, omega, far_k)


def reach_m(
    uv_m: NDArray[np.float64],
    energy_mj: NDArray[np.float64],
    span_s: float,
    heat: HeatModel,
    tolerance_k: float,
) -> tuple[float, float]:
    """Return the radius [m] beyond which spots may be left out, and the bound [K] of what they add.

    Spots of mean areal heat h [J/m2] beyond R, all as old as the whole span T: each erf <= 2 L/sqrt(pi s), so
    the ring adds at most h a/(k L) exp(-R^2/s) erf(L/sqrt(s)) <= (2/sqrt(pi)) h a / (k sqrt(s)) exp(-R^2/s).
    exp(-R^2/s)/sqrt(s) grows with s while s < 2 R^2, so s at T is the worst age. h is taken from the densest
    of 16 patches.
    """
    s = 4.0 * heat.diffusivity_m2_s * span_s + heat.beam_m2
    low, high = uv_m.min(axis=0), uv_m.max(axis=0)
    side = np.maximum(high - low, 1e-6)
    cells = np.minimum((4.0 * (uv_m - low) / side).astype(np.int64), 3)
    total = np.bincount(cells[:, 0] * 4 + cells[:, 1], energy_mj, minlength=16).max() * 1e-3 * heat.eta
    areal = total / (side[0] * side[1] / 16.0)
    worst = 2.0 / math.sqrt(math.pi) * areal * heat.diffusivity_m2_s / heat.conductivity_w_mk / math.sqrt(s)
    wanted = math.sqrt(s * max(math.log(max(worst, 1e-12) / tolerance_k), 0.5))
    diagonal = float(np.hypot(*side))
    reach = min(max(wanted, 1e-3), diagonal + 1e-6)
    return reach, 0.0 if reach > diagonal else worst * math.exp(-(reach**2) / s)


def _checked(
    uv_m: ArrayLike, fired_at_s: ArrayLike, energy_mj: ArrayLike, depth_um: ArrayLike
) -> tuple[NDArray[np.float64], ...]:
    uv = np.asarray(uv_m, np.float64).reshape(-1, 2)
    columns = []
    for name, values, positive in (
        ("fired_at_s", fired_at_s, False), ("energy_mj", energy_mj, True), ("depth_um", depth_um, True)
    ):  # fmt: skip
        column = np.asarray(values, np.float64)
        if column.shape != (len(uv),):
            raise ValueError(f"{name} must be ({len(uv)},), one per spot, got {column.shape}")
        if not np.isfinite(column).all() or (positive and (column <= 0).any()):
            bad = int(np.flatnonzero(~np.isfinite(column) | (positive & (column <= 0)))[0])
            raise ValueError(
                f"{name}[{bad}] is {float(column[bad])!r}: it must be finite" + (" and positive" * positive)
            )
        columns.append(column)
    if not np.isfinite(uv).all():
        raise ValueError(f"uv_m[{int(np.flatnonzero(~np.isfinite(uv).all(axis=1))[0])}] is not finite")
    return (uv, *columns)
