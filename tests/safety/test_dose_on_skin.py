"""What was fired belongs to the skin: whatever plan, seed, approval or run it was fired under."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from safety_cell import Cell, make_plan, with_energy

from openmtz.plan import TreatmentPlan
from openmtz.safety import FiredBatch, RequestToken, Reset, SafetyConfig, SafetyState, SetReady, Token

LIMIT = 1.0
"""J/cm2 within 10 s: 100 spots of 15 to 20 mJ on 16 mm2 are 1.7 J in one disc of 1 cm2."""
DISC_M = float(np.sqrt(1e-4 / np.pi))


def most_in_a_window(shots: list[tuple[float, np.ndarray, float]], window_s: float = 10.0) -> float:
    """Most energy [J] in any ball of 1 cm2 cross-section around a shot, within any window of time."""
    time = np.array([t for t, _, _ in shots])
    where = np.array([p for _, p, _ in shots])
    energy = np.array([e for _, _, e in shots])
    most = 0.0
    for k in range(0, len(shots), 5):
        near = np.linalg.norm(where - where[k], axis=1) <= DISC_M
        # the shots are told within a step of the monitor
        soon = (time > time[k] - window_s + 0.02) & (time <= time[k])
        most = max(most, float(energy[near & soon].sum()))
    return most


def take_over(cell: Cell, plan: TreatmentPlan) -> None:
    """The stack has made another plan for the same skin; the device has not heard of it."""
    cell.lines["footswitch_pressed"] = False
    cell.run(0.1)
    if cell.monitor.state is not SafetyState.STANDBY:
        assert cell.ask(SetReady(False)).accepted
    cell.plan = cell.shown_plan = plan
    cell.executed, cell.loaded_until, cell.selected, cell.emissions = 0, 0, "", []
    cell.run(0.1)


def arm_again(cell: Cell) -> None:
    assert cell.approve().accepted
    assert cell.ask(SetReady(True)).accepted
    cell.run(2.1)
    assert cell.ask(RequestToken(Token.EMISSION, 0)).accepted
    cell.select(0)
    cell.lines["footswitch_pressed"] = True


def all_shots(cell: Cell, seconds: float, shots: list[tuple[float, np.ndarray, float]]) -> None:
    """Let time pass and note where every shot of it went."""
    before = len(cell.emissions)
    cell.run(seconds)
    shots += [
        (t, cell.plan.positions_m[i], cell.plan.energy_uj[i] * 1e-6) for t, i in cell.emissions[before:]
    ]


def reseeded(plan: TreatmentPlan) -> TreatmentPlan:
    return replace(plan, header={**plan.header, "seed": int(plan.header["seed"]) + 1})


def shifted(plan: TreatmentPlan) -> TreatmentPlan:
    """Every spot half a grid cell of the meter aside, and so far that most discs are others."""
    return replace(plan, position_nm=plan.position_nm + np.array([750_000, 300_000, 0], np.int32))


@pytest.mark.parametrize("another", [reseeded, shifted], ids=["another seed", "shifted spots"])
def test_the_same_skin_under_another_plan_is_within_the_same_limit(another) -> None:  # type: ignore[no-untyped-def]
    cell = Cell(SafetyConfig(heat_limit_j_cm2=LIMIT, aim_miss_m=0.01)).to_firing()
    shots: list[tuple[float, np.ndarray, float]] = [
        (t, cell.plan.positions_m[i], cell.plan.energy_uj[i] * 1e-6) for t, i in cell.emissions
    ]
    all_shots(cell, 0.5, shots)
    assert cell.out is not None and cell.out.withheld == ("heat-limit",) and len(shots) > 30
    take_over(cell, another(cell.plan))
    arm_again(cell)
    all_shots(cell, 12.0, shots)
    assert len(shots) > 60, "it goes on when the window has passed"
    assert most_in_a_window(shots) <= LIMIT + 1e-9


def test_two_half_plans_are_one_whole_for_the_limit() -> None:
    whole = make_plan()

    def half(odd: int) -> TreatmentPlan:
        rows = np.flatnonzero(np.arange(len(whole)) % 2 == odd)
        arrays = ("position_nm", "normal_e9", "energy_uj", "pulse_us", "depth_um", "not_before_us",
                  "station", "pass_index")  # fmt: skip
        parts = {name: getattr(whole, name)[rows] for name in arrays}
        return replace(whole, header={**whole.header, "seed": odd}, **parts)

    cell = Cell(SafetyConfig(heat_limit_j_cm2=LIMIT), half(0)).to_firing()
    shots = [(t, cell.plan.positions_m[i], cell.plan.energy_uj[i] * 1e-6) for t, i in cell.emissions]
    all_shots(cell, 0.5, shots)
    assert len(shots) == 50, "a half is below the limit"
    take_over(cell, half(1))
    arm_again(cell)
    all_shots(cell, 1.0, shots)
    assert cell.out is not None and cell.out.withheld == ("heat-limit",)
    all_shots(cell, 12.0, shots)
    assert len(shots) == 100 and most_in_a_window(shots) <= LIMIT + 1e-9


def test_a_run_that_a_fault_ended_still_counts() -> None:
    cell = Cell(SafetyConfig(heat_limit_j_cm2=LIMIT)).to_firing()
    shots = [(t, cell.plan.positions_m[i], cell.plan.energy_uj[i] * 1e-6) for t, i in cell.emissions]
    all_shots(cell, 0.5, shots)
    cell.lines["emergency_stop_closed"] = False
    cell.run(0.05)
    cell.lines["emergency_stop_closed"] = True
    cell.lines["footswitch_pressed"] = False
    cell.run(0.1)
    assert cell.ask(Reset()).accepted
    take_over(cell, reseeded(cell.plan))
    arm_again(cell)
    all_shots(cell, 12.0, shots)
    assert most_in_a_window(shots) <= LIMIT + 1e-9


def test_spots_counted_by_the_index_alone_are_charged() -> None:
    """Their reports are lost: for half a second the executed index is all that tells of them."""
    cell = Cell(SafetyConfig(heat_limit_j_cm2=LIMIT, fired_disagree_s=30.0))
    cell.mute_shots = True
    cell.to_firing()
    cell.run(0.6)
    assert cell.executed < 70 and cell.out is not None and cell.out.withheld == ("heat-limit",)


def test_what_the_device_fired_of_a_plan_nobody_approved_counts_too() -> None:
    """A whole disc's worth is told of a plan that the monitor never saw: it may lie anywhere."""
    cell = Cell(SafetyConfig(heat_limit_j_cm2=LIMIT)).to_standby()
    cell.run(1.5)
    cell.new_fired.append(FiredBatch("ee" * 32, 77, np.arange(60), np.full(60, 16_000)))
    assert cell.step().cause == "fired-outside-credit"
    assert cell.ask(Reset()).accepted
    cell.run(0.1)
    arm_again(cell)
    cell.run(1.0)
    assert cell.executed <= 5 and cell.out is not None and cell.out.withheld == ("heat-limit",)
    cell.run(12.0)
    assert cell.executed > 40


