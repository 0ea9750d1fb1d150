"""The most energy within any disc of skin and any window of time: a measure that needs no model of heat."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openmtz.tissue.checks import TissueError, columns

DISC_CM2 = 1.0
"""Of the model-free limit: J/cm2 in any sliding 1 cm2 (domain facts, section 3)."""
WINDOW_S = 10.0
"""Of the model-free limit: within 10 s (domain facts, section 3)."""


def peak_disc_j_cm2(
    positions_m: ArrayLike,
    energy_mj: ArrayLike,
    time_s: ArrayLike | None = None,
    window_s: float = WINDOW_S,
    disc_cm2: float = DISC_CM2,
) -> NDArray[np.float64]:
    """Return `(N,)` the highest energy per area [J/cm2] in the disc around each spot, in any window of time.

    Exact for discs centred on a spot, energies rounded to 1 nJ. The disc is a ball of the disc's radius, so
    what lies close in space counts as close. A window holds what is less than `window_s` apart.

    Args:
        positions_m: `(N, 3)` [m]. energy_mj: `(N,)`. time_s: `(N,)` [s], any order; None: all at once.

    Raises:
        TissueError: wrong shapes, NaN, negative energies, a disc or window that is not positive.
    """
    positions = np.asarray(positions_m, np.float64)
    if positions.ndim != 2 or positions.shape[1] != 3:
        raise TissueError(f"positions_m must be (N, 3) [m], got shape {positions.shape}")
    if not np.isfinite(positions).all():
        bad = ~np.isfinite(positions).all(axis=1)
        raise TissueError(
            f"positions_m: {int(bad.sum())} rows are NaN or infinite, first {int(np.argmax(bad))}"
        )
    if not (disc_cm2 > 0 and window_s > 0):
        raise TissueError(f"disc_cm2 and window_s must be positive, got {disc_cm2!r} and {window_s!r}")
    energy, time = columns(energy_mj=energy_mj, time_s=0.0 if time_s is None else time_s)
    if len(positions) == 0:
        return np.zeros(0)
    if len(energy) != len(positions):
        raise TissueError(f"{len(positions)} positions, {len(energy)} energies or times: must match")
    if (energy < 0).any():
        raise TissueError(f"energy_mj: row {int(np.argmin(energy))} is negative ({energy.min():g} mJ)")
    from openmtz.tissue.disc_kernels import disc_sums, peak_loads, sort_cells

    radius = float(np.sqrt(disc_cm2 * 1e-4 / np.pi))
    order, ranges = sort_cells(positions, radius)
    xyz = np.ascontiguousarray(positions[order].T)
    amount = np.rint(energy[order] * 1e6).astype(np.int64)
    if np.ptp(time) < window_s:
        peak = disc_sums(xyz, amount, ranges, radius)
    else:
        turn = np.argsort(time[order], kind="stable")
        peak = peak_loads(xyz, amount, time[order], turn, ranges, radius, float(window_s))
    result = np.empty(len(peak))
    result[order] = peak * 1e-9 / disc_cm2
    return result
