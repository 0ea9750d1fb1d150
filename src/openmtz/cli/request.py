"""What `demo` is asked for and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from openmtz.cli.patient_options import PatientOptions


@dataclass(frozen=True)
class TreatmentRequest:
    """What to treat and where the result goes."""

    indication: str
    seed: int
    patient: PatientOptions
    facts: dict[str, Any] = field(default_factory=dict)
    out: Path | None = None
    serial_port: str = ""
    graph: Path | None = None
    allow_foreign_programs: bool = False
    confirm: bool = False


@dataclass(frozen=True)
class TreatmentOutcome:
    """`ok` only if every planned spot was delivered once and nothing outside."""

    ok: bool
    folder: Path
    report: Path | None
    summary: dict[str, Any]
