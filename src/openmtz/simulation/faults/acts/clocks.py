"""Clocks run at another rate, jump or stand still."""

from __future__ import annotations

from openmtz.simulation.faults.acts.act import Act, Parameters, Switch
from openmtz.simulation.faults.faults_on import FaultsOn

LARGEST_JUMP_S = 3600.0


def drift_device(on: FaultsOn, active: bool, given: Parameters) -> None:
    """Let the device's clock run fast by `share`."""
    on.rig.device_clock.run_at(1.0 + (float(given["share"]) if active else 0.0))


def _host_jumps(fault: str, sign: float) -> Switch:
    """Return the act that moves the host's clock; when it ends, the clock comes back by as much."""

    def switch(on: FaultsOn, active: bool, given: Parameters) -> None:
        on.host_jumps.switch(fault, sign * float(given["s"]) if active else None)

    return switch


def stop_clock(on: FaultsOn, active: bool, _given: Parameters) -> None:
    """Publish `/clock` no more."""
    on.rig.topic_clock.stopped = active


def jump_clock(on: FaultsOn, active: bool, given: Parameters) -> None:
    """Shift every stamp by `s`, back when it ends.

    Raises:
        ValueError: more than an hour.
    """
    by_s = float(given["s"]) if active else 0.0
    if not abs(by_s) <= LARGEST_JUMP_S:
        raise ValueError(f"s must be a number within +-{LARGEST_JUMP_S:g}, got {by_s!r}")
    on.rig.topic_clock.jump_s = by_s


CLOCKS = {
    "device_clock_drift": Act(("device_clock",), drift_device),
    "host_clock_back": Act(("host_clock",), _host_jumps("host_clock_back", -1.0)),
    "host_clock_ahead": Act(("host_clock",), _host_jumps("host_clock_ahead", 1.0)),
    "clock_stopped": Act(("topic_clock",), stop_clock),
    "clock_jump": Act(("topic_clock",), jump_clock),
}
