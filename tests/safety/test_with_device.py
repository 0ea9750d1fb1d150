"""The monitor against the rules of the simulated device itself, in lockstep with one made-up clock."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from safety_cell import Cell, make_plan

from openmtz.devices import Fired, PermitFrame, Status, encode_records, running_digest
from openmtz.devices.messages import ResetFault, Select, Spots
from openmtz.safety import (
    FiredBatch,
    HeadStatus,
    LoadedSpots,
    Outputs,
    RequestToken,
    Reset,
    SafetyConfig,
    SafetyState,
    SetReady,
    Token,
)
from openmtz.simulation.scan_head_device.core import DeviceCore, Lines
from openmtz.simulation.scan_head_device.memory import SLOT_BYTES, SLOTS, SlotMemory
from openmtz.simulation.scan_head_device.settings import DeviceSettings


class RealCell(Cell):
    """As `Cell`, with the real rules in place of the made-up ones; bytes may be late or lost."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.memory = bytearray(SLOTS * SLOT_BYTES)
        self.rng, self.delay_steps, self.loss = Random(0), 0, 0.0
        self.power_on(77)

    def power_on(self, boot_id: int) -> None:
        self.core = DeviceCore(boot_id, SlotMemory(self.memory), np.random.default_rng(1), DeviceSettings())
        self.zero = self.now
        self.to_device: list[tuple[float, object]] = []
        self.status: Status | None = None
        self.emitted: list[tuple[float, int]] = []

    def select(self, station: int, pass_index: int = 0, first: int | None = None) -> None:
        from safety_cell import load_group

        spots = load_group(self.plan, station, pass_index, first)
        records = encode_records(spots.counts, spots.energy_uj, spots.pulse_us, spots.not_before_us)
        plan = bytes.fromhex(self.plan.sha256)
        self.send(Select(plan, station, pass_index, spots.first, spots.first + len(spots)))
        for at in range(0, len(records), 14 * 32):
            self.send(Spots(spots.first + at // 14, records[at : at + 14 * 32]))
        self.new_loaded.append(
            LoadedSpots(
                self.plan.sha256, station, pass_index, spots.first, spots.counts, spots.energy_uj,
                spots.pulse_us, spots.not_before_us, running_digest(records),
            )
        )  # fmt: skip

    def send(self, frame: object) -> None:
        lost = isinstance(frame, PermitFrame) and self.rng.random() < self.loss
        if not lost:
            late = self.rng.randrange(self.delay_steps + 1) if self.delay_steps else 0
            self.to_device.append((self.now + late * self.dt, frame))

    def _emit(self) -> None:
        """The device at 2 kHz up to now."""
        stop = self.lines["emergency_stop_closed"]
        self.core.lines = Lines(stop, self.lines["footswitch_pressed"], self.lines["key_on"])
        due = [f for t, f in self.to_device if t <= self.now]
        self.to_device = [(t, f) for t, f in self.to_device if t > self.now]
        for k in range(10):
            at = self.now - self.dt + (k + 1) * self.dt / 10
            result = self.core.step(round((at - self.zero) * 1e6), due if k == 0 else [])
            for entry in result.log:
                if entry["event"] == "emission":
                    self.emitted.append((at, entry["spot"]))
            for frame in result.tx:
                if isinstance(frame, Status):
                    self.status = frame
                elif isinstance(frame, Fired):
                    index = np.arange(frame.first, frame.first + len(frame.shots))
                    energy = np.array([shot[1] for shot in frame.shots])
                    sha = self.core.plan_sha256.hex()
                    self.new_fired.append(FiredBatch(sha, self.core.boot_id, index, energy))

    def step(self, *requests: object) -> Outputs:
        self.now += self.dt
        self._emit()
        inputs = self.inputs(*requests)
        s = self.status
        if s is not None:
            head = HeadStatus(
                self.now - 0.001, True, int(s.state), s.boot_id, s.device_tick_us, s.gate_open,
                s.emergency_stop_open, s.loaded_until, s.executed, s.permit_counter, s.fault_code,
                s.fault_text, s.plan_hex,
            )  # fmt: skip
            object.__setattr__(inputs, "head", head if "head" not in self.silent else self.last.get("real"))
            self.last["real"] = inputs.head
        self.out = self.monitor.step(inputs, self.now)
        grant = self.out.grant
        if grant is not None:
            self.send(
                PermitFrame(
                    grant.counter, bytes.fromhex(grant.plan_sha256)[:16], grant.station, grant.pass_index,
                    grant.credit_until, grant.digest_at_credit, grant.device_boot_id, grant.device_tick_us,
                    grant.ttl_us,
                )
            )  # fmt: skip
        if self.out.reset_device:
            self.send(ResetFault())
        self.log.append((self.now, self.out))
        return self.out

    def fire_all(self, station: int, seconds: float = 3.0) -> None:
        end = (station + 1) * 100
        for _ in range(round(seconds / self.dt)):
            if self.step().state is SafetyState.FAULT or (self.emitted and self.emitted[-1][1] == end - 1):
                break

    @property
    def spots(self) -> list[int]:
        return [i for _, i in self.emitted]


@pytest.mark.parametrize(("delay", "loss"), [(0, 0.0), (3, 0.0), (0, 0.3), (4, 0.2)])
def test_a_group_is_fired_whole_over_a_good_and_a_bad_line(delay: int, loss: float) -> None:
    cell = RealCell().to_emission()
    cell.delay_steps, cell.loss = delay, loss
    cell.lines["footswitch_pressed"] = True
    cell.fire_all(0)
    assert cell.spots == list(range(100)), cell.out


def test_holds_and_resumes_by_reloading_lose_and_repeat_nothing() -> None:
    cell = RealCell().to_emission()
    for _ in range(5):
        cell.lines["footswitch_pressed"] = True
        cell.run(0.05)
        cell.lines["footswitch_pressed"] = False
        cell.run(0.05)
        assert cell.out.state is SafetyState.HOLD
        assert cell.ask(RequestToken(Token.NONE)).accepted
        assert cell.ask(RequestToken(Token.EMISSION, 0)).accepted
        cell.select(0, first=cell.core.executed)
        cell.step()
    cell.lines["footswitch_pressed"] = True
    cell.fire_all(0)
    assert cell.spots == list(range(100)) and cell.core.fault_code == 0


@pytest.mark.parametrize("what", ["monitor dies", "run line", "head status stops", "door"])
def test_emission_ends_within_one_time_to_live(what: str) -> None:
    cell = RealCell().to_emission()
    cell.lines["footswitch_pressed"] = True
    cell.run(0.1)
    assert cell.emitted
    cell.delay_steps = 5  # and what is under way comes late
    at = cell.now
    if what == "run line":
        cell.run_line_ok = False
    elif what == "head status stops":
        cell.silent.add("head")
    elif what == "door":
        cell.lines["door_closed"] = False
    for _ in range(60):
        if what == "monitor dies":
            cell.now += cell.dt
            cell._emit()
        else:
            cell.step()
    # without news of the head the monitor goes on for the 50 ms that a status may be old
    grace = 0.05 if what == "head status stops" else 0.0
    assert cell.emitted[-1][0] <= at + 0.060 + grace, cell.emitted[-1][0] - at


def test_an_emergency_stop_and_the_way_back() -> None:
    cell = RealCell().to_emission()
    cell.lines["footswitch_pressed"] = True
    cell.run(0.1)
    at = cell.now
    cell.lines["emergency_stop_closed"] = False
    cell.run(0.1)
    assert cell.out.cause == "emergency-stop" and cell.emitted[-1][0] <= at + cell.dt
    cell.lines.update(emergency_stop_closed=True, footswitch_pressed=False)
    cell.run(0.1)
    fired = len(cell.emitted)
    reply = cell.ask(Reset())
    assert reply.accepted and reply.code == "device-reset-asked"
    cell.run(0.2)
    assert cell.out.state is SafetyState.STANDBY and len(cell.emitted) == fired
    assert cell.approve().accepted and cell.ask(SetReady(True)).accepted
    cell.run(2.1)
    assert cell.ask(RequestToken(Token.EMISSION, 0)).accepted
    cell.select(0, first=cell.core.executed)
    cell.lines["footswitch_pressed"] = True
    cell.fire_all(0)
    # the spot that was cut stays cut: its index was kept before its pulse
    assert cell.spots == list(range(100)), cell.out


def test_a_reboot_in_the_middle_fires_nothing_and_repeats_nothing() -> None:
    cell = RealCell().to_emission()
    cell.lines["footswitch_pressed"] = True
    cell.run(0.1)
    before = cell.spots
    cell.power_on(78)
    cell.run(0.3)
    assert cell.out.cause == "device-restarted" and not cell.emitted
    assert cell.core.executed == before[-1] + 1


def test_two_stations_in_one_ready() -> None:
    from safety_cell import station_pose

    cell = RealCell(SafetyConfig(), make_plan()).to_emission()
    cell.lines["footswitch_pressed"] = True
    cell.fire_all(0)
    cell.run(0.05)
    assert cell.ask(RequestToken(Token.NONE)).accepted
    while not cell.ask(RequestToken(Token.MOTION)).accepted:
        pass
    cell.pose, cell.joints = station_pose(cell.plan, 1), cell.joints + 0.2
    cell.run(0.3)
    cell.ask(RequestToken(Token.NONE))
    assert cell.ask(RequestToken(Token.EMISSION, 1)).accepted
    cell.select(1)
    cell.fire_all(1)
    assert cell.spots == list(range(200))
