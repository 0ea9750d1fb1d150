from .delivery import FiredSpots as FiredSpots, SpotStatus as SpotStatus, TruthShots as TruthShots
from .evidence import Evidence as Evidence, evidence_of as evidence_of
from .mcap_writer import RecordError as RecordError, RecordWriter as RecordWriter
from .plan_pictures import draw_plan as draw_plan
from .report import write_report as write_report
from .run_data import RunData as RunData, TimelineEvent as TimelineEvent
from .run_folder import (
    RunFolderError as RunFolderError,
    check_space as check_space,
    new_run_folder as new_run_folder,
)
from .schemas import SchemaError as SchemaError, SchemaLibrary as SchemaLibrary
from .summary import (
    RunSummary as RunSummary,
    SafetyEvent as SafetyEvent,
    delivery_fields as delivery_fields,
    read_summary as read_summary,
    write_summary as write_summary,
)
from .verification import Verification as Verification, verify as verify
