"""The firing sequence: aim, wait until the spot is due, keep its index, emit, end or cut the pulse."""

from __future__ import annotations

from typing import NamedTuple

from openmtz.devices import FaultCode
from openmtz.simulation.scan_head_device.exchange import DeviceFault, Journal, Shot
from openmtz.simulation.scan_head_device.fired_log import FiredReports
from openmtz.simulation.scan_head_device.permits import PermitHolder
from openmtz.simulation.scan_head_device.plant import Plant
from openmtz.simulation.scan_head_device.progress import Progress
from openmtz.simulation.scan_head_device.spot_buffer import Record, SpotBuffer

RETRY_US = 500


class Pulse(NamedTuple):
    """A running pulse: ticks [us], energy asked for, really emitted and measured if it ends whole [uJ]."""

    spot: int
    start_us: int
    end_us: int
    set_uj: int
    true_uj: int
    measured_uj: int


class FiringSequence:
    """Fires the loaded spots one after another; *whether* it may is decided by its caller."""

    def __init__(
        self, plant: Plant, progress: Progress, buffer: SpotBuffer, permits: PermitHolder, journal: Journal
    ) -> None:
        self._plant, self._progress, self._buffer = plant, progress, buffer
        self._permits, self._journal = permits, journal
        self.reports = FiredReports(plant.settings.fired_batch_us)
        self.pulse: Pulse | None = None
        self._origin_us: int | None = None
        self._aimed_at: int | None = None

    def forget(self) -> None:
        """The selection is over: no aim, no time origin."""
        self._origin_us = self._aimed_at = None

    def aim_at_next(self, start_us: int) -> None:
        """Start the jump to the next spot at tick `start_us`, once."""
        spot = self._progress.executed
        record = self._buffer.record(spot)
        if record is not None and self._aimed_at != spot:
            self._plant.aim((record.x_counts, record.y_counts), start_us)
            self._aimed_at = spot

    def due(self) -> Record | None:
        """Return the next spot if it is due now and its pulse ends within the permit."""
        record, expires_us = self._buffer.record(self._progress.executed), self._permits.expires_us
        if record is None or expires_us is None:
            return None
        now = self._journal.now_us
        return None if now < self._due_us(record) or now + record.pulse_us > expires_us else record

    def fire(self, record: Record) -> None:
        """Start the pulse of the spot that is `due`.

        Raises:
            DeviceFault: the mirrors do not follow, or the spot's index cannot be kept: nothing fired.
        """
        self._plant.settle()
        if not self._plant.galvo_follows():
            raise DeviceFault(FaultCode.GALVO, f"before spot {self._progress.executed}")
        self._fire(record)

    def _due_us(self, record: Record) -> int:
        """Return the earliest tick for the next spot.

        Whatever the reason of a delay, it moves all later spots: two spots are never nearer in time
        than their `not_before` times are apart, which is what the planner's heat model asked for.
        """
        due = max(self._plant.galvo_ready_us, self._plant.shutter_ready_us)
        return due if self._origin_us is None else max(due, self._origin_us + record.not_before_us)

    def _fire(self, record: Record) -> None:
        spot, now = self._progress.advance(), self._journal.now_us
        origin = now - record.not_before_us
        self._origin_us = origin if self._origin_us is None else max(self._origin_us, origin)
        true, measured = self._plant.emit(record.energy_uj, now)
        self.pulse = Pulse(spot, now, now + record.pulse_us, record.energy_uj, true, measured)
        self._journal.note("emission", spot=spot, energy_uj=true, pulse_us=record.pulse_us)

    def end_pulse_if_over(self) -> None:
        """End the running pulse if its time has come, and aim at the next spot.

        Raises:
            DeviceFault: it had not the energy it should have had.
        """
        pulse = self.pulse
        if pulse is None or self._journal.now_us < pulse.end_us:
            return
        self._finish(pulse, pulse.end_us, pulse.true_uj, pulse.measured_uj)
        if abs(pulse.measured_uj - pulse.set_uj) > self._plant.settings.output_tolerance * pulse.set_uj:
            raise DeviceFault(
                FaultCode.OUTPUT, f"spot {pulse.spot}: {pulse.measured_uj} of {pulse.set_uj} uJ"
            )
        self.aim_at_next(pulse.end_us)

    def cut_pulse(self, because: str) -> None:
        """End the running pulse at once, if there is one."""
        pulse, now = self.pulse, self._journal.now_us
        if pulse is None:
            return
        part = (now - pulse.start_us) / (pulse.end_us - pulse.start_us)
        true, measured = round(pulse.true_uj * part), round(pulse.measured_uj * part)
        self._journal.note("emission_cut", spot=pulse.spot, energy_uj=true, because=because)
        self._finish(pulse, now, true, measured)

    def _finish(self, pulse: Pulse, end_us: int, true_uj: int, measured_uj: int) -> None:
        self.pulse = None
        x, y = self._plant.position
        self._journal.shot(Shot(pulse.spot, x, y, true_uj, pulse.start_us, end_us - pulse.start_us))
        self.reports.add(pulse.spot, pulse.start_us, measured_uj, self._journal.now_us)

    def next_wake_us(self, gate_open: bool) -> int | None:
        """Return the tick [us] at which there is something to do, None if nothing is foreseen."""
        if self.pulse is not None:
            return self.pulse.end_us
        record, expires_us = self._buffer.record(self._progress.executed), self._permits.expires_us
        if not gate_open or record is None or expires_us is None:
            return None
        due, now = self._due_us(record), self._journal.now_us
        # Due but not fired (a stuck shutter, say): look again soon, do not spin.
        soon = due if due > now else now + RETRY_US
        return soon if soon + record.pulse_us <= expires_us else expires_us
