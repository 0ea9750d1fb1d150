"""Between a scan head's bytes and the safety monitor's plain data: records it judges, permits it grants."""

from __future__ import annotations

import numpy as np

from openmtz.devices.messages import PermitFrame
from openmtz.devices.spots import decode_records, running_digest
from openmtz.devices.wire import encode
from openmtz.safety import LoadedSpots, PermitGrant


def loaded_spots(
    plan_sha256: str, station: int, pass_index: int, first: int, data: bytes, digest_before: int
) -> LoadedSpots:
    """Return what the monitor is told of records `data` (14 bytes each) loaded from spot `first` on.

    `digest_before`: the running digest of the records of this selection that came before.

    Raises:
        ValueError: no whole number of records.
    """
    records = decode_records(data)
    return LoadedSpots(
        plan_sha256,
        station,
        pass_index,
        first,
        records.counts,
        records.energy_uj,
        records.pulse_us.astype(np.uint32),
        records.not_before_us,
        running_digest(data, digest_before),
    )


def permit_frame(grant: PermitGrant) -> bytes:
    """Return the permit as it goes on the wire: counter, digest, CRC.

    Raises:
        ValueError: a number that does not fit its field.
    """
    return encode(
        PermitFrame(
            counter=grant.counter,
            plan_prefix=bytes.fromhex(grant.plan_sha256)[:16] if grant.plan_sha256 else bytes(16),
            station=grant.station,
            pass_index=grant.pass_index,
            credit_until=grant.credit_until,
            digest_at_credit=grant.digest_at_credit,
            device_boot_id=grant.device_boot_id,
            device_tick_us=grant.device_tick_us,
            ttl_us=grant.ttl_us,
        )
    )
