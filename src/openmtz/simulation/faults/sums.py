"""What several faults bring about together: each adds its own, and the end of one leaves the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openmtz.simulation.camera import CameraFaults
from openmtz.simulation.faults.rig import CameraPort, HostClockPort, PatientPort
from openmtz.simulation.patient import MotionPart, PatientMotion


class Motions:
    """Motions added to the patient's own. One that is taken away is gone at once; the others go on."""

    def __init__(self, patient: PatientPort) -> None:
        self._patient = patient
        self._on: dict[str, MotionPart] = {}

    def switch(self, fault: str, part: MotionPart | None) -> None:
        """Let a fault add a motion, or none any more."""
        changed = _with(self._on, fault, part)
        self._patient.move(PatientMotion.of([*self._patient.own_motion.parts, *changed.values()]))
        self._on = changed


class Pictures:
    """Errors of the depth camera. The camera is told their sum; where two set one value, the later holds."""

    def __init__(self, camera: CameraPort) -> None:
        self._camera = camera
        self._on: dict[str, Mapping[str, Any]] = {}

    def switch(self, fault: str, values: Mapping[str, Any] | None) -> None:
        """Let a fault set values of `CameraFaults`, or none any more.

        Raises:
            ValueError: a value that cannot be; everything stays as it was.
        """
        changed = _with(self._on, fault, values)
        merged = {name: value for one in changed.values() for name, value in one.items()}
        self._camera.spoil(CameraFaults.none().with_changes(**merged))
        self._on = changed


class HostJumps:
    """Jumps of the host's clock [s], which add up."""

    def __init__(self, clock: HostClockPort) -> None:
        self._clock = clock
        self._on: dict[str, float] = {}

    def switch(self, fault: str, by_s: float | None) -> None:
        """Let a fault move the clock, or no longer."""
        self._on = _with(self._on, fault, by_s)
        self._clock.offset_s = sum(self._on.values())


def _with(before: Mapping[str, Any], fault: str, value: Any) -> dict[str, Any]:
    changed = {name: one for name, one in before.items() if name != fault}
    if value is not None:
        changed[fault] = value
    return changed
