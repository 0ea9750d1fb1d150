"""The rules of the scan head, pure: messages and time in, messages, shots and log entries out.

Time is handed in as the device's tick [us] and a shot starts at that tick or not at all: a process that
slept fires nothing afterwards for the time it slept. The caller reads the clock *before* it
collects what arrived, so everything sent before `now_us` has been heard when a shot is decided.

Here are the order of one step and the protocol; what they change is `head`.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from openmtz.devices import (
    PROTOCOL_VERSION,
    FaultCode,
    FiredRequest,
    Frame,
    GateClose,
    Hello,
    HelloReply,
    NakCode,
    PermitFrame,
    ResetFault,
    Select,
    SelectReply,
    ShowPlan,
    Spots,
    Status,
    StatusRequest,
    WireError,
)
from openmtz.simulation.scan_head_device.exchange import (
    DeviceFault,
    Lines,
    Refusal,
    Shot,
    StepResult,
)
from openmtz.simulation.scan_head_device.head import Head
from openmtz.simulation.scan_head_device.memory import ExecutedMemory
from openmtz.simulation.scan_head_device.plant import Plant
from openmtz.simulation.scan_head_device.settings import DeviceSettings
from openmtz.simulation.scan_head_device.spot_buffer import Selection

__all__ = ["DeviceCore", "Lines", "Shot", "StepResult"]

IDLE_WAKE_US = 5_000


class DeviceCore(Head):
    """One boot of the device. `lines` may be replaced at any time between steps; `plant.faults` too."""

    def __init__(
        self,
        boot_id: int,
        memory: ExecutedMemory,
        rng: np.random.Generator,
        settings: DeviceSettings | None = None,
        plant: Plant | None = None,
    ) -> None:
        super().__init__(boot_id, memory, rng, settings, plant)
        self._last_status_us = -self.settings.status_period_us
        self._last_shown: tuple[object, ...] = ()

    # -- one step ---------------------------------------------------------------------------------

    def step(self, now_us: int, frames: Iterable[Frame | WireError] = ()) -> StepResult:
        """Take the messages that arrived, act at `now_us` [us since boot], return what came of it.

        Raises:
            ValueError: the clock ran backwards.
        """
        if now_us < self._now:
            raise ValueError(f"the device clock ran backwards from {self._now} to {now_us} us")
        self._journal.now_us = now_us
        try:
            self._firing.end_pulse_if_over()
        except DeviceFault as fault:
            self._fault(fault)
        self._watch_lines()
        for frame in frames:
            self._hear(frame)
        self._permits.expire()
        if not self._latch and self.plant.shutter_fails(now_us):
            self._fault(DeviceFault(FaultCode.SHUTTER))
        self._drive_gate()
        try:
            self._fire_if_allowed()
        except DeviceFault as fault:
            self._fault(fault)
        self._say()
        return self._journal.take()

    def next_wake_us(self) -> int:
        """Return the tick [us] at which the next step has something to do by itself."""
        wake = min(self._last_status_us + self.settings.status_period_us, self._now + IDLE_WAKE_US)
        for due in (self._firing.next_wake_us(bool(self._gate)), self._permits.expires_us):
            if due is not None:
                wake = min(wake, due)
        return max(wake, self._now)

    # -- messages ---------------------------------------------------------------------------------

    def _hear(self, frame: Frame | WireError) -> None:
        try:
            self._receive(frame)
        except Refusal as no:
            self._journal.refuse(no.code, no.text)
        except DeviceFault as fault:
            self._fault(fault)

    def _receive(self, frame: Frame | WireError) -> None:
        if isinstance(frame, WireError):
            self._journal.note("line_error", kind=frame.kind, detail=frame.detail)
        elif isinstance(frame, PermitFrame):
            self._permits.take(frame, self._buffer.selection, self._digests, bool(self._latch))
        elif isinstance(frame, Spots):
            self._buffer.take(frame, self.executed)
        elif isinstance(frame, Select):
            self._take_select(frame)
        elif isinstance(frame, ShowPlan):
            self._take_show_plan(frame)
        elif isinstance(frame, GateClose):
            self._journal.note("gate_close_request")
            self._deselect()
        elif isinstance(frame, ResetFault):
            self._reset_fault()
        elif isinstance(frame, Hello):
            self._take_hello(frame)
        elif isinstance(frame, StatusRequest):
            self._last_shown = ()
        elif isinstance(frame, FiredRequest):
            reports = self._firing.reports.repeat(frame.first, frame.end)
            if not reports:
                raise Refusal(NakCode.BAD_REQUEST, f"no reports of spots {frame.first} to {frame.end}")
            self._journal.say(*reports)
        else:
            raise Refusal(NakCode.UNKNOWN_TYPE, type(frame).__name__)

    def _take_hello(self, hello: Hello) -> None:
        if hello.protocol_version != PROTOCOL_VERSION:
            self._journal.refuse(NakCode.VERSION, f"this device speaks protocol {PROTOCOL_VERSION}")
        s = self.settings
        limits = (s.buffer_spots, s.max_ttl_us, s.energy_limit_uj, s.pulse_limit_us)
        self._journal.say(HelloReply(PROTOCOL_VERSION, self.boot_id, *limits, s.device_id))

    def _take_show_plan(self, show: ShowPlan) -> None:
        if self._buffer.selection is not None or self._firing.pulse is not None:
            raise Refusal(NakCode.BUSY, "another plan is selected: ask when it is over")
        if not any(show.plan_sha256):
            raise Refusal(NakCode.BAD_REQUEST, "zeros name no plan")
        if show.plan_sha256 != self.plan_sha256:
            # What is told of the plan before comes before the status that names this one.
            self._journal.say(*self._firing.reports.due(self._now, True))
            self._firing.reports.forget()
        self._progress.show(show.plan_sha256)
        self._last_shown = ()

    def _take_select(self, select: Select) -> None:
        if self._latch:
            raise Refusal(NakCode.IN_FAULT, f"fault {int(self.fault_code)}: reset it first")
        if self._firing.pulse is not None:
            self._deselect()
            raise Refusal(NakCode.BUSY, "a pulse is running: select again")
        if select.first >= select.end or not any(select.plan_sha256):
            raise Refusal(NakCode.BAD_REQUEST, f"spots [{select.first}, {select.end}) are no selection")
        self._deselect()
        before = self.plan_sha256
        self._progress.begin(select.plan_sha256, select.first)
        self._journal.say(*self._firing.reports.due(self._now, True))
        if select.plan_sha256 != before:
            self._firing.reports.forget()
        self._buffer.select(Selection(select, self._now))
        self._permits.restart()
        place = {"station": select.station, "pass_index": select.pass_index}
        span = {"first": select.first, "end": select.end}
        self._journal.note("select", plan=select.plan_sha256.hex(), **span, **place)
        self._journal.say(SelectReply(select.plan_sha256[:16], **place, **span, device_tick_us=self._now))

    def _reset_fault(self) -> None:
        if code := int(self.fault_code):
            self._latch.release(self.lines, self.plant, self._progress, self._now)
            self._journal.note("fault_reset", code=code)

    # -- saying -----------------------------------------------------------------------------------

    def status(self) -> Status:
        """Return the status as of the last step."""
        return Status(
            self.state,
            self.boot_id,
            self._now,
            self.gate_open,
            not self.lines.stop_closed,
            self.lines.known and self.lines.footswitch_pressed,
            self.loaded_until,
            self.executed,
            self._permits.credit_until,
            self._permits.counter,
            self._permits.rejected,
            int(self.fault_code),
            self.plan_sha256,
            self.fault_text,
        )

    def _say(self) -> None:
        quiet = self._firing.pulse is None and not self._gate
        self._journal.say(*self._firing.reports.due(self._now, quiet))
        lines = self.lines
        shown = (self.state, self.gate_open, lines.stop_closed, lines.footswitch_pressed, self.fault_code)
        period = self.settings.status_period_us
        if shown != self._last_shown or self._now >= self._last_status_us + period:
            self._last_shown, self._last_status_us = shown, self._now
            self._journal.say(self.status())
