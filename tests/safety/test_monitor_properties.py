"""Whatever happens: no permit unless every condition holds, never motion and a live permit together.

The oracle below judges each permit from the raw inputs of that very step and from its own memory; it
shares no code with the monitor but the geometry of the scan head.
"""

from __future__ import annotations

import math
from dataclasses import replace
from random import Random

import numpy as np
from hypothesis import given, settings, strategies as st
from safety_cell import BOOT, Cell, make_plan, station_pose

from openmtz.safety import (
    Approve,
    Inputs,
    Interlocks,
    Outputs,
    RequestToken,
    Reset,
    SafetyConfig,
    SafetyState,
    SetReady,
    Token,
)

PLAN = make_plan(stations=2, per_station=60)
OTHER = make_plan(stations=2, per_station=60, seed=5)
CONFIG = SafetyConfig(ready_delay_s=0.1 + 1.9, heat_limit_j_cm2=3.0)
reached: dict[str, int] = {}


class Oracle:
    """Knows what a permit needs."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.approved = False
        self.armed_at: float | None = None
        self.pedal_up_since_ready = False
        self.live_until = -math.inf
        self.counter = 0
        self.joints: list[tuple[float, np.ndarray]] = []
        self.high_water = 0
        self.boot: int | None = None

    def step(self, inputs: Inputs, out: Outputs, now: float) -> None:
        for request, reply in zip(inputs.requests, out.replies, strict=True):
            if isinstance(request, Approve) and reply.accepted:
                assert request.monitor_boot_id == BOOT and request.plan_sha256 == PLAN.sha256
                self.approved = True
            if isinstance(request, SetReady) and reply.accepted:
                self.armed_at = now if request.ready else None
                self.pedal_up_since_ready = False
            if isinstance(request, RequestToken) and reply.accepted and request.token is Token.MOTION:
                assert now >= self.live_until, "motion while a permit may be alive"
                assert inputs.head is not None and not inputs.head.gate_open
        if out.state in (SafetyState.FAULT, SafetyState.OFF):
            self.approved, self.armed_at = False, None
        if out.state is SafetyState.STANDBY:
            self.armed_at = None
        lines = inputs.interlocks
        if lines is not None and not lines.footswitch_pressed and self.armed_at is not None:
            self.pedal_up_since_ready = True
        if inputs.arm is not None:
            self.joints.append((inputs.arm.received_at, inputs.arm.joints_rad))
            self.joints = self.joints[-400:]
        if inputs.head is not None and inputs.head.plan_sha256 == PLAN.sha256:
            self.high_water = max(self.high_water, inputs.head.executed)
        if out.token is Token.MOTION:
            assert now >= self.live_until, "motion token and live permit together"
        reached[out.state.name] = reached.get(out.state.name, 0) + 1
        if out.grant is not None:
            assert out.grant.counter > self.counter
            self.counter = out.grant.counter
            if out.revoke:
                assert out.grant.credit_until == 0
            else:
                self.permit(inputs, out, now)
        elif out.state is not SafetyState.FIRING and now < self.live_until:
            assert inputs.head is None or self.revoked or out.token is not Token.MOTION
        self.revoked = out.revoke

    revoked = False

    def permit(self, inputs: Inputs, out: Outputs, now: float) -> None:
        grant, lines, head, arm = out.grant, inputs.interlocks, inputs.head, inputs.arm
        assert grant is not None and lines is not None and head is not None and arm is not None
        reached["grant"] = reached.get("grant", 0) + 1
        assert out.state is SafetyState.FIRING and out.token is Token.EMISSION and out.withheld == ()
        assert inputs.run_line_ok
        assert all((lines.emergency_stop_closed, lines.key_on, lines.door_closed, lines.footswitch_pressed,
                    lines.smoke_evacuator_on, lines.eyewear_attested))  # fmt: skip
        assert self.approved and inputs.plan is PLAN and inputs.surface_id == "surface-1"
        assert self.armed_at is not None and now - self.armed_at >= 2.0 and self.pedal_up_since_ready
        for received, limit in ((lines.received_at, 0.25), (head.received_at, 0.05), (arm.received_at, 0.1)):
            assert -0.005 <= now - received <= limit
        for name in (*CONFIG.progress_required, CONFIG.recorder):
            assert 0 <= now - inputs.progress[name].received_at <= 0.3
        assert head.connected and head.fault_code == 0 and head.state != 4 and not head.emergency_stop_open
        assert head.plan_sha256 == grant.plan_sha256 == PLAN.sha256
        assert (grant.device_boot_id, grant.device_tick_us) == (head.boot_id, head.device_tick_us)
        assert grant.ttl_us == 60_000
        group = next(
            g for g in PLAN.groups() if (g.station, g.pass_index) == (grant.station, grant.pass_index)
        )
        assert group.first <= head.executed < grant.credit_until <= min(group.end, head.loaded_until)
        assert grant.credit_until <= self.high_water + 64 + len(self.cell.new_fired) + 64
        assert self.cell.digests[grant.credit_until - 1] == grant.digest_at_credit
        off = arm.scan_head_pose[:3, 3] - station_pose(PLAN, grant.station)[:3, 3]
        assert np.isfinite(arm.scan_head_pose).all() and float(np.linalg.norm(off)) <= 0.0003 + 1e-9
        still = [q for t, q in self.joints if now - 0.09 <= t <= now]
        assert float(np.ptp(np.array(still), axis=0).max()) <= 4e-4
        self.live_until = max(self.live_until, now + 0.060)


def drive(seed: int) -> None:
    rng = Random(seed)
    cell = Cell(CONFIG, PLAN)
    cell.shots_per_step = rng.choice([0, 1, 2])
    oracle = Oracle(cell)
    wild = rng.choice([0.01, 0.03, 0.1])
    pending: list[object] = []
    station = 0

    def step(*requests: object) -> Outputs:
        cell.now += cell.dt
        cell._emit()
        inputs = cell.inputs(*requests)
        if rng.random() < 0.2 * wild:
            inputs = spoil(rng, inputs)
        out = cell.monitor.step(inputs, cell.now)
        oracle.step(inputs, out, cell.now)
        if out.grant is not None:
            cell._relay(out.grant)
        if out.reset_device:
            cell.fault_code = 0
        cell.out = out
        return out

    for _ in range(40):
        step()
    for _ in range(rng.randrange(200, 900)):
        out = cell.out
        assert out is not None
        requests: list[object] = pending
        pending = []
        if rng.random() < wild:
            disturb(rng, cell, requests)
        elif rng.random() < 0.3:  # a sensible operator and stack
            calm(rng, cell)
            if out.state is SafetyState.FAULT:
                requests.append(Reset())
            elif out.state is SafetyState.STANDBY and not out.approved_plan_sha256:
                requests.append(Approve(PLAN.sha256, BOOT, "dr test"))
            elif out.state is SafetyState.STANDBY:
                cell.lines["footswitch_pressed"] = False
                requests.append(SetReady(True))
            elif out.state is SafetyState.READY and out.token is Token.NONE:
                station = int(cell.executed >= 60)
                cell.pose = station_pose(PLAN, station)
                requests.append(RequestToken(rng.choice([Token.EMISSION, Token.MOTION]), station, 0))
            elif out.state is SafetyState.READY and out.token is Token.MOTION:
                requests.append(RequestToken(Token.NONE))
            elif out.token is Token.EMISSION:
                if cell.loaded_until <= cell.executed < 120 and cell.executed < 60 * (station + 1):
                    cell.select(station, 0, cell.executed)
                if out.state in (SafetyState.HOLD, SafetyState.READY):
                    cell.lines["footswitch_pressed"] = rng.random() < 0.6
                if "group-complete" in out.withheld:
                    requests.append(RequestToken(Token.NONE))
        if out.state is SafetyState.ARMING and rng.random() < 0.5:
            for _ in range(410):
                step()
                if cell.out is not None and cell.out.state is not SafetyState.ARMING:
                    break
        step(*requests)
    spots = [i for _, i in cell.emissions]
    assert len(spots) == len(set(spots)) or "executed back" in cell.last, "a spot was emitted twice"


def calm(rng: Random, cell: Cell) -> None:
    for name in ("emergency_stop_closed", "key_on", "door_closed", "smoke_evacuator_on", "eyewear_attested"):
        cell.lines[name] = True
    cell.silent.clear()
    cell.run_line_ok, cell.connected, cell.gate_stuck = True, True, False
    cell.shown_plan, cell.surface_id, cell.energy_factor = PLAN, "surface-1", 1.0
    if rng.random() < 0.5:
        cell.pose = station_pose(PLAN, int(cell.executed >= 60))
    cell.joints = np.round(cell.joints, 1)


def disturb(rng: Random, cell: Cell, requests: list[object]) -> None:
    match rng.randrange(14):
        case 0:
            name = rng.choice(list(cell.lines))
            cell.lines[name] = not cell.lines[name]
        case 1:
            cell.silent.add(rng.choice(["interlocks", "head", "arm", "progress arm", "progress recorder"]))
        case 2:
            cell.run_line_ok = False
        case 3:
            cell.boot_id += 1
            cell.permit, cell.counter = None, 0
        case 4:
            cell.fault_code = 5
        case 5:
            cell.pose = cell.pose.copy()
            cell.pose[:3, 3] += [rng.gauss(0, 0.0004) for _ in range(3)]
        case 6:
            cell.joints = cell.joints + rng.gauss(0, 0.01)
        case 7:
            cell.shown_plan = OTHER
        case 8:
            cell.surface_id = "surface-2"
        case 9:
            cell.connected = False
        case 10:
            cell.energy_factor = 1.3
        case 11:
            requests.append(RequestToken(rng.choice(list(Token)), rng.randrange(2), 0))
        case 12:
            requests.append(
                rng.choice(
                    [
                        SetReady(True),
                        SetReady(False),
                        Reset(),
                        Approve(OTHER.sha256, BOOT, "x"),
                        Approve(PLAN.sha256, "old", "x"),
                    ]
                )
            )
        case 13:
            cell.now += rng.choice([0.05, 0.3, 2.0])  # the monitor itself was late


def spoil(rng: Random, inputs: Inputs) -> Inputs:
    """Numbers that cannot be."""
    bad = rng.choice([math.nan, math.inf, -math.inf, 1e9])
    match rng.randrange(5):
        case 0 if inputs.interlocks is not None:
            return replace(inputs, interlocks=Interlocks(bad, **inputs.interlocks.states))
        case 1 if inputs.head is not None:
            return replace(inputs, head=replace(inputs.head, received_at=bad))
        case 2 if inputs.arm is not None:
            return replace(inputs, arm=replace(inputs.arm, received_at=bad))
        case 3 if inputs.arm is not None:
            pose = inputs.arm.scan_head_pose.copy()
            pose[rng.randrange(4), rng.randrange(4)] = bad
            return replace(inputs, arm=replace(inputs.arm, scan_head_pose=pose))
        case _ if inputs.progress:
            name = rng.choice(list(inputs.progress))
            spoiled = replace(inputs.progress[name], received_at=bad, counter=10**9)
            return replace(inputs, progress={**inputs.progress, name: spoiled})
    return inputs


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(0, 2**32))
def test_no_permit_unless_every_condition_holds(seed: int) -> None:
    drive(seed)


def test_the_random_runs_went_everywhere() -> None:
    """Guards the test above against becoming empty."""
    if reached:
        assert set(s.name for s in SafetyState) <= set(reached), reached
        assert reached.get("grant", 0) > 200, reached
