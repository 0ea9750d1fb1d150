"""Fires the spots of one station and pass through a scan head: aim, select, load, follow to the end.

Pure: the owner brings time, measured pose and the link's events, and passes on what was loaded. What
may fire is decided by the safety monitor and by the device, never here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openmtz.devices.events import Event, LinkLost
from openmtz.devices.messages import DeviceState, Nak, NakCode, SelectReply, Status
from openmtz.devices.spots import RECORD_BYTES, encode_records, running_digest
from openmtz.geometry import apply_pose, invert_pose
from openmtz.optics import (
    FieldCalibration,
    HandpieceProfile,
    ProfileError,
    angles_to_counts,
    point_to_angles,
)
from openmtz.plan import FiringGroup, TreatmentPlan

SELECT_NAKS = (NakCode.ALREADY_EXECUTED, NakCode.IN_FAULT, NakCode.BAD_REQUEST)
"""Refusals of a selection. Others are of permits or spots, or the link asks again by itself."""
CHUNK_SPOTS = 256


class FiringRefused(ValueError):
    """This group cannot be fired now; the text says why."""


class Heard(NamedTuple):
    """What an event of the link means to a firing: the selection was taken, or all is over and why."""

    selected: bool = False
    over: str = ""


class LoadedChunk(NamedTuple):
    """Records handed to the device: spots from `first` on, their bytes, the running digest before them."""

    first: int
    records: bytes
    digest_before: int


def group_of(plan: TreatmentPlan, station: int, pass_index: int) -> FiringGroup:
    """Return the plan's spots of a station and pass.

    Raises:
        FiringRefused: it has none there.
    """
    for group in plan.groups():
        if (group.station, group.pass_index) == (station, pass_index):
            return group
    raise FiringRefused(f"the plan has no spots for station {station}, pass {pass_index}")


def first_to_fire(plan: TreatmentPlan, group: FiringGroup, asked: int, status: Status | None) -> int:
    """Return the spot to begin with: what was asked for, but never what the device has executed."""
    first = max(asked, group.first)
    if status is not None and status.plan_hex == plan.sha256:
        # One more may have been fired since the caller was told: the device knows, and never repeats.
        first = max(first, min(status.executed, group.end))
    return first


def aim_records(
    plan: TreatmentPlan,
    first: int,
    end: int,
    scan_head_pose: NDArray[np.float64],
    calibration: FieldCalibration | None = None,
) -> bytes:
    """Return the wire records of spots `[first, end)`, aimed from the measured pose `(4, 4)` in `world`.

    `calibration` is the field calibration of the head that fires; None: the nominal map of the profile.

    Raises:
        FiringRefused: the profile is of no use, or the plan was made with another calibration.
        ValueError: a spot beyond the galvo's full scale or the calibrated field.
    """
    try:
        profile = HandpieceProfile.from_header(plan.header["profile"])
    except (KeyError, ProfileError) as error:
        raise FiringRefused(f"the plan's handpiece profile is of no use: {error}") from error
    points = apply_pose(invert_pose(scan_head_pose), plan.positions_m[first:end])
    angles = point_to_angles(points, profile.mirror_separation_m)
    if calibration is None:
        counts = angles_to_counts(angles, profile.full_scale_rad)
    else:
        _check_calibration(plan, profile, calibration)
        counts = calibration.angles_to_counts(angles)
    earliest = plan.not_before_us[first:end].astype(np.int64)
    return encode_records(
        counts,
        plan.energy_uj[first:end].astype(np.int64),
        plan.pulse_us[first:end].astype(np.int64),
        np.maximum(earliest - earliest[0], 0),
    )


def _check_calibration(plan: TreatmentPlan, profile: HandpieceProfile, calibration: FieldCalibration) -> None:
    """Raise `FiringRefused` unless this is the calibration the plan was made with."""
    planned = plan.header.get("calibration_id")
    if planned != calibration.calibration_id:
        raise FiringRefused(
            f"the plan was made with calibration {planned!r}, this head has {calibration.calibration_id!r}"
            f" ({calibration.name}): plan again"
        )
    if calibration.full_scale_rad != profile.full_scale_rad:
        raise FiringRefused(
            f"calibration {calibration.name!r} is of a head with {calibration.full_scale_rad:g} rad full"
            f" scale, the plan's profile has {profile.full_scale_rad:g}: give the file of this head"
        )


class GroupFiring:
    """The firing of spots `[first, end)` of one group, from the selection to the last report."""

    def __init__(
        self, plan: TreatmentPlan, group: FiringGroup, first: int, records: bytes, now_s: float
    ) -> None:
        self.plan, self.group, self.first, self.end = plan, group, first, group.end
        self.records = records
        self.selected = False
        self.next_spot = first
        self._moved_at = now_s
        self._no_permit = ""

    def hear(self, event: Event) -> Heard:
        """Take an event of the link."""
        if isinstance(event, SelectReply):
            wanted = (
                bytes.fromhex(self.plan.sha256)[:16],
                self.group.station,
                self.group.pass_index,
                self.first,
                self.end,
            )
            given = (event.plan_prefix, event.station, event.pass_index, event.first, event.end)
            # A reply to an earlier goal may still come in.
            if not self.selected and wanted == given:
                self.selected = True
                return Heard(selected=True)
        elif isinstance(event, Nak) and not self.selected and event.code in SELECT_NAKS:
            return Heard(over=f"the scan head refused the selection: {event.text}")
        elif isinstance(event, Nak) and event.code == NakCode.PERMIT_REJECTED:
            self._no_permit = f"; the scan head rejects permits: {event.text}"
        elif isinstance(event, LinkLost):
            return Heard(over=f"the line to the scan head is lost: {event.reason}")
        return Heard()

    def chunks(self) -> Iterator[LoadedChunk]:
        """Give what is loaded, in the pieces the safety monitor is told of."""
        digests = running_digest(self.records)
        for at in range(0, self.end - self.first, CHUNK_SPOTS):
            chunk = self.records[at * RECORD_BYTES : (at + CHUNK_SPOTS) * RECORD_BYTES]
            yield LoadedChunk(self.first + at, chunk, int(digests[at - 1]) if at else 0)

    def follow(self, status: Status | None, now_s: float, stall_timeout_s: float) -> str:
        """Take a new status, if there is one; return why it is over, empty while it goes on."""
        if now_s - self._moved_at > stall_timeout_s:
            return f"no shot for {stall_timeout_s:.0f} s{self._no_permit}"
        if status is None or not self._concerns(status):
            return ""
        if status.state == DeviceState.FAULT:
            return f"scan head fault {status.fault_code}: {status.fault_text}"
        if status.executed > self.next_spot:
            self.next_spot, self._moved_at = min(status.executed, self.end), now_s
            self._no_permit = ""
        return ""

    def complete(self, status: Status | None) -> bool:
        """Whether every spot is executed and the gate is closed again."""
        if status is None or not self._concerns(status):
            return False
        return status.executed >= self.end and not status.gate_open

    def _concerns(self, status: Status) -> bool:
        """A status from before the selection may count the spots of another plan."""
        return self.selected and status.plan_hex == self.plan.sha256
