"""A scenario: patient, treatment, what goes wrong and when; read from YAML and validated as a whole."""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from openmtz import files
from openmtz.simulation.faults import FAULTS
from openmtz.simulation.truth import LIMITS

Seconds = Annotated[float, Field(ge=0.0, le=36_000.0, allow_inf_nan=False)]
MAX_BYTES = 1_000_000


class ScenarioError(ValueError):
    """A scenario that cannot be played; the text names file, place, cause and what is valid."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Moment(_Strict):
    """When something happens: `at_s` of virtual time, or `after` something plus `plus_s`.

    `after`: `stage:NAME` (capture, plan, approve, treat, verify), `safety:STATE` (READY, FIRING, HOLD,
    ...), `spots:N` (so many fired), or `procedure:STATE`; the first time it is so.
    """

    at_s: Seconds | None = None
    after: Annotated[str, Field(pattern=r"^(stage|safety|procedure|spots):[A-Za-z0-9_]+$")] | None = None
    plus_s: Seconds = 0.0

    @model_validator(mode="after")
    def _one(self) -> Moment:
        if (self.at_s is None) == (self.after is None):
            raise ValueError("give either at_s or after")
        if self.after is not None and self.after.startswith("spots:"):
            int(self.after.split(":", 1)[1])
        return self


class FaultEvent(_Strict):
    """A fault of the catalogue (docs/faults.md), from `when` on, for `for_s` seconds or for good."""

    when: Moment
    fault: str
    parameters: dict[str, Any] = {}
    for_s: Seconds | None = None

    @model_validator(mode="after")
    def _known(self) -> FaultEvent:
        if self.fault not in FAULTS:
            near = difflib.get_close_matches(self.fault, FAULTS, 1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise ValueError(f"no fault {self.fault!r}; {hint}there are: {', '.join(sorted(FAULTS))}")
        FAULTS[self.fault].check(self.parameters)
        return self


class OperatorEvent(_Strict):
    """Something the operator does beside what is asked: move a line, stop, reset, leave, come back."""

    when: Moment
    act: Literal["line", "cancel", "reset", "leave", "return"]
    line: str = ""
    value: bool = False


class Expectation(_Strict):
    """What is expected to come of it; a run that differs is reported and makes the command fail.

    `harms` must all be shown by ground truth, those in `may` may be, no others.
    """

    outcome: Literal["done", "stopped", "failed"]
    harms: tuple[str, ...] = ()
    may: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _known(self) -> Expectation:
        unknown = sorted({*self.harms, *self.may} - set(LIMITS))
        if unknown:
            raise ValueError(f"no harm {unknown[0]!r}; there are: {', '.join(LIMITS)}")
        return self


class Scenario(_Strict):
    """One story. `patient` as in docs/simulation_patients.md; `facts` and `request` as for a plan request."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
    title: str = ""
    story: str = ""
    patient: dict[str, Any] = {"kind": "phantom"}
    indication: str = "atrophic_scar"
    facts: dict[str, Any] = {}
    request: dict[str, Any] = {}
    views: Annotated[int, Field(ge=1, le=40)] = 6
    frames_per_view: Annotated[int, Field(ge=1, le=100)] = 5
    scan_radius_m: Annotated[float, Field(ge=0.01, le=0.3, allow_inf_nan=False)] = 0.045
    voxel_m: Annotated[float, Field(ge=0.0003, le=0.01, allow_inf_nan=False)] = 0.001
    faults: tuple[FaultEvent, ...] = ()
    operator: tuple[OperatorEvent, ...] = ()
    operator_approves: bool = True
    limit_s: Annotated[float, Field(gt=0.0, le=36_000.0, allow_inf_nan=False)] = 1200.0
    expect: Expectation | None = None

    def patient_json(self) -> str:
        """Return the patient as `build_patient` takes it."""
        return json.dumps(self.patient)


def load_scenario(path: str | Path) -> Scenario:
    """Read a scenario from a YAML file.

    Raises:
        ScenarioError: no such file, no YAML, or fields that cannot be; names the place and what is valid.
    """
    file = Path(path)
    try:
        content = files.read_yaml(file, MAX_BYTES / 1e6)
    except OSError as error:
        raise ScenarioError(f"{file}: {error.strerror}") from error
    except files.UnsafeFileError as error:
        raise ScenarioError(f"{error}: that is no scenario") from error
    if not isinstance(content, dict):
        raise ScenarioError(f"{file}: a scenario is a mapping of fields, got {type(content).__name__}")
    content.setdefault("name", file.stem)
    try:
        return Scenario.model_validate(content)
    except ValidationError as error:
        lines = []
        for item in error.errors():
            where = ".".join(str(part) for part in item["loc"]) or "the whole"
            lines.append(f"{where}: {item['msg'].removeprefix('Value error, ')}")
        raise ScenarioError(f"{file}: " + "; ".join(lines)) from error
