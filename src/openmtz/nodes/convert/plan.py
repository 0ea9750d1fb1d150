"""Plans and findings."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from openmtz_interfaces.msg import Finding as FindingMessage, TreatmentPlan

from openmtz.nodes.convert.arrays import rows, typed_array
from openmtz.nodes.convert.poses import FAR_M, require_world
from openmtz.plan import SPOT_FIELDS, Finding, PlanError, Severity, TreatmentPlan as Plan, canonical_json


def finding_message(finding: Finding) -> FindingMessage:
    """Return the message of a finding."""
    return FindingMessage(
        severity=int(finding.severity),
        source=finding.source,
        code=finding.code,
        text=finding.text,
        fix=finding.fix,
        count=max(0, int(finding.count)),
    )


def finding_of(message: FindingMessage) -> Finding:
    """Return the finding of a message."""
    return Finding(
        Severity(message.severity), message.source, message.code, message.text, message.fix, message.count
    )


def plan_message(plan: Plan, findings: list[Finding], stamp: Time) -> TreatmentPlan:
    """Return the message of a plan in `world`."""
    message = TreatmentPlan(plan_sha256=plan.sha256, header_json=canonical_json(plan.header))
    message.header.frame_id = "world"
    message.header.stamp = stamp
    for name in SPOT_FIELDS:
        values = getattr(plan, name)
        setattr(message, name, typed_array(values, values.dtype.name))
    message.station_pose = typed_array(plan.station_pose, "float64")
    message.findings = [finding_message(f) for f in findings]
    return message


def plan_of(message: TreatmentPlan) -> Plan:
    """Return the plan of a message, after its hash was recomputed from the content.

    Raises:
        PlanError: the content is not a plan in frame `world`, or not the one its hash names.
    """
    try:
        require_world(message.header.frame_id)
        arrays = {}
        for name in SPOT_FIELDS:
            width = 3 if name in ("position_nm", "normal_e9") else 1
            values = rows(name, getattr(message, name), None, width)
            arrays[name] = values if width == 3 else values.ravel()
        poses = rows("station_pose", message.station_pose, np.float64, 7)
        if not (np.abs(poses) < FAR_M).all():
            raise ValueError(f"station poses are not finite, or farther than {FAR_M:g} m away")
        plan = Plan(header=plan_header(message), station_pose=poses, **arrays)
        named = plan.sha256
    except PlanError:
        raise
    except (ValueError, RecursionError) as error:
        raise PlanError(str(error)) from error
    if named != message.plan_sha256:
        raise PlanError(f"the plan's content is not what its hash {message.plan_sha256[:12]} names")
    return plan


def plan_header(message: TreatmentPlan) -> dict[str, Any]:
    """Return the header of a plan message, not checked against its hash.

    Raises:
        PlanError: not a JSON object.
    """
    try:
        header = json.loads(message.header_json)
    except (ValueError, RecursionError) as error:
        raise PlanError(f"the plan's header is not JSON: {error}") from error
    if not isinstance(header, dict):
        raise PlanError(f"the plan's header must be a JSON object, got {type(header).__name__}")
    return header
