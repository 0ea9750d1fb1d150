"""Faults of the scan head, its serial line and the clocks."""

from __future__ import annotations

from openmtz.simulation.faults.fault import Fault

EXPIRY = "permits expire in the device 60 ms after the status they answer"
_METER = "energy meter in the device, +-20 %: latched fault; the monitor compares the reports"
_SOON = 0.1
"""A lost heartbeat must end emission within 100 ms [M]."""
_WAY = {"direction": "both"}
"""Both ways, or `rx` (to the device) or `tx` alone."""
IN_FLIGHT = {"unreported-emission": 40}
"""Shots within a permit's 60 ms (30 of at least 2 ms) and a batch of reports (25 ms) whose report never came:
in doubt, never fired again."""

SCAN_HEAD: tuple[Fault, ...] = (
    Fault("stuck_shutter", "scan head", "the shutter stays where `position` says", {"position": "open"},
          guard="shutter switch against command in the device: latched fault; the source is gated as well",
          outcome="stopped", cause="device-fault"),
    Fault("stuck_galvo", "scan head", "the mirrors do not move", {},
          harm="off-target", guard="position feedback in the device before each shot: latched fault",
          outcome="stopped", cause="device-fault"),
    Fault("stuck_galvo_hidden", "scan head", "the mirrors do not move and their feedback lies", {},
          harm="off-target", would_guard="the beam, or the fresh craters, seen by a camera"),
    Fault("galvo_offset", "scan head", "the mirrors stand off by an angle their feedback does not see",
          {"rad": 0.01},
          harm="off-target", would_guard="the grid of the mirrors measured before each treatment"),
    Fault("drifting_power", "scan head", "output drifts by a share per second", {"gain_per_s": 0.2},
          harm="over-energy", guard=_METER, outcome="stopped",
          cause="device-fault or output-deviates",
          left={"over-energy": 2, "too-deep": 2}, shown_with={"gain_per_s": 0.8}),
    Fault("wrong_power", "scan head", "output times a factor, from one shot to the next", {"gain": 1.6},
          harm="over-energy", guard=_METER, outcome="stopped",
          cause="device-fault or output-deviates",
          left={"over-energy": 1, "too-deep": 1}),
    Fault("lying_meter", "scan head", "output times a factor, and the meter hides it", {"gain": 1.6},
          harm="over-energy", would_guard="a second energy meter, with another head and another supply"),
    Fault("head_reboot", "scan head", "the device restarts once: new boot id, clock from zero", {},
          harm="double-dose", outcome="stopped", cause="device-restarted", left={"unreported-emission": 6},
          guard="permits name the boot id; executed spots are kept in non-volatile memory"),
    Fault("head_power_lost", "scan head", "the device has no power", {},
          guard="no status: no permits, state off or fault", outcome="stopped", cause="fired-counts-disagree",
          ends_s=0.001, left={"under-energy": 1, "unreported-emission": 6}),
)  # fmt: skip

SERIAL_LINE: tuple[Fault, ...] = (
    Fault("lost_bytes", "serial line", "each byte is lost with probability `p`", {"p": 0.002, **_WAY},
          guard="CRC on every frame; what is missing is asked for again"),
    Fault("corrupt_bytes", "serial line", "each byte is changed with probability `p`", {"p": 0.002, **_WAY},
          harm="over-energy",
          guard="CRC on every frame; limits of a record in the device; digests bind permits to the records"
          " loaded"),
    Fault("late_bytes", "serial line", "chunks are held back", {"p": 0.2, "ms": 80.0, **_WAY},
          harm="emission-after-stop", guard=EXPIRY, together=("door_open",), ends_s=_SOON,
          shown_with={"p": 1.0, "ms": 400.0}, outcome="stopped", cause="door-open",
          left=IN_FLIGHT),
    Fault("silent_device", "serial line", "the device answers nothing any more", {},
          harm="unreported-emission", left=IN_FLIGHT, ends_s=_SOON,
          guard="age of the device's status (head-stale, head-lost); " + EXPIRY,
          outcome="stopped", cause="fired-counts-disagree"),
    Fault("permit_replayed", "serial line", "an old permit is sent again and again", {},
          harm="emission-after-stop", together=("door_open",), ends_s=_SOON, cause="door-open",
          guard="counter and device tick in every permit; the gate is closed when a group is ended"),
    Fault("records_changed", "serial line", "the host loads other energies than it says", {"factor": 1.5},
          harm="over-energy", outcome="stopped", cause="device-fault",
          guard="the digest in the permit is of the records the monitor was told of; the monitor compares"
          " measured energies with the plan"),
)  # fmt: skip

CLOCKS: tuple[Fault, ...] = (
    Fault("device_clock_drift", "clocks", "the device's clock runs fast or slow by a share",
          {"share": 0.05}, guard=EXPIRY + ", counted in its own clock"),
    Fault("host_clock_back", "clocks", "the host's clock jumps back", {"s": 1.0},
          guard="the monitor accepts no time before the last one (clock-invalid)",
          outcome="stopped", cause="clock-invalid", ends_s=_SOON, left={"unreported-emission": 20}),
    Fault("host_clock_ahead", "clocks", "the host's clock jumps ahead", {"s": 5.0},
          harm="emission-after-stop", ends_s=_SOON,
          guard="what was received before is too old at once (lost), and the scan head's clock did not jump"
          " with it (clocks-disagree)", outcome="stopped", cause="head-lost or clocks-disagree"),
)  # fmt: skip
