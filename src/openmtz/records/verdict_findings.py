"""What a verdict on a delivery says to a person."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from openmtz.limits import MetSkin
from openmtz.plan import Finding, Severity, TreatmentPlan
from openmtz.records.delivery import FiredSpots, SpotStatus, TruthShots
from openmtz.records.evidence import Evidence

SOURCE = "verification"


def delivery_findings(
    plan: TreatmentPlan,
    classes: NDArray[np.int64],
    repeated: int,
    foreign: int,
    status: NDArray[np.uint8],
    by_truth: bool,
    tolerance_m: float,
) -> list[Finding]:
    found: list[Finding] = []

    def add(count: int, code: str, text: str, fix: str = "", severity: Severity = Severity.REFUSAL) -> None:
        if count:
            found.append(Finding(severity, SOURCE, code, text, fix, int(count)))

    if len(plan) == 0:
        found.append(Finding(Severity.REFUSAL, SOURCE, "empty-plan", "The plan holds no spot."))
    missing = np.flatnonzero(status == SpotStatus.MISSING)
    if len(missing):
        stations = ", ".join(str(s) for s in np.unique(plan.station[missing]))
        where = (
            f"from spot {missing[0]} at station {plan.station[missing[0]]} on; stations concerned: {stations}"
        )
        fix = "Continue the same plan from that spot; do not plan the region again."
        add(len(missing), "missing", f"{len(missing)} planned spots were not delivered, {where}.", fix)
    add(repeated, "repeated", f"{repeated} emissions repeated a spot that had already been fired.")
    add(foreign, "foreign-index", f"{foreign} emissions carried an index this plan does not have.")
    add(
        int(classes[SpotStatus.MISPLACED]),
        "misplaced",
        f"{classes[SpotStatus.MISPLACED]} spots landed over {tolerance_m * 1e3:.2g} mm from their place.",
        "Check calibration and patient motion before anything else is fired.",
    )
    add(
        int(classes[SpotStatus.OFF_ENERGY]),
        "off-energy",
        f"{classes[SpotStatus.OFF_ENERGY]} spots were fired with an energy outside the tolerance.",
        "Check the laser's output with a power meter.",
    )
    if not by_truth:
        text = "Positions were not verified: there is no ground truth, only the device's report."
        found.append(Finding(Severity.INFO, SOURCE, "positions-not-verified", text))
    return found


def met_findings(met: tuple[MetSkin, ...]) -> list[Finding]:
    """Return a refusal for each rule that is broken, and information where shots lie beyond a limit."""
    codes = ("tilt-by-truth", "focus-by-truth")
    found = []
    for code, rule in zip(codes, met, strict=False):
        severity, fix = Severity.INFO, ""
        if not rule.ok:
            severity = Severity.REFUSAL
            fix = "Check the patient's place, the capture and the head's focus before anything else is fired."
        if rule.beyond:
            found.append(Finding(severity, SOURCE, code, f"{rule.text}.", fix, rule.beyond))
    return found


def evidence_findings(evidence: Evidence, unverified: int) -> list[Finding]:
    """Return what is said of spots that were fired and of which there is no record."""
    if not unverified:
        return []
    text = (
        f"Evidence is missing for {unverified} spots: the device counts them as executed, and there is no"
        f" record of the shots. Spots known to be fired: {evidence.text}. This does not say that spots are"
        " missing."
    )
    fix = "Do not fire them again; judge again once the record is complete (`./openmtz report`)."
    return [Finding(Severity.REFUSAL, SOURCE, "evidence-missing", text, fix, unverified)]


def disagreement(reported: FiredSpots, truth: TruthShots) -> tuple[list[Finding], int]:
    """Compare the device's report with ground truth by how often each spot occurs."""
    size = int(max(reported.index.max(initial=-1), truth.spot_index.max(initial=-1))) + 1
    said = np.bincount(reported.index[reported.index >= 0], minlength=size)
    real = np.bincount(truth.spot_index[truth.spot_index >= 0], minlength=size)
    unreported = int(np.maximum(real - said, 0).sum())
    invented = int(np.maximum(said - real, 0).sum())
    found = []
    if unreported:
        text = f"{unreported} emissions happened that the device's report does not name."
        found.append(Finding(Severity.REFUSAL, SOURCE, "unreported-emission", text, count=unreported))
    if invented:
        text = f"{invented} emissions were reported that ground truth does not have."
        found.append(Finding(Severity.REFUSAL, SOURCE, "reported-not-emitted", text, count=invented))
    return found, unreported
