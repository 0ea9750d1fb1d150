"""Loops of `heat`: spots in square cells, and the rise at probes over time."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.special import erf

ERF_STEP = 1.0 / 256.0
ERF: NDArray[np.float64] = erf(1.0 / np.maximum(np.arange(0, 16 * 256 + 2) * ERF_STEP, 1e-9))
"""erf(1/v) at v = 0, 1/256, ...: linear between, wrong by less than 2e-6 (second derivative below 1)."""

NEAR = 10
"""Spots next to a probe whose arrivals set the times at which it is looked at."""
ARRIVALS = np.array([0.08, 0.2, 0.35, 0.5, 0.65, 0.8, 1.0, 1.25, 1.6, 2.2, 3.5])
"""In units of r^2/4a after a spot: its heat peaks at the probe at 1."""
EVEN = 64
SPARSE = 96
"""Times at which spots farther than 2 mm are summed: their heat needs seconds to come, and is smooth."""
FAR_M2 = 0.002**2


@njit(cache=True, inline="always")
def rise_of(source: float, length: float, s: float, r2: float, table: Any) -> float:
    """Return the rise [K] that one spot causes at squared distance `r2` [m2], from its `source` [K m2], its
    `length` [m] and `s` = 4 a t + w^2/2 [m2] at time t; `table` is `ERF`."""
    v = math.sqrt(s) / length * 256.0
    i = int(v)
    if i > 4095:
        share = 2.0 / math.sqrt(math.pi) * 256.0 / v
    else:
        share = table[i] + (v - i) * (table[i + 1] - table[i])
    return source / s * share * math.exp(-r2 / s)


class Fired(NamedTuple):
    """Spots, oldest first: `uv` `(N, 2)` [m], when `fired` `(N,)` [s], heat `source` `(N,)` [K m2] and its
    `length` `(N,)` [m] below the skin."""

    uv: Any
    fired: Any
    source: Any
    length: Any


class Buckets(NamedTuple):
    """Spots by square cell: `(x0, y0, size, nx, ny)`; those of cell c are `members[first[c]:first[c + 1]]`,
    in their order."""

    cell: Any
    first: Any
    members: Any


class Spreading(NamedTuple):
    """How heat spreads, and for how long: spots beyond `reach` [m] are left out, `span` [s], diffusivity `a`
    [m2/s], `beam` [m2] half the squared beam radius, and the table of the error function."""

    reach: float
    span: float
    a: float
    beam: float
    table: Any


class Damage(NamedTuple):
    """Arrhenius's law: logarithm of the frequency [1/s], `activation` [K], the `skin` before it all [K]."""

    log_rate: float
    activation: float
    skin: float


@njit(cache=True)
def bucket(uv: Any, size: float) -> Any:
    """Return spots `(N, 2)` sorted into square cells of `size` [m]."""
    x0, y0 = uv[:, 0].min(), uv[:, 1].min()
    nx = int((uv[:, 0].max() - x0) / size) + 1
    ny = int((uv[:, 1].max() - y0) / size) + 1
    first = np.zeros(nx * ny + 1, np.int64)
    home = np.empty(len(uv), np.int64)
    for i in range(len(uv)):
        home[i] = int((uv[i, 0] - x0) / size) * ny + int((uv[i, 1] - y0) / size)
        first[home[i] + 1] += 1
    for c in range(nx * ny):
        first[c + 1] += first[c]
    at = first[:-1].copy()
    members = np.empty(len(uv), np.int64)
    for i in range(len(uv)):
        members[at[home[i]]] = i
        at[home[i]] += 1
    return Buckets((x0, y0, size, nx, ny), first, members)


@njit(cache=True)
def _around(px: float, py: float, uv: Any, buckets: Buckets, reach: float, out: Any) -> int:
    """Write the spots within `reach` into `out`, oldest first; return how many."""
    first, members = buckets.first, buckets.members
    x0, y0, size, nx, ny = buckets.cell
    count = 0
    for cx in range(max(int((px - reach - x0) / size), 0), min(int((px + reach - x0) / size), nx - 1) + 1):
        for cy in range(
            max(int((py - reach - y0) / size), 0), min(int((py + reach - y0) / size), ny - 1) + 1
        ):
            for m in range(first[cx * ny + cy], first[cx * ny + cy + 1]):
                i = members[m]
                if (uv[i, 0] - px) ** 2 + (uv[i, 1] - py) ** 2 <= reach * reach:
                    out[count] = i
                    count += 1
    out[:count].sort()
    return count


