"""The catalogue of faults: name, part of the cell, what happens, parameters, what guards against the harm.

Who carries a fault out stands elsewhere (`lockstep.fault_acts`, node `simulation`); here is what there is.
`guard` names the mechanism that keeps the patient from harm, empty where there is none yet: docs/faults.md
lists those by name, and tests/simulation/faults proves the others with the guard on and off.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


class FaultParameterError(ValueError):
    """A parameter a fault does not have, or a value of another kind than its default."""


@dataclass(frozen=True)
class Fault:
    """`parameters`: names with their defaults; a value must be of the default's kind."""

    name: str
    part: str
    what: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    guard: str = ""

    def check(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters with defaults filled in.

        Raises:
            FaultParameterError: an unknown name, or a value of another kind or not finite.
        """
        unknown = sorted(set(given) - set(self.parameters))
        if unknown:
            known = ", ".join(self.parameters) or "none"
            raise FaultParameterError(f"{self.name} has no parameter {unknown[0]!r}; there are: {known}")
        for name, value in given.items():
            if not _alike(value, self.parameters[name]):
                raise FaultParameterError(
                    f"{self.name}: {name} must be like {self.parameters[name]!r}, got {value!r}"
                )
        return {**self.parameters, **given}


def _alike(value: Any, default: Any) -> bool:
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    if isinstance(default, (int, float)):
        return isinstance(value, (int, float)) and math.isfinite(value)
    if isinstance(default, (tuple, list)):
        return (
            isinstance(value, (tuple, list))
            and len(value) == len(default)
            and all(_alike(v, d) for v, d in zip(value, default, strict=True))
        )
    return isinstance(value, type(default))


_GUARD_PERMIT = "permits expire in the device 60 ms after the status they answer"
_GUARD_LINES = "hard-wired lines into device and arm; the safety monitor's table"

_ROWS: tuple[Fault, ...] = (
    # patient
    Fault("patient_sudden_move", "patient", "the patient moves, now",
          {"translation_m": (0.003, 0.0, 0.0), "rotation_rad": 0.0, "duration_s": 0.25}),
    Fault("patient_drift", "patient", "the patient creeps away, from now on", {"velocity_m_s": 0.0005}),
    Fault("patient_tremor", "patient", "the patient shakes", {"amplitude_m": 0.0005}),
    Fault("patient_breathing", "patient", "the skin around the target rises and falls",
          {"amplitude_m": 0.004, "period_s": 4.0}),
    # camera
    Fault("camera_bias", "camera", "depth has a smooth error fixed in the picture",
          {"bias_m": 0.002, "bias_wavelength_px": 160.0}),
    Fault("camera_gloss", "camera", "no depth where oily skin mirrors the projector", {"gloss_rad": 0.1},
          "views from several sides; a hole in the surface is not planned on"),
    Fault("camera_noise", "camera", "noise times a factor", {"noise_factor": 5.0}),
    Fault("camera_scale", "camera", "depth times a factor (a wrong depth unit)", {"depth_scale": 1.03}),
    Fault("camera_mounting", "camera", "the camera stands elsewhere than believed",
          {"hand_eye": (0.0, 0.0, 0.003, 0.0, 0.0, 0.0)}),
    Fault("camera_lost_frames", "camera", "a share of the frames never arrives", {"drop_share": 0.3},
          "the capture waits for enough frames of every view"),
    Fault("camera_blind", "camera", "no frame arrives any more", {},
          "the capture gives up after its time limit; nothing is planned"),
    Fault("camera_frozen", "camera", "the first picture is sent again and again", {}),
    Fault("camera_stamps", "camera", "time stamps are wrong",
          {"stamp_offset_s": 0.2, "stamp_jitter_s": 0.0, "stamp_drift": 0.0}),
    Fault("camera_hand", "camera", "a hand reaches into the picture",
          {"hand_share": 0.5, "hand_range_m": 0.2}),
    # arm
    Fault("arm_creeps", "arm", "the arm moves by itself, so many radians of joint 1 in so many seconds",
          {"rad": 0.003, "in_s": 0.5},
          "arm at rest and on its station, or no permit (arm-moving, arm-off-station)"),
    Fault("arm_driven", "arm", "another node drives the arm while the laser has the token",
          {"rad": 0.05, "in_s": 0.5}, "arm at rest and on its station, or no permit (arm-moving)"),
    Fault("joints_lost", "arm", "joint states are published no more", {},
          "age of joint states (arm-stale, arm-lost)"),
    Fault("joints_frozen", "arm", "the last joint state is repeated while the arm creeps",
          {"rad": 0.01, "in_s": 0.5}),
    Fault("encoder_offset", "arm", "the encoder of joint 1 reads too much", {"rad": 0.005}),
    Fault("arm_protective_stop", "arm", "the arm brakes where it is, as its controller may at any time", {},
          "a motion that does not reach its goal fails"),
    # scan head
    Fault("stuck_shutter", "scan head", "the shutter stays where `position` says", {"position": "open"},
          "shutter switch against command in the device: latched fault"),
    Fault("stuck_galvo", "scan head", "the mirrors do not move", {},
          "position feedback in the device before each shot: latched fault"),
    Fault("stuck_galvo_hidden", "scan head", "the mirrors do not move and their feedback lies", {}),
    Fault("galvo_offset", "scan head", "the mirrors stand off by an angle their feedback does not see",
          {"rad": 0.01}),
    Fault("drifting_power", "scan head", "output drifts by a share per second", {"gain_per_s": 0.2},
          "energy meter in the device, +-20 %: latched fault; the monitor compares the reports"),
    Fault("wrong_power", "scan head", "output times a factor, from one shot to the next", {"gain": 1.6},
          "energy meter in the device, +-20 %: latched fault after that shot"),
    Fault("lying_meter", "scan head", "output times a factor, and the meter hides it", {"gain": 1.6}),
    Fault("head_reboot", "scan head", "the device restarts once: new boot id, clock from zero", {},
          "permits name the boot id; executed spots are kept in non-volatile memory"),
    Fault("head_power_lost", "scan head", "the device has no power", {},
          "no status: no permits, state off"),
    # serial line
    Fault("lost_bytes", "serial line", "each byte is lost with probability `p`", {"p": 0.002},
          "CRC on every frame; what is missing is asked for again"),
    Fault("corrupt_bytes", "serial line", "each byte is changed with probability `p`", {"p": 0.002},
          "CRC on every frame; digests bind permits to the records loaded"),
    Fault("late_bytes", "serial line", "chunks are held back", {"p": 0.2, "ms": 80.0}, _GUARD_PERMIT),
    Fault("silent_device", "serial line", "the device answers nothing any more", {},
          "age of the device's status (head-stale, head-lost); " + _GUARD_PERMIT),
    Fault("permit_replayed", "serial line", "an old permit is sent again and again", {},
          "counter and device tick in every permit"),
    Fault("records_changed", "serial line", "the host loads other energies than it says", {"factor": 1.5},
          "the digest in the permit is of the records the monitor was told of"),
    # clocks
    Fault("device_clock_drift", "clocks", "the device's clock runs fast or slow by a share", {"share": 0.05},
          _GUARD_PERMIT),
    Fault("host_clock_back", "clocks", "the host's clock jumps back", {"s": 1.0},
          "the monitor accepts no time before the last one (clock-invalid)"),
    Fault("host_clock_ahead", "clocks", "the host's clock jumps ahead", {"s": 5.0},
          "everything is too old at once (stale, lost)"),
    # processes
    *(Fault(f"{name}_killed", "processes", f"kill -9 of {name} while it works", {},
            "the run line tells the monitor of a death; " + _GUARD_PERMIT)
      for name in ("safety_monitor", "scan_head", "arm", "recorder", "treatment")),
    *(Fault(f"{name}_hangs", "processes", f"{name} lives, but does nothing", {},
            "progress counters of work loops; " + _GUARD_PERMIT)
      for name in ("safety_monitor", "scan_head", "arm", "recorder")),
    Fault("second_publisher", "processes", "a second node publishes interlock lines", {},
          "a deciding topic with two publishers leads to standby (topic-shared)"),
    Fault("plan_replaced", "processes", "another plan appears while the approved one is fired", {},
          "approvals name a plan's hash and end with it"),
    Fault("surface_replaced", "processes", "another surface is captured while the plan is fired", {},
          "approvals end with the surface they were made on"),
    # lines
    Fault("emergency_stop", "lines", "the emergency stop is pressed", {}, _GUARD_LINES),
    Fault("key_off", "lines", "the key is turned off", {}, _GUARD_LINES),
    Fault("door_open", "lines", "the door opens", {}, _GUARD_LINES),
    Fault("footswitch_released", "lines", "the footswitch is released", {}, _GUARD_LINES),
    Fault("smoke_evacuator_off", "lines", "the smoke evacuator stops", {}, _GUARD_LINES),
    Fault("eyewear_off", "lines", "the eyewear attestation is withdrawn", {}, _GUARD_LINES),
    Fault("line_misread", "lines", "the topic says the door is closed, whatever it is", {}),
)  # fmt: skip

FAULTS: dict[str, Fault] = {fault.name: fault for fault in _ROWS}
"""Every fault by name."""