def treat(cell: Cell) -> None:
    arm_again(cell)
    cell.run(1.0)
    assert cell.executed == 100, cell.out


def test_a_third_pass_over_the_same_skin_is_refused_whatever_its_seed() -> None:
    """Two passes are the envelope's limit for a plan, and so for the skin."""
    plan = with_energy(make_plan(stations=1), 15.0)
    cell = Cell(plan=plan).to_standby()
    treat(cell)
    take_over(cell, reseeded(plan))
    treat(cell)
    third = reseeded(reseeded(plan))
    take_over(cell, third)
    reply = cell.approve()
    assert not reply.accepted and reply.code == "session-passes-over-limit", reply
    assert "3.0 passes, limit 2" in reply.text and "cm2" in reply.text
    take_over(cell, replace(third, position_nm=third.position_nm + np.array([0, 30_000_000, 0], np.int32)))
    reply = cell.approve()
    assert reply.code in ("outside-field", "out-of-focus"), f"elsewhere it is judged by itself: {reply}"


def test_a_plan_of_which_all_was_fired_is_not_approved_again() -> None:
    cell = Cell(plan=make_plan(stations=1)).to_standby()
    treat(cell)
    cell.lines["footswitch_pressed"] = False
    cell.run(0.1)
    assert cell.ask(SetReady(False)).accepted
    reply = cell.approve()
    assert not reply.accepted and reply.code == "fired-before" and "none remains" in reply.text
