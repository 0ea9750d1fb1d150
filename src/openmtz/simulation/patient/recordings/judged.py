"""Frames that were read, judged before anything is built: are they surfaces, and at which distance?"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from openmtz.simulation.patient.errors import PatientError

Counts = NDArray[Any]
NEAR_M, FAR_M = 0.05, 5.0
"""Depth cameras for people measure within these [m] [M]; a median outside is a wrong depth unit."""
STEP = 0.0115
"""Of its distance, how far a pixel may lie from its neighbour on one surface: 4 mm at 0.35 m."""
SURFACE = 0.5
"""Share of unequal neighbours within `STEP`: 0.98 to 0.999 in recordings, 0.01 to 0.3 in noise, in pictures
and in counts with their bytes swapped (measured on SR305, TrueDepth and rendered frames)."""
CLEARLY = 0.8
"""Share that a frame with its bytes swapped must reach to be called that."""
COARSEST_COUNT_M = 0.0025
"""Skin cannot be planned on in larger steps [m] (engineering default)."""
ODD_ONE_OUT = 5.0
"""A frame so many times nearer or further than the others was not measured by the same camera."""


def smoothness(counts: Counts) -> float:
    """Return the share of unequal neighbours in `(H, W)` that lie on one surface; 1 if all are equal.

    A difference of one whole count is a step of the sensor's scale, not of the skin.
    """
    image = counts.astype(np.float64)
    one = 1.0 if counts.dtype.kind in "ui" else 0.0
    near = apart = 0
    for a, b in ((np.s_[:-1, :], np.s_[1:, :]), (np.s_[:, :-1], np.s_[:, 1:])):
        step = np.abs(image[a] - image[b])
        both = (image[a] > 0) & (image[b] > 0) & (step > 0)
        close = step <= np.maximum(one, STEP * np.minimum(image[a], image[b]))
        near += int(np.count_nonzero(both & close))
        apart += int(np.count_nonzero(both & ~close))
    return near / (near + apart) if near + apart else 1.0


def check_surfaces(frames: list[tuple[str, Counts]]) -> None:
    """Check that neighbouring pixels of each frame (name, counts) lie near to one another.

    Raises:
        PatientError: noise, a picture in place of distances, swapped bytes, or 8 bits in 16.
    """
    for name, counts in frames:
        if counts.dtype.kind in "ui" and counts.max(initial=0) <= 255:
            raise PatientError(
                f"{name} has counts up to {counts.max(initial=0)}: an 8-bit picture kept in a wider file",
                "give the raw depth frames; a colour map or a preview has lost the distances",
            )
    rough = [(name, counts) for name, counts in frames if smoothness(counts) < SURFACE]
    if not rough:
        return
    name, counts = rough[0]
    how_many = f"{name} looks" if len(frames) == 1 else f"{len(rough)} of {len(frames)} frames ({name}) look"
    whole = counts.dtype.kind in "ui" and counts.dtype.itemsize > 1
    if whole and smoothness(_swapped(counts)) > CLEARLY:
        raise PatientError(
            f"{how_many} like noise, and with the two bytes of each count swapped like a surface",
            "swap the bytes: these counts were written in the other byte order",
        )
    raise PatientError(
        f"{how_many} like noise: neighbouring pixels have nothing to do with one another",
        "swapped bytes, or an infrared or colour picture in place of the depth frame? Give distances",
    )


def _swapped(counts: Counts) -> Counts:
    """Return 16-bit counts with their two bytes swapped, also where a reader has widened them."""
    return counts.astype(np.uint16).byteswap()


def check_unit(frames: list[tuple[str, Counts]], unit: float) -> None:
    """Check that all frames lie where a depth camera measures, all at about one distance.

    Raises:
        PatientError: a wrong unit, frames of another kind among them, or counts too coarse for skin.
    """
    medians = np.array([np.median(counts[counts > 0]) for _, counts in frames], np.float64) * unit
    median = float(np.median(medians))
    odd = np.flatnonzero((medians > ODD_ONE_OUT * median) | (medians < median / ODD_ONE_OUT))
    if len(odd):
        raise PatientError(
            f"{len(odd)} of {len(frames)} frames are of another kind or unit: {frames[odd[0]][0]} lies at"
            f" {medians[odd[0]]:.4g} m, most at {median:.4g} m",
            "move them out of the folder",
        )
    if not NEAR_M <= median <= FAR_M:
        raise PatientError(
            f"with a depth unit of {unit:g} m the frames lie {median:.4g} m away", _hint(median, unit)
        )
    if frames[0][1].dtype.kind in "ui" and unit > COARSEST_COUNT_M:
        raise PatientError(
            f"one count is {unit * 1e3:g} mm, too coarse for skin ({COARSEST_COUNT_M * 1e3:g} mm at most)",
            "record distances in finer counts, or check the unit",
        )


def _hint(median: float, unit: float) -> str:
    better = [unit * 10.0**k for k in (-3, 3, -2, 2, -1, 1, -4, 4) if 0.15 <= median * 10.0**k <= 2.5]
    if not better:
        return "check the unit"
    return " or ".join(f"a unit of {u:g} m would give {median * u / unit:.2f} m" for u in better)
