from .capturing import (
    Captured as Captured,
    CaptureFailed as CaptureFailed,
    CaptureFeedback as CaptureFeedback,
    Capturing as Capturing,
    CapturingConfig as CapturingConfig,
    WorkerRenewed as WorkerRenewed,
)
from .fired_record import FiredRecord as FiredRecord
from .firing import (
    Firing as Firing,
    FiringConfig as FiringConfig,
    FiringEnded as FiringEnded,
    FiringProgress as FiringProgress,
    HeadHeard as HeadHeard,
    ShotReport as ShotReport,
    SpotsLoaded as SpotsLoaded,
)
from .monitoring import Monitoring as Monitoring, Permit as Permit, Turn as Turn, make_permit as make_permit
from .plan_folder import keep_plan as keep_plan
from .planning import (
    Planned as Planned,
    Planner as Planner,
    Planning as Planning,
    PlanningFailed as PlanningFailed,
    PlanningStep as PlanningStep,
    TreatmentPlanner as TreatmentPlanner,
)
from .ports import (
    CaptureOrder as CaptureOrder,
    FireOrder as FireOrder,
    HeadLine as HeadLine,
    MoveDone as MoveDone,
    MoveOrder as MoveOrder,
    PlanOrder as PlanOrder,
    TokenOrder as TokenOrder,
    TreatmentClients as TreatmentClients,
)
from .treating import Ended as Ended, Treating as Treating
from .treatment_settings import TreatingConfig as TreatingConfig, TreatRequest as TreatRequest
