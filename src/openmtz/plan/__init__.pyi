from .codec import canonical_json as canonical_json
from .compare import PlanDifference as PlanDifference, compare_plans as compare_plans
from .files import load_plan as load_plan, save_plan as save_plan
from .finding import Finding as Finding, Severity as Severity
from .layout import (
    PLAN_FORMAT_VERSION as PLAN_FORMAT_VERSION,
    SPOT_FIELDS as SPOT_FIELDS,
    PlanError as PlanError,
)
from .plan import FiringGroup as FiringGroup, TreatmentPlan as TreatmentPlan
from .reading import plan_from_bytes as plan_from_bytes
from .summary import PlanSummary as PlanSummary, summarise as summarise
