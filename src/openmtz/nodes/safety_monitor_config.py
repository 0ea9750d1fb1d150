"""The parameters of node `safety_monitor`."""

from __future__ import annotations

from dataclasses import dataclass

from openmtz.nodes import calibration
from openmtz.nodes.parameters import parameter
from openmtz.safety import SafetyConfig


@dataclass(frozen=True)
class MonitorConfig:
    """Parameters of `safety_monitor`; limits that are not named here are those of `SafetyConfig`."""

    step_s: float = parameter(0.005, "period of the monitor's step [s]", 0.001, 0.015)
    ready_delay_s: float = parameter(2.0, "delay on entering ready [s]", 2.0, 60.0)
    ttl_s: float = parameter(0.060, "time to live of a permit [s]", 0.02, 0.1)
    grant_period_s: float = parameter(0.015, "period of permits [s]", 0.005, 0.05)
    recorder: str = parameter("recorder", "node that keeps the record; empty: fire without evidence")
    calibration_file: str = parameter(
        "", "field calibration of the scan head, JSON file; empty: the nominal map"
    )
    require_run_line: bool = parameter(False, "refuse to start without a supervisor's run line")

    def limits(self) -> SafetyConfig:
        """Return the monitor's limits."""
        field = calibration.load_calibration(self.calibration_file, "safety_monitor")
        return SafetyConfig(
            ready_delay_s=self.ready_delay_s,
            ttl_s=self.ttl_s,
            grant_period_s=self.grant_period_s,
            recorder=self.recorder,
            calibration=field,
            calibration_id=field.calibration_id if field else "nominal",
        )
