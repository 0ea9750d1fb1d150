"""The causes for which a spot is not planned: one closed list, each with its text and what would help."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from openmtz.plan import Finding, Severity

SOURCE = "planner"


class Cause(str, Enum):
    """Causes of refused spots. The value stands in plan headers, findings and pictures; values never
    change."""

    OUT_OF_REACH = "out-of-reach"
    TOO_MANY_STATIONS = "too-many-stations"
    OCCLUDED = "occluded"
    OUT_OF_FIELD = "out-of-field"
    OUT_OF_FOCUS = "out-of-focus"
    TOO_STEEP = "too-steep"
    ENERGY_BELOW = "energy-below-profile"
    ENERGY_ABOVE = "energy-above-profile"
    NO_FIRE_VOLUME = "no-fire-volume"
    MERGING = "merging-zones"

    def __str__(self) -> str:
        return self.value


TEXTS: dict[Cause, str] = {
    Cause.OUT_OF_REACH: "no pose of the arm brings the scan head over these spots",
    Cause.TOO_MANY_STATIONS: "more stations would be needed than one plan may have",
    Cause.OCCLUDED: "other skin lies in the beam's way, from wherever these spots could be met",
    Cause.OUT_OF_FIELD: "beyond the scan head's calibrated field from every station that can be taken",
    Cause.OUT_OF_FOCUS: "deeper or higher than the depth of focus from every station that can be taken",
    Cause.TOO_STEEP: "the skin is steeper to the beam than the incidence limit where these spots would land",
    Cause.ENERGY_BELOW: "less energy needed than the profile can give",
    Cause.ENERGY_ABOVE: "the intended depth needs more energy than profile and host envelope allow",
    Cause.NO_FIRE_VOLUME: "within a no-fire volume or its margin",
    Cause.MERGING: "the zone would merge with its neighbour",
}
FIXES: dict[Cause, str] = {
    Cause.OUT_OF_REACH: "move the patient towards the middle of the arm's reach, or turn the arm's mounting",
    Cause.TOO_MANY_STATIONS: "treat a smaller region, or two one after the other",
    Cause.OCCLUDED: "leave the fold out, or open it and capture again",
    Cause.OUT_OF_FIELD: "calibrate a wider field of the scan head, its middle included, or move the patient",
    Cause.OUT_OF_FOCUS: "move the patient so that a station straight above becomes reachable",
    Cause.TOO_STEEP: "leave the wall out, or treat it in another session with the patient turned",
    Cause.ENERGY_BELOW: "choose another profile or more energy",
    Cause.ENERGY_ABOVE: "choose a profile for deeper work, or prescribe less depth",
    Cause.NO_FIRE_VOLUME: "nothing, if the volume is meant; else redraw it",
    Cause.MERGING: "lower the density or the energy there",
}


def refused_counts(cause: NDArray[np.str_]) -> dict[str, int]:
    """Return how many of `cause` `(N,)` name each member of the list; the empty text counts as none."""
    names, counts = np.unique(cause, return_counts=True)
    found = dict(zip(names.tolist(), counts.tolist(), strict=True))
    return {c.value: int(found.get(c.value, 0)) for c in Cause}


def refusal_findings(
    counts: Mapping[str, int], detail: Mapping[str, str] | None = None, fixes: Mapping[str, str] | None = None
) -> list[Finding]:
    """Return one finding per cause that occurs; `detail` and `fixes` by cause where more is known.

    What the operator excluded himself is information, not a refusal.
    """
    found = []
    for cause in Cause:
        count = int(counts.get(cause.value, 0))
        if count == 0:
            continue
        text = f"{count} spot{'s' if count > 1 else ''} not planned: {TEXTS[cause]}"
        if more := (detail or {}).get(cause.value):
            text += f" ({more})"
        fix = (fixes or {}).get(cause.value) or FIXES[cause]
        severity = Severity.INFO if cause is Cause.NO_FIRE_VOLUME else Severity.REFUSAL
        found.append(Finding(severity, SOURCE, cause.value, text, fix, count))
    return found
