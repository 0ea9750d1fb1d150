"""The patient moves; the depth camera sees wrongly."""

from __future__ import annotations

from openmtz.simulation.faults.acts.act import Act, Parameters, Switch
from openmtz.simulation.faults.catalogue import FAULTS
from openmtz.simulation.faults.faults_on import FaultsOn
from openmtz.simulation.patient import Breathing, Drift, MotionPart, SuddenMove, Tremor


def _moves(fault: str, kind: type[MotionPart], begins: str = "") -> Act:
    """Return the act that adds a motion; `begins`: its field that says from when on [s], which is now."""

    def switch(on: FaultsOn, active: bool, given: Parameters) -> None:
        part = None
        if active:
            now = {begins: on.rig.patient.time_s} if begins else {}
            part = kind(**_tuples(given), **now)
        on.motions.switch(fault, part)

    return Act(("patient",), switch)


def _tuples(given: Parameters) -> dict[str, object]:
    """Return parameters as frozen classes take them: what came as a list (JSON, YAML) is a tuple."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}


PATIENT = {
    "patient_sudden_move": _moves("patient_sudden_move", SuddenMove, "at_s"),
    "patient_drift": _moves("patient_drift", Drift, "from_s"),
    "patient_tremor": _moves("patient_tremor", Tremor),
    "patient_breathing": _moves("patient_breathing", Breathing),
}
_FIXED: dict[str, dict[str, object]] = {
    "camera_blind": {"drop_share": 1.0},
    "camera_frozen": {"frozen": True},
}
"""Faults whose values of `CameraFaults` are not parameters of theirs."""


def _sees_wrongly(fault: str) -> Switch:
    def switch(on: FaultsOn, active: bool, given: Parameters) -> None:
        on.pictures.switch(fault, {**_FIXED.get(fault, {}), **_tuples(given)} if active else None)

    return switch


CAMERA = {
    name: Act(("camera",), _sees_wrongly(name)) for name, fault in FAULTS.items() if fault.part == "camera"
}
