"""Faults by name: those of the catalogue that the graph's world carries out, in one table.

Part of node `simulation`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from openmtz.simulation.camera import CameraFaults
from openmtz.simulation.faults import DEVICE_FAULT, FAULTS as CATALOGUE, LINE_OF_FAULT, DeviceScrews
from openmtz.simulation.patient import Breathing, Drift, MotionPart, PatientMotion, SuddenMove, Tremor
from openmtz.simulation.scan_head_device import FAULTS as DEVICE_FAULTS, WireServer

Switch = Callable[[bool, Mapping[str, Any]], None]
"""Switches a fault on or off; a ValueError says why not."""
PATIENT_FAULTS: dict[str, tuple[type[MotionPart], str]] = {
    "patient_sudden_move": (SuddenMove, "at_s"),
    "patient_drift": (Drift, "from_s"),
    "patient_tremor": (Tremor, ""),
    "patient_breathing": (Breathing, ""),
}
"""Fault of the catalogue -> motion part, and its field that says when it begins."""
CAMERA_FAULTS = {name: fault for name, fault in CATALOGUE.items() if fault.part == "camera"}
FIXED_PICTURES: dict[str, dict[str, Any]] = {
    "camera_blind": {"drop_share": 1.0},
    "camera_frozen": {"frozen": True},
}
SENSOR_FAULTS = {
    "joints_lost": "", "encoder_offset": "",
    "clock_stopped": "`/clock` is published no more",
    "clock_jump": "every time stamp is shifted by `s` (1.0)",
}  # fmt: skip
"""Of clock and encoders; the text is the catalogue's where there is none."""
LINE_WIRES = {
    "line_stuck": "`line` stays at `value` (as it is), whatever is asked",
    "line_misread": "the topic says `value` (true) of `line` (door_closed), whatever the wire carries",
}


@dataclass(frozen=True)
class Fault:
    """A fault: `what` goes wrong in `part` of the cell, and how it is switched."""

    name: str
    part: str
    what: str
    switch: Switch


class FaultPanel:
    """The faults there are, and those that are on."""

    def __init__(self) -> None:
        self._faults: dict[str, Fault] = {}
        self._on: dict[tuple[str, str], dict[str, Any]] = {}

    def add(self, name: str, switch: Switch, part: str = "", what: str = "") -> None:
        """Add a fault; one of the catalogue without `part` and `what`, its parameters are checked there.

        Raises:
            ValueError: there is one of that name already, or the catalogue does not know it.
        """
        if name in self._faults:
            raise ValueError(f"fault {name!r} is there twice")
        if not what:
            if name not in CATALOGUE:
                raise ValueError(f"fault {name!r} is not in the catalogue")
            known = CATALOGUE[name]
            part, what = known.part, known.what

            def checked(active: bool, parameters: Mapping[str, Any], inner: Switch = switch) -> None:
                inner(active, known.check(parameters))

            switch = checked
        self._faults[name] = Fault(name, part, what, switch)

    def names(self) -> list[str]:
        """Return the names, sorted."""
        return sorted(self._faults)

    def active(self) -> list[str]:
        """Return the names of the faults that are on."""
        return sorted({name for name, _ in self._on})

    def switch(self, name: str, active: bool, parameters_json: str) -> str:
        """Switch a fault; returns why not, or nothing."""
        try:
            parameters = json.loads(parameters_json) if parameters_json.strip() else {}
        except (ValueError, RecursionError) as error:
            return f"parameters_json is not JSON: {error}"
        if not isinstance(parameters, dict):
            return "parameters_json must be a JSON object"
        fault = self._faults.get(name)
        if fault is None:
            return self._unknown(name)
        try:
            fault.switch(active, parameters)
        except ValueError as error:
            return f"{name}: {error}"
        # Faults that exist once per line are ended line by line.
        key = (name, str(parameters.get("line", "")))
        if active:
            self._on[key] = parameters
        else:
            self._on.pop(key, None)
        return ""

    def _unknown(self, name: str) -> str:
        if name in CATALOGUE:
            known = CATALOGUE[name]
            return (
                f"{name} ({known.part}: {known.what}) is not carried out by the world of the graph;"
                " a scenario in lockstep can, or do it to the process itself"
            )
        return f"no fault {name!r}; there are: {', '.join(self.names())}"

    def clear(self) -> str:
        """Switch off every fault that is on; returns what could not be, or nothing."""
        failed = []
        for (name, _), parameters in list(self._on.items()):
            try:
                self._faults[name].switch(False, parameters)
            except ValueError as error:
                failed.append(f"{name}: {error}")
        self._on.clear()
        return "; ".join(failed)


class PictureFaults:
    """Camera faults that are on, each by its name; the camera is told their sum."""

    def __init__(self, tell: Callable[[CameraFaults], None]) -> None:
        self._tell = tell
        self._on: dict[str, dict[str, Any]] = {}

    def switch(self, name: str, active: bool, parameters: Mapping[str, Any]) -> None:
        """Switch one.

        Raises:
            ValueError: a value that cannot be.
        """
        changed = {key: value for key, value in self._on.items() if key != name}
        if active:
            changed[name] = FIXED_PICTURES.get(name, dict(parameters))
        merged: dict[str, Any] = {}
        for values in changed.values():
            merged.update(values)
        self._tell(CameraFaults.none().with_changes(**merged))
        self._on = changed


class PatientFaults:
    """Motions added to the patient's own, each by its name."""

    def __init__(
        self, own: PatientMotion, now: Callable[[], float], tell: Callable[[PatientMotion], None]
    ) -> None:
        self._own, self._now, self._tell = own, now, tell
        self._on: dict[str, MotionPart] = {}

    def switch(self, name: str, active: bool, parameters: Mapping[str, Any]) -> None:
        """Switch one; a motion taken away is gone at once.

        Raises:
            ValueError: a value that cannot be.
        """
        kind, begin = PATIENT_FAULTS[name]
        changed = {key: part for key, part in self._on.items() if key != name}
        if active:
            values = {k: tuple(v) if isinstance(v, list) else v for k, v in parameters.items()}
            changed[name] = kind(**values, **({begin: self._now()} if begin else {}))
        self._tell(PatientMotion.of([*self._own.parts, *changed.values()]))
        self._on = changed


def add_head_faults(panel: FaultPanel, wires: WireServer | None) -> None:
    """Add what the simulated scan head carries out itself: under its own names, and the catalogue's."""

    def send(name: str, active: bool, parameters: Mapping[str, Any]) -> None:
        if wires is None or not wires.send_fault(name, active, dict(parameters)):
            raise ValueError("no simulated scan head is wired up")

    screws = DeviceScrews(send)
    for name, what in DEVICE_FAULTS.items():
        panel.add(name, partial(screws.switch, name), "scan head", what)
    for name in DEVICE_FAULT:
        if name not in DEVICE_FAULTS:
            panel.add(name, partial(screws.switch, name))


def add_line_faults(panel: FaultPanel, switch: Callable[[str, bool, Mapping[str, Any]], None]) -> None:
    """Add the faults that hold a line open."""
    for name in LINE_OF_FAULT:
        panel.add(name, partial(switch, name))
