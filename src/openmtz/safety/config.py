"""Limits of the safety monitor. Every number is an engineering default unless a source is named."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from openmtz.optics import FieldCalibration


@dataclass(frozen=True)
class SafetyConfig:
    """Times in seconds, lengths in metres, angles in radians.

    Attributes:
        ready_delay_s: on entering READY, at least 2 s (IEC 60601-2-22, [M]).
        grant_period_s, ttl_s: a permit every 15 ms that lives 60 ms in the device's clock (design, 5).
        credit_window: spots of credit ahead of the executed one.
        gate_margin_s: after a permit's end before an open gate counts as stuck.
        *_stale_s: older than this, permits are withheld. *_lost_s: older than this, the state changes.
        progress_required: nodes whose work loop must advance. recorder: the one that keeps the
            evidence, empty to fire without a record (never on hardware).
        progress_factor: promised periods without progress before permits are withheld.
        progress_late_s, progress_lost_s: never less than these, so that a busy machine does not stop
            a treatment; a promise beyond `progress_period_max_s` is not believed.
        line_settle_s: a line counts as good again after this long; as bad at once.
        session_s: an eyewear attestation expires. approval_s: an approval expires.
        arm_rest_rad, arm_rest_s: joints within this for this long are at rest.
        station_position_m, station_angle_rad: 0.3 mm (focus budget 0.3-0.4 mm, domain facts 8) and 0.2 deg.
        aim_miss_m: lateral miss of a spot. aim_defocus_factor: times the profile's depth of focus; the
            planner keeps within one, the arm's tolerance at the station may take the other.
        aim_incidence_rad: 30 deg: refuse (domain facts 6 [D]).
        output_tolerance: +-20 % (domain facts 8 [M]).
        heat_limit_j_cm2, heat_window_s: energy within any 1 cm2 in 10 s; the limit is an engineering
            default without citation: above 80 mJ at 5 % and 20 mJ at 20 % (35 J/cm2), below two
            passes of either.
        calibration_id: a plan with another one is not approved; empty: not compared.
        calibration: where the head's counts really point; its id is `calibration_id`, left empty it is
            taken from here. None: the nominal map of the plan's profile.

    Raises:
        ValueError: a limit that is not finite or not positive, or pairs in the wrong order.
    """

    ready_delay_s: float = 2.0
    ready_timeout_s: float = 600.0
    hold_timeout_s: float = 300.0
    grant_period_s: float = 0.015
    ttl_s: float = 0.060
    credit_window: int = 64
    gate_margin_s: float = 0.050
    interlocks_stale_s: float = 0.25
    interlocks_lost_s: float = 1.0
    head_stale_s: float = 0.050
    head_lost_s: float = 1.0
    arm_stale_s: float = 0.100
    arm_lost_s: float = 0.5
    progress_required: tuple[str, ...] = ("scan_head", "arm")
    recorder: str = "recorder"
    progress_factor: float = 3.0
    progress_period_max_s: float = 0.5
    progress_late_s: float = 0.3
    progress_lost_s: float = 1.0
    line_settle_s: float = 0.050
    session_s: float = 4 * 3600.0
    approval_s: float = 3600.0
    arm_rest_rad: float = 2e-4
    arm_rest_s: float = 0.1
    station_position_m: float = 0.0003
    station_angle_rad: float = math.radians(0.2)
    aim_miss_m: float = 0.0003
    aim_defocus_factor: float = 2.0
    aim_incidence_rad: float = math.radians(30.0)
    aim_persist_s: float = 0.2
    fired_disagree_s: float = 0.5
    output_tolerance: float = 0.20
    heat_limit_j_cm2: float = 45.0
    heat_window_s: float = 10.0
    calibration_id: str = ""
    calibration: FieldCalibration | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, (int, float)) and not (math.isfinite(value) and value > 0):
                raise ValueError(f"{field.name} must be positive and finite, got {value!r}")
        if self.calibration is not None:
            own = self.calibration.calibration_id
            if self.calibration_id not in ("", own):
                raise ValueError(
                    f"calibration_id {self.calibration_id!r} is not that of the calibration, {own!r}"
                )
            object.__setattr__(self, "calibration_id", own)
        object.__setattr__(self, "progress_required", tuple(self.progress_required))
        for low, high in (
            ("interlocks_stale_s", "interlocks_lost_s"),
            ("head_stale_s", "head_lost_s"),
            ("arm_stale_s", "arm_lost_s"),
            ("progress_late_s", "progress_lost_s"),
            ("grant_period_s", "ttl_s"),
            ("head_stale_s", "ttl_s"),
        ):
            if getattr(self, low) >= getattr(self, high):
                raise ValueError(f"{low} must be shorter than {high}")

    @property
    def ttl_us(self) -> int:
        """Time to live of a permit [us], as it stands on the wire."""
        return round(self.ttl_s * 1e6)
