"""The rules of the scan head, pure: messages and time in, messages, shots and log entries out.

Time is handed in as the device's tick [us] and a shot starts at that tick or not at all: a process that
slept fires nothing afterwards for the time it slept. The caller reads the clock *before* it
collects what arrived, so everything sent before `now_us` has been heard when a shot is decided.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from openmtz.devices.fault_codes import FAULT_TEXT, FaultCode
from openmtz.devices.messages import (
    PROTOCOL_VERSION,
    DeviceFrame,
    DeviceState,
    Fired,
    FiredRequest,
    Frame,
    GateClose,
    Hello,
    HelloReply,
    Nak,
    NakCode,
    PermitFrame,
    ResetFault,
    Select,
    SelectReply,
    Spots,
    Status,
    StatusRequest,
)
from openmtz.devices.spots import RECORD_BYTES, RECORD_STRUCT
from openmtz.devices.wire import WireError
from openmtz.simulation.scan_head_device.fired_log import FiredReports
from openmtz.simulation.scan_head_device.memory import ExecutedMemory, MemoryFailure
from openmtz.simulation.scan_head_device.permits import DigestMismatch, Selection, reason_to_reject
from openmtz.simulation.scan_head_device.plant import Plant
from openmtz.simulation.scan_head_device.settings import DeviceSettings

IDLE_WAKE_US = 5_000
RETRY_US = 500
NAK_PERIOD_US = 100_000


@dataclass(frozen=True)
class Lines:
    """The wires to the head. `known` is False until the wires have said anything: no firing before."""

    emergency_stop_closed: bool = False
    footswitch_pressed: bool = False
    key_on: bool = False
    known: bool = True


class Shot(NamedTuple):
    """One pulse really emitted: counts the mirrors really stood at, energy really emitted [uJ]."""

    spot: int
    x_counts: int
    y_counts: int
    energy_uj: int
    start_us: int
    duration_us: int


class StepResult(NamedTuple):
    """What one step gave: messages to the host, shots for the world, entries for the device's own log."""

    tx: list[DeviceFrame]
    shots: list[Shot]
    log: list[dict[str, Any]]


class _Pulse(NamedTuple):
    spot: int
    start_us: int
    end_us: int
    set_uj: int
    true_uj: int
    measured_uj: int


