"""What the simulated head is: timing, limits, noise."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

DEVICE_NAME = "openmtz simulated scan head"


@dataclass(frozen=True)
class DeviceSettings:
    """Numbers of the head. Times [us], energies [uJ], angles [rad] (optical).

    `settle_us`, `slew_us_per_rad`, `full_scale_rad` come from the handpiece profile (0.4-1 ms per
    hop, domain facts section 7). `galvo_repeatability_rad` is the standard deviation of each axis, shot by
    shot (15 urad, domain facts section 7 [V]); `galvo_tolerance_rad` the deviation from which on the
    position feedback says "does not follow": ten times that, 22 um at 150 mm, under a fifth of a spot
    (engineering default). `energy_noise` and `meter_noise` are relative standard deviations of a pulse and
    of its measurement (engineering defaults). The hard limits are the head's own and no plan can raise them:
    200 mJ and 300 W lie above any profile (5-150 mJ, up to 240 W peak), 10 ms above any pulse.

    Raises:
        ValueError: a number that is not finite or is negative.
    """

    settle_us: float = 1000.0
    slew_us_per_rad: float = 10_000.0
    full_scale_rad: float = 0.25
    galvo_repeatability_rad: float = 15e-6
    galvo_tolerance_rad: float = 150e-6
    energy_limit_uj: int = 200_000
    pulse_limit_us: int = 10_000
    power_limit_w: float = 300.0
    buffer_spots: int = 4096
    max_ttl_us: int = 100_000
    shutter_us: int = 2_000
    shutter_limit_us: int = 10_000
    status_period_us: int = 10_000
    fired_batch_us: int = 4_000
    energy_noise: float = 0.02
    meter_noise: float = 0.005
    output_tolerance: float = 0.2
    device_id: str = DEVICE_NAME

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, (int, float)) and not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{field.name} must be a finite number and not negative, got {value!r}")

    @classmethod
    def from_profile(cls, values: dict[str, Any]) -> DeviceSettings:
        """Take what concerns the head from the JSON fields of a handpiece profile.

        Raises:
            ValueError: such a field that is no sensible number.
        """
        own = cls()
        try:
            return cls(
                settle_us=float(values.get("settle_us", own.settle_us)),
                slew_us_per_rad=float(values.get("slew_us_per_rad", own.slew_us_per_rad)),
                full_scale_rad=float(values.get("full_scale_rad", own.full_scale_rad)),
            )
        except TypeError as error:
            raise ValueError(f"the profile's timing is not a number: {error}") from error
