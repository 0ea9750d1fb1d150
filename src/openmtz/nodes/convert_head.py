"""From what the scan head's process tells to messages. Without stamps: they are the node's."""

from __future__ import annotations

import numpy as np
from openmtz_interfaces.msg import ScanHeadStatus, SpotsFired, SpotsLoaded

from openmtz.devices import RECORD_BYTES
from openmtz.nodes import convert
from openmtz.stack import HeadHeard, ShotReport, SpotsLoaded as Loaded


def status_message(heard: HeadHeard) -> ScanHeadStatus:
    """Return the device's status."""
    status = heard.status
    return ScanHeadStatus(
        connected=heard.connected,
        state=int(status.state),
        boot_id=status.boot_id,
        device_tick_us=status.device_tick_us,
        gate_open=status.gate_open,
        emergency_stop_open=status.emergency_stop_open,
        footswitch_pressed=status.footswitch_pressed,
        loaded_until=status.loaded_until,
        executed=status.executed,
        credit_until=status.credit_until,
        permit_counter=status.permit_counter,
        permits_rejected=status.permits_rejected,
        fault_code=status.fault_code,
        fault_text=status.fault_text,
        plan_sha256=status.plan_hex,
    )


def loaded_message(loaded: Loaded) -> SpotsLoaded:
    """Return one chunk of what was loaded, with the digest of the records before it."""
    chunk = loaded.chunk
    return SpotsLoaded(
        plan_sha256=loaded.plan_sha256,
        station=loaded.station,
        pass_index=loaded.pass_index,
        first=chunk.first,
        count=len(chunk.records) // RECORD_BYTES,
        digest_before=chunk.digest_before,
        records=convert.typed_array(np.frombuffer(chunk.records, np.uint8), "uint8"),
    )


def fired_message(report: ShotReport) -> SpotsFired:
    """Return a report of shots."""
    return SpotsFired(
        plan_sha256=report.plan_sha256,
        boot_id=report.boot_id,
        spot_index=convert.typed_array(report.spot_index, "uint32"),
        device_tick_us=convert.typed_array(report.device_tick_us, "uint64"),
        energy_uj=convert.typed_array(report.energy_uj, "uint32"),
    )


def report_of(message: SpotsFired) -> ShotReport:
    """Return the report of a message.

    Raises:
        ValueError: its lists differ in length.
    """
    columns = [
        np.asarray(column, np.int64)
        for column in (message.spot_index, message.device_tick_us, message.energy_uj)
    ]
    if len({len(column) for column in columns}) != 1:
        raise ValueError("its lists differ in length")
    return ShotReport(message.plan_sha256, message.boot_id, *columns)
