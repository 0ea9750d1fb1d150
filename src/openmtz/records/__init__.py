"""What remains of a run: the MCAP record, the verdict on what was delivered, the report, the summary.

Plotting is heavy: `write_report` and `RunData` are imported on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openmtz.records.mcap_writer import RecordError, RecordWriter
from openmtz.records.run_folder import RunFolderError, check_space, new_run_folder
from openmtz.records.schemas import SchemaError, SchemaLibrary
from openmtz.records.summary import (
    RunSummary,
    SafetyEvent,
    delivery_fields,
    read_summary,
    write_summary,
)
from openmtz.records.verification import FiredSpots, SpotStatus, TruthShots, Verification, verify

if TYPE_CHECKING:
    from openmtz.records.report import write_report
    from openmtz.records.run_data import RunData, TimelineEvent

__all__ = [
    "FiredSpots",
    "RecordError",
    "RecordWriter",
    "RunData",
    "RunFolderError",
    "RunSummary",
    "SafetyEvent",
    "SchemaError",
    "SchemaLibrary",
    "SpotStatus",
    "TimelineEvent",
    "TruthShots",
    "Verification",
    "check_space",
    "delivery_fields",
    "new_run_folder",
    "read_summary",
    "verify",
    "write_report",
    "write_summary",
]

_LAZY = {
    "RunData": "openmtz.records.run_data",
    "TimelineEvent": "openmtz.records.run_data",
    "write_report": "openmtz.records.report",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        import importlib

        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
