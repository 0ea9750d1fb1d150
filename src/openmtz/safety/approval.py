"""An approval: one plan, by somebody, in one run of the monitor, for a limited time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openmtz.geometry import pose_from_vector
from openmtz.limits import check_plan
from openmtz.optics import HandpieceProfile
from openmtz.plan import FiringGroup, Severity, TreatmentPlan, summarise
from openmtz.safety.config import SafetyConfig
from openmtz.safety.inputs import Approve, Inputs
from openmtz.safety.outputs import Reply
from openmtz.safety.skin import check_on_skin
from openmtz.safety.states import SafetyState


@dataclass(frozen=True, eq=False)
class Approval:
    """What was approved, with everything derived from it that the grants need."""

    plan: TreatmentPlan
    profile: HandpieceProfile
    approver: str
    at: float

    @cached_property
    def sha256(self) -> str:
        """Hash of the plan."""
        return self.plan.sha256

    @cached_property
    def groups(self) -> dict[tuple[int, int], FiringGroup]:
        """Firing groups by station and pass."""
        return {(g.station, g.pass_index): g for g in self.plan.groups()}

    @cached_property
    def station_poses(self) -> tuple[NDArray[np.float64], ...]:
        """`(4, 4)` world poses of `scan_head`, by station."""
        return tuple(pose_from_vector(v) for v in self.plan.station_pose)


class Judgement(NamedTuple):
    """The approval, None where it is refused, and the reply."""

    approval: Approval | None
    reply: Reply


def _no(code: str, text: str) -> Judgement:
    return Judgement(None, Reply(False, code, text))


def judge(
    request: Approve, inputs: Inputs, state: SafetyState, boot_id: str, config: SafetyConfig, now: float
) -> Judgement:
    """Accept or refuse an approval. Checks the whole plan against the host envelope and the captured skin:
    tens of ms, for the 160,000 spots of a face 3 s."""
    plan = inputs.plan
    if state is not SafetyState.STANDBY:
        return _no("not-in-standby", f"approve in STANDBY; the state is {state.name}")
    if request.monitor_boot_id != boot_id:
        return _no(
            "other-boot-id",
            f"the approval names monitor run {request.monitor_boot_id!r}, this is {boot_id!r}:"
            " look at the plan again and approve it in this run",
        )  # fmt: skip
    if not request.approver.strip():
        return _no("no-approver", "name who approves")
    if plan is None:
        return _no("no-plan", "the monitor has received no plan; plan first")
    if plan.sha256 != request.plan_sha256:
        return _no(
            "other-plan",
            f"the approval names plan {request.plan_sha256[:12]!r}, the current one is {plan.sha256[:12]!r}:"
            " look at the current plan",
        )  # fmt: skip
    if inputs.surface_id and inputs.surface_id != plan.header.get("surface_id"):
        return _no("other-surface", "the skin was captured again; plan on the new surface")
    calibration = plan.header.get("calibration_id")
    if config.calibration_id and calibration != config.calibration_id:
        return _no(
            "other-calibration",
            f"the plan was made with calibration {calibration!r}, in force is {config.calibration_id!r}:"
            " plan again",
        )  # fmt: skip
    try:
        refusals = [f for f in check_plan(plan, config.calibration) if f.severity is Severity.REFUSAL]
    except (ValueError, TypeError, ArithmeticError, LookupError) as error:  # numbers that are none
        return _no("plan-invalid", f"the plan cannot be judged: {error}; plan again")
    if refusals:
        text = "; ".join(f"{f.text} ({f.fix})" for f in refusals)
        return _no(refusals[0].code, f"beyond the host envelope: {text}")
    if inputs.skin is None:
        text = "the monitor has no captured skin that it could read; capture again"
        return _no("no-surface", text)
    try:
        misfits = check_on_skin(plan, inputs.skin)
    except (ValueError, TypeError, ArithmeticError, LookupError) as error:
        return _no("plan-invalid", f"the plan cannot be judged: {error}; plan again")
    if misfits:
        text = "; ".join(f"{f.text} ({f.fix})" for f in misfits)
        return _no(misfits[0].code, f"the plan does not fit the captured skin: {text}")
    try:
        profile = HandpieceProfile.from_header(plan.header["profile"])
        approval = Approval(plan, profile, request.approver, now)
        _ = approval.groups, approval.station_poses
    except (ValueError, TypeError, LookupError) as error:
        return _no("plan-invalid", str(error))
    return Judgement(
        approval,
        Reply(
            True,
            "approved",
            f"plan {plan.sha256[:12]} approved by {request.approver}: {summarise(plan).text}",
        ),
    )


def ended(approval: Approval | None, inputs: Inputs, config: SafetyConfig, now: float) -> str:
    """Return why no approval is in force (any more), or an empty string."""
    if approval is None:
        return "no plan is approved"
    if inputs.plan is None:
        return "the plan is gone"
    if inputs.plan is not approval.plan and inputs.plan.sha256 != approval.sha256:
        return "another plan was made"
    if inputs.surface_id and inputs.surface_id != approval.plan.header.get("surface_id"):
        return "the skin was captured again"
    if not now - approval.at <= config.approval_s:
        return "the approval is too old"
    return ""
