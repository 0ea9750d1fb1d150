"""The treatment plan as plain data: what planning makes, approval names and safety holds a copy of."""

from openmtz.plan.codec import canonical_bytes
from openmtz.plan.compare import PlanDifference, compare_plans
from openmtz.plan.finding import Finding, Severity
from openmtz.plan.layout import PlanError
from openmtz.plan.plan import TreatmentPlan
from openmtz.plan.reading import plan_from_bytes

__all__ = [
    "Finding",
    "PlanDifference",
    "PlanError",
    "Severity",
    "TreatmentPlan",
    "canonical_bytes",
    "compare_plans",
    "plan_from_bytes",
]
