"""Between messages and the safety monitor's plain data. Without stamps: they are the node's."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus, KeyValue
from openmtz_interfaces.msg import (
    Interlocks as InterlocksMessage,
    Permit,
    SafetyState as StateMessage,
    ScanHeadStatus,
    SpotsFired,
    SpotsLoaded,
)

from openmtz.devices import RECORD_BYTES, loaded_spots
from openmtz.safety import (
    LINE_NAMES,
    FiredBatch,
    HeadStatus,
    Interlocks,
    LoadedSpots,
    Outputs,
    SafetyState,
)
from openmtz.stack import Permit as Granted

HEAD_FIELDS = [f.name for f in fields(HeadStatus) if f.name != "received_at"]
MAX_CHUNK = 65_536
"""More records than this in one message are not looked at: it would keep the monitor from its step."""


def interlocks_of(message: InterlocksMessage, now: float) -> Interlocks:
    """Return the lines as received at `now` [s, monotonic]."""
    return Interlocks(now, **{name: getattr(message, name) for name in LINE_NAMES})


def head_of(message: ScanHeadStatus, now: float) -> HeadStatus:
    """Return the scan head's status as received at `now` [s, monotonic]."""
    return HeadStatus(now, **{name: getattr(message, name) for name in HEAD_FIELDS})


def loaded_of(message: SpotsLoaded) -> LoadedSpots:
    """Return the records that were loaded.

    Raises:
        ValueError: no records, another number than announced, or more than `MAX_CHUNK`.
    """
    data = bytes(message.records)
    count = len(data) // RECORD_BYTES
    if count != message.count or count > MAX_CHUNK:
        raise ValueError(f"{count} records where {message.count} are announced")
    return loaded_spots(
        message.plan_sha256, message.station, message.pass_index, message.first, data, message.digest_before
    )


def fired_of(message: SpotsFired) -> FiredBatch:
    """Return the shots of a report.

    Raises:
        ValueError: its lists differ in length.
    """
    return FiredBatch(
        message.plan_sha256,
        message.boot_id,
        np.asarray(message.spot_index, np.uint32),
        np.asarray(message.energy_uj, np.uint32),
    )


def permit_message(permit: Granted) -> Permit:
    """Return the permit with the bytes for the wire (counter, digest, CRC)."""
    grant = permit.grant
    return Permit(
        frame=list(permit.frame),
        counter=grant.counter,
        plan_sha256=grant.plan_sha256,
        station=grant.station,
        pass_index=grant.pass_index,
        credit_until=grant.credit_until,
        device_boot_id=grant.device_boot_id,
        device_tick_us=grant.device_tick_us,
        ttl_us=grant.ttl_us,
    )


def state_message(outputs: Outputs, boot_id: str) -> StateMessage:
    """Return the monitor's state as everybody reads it."""
    return StateMessage(
        state=int(outputs.state),
        state_name=outputs.state.name,
        cause=outputs.cause,
        detail=outputs.detail,
        boot_id=boot_id,
        token=int(outputs.token),
        approved_plan_sha256=outputs.approved_plan_sha256,
        credit_until=outputs.credit_until,
        permits_granted=outputs.permits_granted,
        withheld=list(outputs.withheld),
    )


def told_by(message: StateMessage) -> tuple[str, str, str]:
    """Return the state's name, why it is so, and the plan approved (empty: none).

    A number that no state has is no state to fire in.
    """
    try:
        name = SafetyState(message.state).name
    except ValueError:
        name = SafetyState.FAULT.name
    return name, message.detail or message.cause, message.approved_plan_sha256


def diagnostic_status(outputs: Outputs, boot_id: str) -> DiagnosticStatus:
    """Return the state with every active condition, as ROS's own tools show it."""
    level = DiagnosticStatus.OK
    if outputs.state in (SafetyState.FAULT, SafetyState.OFF):
        level = DiagnosticStatus.ERROR
    elif outputs.conditions:
        level = DiagnosticStatus.WARN
    return DiagnosticStatus(
        level=level,
        name="openmtz: safety monitor",
        message=f"{outputs.state.name}: {outputs.detail or outputs.cause}",
        hardware_id=boot_id[:12],
        values=[KeyValue(key=code, value=text) for code, text in (*outputs.conditions, *outputs.refused)],
    )
