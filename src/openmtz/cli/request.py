"""What `demo` is asked for and what comes of it; `request.json`, the note of it in the run's folder.

A report made again from the record needs the note: the record holds what happened, not what was assumed.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from openmtz.cli.errors import UserError
from openmtz.cli.patient_options import PatientOptions
from openmtz.records import RunSummary

NOTE_FILE = "request.json"


@dataclass(frozen=True)
class TreatmentRequest:
    """What to treat and where the result goes."""

    indication: str
    seed: int
    patient: PatientOptions
    facts: dict[str, Any] = field(default_factory=dict)
    assumed: tuple[str, ...] = ()
    """Names of the facts that nobody stated: the demo's own."""
    out: Path | None = None
    serial_port: str = ""
    graph: Path | None = None
    allow_foreign_programs: bool = False
    confirm: bool = False
    allow_partial: bool = False


@dataclass(frozen=True)
class TreatmentOutcome:
    """`ok` only if every planned spot was delivered once and nothing outside."""

    ok: bool
    folder: Path
    report: Path | None
    summary: RunSummary


class RunNote(BaseModel):
    """What was asked for.

    Attributes:
        indication, seed: as asked. facts: about the patient, as given to the planner; `assumed`: names of
            those that nobody stated, the demo's own. patient: where the patient comes from, for a person;
            `patient_request` for programs. started_utc: ISO 8601.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    format_version: int = 1
    indication: str
    seed: int = 0
    facts: dict[str, Any] = {}
    assumed: tuple[str, ...] = ()
    patient: str = ""
    patient_request: dict[str, Any] = {}
    started_utc: str = ""


def note_of(request: TreatmentRequest, started_utc: str) -> RunNote:
    """Return the note of a request."""
    return RunNote(
        indication=request.indication,
        seed=request.seed,
        facts=request.facts,
        assumed=request.assumed,
        patient=request.patient.describe(),
        patient_request=request.patient.as_request(),
        started_utc=started_utc,
    )


def write_note(folder: Path, note: RunNote) -> None:
    """Write `folder/request.json`. Raises OSError."""
    partial = folder / f".{NOTE_FILE}.{os.getpid()}"
    partial.write_text(note.model_dump_json(indent=2) + "\n", encoding="utf-8")
    os.replace(partial, folder / NOTE_FILE)


def read_note(folder: Path) -> RunNote | None:
    """Return the note of a run's folder, None if it has none.

    Raises:
        UserError: it cannot be read.
    """
    file = folder / NOTE_FILE
    try:
        return RunNote.model_validate_json(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValidationError, UnicodeDecodeError) as error:
        raise UserError(f"{file} cannot be read: {error}") from error
