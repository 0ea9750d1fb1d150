"""Faults by name: one table, whoever carries them out. Part of node `simulation`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

from openmtz.simulation.camera_faults import CameraFaults
from openmtz.simulation.motion import Breathing, Drift, MotionPart, PatientMotion, SuddenMove, Tremor
from openmtz.simulation.scan_head_device.injection import FAULTS
from openmtz.simulation.wires import WireServer

Switch = Callable[[bool, Mapping[str, Any]], None]
"""Switches a fault on or off; a ValueError says why not."""


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

    def add(self, name: str, part: str, what: str, switch: Switch) -> None:
        """Add a fault.

        Raises:
            ValueError: there is one of that name already.
        """
        if name in self._faults:
            raise ValueError(f"fault {name!r} is there twice: {self._faults[name].part} and {part}")
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
            return f"no fault {name!r}; there are: {', '.join(self.names())}"
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


CAMERA_FAULTS: dict[str, tuple[str, dict[str, Any]]] = {
    "camera_bias": (
        "depth has a smooth error fixed in the picture", {"bias_m": 0.002, "bias_wavelength_px": 160.0}
    ),
    "camera_gloss": ("no depth where oily skin mirrors the projector", {"gloss_rad": 0.1}),
    "camera_noise": ("noise times a factor", {"noise_factor": 5.0}),
    "camera_scale": ("depth times a factor", {"depth_scale": 1.03}),
    "camera_mounting": ("the camera stands elsewhere than believed", {"hand_eye": [0, 0, 0.003, 0, 0, 0]}),
    "camera_lost_frames": ("a share of the frames never arrives", {"drop_share": 0.3}),
    "camera_frozen": ("the first picture is sent again and again", {"frozen": True}),
    "camera_stamps": (
        "time stamps are wrong", {"stamp_offset_s": 0.2, "stamp_jitter_s": 0.0, "stamp_drift": 0.0}
    ),
    "camera_hand": ("a hand reaches into the picture", {"hand_share": 0.5, "hand_range_m": 0.2}),
}  # fmt: skip
"""Name -> what it does, parameters with their defaults: fields of `CameraFaults`, plus `seed`."""

PATIENT_FAULTS: dict[str, tuple[str, type[MotionPart], dict[str, Any]]] = {
    "patient_sudden_move": (
        "the patient moves, now",
        SuddenMove,
        {"translation_m": [0.003, 0.0, 0.0], "rotation_rad": 0.0},
    ),
    "patient_drift": ("the patient creeps away, from now on", Drift, {"velocity_m_s": 0.0005}),
    "patient_tremor": ("the patient shakes", Tremor, {"amplitude_m": 0.0005}),
    "patient_breathing": ("the skin around the target rises and falls", Breathing, {"amplitude_m": 0.004}),
}
"""Name -> what it does, the motion part, its parameters with defaults; further fields of the part as well."""
SENSOR_FAULTS = {
    "clock_stopped": "`/clock` is published no more",
    "clock_jump": "every time stamp is shifted by `s` (1.0)",
    "joints_lost": "joint states are published no more",
    "joints_frozen": "the last joint state is repeated under new stamps",
    "encoder_offset": "the encoder of `joint` (shoulder_pan_joint) reads `rad` (0.005) too much",
}
LINE_FAULTS = {
    "line_stuck": "`line` stays at `value` (as it is), whatever is asked",
    "line_misread": "the topic says `value` (as it is) of `line`, whatever the wire carries",
}
ARM_FAULTS = {
    "arm_protective_stop": "the arm brakes to a rest where it is, as its controller may at any time"
}


class PictureFaults:
    """Camera faults that are on, each by its name; the camera is told their sum."""

    def __init__(self, tell: Callable[[CameraFaults], None]) -> None:
        self._tell = tell
        self._on: dict[str, dict[str, Any]] = {}

    def switch(self, name: str, active: bool, parameters: Mapping[str, Any]) -> None:
        """Switch one.

        Raises:
            ValueError: a parameter this fault has not, or that cannot be.
        """
        defaults = CAMERA_FAULTS[name][1]
        _known(parameters, {*defaults, "seed"})
        changed = {key: value for key, value in self._on.items() if key != name}
        if active:
            changed[name] = {**defaults, **parameters}
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
            ValueError: a parameter the motion has not, or that cannot be.
        """
        _, kind, defaults = PATIENT_FAULTS[name]
        _known(parameters, {f.name for f in fields(kind) if f.init})  # type: ignore[arg-type]
        self._on.pop(name, None)
        if active:
            begin = {SuddenMove: "at_s", Drift: "from_s"}.get(kind)
            start = {begin: self._now()} if begin else {}
            values = {**start, **defaults, **parameters}
            try:
                self._on[name] = kind(
                    **{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
                )
            except TypeError as error:
                raise ValueError(str(error)) from error
        self._tell(PatientMotion.of([*self._own.parts, *self._on.values()]))


def _known(parameters: Mapping[str, Any], names: set[str]) -> None:
    unknown = sorted(set(parameters) - names)
    if unknown:
        raise ValueError(f"no parameter {unknown[0]!r}; there are: {', '.join(sorted(names))}")


def add_device_faults(panel: FaultPanel, wires: WireServer | None) -> None:
    """Add the faults that the simulated scan head carries out itself."""

    def switch(name: str, active: bool, parameters: Mapping[str, Any]) -> None:
        if wires is None or not wires.send_fault(name, active, dict(parameters)):
            raise ValueError("no simulated scan head is wired up")

    for name, what in FAULTS.items():
        panel.add(name, "scan head", what, partial(switch, name))


def add_faults(
    panel: FaultPanel, part: str, texts: Mapping[str, str], switches: Mapping[str, Switch]
) -> None:
    """Add the faults of a part: names and texts, and who switches each."""
    for name, what in texts.items():
        panel.add(name, part, what, switches[name])


def add_picture_faults(panel: FaultPanel, pictures: PictureFaults) -> None:
    """Add the camera's faults."""
    for name, (what, _) in CAMERA_FAULTS.items():
        panel.add(name, "camera", what, partial(pictures.switch, name))


def add_patient_faults(panel: FaultPanel, patient: PatientFaults) -> None:
    """Add the patient's motions."""
    for name, (what, _, _) in PATIENT_FAULTS.items():
        panel.add(name, "patient", what, partial(patient.switch, name))
