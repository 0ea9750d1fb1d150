"""Every fault of the catalogue on a whole treatment: harm by ground truth with its guard, and without.

What has no guard yet must show its harm too, or the list in docs/faults.md would be invented.
"""

from __future__ import annotations

import numpy as np
import pytest
from fault_recipes import RECIPES, Recipe, perform
from fault_rig import Captured, Run, play

from openmtz.safety import INTERLOCK_LINES, SafetyConfig
from openmtz.simulation.faults import FAULTS
from openmtz.simulation.truth.harms import LIMITS
from openmtz.simulation.truth.truth_report import against_plan


def of_kind(kind: str) -> list[str]:
    return [name for name, fault in FAULTS.items() if fault.kind == kind]


def assert_only_what_is_left(name: str, run: Run) -> None:
    """No harm but what is emitted before any guard can act, and no more of it than stated."""
    left = FAULTS[name].left
    counts = {harm: one.count for harm, one in run.harms.items()}
    beyond = {harm: count for harm, count in counts.items() if count > left.get(harm, 0)}
    assert not beyond, f"{name}: {beyond}, stated {dict(left)}"


LAYERED = (
    *(line.fault for line in INTERLOCK_LINES if line.to_head), "wrong_power", "records_changed", "arm_creeps",
    "encoder_offset", "permit_replayed", "corrupt_bytes",
)  # fmt: skip
"""Guarded in several ways, each of which suffices."""
LAYERS = [(name, at) for name in LAYERED for at in range(len(RECIPES[name].guards))]
SOFTWARE_S = 0.1
"""Where the wire is cut, software ends emission: within the time for a lost heartbeat [M]."""
MORE = {"over-energy": 30, "too-deep": 30, "emission-while-moving": 60}
"""Shots until the slower layer acts: reports come every 25 ms, ten shots; see `left` for the faster."""


def assert_ended_as_stated(name: str, run: Run) -> None:
    fault = FAULTS[name]
    assert run.result.outcome == fault.outcome, run.result.reason
    causes = fault.cause.split(" or ")
    assert any(run.said(cause) for cause in causes), f"{name}: nothing names {causes}: {run.result.reason}"


def test_without_a_fault_every_spot_is_delivered_and_nobody_harmed(known: Captured) -> None:
    run = play(known)
    assert run.result.outcome == "done" and not run.harms
    assert run.shots() == len(known.plan) > 400
    assert len(known.plan.groups()) >= 2
    assert run.result.verification is not None and run.result.verification.ok


def test_a_capture_of_its_own_harms_nobody(known: Captured) -> None:
    run = play(known, scan=True)
    assert run.result.outcome == "done" and not run.harms and run.shots() > 200


@pytest.mark.parametrize("name", of_kind("guarded"))
def test_with_its_guard_a_fault_does_no_harm(known: Captured, name: str) -> None:
    run = perform(known, name, guarded=True)
    assert_only_what_is_left(name, run)
    assert_ended_as_stated(name, run)


@pytest.mark.parametrize("name", of_kind("guarded"))
def test_without_its_guard_truth_shows_the_harm(known: Captured, name: str) -> None:
    run = perform(known, name, guarded=False)
    fault = FAULTS[name]
    assert fault.harm in run.harms, f"{name}: {sorted(run.names)}, {run.result.reason}"
    assert run.harms[fault.harm].count > fault.left.get(fault.harm, 0)


@pytest.mark.parametrize("name", ["arm_creeps", "arm_driven", "joints_lost"])
def test_what_a_moving_arm_still_emits_lands_where_it_should(known: Captured, name: str) -> None:
    run = perform(known, name, guarded=True)
    records, plan = run.result.records, run.result.plan
    assert records is not None and plan is not None and records.shots.arm_speed_m_s is not None
    moving = records.shots.arm_speed_m_s > LIMITS["emission-while-moving"].value
    began = run.result.log.of("fault")[0]["t"]
    assert moving.any() and records.shots.time_s[moving].max() < began + 0.2
    assert np.nanmax(against_plan(records, plan).miss_m) < SafetyConfig().aim_miss_m


@pytest.mark.parametrize(("name", "at"), LAYERS)
def test_with_one_layer_gone_the_others_guard(known: Captured, name: str, at: int) -> None:
    gone = RECIPES[name].guards[at]
    stop_s = FAULTS[name].ends_s and SOFTWARE_S
    run = perform(known, name, guarded=True, guards=(gone,), stop_s=stop_s)
    allowed = {**FAULTS[name].left, **MORE}
    beyond = {harm: one.count for harm, one in run.harms.items() if one.count > allowed.get(harm, 0)}
    assert not beyond, f"{name} without layer {at}: {beyond}"


@pytest.mark.parametrize("name", of_kind("unguarded"))
def test_a_fault_without_guard_shows_its_harm(known: Captured, name: str) -> None:
    run = perform(known, name, guarded=True)
    assert FAULTS[name].harm in run.harms, f"{name}: {sorted(run.names)}, {run.result.reason}"
    assert_ended_as_stated(name, run)


@pytest.mark.parametrize("name", of_kind("availability"))
def test_a_fault_that_can_do_no_harm_does_none_and_is_named(known: Captured, name: str) -> None:
    run = perform(known, name, guarded=True)
    assert_only_what_is_left(name, run)
    assert_ended_as_stated(name, run)
    if FAULTS[name].outcome == "done":
        assert run.result.verification is not None and run.result.verification.ok


def test_the_campaign_covers_the_catalogue() -> None:
    assert set(RECIPES) <= set(FAULTS)
    assert len(of_kind("guarded")) >= 30
    for name, fault in FAULTS.items():
        guards = RECIPES.get(name, Recipe()).guards
        assert bool(guards) == (fault.kind == "guarded"), name
        assert not fault.harm or fault.harm in LIMITS, name
        assert set(fault.left) <= set(LIMITS), name
        assert set(fault.together) <= set(FAULTS), name
        assert bool(fault.would_guard) == (fault.kind == "unguarded"), name
        assert fault.outcome in ("done", "stopped", "failed"), name
        assert fault.outcome == "done" or fault.cause, name