class DeviceCore:
    """One boot of the device. `lines` may be replaced at any time between steps; `plant.faults` too."""

    def __init__(
        self,
        boot_id: int,
        memory: ExecutedMemory,
        rng: np.random.Generator,
        settings: DeviceSettings | None = None,
        plant: Plant | None = None,
    ) -> None:
        self.settings = settings or DeviceSettings()
        self.plant = plant or Plant(self.settings, rng)
        self.boot_id = boot_id
        self.lines = Lines(known=False)
        self.state = DeviceState.IDLE
        self.fault_code = FaultCode.NONE
        self.plan_sha256 = b""
        self.executed = 0
        self._memory = memory
        self._now = 0
        self._tx: list[DeviceFrame] = []
        self._shots: list[Shot] = []
        self._log: list[dict[str, Any]] = []
        self._selection: Selection | None = None
        self._raw = bytearray()
        self._records: list[tuple[int, int, int, int, int]] = []
        self._digests: list[int] = []
        self._permit: PermitFrame | None = None
        self._permit_counter = 0
        self._permits_rejected = 0
        self._gate = False
        self._gate_was_open = False
        self._pulse: _Pulse | None = None
        self._origin_us: int | None = None
        self._aimed_at: int | None = None
        self._fired = FiredReports(self.settings.fired_batch_us)
        self._last_status_us = -self.settings.status_period_us
        self._last_shown: tuple[object, ...] = ()
        self._last_nak: dict[str, int] = {}
        try:
            self.plan_sha256, self.executed = memory.last_plan()
        except MemoryFailure as error:
            self._fault(FaultCode.MEMORY, str(error))
        self._note("boot", boot_id=boot_id, plan=self.plan_sha256.hex(), executed=self.executed)

    # -- one step ---------------------------------------------------------------------------------

    def step(self, now_us: int, frames: Iterable[Frame | WireError] = ()) -> StepResult:
        """Take the messages that arrived, act at `now_us` [us since boot], return what came of it.

        Raises:
            ValueError: the clock ran backwards.
        """
        if now_us < self._now:
            raise ValueError(f"the device clock ran backwards from {self._now} to {now_us} us")
        self._now = now_us
        self._end_pulse_if_over()
        self._watch_lines()
        for frame in frames:
            self._receive(frame)
        self._watch_permit()
        if self.fault_code is FaultCode.NONE and self.plant.shutter_fails(now_us):
            self._fault(FaultCode.SHUTTER, "")
        self._drive_gate()
        self._fire_if_due()
        self._say()
        result = StepResult(self._tx, self._shots, self._log)
        self._tx, self._shots, self._log = [], [], []
        return result

    def next_wake_us(self) -> int:
        """Return the tick [us] at which the next step has something to do by itself."""
        wake = min(self._last_status_us + self.settings.status_period_us, self._now + IDLE_WAKE_US)
        if self._pulse is not None:
            wake = min(wake, self._pulse.end_us)
        elif self._gate:
            due = self._due_us()
            if due is not None and self._permit is not None:
                expiry = self._expiry_us()
                record = self._next_record()
                assert record is not None
                # Due but not fired (a stuck shutter, say): look again soon, do not spin.
                soon = due if due > self._now else self._now + RETRY_US
                wake = min(wake, soon if soon + record[3] <= expiry else expiry)
        if self._permit is not None:
            wake = min(wake, self._expiry_us())
        return max(wake, self._now)

    # -- messages ---------------------------------------------------------------------------------

    def _receive(self, frame: Frame | WireError) -> None:
        if isinstance(frame, WireError):
            self._note("line_error", kind=frame.kind, detail=frame.detail)
        elif isinstance(frame, PermitFrame):
            self._take_permit(frame)
        elif isinstance(frame, Spots):
            self._take_spots(frame)
        elif isinstance(frame, Select):
            self._take_select(frame)
        elif isinstance(frame, GateClose):
            self._note("gate_close_request")
            self._deselect()
        elif isinstance(frame, ResetFault):
            self._reset_fault()
        elif isinstance(frame, Hello):
            if frame.protocol_version != PROTOCOL_VERSION:
                self._nak(NakCode.VERSION, f"this device speaks protocol {PROTOCOL_VERSION}")
            s = self.settings
            limits = (s.buffer_spots, s.max_ttl_us, s.energy_limit_uj, s.pulse_limit_us)
            self._tx.append(HelloReply(PROTOCOL_VERSION, self.boot_id, *limits, s.device_id))
        elif isinstance(frame, StatusRequest):
            self._last_shown = ()
        elif isinstance(frame, FiredRequest):
            reports = self._fired.repeat(frame.first, frame.end)
            self._tx.extend(reports)
            if not reports:
                self._nak(NakCode.BAD_REQUEST, f"no reports of spots {frame.first} to {frame.end}")
        else:
            self._nak(NakCode.UNKNOWN_TYPE, type(frame).__name__)

    def _take_select(self, select: Select) -> None:
        if self.fault_code is not FaultCode.NONE:
            return self._nak(NakCode.IN_FAULT, f"fault {int(self.fault_code)}: reset it first")
        if self._pulse is not None:
            self._deselect()
            return self._nak(NakCode.BUSY, "a pulse is running: select again")
        if select.first >= select.end or not any(select.plan_sha256):
            return self._nak(NakCode.BAD_REQUEST, f"spots [{select.first}, {select.end}) are no selection")
        self._deselect()
        try:
            executed = self._memory.open_plan(select.plan_sha256)
        except MemoryFailure as error:
            return self._fault(FaultCode.MEMORY, str(error))
        if select.first < executed:
            self.plan_sha256, self.executed = select.plan_sha256, executed
            return self._nak(
                NakCode.ALREADY_EXECUTED,
                f"spots before {executed} of this plan were fired: select from there",
            )
        self._tx.extend(self._fired.due(self._now, True))
        if select.plan_sha256 != self.plan_sha256:
            self._fired.forget()
        self.plan_sha256, self.executed = select.plan_sha256, select.first
        self._selection = Selection(select, self._now)
        self._permit_counter = 0
        place = {"station": select.station, "pass_index": select.pass_index}
        self._note("select", plan=select.plan_sha256.hex(), first=select.first, end=select.end, **place)
        self._tx.append(
            SelectReply(
                select.plan_sha256[:16],
                select.station,
                select.pass_index,
                select.first,
                select.end,
                self._now,
            )
        )

    def _take_spots(self, frame: Spots) -> None:
        if self._selection is None:
            return self._nak(NakCode.NOT_SELECTED, "select a plan and spots first")
        select = self._selection.select
        count = len(frame.records) // RECORD_BYTES
        if frame.first < select.first or frame.first + count > select.end:
            return self._nak(NakCode.BAD_REQUEST, f"spots {frame.first}.. are outside the selection")
        loaded_until = self.loaded_until
        if frame.first > loaded_until:
            return self._nak(NakCode.GAP, f"expected spot {loaded_until}, got {frame.first}")
        if frame.first + count - self.executed > self.settings.buffer_spots:
            return self._fault(FaultCode.OVERRUN, f"spots up to {frame.first + count}")
        known = min(count, loaded_until - frame.first) * RECORD_BYTES
        at = (frame.first - select.first) * RECORD_BYTES
        if self._raw[at : at + known] != frame.records[:known]:
            return self._fault(FaultCode.INDEX, f"spot {frame.first} or later was loaded differently before")
        fresh = frame.records[known:]
        limits = self.settings
        for row, record in enumerate(RECORD_STRUCT.iter_unpack(fresh)):
            x, y, energy, pulse, not_before = record
            if not (
                0 < energy <= limits.energy_limit_uj
                and 0 < pulse <= limits.pulse_limit_us
                and energy <= limits.power_limit_w * pulse
            ):
                return self._fault(
                    FaultCode.HARD_LIMIT, f"spot {self.loaded_until}: {energy} uJ in {pulse} us"
                )
            before = self._digests[-1] if self._digests else 0
            raw = fresh[row * RECORD_BYTES : (row + 1) * RECORD_BYTES]
            self._digests.append(zlib.crc32(raw, before))
            self._raw += raw
            self._records.append((x, y, energy, pulse, not_before))

    def _take_permit(self, permit: PermitFrame) -> None:
        try:
            reason = "in fault"
            if self.fault_code is FaultCode.NONE:
                reason = reason_to_reject(
                    permit,
                    now_us=self._now,
                    boot_id=self.boot_id,
                    selection=self._selection,
                    last_counter=self._permit_counter,
                    max_ttl_us=self.settings.max_ttl_us,
                    digests=self._digests,
                )
        except DigestMismatch:
            self._permits_rejected += 1
            return self._fault(FaultCode.DIGEST, f"at credit {permit.credit_until}")
        if permit.credit_until == 0:
            # A withdrawal is obeyed even where the rest of it is not believed: it can only end emission.
            self._permit = None
            self._note("permit_withdrawn", counter=permit.counter)
        if reason:
            self._permits_rejected += 1
            self._note("permit_rejected", counter=permit.counter, reason=reason)
            return self._nak(NakCode.PERMIT_REJECTED, reason)
        self._permit_counter = permit.counter
        if permit.credit_until:
            self._permit = permit
            self._note("permit", counter=permit.counter, credit_until=permit.credit_until,
                       expires_us=permit.device_tick_us + permit.ttl_us)  # fmt: skip

    def _reset_fault(self) -> None:
        code = self.fault_code
        if code is FaultCode.NONE:
            return
        if self._cause_present(code):
            return self._nak(NakCode.CAUSE_PRESENT, f"fault {int(code)}: {FAULT_TEXT[code][1]}")
        self.fault_code = FaultCode.NONE
        self._fault_detail = ""
        self._note("fault_reset", code=int(code))

    def _cause_present(self, code: FaultCode) -> bool:
        if code is FaultCode.EMERGENCY_STOP:
            return not self._stop_closed
        if code is FaultCode.GALVO:
            return self.plant.faults.galvo_stuck
        if code is FaultCode.OUTPUT:
            return abs(self.plant.gain(self._now) - 1.0) > self.settings.output_tolerance
        if code is FaultCode.SHUTTER:
            return self.plant.faults.shutter_stuck is not None or self.plant.shutter_feedback(self._now)
        if code is FaultCode.MEMORY:
            try:
                self.plan_sha256, self.executed = self._memory.last_plan()
            except MemoryFailure:
                return True
        return False

    # -- watching ---------------------------------------------------------------------------------

    @property
    def _stop_closed(self) -> bool:
        return self.lines.known and self.lines.emergency_stop_closed

    def _watch_lines(self) -> None:
        lines = self.lines
        if lines.known and not lines.emergency_stop_closed and self.fault_code is FaultCode.NONE:
            self._fault(FaultCode.EMERGENCY_STOP, "")
        if not self._stop_closed:
            self._cut_pulse("emergency stop")
        if not lines.key_on:
            self._cut_pulse("key off")

    def _expiry_us(self) -> int:
        assert self._permit is not None
        return self._permit.device_tick_us + self._permit.ttl_us

    def _watch_permit(self) -> None:
        if self._permit is not None and self._now >= self._expiry_us():
            self._note("permit_expired", counter=self._permit.counter)
            self._permit = None

    def _closed_because(self) -> str:
        """Return why the gate must be closed, empty if it may be open."""
        if self.fault_code is not FaultCode.NONE:
            return "fault"
        if self._selection is None:
            return "nothing selected"
        lines = self.lines
        if not (lines.known and lines.emergency_stop_closed):
            return "emergency stop"
        if not lines.key_on:
            return "key"
        if not lines.footswitch_pressed:
            return "footswitch"
        if self._permit is None:
            return "no permit"
        if self.executed >= min(self._permit.credit_until, self.loaded_until):
            return "no credit"
        return ""

    def _drive_gate(self) -> None:
        if self._selection is not None and self.executed >= self._selection.select.end and not self._pulse:
            self._note("group_done", executed=self.executed)
            self._deselect()
        because = self._closed_because()
        # A running pulse ends by itself within 10 ms; what must not wait for that has cut it already.
        if because and self._gate and self._pulse is None:
            self._close_gate(because)
        elif not because and not self._gate:
            self._gate = self._gate_was_open = True
            self.plant.command_shutter(True, self._now)
            self._note("gate_open", executed=self.executed)
        if self.fault_code is not FaultCode.NONE:
            self.state = DeviceState.FAULT
        elif self._selection is None:
            self.state = DeviceState.IDLE
        elif self._gate:
            self.state = DeviceState.FIRING
        else:
            self.state = DeviceState.HOLD if self._gate_was_open else DeviceState.LOADED

    def _close_gate(self, because: str) -> None:
        if self._gate:
            self._gate = False
            self.plant.command_shutter(False, self._now)
            self._note("gate_close", because=because, executed=self.executed)

    def _deselect(self) -> None:
        self._permit = None
        if self._pulse is None:
            self._close_gate("nothing selected")
        self._selection = None
        self._raw.clear()
        self._records.clear()
        self._digests.clear()
        self._origin_us = None
        self._aimed_at = None
        self._gate_was_open = False

    def _fault(self, code: FaultCode, detail: str) -> None:
        if self.fault_code is not FaultCode.NONE:
            return
        self.fault_code = code
        self._fault_detail = detail
        self._cut_pulse(FAULT_TEXT[code][0])
        self._close_gate("fault")
        self._deselect()
        self.state = DeviceState.FAULT
        self._note("fault", code=int(code), text=self.fault_text)

    # -- firing -----------------------------------------------------------------------------------

    @property
    def loaded_until(self) -> int:
        """Global index after the last loaded spot."""
        return self.executed if self._selection is None else self._selection.select.first + len(self._records)

    @property
    def gate_open(self) -> bool:
        """Whether light could come out: commanded open, or the shutter says open."""
        return self._gate or self.plant.shutter_feedback(self._now)

    def _next_record(self) -> tuple[int, int, int, int, int] | None:
        if self._selection is None:
            return None
        row = self.executed - self._selection.select.first
        return self._records[row] if row < len(self._records) else None

    def _aim_at_next(self, start_us: int) -> None:
        record = self._next_record()
        if record is not None and self._aimed_at != self.executed:
            self.plant.aim((record[0], record[1]), start_us)
            self._aimed_at = self.executed

    def _due_us(self) -> int | None:
        """Return the earliest tick for the next spot.

        Whatever the reason of a delay, it moves all later spots: two spots are never nearer in time
        than their `not_before` times are apart, which is what the planner's heat model asked for.
        """
        record = self._next_record()
        if record is None:
            return None
        due = max(self.plant.galvo_ready_us, self.plant.shutter_ready_us)
        return due if self._origin_us is None else max(due, self._origin_us + record[4])

    def _fire_if_due(self) -> None:
        if self._pulse is not None:
            return
        self._aim_at_next(self._now)
        if not self._gate or self._closed_because() or not self.plant.shutter_feedback(self._now):
            return
        due, record = self._due_us(), self._next_record()
        if due is None or record is None or self._now < due:
            return
        if self._now + record[3] > self._expiry_us():
            return  # the pulse would outlast the permit
        if not self.plant.galvo_follows():
            return self._fault(FaultCode.GALVO, f"before spot {self.executed}")
        self._fire(record)

    def _fire(self, record: tuple[int, int, int, int, int]) -> None:
        index = self.executed
        try:
            self._memory.write(index + 1)
        except MemoryFailure as error:
            return self._fault(FaultCode.MEMORY, str(error))
        self.executed = index + 1
        _, _, energy, pulse, not_before = record
        origin = self._now - not_before
        self._origin_us = origin if self._origin_us is None else max(self._origin_us, origin)
        true, measured = self.plant.emit(energy, self._now)
        self._pulse = _Pulse(index, self._now, self._now + pulse, energy, true, measured)
        self._note("emission", tick_us=self._now, spot=index, energy_uj=true, pulse_us=pulse)

    def _end_pulse_if_over(self) -> None:
        pulse = self._pulse
        if pulse is None or self._now < pulse.end_us:
            return
        self._finish_pulse(pulse, pulse.end_us, pulse.true_uj, pulse.measured_uj)
        if abs(pulse.measured_uj - pulse.set_uj) > self.settings.output_tolerance * pulse.set_uj:
            self._fault(FaultCode.OUTPUT, f"spot {pulse.spot}: {pulse.measured_uj} of {pulse.set_uj} uJ")
        else:
            self._aim_at_next(pulse.end_us)

    def _cut_pulse(self, because: str) -> None:
        pulse = self._pulse
        if pulse is None:
            return
        part = (self._now - pulse.start_us) / (pulse.end_us - pulse.start_us)
        true, measured = round(pulse.true_uj * part), round(pulse.measured_uj * part)
        self._note("emission_cut", spot=pulse.spot, energy_uj=true, because=because)
        self._finish_pulse(pulse, self._now, true, measured)

    def _finish_pulse(self, pulse: _Pulse, end_us: int, true_uj: int, measured_uj: int) -> None:
        self._pulse = None
        x, y = self.plant.position
        self._shots.append(Shot(pulse.spot, x, y, true_uj, pulse.start_us, end_us - pulse.start_us))
        self._fired.add(pulse.spot, pulse.start_us, measured_uj, self._now)

    # -- saying -----------------------------------------------------------------------------------

    _fault_detail = ""

    @property
    def fault_text(self) -> str:
        """What the fault is and what would help, empty without fault."""
        if self.fault_code is FaultCode.NONE:
            return ""
        what, fix = FAULT_TEXT[self.fault_code]
        return f"{what}{': ' + self._fault_detail if self._fault_detail else ''}; {fix}"

    def status(self) -> Status:
        """Return the status as of the last step."""
        return Status(
            self.state,
            self.boot_id,
            self._now,
            self.gate_open,
            not self._stop_closed,
            self.lines.known and self.lines.footswitch_pressed,
            self.loaded_until,
            self.executed,
            self._permit.credit_until if self._permit is not None else 0,
            self._permit_counter,
            self._permits_rejected,
            int(self.fault_code),
            self.plan_sha256,
            self.fault_text,
        )

    def _say(self) -> None:
        fired: Sequence[Fired] = self._fired.due(self._now, self._pulse is None and not self._gate)
        self._tx.extend(fired)
        lines = self.lines
        shown = (self.state, self.gate_open, self._stop_closed, lines.footswitch_pressed, self.fault_code)
        period = self.settings.status_period_us
        if shown != self._last_shown or self._now >= self._last_status_us + period:
            self._last_shown, self._last_status_us = shown, self._now
            self._tx.append(self.status())

    def _nak(self, code: NakCode, text: str) -> None:
        """Answer No; the same No at most ten times a second."""
        key = f"{int(code)}{text}" if code is not NakCode.GAP else "gap"
        if self._now - self._last_nak.get(key, -NAK_PERIOD_US) >= (
            NAK_PERIOD_US if code is NakCode.PERMIT_REJECTED else 2_000 if code is NakCode.GAP else 0
        ):
            if len(self._last_nak) > 64:
                self._last_nak.clear()
            self._last_nak[key] = self._now
            self._tx.append(Nak(int(code), text))

    def _note(self, event: str, **values: Any) -> None:
        self._log.append({"event": event, "tick_us": self._now, **values})
