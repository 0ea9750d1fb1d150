"""One function per guard: switches it off in a rig, for tests alone. Production code has no such switch."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import replace
from unittest import mock

from cobs import cobs

from openmtz.capture import FrameGate
from openmtz.devices.messages import Frame, NakCode, Spots
from openmtz.devices.spots import RECORD_BYTES, RECORD_STRUCT
from openmtz.devices.wire import Decoder, WireError, decode_frame
from openmtz.safety import CONDITIONS, SafetyMonitor, approval
from openmtz.simulation.lockstep.cell import LockstepCell
from openmtz.simulation.lockstep.head import LockstepHead
from openmtz.simulation.lockstep.stack import LockstepStack
from openmtz.simulation.scan_head_device.exchange import Refusal
from openmtz.simulation.scan_head_device.memory import SLOT_BYTES, SLOTS, SlotMemory
from openmtz.simulation.scan_head_device.permits import DigestMismatch, PermitHolder
from openmtz.simulation.scan_head_device.spot_buffer import Record, SpotBuffer
from openmtz.stack import CaptureOrder

Guard = Callable[[LockstepCell, LockstepStack], None]
NEVER = 1e9


# ---- the safety monitor -----------------------------------------------------------------------------


class DeafMonitor(SafetyMonitor):
    """Does not notice some conditions."""

    deaf: frozenset[str] = frozenset()

    def step(self, inputs, now):  # type: ignore[no-untyped-def]
        return super().step(inputs, max(now, self._now) if "clock-invalid" in self.deaf else now)

    def _conditions(self, inputs, now):  # type: ignore[no-untyped-def]
        found = super()._conditions(inputs, now)
        return {code: text for code, text in found.items() if code not in self.deaf}

    def _end_approval(self, why: str, now: float) -> None:
        if "approval-ended" not in self.deaf:
            super()._end_approval(why, now)


def monitor_deaf(*codes: str) -> Guard:
    """Let the monitor not notice these conditions, and grant as if they were not."""
    assert set(codes) <= set(CONDITIONS), codes

    def off(_cell: LockstepCell, stack: LockstepStack) -> None:
        before = stack.monitoring.monitor
        deaf = DeafMonitor(before.config, before.boot_id, 0.0)
        deaf.deaf = frozenset(codes) | getattr(before, "deaf", frozenset())
        stack.monitoring.monitor = deaf

    return off


def monitor_limits(**values: float) -> Guard:
    """Give the monitor other limits."""

    def off(_cell: LockstepCell, stack: LockstepStack) -> None:
        before = stack.monitoring.monitor
        after = type(before)(replace(before.config, **values), before.boot_id, 0.0)
        if isinstance(after, DeafMonitor):
            after.deaf = getattr(before, "deaf", frozenset())
        stack.monitoring.monitor = after

    return off


aim_unchecked = monitor_limits(aim_miss_m=NEVER, aim_defocus_factor=NEVER)
"""The last check of where galvo counts land from the measured pose."""


def skin_unchecked(_cell: LockstepCell, stack: LockstepStack) -> None:
    """An approval asks nothing of the captured skin."""
    approve = stack.monitoring.monitor._approve

    def careless(*given):  # type: ignore[no-untyped-def]
        with mock.patch.object(approval, "check_on_skin", lambda *_: []):
            return approve(*given)

    stack.monitoring.monitor._approve = careless  # type: ignore[method-assign]


# ---- processes --------------------------------------------------------------------------------------


def run_line_unwatched(_cell: LockstepCell, stack: LockstepStack) -> None:
    """Nobody is told of a death."""
    stack.processes.run_line_watched = False


def process_alive_for_show(name: str) -> Guard:
    """The watchdogs get the progress of a node that makes none."""

    def off(_cell: LockstepCell, stack: LockstepStack) -> None:
        work, processes = stack.processes.work, stack.processes

        def lying(now: float) -> None:
            work(now)
            sample = processes.samples.get(name)
            if sample is not None and not processes.runs(name):
                processes.samples[name] = type(sample)(sample.counter + 1, now, sample.period_s)

        processes.work = lying  # type: ignore[method-assign]

    return off


# ---- the device -------------------------------------------------------------------------------------


def device_limits(**values: float) -> Guard:
    """Give the device other tolerances (`DeviceSettings`)."""

    def off(cell: LockstepCell, _stack: LockstepStack) -> None:
        cell.head = LockstepHead(cell.seed, settings=replace(cell.head.settings, **values))
        cell.set_line("key_on", cell.lines["key_on"])

    return off


def wire_stuck(line: str) -> Guard:
    """Let a line into the head always read as good."""

    def off(cell: LockstepCell, _stack: LockstepStack) -> None:
        tell = cell.head.set_lines
        cell.head.set_lines = lambda **lines: tell(**{**lines, line: True})  # type: ignore[method-assign]
        cell.set_line("key_on", cell.lines["key_on"])

    return off


def at_every_boot(cell: LockstepCell, change: Callable[[LockstepHead], None]) -> None:
    """Do something to the device now and after each restart."""
    head = cell.head
    boot = head._boot

    def again(now_s: float) -> None:
        boot(now_s)
        change(head)

    head._boot = again  # type: ignore[method-assign]
    change(head)


class Gullible(PermitHolder):
    """Believes permits it should not."""

    expiry = counters = digests = True

    @property
    def expires_us(self) -> int | None:
        """Never, without expiry."""
        return super().expires_us if self.expiry or self.live is None else 1 << 60

    def _reason_to_reject(self, permit, selection, digests):  # type: ignore[no-untyped-def]
        try:
            reason = super()._reason_to_reject(permit, selection, digests)
        except DigestMismatch:
            if self.digests:
                raise
            return ""
        if not self.expiry and reason == "expired":
            return ""
        if not self.counters and reason in ("counter not increasing", "expired", "older than the selection"):
            return ""
        return reason


def _believes(**flags: bool) -> Guard:
    def off(cell: LockstepCell, _stack: LockstepStack) -> None:
        def change(head: LockstepHead) -> None:
            core = head.core
            holder = Gullible(core.boot_id, head.settings.max_ttl_us, core._journal)
            before = core._permits
            for name in ("expiry", "counters", "digests"):
                setattr(holder, name, flags.get(name, getattr(before, name, True)))
            core._permits = core._firing._permits = holder

        at_every_boot(cell, change)

    return off


permits_never_expire = _believes(expiry=False)
"""A permit lives until its credit is used up."""
permits_replayable = _believes(counters=False, expiry=False)
"""The device looks at neither counter nor tick."""
digests_ignored = _believes(digests=False)
"""The device fires what it has loaded, whatever the permit was granted for."""


class CarelessDecoder(Decoder):
    """Takes spot records whose CRC is wrong; other frames are checked as ever."""

    def feed(self, data: bytes) -> list[Frame | WireError]:
        found: list[Frame | WireError] = []
        *complete, rest = data.split(b"\0")
        for part in complete:
            whole, self._buffer = bytes(self._buffer + part), bytearray()
            if whole:
                frame = decode_frame(whole)
                found.append(_spots(whole) or frame if isinstance(frame, WireError) else frame)
        self._buffer += rest
        return found


def _spots(encoded: bytes) -> Spots | None:
    try:
        body = bytes(cobs.decode(encoded))
        return Spots.parse(body[1:-4]) if body[:1] == bytes([Spots.TYPE]) else None
    except (cobs.DecodeError, ValueError):
        return None


def crc_unchecked(cell: LockstepCell, _stack: LockstepStack) -> None:
    """The device takes spot records with a wrong CRC."""
    at_every_boot(cell, lambda head: setattr(head, "_decoder", CarelessDecoder()))


class CarelessBuffer(SpotBuffer):
    """Takes records as they come, as far as the hardware goes: 200 mJ, 10 ms."""

    def take(self, frame: Spots, executed: int) -> None:
        selection = self.selection
        if selection is None:
            return
        known = max(0, self.loaded_until(executed) - frame.first)
        if frame.first > self.loaded_until(executed):
            raise Refusal(NakCode.GAP, f"expected spot {self.loaded_until(executed)}, got {frame.first}")
        if frame.first + len(frame.records) // RECORD_BYTES > selection.select.end:
            return
        for start in range(known * RECORD_BYTES, len(frame.records), RECORD_BYTES):
            record = Record._make(RECORD_STRUCT.unpack(frame.records[start : start + RECORD_BYTES]))
            energy = min(max(record.energy_uj, 1), self._settings.energy_limit_uj)
            pulse = min(max(record.pulse_us, 1), self._settings.pulse_limit_us)
            # A spot that waits for an hour would end the story before its harm is seen.
            wait = min(record.not_before_us, 1_000_000)
            record = record._replace(energy_uj=energy, pulse_us=pulse, not_before_us=wait)
            self._append(RECORD_STRUCT.pack(*record))


def records_unchecked(cell: LockstepCell, _stack: LockstepStack) -> None:
    """The device looks neither at CRC nor at limits of its records."""
    crc_unchecked(cell, _stack)

    def change(head: LockstepHead) -> None:
        core = head.core
        core._buffer = core._firing._buffer = CarelessBuffer(head.settings)

    at_every_boot(cell, change)


def gate_close_unsent(cell: LockstepCell, _stack: LockstepStack) -> None:
    """The scan-head process does not end a group at the device."""
    cell.head.link.close_gate = lambda: None  # type: ignore[method-assign]


def memory_forgets(cell: LockstepCell, _stack: LockstepStack) -> None:
    """What was executed is forgotten without power."""
    head = cell.head
    boot = head._boot

    def forget(now_s: float) -> None:
        head._memory = SlotMemory(bytearray(SLOTS * SLOT_BYTES))
        boot(now_s)

    head._boot = forget  # type: ignore[method-assign]


# ---- arm and camera ---------------------------------------------------------------------------------


def goal_unchecked(_cell: LockstepCell, stack: LockstepStack) -> None:
    """A motion counts as done wherever it ended."""
    stack.mover.config = replace(stack.mover.config, goal_tolerance_rad=NEVER)


class OpenGate(FrameGate):
    """Takes every frame with the joints its stamp names, moving or not."""

    def _judge(self, stamp_s: float):  # type: ignore[no-untyped-def]
        row = bisect_right(self._states, stamp_s, key=lambda state: state.stamp_s) - 1
        return self._states[max(row, 0)]


def frames_ungated(_cell: LockstepCell, stack: LockstepStack) -> None:
    """Frames are fused whether the arm rested or not."""
    start = stack.capturing.start

    def begin(order: CaptureOrder, now: float) -> None:
        start(order, now)
        stack.capturing.gate = OpenGate(per_standstill=stack.scan.frames_per_view)

    stack.capturing.start = begin  # type: ignore[method-assign]
