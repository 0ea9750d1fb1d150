"""Permits: rate, credit, digest, counters, revocation, and the time after the last one."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from safety_cell import Cell, load_group, make_plan

from openmtz.safety import (
    FiredBatch,
    RequestToken,
    Reset,
    SafetyConfig,
    SafetyMonitor,
    SafetyState,
    SetReady,
    Token,
)
from openmtz.safety.loaded import LoadedStore

S = SafetyState


def slow_cell(**config: float) -> Cell:
    """A device that fires nothing, so that only the permits are looked at."""
    cell = Cell(SafetyConfig(**config))  # type: ignore[arg-type]
    cell.shots_per_step = 0
    return cell


def test_a_permit_every_15_ms_each_with_the_next_counter_and_the_latest_tick() -> None:
    cell = slow_cell().to_firing()
    cell.log.clear()
    cell.run(0.6)
    times, grants = zip(*cell.grants(), strict=True)
    assert 38 <= len(grants) <= 41
    assert np.allclose(np.diff(times), 0.015, atol=1e-6)
    assert np.array_equal(np.diff([g.counter for g in grants]), np.ones(len(grants) - 1))
    assert all(g.device_tick_us >= (t - cell.tick0) * 1e6 - 2000 for t, g in cell.grants())
    assert {(g.credit_until, g.ttl_us, g.station, g.pass_index) for g in grants} == {(64, 60_000, 0, 0)}


def test_the_digest_is_that_of_the_records_up_to_the_credit() -> None:
    cell = slow_cell().to_firing()
    spots = load_group(cell.plan, 0, 0)
    _, grant = cell.grants()[-1]
    assert grant.digest_at_credit == int(spots.digests[63])


def test_credit_never_exceeds_what_the_device_says_it_holds() -> None:
    cell = slow_cell().to_emission()
    cell.loaded_until = 30  # the spots are on their way
    cell.lines["footswitch_pressed"] = True
    cell.run(0.1)
    assert {g.credit_until for _, g in cell.grants()} == {30}
    cell.loaded_until = 0
    cell.run(0.1)
    assert cell.out.withheld == ("nothing-loaded",)


def test_what_was_loaded_before_the_token_counts_for_nothing() -> None:
    """A selection made again has other digests; the device would fault on a permit for the old ones."""
    cell = slow_cell().to_firing()
    cell.ask(RequestToken(Token.NONE))
    assert cell.ask(RequestToken(Token.EMISSION, 0)).accepted
    granted = cell.now
    out = cell.run(0.1)
    assert out.state is S.FIRING and out.withheld == ("nothing-loaded",)
    cell.select(0)
    cell.run(0.1)
    assert cell.out.withheld == () and cell.grants()[-1][0] > granted


def test_no_credit_for_records_of_another_selection() -> None:
    cell = slow_cell().to_emission()
    cell.new_loaded.append(load_group(cell.plan, 1, 0))
    cell.lines["footswitch_pressed"] = True
    cell.run(0.1)
    assert cell.out.withheld == ("nothing-loaded",)
    cell.selected = "00" * 32
    cell.run(0.1)
    assert cell.out.withheld == ("other-plan-selected",) and not cell.grants()


def test_the_aim_is_checked_at_the_measured_pose_not_the_planned_one() -> None:
    cell = slow_cell(station_position_m=0.001).to_emission()
    cell.pose = cell.pose.copy()
    cell.pose[0, 3] += 0.0005
    cell.lines["footswitch_pressed"] = True
    out = cell.run(0.1)
    assert out.state is S.FIRING and out.withheld == ("aim-refused",) and not cell.grants()
    out = cell.run(0.3)
    assert (out.state, out.cause) == (S.HOLD, "aim-refused") and "lands beside" in out.detail


def test_a_wrong_record_in_the_middle_ends_the_credit_before_it() -> None:
    cell = slow_cell().to_ready()
    assert cell.ask(RequestToken(Token.EMISSION, 0)).accepted
    cell.select(0)
    spots = cell.new_loaded[-1]
    spots.energy_uj.setflags(write=False)
    energy = spots.energy_uj.copy()
    energy[20] *= 2
    object.__setattr__(spots, "energy_uj", energy)
    cell.lines["footswitch_pressed"] = True
    cell.run(0.1)
    assert {g.credit_until for _, g in cell.grants()} == {20}


@pytest.mark.parametrize("line", ["door_closed", "footswitch_pressed", "emergency_stop_closed"])
def test_evidence_against_firing_revokes_at_once_and_again(line: str) -> None:
    cell = slow_cell().to_firing()
    last = cell.grants()[-1][1]
    cell.lines[line] = False
    out = cell.step()
    assert out.revoke and out.grant is not None
    assert (out.grant.credit_until, out.grant.counter) == (0, last.counter + 1)
    assert (out.grant.station, out.grant.plan_sha256) == (last.station, last.plan_sha256)
    cell.log.clear()
    cell.run(0.2)
    again = [t for t, o in cell.log if o.revoke]
    assert 2 <= len(again) <= 5  # repeated while the last permit may live, then quiet
    assert not cell.grants()


def test_a_run_line_that_falls_revokes_at_once() -> None:
    cell = slow_cell().to_firing()
    cell.run_line_ok = False
    out = cell.step()
    assert (out.state, out.cause, out.revoke, out.stop_arm) == (S.FAULT, "run-line-down", True, True)


def test_motion_only_after_the_last_permit_s_end_and_a_later_status_with_the_gate_closed() -> None:
    cell = slow_cell().to_firing()
    _, last = cell.grants()[-1]
    granted_at = cell.grants()[-1][0]
    cell.ask(RequestToken(Token.NONE))
    answers = []
    while not (reply := cell.ask(RequestToken(Token.MOTION))).accepted:
        answers.append(reply.code)
    assert set(answers) == {"permit-alive"}
    assert cell.now - granted_at >= 0.060
    assert cell.tick_us - 1000 >= last.device_tick_us + last.ttl_us


def test_a_gate_that_is_still_open_or_unknown_refuses_motion() -> None:
    cell = slow_cell().to_firing()
    cell.ask(RequestToken(Token.NONE))
    cell.run(0.07)
    cell.gate_stuck = True
    assert cell.ask(RequestToken(Token.MOTION)).code == "gate-open"
    cell = slow_cell().to_standby()
    cell.silent.add("head")
    cell.run(0.1)
    assert cell.ask(RequestToken(Token.MOTION)).code == "gate-unknown"


def test_tokens_exclude_each_other() -> None:
    cell = slow_cell().to_ready()
    assert cell.ask(RequestToken(Token.MOTION)).accepted
    assert cell.ask(RequestToken(Token.MOTION)).code == "held"
    assert cell.ask(RequestToken(Token.EMISSION, 0)).code == "token-out"
    cell.ask(RequestToken(Token.NONE))
    assert cell.ask(RequestToken(Token.EMISSION, 7)).code == "no-such-group"
    assert cell.ask(RequestToken(Token.EMISSION, 1)).code == "arm-off-station"
    cell.joints = cell.joints + 0.01
    assert cell.ask(RequestToken(Token.EMISSION, 0)).code == "arm-moving"
    cell.run(0.2)
    assert cell.ask(RequestToken(Token.EMISSION, 0)).accepted
    assert cell.ask(RequestToken(Token.EMISSION, 1)).code == "token-out"
    assert cell.ask(RequestToken(Token.MOTION)).code == "token-out"


def test_a_slow_drift_of_the_joints_is_motion() -> None:
    cell = slow_cell().to_firing()
    for _ in range(100):
        cell.joints = cell.joints + 1e-5
        cell.step()
        if cell.out.state is S.HOLD:
            break
    assert cell.out.cause == "arm-moving" and float(cell.joints[0]) < 3e-4


def test_the_counter_goes_on_from_the_device_s_after_a_restart_of_the_monitor() -> None:
    cell = slow_cell()
    cell.counter = 10_000
    cell.to_firing()
    assert cell.grants()[0][1].counter == 10_001
    assert cell.permit is not None


def test_a_monitor_that_just_started_assumes_a_permit_of_the_one_before() -> None:
    cell = Cell()
    cell.monitor = SafetyMonitor(cell.config, "monitor-2", cell.now)
    cell.gate_stuck = True
    cell.run(0.05)
    assert "gate-open-without-permit" not in dict(cell.out.conditions)
    cell.run(0.2)
    assert cell.out.cause == "gate-open-without-permit" and cell.out.state is S.FAULT


def test_shots_of_a_plan_nobody_approved_fault() -> None:
    cell = slow_cell().to_standby()
    cell.run(1.5)
    cell.new_fired.append(FiredBatch("ee" * 32, 77, np.array([5]), np.array([15_000])))
    assert cell.step().cause == "fired-outside-credit"


@pytest.mark.parametrize(("index", "cause"), [(3, "spot-repeated"), (12, "fired-counts-disagree")])
def test_shots_out_of_order_fault(index: int, cause: str) -> None:
    cell = slow_cell().to_firing()
    cell.executed = 10
    cell.new_fired.append(FiredBatch(cell.plan.sha256, 77, np.arange(10), cell.plan.energy_uj[:10]))
    cell.step()
    assert cell.out.state is S.FIRING
    cell.new_fired.append(
        FiredBatch(cell.plan.sha256, 77, np.array([index]), cell.plan.energy_uj[index : index + 1])
    )
    assert cell.step().cause == cause


def test_a_withdrawn_ready_revokes() -> None:
    cell = slow_cell().to_firing()
    reply = cell.ask(SetReady(False))
    assert reply.accepted and cell.out.state is S.STANDBY and cell.out.revoke


def test_chunks_are_put_together_and_a_repeated_one_begins_anew() -> None:
    plan = make_plan()
    whole = load_group(plan, 0, 0)
    store = LoadedStore()

    def part(a: int, b: int):  # type: ignore[no-untyped-def]

        rows = slice(a, b)
        return replace(
            whole, first=a, counts=whole.counts[rows], energy_uj=whole.energy_uj[rows],
            pulse_us=whole.pulse_us[rows], not_before_us=whole.not_before_us[rows],
            digests=whole.digests[rows],
        )  # fmt: skip

    for a, b in ((0, 40), (40, 64), (64, 100)):
        store.append(part(a, b))
    assert store.spots is not None and (store.spots.first, len(store.spots)) == (0, 100)
    assert np.array_equal(store.spots.digests, whole.digests)
    store.append(part(40, 64))
    assert (store.spots.first, len(store.spots)) == (40, 24)
    store.append(part(80, 100))
    assert (store.spots.first, len(store.spots)) == (80, 20)


@pytest.mark.alone
def test_a_step_costs_little() -> None:
    cell = slow_cell().to_firing()
    costs = []
    for _ in range(200):
        cell.now += cell.dt
        inputs = cell.inputs()
        began = time.perf_counter()
        out = cell.monitor.step(inputs, cell.now)
        costs.append(time.perf_counter() - began)
        if out.grant is not None:
            cell._relay(out.grant)
    # 0.1 ms median on an idle core; the limit leaves room for a loaded one
    assert float(np.median(costs)) < 0.001, f"{np.median(costs) * 1e6:.0f} us"


def test_a_status_the_device_made_before_the_permit_s_end_proves_nothing() -> None:
    """It may arrive late: fresh by our clock, old by the device's."""
    cell = slow_cell().to_firing()
    _, last = cell.grants()[-1]
    cell.ask(RequestToken(Token.NONE))
    cell.run(0.07)
    inputs = cell.inputs(RequestToken(Token.MOTION))
    assert inputs.head is not None
    for tick, code in ((last.ttl_us - 1, "permit-alive"), (last.ttl_us, "granted")):
        cell.now += cell.dt
        head = replace(inputs.head, received_at=cell.now, device_tick_us=last.device_tick_us + tick)
        out = cell.monitor.step(replace(inputs, head=head, interlocks=cell.last["interlocks"]), cell.now)
        assert out.replies[0].code == code


def test_a_plan_in_doubt_is_named_as_such_with_its_detail() -> None:
    """After a reset the device turns out to stand before shots that were reported as fired."""
    cell = slow_cell().to_firing()
    account = cell.monitor._fired.account(cell.plan.sha256)
    assert account is not None
    account.blocked = "spots 3 to 5 are in doubt"
    out = cell.run(0.1)
    assert out.withheld == ("in-doubt",) and out.grant is None
    assert out.refused == (("in-doubt", "spots 3 to 5 are in doubt"),)


def test_a_finding_under_an_unknown_code_ends_firing(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = slow_cell().to_firing()
    monkeypatch.setattr(cell.monitor._arm, "conditions", lambda _station: {"arm-on-fire": "smoke"})
    out = cell.step()
    assert (out.state, out.cause) == (S.FAULT, "finding-unknown") and out.revoke
    assert dict(out.conditions)["finding-unknown"] == "arm-on-fire: smoke"
    assert not cell.ask(Reset()).accepted, "it is still there"
