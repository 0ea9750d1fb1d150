"""From what the scan head's line says to messages. Without stamps: they are the node's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from openmtz_interfaces.msg import ScanHeadStatus, SpotsFired, SpotsLoaded

from openmtz.devices import RECORD_BYTES, Fired, GroupFiring, LoadedChunk, Status
from openmtz.nodes import convert


def status_message(status: Status, connected: bool) -> ScanHeadStatus:
    """Return the device's status; `connected`: whether it is still heard."""
    return ScanHeadStatus(
        connected=connected,
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


def loaded_message(firing: GroupFiring, chunk: LoadedChunk) -> SpotsLoaded:
    """Return one chunk of what was loaded, with the digest of the records before it."""
    return SpotsLoaded(
        plan_sha256=firing.plan.sha256,
        station=firing.group.station,
        pass_index=firing.group.pass_index,
        first=chunk.first,
        count=len(chunk.records) // RECORD_BYTES,
        digest_before=chunk.digest_before,
        records=convert.typed_array(np.frombuffer(chunk.records, np.uint8), "uint8"),
    )


def fired_message(reports: Sequence[Fired], status: Status | None) -> SpotsFired:
    """Return reports of shots (at least one) in one message, under the plan and boot of `status`."""
    first = np.concatenate([np.arange(e.first, e.first + len(e.shots)) for e in reports])
    shots = [shot for e in reports for shot in e.shots]
    return SpotsFired(
        plan_sha256=status.plan_hex if status is not None else "",
        boot_id=status.boot_id if status is not None else 0,
        spot_index=convert.typed_array(first, "uint32"),
        device_tick_us=convert.typed_array(np.array([s[0] for s in shots]), "uint64"),
        energy_uj=convert.typed_array(np.array([s[1] for s in shots]), "uint32"),
    )