@njit(cache=True)
def _look_at(r2: Any, fired: Any, near: Any, count: int, a: float, span: float) -> Any:
    """Return the times `(T,)` at which to look: arrivals of the next spots' heat, and evenly spaced."""
    picked = min(NEAR, count)
    order = np.argsort(r2[:count])[:picked]
    times = np.empty(picked * (len(ARRIVALS) + 1) + EVEN + 1)
    n = 0
    for k in order:
        at = fired[near[k]]
        times[n] = at - 1e-9
        n += 1
        for step in ARRIVALS:
            times[n] = min(at + step * max(r2[k], 1e-9) / (4.0 * a), span)
            n += 1
    for e in range(EVEN + 1):
        times[n] = span * e / EVEN
        n += 1
    return np.sort(times)


@njit(cache=True)
def probe_heat(probes: Any, spots: Fired, buckets: Buckets, spreading: Spreading, damage: Damage) -> Any:
    """Return peak rise [K] and Omega `(P,)` at `probes` `(P, 2)` [m], from t = 0 to the end of the span.

    Spots within 2 mm are summed whenever a probe is looked at. Heat from farther away needs seconds to come
    and changes slowly, so its sum is taken at `SPARSE` times and interpolated between them.
    """
    uv, fired, source, length = spots.uv, spots.fired, spots.source, spots.length
    reach, span, a, beam, table = (
        spreading.reach, spreading.span, spreading.a, spreading.beam, spreading.table,
    )  # fmt: skip
    log_rate, activation, skin = damage.log_rate, damage.activation, damage.skin
    peak, omega = np.zeros(len(probes)), np.zeros(len(probes))
    around = np.empty(len(uv), np.int64)
    r2 = np.empty(len(uv))
    near = np.empty(len(uv), np.int64)
    near_r2 = np.empty(len(uv))
    slow = np.empty(SPARSE + 1)
    for p in range(len(probes)):
        px, py = probes[p, 0], probes[p, 1]
        count = _around(px, py, uv, buckets, reach, around)
        close = 0
        slow[:] = 0.0
        for k in range(count):
            i = around[k]
            r2[k] = (uv[i, 0] - px) ** 2 + (uv[i, 1] - py) ** 2
            if r2[k] < FAR_M2:
                near[close], near_r2[close] = i, r2[k]
                close += 1
            else:
                # before a fourteenth of the time its heat needs to peak here, nothing has come (exp(-14))
                begin = int((fired[i] + r2[k] / (4.0 * a * 14.0)) / span * SPARSE)
                for t in range(begin, SPARSE + 1):
                    age = span * t / SPARSE - fired[i]
                    if age > 0.0:
                        slow[t] += rise_of(source[i], length[i], 4.0 * a * age + beam, r2[k], table)
        times = _look_at(near_r2, fired, near, close, a, span)
        before_rate, before_time = 0.0, 0.0
        for t in range(len(times)):
            now = times[t]
            x = min(max(now, 0.0) / span * SPARSE, SPARSE - 1e-9)
            total = slow[int(x)] + (x - int(x)) * (slow[int(x) + 1] - slow[int(x)])
            for k in range(close):
                i = near[k]
                age = now - fired[i]
                if age < 0.0:
                    break  # the rest is younger still
                s = 4.0 * a * age + beam
                if near_r2[k] < 16.0 * s:
                    total += rise_of(source[i], length[i], s, near_r2[k], table)
            peak[p] = max(peak[p], total)
            rate = math.exp(log_rate - activation / (skin + total))
            if t > 0:
                omega[p] += 0.5 * (rate + before_rate) * (now - before_time)
            before_rate, before_time = rate, now
    return peak, omega
