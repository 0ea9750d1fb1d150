"""Heat between the zones: line sources under an insulated surface, summed (domain facts, section 3).

One spot: dT(r, t) = q' a / (pi k s) exp(-r^2/s) erf(L/sqrt(s)), s = 4 a t + w^2/2, q' = eta E/L.
Used to rank firing orders by damage Omega, never to promise a temperature: eta is uncertain (0.2-0.5).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.spatial import Delaunay, QhullError


@dataclass(frozen=True)
class HeatModel:
    """Tissue and damage constants.

    `eta`: residual heat fraction, 0.2-0.5 [D]. `conductivity_w_mk`: dermis 0.29-0.37 [V].
    `diffusivity_m2_s`: 0.10 mm2/s (0.05-0.12) [D]. `spot_um`: beam diameter.
    `frequency_per_s`, `activation_k`: Henriques, epidermal necrosis, 3.1e98 /s and 75,000 K [M], checked [D].
    `skin_c`: before the first spot [M]. `revisit_s`: least time between neighbours, the relaxation
    time of a 120 um cylinder, d^2/16a = 9 ms [D].
    """

    eta: float = 0.3
    conductivity_w_mk: float = 0.33
    diffusivity_m2_s: float = 1.0e-7
    spot_um: float = 120.0
    frequency_per_s: float = 3.1e98
    activation_k: float = 75_000.0
    skin_c: float = 34.0
    revisit_s: float = 0.009


def mid_gaps(uv_m: NDArray[np.float64], most: int = 64) -> NDArray[np.float64]:
    """Return up to `most` points `(P, 2)` [m] in the middle between spots `(N, 2)`: Delaunay centroids,
    taken where the spots stand closest, so that the hot middle is among them."""
    if len(uv_m) < 4:
        return uv_m[:0]
    try:
        corners = uv_m[Delaunay(uv_m).simplices]
    except QhullError:
        return uv_m[:0]
    one, two = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = np.abs(one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0])
    good = corners[area <= np.median(area) * 1.5].mean(axis=1)
    inner = np.argsort(np.round(np.linalg.norm(good - np.median(uv_m, axis=0), axis=1), 7), kind="stable")
    inner = inner[: max(most, len(inner) // 2)]
    return good[inner[:: max(1, len(inner) // most)][:most]]


def rank_values(
    uv_m: NDArray[np.float64],
    probes_m: NDArray[np.float64],
    fired_at_s: NDArray[np.float64],
    energy_mj: NDArray[np.float64],
    depth_um: NDArray[np.float64],
    heat: HeatModel,
) -> tuple[float, float]:
    """Return (95th percentile of Omega, 99th percentile of the peak rise [K]) over the probes.

    `uv_m` `(N, 2)`, `probes_m` `(P, 2)` [m] in the tangent plane; `fired_at_s` `(N,)` [s].
    """
    if len(probes_m) == 0:
        return 0.0, 0.0
    end = float(fired_at_s.max()) + 1.5
    times = np.linspace(0.0, end, int(np.clip(end / 0.012, 150, 400)))
    order = np.argsort(fired_at_s, kind="stable")
    rise = _rise(
        uv_m[order], probes_m, fired_at_s[order], energy_mj[order] * 1e-3 * heat.eta, depth_um[order] * 1e-6,
        times,
        heat.conductivity_w_mk, heat.diffusivity_m2_s, (heat.spot_um * 0.5e-6) ** 2 / 2.0,
    )  # fmt: skip
    kelvin = rise + heat.skin_c + 273.15
    rate = np.exp(math.log(heat.frequency_per_s) - heat.activation_k / kelvin)
    omega = rate.sum(axis=1) * (times[1] - times[0])
    return float(np.percentile(omega, 95)), float(np.percentile(rise.max(axis=1), 99))


@njit(cache=True)
def _rise(
    uv: Any, probes: Any, fired_at: Any, heat_j: Any, depth: Any, times: Any, k: float, a: float, beam: float
) -> Any:
    out = np.zeros((len(probes), len(times)))
    near = np.empty(len(uv), np.int64)
    for p in range(len(probes)):
        count = 0
        for i in range(len(uv)):
            if (uv[i, 0] - probes[p, 0]) ** 2 + (uv[i, 1] - probes[p, 1]) ** 2 < 0.0025**2:
                near[count] = i
                count += 1
        for t in range(len(times)):
            total = 0.0
            for m in range(count):
                i = near[m]
                age = times[t] - fired_at[i]
                if age < 0.0:
                    break
                s = 4.0 * a * age + beam
                r2 = (uv[i, 0] - probes[p, 0]) ** 2 + (uv[i, 1] - probes[p, 1]) ** 2
                exponent = r2 / s
                if exponent < 30.0:
                    total += (
                        heat_j[i]
                        / depth[i]
                        * a
                        / (math.pi * k * s)
                        * math.exp(-exponent)
                        * math.erf(depth[i] / math.sqrt(s))
                    )
            out[p, t] = total
    return out
